"""What every option is made of, the checks that refuse a bad value, and the error for what a user gave."""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
import os
from dataclasses import field, fields
from typing import Any


class InputError(ValueError):
    """What the user gave cannot be used. The message says what was given, what is allowed and what to do."""


MIN_IMAGE_SIDE = 16
"""The shortest side an image may have, in pixels."""


def suggest(given: str, allowed) -> str:
    """Return `; did you mean X?` for the closest allowed name, or an empty string."""
    close = difflib.get_close_matches(str(given), [str(a) for a in allowed], n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def check_choice(what: str, given: str, allowed) -> str:
    """Return `given` if it is one of `allowed`.

    Raises:
        InputError: it is not; the message lists what is allowed and suggests the closest name.
    """
    if not isinstance(given, str) or given not in allowed:
        names = ", ".join(str(a) for a in allowed)
        raise InputError(f"{what} {shown(given)} is not known: choose one of {names}{suggest(given, allowed)}")
    return given


def check_number(what: str, given: Any, low: float | None, high: float | None, whole: bool = False) -> int | float:
    """Return a number as an int or a float, if it is finite and in [low, high].

    Raises:
        InputError: not a number, not finite, not whole where it must be, or out of range.
    """
    plain = type(given) is int or type(given) is float
    good = plain or (isinstance(given, numbers.Real) and not isinstance(given, bool))
    good = good and _finite(given) and (not whole or int(given) == given)
    if not good or (low is not None and given < low) or (high is not None and given > high):
        kind = "a whole number" if whole else "a finite number"
        low_text = "any" if low is None else bound(low)
        allowed = f"{kind} from {low_text} to {bound(high)}" if high is not None else f"{kind}, {low_text} or more"
        raise InputError(f"{what} is {shown(given)}: it takes {allowed}")
    if plain and not whole:
        return given
    return int(given) if whole or isinstance(given, numbers.Integral) else float(given)


def bound(value: float) -> str:
    """An end of a range as text: whole numbers with every digit."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def _finite(given: Any) -> bool:
    try:
        return math.isfinite(given)
    except OverflowError:  # a whole number beyond any float
        return False


def shown(given: Any) -> str:
    """A value as a message shows it, cut where it is long; of what holds many others only its type."""
    if isinstance(given, (dict, list, tuple, set)) and (len(given) > 8 or any(hasattr(v, "__len__") for v in given)):
        return f"{type(given).__name__} of {len(given)}"
    if hasattr(given, "shape"):
        return f"{type(given).__name__} of shape {tuple(given.shape)}"
    try:
        text = repr(given)
    except ValueError:  # a whole number of thousands of digits
        text = "a number of very many digits"
    return text if len(text) <= 80 else text[:77] + "..."


def plain(value: Any) -> Any:
    """A value as JSON can hold it: a path becomes text; an image given as an array, the name of its type."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else f"<{type(value).__name__}>"


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural where it takes one: `2 styles`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def option(default: Any, text: str, kind: Any, group: str, looks: str = "", flag: str = ""):
    """A dataclass field with the description of an option.

    Args:
        default: its value where nothing is given; None for nothing.
        text: one sentence, for `--help` and the documentation.
        kind: how its values are written, read and checked (`dst.config.kinds`).
        group: the heading that `--help` lists it under.
        looks: what low and high values look like, for the documentation.
        flag: its flag, where that is not the field's name.
    """
    meta = {"help": text, "kind": kind, "group": group, "looks": looks, "flag": flag}
    return field(default=default, metadata=meta)


def flag_of(f: dataclasses.Field) -> str:
    """The flag of an option."""
    return f.metadata["flag"] or "--" + f.name.replace("_", "-")


class Checked:
    """Gives a dataclass the check of every field by the kind that its `option` declares."""

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if f.metadata and not (value is None and f.default is None):
                object.__setattr__(self, f.name, f.metadata["kind"].check(f.name, value))

    def replace(self, **changes):
        """Return a copy with some fields changed.

        Raises:
            InputError: a name that is no field, or a value out of its range.
        """
        names = [f.name for f in fields(self)]
        for key in changes:
            check_choice("option", key, names)
        return dataclasses.replace(self, **changes)
