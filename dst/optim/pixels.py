"""What is optimised in place of an image: its Laplacian pyramid on opponent colour axes."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from dst.imaging import pyramid, resize
from dst.imaging.color import to_opponent, to_rgb


def decompose_image(image: Tensor, levels: int) -> list[Tensor]:
    """RGB (1, 3, H, W) to the bands of its Laplacian pyramid on opponent colour axes, finest first."""
    return [band.contiguous() for band in pyramid.decompose(to_opponent(image), levels)]


def compose_image(bands: list[Tensor]) -> Tensor:
    """The inverse of `decompose_image`: RGB (1, 3, H, W), not clamped."""
    return to_rgb(pyramid.compose(bands))


def refine(coarse: Tensor, guide: Tensor, fine_side: int, coarse_side: int) -> Tensor:
    """An image taken to the next scale: enlarged, with the finer detail of a guide added.

    Args:
        coarse: (1, 3, h, w), long side `coarse_side`.
        guide: (1, 3, H, W) at the finest scale.
        fine_side, coarse_side: long sides in pixels.

    Returns:
        (1, 3, h', w') with its long side at `fine_side`, not clamped.
    """
    fine = resize(guide, fine_side)
    size = fine.shape[-2:]
    below = F.interpolate(resize(guide, coarse_side), size=size, mode="bilinear", align_corners=False)
    return F.interpolate(coarse, size=size, mode="bilinear", align_corners=False) + fine - below
