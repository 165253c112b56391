"""`dst lab`: Gatys' experiments, one labelled sheet each."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

from dst.cli.rows import CONTENT, STYLE, Argument, Command, argument_of, image_output, options_of
from dst.cli.running import check_image, output_name, spare, stepped, write_image
from dst.cli.streams import STDOUT, say
from dst.config import EXPERIMENTS, InputError, LabConfig
from dst.config.kinds import Choice, File, Folder
from dst.files import EXTENSIONS, all_keys, check_output, csv_text, replacing


def check_outputs(args: Any, names: tuple[str, ...], *inputs: str) -> None:
    """Refuse, before any work, outputs that cannot be written, that are inputs, or that would lie among kept pictures."""
    check_image(args, *inputs)
    for name in names:
        if getattr(args, name):
            check_output(getattr(args, name), (".csv",) if name == "csv" else EXTENSIONS)
            spare(getattr(args, name), args, *inputs)
    for path in (args.output, *(getattr(args, name) for name in names)):
        home = os.path.dirname(os.path.abspath(path)) if path else ""
        if args.keep and path != STDOUT and os.path.realpath(home) == os.path.realpath(args.keep):
            raise InputError(
                f"{path} lies in the folder of --keep, among its pictures: choose another folder for one of them"
            )


def make_sheet(args: Any, label: str, work: Any, plot: Any = None) -> int:
    """Make a sheet by `work(on_step)`, write it, its table and its plot (`plot(rows)` gives the image), and say so.

    Returns:
        The exit code of the signal that stopped it, 0 for none.
    """
    plotted = getattr(args, "plot", None)
    sheet, code = stepped(args, label, lambda on_step: work(lambda _, batches, step: on_step(step, batches)))
    write_image(args.output, sheet.image)
    if args.csv:
        with replacing(args.csv) as temporary:
            temporary.write_text(csv_text(sheet.rows, all_keys(sheet.rows)), encoding="utf-8", newline="")
    if plotted:
        write_image(plotted, plot(sheet.rows))
    if sheet.stopped:
        say(f"note: {sheet.stopped}" + (f"; the same command goes on from {args.keep}" if args.keep else ""))
    if not args.quiet:
        say(f"wrote {', '.join(output_name(name) for name in (args.output, args.csv, plotted) if name)}")
    return code


def run(args: Any) -> int:
    """Make the sheet."""
    check_outputs(args, ("csv",), args.content, args.style, *([args.init] if os.path.exists(args.init) else []))
    options = options_of(args, LabConfig)

    from dst.batch.laboratory import laboratory

    def work(on_step: Any) -> Any:
        return laboratory(args.experiment, args.content, args.style, keep=args.keep, on_step=on_step, **options)

    return make_sheet(args, args.experiment, work)


ROW = Command(
    "lab",
    "show an experiment of Gatys and others: ratio, layers, first guess",
    "EXPERIMENT CONTENT STYLE -o FILE [--csv FILE] [--keep DIR] [options]",
    run,
    (
        Argument("experiment", "what to show: see below", Choice(EXPERIMENTS)),
        CONTENT,
        STYLE,
        image_output("the sheet, or the picture", required=True),
        Argument("--csv", "write what was measured of every picture there", File()),
        Argument("--keep", "folder of finished pictures; after a stop the same command goes on from there", Folder()),
        *map(argument_of, fields(LabConfig)),
    ),
    record=False,
    glossary=EXPERIMENTS,
    epilog="Options that an experiment sets itself are refused. `optimizers` goes by the clock: it is not the same twice, and not kept.\n"
    "Example: dst lab ratio me.jpg painting.jpg -o ratio.png --size 200 --keep kept/\n"
    "Source: Gatys, Ecker and Bethge, Image style transfer using convolutional neural networks, CVPR 2016.",
)
