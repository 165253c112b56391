"""Curves of the laboratory: losses over time, errors over depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dst.viz.panels import drawn_pixels


def curves_image(
    curves: Mapping[str, tuple[Sequence, Sequence]],
    size: tuple[float, float],
    dpi: float,
    x: str,
    y: str,
    marker: str = "",
) -> np.ndarray:
    """Named curves, each its places and values, on a logarithmic axis: (H, W, 3) uint8.

    Args:
        curves: by name; places may be words.
        size: width and height, inches of `dpi` pixels.
        x, y: words of the axes.
        marker: matplotlib's, of each value; empty for none.
    """
    figure = Figure(figsize=size, dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, (places, values) in curves.items():
        axes.plot(places, values, label=name, marker=marker)
    axes.set(xlabel=x, ylabel=y, yscale="log")
    if curves:
        axes.legend()
    return drawn_pixels(figure)
