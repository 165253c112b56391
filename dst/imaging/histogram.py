"""Colours matched by their distribution: one image in the palette of others."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dst.imaging.color import color_moments, transfer_colors
from dst.imaging.masks import Segment

KNOTS = 9
"""Quantiles that colours are matched at, along each axis."""
STEEPEST = 2.0
"""Most that a difference between two tones is enlarged by matching quantiles."""


def match_colors(image: Tensor, others: list[Tensor], shares: list[float] | None = None) -> Tensor:
    """An image in the palette of others: all (1, 3, h, w) in [0, 1], each other one with its share.

    First mean and covariance are carried over (`dst.imaging.color.transfer_colors`), so that the main axes of both clouds of
    colours agree; then, along each of these axes, the quantiles. Channel by channel instead, colours would come about
    that no image has. No tone is stretched more than `STEEPEST` times, so that the grain of flat areas stays faint.

    Source: the linear part as in Gatys, Bethge, Hertzmann and Shechtman 2016, "Preserving color in neural artistic style
    transfer", section 5.1, with the root of the covariance that moves colours least; the quantiles are ours.
    """
    shares = shares or [1.0] * len(others)
    mean, covariance = color_moments(others, shares)
    near = transfer_colors(image, mean, covariance)
    axes = torch.linalg.eigh(covariance).eigenvectors
    have = _quantiles([near], [1.0], axes)
    want = _quantiles(others, shares, axes)
    rows = zip((axes.T @ near.double().reshape(3, -1)).cpu().numpy(), have, want, strict=True)
    moved = torch.from_numpy(np.stack([_curve(*row) for row in rows])).to(axes.device)
    return (axes @ moved).reshape(image.shape).to(image.dtype).clamp(0, 1)


def _quantiles(images: list[Tensor], shares: list[float], axes: Tensor) -> np.ndarray:
    """Quantiles of the images' colours along three axes, the columns of (3, 3): (3, KNOTS)."""
    values = torch.cat([axes.T @ p.double().reshape(3, -1) for p in images], 1).cpu().numpy()
    counts = [p.shape[2] * p.shape[3] for p in images]
    weights = np.concatenate([np.full(n, share / n) for n, share in zip(counts, shares, strict=True)]) / sum(shares)
    found = []
    for row in values:
        order = np.argsort(row, kind="stable")
        reached = np.cumsum(weights[order]) - weights[order] / 2
        found.append(np.interp(np.linspace(0, 1, KNOTS), reached, row[order]))
    return np.stack(found)


def _curve(values: np.ndarray, have: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Values sent through the rising curve from quantiles to quantiles, as far as its slope allows."""
    gaps = np.maximum(np.diff(have), 1e-9)
    heights = np.concatenate([[0.0], np.cumsum(np.minimum(np.diff(want), STEEPEST * gaps))])
    return np.interp(values, have, heights + np.median(want - heights))


def recolor(
    content: Tensor, styles: list[Tensor], shares: list[float], segments: list[Segment] | None, strength: float = 1.0
) -> Tensor:
    """The content in the styles' colours, without strokes (`match_colors`).

    Args:
        content: (1, 3, H, W) in [0, 1].
        styles: (1, 3, h, w) each.
        shares: weight of each style.
        segments: areas that are recoloured apart, each from its own area of the styles; None for the whole.
        strength: share of the change that is made, at most 1.

    Returns:
        (1, 3, H, W) in [0, 1].
    """
    if not segments:
        changed = match_colors(content, styles, shares)
    else:
        changed = content.clone()
        for segment in segments:
            inside = _inside(segment.content, content)
            parts = [s[:, :, _inside(m, s)][:, :, None] for s, m in zip(styles, segment.styles, strict=True)]
            here = match_colors(content[:, :, inside][:, :, None], parts, shares)
            changed[:, :, inside] = here[:, :, 0]
    return content + min(1.0, strength) * (changed - content)


def _inside(mask: Tensor, image: Tensor) -> Tensor:
    """Which pixels of an image (1, 3, H, W) lie under a mask of any size: (H, W) bool."""
    return F.interpolate(mask, size=image.shape[-2:], mode="nearest-exact", align_corners=None)[0, 0] > 0.5
