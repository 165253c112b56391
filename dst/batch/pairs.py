"""A table of pairs: content, style, a name, and any option, a row each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dst.config import InputError, counted, named_options, option_kinds, option_name, option_names, suggest
from dst.config.files import read_text

REPORT = "report.csv"
"""What a batch writes beside the folders of its runs."""


def read_pairs(pairs: Any) -> list[dict[str, Any]]:
    """The rows of a table of pairs, each with `content`, `style`, `name` and its own options.

    Raises:
        InputError: not a table of pairs, an unknown column, a missing cell, or two pairs of one name.
    """
    if isinstance(pairs, (str, Path)):
        rows = _read_csv(Path(pairs))
    else:
        rows = [_named(number, row) for number, row in enumerate(pairs, 1)]
    if not rows:
        raise InputError("the table of pairs is empty: give one row for each pair")
    known = ["content", "style", "name", *option_kinds()]
    names: set[str] = set()
    for number, row in enumerate(rows, 1):
        for key in row:
            if key not in known:
                raise InputError(f"pair {number}: the column {key!r} is not known{suggest(key, known)}")
        for key in ("content", "style"):
            if row.get(key) is None:
                raise InputError(f"pair {number} has no {key}: each row takes content and style")
        row["name"] = _safe(row.get("name") or f"{_stem(row['content'])}-{_stem(row['style'])}")
        if row["name"] in names:
            raise InputError(
                f"pair {number}: the name {row['name']!r} comes twice: give every pair a `name` of its own"
            )
        names.add(row["name"])
    return rows


def in_style(images: Sequence[Any], style: Any) -> list[dict[str, Any]]:
    """A table of pairs: every image in one style (or one mixture of several), each named by its own file.

    Raises:
        InputError: a table among the images, or two images whose runs would get one name.
    """
    rows, names = [], {}
    for image in images:
        if str(image).lower().endswith(".csv"):
            raise InputError(
                f"{image} is a table, which says each pair's style itself: give images, or leave the style out"
            )
        name = _safe(_stem(image))
        if name in names:
            raise InputError(
                f"{names[name]} and {image} would both be kept as {name!r}: rename one, or name them in a table"
            )
        names[name] = image
        rows.append({"content": image, "style": style, "name": name})
    return rows


def _stem(source: Any) -> str:
    return Path(source).stem if isinstance(source, (str, Path)) else "image"


def _safe(name: str) -> str:
    safe = re.sub(r"[^\w.-]+", "_", str(name)).strip("._")
    if safe.lower() == REPORT:
        raise InputError(f"the name {name!r} is that of the batch's report: choose another")
    if not safe:
        raise InputError(f"the name {name!r} makes no folder: use letters and digits")
    return safe


def _named(number: int, row: Any) -> dict[str, Any]:
    """A row of a table of pairs by the names of today's options."""
    try:
        return named_options(dict(row))
    except InputError as error:
        raise InputError(f"pair {number}: {error}") from error


def _read_csv(path: Path) -> list[dict[str, Any]]:
    text = read_text(path, "give a CSV file with the header content,style")
    try:
        table = [cells for cells in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(f"{path} is no table of pairs ({error}): give a CSV file") from error
    if not table or not {"content", "style"} <= {cell.strip() for cell in table[0]}:
        raise InputError(f"{path} is no table of pairs: its first line must be a header with content,style")
    header, rows = [option_name(cell) for cell in table[0]], []
    try:
        option_names(cell for cell in table[0] if cell.strip())
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    for number, cells in enumerate(table[1:], 1):
        if len(cells) != len(header):
            raise InputError(f"{path}, pair {number}: {counted(len(cells), 'cell')}, but the header has {len(header)}")
        row = {key: cell.strip() for key, cell in zip(header, cells, strict=True) if cell.strip()}
        try:
            rows.append({key: _value(key, cell, path.parent) for key, cell in row.items()})
        except InputError as error:
            raise InputError(f"{path}, pair {number}: {error}") from error
    return rows


def _value(key: str, cell: str, home: Path) -> Any:
    """A cell as the value of its option; files are relative to the table."""
    if key in ("content", "style"):
        return str(home / cell)
    kind = option_kinds().get(key)
    return cell if kind is None else kind.parse(key, cell, home)
