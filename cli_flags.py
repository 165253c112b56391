"""Flags from the fields of `dst.config`: no default, range or sentence is repeated here."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from dst.config import (
    PRESET_NAMES,
    InputError,
    MatchConfig,
    OptimizeConfig,
    SteerConfig,
    StylizeConfig,
    WarpConfig,
    check_choice,
    check_number,
)

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


def option_fields() -> dict[str, dataclasses.Field]:
    """Every option that `StylizeConfig.from_options` takes, by name."""
    return {f.name: f for config in CONFIGS for f in dataclasses.fields(config) if f.metadata}


def add_options(parser, names: Sequence[str] | None = None, rename: dict[str, str] | None = None) -> None:
    """Add a flag for every field in `names` (all of them by default), sorted into groups."""
    wanted = {name: f for name, f in option_fields().items() if names is None or name in names}
    order = dict.fromkeys([*GROUPS, *(f.metadata["group"] for f in wanted.values())])
    for group in order:
        mine = {name: f for name, f in wanted.items() if f.metadata["group"] == group}
        if mine:
            place = parser.add_argument_group(GROUPS.get(group, group))
            for name, f in mine.items():
                _add_option(place, (rename or {}).get(name) or "--" + name.replace("_", "-"), f)


def _add_option(place, flag: str, f: dataclasses.Field) -> None:
    meta = f.metadata
    kwargs: dict[str, Any] = {"dest": f.name, "default": argparse.SUPPRESS, "help": sentence(meta, f.default)}
    if f.name in LISTS:
        flag, kwargs["metavar"], kwargs["action"], make = LISTS[f.name]
        kwargs["type"] = make(flag)
    elif isinstance(f.default, bool):
        kwargs["action"] = "store_true"
    elif meta["choices"] is not None:
        kwargs |= {"type": lambda text: argument(check_choice, flag, text, meta["choices"]), "metavar": "NAME"}
    elif isinstance(f.default, (int, float)):
        kwargs |= {"type": number(flag, f), "metavar": "N" if isinstance(f.default, int) else "X"}
    else:
        kwargs |= {"metavar": METAVARS.get(f.name, "FILE" if f.default is None else "NAME")}
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


METAVARS = {"layers": "NAME+NAME"}
"""What `--help` shows for the value of an option that is neither a number nor a file."""
LISTS: dict[str, tuple] = {
    "pins": ("--pin", "X,Y,X,Y", "append", _numbers(float, 4)),
    "drop": ("--drop", "N,N", "store", _numbers(int)),
    "style_weights": ("--style-weights", "X,X", "store", _numbers(float)),
    "style_mask": ("--style-mask", "FILE", "append", lambda flag: str),
}
"""Options that hold several values: flag, what `--help` shows for the value, whether the flag repeats, converter."""


def sentence(meta, default: Any) -> str:
    """An option's line in `--help`: its sentence, its range or choices, its default where there is one."""
    if default is None or default is False:
        return meta["help"].replace("%", "%%")
    if meta["choices"] is not None:
        allowed = ", ".join(map(str, meta["choices"])) + "; "
    elif meta["low"] is not None and meta["high"] is not None:
        allowed = f"{_shown(meta['low'])} to {_shown(meta['high'])}; "
    else:
        allowed = ""
    return f"{meta['help']} [{allowed}default {_shown(default)}]".replace("%", "%%")


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def number(flag: str, f: dataclasses.Field) -> Callable[[str], int | float]:
    """A converter of text that refuses what is no number, not finite, or out of the field's range."""
    kind, meta = type(f.default), f.metadata

    def convert(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = text
        argument(check_number, flag, value, meta["low"], meta["high"], kind is int)
        return value

    return convert


def argument(check: Callable, *given: Any) -> Any:
    """Run a check of `dst.config` so that argparse passes its message on."""
    try:
        return check(*given)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def axis(flag: str) -> Callable[[str], tuple[str, list]]:
    """A converter of `alpha=2,8,32` to an option's name and its values, each checked as its own flag would."""
    known = {name: f for name, f in option_fields().items() if name not in LISTS}

    def convert(text: str) -> tuple[str, list]:
        name, equals, values = text.partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        parts = [part.strip() for part in values.split(",")]
        if not equals or not all(parts):
            raise argparse.ArgumentTypeError(
                f"{flag} is {text!r}: it takes an option and its values, such as alpha=2,8,32"
            )
        argument(check_choice, f"{flag}: option", name, [*known, "preset", "warp"])
        try:
            return name, [_axis_value(name, part, known.get(name)) for part in parts]
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"{flag}: {error}") from error

    return convert


def _axis_value(name: str, text: str, f: dataclasses.Field | None) -> Any:
    if name == "preset":
        return argument(check_choice, name, text, PRESET_NAMES)
    if f is None or isinstance(f.default, bool):
        argument(check_choice, name, text.lower(), ("yes", "no", "true", "false"))
        return text.lower() in ("yes", "true")
    if f.metadata["choices"] is not None:
        return argument(check_choice, name, text, f.metadata["choices"])
    if not isinstance(f.default, (int, float)):
        return text
    value = number(name, f)(text)
    return int(value) if value == int(value) else value  # the grid is labelled "alpha 2", as it was typed
