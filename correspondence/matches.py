"""Matches: points of the content image, the points of the style image that go with them, and how sure each one is."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADER = ("content_x", "content_y", "style_x", "style_y", "score")
FEWEST = 3
"""A file holds at least this many matches: two fix a similarity, the third shows what bends."""


class MatchError(ValueError):
    """A set of points cannot be used. The message says what was given, what is allowed and what to do."""


def _frozen(given, shape: tuple[int, ...], what: str) -> np.ndarray:
    try:
        array = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MatchError(f"{what} are not numbers: give an array of shape {shape}") from error
    if array.size == 0:
        array = array.reshape([0 if n < 0 else n for n in shape])
    fits = array.ndim == len(shape) and all(n < 0 or n == m for n, m in zip(shape, array.shape, strict=True))
    if not fits:
        raise MatchError(
            f"{what} have shape {array.shape}: the shape must be {tuple('N' if n < 0 else n for n in shape)}"
        )
    if not np.isfinite(array).all():
        raise MatchError(f"{what} hold NaN or infinite values: every value must be a finite number")
    array.flags.writeable = False
    return array


def _size(given) -> tuple[int, int] | None:
    if given is None:
        return None
    try:
        width, height = (int(v) for v in given)
    except (TypeError, ValueError) as error:
        raise MatchError(f"image size {given!r} is not (width, height) in pixels") from error
    if width < 1 or height < 1:
        raise MatchError(f"image size {(width, height)} is not positive: give (width, height) in pixels")
    return width, height


@dataclass(frozen=True, eq=False)
class Matches:
    """Matched points of two images.

    content, style: float64 (N, 2), order (x, y), pixels of the displayed image, pixel centres at integers.
    scores: float64 (N,), in [0, 1], how sure each match is; 1 everywhere where nothing else is given.
    content_size, style_size: (width, height) of the images that the points refer to, or None where unknown.
    confidence: in [0, 1], how sure the pair as a whole is; None where unknown, as for points set by hand.

    Raises:
        MatchError: shapes that do not fit, values that are not finite, scores outside [0, 1].
    """

    content: np.ndarray
    style: np.ndarray
    scores: np.ndarray | None = None
    content_size: tuple[int, int] | None = None
    style_size: tuple[int, int] | None = None
    confidence: float | None = None

    def __post_init__(self) -> None:
        content = _frozen(self.content, (-1, 2), "content points")
        style = _frozen(self.style, (-1, 2), "style points")
        if len(content) != len(style):
            raise MatchError(f"{len(content)} content points but {len(style)} style points: they must go in pairs")
        scores = _frozen(np.ones(len(content)) if self.scores is None else self.scores, (-1,), "scores")
        if len(scores) != len(content):
            raise MatchError(f"{len(scores)} scores for {len(content)} matches: give one each")
        if len(scores) and (scores.min() < 0 or scores.max() > 1):
            raise MatchError(f"scores reach from {scores.min():g} to {scores.max():g}: they must lie in [0, 1]")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise MatchError(f"confidence is {self.confidence!r}: it must lie in [0, 1]")
        values = {"content": content, "style": style, "scores": scores}
        values |= {"content_size": _size(self.content_size), "style_size": _size(self.style_size)}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.content)

    def __eq__(self, other) -> bool:
        if not isinstance(other, Matches):
            return NotImplemented
        same = all(np.array_equal(a, b) for a, b in zip(self._arrays(), other._arrays(), strict=True))
        return same and (self.content_size, self.style_size) == (other.content_size, other.style_size)

    __hash__ = None

    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.content, self.style, self.scores

    def _like(self, content, style, scores) -> Matches:
        return Matches(content, style, scores, self.content_size, self.style_size, self.confidence)

    def swapped(self) -> Matches:
        """The same matches with content and style exchanged."""
        return Matches(self.style, self.content, self.scores, self.style_size, self.content_size, self.confidence)

    def subset(self, index) -> Matches:
        """The matches that `index` (integers, in that order, or a boolean mask) picks."""
        index = np.asarray(index)
        if index.dtype != bool:
            index = index.astype(np.int64)
        return self._like(self.content[index], self.style[index], self.scores[index])

    def resized(self, content_size: tuple[int, int], style_size: tuple[int, int]) -> Matches:
        """The same matches in pixels of the images at other sizes; pixel areas are mapped, not pixel centres.

        Raises:
            MatchError: the present sizes are unknown.
        """
        if self.content_size is None or self.style_size is None:
            raise MatchError("the matches carry no image sizes: read them with content_size and style_size")
        moved = []
        for points, old, new in (
            (self.content, self.content_size, content_size),
            (self.style, self.style_size, style_size),
        ):
            moved.append((points + 0.5) * (np.array(new, float) / np.array(old, float)) - 0.5)
        return Matches(*moved, self.scores, content_size, style_size, self.confidence)

    def to_csv(self, path) -> None:
        """Write the header `content_x,content_y,style_x,style_y,score` and a row for each match, atomically."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        for content, style, score in zip(*self._arrays(), strict=True):
            writer.writerow([f"{v:.3f}" for v in (*content, *style)] + [f"{score:.4f}"])
        _write(path, text.getvalue())

    def to_json(self, path) -> None:
        """Write points, scores, both sizes and the confidence as one JSON object, atomically."""
        record = {
            "content_size": self.content_size,
            "style_size": self.style_size,
            "confidence": self.confidence,
            "content": self.content.tolist(),
            "style": self.style.tolist(),
            "scores": self.scores.tolist(),
        }
        _write(path, json.dumps(record, indent=1, allow_nan=False) + "\n")

    @classmethod
    def from_csv(cls, path, content_size=None, style_size=None) -> Matches:
        """Read a file of points; the score column may be missing (all scores are 1 then).

        Sizes are (width, height) in pixels of the displayed images; where given, points must lie inside them.

        Raises:
            MatchError: the file cannot be read, or its points cannot be used; the message names the file and the line.
        """
        rows, lines = _csv_rows(path)
        found = cls(rows[:, :2], rows[:, 2:4], rows[:, 4], content_size, style_size)
        check_points(found, path, lines)
        return found

    @classmethod
    def from_json(cls, path, content_size=None, style_size=None) -> Matches:
        """Read what `to_json` wrote. Sizes given here replace those of the file.

        Raises:
            MatchError: the file cannot be read, or its points cannot be used.
        """
        try:
            record = json.loads(_read(path))
            content, style = record["content"], record["style"]
            sizes = content_size or record.get("content_size"), style_size or record.get("style_size")
            found = cls(content, style, record.get("scores"), *sizes, record.get("confidence"))
        except MatchError as error:
            raise MatchError(f"{path}: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MatchError(
                f"{path}: not a file of matches ({error}): it takes the JSON that `dst match --save-points` writes"
            ) from error
        check_points(found, path, None)
        return found


