"""`dst demo`: the main job on the sample pair."""

from __future__ import annotations

import os
from typing import Any

from dst.cli.rows import CONFIG, FIT, Argument, Command, output
from dst.cli.running import make
from dst.config import SAMPLES, InputError
from dst.config.kinds import Choice, Folder, Switch


def run(args: Any) -> int:
    """Stylise the sample photograph into a folder."""
    from dst.imaging.samples import demo_pair, sample_styles

    args.run, args.output, args.points, args.warp, args.animate, args.morph = args.output, None, None, True, None, None
    if args.force and _is_another(args.run):
        raise InputError(
            f"{args.run} holds a run that is not the demo's, or a damaged one: choose another folder with -o"
        )
    style = {path.stem: path for path in sample_styles()}[args.style]
    return make(args, demo_pair()[0], style, notes={"demo": True})


def _is_another(folder: str) -> bool:
    """Whether a folder holds a run, finished or not, that the demo did not make, or one that cannot be read."""
    from dst.runs import checkpoint
    from dst.runs.record import read_record

    try:
        if os.path.lexists(os.path.join(folder, "run.json")):
            found = read_record(folder)
        elif checkpoint.is_kept(folder):
            found = checkpoint.read(folder).job.notes
        else:
            return False
    except InputError:
        return True
    return found.get("demo") is not True


ROW = Command(
    "demo",
    "run the main job on the sample pair that comes with the toolkit",
    "[-o DIR] [--force] [--style NAME] [options]",
    run,
    (
        output("folder of the run", Folder(), default="demo"),
        Argument("--force", "replace the demo's earlier run that DIR holds", Switch(), False),
        Argument("--style", "which of the drawn portraits to take after", Choice(SAMPLES), SAMPLES[0]),
        FIT,
        *CONFIG,
    ),
    options=None,
    preset=True,
)
