"""Images brought into memory strip by strip: at a reduced size where no more is needed, refused where memory is too small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from dst.config import InputError
from dst.imaging.resample import fit_size
from dst.runtime import free_memory

LARGE, FAR = 16_000_000, 4
"""An image is read at a reduced size from this many pixels on, where its long side is this many times what is needed."""
KEPT, ENOUGH = 3, 2
"""Times the needed side that a reduced image has, as a rule and at least: an antialiased filter does the rest."""
STRIP = 1 << 20
"""Pixels that are converted at a time."""
TRANSPOSED = (5, 6, 7, 8)
"""EXIF orientations whose file stores the columns of what is displayed as rows."""
ASKED_FROM = 1_000_000
"""Pixels from which the free memory is asked for before an image is unpacked."""


def reduced_size(size: tuple[int, int], side: int | None) -> tuple[int, int] | None:
    """(W, H) to read an image of `size` at, where its long side is needed at `side` pixels; None for all its pixels."""
    if side is None or size[0] * size[1] < LARGE or max(size) < FAR * side:
        return None
    return fit_size(size, max(size) // max(2, max(size) // (KEPT * side)))


def check_memory(name: str, size: tuple[int, int], needed: float, what: str = "read") -> None:
    """Refuse to unpack an image of `size` (W, H), or what it is to be, that would take more memory than is free.

    Raises:
        InputError: it needs more bytes than are free.
    """
    if size[0] * size[1] < ASKED_FROM:
        return
    free = free_memory()
    if free is not None and needed > free:
        raise InputError(
            f"{name} is {size[0]} x {size[1]} pixels and needs about {needed / 1e9:.1f} GB to be {what}, "
            f"{free / 1e9:.1f} GB are free: make it smaller"
        )


def assemble(
    rows: Callable[[int, int], np.ndarray],
    size: tuple[int, int],
    target: tuple[int, int] | None = None,
    orientation: int = 1,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """An image from its strips, as displayed.

    Args:
        rows: function (top, bottom) -> those rows, (bottom - top, W, 1 | 3 | 4) of uint8, uint16, or floats in [0, 1].
        size: (W, H) as stored.
        target: (W, H) to bring it to by the mean over areas, each strip by itself; None to leave it as large as it is.
        orientation: EXIF's, 1 to 8.

    Returns:
        rgb (1, 3, h, w) and alpha (1, 1, h, w) or None, float32 in [0, 1].
    """
    width, height = target or size
    edges = np.rint(np.linspace(0, size[1], height + 1)).astype(int)
    step = max(1, STRIP * height // (size[0] * size[1]))
    planes: list[torch.Tensor] = []
    for top in range(0, height, step):
        bottom = min(top + step, height)
        part = rows(edges[top], edges[bottom])
        if target is not None:
            part = _mean_over_areas(part, (width, bottom - top))
        if not planes:
            shape = (width, height) if orientation in TRANSPOSED else (height, width)
            planes = [
                torch.empty(1, count, *shape, dtype=torch.float32, device="cpu")
                for count in ((3, 1) if part.shape[2] == 4 else (3,))
            ]
        for plane, values in zip(planes, (part[..., :3], part[..., 3:]), strict=False):
            _as_stored(plane[0].numpy(), orientation)[:, top:bottom] = np.moveaxis(values, 2, 0)
    if np.issubdtype(part.dtype, np.integer):
        for plane in planes:
            plane.div_(np.iinfo(part.dtype).max)
    return planes[0], planes[1] if len(planes) > 1 else None


def _mean_over_areas(part: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import cv2

    return cv2.resize(part, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)


def _as_stored(planes: np.ndarray, orientation: int) -> np.ndarray:
    """Planes (C, H, W) of an image as displayed, seen as the file stores them under an EXIF orientation."""
    if orientation in (3, 4, 7, 8):
        planes = planes[:, ::-1]
    if orientation in (2, 3, 6, 7):
        planes = planes[:, :, ::-1]
    return planes.transpose(0, 2, 1) if orientation in TRANSPOSED else planes
