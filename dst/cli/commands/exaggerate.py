"""`dst exaggerate`: a face made more itself, with no painting to copy a shape from."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from dst.cli.progress import Progress
from dst.cli.rows import Argument, Command, argument_of, image_output
from dst.cli.running import check_image, output_name, spare, watched, write_image
from dst.cli.streams import say
from dst.config import STRIP, ExaggerateConfig, InputError, StylizeConfig, counted
from dst.config.kinds import File, Switch
from dst.files import check_animation, check_output

HEIGHT = 320
"""Of the images of a strip, pixels."""


def run(args: Any) -> int:
    """Exaggerate, and paint where a style was given."""
    inputs = [path for path in (args.image, args.style) if path]
    check_image(args, *inputs)
    for path, check in ((args.strip, check_output), (args.animate, check_animation)):
        if path:
            check(path)
            spare(path, args, *inputs)
    config = ExaggerateConfig(args.strength, args.feature)
    painting = StylizeConfig.from_options(**args.options)
    if args.options and not args.style:
        raise InputError(f"{next(iter(args.options))} is given, but no --style to paint in: leave out one of the two")
    if args.shapes and not args.style:
        raise InputError(
            "--shapes is given, but no --style to take the shapes of: give --style FILE, or leave out --shapes"
        )

    from dst import imaging, runtime
    from dst.deform.exaggeration import exaggerated_image, faces_of
    from dst.viz.animation import write_animation

    stopped = 0
    with runtime.computing(painting.threads):
        image = imaging.read(args.image)
        if args.shapes:
            image, stopped = _shaped(args, image)
            if stopped:
                return stopped
        found = faces_of(image)
        made = exaggerated_image(image, found, config)
        shown = made.image
        if args.style:
            result, stopped = _painted(args, made.image, painting)
            shown = imaging.read(result.image)
        write_image(args.output, shown.rgb, shown.alpha, shown.depth)
        if args.strip:
            write_image(args.strip, _strip(image, found, config))
        if args.animate:
            write_animation(args.animate, made.frames())
    if made.kept < 0.995:
        say(f"the change was reduced to {made.kept:.0%} so that faces stay whole")
    if not args.quiet:
        written = ", ".join(output_name(name) for name in (args.output, args.strip, args.animate) if name)
        say(f"{counted(len(found), 'face')}; wrote {written}")
    return stopped


def _shaped(args: Any, image: Any) -> tuple[Any, int]:
    """The image in the shapes of the style, not painted; and the exit code of a signal."""
    from dst.deform import pipeline

    options = {**args.options, "style_strength": 0.0}

    def work(progress: Progress, on_step: Any) -> Any:
        return pipeline.stylize(
            image, args.style, on_step=on_step, on_stage=progress.on_stage, metrics=False, **options
        )

    result, stopped = watched(args, image, StylizeConfig.from_options(**options), work)
    return replace(result.warp.apply(image), name=image.name), stopped


def _painted(args: Any, image: Any, config: StylizeConfig) -> tuple[Any, int]:
    """The exaggerated image painted in a style, its shapes left as they are; and the exit code of a signal."""
    from dst.deform import pipeline

    def work(progress: Progress, on_step: Any) -> Any:
        return pipeline.stylize(
            image, args.style, warp=False, on_step=on_step, on_stage=progress.on_stage, metrics=False, **args.options
        )

    return watched(args, image, config, work)


def _strip(image: Any, found: Any, config: ExaggerateConfig) -> Any:
    """The image at the strengths of `STRIP`, each under its number."""
    from dst import imaging
    from dst.deform.exaggeration import exaggerated_image
    from dst.viz.sheets import titled_sheet

    cells = []
    for strength in STRIP:
        shown = exaggerated_image(image, found, config.replace(strength=strength)).image
        cells.append((f"strength {strength:g}", imaging.to_array(imaging.resize(shown.rgb, 2 * HEIGHT))))
    return titled_sheet([cells], HEIGHT)


ROW = Command(
    "exaggerate",
    "make faces more themselves: a caricature, with no painting to copy from",
    "IMAGE -o FILE [--strength X] [--feature PART=X,...] [--strip FILE] [--animate FILE] [--style FILE] [options]",
    run,
    (
        Argument("image", "the photograph, of any size; 16 bits and alpha are kept", File()),
        image_output("the exaggerated image", required=True),
        *map(argument_of, fields(ExaggerateConfig)),
        Argument(
            "--strip", f"the strengths {', '.join(f'{k:g}' for k in STRIP)} beside one another, one image", File()
        ),
        Argument("--animate", "the way there and back, .gif or .mp4", File()),
        Argument("--style", "paint the result in this painting's strokes, its shapes left as they are", File()),
        Argument("--shapes", "take the shapes of the --style too, first, and exaggerate those", Switch(), False),
    ),
    options=("size", "look", "method", "stroke_size", "seed", "threads"),
    record=False,
    epilog="Options of the painting take effect with --style alone.",
)
