"""The parser of the command line, made from the rows of the commands and the kinds of the options."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from dst._version import __version__
from dst.cli.rows import JSON, MESSAGES, PRESET, Argument, Command, run_arguments, without
from dst.cli.streams import put
from dst.config import (
    ALIASES,
    PRESETS,
    InputError,
    check_choice,
    flag_of,
    option_fields,
    option_kinds,
    option_name,
    suggest,
)
from dst.config.kinds import BETWEEN, Kind, Numbers, Rows, Switch
from dst.config.stylize import RUN_KINDS

GROUPS = {
    "general": "general",
    "guidance": "guidance",
    "warp": "warp",
    "matching": "matching",
    "objective": "objective",
    "schedule": "schedule and samples",
}
"""Groups of options, in the order that `--help` lists them; any other comes last, under its own name."""
OLD_FLAGS = {f"--{old}": flag_of(option_fields()[new]) for old, new in ALIASES.items()} | {"--film": "--animate"}
"""Flags of version 0.1 that its README showed, still understood and no longer listed."""
OLD_COMMANDS = {"film": "animate", "score": "evaluate"}
"""Commands of version 0.1, likewise."""


OURS = "\n"
"""What a kind's own message begins with, after the words that argparse puts before it."""


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print its usage and exit, so that every error takes the same road."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", _help_format)
        super().__init__(*args, **kwargs)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help or the version; argparse itself would hide that it could not be printed."""
        put(message)

    def error(self, message: str) -> None:
        before, _, ours = message.partition(OURS)
        raise InputError(ours or before)


def _help_format(prog: str) -> argparse.HelpFormatter:
    width = min(130, shutil.get_terminal_size((110, 24)).columns - 2)
    formatter = argparse.RawDescriptionHelpFormatter(prog, max_help_position=29, width=width)
    formatter._action_max_length = 14  # argparse forgets by how much it indents the list of commands
    return formatter


def parse(arguments: Sequence[str], commands: dict[str, Command]) -> argparse.Namespace:
    """Return the parsed command line.

    `options` holds the options of a run that were given, by name; `given` the names of all keywords of `stylize` that were.

    Raises:
        InputError: it cannot be understood; the message suggests the closest command, flag or choice.
        SystemExit: help or the version was asked for and printed.
    """
    if not arguments:
        raise InputError(f"no command was given: choose one of {', '.join(commands)}, or try `dst --help`")
    arguments = [_today(word) for word in arguments]
    if not arguments[0].startswith("-"):
        named = 2 if arguments[0] == "help" else 1
        arguments[:named] = [OLD_COMMANDS.get(word, word) for word in arguments[:named]]
        check_choice("command", arguments[0], commands)
    parser, parsers = build(commands, next((word for word in arguments if word in commands), ""))
    args, unknown = parser.parse_known_args(arguments)
    if unknown and not _taken(unknown, args, commands.get(args.command)):
        _refuse(unknown, parsers.get(args.command, parser), commands.get(args.command))
    if args.command is None:
        raise InputError(f"no command was given: choose one of {', '.join(commands)}")
    kinds = option_kinds()
    args.options = {k: _joined(v, kinds[k]) for k, v in vars(args).items() if k in option_fields()}
    args.given = kinds.keys() & vars(args)
    for argument in run_arguments(commands[args.command]):
        vars(args).setdefault(argument.attribute, argument.default)
    return args


def _today(word: str) -> str:
    """A flag under its present name."""
    flag, equals, value = word.partition("=")
    return OLD_FLAGS.get(flag, flag) + equals + value


def _joined(value: Any, kind: Kind) -> Any:
    """What a flag that may be given several times came to."""
    if kind.repeats and isinstance(value, list):
        return tuple(item for part in value for item in part)
    return value


def _taken(unknown: list[str], args: argparse.Namespace, row: Command | None) -> bool:
    """Whether arguments that stand behind an option belong to those that a command takes any number of, and were added to them."""
    many = next((a for a in (row.arguments if row else ()) if a.many and not a.name.startswith("-")), None)
    if many is None or any(word.startswith("-") and len(word) > 1 for word in unknown):
        return False
    getattr(args, many.attribute).extend(many.kind.parse(many.name, word) for word in unknown)
    return True


def _refuse(unknown: list[str], parser: argparse.ArgumentParser, row: Command | None) -> None:
    flags = [u for u in unknown if u.startswith("-") and len(u) > 1]
    helpful = f"see `dst {row.name} --help`" if row else "see `dst --help`"
    if not flags:
        raise InputError(f"{unknown[0]!r} is one argument too many: {(row and row.surplus) or helpful}")
    known = [name for action in parser._actions for name in action.option_strings]
    flag = flags[0].partition("=")[0]
    if row and (why := row.refused.get(option_name(re.sub("^--no-", "--", flag)))):
        raise InputError(f"`dst {row.name}` takes no {flag}, for {why}: leave it out")
    raise InputError(f"flag {flag} is not known: {helpful}{suggest(flag, known)}")


def build(
    commands: dict[str, Command], only: str | None = None
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and the parser of each command by its name; `kind` of an action is what its value is.

    `only` this command's parser gets its arguments, which saves a quarter of the start-up time; None for all.
    """
    parser = _Parser(prog="dst", description="Deformable style transfer.", epilog="`dst COMMAND --help` says more.")
    parser.add_argument("--version", action="version", version=f"dst {__version__}")
    kinds = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=_Parser)
    parsers = {}
    for row in commands.values():
        about = {"help": row.summary, "description": row.sentence}
        parsers[row.name] = mine = kinds.add_parser(row.name, usage=f"dst {row.name} {row.usage}", **about)
        if only is None or row.name == only:
            _fill(mine, row)
    return parser, parsers


