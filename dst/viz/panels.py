"""What figures are made of: a canvas, a row of images, points on them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dst.imaging import flatten

DPI = 100


class Drawn(Figure):
    """A figure that a notebook shows by itself; a plain one is shown only where pyplot has been loaded."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def blank(width: float, height: float) -> Figure:
    """A white figure of a size in inches, drawn by Agg whatever the session's backend."""
    figure = Drawn(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def drawn_pixels(figure: Figure) -> np.ndarray:
    """A figure as pixels, (H, W, 3) uint8."""
    figure.canvas.draw()
    return np.ascontiguousarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])


def image_row(
    images: Sequence[np.ndarray], titles: Sequence[str], height: int, foot: int = 0
) -> tuple[Figure, list[Axes]]:
    """One row of images of equal height (pixels), each under its title; `foot` pixels are left free below."""
    gap, head = 12, 26
    widths = [height * image.shape[1] / image.shape[0] for image in images]
    full_w, full_h = sum(widths) + gap * (len(widths) + 1), height + head + gap + foot
    figure = blank(full_w / DPI, full_h / DPI)
    left, cells = gap, []
    for title, image, wide in zip(titles, images, widths, strict=True):
        place = left / full_w, (gap + foot) / full_h, wide / full_w, height / full_h
        axes = figure.add_axes(place)
        axes.imshow(flatten(image), interpolation="hanning", aspect="auto")
        axes.autoscale(False)
        axes.set_title(title, fontsize=10, pad=4)
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(False)
        left += wide + gap
        cells.append(axes)
    return figure, cells


def image_size(image: np.ndarray) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def shown_points(points: np.ndarray, size: tuple[int, int] | None, image: np.ndarray) -> np.ndarray:
    """Points in pixels of an image of `size` to pixels of the smaller or larger image that is shown."""
    shown = np.array(image_size(image), float)
    return (points + 0.5) * shown / np.array(size or shown, float) - 0.5


def pale(image: np.ndarray) -> np.ndarray:
    """The image, faded, so that lines over it show."""
    return (255 - (255 - flatten(image).astype(np.float32)) * 0.55).round().astype(np.uint8)
