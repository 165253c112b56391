"""Blocks of a sample laid row by row, each drawn from those that fit what is there, and cut along the best boundary."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from dst.patches.blocks import Errors, Search, Term
from dst.patches.cuts import new_pixels

AROUND, AROUND_ONTO = 2, 4
"""Blocks in each direction whose places in the sample are not used again at once, where there are others; and up to how many onto a
picture, in whose even parts the same few blocks would fit best again and again."""
HELD = 0.2
"""Share of the sample that may be held back onto a picture: with more, what is like the picture runs out."""


class Plan(NamedTuple):
    """How blocks are laid.

    Attributes:
        size: (W, H) of the result, pixels.
        over: pixels that a block lies over its neighbour.
        tolerance: how much worse than the best a block may fit, a share.
        piece: blocks side by side that may be one piece of the sample.
        alpha: weight of how blocks fit each other; the rest is that of how they fit what they are laid onto.
    """

    size: tuple[int, int]
    over: int
    tolerance: float
    piece: int
    alpha: float = 1.0


class Layout(NamedTuple):
    """What was laid where.

    Attributes:
        index: (H, W) int32, which pixel of the sample each pixel is: its row times the sample's width plus its column.
        block: (H, W) int32, which block it belongs to, counted row by row.
    """

    index: np.ndarray
    block: np.ndarray


def laid(
    search: Search,
    plan: Plan,
    generator: torch.Generator,
    onto: np.ndarray | None = None,
    before: np.ndarray | None = None,
    on_row: Callable[[], object] = lambda: None,
) -> Layout:
    """Lay a quilt: the first block at random, every other one to fit those at its left and above.

    Blocks go on past the right and the lower end, where the result is cut to its size.

    Args:
        search: the sample; its first channels are those that blocks have to agree in, its second ones, with `onto`, those that
            they follow it in.
        plan: sizes and weights.
        generator: of every draw.
        onto: (D, H, W), what the result is to be like in the sample's second channels.
        before: (C, H, W), the result of an earlier pass, which blocks are to agree with too.
        on_row: called after each row of blocks.
    """
    quilt = _Quilt(search, plan, AROUND if onto is None else reach_onto(search.parts[0].shape[1:], search.block))
    onto, before = (None if x is None else quilt.padded(x) for x in (onto, before))
    for row in range(quilt.places.shape[0]):
        for column in range(quilt.places.shape[1]):
            y, x = row * quilt.step, column * quilt.step
            wanted = [quilt.wanted(y, x, before)]
            if onto is not None:
                wanted.append([quilt.term(onto, y, x, 1 - plan.alpha)])
            quilt.put(row, column, quilt.chosen(row, column, search.errors(wanted, generator), generator))
        on_row()
    return quilt.finished()


def reach_onto(sample: tuple[int, int], block: int) -> int:
    """From how many blocks in each direction nothing is used again onto a picture, for a sample (h, w) and the side of a block.

    Each block holds back a square of half its side, and n blocks in each direction are 2 n (n + 1) that were laid before.
    """
    fitting = (n for n in range(AROUND_ONTO, AROUND, -1) if n * (n + 1) * block**2 / 2 <= HELD * sample[0] * sample[1])
    return next(fitting, AROUND)


class _Quilt:
    """A quilt so far."""

    def __init__(self, search: Search, plan: Plan, around: int) -> None:
        self.search, self.plan, self.around, self.step = search, plan, around, search.block - plan.over
        count = [max(1, -(-(n - plan.over) // self.step)) for n in plan.size[::-1]]
        extent = [plan.over + n * self.step for n in count]
        self.values = np.zeros((len(search.parts[0]), *extent), np.float32)
        self.block = np.zeros(extent, np.int32)
        self.index = np.zeros(extent, np.int32)
        self.places = np.full((*count, 2), -1)
        self.runs = np.ones((*count, 2), np.int64)  # along the row, along the column

    def padded(self, values: np.ndarray) -> np.ndarray:
        """Maps (C, H, W) mirrored on to where the last blocks end."""
        more = [(0, n - m) for n, m in zip(self.block.shape, values.shape[1:], strict=True)]
        return np.pad(values, ((0, 0), *more), mode="symmetric")

    def term(self, values: np.ndarray, y: int, x: int, weight: float) -> Term:
        """A block's share of some maps."""
        b = self.search.block
        return Term(values[:, y : y + b, x : x + b], (0, 0, b, b), weight)

    def wanted(self, y: int, x: int, before: np.ndarray | None) -> list[Term]:
        """What a block at a place is to agree with: what it will lie over, and all that an earlier pass left there."""
        b, o, alpha = self.search.block, self.plan.over, self.plan.alpha
        there = self.values[:, y : y + b, x : x + b]
        areas = [(0, 0, b, o)] if x else []
        areas += [(0, o if x else 0, o, b)] if y else []
        earlier = [] if before is None else [self.term(before, y, x, alpha)]
        return [*earlier, *(Term(there, area, alpha) for area in areas)]

    def chosen(self, row: int, column: int, errors: Errors, generator: torch.Generator) -> tuple[int, int]:
        """Where in the sample the block is taken from, (y, x): one of those that fit nearly as well as the best.

        What goes on as its neighbour does in the sample fits that one without fault, and would mostly be the best. While its run is
        short enough, and it fits as well as others in all else, it is taken with even odds; else it is kept away from. So is,
        while there is anything else, what was used close by.
        """
        values = errors.values
        held, ongoing = np.zeros(values.shape, np.int8), []
        reach = self.search.block // 4
        for other in self._around(row, column):
            y, x = self.places[other] - (errors.top, errors.left)
            held[max(0, y - reach) : max(0, y + reach + 1), max(0, x - reach) : max(0, x + reach + 1)] = 1
        for way, (down, right) in enumerate(((0, 1), (1, 0))):
            if row < down or column < right:
                continue
            y, x = self.places[row - down, column - right] + (down * self.step, right * self.step)
            y, x = y - errors.top, x - errors.left
            near = self.plan.over
            held[max(0, y - near) : max(0, y + near + 1), max(0, x - near) : max(0, x + near + 1)] = 2
            inside = 0 <= y < values.shape[0] and 0 <= x < values.shape[1]
            if inside and self.runs[row - down, column - right, way] < self.plan.piece:
                ongoing.append((y, x))
        best = held == held.min()
        most = (1 + self.plan.tolerance) * float(values[best].min()) + errors.floor
        places = np.flatnonzero(best & (values <= most)).tolist()
        ongoing = [y * values.shape[1] + x for y, x in ongoing if values[y, x] <= most]
        if ongoing and int(torch.randint(2, (), generator=generator)):
            places = ongoing
        y, x = divmod(places[int(torch.randint(len(places), (), generator=generator))], values.shape[1])
        return errors.top + y, errors.left + x

    def _around(self, row: int, column: int) -> list[tuple[int, int]]:
        """Blocks near one, that were laid before it."""
        rows = range(max(0, row - self.around), row + 1)
        columns = range(max(0, column - self.around), min(self.places.shape[1], column + self.around + 1))
        return [(r, c) for r in rows for c in columns if (r, c) < (row, column)]

    def put(self, row: int, column: int, place: tuple[int, int]) -> None:
        """Lay a block, cut along the best boundary."""
        b, o = self.search.block, self.plan.over
        (y, x), at = place, np.s_[row * self.step : row * self.step + b, column * self.step : column * self.step + b]
        block, there = self.search.parts[0][:, y : y + b, x : x + b], self.values[:, *at]
        apart = np.square(block - there).sum(0)
        new = new_pixels(apart[:, :o] if column else None, apart[:o] if row else None, b)
        there[:, new] = block[:, new]
        self.block[at][new] = row * self.places.shape[1] + column
        index = np.arange(y, y + b)[:, None] * self.search.width + np.arange(x, x + b)
        self.index[at][new] = index[new]
        self.places[row, column] = place
        for way, (down, right) in enumerate(((0, 1), (1, 0))):
            if row >= down and column >= right:
                goes_on = self.places[row - down, column - right] + (down * self.step, right * self.step)
                if tuple(goes_on) == tuple(place):
                    self.runs[row, column, way] = self.runs[row - down, column - right, way] + 1

    def finished(self) -> Layout:
        """The quilt, cut to its size."""
        width, height = self.plan.size
        return Layout(self.index[:height, :width].copy(), self.block[:height, :width].copy())
