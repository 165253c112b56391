"""Colour spaces that colours are taken over in: sRGB, CIELAB and Oklab, there and back."""

from __future__ import annotations

import torch
from kornia.color import lab_to_rgb, linear_rgb_to_rgb, rgb_to_lab, rgb_to_linear_rgb
from torch import Tensor

_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_OPPONENTS = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def to_space(rgb: Tensor, space: str) -> Tensor:
    """sRGB in [0, 1] as `rgb`, `lab` (CIELAB over 100, D65) or `oklab`: (1, 3, H, W), the first channel of the two the lightness.

    Source of Oklab: Ottosson 2020, "A perceptual color space for image processing".
    """
    if space == "lab":
        return rgb_to_lab(rgb) / 100
    if space == "oklab":
        cones = _mix(rgb_to_linear_rgb(rgb), _CONES)
        return _mix(cones.clamp_min(0) ** (1 / 3), _OPPONENTS)
    return rgb


def from_space(values: Tensor, space: str) -> Tensor:
    """The inverse of `to_space`: (1, 3, H, W), clamped to [0, 1], since not every value is a colour that sRGB can show."""
    if space == "lab":
        values = lab_to_rgb(100 * values, clip=False)
    if space == "oklab":
        cones = _mix(values, _OPPONENTS, inverse=True) ** 3
        values = linear_rgb_to_rgb(_mix(cones, _CONES, inverse=True))
    return values.clamp(0, 1)


def _mix(image: Tensor, rows: tuple[tuple[float, ...], ...], inverse: bool = False) -> Tensor:
    matrix = torch.tensor(rows, dtype=torch.float64)
    matrix = (torch.linalg.inv(matrix) if inverse else matrix).to(image.dtype)
    return torch.einsum("ij,njhw->nihw", matrix, image)
