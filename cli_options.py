"""The command line's flags, made from the fields of `dst.config`: no default, range or sentence is repeated here."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from dst._version import __version__
from dst.config import (
    PRESET_NAMES,
    PRESETS,
    InputError,
    MatchConfig,
    OptimizeConfig,
    SteerConfig,
    StylizeConfig,
    WarpConfig,
    check_choice,
    check_number,
    suggest,
)

COMMANDS = {
    "demo": "run the main job on the sample pair that comes with the toolkit",
    "stylize": "bend a photograph towards a painting's shapes and paint it in its strokes",
    "match": "find the points that two pictures share, draw and save them",
    "warp": "bend any picture by a finished run's warp, or straight from points",
    "resume": "go on with a run that was stopped, or take a finished one to a larger size",
    "score": "compare runs in a table",
}
USAGE = {
    "demo": "[-o DIR] [options]",
    "stylize": "CONTENT STYLE -o FILE [--run DIR] [options]",
    "match": "CONTENT STYLE -o FILE [--save-points FILE] [options]",
    "warp": "IMAGE -o FILE (--run DIR | --points FILE) [--strength X]",
    "resume": "RUN [--size N] [-o FILE]",
    "score": "RUN [RUN ...]",
}
CONFIGS = (StylizeConfig, SteerConfig, MatchConfig, WarpConfig, OptimizeConfig)
GROUPS = {
    "general": "general",
    "steering": "steering",
    "warp": "warp",
    "matching": "matching",
    "objective": "objective",
    "schedule": "schedule and samples",
}
"""Groups of options, in the order that `--help` lists them; any other comes last, under its own name."""


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
    args.options = {k: _as_given(k, v) for k, v in vars(args).items() if k in _fields()}
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


def _fields() -> dict[str, dataclasses.Field]:
    """Every option that `StylizeConfig.from_options` takes, by name."""
    return {f.name: f for config in CONFIGS for f in dataclasses.fields(config) if f.metadata}


def build() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and the parser of each command by its name."""
    parser = _Parser(prog="dst", description="Deformable style transfer.", epilog="`dst COMMAND --help` says more.")
    parser.add_argument("--version", action="version", version=f"dst {__version__}")
    kinds = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=_Parser)
    makers: dict[str, Callable] = {
        "demo": _demo, "stylize": _stylize, "match": _match, "warp": _warp, "resume": _resume, "score": _score,
    }  # fmt: skip
    commands = {}
    for name, make in makers.items():
        about = {"help": COMMANDS[name], "description": f"{COMMANDS[name].capitalize()}."}
        commands[name] = kinds.add_parser(name, usage=f"dst {name} {USAGE[name]}", **about)
        make(commands[name])
        other = commands[name].add_argument_group("messages")
        if name != "warp":
            other.add_argument("--json", action="store_true", help="print the record on standard output")
        other.add_argument("--quiet", action="store_true", help="show no progress")
        other.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser, commands


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="DIR", default="demo", help="folder of the run [default demo]")
    _add_preset(parser)
    _add_options(parser)
    _add_fit(parser)


def _stylize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", help="the photograph")
    parser.add_argument("style", nargs="+", help="the painting, or several")
    out = parser.add_argument_group("output (one of -o and --run at least)")
    out.add_argument("-o", "--output", metavar="FILE", help="the picture; .png, .jpg, .tif, .webp or .bmp")
    out.add_argument("--run", metavar="DIR", help="the whole run: pictures, points, warp, losses, record")
    out.add_argument("--force", action="store_true", help="replace the run that DIR holds")
    _add_preset(parser)
    _add_options(parser)
    _add_fit(parser)
    for group in parser._action_groups:
        if group.title == "warp":
            group.add_argument(
                "--no-warp", dest="warp", action="store_false", help="plain style transfer: paint, do not bend"
            )
        if group.title == "matching":
            group.add_argument("--points", metavar="FILE", help="use these matches: a points.csv (see `dst match`)")


def _match(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", help="the first picture")
    parser.add_argument("style", help="the second picture")
    out = parser.add_argument_group("output (one of them, or --json, at least)")
    out.add_argument("-o", "--output", metavar="FILE", help="both pictures with the matches drawn over them")
    out.add_argument("--save-points", metavar="FILE", help="the points, .csv or .json; `stylize --points` reads them")
    rename = {"match_size": "--size"}
    _add_options(
        parser, [*(f.name for f in dataclasses.fields(MatchConfig)), "seed", "trunk", "weights", "device"], rename
    )


def _warp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", help="the picture to bend, of any size; 16 bits and alpha are kept")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the bent picture")
    by = parser.add_mutually_exclusive_group(required=True)
    by.add_argument("--run", metavar="DIR", help="bend by the warp of this run")
    by.add_argument("--points", metavar="FILE", help="bend from these points, straight away")
    meta = _fields()["warp_strength"].metadata
    kind = _number("--strength", _fields()["warp_strength"])
    parser.add_argument("--strength", type=kind, default=1.0, metavar="X", help=_sentence(meta, 1.0))


