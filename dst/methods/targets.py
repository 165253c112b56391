"""What every method is given: style images with weights, and regions that are matched apart."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from dst.trunk import Trunk


def reachable(trunk: Trunk, layers, images: list[Tensor]) -> list[str]:
    """Those of some layers that every image is large enough for: at the coarsest scales a long strip is a few pixels wide."""
    short = min(min(image.shape[-2:]) for image in images)
    return [name for name in layers if trunk.layers[name].stride <= short]


class Style(NamedTuple):
    """A style image (1, 3, H, W) in [0, 1], at the scale of the step, and its share among several styles."""

    image: Tensor
    weight: float = 1.0


class Region(NamedTuple):
    """A part of the content that takes its style from one part of each style image.

    Attributes:
        content: (1, 1, H, W) in [0, 1] at the content's scale; None for all of it.
        styles: one mask (1, 1, h, w), or None for all of it, for each style image.
    """

    content: Tensor | None
    styles: list[Tensor | None]
