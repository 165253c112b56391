"""Matches: points of the content image, the points of the style image that go with them, and how likely each match is right."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np

from .common import MAX_POINTS, MatchError
from .io import csv_rows, csv_text, read_text, write_text

ROWS = ("content", "style", "scores", "pinned", "source", "shift")
"""What each match has one of."""
MIN_POINTS = 3
"""A file holds at least this many matches: two fix a similarity, the third shows what deforms."""


def _frozen(given, shape: tuple[int, ...], what: str) -> np.ndarray:
    wanted = tuple("N" if n < 0 else n for n in shape)
    try:
        array = np.array(given)
        if array.size and array.dtype.kind not in "fiu":
            raise TypeError(array.dtype)
        array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise MatchError(f"{what} are not numbers: give an array of shape {wanted}") from error
    if array.size == 0:
        array = array.reshape([0 if n < 0 else n for n in shape])
    fits = array.ndim == len(shape) and all(n < 0 or n == m for n, m in zip(shape, array.shape, strict=True))
    if not fits:
        raise MatchError(f"{what} have shape {array.shape}: the shape must be {wanted}")
    if not np.isfinite(array).all():
        raise MatchError(f"{what} hold NaN or infinite values: every value must be a finite number")
    array.flags.writeable = False
    return array


def _size(given) -> tuple[int, int] | None:
    if given is None:
        return None
    try:
        width, height = (int(v) for v in given)
        good = not isinstance(given, str) and (width, height) == tuple(given)
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise MatchError(f"image size {str(given)[:40]!r} is not (width, height) in pixels")
    if width < 1 or height < 1:
        raise MatchError(f"image size {(width, height)} is not positive: give (width, height) in pixels")
    return width, height


@dataclass(frozen=True, eq=False, repr=False)
class Matches:
    """Matched points of two images.

    content, style: float64 (N, 2), order (x, y), pixels of the displayed image, pixel centres at integers.
    scores: float64 (N,), in [0, 1], how likely each match is right; 1 everywhere where nothing else is given.
    content_size, style_size: (width, height) of the images that the points refer to, or None where unknown.
    confidence: in [0, 1], of the pair as a whole; None where unknown, as for points set by hand.
    pinned: bool (N,), matches set by hand that a warp must reach; none unless given. A CSV file does not keep it.
    source: str (N,), where each comes from, such as "mouth" for one of a face's landmarks; empty where unknown.
    shift: float64 (N, 2), what is added to the style points before they are brought into the content's frame: how the place
        would differ were the subject in the content's pose. Zero unless given; a CSV file holds the sums.

    Raises:
        MatchError: shapes that do not fit, values that are not finite, scores outside [0, 1].
    """

    content: np.ndarray
    style: np.ndarray
    scores: np.ndarray | None = None
    content_size: tuple[int, int] | None = None
    style_size: tuple[int, int] | None = None
    confidence: float | None = None
    pinned: np.ndarray | None = None
    source: np.ndarray | None = None
    shift: np.ndarray | None = None

    def __post_init__(self) -> None:
        content = _frozen(self.content, (-1, 2), "content points")
        style = _frozen(self.style, (-1, 2), "style points")
        if len(content) != len(style):
            raise MatchError(f"{len(content)} content points but {len(style)} style points: they must go in pairs")
        scores = _frozen(np.ones(len(content)) if self.scores is None else self.scores, (-1,), "scores")
        pinned = np.zeros(len(content), bool) if self.pinned is None else np.array(self.pinned, bool)
        source = np.full(len(content), "", "<U1") if self.source is None else np.array(self.source, str)
        shift = _frozen(np.zeros((len(content), 2)) if self.shift is None else self.shift, (-1, 2), "shifts")
        pinned.flags.writeable = source.flags.writeable = False
        if len(shift) != len(content):
            raise MatchError(f"shift: {len(shift)} rows for {len(content)} matches: give one each")
        for what, values in (("scores", scores), ("pinned", pinned), ("source", source)):
            if values.shape != (len(content),):
                raise MatchError(f"{what}: {values.size} values for {len(content)} matches: give one each")
        if len(scores) and (scores.min() < 0 or scores.max() > 1):
            raise MatchError(f"scores reach from {scores.min():g} to {scores.max():g}: they must lie in [0, 1]")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise MatchError(f"confidence is {self.confidence!r}: it must lie in [0, 1]")
        values = dict(zip(ROWS, (content, style, scores, pinned, source, shift), strict=True))
        values |= {"content_size": _size(self.content_size), "style_size": _size(self.style_size)}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        between = (
            ""
            if None in (self.content_size, self.style_size)
            else (
                f", {self.content_size[0]} x {self.content_size[1]} to {self.style_size[0]} x {self.style_size[1]} pixels"
            )
        )
        pinned = f", {int(self.pinned.sum())} pinned" if self.pinned.any() else ""
        confidence = "" if self.confidence is None else f", confidence {self.confidence:.2f}"
        return f"Matches({len(self)} points{pinned}{between}{confidence})"

    def __len__(self) -> int:
        return len(self.content)

    def __eq__(self, other) -> bool:
        if not isinstance(other, Matches):
            return NotImplemented
        same = all(np.array_equal(getattr(self, name), getattr(other, name)) for name in ROWS)
        return same and (self.content_size, self.style_size) == (other.content_size, other.style_size)

    __hash__ = None

    def table(self) -> np.ndarray:
        """Content x, y, style x, y and score: (N, 5)."""
        return np.column_stack([self.content, self.style, self.scores])

    def swapped(self) -> Matches:
        """The same matches with content and style exchanged; shifts, which belong to the style, are left out."""
        sides = {"content": self.style, "style": self.content, "shift": None}
        return replace(self, **sides, content_size=self.style_size, style_size=self.content_size)

    def subset(self, index) -> Matches:
        """The matches that `index` (integers, in that order, or a boolean mask) picks."""
        index = np.asarray(index)
        if index.dtype != bool:
            index = index.astype(np.int64)
        return replace(self, **{name: getattr(self, name)[index] for name in ROWS})

    def joined(self, other: Matches) -> Matches:
        """These matches, then those of another set of the same images; sizes and confidence are these ones'."""
        both = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in ROWS}
        return replace(self, **both)

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
        shift = self.shift * (np.array(style_size, float) / np.array(self.style_size, float))
        sizes = {"content_size": content_size, "style_size": style_size}
        return replace(self, content=moved[0], style=moved[1], shift=shift, **sizes)

    def to_csv(self, path) -> None:
        """Write the header `content_x,content_y,style_x,style_y,score` and a row for each match, atomically.

        A column `source` follows where any is known; style points hold their shift.
        """
        table = self.table()
        table[:, 2:4] += self.shift
        if self.style_size is not None:  # a file of points outside their image would not be read
            table[:, 2:4] = table[:, 2:4].clip(-0.5, np.array(self.style_size) - 0.5)
        write_text(path, csv_text(table, self.source.tolist() if (self.source != "").any() else None))

    def for_sizes(self, content_size: tuple[int, int], style_size: tuple[int, int] | None = None) -> Matches:
        """The same matches in pixels of these images, taken to be the same ones at any size; unknown sizes become these.

        Args:
            content_size, style_size: (width, height) in pixels of the displayed images; None where unknown.

        Raises:
            MatchError: the matches are of images of another shape.
        """
        found = replace(self, content_size=self.content_size or content_size, style_size=self.style_size or style_size)
        wanted = content_size, style_size or found.style_size
        for side, old, new in zip(("content", "style"), (found.content_size, found.style_size), wanted, strict=True):
            if old is not None and abs(old[0] * new[1] - old[1] * new[0]) > max(*old, *new):  # by more than rounding
                raise MatchError(
                    f"the matches are of a {side} image of {old[0]} x {old[1]} pixels, and this one is {new[0]} x {new[1]}: "
                    "give those of this image"
                )
        if wanted == (found.content_size, found.style_size):
            return found
        if found.style_size is None:
            return replace(replace(found, style_size=(1, 1)).resized(content_size, (1, 1)), style_size=None)
        return found.resized(*wanted)

    def as_dict(self) -> dict:
        """What `to_json` writes, as plain lists and numbers: points, scores, sizes, confidence, the places of pinned ones."""
        return {
            "content_size": self.content_size,
            "style_size": self.style_size,
            "confidence": self.confidence,
            "content": self.content.tolist(),
            "style": self.style.tolist(),
            "scores": self.scores.tolist(),
            "pinned": np.flatnonzero(self.pinned).tolist(),
            "source": self.source.tolist(),
            "shift": self.shift.tolist(),
        }

    def to_json(self, path) -> None:
        """Write all that is known as one JSON object (`as_dict`), atomically."""
        write_text(path, json.dumps(self.as_dict(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def from_csv(cls, path, content_size=None, style_size=None) -> Matches:
        """Read a file of points; the score column may be missing (all scores are 1 then).

        Sizes are (width, height) in pixels of the displayed images; where given, points must lie inside them.

        Raises:
            MatchError: the file cannot be read, or its points cannot be used; the message names the file and the line.
        """
        rows, lines, sources = csv_rows(path)
        found = cls(rows[:, :2], rows[:, 2:4], rows[:, 4], content_size, style_size, source=sources)
        check_points(found, path, lines)
        return found

    @classmethod
    def from_json(cls, path, content_size=None, style_size=None) -> Matches:
        """Read what `to_json` wrote. Sizes given here replace those of the file.

        Raises:
            MatchError: the file cannot be read, or its points cannot be used.
        """
        text = read_text(path)
        try:
            record = json.loads(text)
            content, style = record["content"], record["style"]
            sizes = content_size or record.get("content_size"), style_size or record.get("style_size")
            pinned = places_to_mask(record.get("pinned", []), len(content))
            more = record.get("source"), record.get("shift")
            if more[0] is not None and not all(isinstance(name, str) for name in more[0]):
                raise MatchError("source holds what is no text: give a list of names")
            found = cls(content, style, record.get("scores"), *sizes, record.get("confidence"), pinned, *more)
        except MatchError as error:
            raise MatchError(f"{path}: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            why = "nested too deeply" if isinstance(error, RecursionError) else error
            raise MatchError(
                f"{path}: not a file of matches ({why}): it takes the JSON that `dst match --save-points` writes"
            ) from error
        check_points(found, path, None)
        return found


def places_to_mask(places, count: int) -> np.ndarray:
    """Whole numbers from 0 to `count` - 1, in any order, as (count,) bool.

    Raises:
        MatchError: others.
    """
    if not all(type(k) is int and 0 <= k < count for k in places):
        raise MatchError(f"pinned is {str(places)[:40]}: it takes the places of matches, from 0 to {count - 1}")
    mask = np.zeros(count, bool)
    mask[list(places)] = True
    return mask


def check_points(found: Matches, path, lines: list[int] | None) -> None:
    """Refuse sets that no warp can be fitted to.

    Raises:
        MatchError: fewer than 3 matches or more than 2000, points outside their image, duplicates, all on one line.
    """
    if len(found) > MAX_POINTS:
        raise MatchError(f"{path}: {len(found)} matches: at most {MAX_POINTS} can be used; leave some out")

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
    if len(found) < MIN_POINTS:
        raise MatchError(f"{path}: {len(found)} matches: at least {MIN_POINTS} are needed; add more points")
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
