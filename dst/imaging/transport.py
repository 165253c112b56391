"""Maps that take one cloud of colours to another, each fitted to samples of both and good for any colour after that.

A cloud is an array (N, 3) of floats, on whatever axes; a map takes (K, 3) and returns (K, 3), float64, not clipped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from dst.imaging.color import color_moments, least_map

Map = Callable[[np.ndarray], np.ndarray]
FAINT = 1 / (12 * 255**2)
"""Variance of what rounding to 8 bits alone adds: an axis with less holds one value, and is not stretched."""
LEVELS = 256
"""Bins of an equalisation."""
BINS, ROUNDS, TURNS = 300, 10, 2
"""Of iterative distribution transfer: bins of a histogram, iterations, and turned frames of three axes in each."""
EMPTY = 1e-6
"""Counted in every bin, so that a curve through empty ones rises."""
KNOTS, STEPS, FRAMES = 1024, 16, 4
"""Of the sliced flow: quantiles along a direction, steps, and frames of three directions in each."""


TINY = 1e-9
"""The least extent of a curve."""
BLOCK = 1 << 14
"""Colours that are taken through all steps at a time."""


def histogram_map(source: np.ndarray, target: np.ndarray) -> Map:
    """Each channel's histogram made the target's: scikit-image's `match_histograms`, between its values by straight lines.

    Source: Gonzalez and Woods, "Digital Image Processing", section 3.3 (histogram matching).
    """
    if (flat := _flat(source, target)) is not None:
        return flat
    from skimage.exposure import match_histograms

    matched = match_histograms(source[:, None], target[:, None], channel_axis=-1)[:, 0]
    curves = []
    for before, after in zip(source.T, matched.T, strict=True):
        values, where = np.unique(before, return_index=True)
        curves.append((values, after[where]))
    return partial(_along, curves=curves)


def equalise_map(source: np.ndarray, channels: int = 3) -> Map:
    """The first channels' histograms made flat over [0, 1]: scikit-image's `equalize_hist` with 256 bins.

    A channel that holds one value stays as it is.

    Source: Gonzalez and Woods, "Digital Image Processing", section 3.3 (histogram equalisation).
    """
    from skimage.exposure import cumulative_distribution

    curves: list[tuple[np.ndarray, np.ndarray] | None] = [None] * 3
    for k in range(channels):
        if source[:, k].var() >= FAINT:
            reached, centres = cumulative_distribution(source[:, k], LEVELS)
            curves[k] = centres, reached
    return partial(_along, curves=curves)


def reinhard_map(source: np.ndarray, target: np.ndarray) -> Map:
    """Each channel's mean and deviation made the target's; a channel that holds one value gets the mean alone.

    Source: Reinhard, Ashikhmin, Gooch and Shirley 2001, "Color transfer between images", equations 10 and 11. Their space is
    Ruderman's l-alpha-beta; here it is any.
    """
    own, other = source.std(0), target.std(0)
    gain = np.where(own**2 >= FAINT, other / np.maximum(own, 1e-12), 0.0)
    return partial(_linear, matrix=np.diag(gain), source=source.mean(0), target=target.mean(0))


def monge_kantorovich_map(source: np.ndarray, target: np.ndarray) -> Map:
    """Mean and covariance made the target's by the linear map that moves colours least: T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2.

    A and B are the covariances. Along axes that the source has no extent on (grey images, one colour), T is zero.

    Source: Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping", equation 10.
    """
    (mean, own), (other, wanted) = (color_moments([_planes(cloud)]) for cloud in (source, target))
    values, vectors = torch.linalg.eigh(own)
    axes = vectors[:, values >= FAINT]
    matrix = torch.zeros_like(own)
    if axes.shape[1]:
        matrix = axes @ least_map(axes.T @ own @ axes, axes.T @ wanted @ axes) @ axes.T
    return partial(_linear, matrix=matrix.numpy(), source=mean.numpy(), target=other.numpy())


def idt_map(source: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> Map:
    """Iterative distribution transfer: along turning axes, histograms are matched again and again, until the clouds agree.

    Each of `ROUNDS` iterations matches the histograms along six axes, two frames, the first of them unturned, and moves a
    colour by the mean of what both say.

    Source: Pitie, Kokaram and Dahyot 2007, "Automated colour grading using colour distribution transfer", section 3; six axes
    and 300 bins as in the authors' program.
    """
    return _flow(source, target, rng, ROUNDS, TURNS, _binned)


def sliced_map(source: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> Map:
    """Sliced optimal transport: steps down the squared Wasserstein distance of projections, along directions drawn anew.

    Along a direction the optimal plan joins equal quantiles; a step moves a colour by the mean over `FRAMES` frames of three
    directions. So colours move less far in all than by `idt_map`, and no bins are seen.

    Source: Rabin, Peyre, Delon and Bernot 2011, "Wasserstein barycenter and its application to texture mixing", section 3;
    Bonneel, Rabin, Peyre and Pfister 2015, "Sliced and Radon Wasserstein barycenters of measures".
    """
    return _flow(source, target, rng, STEPS, FRAMES, _sorted)


class Curve(NamedTuple):
    """A rising curve over [low, high] by its values at evenly spaced places; beyond its ends it stays level."""

    low: float
    high: float
    values: np.ndarray


Match = Callable[[np.ndarray, np.ndarray], Curve]


def _flow(
    source: np.ndarray, target: np.ndarray, rng: np.random.Generator, steps: int, frames: int, match: Match
) -> Map:
    """The map of so many steps, each the mean over some frames of what `match` says along their axes."""
    if (flat := _flat(source, target)) is not None:
        return flat
    cloud, made = np.array(source, np.float64), []
    for k in range(steps):
        axes = np.concatenate([_turned(rng) if k or frame else np.eye(3) for frame in range(frames)])
        curves = [match(cloud @ axis, target @ axis) for axis in axes]
        made.append((axes, curves))
        cloud = _moved(cloud, made[-1:])
    return partial(_moved, made=made)


def _moved(colors: np.ndarray, made: list[tuple[np.ndarray, list[Curve]]]) -> np.ndarray:
    """Colours (N, 3) taken through the steps, some at a time that stay in the processor's cache."""
    found = np.array(colors, np.float64, order="C")
    for top in range(0, len(found), BLOCK):
        part = found[top : top + BLOCK]
        for axes, curves in made:
            along = axes @ part.T  # (K, N)
            for row, curve in zip(along, curves, strict=True):
                row[:] = _at(curve, row) - row
            part += along.T @ (axes * 3 / len(axes))
    return found


