"""Kinds of the parts of a stored file, declared once and checked when the file is read.

They are kinds like those of options (`dst.config.kinds`), and can be nested:

    Table({"size": Row(whole(1, 4096), whole(1, 4096)), "points": Items(Row(Number(0, 1), Number(0, 1)))})
"""

from __future__ import annotations

from typing import Any

from dst.config.base import InputError, shown
from dst.config.kinds import Kind

MANY = 10**7
"""The most parts that a list or a table of any kind holds."""
DEPTH = 32
"""How deep what is free to hold anything may be nested."""


def refuse(name: str, value: Any, takes: str) -> InputError:
    """What is raised of a part that is not what it must be."""
    return InputError(f"{name or 'the whole'} is {shown(value)}: it takes {takes}")


def _inner(name: str, key: str) -> str:
    """How messages call a part of a part: `matches.points`."""
    key = key if key.isidentifier() and len(key) < 40 else shown(key)
    return f"{name}.{key}" if name else key


class Words(Kind):
    """Any text of a few thousand letters."""

    def check(self, name: str, value: Any) -> str:
        """As `Kind.check`."""
        if not isinstance(value, str) or len(value) > 10_000:
            raise refuse(name, value, "text")
        return value


class Maybe(Kind):
    """A kind, or None."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def check(self, name: str, value: Any) -> Any:
        """As `Kind.check`."""
        return None if value is None else self.kind.check(name, value)


class Items(Kind):
    """A list of parts of one kind, from `min_count` to `max_count` of them."""

    def __init__(self, kind: Kind, max_count: int = MANY, min_count: int = 0) -> None:
        self.kind, self.max_count, self.min_count = kind, max_count, min_count

    def check(self, name: str, value: Any) -> Any:
        """As `Kind.check`."""
        if not isinstance(value, (list, tuple)) or not self.min_count <= len(value) <= self.max_count:
            raise refuse(name, value, f"a list of {self.min_count} to {self.max_count}")
        for k, item in enumerate(value):
            self.kind.check(f"{name}[{k}]", item)
        return value


class Row(Kind):
    """A list of as many parts as there are kinds, each of its own."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = kinds

    def check(self, name: str, value: Any) -> Any:
        """As `Kind.check`."""
        if not isinstance(value, (list, tuple)) or len(value) != len(self.kinds):
            raise refuse(name, value, f"a list of {len(self.kinds)}")
        for k, (kind, item) in enumerate(zip(self.kinds, value, strict=True)):
            kind.check(f"{name}[{k}]", item)
        return value


class Every(Kind):
    """Parts of one kind by name, whatever the names."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def check(self, name: str, value: Any) -> dict[str, Any]:
        """As `Kind.check`."""
        if not isinstance(value, dict) or len(value) > MANY or not all(isinstance(key, str) for key in value):
            raise refuse(name, value, "parts by name")
        for key, item in value.items():
            self.kind.check(_inner(name, key), item)
        return value


class Free(Kind):
    """Numbers, text, lists and tables of any kind, not nested without end."""

    def check(self, name: str, value: Any, depth: int = DEPTH) -> Any:
        """As `Kind.check`."""
        parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else []
        if not depth or (isinstance(value, dict) and not all(isinstance(key, str) for key in value)):
            raise refuse(name, value, "text, numbers, and lists and tables of them that are not nested too deeply")
        for part in parts:
            self.check(name, part, depth - 1)
        if not isinstance(value, (dict, list, tuple, str, bool, int, float, type(None))):
            raise refuse(name, value, "text, numbers, and lists and tables of them")
        return value


class Table(Kind):
    """Parts by name: those that must be there, those that may be, and others."""

    def __init__(self, parts: dict[str, Kind], may: dict[str, Kind] | None = None, rest: Kind | None = None) -> None:
        """`rest`: of parts of any other name, such as a later version may write; free unless given."""
        self.parts, self.may, self.rest = parts, may or {}, rest or Free()

    def check(self, name: str, value: Any) -> dict[str, Any]:
        """As `Kind.check`."""
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise refuse(name, value, "parts by name")
        missing = [key for key in self.parts if key not in value]
        if missing:
            raise InputError(f"{_inner(name, missing[0])} is missing")
        for key, item in value.items():
            (self.parts.get(key) or self.may.get(key) or self.rest).check(_inner(name, key), item)
        return value
