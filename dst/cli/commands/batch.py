"""`dst batch`: many pairs from a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dst.cli.progress import Interrupt, Overall, say
from dst.cli.rows import NO_WARP, Argument, Command, output
from dst.cli.running import run_options
from dst.config.kinds import Switch


def run(args: Any) -> int:
    """Make, finish or keep a run for each pair."""
    from dst.batch.local import REPORT, run_batch
    from dst.batch.pairs import read_pairs

    overall = Overall(args.quiet, len(read_pairs(args.pairs)), "batch")
    with Interrupt() as interrupt:

        def on_step(step: Any) -> bool:
            overall.on_step(step)
            return interrupt.asked

        def on_pair(index: int, count: int, row: dict[str, Any]) -> bool:
            overall.on_run(f"{row['name']} {row['state']}")
            return interrupt.asked

        report = run_batch(
            args.pairs, args.output, resume=args.resume, on_pair=on_pair, on_step=on_step, **run_options(args)
        )
    overall.close()
    if args.json:
        print(json.dumps({"pairs": report}, indent=1))
    for row in report:
        if row["state"] == "failed":
            say(f"error: {row['name']}: {row['message']}")
    states = [row["state"] for row in report]
    if not args.quiet:
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        say(f"{counts}; wrote {Path(args.output) / REPORT}")
    return interrupt.code or int(bool({"failed", "stopped"} & set(states)))


ROW = Command(
    "batch",
    "stylise many pairs from a table, with a report of failures",
    "PAIRS -o DIR [--no-resume] [options]",
    run,
    (
        Argument("pairs", "CSV file: header content,style and perhaps name and any option, a pair a row"),
        output("folder that holds a run for each pair, and report.csv", "DIR", required=True),
        Argument(
            "--no-resume", "make every run again; finished ones are kept otherwise", Switch(), True, dest="resume"
        ),
        NO_WARP,
    ),
    options=None,
    preset=True,
)
