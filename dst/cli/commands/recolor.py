"""`dst recolor`: the colours of one image for another, by the classical methods, without strokes."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from dst.cli.rows import Argument, Command, argument_of, image_output, options_of
from dst.cli.running import check_image, output_name, write_image
from dst.cli.streams import say
from dst.config import RECOLORINGS, RecolorConfig
from dst.config.kinds import File, Switch

HEIGHT = 300
"""Of the images of a sheet, pixels."""


def run(args: Any) -> int:
    """Recolour, or show all methods on one sheet."""
    inputs = [path for path in (args.content, args.style, args.content_mask, args.style_mask) if path]
    check_image(args, *inputs)
    config = RecolorConfig(**options_of(args, RecolorConfig))

    from dst import imaging, runtime
    from dst.imaging.recolor import check_style, mask_of, recolored

    check_style("monge-kantorovich" if args.compare else config.method, args.style, args.style_mask)
    with runtime.computing():
        content = imaging.read(args.content, min_side=1)
        style = imaging.read(args.style, min_side=1) if args.style else None
        masks = mask_of(args.content_mask, content), mask_of(args.style_mask, style)
        if args.compare:
            write_image(args.output, _sheet(content, style, config, masks))
        else:
            made = recolored(content, style, config, *masks)
            write_image(args.output, made.rgb, made.alpha, made.depth)
    if not args.quiet:
        say(f"wrote {output_name(args.output)}")
    return 0


def _sheet(content: Any, style: Any, config: RecolorConfig, masks: tuple[Any, Any]) -> Any:
    """Content and style, and the content by every method under its name: in rows of four."""
    from dst.imaging.recolor import recolored
    from dst.viz.sheets import titled_sheet

    (content, mask), (style, source) = (_small(*given) for given in zip((content, style), masks, strict=True))
    cells = [("content", _pixels(content)), ("style", _pixels(style))]
    for name, row in RECOLORINGS.items():
        painting = (style, mask, source) if row.styled else (None, mask, None)
        made = recolored(content, painting[0], config.replace(method=name), *painting[1:])
        space = config.space or row.space
        cells.append((f"{name}, {space}", _pixels(made)))
    return titled_sheet([cells[:4], cells[4:]], HEIGHT)


def _small(image: Any, mask: Any) -> tuple[Any, Any]:
    """An image and its mask at twice the size that a sheet shows, where they are larger."""
    from dst import imaging

    side = min(2 * HEIGHT, max(image.rgb.shape[-2:]))
    planes = [None if plane is None else imaging.resize(plane, side) for plane in (image.rgb, image.alpha, mask)]
    return replace(image, rgb=planes[0], alpha=planes[1], full=None), planes[2]


def _pixels(image: Any) -> Any:
    from dst import imaging

    return imaging.to_array(image.rgb, image.alpha)


ROW = Command(
    "recolor",
    "the colours of one image for another, without its strokes: the classical methods",
    "CONTENT [STYLE] -o FILE [--method NAME] [--space NAME] [--content-mask FILE] [--style-mask FILE] [--compare]",
    run,
    (
        Argument("content", "the image to recolour, of any size; 16 bits and alpha are kept", File()),
        Argument("style", "the image whose colours it takes; none with --method equalise", File(), optional=True),
        image_output("the recoloured image", required=True),
        *(argument_of(f) for f in sorted(fields(RecolorConfig), key=lambda f: f.name == "regrain")),
        Argument("--content-mask", "white is recoloured, black stays, grey is between; of the content's shape", File()),
        Argument("--style-mask", "white is where colours are taken from; of the style's shape", File()),
        Argument("--compare", "write one sheet of all methods beside content and style instead", Switch(), False),
    ),
    record=False,
    epilog="Its methods, which docs/colour.md shows side by side:",
    surplus="one style is taken; give it after the content, before any flag",
    glossary={name: row.summary for name, row in RECOLORINGS.items()},
)
