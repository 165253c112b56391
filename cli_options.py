"""The commands and what each takes; `cli_flags` makes the flags of the options."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from cli_flags import add_options, argument, axis, number, option_fields, sentence
from dst._version import __version__
from dst.config import PRESET_NAMES, PRESETS, InputError, MatchConfig, check_choice, option, suggest

COMMANDS = {
    "demo": "run the main job on the sample pair that comes with the toolkit",
    "stylize": "bend a photograph towards a painting's shapes and paint it in its strokes",
    "match": "find the points that two pictures share, draw and save them",
    "warp": "bend any picture by a finished run's warp, or straight from points",
    "resume": "go on with a run that was stopped, or take a finished one to a larger size",
    "film": "film a finished run step by step",
    "morph": "film the way from the photograph to a finished run's result",
    "score": "compare runs in a table",
    "grid": "render a labelled grid of results over the values of one or two options",
    "batch": "stylise many pairs from a table, with a report of failures",
}
USAGE = {
    "demo": "[-o DIR] [--style NAME] [options]",
    "stylize": "CONTENT STYLE -o FILE [--run DIR] [options]",
    "match": "CONTENT STYLE -o FILE [--save-points FILE] [options]",
    "warp": "IMAGE -o FILE (--run DIR | --points FILE) [--strength X]",
    "resume": "RUN [--size N] [-o FILE]",
    "film": "RUN -o FILE [--fps X]",
    "morph": "RUN -o FILE [--frames N] [--side N] [--fps X]",
    "score": "RUN [RUN ...]",
    "grid": "CONTENT STYLE -o FILE --rows NAME=V,V [--columns NAME=V,V] [options]",
    "batch": "PAIRS -o DIR [--no-resume] [options]",
}
SAMPLES = ("oval", "ink", "facets")
"""Names of the style pictures that come with the toolkit; the first is the demo's."""
QUIET_RECORD = ("warp", "film", "morph", "grid")
"""Commands without a record to print."""


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print its usage and exit, so that every error takes the same road."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", _help_format)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> None:
        raise InputError(re.sub(r"^argument \S+: (?=--)", "", message))


def _help_format(prog: str) -> argparse.HelpFormatter:
    width = min(130, shutil.get_terminal_size((110, 24)).columns - 2)
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=29, width=width)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line; `options` holds the config fields that were given, by name.

    Raises:
        InputError: it cannot be understood; the message suggests the closest command, flag or choice.
        SystemExit: help or the version was asked for and printed.
    """
    parser, commands = build()
    if not arguments:
        raise InputError(f"no command was given: choose one of {', '.join(commands)}, or try `dst --help`")
    if not arguments[0].startswith("-"):
        check_choice("command", arguments[0], commands)
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        _refuse(unknown, commands.get(args.command, parser), args.command)
    if args.command is None:
        raise InputError(f"no command was given: choose one of {', '.join(commands)}")
    args.options = {k: _as_given(k, v) for k, v in vars(args).items() if k in option_fields()}
    return args


def _as_given(name: str, value: Any) -> Any:
    """A repeated flag's list as a tuple; a mask that stands alone as itself."""
    if not isinstance(value, list):
        return value
    return value[0] if name == "style_mask" and len(value) == 1 else tuple(value)


def _refuse(unknown: list[str], parser: argparse.ArgumentParser, command: str | None) -> None:
    flags = [u for u in unknown if u.startswith("-") and len(u) > 1]
    helpful = f"see `dst {command} --help`" if command else "see `dst --help`"
    if not flags:
        raise InputError(f"{unknown[0]!r} is one argument too many: {helpful}")
    known = [name for action in parser._actions for name in action.option_strings]
    flag = flags[0].partition("=")[0]
    raise InputError(f"flag {flag} is not known{suggest(flag, known)}; {helpful}")


