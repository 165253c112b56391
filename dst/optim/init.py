"""What the pixels start from: the content in the style's colours, noise, the style, or any image."""

from __future__ import annotations

import math
import os
from typing import Any

import torch
from torch import Tensor

from dst import imaging
from dst.config import INITS, InputError, suggest
from dst.imaging.color import color_moments, tone_colors

FAINT = {"noise": 0.3, "style": 0.1}
"""Contrast of a first guess, of the style's own: with tens of steps, what starts stronger is still seen at the end, such as
the painting's eyes beside those of the photograph."""


def guide_image(content: Tensor, styles: list[Tensor], weights: list[float], strength: float = 1.0) -> Tensor:
    """The content's lightness in the style's colours: what an optimisation starts from, and where finer detail comes from.

    Args:
        content: (1, 3, H, W) in [0, 1].
        styles, weights: images (1, 3, h, w), and how much the colours of each count.
        strength: share of the change of colours that is made, at most 1.

    Returns:
        (1, 3, H, W) in [0, 1].
    """
    toned = tone_colors(content, *color_moments(styles, weights))
    return torch.lerp(content, toned, min(1.0, strength))


def first_guess(init: Any, content: Tensor, styles: list[Tensor], seed: int) -> Tensor | None:
    """The image that the painting starts from, (1, 3, H, W) as large as the content; None for `content`.

    Args:
        init: `content`, `noise`, `style`, or an image; an image of another shape is cut to the content's.
        content, styles: tensors (1, 3, H, W) in [0, 1].
        seed: of the noise. Noise has the style's colours, faintly; the style itself is a faint first guess too.

    Raises:
        InputError: an image that cannot be read; a name that is neither known nor a file.
    """
    if is_init(init, "content"):
        return None
    if is_init(init, "noise"):
        colors = styles[0].flatten(2)  # (1, 3, N)
        generator, count = torch.Generator().manual_seed(seed), content.shape[-2:].numel()
        drawn = colors[:, :, torch.randint(colors.shape[2], (count,), generator=generator).to(colors.device)]
        return _faint(drawn.view(content.shape), styles[0], FAINT["noise"]).to(content.device)
    if is_init(init, "style"):
        return _faint(imaging.cover(styles[0], content.shape[-2:]), styles[0], FAINT["style"])
    side = max(content.shape[-2:])
    image = read_init(init, side)
    # of another shape: more of it is cut away, and what stays needs more
    covering = math.ceil(max(image.size) * max(n / m for n, m in zip(content.shape[:1:-1], image.size, strict=True)))
    if image.full is not None and covering > side:
        image = read_init(init, covering)
    return imaging.cover(image.rgb, content.shape[-2:]).to(content.device)


def _faint(image: Tensor, style: Tensor, contrast: float) -> Tensor:
    """The image with a share of its contrast around the style's mean colour."""
    return torch.lerp(style.mean((2, 3), keepdim=True), image, contrast)


def read_init(init: Any, side: int | None = None) -> imaging.Image:
    """The image that a run starts from, needed at a long side of `side` pixels (`dst.imaging.read`).

    Raises:
        InputError: a name that is neither known nor a file, or an image that cannot be read.
    """
    if isinstance(init, str) and "." not in init and not os.path.exists(init):
        names = ", ".join(INITS)
        raise InputError(f"init {init!r} is not known: it takes {names} or an image's file{suggest(init, INITS)}")
    try:
        return imaging.read(init, side=side)
    except InputError as error:
        raise InputError(f"init: {error}") from error


def is_init(init: Any, *names: str) -> bool:
    """Whether an `init` is one of some names, and not an image."""
    return isinstance(init, str) and init in names
