"""What is optimised in place of an image: its Laplacian pyramid on opponent colour axes."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from dst.imaging import pyramid, resize
from dst.imaging.color import to_opponent, to_rgb

FINE_STEPS = ((0.8, 0.32, 0.32), (0.9, 0.36, 0.36))
"""How far a unit step moves lightness and the two chroma axes of the finest band and of the next. In tens of steps, each of
the same size in every coordinate, the finest detail else ends as grain, and its colours as speckle."""


def decompose_image(image: Tensor, levels: int) -> list[Tensor]:
    """RGB (1, 3, H, W) to the bands of its Laplacian pyramid on opponent colour axes, finest first, over `fine_steps`."""
    bands = pyramid.decompose(to_opponent(image), levels)
    return [(band / steps).contiguous() for band, steps in zip(bands, fine_steps(bands), strict=True)]


def compose_image(bands: list[Tensor]) -> Tensor:
    """The inverse of `decompose_image`: RGB (1, 3, H, W), not clamped."""
    return to_rgb(pyramid.compose([band * steps for band, steps in zip(bands, fine_steps(bands), strict=True)]))


def excess_tones(bands: list[Tensor], moving: int) -> Tensor:
    """What to take off the finest band so that those after the first `moving` alone hold the tones of the image."""
    scaled = [band * steps for band, steps in zip(bands, fine_steps(bands), strict=True)]
    image, coarse = pyramid.compose(scaled), pyramid.compose(scaled[moving:])
    return pyramid.excess(image, coarse, moving) / fine_steps(bands)[0]


def fine_steps(bands: list[Tensor]) -> list[Tensor | float]:
    """What each band of a pyramid is divided by: `FINE_STEPS` as (3, 1, 1), 1 for other bands and the coarse remainder."""
    fine = [bands[0].new_tensor(steps).view(3, 1, 1) for steps in FINE_STEPS[: len(bands) - 1]]
    return [*fine, *[1.0] * (len(bands) - len(fine))]


def refine(coarse: Tensor, guide: Tensor, fine_side: int, coarse_side: int, share: float = 1.0) -> Tensor:
    """An image taken to the next scale: enlarged, with the finer detail of a guide added.

    Args:
        coarse: (1, 3, h, w), long side `coarse_side`.
        guide: (1, 3, H, W) at the finest scale.
        fine_side, coarse_side: long sides in pixels.
        share: of that detail.

    Returns:
        (1, 3, h', w') with its long side at `fine_side`, not clamped.
    """
    fine = resize(guide, fine_side)
    size = fine.shape[-2:]
    below = F.interpolate(resize(guide, coarse_side), size=size, mode="bilinear", align_corners=False)
    return F.interpolate(coarse, size=size, mode="bilinear", align_corners=False) + share * (fine - below)
