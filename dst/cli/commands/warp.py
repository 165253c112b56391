"""`dst warp`: any image by a run's warp, or straight from points."""

from __future__ import annotations

from typing import Any

from dst.cli.rows import Argument, Command, argument_of, image_output
from dst.cli.running import check_image, output_name, write_image
from dst.cli.streams import say
from dst.config import InputError, option_fields
from dst.config.kinds import File, Folder

STRENGTH = argument_of(option_fields()["warp_strength"], name="--strength", group="")


def run(args: Any) -> int:
    """Warp one image."""
    if (args.run is None) == (args.points is None):
        raise InputError("give --run DIR or --points FILE to warp by: one of the two")
    check_image(args, args.image)

    from dst.deform.stages import warp_image
    from dst.runs.record import read_record

    if args.run and read_record(args.run).get("warp", {}).get("points") == 0:
        say("note: that run warped nothing, so the image stays as it is")
    warped, factor = warp_image(args.image, run=args.run, points=args.points, strength=args.strength)
    write_image(args.output, warped.rgb, warped.alpha, warped.depth)
    if factor < 0.995:
        say(f"the warp was reduced to {factor:.0%} so that nothing folds")
    if not args.quiet:
        say(f"wrote {output_name(args.output)} ({warped.size[0]} x {warped.size[1]} pixels)")
    return 0


ROW = Command(
    "warp",
    "warp any image by a finished run's warp, or straight from points",
    "IMAGE -o FILE (--run DIR | --points FILE) [--strength X]",
    run,
    (
        Argument("image", "the image to warp, of any size; 16 bits and alpha are kept", File()),
        image_output("the warped image", required=True),
        Argument("--run", "the folder of the run whose warp it is", Folder()),
        Argument("--points", "warp by these matches: a points.csv", File()),
        STRENGTH,
    ),
    record=False,
)
