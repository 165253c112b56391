"""What commands that train a network share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, replace
from typing import Any

from dst.cli.rows import Argument, argument_of

LONG = 2 * 3600
"""Seconds of training from which `--quick` is spoken of."""


def time_left(seconds: float) -> str:
    """A time in the largest unit that it has more than one of."""
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds > 1.5 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def unset(option: Field, quick: Mapping[str, Any]) -> Argument:
    """An option that is None where it was not given, so that what `--quick` sets can give way to it; `quick` holds that."""
    text = lambda value: f"{value:g}" if isinstance(value, float) else str(value)  # noqa: E731
    known = [] if option.default is None else [f"default {text(option.default)}"]
    known += [f"{text(quick[option.name])} with --quick"] if option.name in quick else []
    words = option.metadata["help"] + (f"; {', '.join(known)}" if known else "")
    return replace(argument_of(option, default=None), help=words)
