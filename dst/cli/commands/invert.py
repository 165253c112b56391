"""`dst invert`: an image found again from what a layer keeps of it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dst.cli.commands.lab import check_outputs, given_options, write_csv
from dst.cli.progress import Interrupt, Overall
from dst.cli.rows import Argument, Command, argument_of, image_output
from dst.cli.running import output_name, write_image
from dst.cli.streams import say
from dst.config import MOST_PICTURES, InputError, InvertConfig, counted
from dst.config.kinds import File, Folder, Switch


def run(args: Any) -> int:
    """Make the sheet."""
    check_outputs(args, ("csv", "plot"), args.image)
    options = given_options(args, InvertConfig)
    count = len(options["layers"]) * (options["seeds"] + options["gram"])
    if count > MOST_PICTURES and not args.yes:
        raise InputError(
            f"the sheet has {count} pictures, more than {MOST_PICTURES}: give --yes, or fewer layers or seeds"
        )

    from dst.batch.inversion import error_plot, invert

    bars = Overall(args.quiet, 1, "inversion")
    with Interrupt() as interrupt:

        def on_step(batch: int, batches: int, step: Any) -> bool:
            bars.count = batches
            bars.on_step(step)
            if step.done == step.total_steps:
                bars.on_run(f"{counted(step.done, 'step')} at up to {max(step.size)} pixels")
            return interrupt.asked

        sheet = invert(args.image, keep=args.keep, on_step=on_step, **options)
    bars.close()
    write_image(args.output, sheet.image)
    if args.csv:
        write_csv(args.csv, sheet.rows)
    if args.plot:
        write_image(args.plot, error_plot(sheet.rows))
    if sheet.stopped:
        say(f"note: {sheet.stopped}" + (f"; the same command goes on from {args.keep}" if args.keep else ""))
    if not args.quiet:
        say(f"wrote {', '.join(output_name(name) for name in (args.output, args.csv, args.plot) if name)}")
    return interrupt.code


ROW = Command(
    "invert",
    "find an image again from what each layer of the network keeps of it",
    "IMAGE -o FILE [--layers NAME+NAME] [--csv FILE] [--keep DIR] [options]",
    run,
    (
        Argument("image", "the image", File()),
        image_output("the sheet", required=True),
        Argument("--csv", "write how far every picture's features are from the image's", File()),
        Argument("--plot", "draw that error by depth, an image", File()),
        Argument("--keep", "folder of finished pictures; after a stop the same command goes on from there", Folder()),
        Argument("--yes", f"make a sheet of more than {MOST_PICTURES} pictures", Switch(), False),
        *map(argument_of, fields(InvertConfig)),
    ),
    record=False,
    epilog="Source: Mahendran and Vedaldi, Understanding deep image representations by inverting them, CVPR 2015.",
)
