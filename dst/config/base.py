"""What every option is made of, the checks that refuse a bad one, and the one kind of error for what a user gave."""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
from dataclasses import field, fields
from typing import Any


class InputError(ValueError):
    """What the user gave cannot be used. The message says what was given, what is allowed and what to do."""


def suggest(given: str, allowed) -> str:
    """Return `; did you mean X?` for the closest allowed name, or an empty string."""
    close = difflib.get_close_matches(str(given), [str(a) for a in allowed], n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def check_choice(what: str, given: str, allowed) -> str:
    """Return `given` if it is one of `allowed`.

    Raises:
        InputError: it is not; the message lists what is allowed and suggests the closest name.
    """
    if given not in allowed:
        names = ", ".join(str(a) for a in allowed)
        raise InputError(f"{what} {given!r} is not known: choose one of {names}{suggest(given, allowed)}")
    return given


def option(default: Any, text: str, low: float | None = None, high: float | None = None, choices=None, group: str = ""):
    """A dataclass field with its sentence, inclusive range or choices, and the group that `--help` lists it under."""
    meta = {"help": text, "low": low, "high": high, "choices": choices, "group": group}
    return field(default=default, metadata=meta)


def check_number(what: str, given: Any, low: float | None, high: float | None, whole: bool = False) -> None:
    """Check that a number is finite and in [low, high].

    Raises:
        InputError: not a number, not finite, not whole where it must be, or out of range.
    """
    kind = "a whole number" if whole else "a finite number"
    low_text = "any" if low is None else f"{low:g}"
    allowed = f"{kind} from {low_text} to {high:g}" if high is not None else f"{kind}, {low_text} or more"
    good = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
    good = good and (not whole or int(given) == given)
    if not good or (low is not None and given < low) or (high is not None and given > high):
        raise InputError(f"{what} is {given!r}: it takes {allowed}")


def plain(value: Any) -> Any:
    """A value as JSON can hold it: a path becomes text; a picture given as an array, the name of its type."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else f"<{type(value).__name__}>"


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural where it takes one: `2 styles`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


class Checked:
    """Gives a dataclass the check of every field against the range that its `option` declares."""

    def __post_init__(self) -> None:
        for f in fields(self):
            given, meta = getattr(self, f.name), f.metadata
            if not meta:
                continue
            if meta["choices"] is not None:
                check_choice(f.name, given, meta["choices"])
            elif isinstance(f.default, tuple):
                for item in given:
                    check_number(f.name, item, meta["low"], meta["high"], isinstance(item, int))
            elif isinstance(f.default, bool):
                if not isinstance(given, bool):
                    raise InputError(f"{f.name} is {given!r}: it takes True or False")
            elif isinstance(f.default, (int, float)):
                check_number(f.name, given, meta["low"], meta["high"], isinstance(f.default, int))

    def replace(self, **changes):
        """Return a copy with some fields changed.

        Raises:
            InputError: a name that is no field, or a value out of its range.
        """
        names = [f.name for f in fields(self)]
        for key in changes:
            check_choice("option", key, names)
        return dataclasses.replace(self, **changes)


MIN_IMAGE_SIDE = 16
"""The shortest side an image may have, in pixels."""