def _at(curve: Curve, places: np.ndarray) -> np.ndarray:
    last = len(curve.values) - 1
    at = ((places - curve.low) * (last / (curve.high - curve.low))).clip(0, last)
    cell = np.minimum(at.astype(np.intp), last - 1)
    below = curve.values[cell]
    return below + (at - cell) * (curve.values[cell + 1] - below)


def _binned(own: np.ndarray, other: np.ndarray) -> Curve:
    """The curve between two histograms over their common range, at the bins' edges: equal shares below; no value leaves the target's range."""
    low, high = min(own.min(), other.min()), max(own.max(), other.max())
    edges = np.linspace(low, max(high, low + TINY), BINS + 1)
    have, want = (
        np.concatenate([[0.0], np.cumsum(np.histogram(values, edges)[0] / len(values) + EMPTY)])
        for values in (own, other)
    )
    return Curve(edges[0], edges[-1], np.interp(have, want, edges).clip(other.min(), other.max()))


def _sorted(own: np.ndarray, other: np.ndarray) -> Curve:
    """The curve between equal quantiles, the ends of both among them; of quantiles that coincide, their mean."""
    have, want = (_quantiles(values) for values in (own, other))
    have, where = np.unique(have, return_inverse=True)
    places = np.linspace(have[0], max(have[-1], have[0] + TINY), KNOTS + 1)
    return Curve(places[0], places[-1], np.interp(places, have, np.bincount(where, want) / np.bincount(where)))


def _quantiles(values: np.ndarray) -> np.ndarray:
    return np.interp(np.linspace(0, len(values) - 1, KNOTS), np.arange(len(values)), np.sort(values))


def _turned(rng: np.random.Generator) -> np.ndarray:
    """Three axes at right angles, drawn evenly over all directions: (3, 3)."""
    found, upper = np.linalg.qr(rng.standard_normal((3, 3)))
    return found * np.sign(np.diag(upper))


def _flat(source: np.ndarray, target: np.ndarray) -> Map | None:
    """Where the source holds one colour there is no order to keep, and the map that is left takes it to the target's mean."""
    if (source.var(0) >= FAINT).any():
        return None
    return partial(_linear, matrix=np.zeros((3, 3)), source=source.mean(0), target=target.mean(0))


def _linear(colors: np.ndarray, matrix: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return (colors - source) @ matrix.T + target


def _along(colors: np.ndarray, curves: list[tuple[np.ndarray, np.ndarray] | None]) -> np.ndarray:
    """Each channel through its curve; None leaves it."""
    columns = zip(colors.T, curves, strict=True)
    return np.stack([column if curve is None else np.interp(column, *curve) for column, curve in columns], 1)


def _planes(cloud: np.ndarray) -> torch.Tensor:
    """A cloud (N, 3) as `color_moments` takes it: (1, 3, 1, N)."""
    return torch.from_numpy(np.ascontiguousarray(cloud.T, np.float64))[None, :, None]
