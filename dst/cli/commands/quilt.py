"""`dst quilt`: a texture from blocks of a sample, or a picture made of them."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

from dst.cli.progress import Overall
from dst.cli.rows import Argument, Command, argument_of, image_output, options_of
from dst.cli.running import check_image, output_name, spare, write_image
from dst.cli.streams import say
from dst.config import QuiltConfig
from dst.config.kinds import File
from dst.files import check_output


def run(args: Any) -> int:
    """Lay the quilt, and draw its cuts."""
    inputs = [path for path in (args.sample, args.onto) if path]
    check_image(args, *inputs)
    if args.cuts:
        check_output(args.cuts)
        spare(args.cuts, args, *inputs)
    config = QuiltConfig(**options_of(args, QuiltConfig))

    from dst import imaging, runtime
    from dst.patches.quilting import quilted

    with runtime.computing(1):
        sample = imaging.read(args.sample)
        target = imaging.read(args.onto) if args.onto else None
        bar = Overall(args.quiet, 1, "quilt")

        def on_row(done: int, rows: int) -> None:
            bar.on_step(SimpleNamespace(done=done, total_steps=rows))

        made = quilted(sample, target, config, on_row)
        bar.close()
        write_image(args.output, made.image.rgb, made.image.alpha, made.image.depth)
        if args.cuts:
            from dst.viz.patches import cuts

            write_image(args.cuts, cuts(made))
    if not args.quiet:
        written = ", ".join(output_name(name) for name in (args.output, args.cuts) if name)
        say(f"wrote {written} ({made.image.size[0]} x {made.image.size[1]} pixels)")
    return 0


ROW = Command(
    "quilt",
    "a texture of any size from blocks of a sample, or a picture made of them",
    "SAMPLE -o FILE [--size WxH] [--block N] [--onto PICTURE [--by NAME+NAME] [--passes N]] [--cuts FILE] [options]",
    run,
    (
        Argument("sample", "the sample, an image; 16 bits and alpha are kept", File()),
        image_output("the quilt", required=True),
        Argument("--onto", "a picture that is made of the sample's blocks", File(), group="picture"),
        Argument("--cuts", "also draw where blocks were cut, and where each comes from", File(), group="picture"),
        *map(argument_of, fields(QuiltConfig)),
    ),
    record=False,
    epilog="With --onto and --size the picture is cut to that size, about its middle.\nSource: Efros and Freeman, Image quilting for texture synthesis and transfer, SIGGRAPH 2001.",
    surplus="one sample is taken; a picture to lay it onto is given by --onto",
)
