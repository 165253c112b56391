"""`dst stylize`: a photograph in a painting's shapes and strokes."""

from __future__ import annotations

from typing import Any

from dst.cli.rows import CONFIG, CONTENT, FIT, MORE_STYLES, NO_WARP, POINTS, STYLE, Argument, Command, image_output
from dst.cli.running import check_image, make, spare, style_of
from dst.config import ANIMATIONS, InputError
from dst.config.kinds import File, Folder, Switch
from dst.files import check_animation

OUT = "output (one of -o and --run at least)"
ENDS = " or ".join(ANIMATIONS)


def run(args: Any) -> int:
    """Refuse what cannot be written, then make the run."""
    animations = [path for path in (args.animate, args.morph) if path]
    if not (args.output or args.run or animations):
        raise InputError("nothing would be kept: say where to write with -o out.png, --run DIR or both")
    images = (args.content, args.style, *(args.styles or ()))
    if args.output:
        check_image(args, *images)
    for path in animations:
        check_animation(path)
        spare(path, args, *images)
    return make(args, args.content, style_of(args))


ROW = Command(
    "stylize",
    "warp a photograph towards a painting's shapes and paint it in its strokes",
    "CONTENT STYLE -o FILE [--run DIR] [options]",
    run,
    (
        CONTENT,
        STYLE,
        image_output("the image; .png, .jpg, .tif, .webp or .bmp", group=OUT),
        Argument("--run", "the whole run: images, points, warp, losses, record", Folder(), group=OUT),
        Argument("--force", "replace the run that DIR holds", Switch(), False, group=OUT),
        Argument("--animate", f"the run step by step as an animation; {ENDS}", File(), group=OUT),
        Argument("--morph", f"an animation from the photograph to the result; {ENDS}", File(), group=OUT),
        FIT,
        MORE_STYLES,
        NO_WARP,
        POINTS,
        *CONFIG,
    ),
    options=None,
    preset=True,
    surplus="several styles for one photograph are given by --style FILE, once for each further one; many photographs are "
    "painted in one style by `dst batch --style FILE IMAGE ... -o DIR`",
)
