"""`dst lab`: Gatys' experiments, one labelled sheet each."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import fields
from typing import Any

from dst.cli.progress import Interrupt, Overall
from dst.cli.rows import CONTENT, STYLE, Argument, Command, argument_of, image_output
from dst.cli.running import check_image, output_name, spare, write_image
from dst.cli.streams import STDOUT, say
from dst.config import EXPERIMENTS, InputError, LabConfig, counted
from dst.config.kinds import Choice, File, Folder
from dst.files import EXTENSIONS, check_output, replacing


def given_options(args: Any, kind: Any) -> dict[str, Any]:
    """The options of a config among the parsed arguments."""
    arguments = {argument_of(f).attribute: f.name for f in fields(kind)}
    return {name: getattr(args, attribute) for attribute, name in arguments.items()}


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


def write_csv(path: str, rows: list[dict[str, Any]]) -> None:
    """Rows as a table whose columns are all their keys."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


def run(args: Any) -> int:
    """Make the sheet."""
    check_outputs(args, ("csv",), args.content, args.style, *([args.init] if os.path.exists(args.init) else []))
    options = given_options(args, LabConfig)

    from dst.batch.laboratory import laboratory

    bars = Overall(args.quiet, 1, args.experiment)
    with Interrupt() as interrupt:

        def on_step(batch: int, batches: int, step: Any) -> bool:
            bars.count = batches
            bars.on_step(step)
            if step.done == step.total_steps:
                bars.on_run(f"{counted(step.done, 'step')} at up to {max(step.size)} pixels")
            return interrupt.asked

        sheet = laboratory(args.experiment, args.content, args.style, keep=args.keep, on_step=on_step, **options)
    bars.close()
    write_image(args.output, sheet.image)
    if args.csv:
        write_csv(args.csv, sheet.rows)
    if sheet.stopped:
        say(f"note: {sheet.stopped}" + (f"; the same command goes on from {args.keep}" if args.keep else ""))
    if not args.quiet:
        say(f"wrote {', '.join(output_name(name) for name in (args.output, args.csv) if name)}")
    return interrupt.code


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
