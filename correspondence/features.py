"""Features made comparable between two images of different appearance: normalised, their activation, their patches."""

from __future__ import annotations

import torch
from torch.nn import functional as F

EPSILON = 1e-6


def normalise(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Bring features to zero mean and unit deviation in every channel, then every position to unit length.

    This takes the place of the common appearance of the paper: what differs between two images everywhere (a palette,
    a contrast) is divided out. features: (1, C, h, w); mask: (1, 1, h, w) in [0, 1], what belongs to the image.
    Returns (1, C, h, w), zero outside the mask; a flat image gives zeros, never NaN.
    """
    total = mask.sum().clamp_min(EPSILON)
    mean = (features * mask).sum((2, 3), keepdim=True) / total
    centred = (features - mean) * mask
    deviation = (centred.square().sum((2, 3), keepdim=True) / total).sqrt()
    scaled = centred / (deviation + 1e-3 * mean.abs() + EPSILON)
    length = scaled.square().sum(1, keepdim=True).sqrt()
    # the floor keeps a flat map's rounding from being blown up to unit length
    return scaled / (length + 0.01) * (mask > 0)


def activation(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The energy of every position, scaled to [0, 1] over the image (section 3.3): (1, C, h, w) -> (1, 1, h, w).

    An image whose energy is the same everywhere has nothing that stands out: all zeros.
    """
    energy = features.square().sum(1, keepdim=True).sqrt()
    inside = energy[mask > 0.5]
    if inside.numel() == 0:
        return torch.zeros_like(energy)
    low, high = inside.min(), inside.max()
    if float(high - low) <= 1e-4 * float(high) + EPSILON:
        return torch.zeros_like(energy)
    return ((energy - low) / (high - low)).clamp(0, 1) * (mask > 0.5)


def patches(unit: torch.Tensor, size: int) -> torch.Tensor:
    """Rows of flattened patches, unit length: (1, C, h, w) -> (h * w, C * size * size)."""
    rows = F.unfold(unit, size, padding=size // 2)[0].T
    return rows / (rows.square().sum(1, keepdim=True).sqrt() + EPSILON)
