"""`dst demo`: the main job on the sample pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dst.cli.rows import FIT, Argument, Command, output
from dst.cli.running import make
from dst.config.kinds import Choice, Folder

SAMPLES = ("oval", "ink", "facets")
"""Names of the style images that come with the toolkit; the first is the demo's."""


def run(args: Any) -> int:
    """Stylise the sample photograph into a folder; the demo's own earlier run there is replaced."""
    from dst.imaging.samples import demo_pair, sample_styles
    from dst.runs.record import read_record

    args.run, args.output, args.points, args.warp, args.animate, args.morph = args.output, None, None, True, None, None
    args.force = (Path(args.run) / "run.json").exists() and bool(read_record(args.run).get("demo"))
    style = {path.stem: path for path in sample_styles()}[args.style]
    return make(args, demo_pair()[0], style, notes={"demo": True})


ROW = Command(
    "demo",
    "run the main job on the sample pair that comes with the toolkit",
    "[-o DIR] [--style NAME] [options]",
    run,
    (
        output("folder of the run", Folder(), default="demo"),
        Argument("--style", "which of the drawn portraits to take after", Choice(SAMPLES), SAMPLES[0]),
        FIT,
    ),
    options=None,
    preset=True,
)
