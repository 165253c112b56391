"""Shared by the tasks: pictures written for the page, points as rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from correspondence.matches import Matches
from dst import imaging

THUMB, SHOWN = 320, 2048
"""Long sides of the smallest and the largest picture that the page is given, pixels."""
QUALITY = 88


def show(image: imaging.Image, folder: Path, side: int) -> str:
    """Write what the page shows of an image at a size; return its type: PNG where parts are transparent, else JPEG."""
    image = small(image, side)
    return write(folder / f"side{side}", image.rgb, image.alpha)


def write(path: Path, rgb: Any, alpha: Any = None) -> str:
    """Write a picture for the page, whole; return its type: PNG where it has alpha, else JPEG.

    Args:
        rgb: as `dst.imaging.encode` takes it, (H, W, 4) for one with alpha too.
        alpha: of a tensor.
    """
    clear = alpha is not None or (isinstance(rgb, np.ndarray) and rgb.shape[2] == 4)
    put(path, imaging.encode(rgb, alpha, ".png" if clear else ".jpg", quality=QUALITY))
    return "image/png" if clear else "image/jpeg"


def small(image: imaging.Image, side: int) -> imaging.Image:
    """An image with its long side at `side` at most."""
    side = min(side, max(image.size))
    alpha = None if image.alpha is None else imaging.resize(image.alpha, side, image.size)
    return imaging.Image(imaging.resize(image.rgb, side, image.size), alpha, 8, image.name)


def put(path: Path, data: bytes) -> None:
    """Write a file that others may be reading, whole."""
    part = path.with_name(f".{path.name}-{os.getpid()}")
    part.write_bytes(data)
    os.replace(part, path)


class Previews:
    """The numbered previews of a job's folder; the last three are kept, for a page that is still fetching one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def write(self, image: Any) -> int:
        """Write the next one of pixels, or of (1, 3, H, W); its number."""
        self.count += 1
        put(self.folder / f"preview-{self.count}.jpg", imaging.encode(image, extension=".jpg", quality=80))
        (self.folder / f"preview-{self.count - 3}.jpg").unlink(missing_ok=True)
        return self.count


def points_of(p: dict[str, Any]) -> Matches:
    """The points of a task, `[cx, cy, sx, sy, confidence, source]` each, as matches of its images, checked.

    Raises:
        InputError: points that no warp can be fitted to.
    """
    from dst.deform.matching import read_points

    rows = p["points"]
    table = np.array([row[:5] for row in rows], float).reshape(-1, 5)
    sources = [str(row[5] if len(row) > 5 else "")[:40] for row in rows]
    found = Matches(
        table[:, :2], table[:, 2:4], table[:, 4], tuple(p["content_size"]), tuple(p["style_size"]), source=sources
    )
    return read_points(found, found.content_size, found.style_size)


def rows_of(matches: Matches | None) -> list[list[Any]]:
    """Matches as the page takes them: content x, y, style x, y, confidence, and where each comes from."""
    if matches is None:
        return []
    table = matches.table()
    table[:, 2:4] += matches.shift
    if matches.style_size is not None:
        table[:, 2:4] = table[:, 2:4].clip(-0.5, np.array(matches.style_size) - 0.5)
    return [
        [*(round(v, 4) for v in row), source]
        for row, source in zip(table.tolist(), matches.source.tolist(), strict=True)
    ]
