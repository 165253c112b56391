"""`dst demo`: the main job on the sample pair."""

from __future__ import annotations

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
        raise InputError(f"{args.run} holds a run that is not the demo's: choose another folder with -o")
    style = {path.stem: path for path in sample_styles()}[args.style]
    return make(args, demo_pair()[0], style, notes={"demo": True})


def _is_another(folder: str) -> bool:
    """Whether a folder holds a finished run that the demo did not make."""
    from dst.runs.record import read_record

    try:
        return not read_record(folder).get("demo")
    except InputError:  # none, one that was stopped, or a damaged one
        return False


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
