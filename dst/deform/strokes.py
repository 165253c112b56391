"""How large strokes are: the size that each style is painted from, at every scale of the schedule."""

from __future__ import annotations

import math

from dst.config import InputError, counted

NARROWEST = 16
"""Short side, pixels, that smaller strokes leave a style: a cell of the encoders' deepest layers. A style that is narrower than
this without them stays as large as it is."""


def stroke_sizes(given: float | tuple[float, ...], count: int) -> list[float]:
    """The stroke size of each of `count` styles; a single one counts for all.

    Raises:
        InputError: another number of them.
    """
    if not isinstance(given, tuple):
        return [given] * count
    if len(given) != count:
        raise InputError(
            f"{len(given)} values of stroke_size for {counted(count, 'style image')}: give one each, or one for all"
        )
    return list(given)


def finest_side(size: tuple[int, int], side: int, stroke: float) -> int:
    """Long side, pixels, that a style of `size` (W, H) is painted from at a run's finest scale, whose long side is `side`.

    Without a stroke size a style is as large as the content, and never enlarged; with one, that many times as large.
    """
    return _scaled(size, min(side, max(size)), stroke)


def scale_side(size: tuple[int, int], side: int, stroke: float) -> int:
    """The same at a scale whose long side is `side`, of a style that has `size` (W, H) at the finest."""
    return min(_scaled(size, side, stroke), max(size))


def _scaled(size: tuple[int, int], side: int, stroke: float) -> int:
    return max(round(stroke * side), min(side, math.ceil(NARROWEST * max(size) / min(size))))
