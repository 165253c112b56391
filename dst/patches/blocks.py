"""Which block of a sample fits: the squared difference at every place of the sample, by the Fourier transform."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

SEARCHED = 512
"""Sides of the part of a sample that one block is looked for in, pixels, at the most: of a larger sample another part, drawn at
random, for each block, so that the time does not grow with the sample."""
ROUNDING = 1e-6
"""Of the squares that a difference is computed from, what is lost to float32."""


class Term(NamedTuple):
    """What a block should be like in some channels, in a part of it.

    Attributes:
        values: (C, b, b), of the whole block.
        area: (top, left, bottom, right) within the block; no other values count.
        weight: of the squared difference.
    """

    values: np.ndarray
    area: tuple[int, int, int, int]
    weight: float


class Errors(NamedTuple):
    """Of each place that a block may be taken from, how badly it fits.

    Attributes:
        values: (h, w) float32, at the places (top + y, left + x) of the sample.
        floor: what is lost to rounding.
        top, left: the first place.
    """

    values: np.ndarray
    floor: float
    top: int
    left: int


class Search:
    """A sample, ready for blocks of one side to be looked for.

    Args:
        parts: the sample's channels in groups (C, h, w), float32; a block is wanted like something in each.
        block: side, pixels; at most that of the sample.
    """

    def __init__(self, parts: list[np.ndarray], block: int) -> None:
        self.parts, self.block = parts, block
        self.sums = [_summed(part) for part in parts]
        self.height, self.width = parts[0].shape[1:]
        self._squares: dict[tuple, np.ndarray] = {}
        self._kept: tuple[tuple[int, int, int, int], torch.Tensor] | None = None

    def errors(self, wanted: list[list[Term]], generator: torch.Generator) -> Errors:
        """Weighted squared difference of what is wanted and of every block of the sample, or of a part of it of `SEARCHED` pixels.

        Args:
            wanted: for each group of channels the terms that are added up.
            generator: of the part's place.
        """
        top, left, bottom, right = window = self._window(generator)
        spectrum = self._spectrum(window)
        b, size = self.block, (fast(bottom - top), fast(right - left))
        template, same, first = np.zeros((len(spectrum), *size), np.float32), 0.0, 0
        for part, terms in zip(self.parts, wanted, strict=True):
            last = first + len(part)
            for given, (y0, x0, y1, x1), weight in terms:
                inside = given[:, y0:y1, x0:x1]
                template[first:last, y0:y1, x0:x1] += weight * inside
                same += weight * float(np.square(inside, dtype=np.float64).sum())
            first = last
        own = self._own(window, tuple(tuple((term.area, term.weight) for term in terms) for terms in wanted))
        product = (spectrum * torch.fft.rfft2(torch.from_numpy(template)).conj()).sum(0)
        shared = torch.fft.irfft2(product, s=size)[: bottom - top - b + 1, : right - left - b + 1].numpy()
        values = np.maximum(own - 2 * shared + np.float32(same), 0)
        return Errors(values, ROUNDING * (float(own.max()) + same), top, left)

    def _own(self, window: tuple[int, int, int, int], areas: tuple) -> np.ndarray:
        """Weighted sums of the sample's own squares at every place of a window, float32; those of the last window are kept."""
        key = (window, areas)
        if key not in self._squares:
            if any(other != window for other, _ in self._squares):
                self._squares.clear()
            top, left, bottom, right = window
            height, width = bottom - top - self.block + 1, right - left - self.block + 1
            found = np.zeros((height, width))
            for sums, some in zip(self.sums, areas, strict=True):
                for (y0, x0, y1, x1), weight in some:
                    found += weight * _box(sums, top + y0, left + x0, y1 - y0, x1 - x0, height, width)
            self._squares[key] = found.astype(np.float32)
        return self._squares[key]

    def _window(self, generator: torch.Generator) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of the part that is searched."""
        ends = []
        for length in (self.height, self.width):
            most = min(length, max(SEARCHED, 2 * self.block))
            start = int(torch.randint(length - most + 1, (), generator=generator)) if length > most else 0
            ends.append((start, start + most))
        (top, bottom), (left, right) = ends
        return top, left, bottom, right

    def _spectrum(self, window: tuple[int, int, int, int]) -> torch.Tensor:
        """The Fourier transform of all channels in a window; the last one is kept."""
        if self._kept is None or self._kept[0] != window:
            top, left, bottom, right = window
            values = torch.from_numpy(np.concatenate([part[:, top:bottom, left:right] for part in self.parts]))
            self._kept = window, torch.fft.rfft2(values, s=(fast(bottom - top), fast(right - left)))
        return self._kept[1]


def fast(length: int) -> int:
    """The least number from `length` on without prime factors above 5: transforms of other lengths are slow."""
    while True:
        left = length
        for factor in (2, 3, 5):
            while left % factor == 0:
                left //= factor
        if left == 1:
            return length
        length += 1


def _summed(part: np.ndarray) -> np.ndarray:
    """Sums of squares over channels (C, h, w), from the upper left corner on: (h + 1, w + 1) float64."""
    squares = np.square(part, dtype=np.float64).sum(0)
    return np.pad(squares.cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _box(sums: np.ndarray, top: int, left: int, tall: int, wide: int, height: int, width: int) -> np.ndarray:
    """Sums over boxes of `tall` x `wide` pixels whose upper left corners are the `height` x `width` places from (top, left) on."""
    rows, columns = slice(top, top + height), slice(left, left + width)
    low, far = slice(top + tall, top + tall + height), slice(left + wide, left + wide + width)
    return sums[low, far] - sums[rows, far] - sums[low, columns] + sums[rows, columns]
