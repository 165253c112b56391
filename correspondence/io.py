"""Files of matches: CSV and JSON, read with the line of every fault, written whole or not at all."""

from __future__ import annotations

import csv
import io
import math

import numpy as np

from .common import FULL, MAX_POINTS, MatchError, read_regular, replacing

HEADER = ("content_x", "content_y", "style_x", "style_y", "score")
SOURCE = "source"
"""A last column that may be there: where a match comes from."""
SOURCE_LENGTH = 40
"""Letters of it that are kept."""


def read_text(path) -> str:
    """The text of a file.

    Raises:
        MatchError: it cannot be read, is no ordinary file, is not text, or goes on beyond any table of matches.
    """
    try:
        return read_regular(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MatchError(f"{path}: not a text file: give a CSV file with the header {','.join(HEADER)}") from error
    except OSError as error:
        raise MatchError(f"{path}: cannot be read ({error.strerror or error}): give a file of matches") from error


def write_text(path, text: str) -> None:
    """Write a file, whole or not at all.

    Raises:
        MatchError: it cannot be written there.
        OSError: the disk is full or fails.
    """
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        if error.errno in FULL:
            raise
        raise MatchError(f"{path}: cannot be written ({error.strerror or error}): choose another place") from error


def csv_text(rows, sources: list[str] | None = None) -> str:
    """Rows of (content x, content y, style x, style y, score), and where each comes from, as CSV, with the header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER if sources is None else (*HEADER, SOURCE))
    for k, (*points, score) in enumerate(rows):
        more = [] if sources is None else [sources[k]]
        writer.writerow([f"{v:.3f}" for v in points] + [f"{score:.4f}"] + more)
    return text.getvalue()


def csv_rows(path) -> tuple[np.ndarray, list[int], list[str] | None]:
    """The numbers of a CSV file as (N, 5), the line on which each row stands, and where each comes from, if that is told."""
    wanted = f"the header {','.join(HEADER)} (score may be left out; {SOURCE} may follow)"
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    header, rows, lines, sources = None, [], [], None
    try:
        for cells in reader:
            cells = [c.strip() for c in cells]
            if not any(cells):
                continue
            if header is None:
                header = tuple(cells)
                if header == (*HEADER, SOURCE):
                    header, sources = HEADER, []
                if header not in (HEADER, HEADER[:4]):
                    shown = ",".join(cells)[:60]
                    raise MatchError(f"{path}, line {reader.line_num}: the header is {shown!r}: it must be {wanted}")
                continue
            if sources is not None and len(cells) > len(HEADER):
                sources.append(cells.pop()[:SOURCE_LENGTH])
            elif sources is not None:
                sources.append("")
            rows.append(_csv_row(cells, len(header), f"{path}, line {reader.line_num}"))
            lines.append(reader.line_num)
            if len(rows) > MAX_POINTS:
                raise MatchError(f"{path}: more than {MAX_POINTS} matches: no more can be used; leave some out")
    except csv.Error as error:
        raise MatchError(f"{path}, line {reader.line_num}: not CSV ({error}): it takes {wanted}") from error
    if header is None:
        raise MatchError(f"{path}: the file is empty: it takes {wanted} and a row for each match")
    return np.array(rows, dtype=np.float64).reshape(-1, 5), lines, sources


def _csv_row(cells: list[str], columns: int, where: str) -> list[float]:
    if len(cells) == columns - 1 == 4:
        cells = [*cells, ""]
    if len(cells) != columns:
        raise MatchError(f"{where}: {len(cells)} columns, but the header has {columns}: give {columns} numbers a row")
    values = []
    if columns == len(HEADER) and not cells[4]:
        cells = [*cells[:4], "1"]  # set by hand
    for name, cell in zip(HEADER, cells, strict=False):
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise MatchError(f"{where}: {name} is {cell[:30]!r}: it must be a finite number, with a point for decimals")
        values.append(value)
    if columns == len(HEADER) and not 0 <= values[4] <= 1:
        raise MatchError(f"{where}: score is {cells[4]}: it must lie in [0, 1]")
    return values if columns == len(HEADER) else [*values, 1.0]
