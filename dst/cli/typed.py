"""A command as it would be typed, from the keywords of `stylize`: what `dst.cli.parsing` reads back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dst.cli.rows import PRESET
from dst.config import flag_of, option_fields
from dst.config.kinds import Switch
from dst.config.stylize import RUN_KINDS


def command(content: str, styles: Sequence[str], output: str, options: Mapping[str, Any]) -> list[str]:
    """The words of the command that makes a run.

    Args:
        content, styles, output: paths.
        options: keywords of `stylize` by today's names; images in them are paths.
    """
    words = ["dst", "stylize", content, styles[0], "-o", output]
    for style in styles[1:]:
        words += _flag("--style", style)
    for name, value in options.items():
        if value is not None and (name, value) != (PRESET.attribute, PRESET.default):
            words += flags(name, value)
    return words


def flags(name: str, value: Any) -> list[str]:
    """The words that give an option a value: a flag, or one for each value of an option that may be given several times."""
    option = option_fields().get(name)
    flag, kind = (f"--{name}", RUN_KINDS[name]) if option is None else (flag_of(option), option.metadata["kind"])
    if isinstance(kind, Switch):
        return [flag if value else f"--no-{flag[2:]}"]
    parts = value if kind.repeats and isinstance(value, (list, tuple)) else [value]
    return [word for part in parts for word in _flag(flag, _text(part))]


def _flag(flag: str, text: str) -> list[str]:
    """A flag and its value; in one word where the value would be taken for a flag."""
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)
