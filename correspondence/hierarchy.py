"""Matching two images level by level, from the deepest features to the pixels (Aberman et al. 2018, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from .alignment import around, find_frame, level_mask, sample
from .best_buddies import activation, normalise, window_buddies, window_scores
from .cleaning import align, spaced, uncrossed
from .matches import Matches
from .smooth import Field, fit

LEVELS = (5, 4, 3, 2, 1)
PATCH = {5: 3, 4: 3, 3: 3, 2: 5, 1: 5}
RADIUS = {5: 3, 4: 4, 3: 4, 2: 4, 1: 4}

Encode = Callable[[torch.Tensor], Sequence[torch.Tensor]]


def match(
    content: torch.Tensor,
    style: torch.Tensor,
    encode: Encode,
    *,
    content_size: tuple[int, int] | None = None,
    style_size: tuple[int, int] | None = None,
    max_points: int = 80,
    threshold: float = 0.05,
    spacing: float = 0.04,
    clusters: int = 0,
    generator: np.random.Generator | None = None,
) -> Matches:
    """Match two images.

    content, style: (1, 3, h, w) in [0, 1], each in its own aspect, long sides alike (256 is usual).
    encode: (1, 3, h, w) -> five tensors (1, C, h / 2**l, w / 2**l), relu1_1 ... relu5_1 of a VGG-shaped network; it is called
    on turned, resized and bent copies of the images, of any size. content_size, style_size: (width, height) that the
    returned points refer to; by default those of the tensors.
    max_points: at most so many matches. threshold: least activation of both ends, in [0, 1]. spacing: least distance of
    two matches, share of the long side. clusters: keep the strongest of so many k-means clusters (0: no clustering).
    """
    sizes = [(x.shape[-1], x.shape[-2]) for x in (content, style)]
    content_size, style_size = content_size or sizes[0], style_size or sizes[1]
    empty = Matches(np.zeros((0, 2)), np.zeros((0, 2)), None, content_size, style_size, 0.0)
    if any(float(x.amax() - x.amin()) < 2 / 255 for x in (content, style)):
        return empty
    with torch.no_grad():
        a, b, rank, similarity = percolate(content, style, encode, threshold)
    if len(a) == 0:
        return empty
    side = max(*sizes[0], *sizes[1])
    keep = spaced(a, b, rank, spacing * side, spacing * side / 2, 4 * max_points)
    found = Matches(a[keep], b[keep], np.clip(similarity[keep], 0, 1), *sizes, 1.0)
    index = uncrossed(found.content, align(found), rank[keep])
    return found.subset(index[:max_points]).resized(content_size, style_size)


def percolate(content, style, encode: Encode, threshold: float):
    """All best buddies of the finest level: points of both images (N, 2), activation sums (N,), similarities (N,)."""
    sizes = [(x.shape[-1], x.shape[-2]) for x in (content, style)]
    frame, _ = find_frame(content, style, encode)
    frame = around(frame, *sizes, margin=16)
    side = max(frame.size)
    field = Field(frame.size)
    energy = [[activation(f, torch.ones_like(f[:, :1])) for f in encode(x)] for x in (content, style)]
    corner = np.array(frame.corner) - 0.5
    found = None
    for level in LEVELS:
        stride = 2 ** (level - 1)
        shift = field.grid(*(axis - c for axis, c in zip(frame.axes(), corner, strict=True)))
        grid = frame.grid()
        picture_a, mask_a = sample(content, frame.to_content(grid - shift))
        picture_b, mask_b = sample(style, frame.to_style(grid + shift))
        fa, fb = encode(picture_a)[level - 1], encode(picture_b)[level - 1]
        unit_a, unit_b = normalise(fa, level_mask(mask_a, fa)), normalise(fb, level_mask(mask_b, fb))
        table = window_scores(unit_a, unit_b, RADIUS[level], PATCH[level])
        at, move, value = (t.cpu().numpy() for t in window_buddies(table))
        xa = (at + 0.5) * stride - 0.5 + np.array(frame.corner)
        xb = xa + move * stride
        pa, pb = xa - field.at(xa - corner), xb + field.at(xb - corner)
        a, b = frame.to_content(pa), frame.to_style(pb)
        rank, least = ranks(energy, a, b, level)
        weight = np.clip(value, 0, None) ** 2 * (least > threshold)
        field, robust = fit(
            (pa + pb) / 2 - corner, (pb - pa) / 2, weight, frame.size, 0.02, max(2.0 * stride, 0.02 * side) / 2
        )
        found = a, b, rank, value, weight, robust
    a, b, rank, value, weight, robust = found
    inside = np.ones(len(a), bool)
    for points, size in ((a, sizes[0]), (b, sizes[1])):
        inside &= ((points > -0.5) & (points < np.array(size) - 0.5)).all(axis=1)
    keep = inside & (weight > 0) & (robust > 0.1)
    return a[keep], b[keep], rank[keep], value[keep]


def ranks(energy, a: np.ndarray, b: np.ndarray, finest: int) -> tuple[np.ndarray, np.ndarray]:
    """Activation of matches, both ends, over the levels down to `finest`: the sums (N,), and the least of any level (N,)."""
    total, least = np.zeros(len(a)), np.full(len(a), np.inf)
    for level in range(5, finest - 1, -1):
        ends = []
        for points, maps in ((a, energy[0]), (b, energy[1])):
            plane = maps[level - 1][0, 0].cpu().numpy()
            cell = np.round((points + 0.5) / 2 ** (level - 1) - 0.5).astype(int)
            x, y = cell[:, 0].clip(0, plane.shape[1] - 1), cell[:, 1].clip(0, plane.shape[0] - 1)
            ends.append(plane[y, x])
        total += ends[0] + ends[1]
        least = np.minimum(least, np.minimum(*ends))
    return total, least
