"""`dst variants`: looks by strengths of the warp on one sheet, and the commands that paint them large."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import fields
from typing import Any

from dst.cli.progress import Interrupt, Overall
from dst.cli.rows import CONFIG, CONTENT, MORE_STYLES, POINTS, STYLE, Command, argument_of, image_output
from dst.cli.running import check_image, output_name, run_options, style_of, write_image
from dst.cli.streams import STDOUT, put, say
from dst.cli.typed import command, flags
from dst.config import LOOKS, RUN_KINDS, STRENGTHS, VARIED, VariantsConfig, option_fields, split_options

TOLD_APART_BY = ("look", "warp_strength")
"""Options that stand beneath an image and in the name of its file."""
ORDER = f"looks {', '.join(LOOKS)} from left to right, warp strengths {', '.join(f'{k:g}' for k in STRENGTHS)} from top to bottom"


def run(args: Any) -> int:
    """Make the sheet, and print its commands."""
    styles, looks = [args.style, *(args.styles or ())], list(LOOKS)
    check_image(args, args.content, *styles)

    from dst.batch.variants import variants

    args.warp = True
    options = run_options(args)
    told = _told(options)
    overall = Overall(args.quiet, len(looks), "variants")
    with Interrupt("after this look") as interrupt:

        def on_look(index: int, count: int, result: Any) -> bool:
            overall.on_run(f"look {looks[index]}")
            if result.record["stopped"]:
                say(f"note: look {looks[index]}: {result.record['stopped']}")
            return interrupt.asked

        common = shlex.join(command(args.content, styles, "large.png", told))
        sheet, choices, verdict = variants(
            args.content, style_of(args), on_look=on_look, caption=_caption, side=args.cell,
            foot=f"To paint one large, add the words beneath it to: {common}", **options,
        )  # fmt: skip
    overall.close()
    write_image(args.output, sheet)
    own = [{name: choice[name] for name in TOLD_APART_BY if name in choice} for choice in choices]
    commands = [command(args.content, styles, _name(args.output, values), {**told, **values}) for values in own]
    if not args.quiet or "warp_strength" not in own[0]:
        say(verdict)
    if not args.quiet:
        say(f"wrote {output_name(args.output)} ({sheet.shape[1]} x {sheet.shape[0]} pixels)")
    _tell(args, own, commands, verdict)
    return interrupt.code


def _told(options: dict[str, Any]) -> dict[str, Any]:
    """The options that the commands share: of those given and those of a file, the ones that change something."""
    config, _ = split_options({**options, "look": next(iter(LOOKS))})
    found = config.unlike_preset(options["preset"])
    return {name: options[name] for name in options if name in RUN_KINDS or name in found}


def _caption(choice: dict[str, Any]) -> str:
    return " ".join("\u00a0".join(flags(name, choice[name])) for name in TOLD_APART_BY if name in choice)


def _name(output: str, values: dict[str, Any]) -> str:
    """The file that a command writes, beside the sheet: `sheet-photo-0.5.png`."""
    stem, ending = os.path.splitext("variant.png" if output == STDOUT else output)
    return "-".join([stem, *map(str, values.values())]) + ending


def _tell(args: Any, own: list[dict[str, Any]], commands: list[list[str]], verdict: str) -> None:
    """Print the commands on standard output; where the sheet is there, they are told on standard error."""
    lines = list(map(shlex.join, commands))
    if args.json:
        rows = [{**values, "command": line} for values, line in zip(own, lines, strict=True)]
        put(json.dumps({"verdict": verdict, "variants": rows}, indent=1) + "\n")
    elif args.output != STDOUT:
        put(os.fsencode("\n".join(lines) + "\n"))  # a file's name need not be valid Unicode
    elif not args.quiet:
        for line in lines:
            say(line)


ROW = Command(
    "variants",
    "show looks by warp strengths on one sheet, and commands that paint them large",
    "CONTENT STYLE -o FILE [--cell N] [options]",
    run,
    (
        CONTENT,
        STYLE,
        image_output("the sheet, one image", required=True, group="variants"),
        *map(argument_of, fields(VariantsConfig)),
        MORE_STYLES,
        POINTS,
        *CONFIG,
    ),
    options=tuple(name for name in option_fields() if name not in VARIED),
    refused=VARIED,
    preset=True,
    epilog=f"The sheet: {ORDER}.\n"
    "The commands are printed in the same order, left to right and top to bottom, one a line; options given here\n"
    "stand in them, and --size is the size that they paint at.",
    surplus="several styles are given by --style FILE, once for each further one",
)
