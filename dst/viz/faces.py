"""Faces drawn: their landmarks in the colours of the groups that are matched."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dst import imaging
from dst.config import counted
from dst.faces import detect
from dst.faces.shape import GROUPS
from dst.viz.panels import image_row

COLORS = dict(
    zip(
        GROUPS,
        ("#2ca02c", "#2ca02c", "#17becf", "#17becf", "#ff7f0e", "#d62728", "#e377c2", "#9467bd", "#ffffff"),
        strict=True,
    )
)
"""The colour of each group of landmarks."""
HEIGHT = 560


def faces(image: Any) -> Figure:
    """The faces that are found in an image: their landmarks by group, and how far each can be relied on.

    Args:
        image: whatever `dst.imaging.read` takes.

    Raises:
        InputError: an image that cannot be read.
    """
    given = imaging.read(image)
    found = detect(given)
    title = counted(len(found), "face") if found else "no face"
    figure, (axes,) = image_row([imaging.to_array(given.rgb)], [title], HEIGHT, foot=24)
    for face in found:
        for name, rows in GROUPS.items():
            axes.scatter(*face.points[list(rows), :2].T, s=14, color=COLORS[name], edgecolors="#222222", linewidths=0.5)
        place = (face.box[0], face.box[1])
        axes.annotate(
            f"{face.confidence:.2f}", place, fontsize=9, color="white", bbox={"facecolor": "#222222", "pad": 2}
        )
    marks = [
        Line2D([], [], marker="o", linestyle="", color=COLORS[name], markeredgecolor="#222222", label=name.split()[-1])
        for name in GROUPS
        if not name.startswith("right")
    ]
    figure.legend(handles=marks, loc="lower center", ncols=len(marks), fontsize=8, frameon=False, handletextpad=0.2)
    return figure


def marked(pixels: np.ndarray, points: np.ndarray, names: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8 with discs at points (N, 2) in its pixels, in the colours of their groups; others are left out."""
    found, radius = np.ascontiguousarray(pixels[..., :3]).copy(), max(2, round(max(pixels.shape[:2]) / 130))
    for point, name in zip(points, names.tolist(), strict=True):
        if name in COLORS:
            color = tuple(int(COLORS[name][k : k + 2], 16) for k in (1, 3, 5))
            place = tuple(int(v) for v in np.round(point))
            cv2.circle(found, place, radius + 1, (30, 30, 30), -1, cv2.LINE_AA)
            cv2.circle(found, place, radius, color, -1, cv2.LINE_AA)
    return found