def _resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="folder of a run that was made with --run")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the picture here too")
    _add_options(parser, ["size"])
    moved = parser.add_argument_group("originals, for a larger size, if they are no longer where they were")
    moved.add_argument("--content", metavar="FILE", help="the photograph")
    moved.add_argument("--style", metavar="FILE", action="append", help="the painting; once for each of several")


def _score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="run", help="folder of a finished run")


def _add_preset(parser: argparse.ArgumentParser) -> None:
    def preset(text: str) -> str:
        return _argument(check_choice, "--preset", text, PRESET_NAMES)

    rows = [f"{name}: " + (", ".join(f"{k} {v}" for k, v in p.items()) or "as shown") for name, p in PRESETS.items()]
    rows = [textwrap.fill(row, 100, initial_indent="  ", subsequent_indent="    ") for row in rows]
    parser.epilog = "Presets, and what they change; flags given beside a preset win:\n" + "\n".join(rows)
    names = ", ".join(PRESET_NAMES)
    parser.add_argument(
        "--preset", type=preset, default="default", metavar="NAME", help=f"settings by name [{names}; default default]"
    )


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fit", action="store_true", help="where memory is short, take the largest size that fits")


def _add_options(parser, names: Sequence[str] | None = None, rename: dict[str, str] | None = None) -> None:
    """Add a flag for every field in `names` (all of them by default), sorted into groups."""
    fields = {name: f for name, f in _fields().items() if names is None or name in names}
    order = dict.fromkeys([*GROUPS, *(f.metadata["group"] for f in fields.values())])
    for group in order:
        mine = {name: f for name, f in fields.items() if f.metadata["group"] == group}
        if mine:
            place = parser.add_argument_group(GROUPS.get(group, group))
            for name, f in mine.items():
                _add_option(place, (rename or {}).get(name) or "--" + name.replace("_", "-"), f)


def _add_option(place, flag: str, f: dataclasses.Field) -> None:
    meta = f.metadata
    kwargs: dict[str, Any] = {"dest": f.name, "default": argparse.SUPPRESS, "help": _sentence(meta, f.default)}
    if f.name in LISTS:
        flag, kwargs["metavar"], kwargs["action"], make = LISTS[f.name]
        kwargs["type"] = make(flag)
    elif isinstance(f.default, bool):
        kwargs["action"] = "store_true"
    elif meta["choices"] is not None:
        kwargs |= {"type": lambda text: _argument(check_choice, flag, text, meta["choices"]), "metavar": "NAME"}
    elif isinstance(f.default, (int, float)):
        kwargs |= {"type": _number(flag, f), "metavar": "N" if isinstance(f.default, int) else "X"}
    else:
        kwargs |= {"metavar": "FILE" if f.default is None else "NAME"}
    place.add_argument(flag, **kwargs)


def _numbers(kind: type, count: int | None = None) -> Callable[[str], Callable[[str], tuple]]:
    """A maker of converters from `1,2,3` to a tuple of numbers, `count` of them where that is given."""

    def for_flag(flag: str) -> Callable[[str], tuple]:
        wanted = (
            f"{count or 'some'} {'whole numbers' if kind is int else 'numbers'} with commas between, without spaces"
        )

        def convert(text: str) -> tuple:
            try:
                values = tuple(kind(part) for part in text.split(","))
            except ValueError:
                values = ()
            if not values or len(values) != (count or len(values)):
                raise argparse.ArgumentTypeError(f"{flag} is {text!r}: it takes {wanted}")
            return values

        return convert

    return for_flag


LISTS: dict[str, tuple] = {
    "pins": ("--pin", "X,Y,X,Y", "append", _numbers(float, 4)),
    "drop": ("--drop", "N,N", "store", _numbers(int)),
    "style_weights": ("--style-weights", "X,X", "store", _numbers(float)),
    "style_mask": ("--style-mask", "FILE", "append", lambda flag: str),
}
"""Options that hold several values: flag, what `--help` shows for the value, whether the flag repeats, converter."""


def _sentence(meta, default: Any) -> str:
    """An option's line in `--help`: its sentence, its range or choices, its default."""
    if meta["choices"] is not None:
        allowed = ", ".join(map(str, meta["choices"])) + "; "
    elif meta["low"] is not None and meta["high"] is not None:
        allowed = f"{_shown(meta['low'])} to {_shown(meta['high'])}; "
    else:
        allowed = ""
    return f"{meta['help']} [{allowed}default {_shown(default)}]".replace("%", "%%")


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(flag: str, f: dataclasses.Field) -> Callable[[str], int | float]:
    """A converter of text that refuses what is no number, not finite, or out of the field's range."""
    kind, meta = type(f.default), f.metadata

    def convert(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = text
        _argument(check_number, flag, value, meta["low"], meta["high"], kind is int)
        return value

    return convert


def _argument(check: Callable, *given: Any) -> Any:
    """Run a check of `dst.config` so that argparse passes its message on."""
    try:
        return check(*given)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