def _read(path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MatchError(f"{path}: not a text file: give a CSV file with the header {','.join(HEADER)}") from error
    except OSError as error:
        raise MatchError(f"{path}: cannot be read ({error.strerror or error}): give an existing file") from error


def _write(path, text: str) -> None:
    """Write `text` under a temporary name beside `path`, then rename: the file is whole or absent."""
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise MatchError(f"{path}: cannot be written ({error.strerror or error}): choose another folder") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise MatchError(f"{path}: cannot be written ({error.strerror or error}): choose another name") from error
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _csv_rows(path) -> tuple[np.ndarray, list[int]]:
    """The numbers of a CSV file as (N, 5) and the line on which each row stands."""
    wanted = f"the header {','.join(HEADER)} (score may be left out)"
    reader = csv.reader(io.StringIO(_read(path), newline=""))
    header, rows, lines = None, [], []
    try:
        for cells in reader:
            cells = [c.strip() for c in cells]
            if not any(cells):
                continue
            if header is None:
                header = tuple(cells)
                if header not in (HEADER, HEADER[:4]):
                    shown = ",".join(cells)[:60]
                    raise MatchError(f"{path}, line {reader.line_num}: the header is {shown!r}: it must be {wanted}")
                continue
            rows.append(_csv_row(cells, len(header), f"{path}, line {reader.line_num}"))
            lines.append(reader.line_num)
    except csv.Error as error:
        raise MatchError(f"{path}, line {reader.line_num}: not CSV ({error}): it takes {wanted}") from error
    if header is None:
        raise MatchError(f"{path}: the file is empty: it takes {wanted} and a row for each match")
    return np.array(rows, dtype=np.float64).reshape(-1, 5), lines


def _csv_row(cells: list[str], columns: int, where: str) -> list[float]:
    if len(cells) != columns:
        raise MatchError(f"{where}: {len(cells)} columns, but the header has {columns}: give {columns} numbers a row")
    values = []
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


def check_points(found: Matches, path, lines: list[int] | None) -> None:
    """Refuse sets that no warp can be fitted to.

    Raises:
        MatchError: fewer than 3 matches, points outside their image, duplicates, all on one line.
    """

    def where(k) -> str:
        return f"{path}, line {lines[k]}" if lines else f"{path}, match {k + 1}"

    for side, points, size in (
        ("content", found.content, found.content_size),
        ("style", found.style, found.style_size),
    ):
        if size is not None and len(points):
            outside = ((points < -0.5) | (points > np.array(size) - 0.5)).any(axis=1)
            if outside.any():
                k = int(np.argmax(outside))
                raise MatchError(
                    f"{where(k)}: the {side} point ({points[k, 0]:g}, {points[k, 1]:g}) is outside the image: x must "
                    f"lie in 0 to {size[0] - 1}, y in 0 to {size[1] - 1}; points are in pixels of the displayed image"
                )
    if len(found) < FEWEST:
        raise MatchError(f"{path}: {len(found)} matches: at least {FEWEST} are needed; add more points")
    for side, points in (("content", found.content), ("style", found.style)):
        _, first, inverse = np.unique(points, axis=0, return_index=True, return_inverse=True)
        repeated = first[inverse.reshape(-1)] != np.arange(len(points))
        if repeated.any():
            k = int(np.argmax(repeated))
            raise MatchError(
                f"{where(k)}: the {side} point ({points[k, 0]:g}, {points[k, 1]:g}) is given twice: remove one of them"
            )
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        if spread[1] <= 1e-3 * spread[0]:
            raise MatchError(f"{path}: the {side} points lie on one line: add a point away from it")
