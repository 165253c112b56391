"""`dst grid`: results over the values of one or two options."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dst.cli.parsing import Axis
from dst.cli.progress import Interrupt, Overall
from dst.cli.rows import (
    CONFIG,
    CONTENT,
    MORE_STYLES,
    NO_WARP,
    POINTS,
    STYLE,
    Argument,
    Command,
    argument_of,
    image_output,
)
from dst.cli.running import check_image, output_name, run_options, style_of, write_image
from dst.cli.streams import say
from dst.config import GridConfig, InputError, option_files

AXIS = "an option and its values, such as alpha=2,8,32; also preset=... and warp=yes,no"


def run(args: Any) -> int:
    """Make the grid."""
    axes = [axis for axis in (args.rows, args.columns) if axis is not None]
    varied = [path for name, values in axes for value in values for path in option_files({name: value})]
    check_image(args, args.content, args.style, *(args.styles or ()), *varied)
    if args.columns is not None and args.columns[0] == args.rows[0]:
        raise InputError(f"rows and columns are both {args.rows[0]}: choose two options")

    from dst.batch.grid import grid

    count = len(args.rows[1]) * (1 if args.columns is None else len(args.columns[1]))
    overall = Overall(args.quiet, count, "grid")
    with Interrupt("after this image") as interrupt:

        def on_cell(index: int, count: int, result: Any) -> bool:
            overall.on_run(f"loss {result.history[-1]['total']:.3g}" if result.history else "done")
            return interrupt.asked

        sheet = grid(
            args.content, style_of(args), args.rows, args.columns, on_cell=on_cell, side=args.cell, **run_options(args)
        )
    overall.close()
    write_image(args.output, sheet)
    if not args.quiet:
        say(f"wrote {output_name(args.output)} ({sheet.shape[1]} x {sheet.shape[0]} pixels)")
    return interrupt.code


ROW = Command(
    "grid",
    "render a labelled grid of results over the values of one or two options",
    "CONTENT STYLE -o FILE --rows NAME=V,V [--columns NAME=V,V] [options]",
    run,
    (
        CONTENT,
        STYLE,
        image_output("the grid, one image", required=True, group="grid"),
        Argument("--rows", AXIS, Axis(), required=True, group="grid"),
        Argument("--columns", "the same, from left to right", Axis(), group="grid"),
        *map(argument_of, fields(GridConfig)),
        MORE_STYLES,
        NO_WARP,
        POINTS,
        *CONFIG,
    ),
    options=None,
    preset=True,
    record=False,
    surplus="several styles are given by --style FILE, once for each further one",
)