def _fill(parser: argparse.ArgumentParser, row: Command) -> None:
    """Add a command's arguments, options and messages to its parser."""
    wide = max(map(len, row.glossary), default=0) + 2
    meanings = [
        textwrap.fill(text, 110, initial_indent=f"  {word:{wide}}", subsequent_indent=" " * (wide + 2))
        for word, text in row.glossary.items()
    ]
    parser.epilog = "\n".join([*filter(None, [row.epilog]), *meanings]) or None
    places: dict[str, Any] = {"": parser}

    def place(group: str) -> Any:
        if group not in places:
            places[group] = parser.add_argument_group(GROUPS.get(group, group))
        return places[group]

    own = [argument for argument in row.arguments if argument.group not in GROUPS]
    for argument in own:
        _add_argument(place(argument.group), argument)
    if row.preset:
        _add_preset(parser)
    fields = {name: f for name, f in option_fields().items() if row.options is None or name in row.options}
    later = [argument for argument in row.arguments if argument.group in GROUPS]
    for group in dict.fromkeys([*GROUPS, *(f.metadata["group"] for f in fields.values())]):
        for name, f in fields.items():
            if f.metadata["group"] == group:
                _add_option(place(group), row.rename.get(name) or flag_of(f), f, row.defaults.get(name, f.default))
        for argument in later:
            if argument.group == group:
                _add_argument(place(group), argument)
    for argument in (*([JSON] if row.record else []), *MESSAGES):
        _add_argument(place(argument.group), argument)


def _add_argument(place: Any, argument: Argument) -> None:
    kind, flag = argument.kind, argument.name
    if not flag.startswith("-"):
        nargs = {(True, False): "+", (True, True): "*", (False, True): "?"}.get((argument.many, argument.optional))
        more = {"nargs": nargs} if nargs else {}
        named = {
            "metavar": argument.dest or None,
            "type": converter((argument.dest or flag).lower(), kind),
            "help": argument.help,
        }
        place.add_argument(flag, **named, **more).kind = kind
        return
    named: dict[str, Any] = {"help": described(argument.help, kind, argument.default), "default": argument.default}
    if argument.attribute in RUN_KINDS:
        named["default"] = argparse.SUPPRESS  # `parse` puts it, so that what was given can be told
    if argument.dest:
        named["dest"] = argument.dest
    if isinstance(kind, Switch):
        named["action"] = "store_false" if argument.default else "store_true"
        named["help"] = argument.help
        if argument.attribute in RUN_KINDS:
            _add_opposite(place, flag, named)
    else:
        named |= {"metavar": kind.metavar, "type": converter(flag, kind), "required": argument.required}
        named |= {"action": "append"} if argument.many else {}
    place.add_argument(*([argument.short] if argument.short else []), flag, **named).kind = kind


def _add_opposite(place: Any, flag: str, named: dict[str, Any]) -> None:
    """Add the flag, not listed, that turns off what a configuration file may have turned on, and the other way round."""
    opposite = "--" + flag[5:] if flag.startswith("--no-") else "--no-" + flag[2:]
    action = {"store_true": "store_false", "store_false": "store_true"}[named["action"]]
    place.add_argument(opposite, **{**named, "action": action, "help": argparse.SUPPRESS})


