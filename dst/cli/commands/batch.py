"""`dst batch`: many pairs from a table, or many images in one style."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dst.cli.parsing import as_flags
from dst.cli.progress import Interrupt, Overall
from dst.cli.rows import CONFIG, NO_WARP, Argument, Command, output
from dst.cli.running import run_options
from dst.cli.streams import put, say
from dst.config import InputError
from dst.config.kinds import File, Folder, Switch

ROADS = "give one table of pairs, or images side by side and their style by --style FILE"


def run(args: Any) -> int:
    """Make, finish or keep a run for each pair."""
    from dst.batch.pairs import in_style, read_pairs

    if args.style:
        pairs = in_style(args.pairs, args.style if len(args.style) > 1 else args.style[0])
    elif len(args.pairs) == 1:
        pairs = read_pairs(args.pairs[0])
    else:
        raise InputError(f"{len(args.pairs)} files are given, but no style: {ROADS}")

    from dst.batch.local import REPORT, run_batch

    overall = Overall(args.quiet, len(pairs), "batch")
    with Interrupt() as interrupt:

        def on_step(step: Any) -> bool:
            overall.on_step(step)
            return interrupt.asked

        def on_pair(index: int, count: int, row: dict[str, Any]) -> bool:
            overall.on_run(f"{row['name']} {row['state']}")
            return interrupt.asked

        report = run_batch(
            pairs, args.output, resume=args.resume, on_pair=on_pair, on_step=on_step, **run_options(args)
        )
    overall.close()
    if args.json:
        put(json.dumps({"pairs": report}, indent=1) + "\n")
    for row in report:
        if row["state"] == "failed":
            say(f"error: {row['name']}: {as_flags(row['message'])}")
    states = [row["state"] for row in report]
    if not args.quiet:
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        say(f"{counts}; wrote {Path(args.output) / REPORT}")
    return interrupt.code or int(bool({"failed", "stopped"} & set(states)))


ROW = Command(
    "batch",
    "stylise many pairs from a table, or many images in one style, with a report",
    "(PAIRS | --style FILE IMAGE [IMAGE ...]) -o DIR [--no-resume] [options]",
    run,
    (
        Argument(
            "pairs",
            "CSV file: header content,style and perhaps name and any option, a pair a row; or images, with --style",
            File(),
            many=True,
        ),
        Argument("--style", "the painting for every image; once for each of several to mix", File(), many=True),
        output("folder that holds a run for each pair, and report.csv", Folder(), required=True),
        Argument(
            "--no-resume", "make every run again; finished ones are kept otherwise", Switch(), True, dest="resume"
        ),
        NO_WARP,
        *CONFIG,
    ),
    options=None,
    preset=True,
    surplus=ROADS,
)
