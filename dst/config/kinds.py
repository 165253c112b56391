"""Kinds of options: how a value is written as text, what a value from Python becomes, what is allowed.

One kind serves every way in: a flag of the command line, a cell of a table of pairs, an axis of a grid, a line of a configuration
file and a keyword in Python all give the same value, or are refused with the same message.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dst.config.base import InputError, bound, check_choice, check_number, shown, suggest

BETWEEN = ";"
"""What stands between the several values of an option that may be given more than once, where they are one text."""


WORDS = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False, "off": False}
"""How a switch is written."""


class Kind:
    """A kind of option.

    Attributes:
        metavar: what `--help` shows for a value; empty for a switch.
        repeats: whether a flag may be given several times, each adding to the value.
    """

    metavar = ""
    repeats = False

    def parse(self, name: str, text: str, home: Path | None = None) -> Any:
        """The value that a text stands for. Files are relative to `home`, where one is given.

        Raises:
            InputError: the text is no such value; the message calls the option `name`.
        """
        return self.check(name, text)

    def check(self, name: str, value: Any) -> Any:
        """The value as options hold it.

        Raises:
            InputError: it is not allowed.
        """
        return value

    def read(self, name: str, value: Any, home: Path | None = None) -> Any:
        """The value that stands in a configuration file: one of the file's own type, or a text as `parse` takes it.

        Raises:
            InputError: it is not allowed.
        """
        if self.repeats and isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            value = BETWEEN.join(value)
        return self.parse(name, value, home) if isinstance(value, str) else self.check(name, value)

    def write(self, value: Any, home: Path) -> Any:
        """The value as a configuration file in the folder `home` holds it: what `read` brings back."""
        return value

    def allowed(self) -> str:
        """The range or the choices in a few words, or an empty string."""
        return ""


class Number(Kind):
    """A finite number in [low, high], whole or not."""

    metavar = "X"

    def __init__(self, low: float, high: float, whole: bool = False) -> None:
        self.low, self.high, self.whole = low, high, whole
        if whole:
            self.metavar = "N"

    def parse(self, name: str, text: str, home: Path | None = None) -> int | float:
        """As `Kind.parse`."""
        return self.check(name, read_number(text, self.whole))

    def check(self, name: str, value: Any) -> int | float:
        """As `Kind.check`."""
        return check_number(name, value, self.low, self.high, self.whole)

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return f"{bound(self.low)} to {bound(self.high)}"


def whole(low: int, high: int) -> Number:
    """A whole number in [low, high]."""
    return Number(low, high, whole=True)


class Each(Number):
    """A finite number in [low, high], or several with commas between, one for each style: `0.5,2`; from Python a list."""

    metavar = "X[,X]"

    def parse(self, name: str, text: str, home: Path | None = None) -> int | float | tuple:
        """As `Kind.parse`."""
        return self.check(name, [read_number(part) for part in text.split(",")])

    def check(self, name: str, value: Any) -> int | float | tuple:
        """As `Kind.check`: a tuple where there are several, else the number."""
        values = _listed(value) or [value]
        found = tuple(super(Each, self).check(name, item) for item in values)
        return found if len(found) > 1 else found[0]


class Switch(Kind):
    """On or off."""

    def parse(self, name: str, text: str, home: Path | None = None) -> bool:
        """As `Kind.parse`."""
        if text.lower() not in WORDS:
            raise InputError(f"{name} is {text!r}: it takes yes or no (or true, false, on, off, 1, 0)")
        return WORDS[text.lower()]

    def check(self, name: str, value: Any) -> bool:
        """As `Kind.check`."""
        if getattr(getattr(value, "dtype", None), "kind", "") == "b" and not value.shape:
            return bool(value)  # NumPy's
        if not isinstance(value, bool):
            raise InputError(f"{name} is {shown(value)}: it takes True or False")
        return value


class Choice(Kind):
    """One of some names; a mapping of names may grow later."""

    metavar = "NAME"

    def __init__(self, names: Iterable[str]) -> None:
        self.names = names

    def check(self, name: str, value: Any) -> str:
        """As `Kind.check`."""
        return check_choice(name, value, self.names)

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return ", ".join(self.names)


class Named(Number):
    """A number in [low, high], some of which have names."""

    metavar = "NAME|X"

    def __init__(self, names: dict[str, float], low: float, high: float) -> None:
        super().__init__(low, high)
        self.names = names

    def parse(self, name: str, text: str, home: Path | None = None) -> float:
        """As `Kind.parse`."""
        return self.check(name, read_number(text, False))

    def check(self, name: str, value: Any) -> float:
        """As `Kind.check`."""
        if isinstance(value, str):
            if value not in self.names:
                hint = suggest(value, self.names)
                raise InputError(f"{name} is {shown(value)}: it takes one of {self.allowed()}{hint}")
            return self.names[value]
        return float(super().check(name, value))

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return f"{', '.join(self.names)}, or a number, {super().allowed()}"


class Text(Kind):
    """Any text; what it means is checked where it is used."""

    def __init__(self, metavar: str = "NAME") -> None:
        self.metavar = metavar

    def read(self, name: str, value: Any, home: Path | None = None) -> Any:
        """As `Kind.read`: a text and nothing else."""
        if not isinstance(value, str):
            raise InputError(f"{name} is {value!r}: it takes a text in quotes")
        return self.parse(name, value, home)


class File(Text):
    """The path of a file; from Python also an image as anything that `dst.imaging.read` takes.

    Args:
        names: words that are taken for what they say, and not for files.
    """

    def __init__(self, *names: str, metavar: str = "FILE") -> None:
        super().__init__(metavar)
        self.names = names

    def parse(self, name: str, text: str, home: Path | None = None) -> str:
        """As `Kind.parse`."""
        return text if home is None or text in self.names else os.path.join(home, text)

    def write(self, value: Any, home: Path) -> Any:
        """As `Kind.write`: a path that is not absolute leads from `home` to the file."""
        if value in self.names or os.path.isabs(value):
            return value
        folder, name = os.path.split(value)
        found = os.path.relpath(os.path.join(os.path.realpath(folder or "."), name), os.path.realpath(home))
        return os.path.join(".", found) if found in self.names else found


class Folder(File):
    """The path of a folder."""

    def __init__(self) -> None:
        super().__init__(metavar="DIR")

    def parse(self, name: str, text: str, home: Path | None = None) -> str:
        """As `Kind.parse`; `-` is what other commands take for standard output."""
        if not text:
            raise InputError(f"{name} is '': it takes the name of a folder")
        if text == "-":
            raise InputError(f"{name} is '-': it takes a folder, which cannot go to standard output")
        return super().parse(name, text, home)


class Files(File):
    """One file or several, one for each style."""

    repeats = True

    def parse(self, name: str, text: str, home: Path | None = None) -> tuple[str, ...]:
        """As `Kind.parse`."""
        return tuple(super(Files, self).parse(name, part.strip(), home) for part in text.split(BETWEEN))

    def check(self, name: str, value: Any) -> Any:
        """A tuple, unless a single one that is no list."""
        return tuple(value) if isinstance(value, (list, tuple)) else value

    def read(self, name: str, value: Any, home: Path | None = None) -> tuple[str, ...]:
        """As `Kind.read`: a text, or a list of file names."""
        if not isinstance(value, list):
            return super().read(name, value, home)
        return tuple(File.read(File(*self.names), name, item, home) for item in value)

    def write(self, value: Any, home: Path) -> Any:
        """As `Kind.write`."""
        return [super(Files, self).write(item, home) for item in (value if isinstance(value, list) else [value])]


class Names(Kind):
    """Names with + or commas between, each once: `relu1_1+relu3_1`."""

    metavar = "NAME+NAME"

    def __init__(self, what: str = "layers", such: str = "relu1_1+relu3_1") -> None:
        """`what` the names are of, in the plural, and `such` an example."""
        self.what, self.such = what, such

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """As `Kind.check`."""
        names = value.replace(",", "+").split("+") if isinstance(value, str) else value
        good = isinstance(names, (list, tuple)) and names and all(isinstance(n, str) and n.strip() for n in names)
        names = tuple(n.strip() for n in names) if good else ()
        if not good or len(set(names)) < len(names):
            raise InputError(f"{name} is {value!r}: it takes names of {self.what}, each once, such as {self.such}")
        return names


class Several(Names):
    """Names of a choice with + or commas between, each once."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__()
        self.choices = tuple(choices)

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """As `Kind.check`."""
        names = value.replace(",", "+").split("+") if isinstance(value, str) else list(value)
        for item in names:
            check_choice(name, item, self.choices)
        if not names or len(set(names)) < len(names):
            raise InputError(
                f"{name} is {'+'.join(names)!r}: it takes each of {', '.join(self.choices)} once at the most"
            )
        return tuple(names)


