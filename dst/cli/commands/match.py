"""`dst match`: the points that two images share."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from dst.cli.progress import Progress
from dst.cli.rows import CONFIG, Argument, Command, image_output
from dst.cli.running import check_image, output_name, write_image
from dst.cli.streams import put, say
from dst.config import InputError, MatchConfig, StylizeConfig
from dst.config.kinds import File
from dst.files import check_output

OUT = "output (one of them, or --json, at least)"
SIDE = 768
"""Long side of each image in the drawing, pixels, where it is larger."""


def run(args: Any) -> int:
    """Match, draw, save and print."""
    if not (args.output or args.save_points or args.json):
        raise InputError(
            "nothing would be kept: say where to write with -o matches.png, --save-points points.csv or --json"
        )
    if args.output:
        check_image(args, args.content, args.style)
    if args.save_points:
        check_output(args.save_points, (".csv", ".json"))

    from dst import imaging
    from dst.deform.matching import draw_matches
    from dst.deform.stages import matched

    progress = Progress(args.quiet)
    progress.on_stage("read", "start")
    # read at a reduced size, an image has twice what is asked for at least: enough to be drawn
    side = max(SIDE // 2, StylizeConfig.from_options(**args.options).match.match_size)
    content, style = (imaging.read(path, side=side) for path in (args.content, args.style))
    progress.on_stage("read", "end")
    progress.on_stage("match", "start")
    matches, usable, verdict = matched(content, style, **args.options)
    progress.on_stage("match", "end")
    if args.save_points:
        json_asked = Path(args.save_points).suffix.lower() == ".json"
        (matches.to_json if json_asked else matches.to_csv)(args.save_points)
    if args.output:
        write_image(args.output, draw_matches(matches, content.rgb, style.rgb, SIDE))
    if args.json:
        put(json.dumps({"count": len(matches), "verdict": verdict, **matches.as_dict()}, indent=1) + "\n")
    written = [output_name(name) for name in (args.output, args.save_points) if name]
    if written and not args.quiet:
        say(f"wrote {', '.join(written)}")
    if not args.quiet or not usable:
        say(verdict if matches.confidence is None else f"{verdict}; confidence in the pair {matches.confidence:.0%}")
    return 0


ROW = Command(
    "match",
    "find the points that two images share, draw and save them",
    "CONTENT STYLE -o FILE [--save-points FILE] [options]",
    run,
    (
        Argument("content", "the first image", File()),
        Argument("style", "the second image", File()),
        image_output("both images with the matches drawn over them", group=OUT),
        Argument("--save-points", "the points, .csv or .json; `stylize --points` reads them", File(), group=OUT),
        *CONFIG,
    ),
    options=(
        *(f.name for f in dataclasses.fields(MatchConfig)),
        "pins",
        "drop",
        "seed",
        "encoder",
        "weights",
        "device",
    ),
    rename={"match_size": "--size"},
)
