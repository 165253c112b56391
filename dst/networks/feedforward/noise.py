"""Noise that is the same at a position of every picture: strokes grow of it where a photograph is smooth.

A network of convolutions gives one colour, or one pattern with the period of its enlargements, where it is given one colour.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

TILES = ((1, 251), (1, 257), (2, 239), (2, 263), (4, 241), (4, 269))
"""Sides of cells, pixels, and how many of them a side of a tile has. Tiles are added up; with sides that have no common divisor two of
them do not repeat together within a picture, and no repetition shows."""


@functools.cache
def tiles() -> list[tuple[int, Tensor]]:
    """Sides of cells, and tiles (n, n) of values with mean 0 and variance 1; drawn once, and not while a network is traced for a file."""
    draws = torch.Generator("cpu").manual_seed(0)
    return [(cell, torch.rand(n, n, generator=draws, device="cpu") * 12**0.5 - 3**0.5) for cell, n in TILES]


def noise_of(images: Tensor, place: tuple[int, int] = (0, 0)) -> Tensor:
    """Noise (1, 1, H, W) for images (N, C, H, W), with mean 0 and variance 1.

    Args:
        place: row and column of the endless noise that is at the images' corner, each 0 or more.
    """
    total = 0.0
    for cell, tile in tiles():
        rows, columns = (
            (torch.arange(n, device=images.device) + first) // cell % len(tile)
            for n, first in zip(images.shape[2:], place, strict=True)
        )
        total = total + tile.to(images.device)[rows][:, columns]
    return total[None, None] / len(TILES) ** 0.5
