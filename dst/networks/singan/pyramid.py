"""The scales of a picture: their sizes, the picture at each, and the way from one to the next."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

from dst.config import InputError, SinganConfig
from dst.imaging import fit_size

Size = tuple[int, int]
"""(width, height), pixels."""


def scale_sizes(size: Size, config: SinganConfig) -> list[Size]:
    """Sizes of the scales, the coarsest first, as published: the finest has at most `config.side` pixels on its long side, the
    coarsest `config.coarsest` on its short side, and the factor between them is raised until they fit.

    Args:
        size: of the picture.

    Raises:
        InputError: the picture's short side would be shorter than what the networks see.
    """
    width, height = finest = fit_size(size, min(config.side, max(size)))
    least = 2 * config.layers + 1
    if min(finest) < least:
        raise InputError(
            f"the image is {size[0]} x {size[1]}, so that its short side has {min(finest)} pixels at side {config.side}, "
            f"but networks of {config.layers} layers see {least}: give a larger side, or cut the image"
        )
    share = min(1.0, config.coarsest / min(finest))
    count = math.ceil(math.log(share) / math.log(config.factor) - 1e-9)
    found = []
    for k in range(count, -1, -1):
        factor = share ** (k / count) if count else 1.0
        found.append((max(least, round(width * factor)), max(least, round(height * factor))))
    return found


def sizes_for(size: Size, own: list[Size]) -> list[Size]:
    """Sizes of the scales of another picture: each as much larger or smaller, across and down, as its finest is."""
    across, down = (size[k] / own[-1][k] for k in (0, 1))
    return [*((max(1, round(w * across)), max(1, round(h * down))) for w, h in own[:-1]), (size[0], size[1])]


def resized(image: Tensor, size: Size) -> Tensor:
    """An image (1, 3, H, W) in [-1, 1] at a size, bicubic and antialiased."""
    if (image.shape[3], image.shape[2]) == size:
        return image
    shown = F.interpolate(image, size=size[::-1], mode="bicubic", antialias=True, align_corners=False)
    return shown.clamp(-1, 1)


def enlarged(image: Tensor, size: Size) -> Tensor:
    """What a scale made, (1, 3, H, W), at the size of the next: bicubic, not clamped."""
    return F.interpolate(image, size=size[::-1], mode="bicubic", align_corners=False)


def cost(size: Size, channels: int, config: SinganConfig) -> float:
    """What an epoch at a scale takes, in units of its own: measured, in proportion to the pixels and a little more, and to the
    channels by a power of 1.5."""
    steps = config.critic_steps * (1 + 1.5 / config.penalty_every) + 1.5 * config.generator_steps
    return steps * (size[0] * size[1] + 400) * (channels / 32) ** 1.5
