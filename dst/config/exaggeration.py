"""Options of exaggerating a face's own shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dst.config.base import Checked, InputError, check_choice, check_number, option
from dst.config.kinds import Kind, Number

PARTS = ("eyes", "brows", "nose", "mouth", "jaw")
"""Parts of a face that have a factor of their own."""
STRIP = (-1.0, 0.0, 1.0, 2.0, 3.0)
"""Strengths that a strip shows."""


class Factors(Kind):
    """Factors by name, `eyes=1.5,nose=0.8`; from Python a dict."""

    metavar = "PART=X[,...]"

    def parse(self, name: str, text: str, home: Any = None) -> dict[str, float]:
        """As `Kind.parse`."""
        found: dict[str, float] = {}
        for item in text.split(","):
            part, sign, value = (word.strip() for word in item.partition("="))
            try:
                factor = float(value)
            except ValueError:
                sign = ""
            if not sign:
                raise InputError(f"{name} is {text!r}: it takes {self.allowed()}")
            if part in found:
                raise InputError(f"{name} gives {part} twice: give each part once")
            found[part] = factor
        return self.check(name, found)

    def check(self, name: str, value: Any) -> dict[str, float]:
        """As `Kind.check`."""
        if not isinstance(value, Mapping):
            raise InputError(f"{name} is {value!r}: it takes {self.allowed()}")
        for part in value:
            check_choice(f"part of {name}", part, PARTS)
        return {part: check_number(f"{name} {part}", factor, -3, 3) for part, factor in value.items()}

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return f"factors from -3 to 3 for parts ({', '.join(PARTS)}), such as eyes=1.5,nose=0.8"


@dataclass(frozen=True)
class ExaggerateConfig(Checked):
    """A face made more itself, or less."""

    strength: float = option(
        1.5,
        "how much more of what is the face's own: 0 none, 1 twice as much, -1 none left",
        Number(-1.0, 3.0),
        "",
        "-1: a mean face; 0: as it is; 3: a bold caricature",
    )
    features: Mapping[str, float] | None = option(
        None,
        "factors on the strength for parts of the face",
        Factors(),
        "",
        "jaw=2,eyes=0: the jaw alone doubled, the eyes left",
        flag="--feature",
    )