def as_flags(message: str, row: Command | None = None) -> str:
    """A message that names options as Python does, `warp_lr` or max_points, with their flags, --warp-lr and --max-points.

    `row` is the command whose own flags come first.
    """
    flags = {name: flag_of(f) for name, f in option_fields().items()}
    flags |= {name: f"--{name}" for name in (*RUN_KINDS, "force")}
    flags |= {a.option or a.attribute: a.name for a in (row.arguments if row else ()) if a.name.startswith("--")}

    def flag(found: re.Match) -> str:
        return flags.get(found[1], found[0])

    message = re.sub(r"`(\w+)`", flag, message)
    return re.sub(r"(?<![\w./\\'\"-])([a-z]+(?:_[a-z]+)+|^[a-z]+(?= is given))(?![\w./\\'\"=(-])", flag, message)


def _add_option(place: Any, flag: str, f: dataclasses.Field, default: Any) -> None:
    meta, kind = f.metadata, f.metadata["kind"]
    named: dict[str, Any] = {"dest": f.name, "default": argparse.SUPPRESS}
    named["help"] = described(meta["help"], kind, default)
    if isinstance(kind, Switch):
        if default is True:  # what turns it off is what there is to know
            flag, named["help"] = without(flag, named["help"])
        named["action"] = "store_false" if default is True else "store_true"
        _add_opposite(place, flag, named)
    else:
        named |= {"type": converter(flag, kind), "metavar": kind.metavar}
        named |= {"action": "append"} if kind.repeats else {}
    place.add_argument(flag, **named).kind = kind


def described(text: str, kind: Kind, default: Any) -> str:
    """An option's line in `--help`: its sentence, its range or choices, its default where there is one."""
    shown = [kind.allowed()] if kind.allowed() else []
    shown += [] if default is None or isinstance(default, bool) else [f"default {_default_text(default)}"]
    return (f"{text} [{'; '.join(shown)}]" if shown else text).replace("%", "%%")


def _default_text(value: Any) -> str:
    if isinstance(value, tuple):
        return ("x" if all(isinstance(item, int) for item in value) else "+").join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def converter(flag: str, kind: Kind) -> Callable[[str], Any]:
    """A kind's reader as argparse wants it."""

    def convert(text: str) -> Any:
        try:
            return kind.parse(flag, text)
        except InputError as error:
            raise argparse.ArgumentTypeError(f"{OURS}{error}") from error

    return convert


def preset_lines() -> list[str]:
    """Each preset, and what it changes."""
    return [f"{name}: " + (", ".join(f"{k} {v}" for k, v in p.items()) or "as shown") for name, p in PRESETS.items()]


def preset_argument() -> Argument:
    """`--preset`, as it is listed above `preset_lines`."""
    return dataclasses.replace(PRESET, help=f"{PRESET.help}: see below")


def _add_preset(parser: argparse.ArgumentParser) -> None:
    rows = [textwrap.fill(row, 100, initial_indent="  ", subsequent_indent="    ") for row in preset_lines()]
    head = "Presets, and what they change; flags given beside a preset win:"
    parser.epilog = "\n".join([*([parser.epilog, ""] if parser.epilog else []), head, *rows])
    _add_argument(parser, preset_argument())


class Axis(Kind):
    """An option and its values, such as `alpha=2,8,32`; values that hold commas themselves have ; between them."""

    metavar = "NAME=V,V"

    def parse(self, name: str, text: str, home: Any = None) -> tuple[str, list]:
        """As `Kind.parse`: the option's name and its values, each read as its own flag would."""
        option, equals, values = text.partition("=")
        option, known = option_name(option), option_kinds()
        kind = known.get(option)
        between = BETWEEN if isinstance(kind, (Numbers, Rows)) or BETWEEN in values else ","
        parts = [part.strip() for part in values.split(between)]
        if not equals or not all(parts):
            raise InputError(f"{name} is {text!r}: it takes an option and its values, such as alpha=2,8,32")
        check_choice(f"{name}: option", option, list(known))
        try:
            return option, [_as_typed(known[option].parse(option, part)) for part in parts]
        except InputError as error:
            raise InputError(f"{name}: {error}") from error


def _as_typed(value: Any) -> Any:
    """A whole number as such, so that the grid is labelled `alpha 2`."""
    return int(value) if isinstance(value, float) and value == int(value) else value
