"""`dst invert`: an image found again from what a layer keeps of it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dst.cli.commands.lab import check_outputs, make_sheet
from dst.cli.rows import Argument, Command, argument_of, image_output, options_of
from dst.config import MOST_PICTURES, InputError, InvertConfig
from dst.config.kinds import File, Folder, Switch


def run(args: Any) -> int:
    """Make the sheet."""
    check_outputs(args, ("csv", "plot"), args.image)
    options = options_of(args, InvertConfig)
    count = len(options["layers"]) * (options["seeds"] + options["gram"])
    if count > MOST_PICTURES and not args.yes:
        raise InputError(
            f"the sheet has {count} pictures, more than {MOST_PICTURES}: give --yes, or fewer layers or seeds"
        )

    from dst.batch.inversion import error_plot, invert

    def work(on_step: Any) -> Any:
        return invert(args.image, keep=args.keep, on_step=on_step, **options)

    return make_sheet(args, "inversion", work, error_plot)


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