class Numbers(Kind):
    """Numbers with commas between: `1,0.5`; from Python a list or a single one; nothing from an empty list."""

    def __init__(self, low: float, high: float | None, whole: bool = False, positive: bool = False) -> None:
        """`positive`: at least one of them must be above 0. Whole ones come out sorted, each once."""
        self.low, self.high, self.whole, self.positive = low, high, whole, positive
        self.metavar = "N,N" if whole else "X,X"

    def parse(self, name: str, text: str, home: Path | None = None) -> tuple | None:
        """As `Kind.parse`."""
        values = [read_number(part, self.whole) for part in text.split(",")]
        if any(isinstance(value, str) for value in values):
            some = "whole numbers" if self.whole else "numbers"
            raise InputError(f"{name} is {text!r}: it takes {some} with commas between, without spaces")
        return self.check(name, values)

    def check(self, name: str, value: Any) -> tuple | None:
        """As `Kind.check`."""
        values = _listed(value)
        found = [check_number(name, item, self.low, self.high, self.whole) for item in values]
        if self.positive and found and sum(found) == 0:
            raise InputError(f"{name} are all 0: at least one must count")
        if self.whole:
            return tuple(sorted(set(found))) or None
        return tuple(float(item) for item in found) or None


class Rows(Kind):
    """Rows of as many numbers as there are letters: `10,20,15,25`; several with ; between, or one a flag."""

    repeats = True

    def __init__(self, letters: str, meaning: str) -> None:
        self.count, self.meaning, self.metavar = len(letters), meaning, ",".join(letters)

    def parse(self, name: str, text: str, home: Path | None = None) -> tuple | None:
        """As `Kind.parse`."""
        rows = [[read_number(part) for part in row.split(",")] for row in text.split(BETWEEN)]
        if any(isinstance(value, str) for row in rows for value in row):
            raise InputError(f"{name} is {text!r}: it takes {self.count} numbers with commas between, without spaces")
        return self.check(name, rows)

    def check(self, name: str, value: Any) -> tuple | None:
        """As `Kind.check`."""
        rows = _listed(value)
        if rows and not any(isinstance(row, (list, tuple)) or hasattr(row, "tolist") for row in rows):
            rows = [rows]  # a single one
        try:
            return tuple(self._row(name, _listed(row)) for row in rows) or None
        except InputError:
            raise InputError(f"{name} are {value!r}: each takes {self.meaning}") from None

    def _row(self, name: str, row: list) -> tuple[float, ...]:
        if len(row) != self.count:
            raise InputError(name)
        return tuple(float(check_number(name, item, None, None)) for item in row)


def read_number(text: str, whole: bool = False) -> int | float | str:
    """The number that a text stands for; the text itself where it stands for none."""
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text


def _listed(value: Any) -> list:
    if hasattr(value, "tolist") and not isinstance(value, (list, tuple)):  # a NumPy array or a tensor
        value = value.tolist()
    return list(value) if isinstance(value, (list, tuple, set)) else [value]