def build() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and the parser of each command by its name."""
    parser = _Parser(prog="dst", description="Deformable style transfer.", epilog="`dst COMMAND --help` says more.")
    parser.add_argument("--version", action="version", version=f"dst {__version__}")
    kinds = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=_Parser)
    makers: dict[str, Callable] = {
        "demo": _demo, "stylize": _stylize, "match": _match, "warp": _warp, "resume": _resume, "film": _film,
        "morph": _morph, "score": _score, "grid": _grid, "batch": _batch,
    }  # fmt: skip
    commands = {}
    for name, make in makers.items():
        about = {"help": COMMANDS[name], "description": f"{COMMANDS[name].capitalize()}."}
        commands[name] = kinds.add_parser(name, usage=f"dst {name} {USAGE[name]}", **about)
        make(commands[name])
        other = commands[name].add_argument_group("messages")
        if name not in QUIET_RECORD:
            other.add_argument("--json", action="store_true", help="print the record on standard output")
        other.add_argument("--quiet", action="store_true", help="show no progress")
        other.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser, commands


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="DIR", default="demo", help="folder of the run [default demo]")

    def sample(text: str) -> str:
        return argument(check_choice, "--style", text, SAMPLES)

    names = ", ".join(SAMPLES)
    parser.add_argument(
        "--style", type=sample, default=SAMPLES[0], metavar="NAME",
        help=f"which of the drawn portraits to take after [{names}; default {SAMPLES[0]}]",
    )  # fmt: skip
    _add_preset(parser)
    add_options(parser)
    _add_fit(parser)


def _stylize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", help="the photograph")
    parser.add_argument("style", nargs="+", help="the painting, or several")
    out = parser.add_argument_group("output (one of -o and --run at least)")
    out.add_argument("-o", "--output", metavar="FILE", help="the picture; .png, .jpg, .tif, .webp or .bmp")
    out.add_argument("--run", metavar="DIR", help="the whole run: pictures, points, warp, losses, record")
    out.add_argument("--force", action="store_true", help="replace the run that DIR holds")
    out.add_argument("--film", metavar="FILE", help="the run step by step as a film; .gif or .mp4")
    out.add_argument("--morph", metavar="FILE", help="a film from the photograph to the result; .gif or .mp4")
    _add_preset(parser)
    add_options(parser)
    _add_fit(parser)
    _add_matching(parser)


def _add_matching(parser: argparse.ArgumentParser, points: bool = True) -> None:
    """Add what is no option of `dst.config` to its groups."""
    for group in parser._action_groups:
        if group.title == "warp":
            group.add_argument(
                "--no-warp", dest="warp", action="store_false", help="plain style transfer: paint, do not bend"
            )
        if group.title == "matching" and points:
            group.add_argument("--points", metavar="FILE", help="use these matches: a points.csv (see `dst match`)")


def _match(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", help="the first picture")
    parser.add_argument("style", help="the second picture")
    out = parser.add_argument_group("output (one of them, or --json, at least)")
    out.add_argument("-o", "--output", metavar="FILE", help="both pictures with the matches drawn over them")
    out.add_argument("--save-points", metavar="FILE", help="the points, .csv or .json; `stylize --points` reads them")
    names = [f.name for f in dataclasses.fields(MatchConfig)]
    add_options(parser, [*names, "pins", "drop", "seed", "encoder", "weights", "device"], {"match_size": "--size"})


def _warp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", help="the picture to bend, of any size; 16 bits and alpha are kept")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the bent picture")
    by = parser.add_mutually_exclusive_group(required=True)
    by.add_argument("--run", metavar="DIR", help="bend by the warp of this run")
    by.add_argument("--points", metavar="FILE", help="bend from these points, straight away")
    meta = option_fields()["warp_strength"].metadata
    kind = number("--strength", option_fields()["warp_strength"])
    parser.add_argument("--strength", type=kind, default=1.0, metavar="X", help=sentence(meta, 1.0))


def _resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="folder of a run that was made with --run")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the picture here too")
    add_options(parser, ["size"])
    moved = parser.add_argument_group("originals, for a larger size, if they are no longer where they were")
    moved.add_argument("--content", metavar="FILE", help="the photograph")
    moved.add_argument("--style", metavar="FILE", action="append", help="the painting; once for each of several")


def _film(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="folder of a finished run; it keeps small pictures of its steps")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the film; .gif or .mp4")
    _add_number(parser, "--fps", "X", 12.0, 1, 60, "frames a second")


def _morph(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="folder of a finished run")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the film; .gif or .mp4")
    _add_number(parser, "--frames", "N", 48, 2, 10000, "frames on the way")
    _add_number(parser, "--side", "N", 480, 16, 4096, "long side of the frames, pixels, where the result is larger")
    _add_number(parser, "--fps", "X", 12.0, 1, 60, "frames a second")


def _score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="run", help="folder of a finished run")


def _grid(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", help="the photograph")
    parser.add_argument("style", nargs="+", help="the painting, or several")
    out = parser.add_argument_group("grid")
    out.add_argument("-o", "--output", metavar="FILE", required=True, help="the grid, one picture")
    text = "an option and its values, such as alpha=2,8,32; also preset=... and warp=yes,no"
    out.add_argument("--rows", metavar="NAME=V,V", required=True, type=axis("--rows"), help=text)
    out.add_argument("--columns", metavar="NAME=V,V", type=axis("--columns"), help="the same, from left to right")
    _add_number(out, "--cell", "N", 256, 16, 4096, "long side of each picture in the grid, pixels")
    _add_preset(parser)
    add_options(parser)
    _add_matching(parser)


def _batch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pairs", help="CSV file: header content,style and perhaps name and any option, a pair a row")
    parser.add_argument(
        "-o", "--output", metavar="DIR", required=True, help="folder that holds a run for each pair, and report.csv"
    )
    parser.add_argument(
        "--no-resume",
        dest="resume",
        action="store_false",
        help="make every run again; finished ones are kept otherwise",
    )
    _add_preset(parser)
    add_options(parser)
    _add_matching(parser, points=False)


def _add_number(place, flag: str, letter: str, default: float, low: float, high: float, text: str) -> None:
    """Add a number that is no option of `dst.config`, checked and shown as those are."""
    f = option(default, text, low, high)
    place.add_argument(flag, type=number(flag, f), default=default, metavar=letter, help=sentence(f.metadata, default))


def _add_preset(parser: argparse.ArgumentParser) -> None:
    def preset(text: str) -> str:
        return argument(check_choice, "--preset", text, PRESET_NAMES)

    rows = [f"{name}: " + (", ".join(f"{k} {v}" for k, v in p.items()) or "as shown") for name, p in PRESETS.items()]
    rows = [textwrap.fill(row, 100, initial_indent="  ", subsequent_indent="    ") for row in rows]
    parser.epilog = "Presets, and what they change; flags given beside a preset win:\n" + "\n".join(rows)
    names = ", ".join(PRESET_NAMES)
    parser.add_argument(
        "--preset", type=preset, default="default", metavar="NAME", help=f"settings by name [{names}; default default]"
    )


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fit", action="store_true", help="where memory is short, take the largest size that fits")
