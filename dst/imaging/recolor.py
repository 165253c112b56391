"""One image in the colours of another, without its strokes; the maps are in `transport`, the colour spaces in `spaces`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dst import runtime
from dst.config import MIN_IMAGE_SIDE, RECOLORINGS, InputError, RecolorConfig
from dst.imaging import transport
from dst.imaging.color import in_strips
from dst.imaging.io import Image, read, read_mask
from dst.imaging.regrain import regrain as regrained
from dst.imaging.spaces import from_space, to_space
from dst.imaging.strips import check_memory

LONG = ("idt", "sliced")
"""Methods of many steps, which take over the whole distribution and bring out grain."""
SAMPLE, FEW = 1 << 18, 1 << 16
"""Pixels of each image that a map is fitted to, where it has more; `FEW` for those of `LONG`."""
BYTES = 160
"""Of memory for each pixel of what is recoloured."""


def recolor(
    content: Any,
    style: Any = None,
    *,
    method: str = RecolorConfig.method,
    space: str | None = RecolorConfig.space,
    strength: float = RecolorConfig.strength,
    regrain: bool = RecolorConfig.regrain,
    seed: int = RecolorConfig.seed,
    content_mask: Any = None,
    style_mask: Any = None,
) -> Image:
    """An image in the colours of another, without its strokes: the classical methods of colour transfer.

    The map of colours is fitted to all pixels of both images, of large ones to an even sample of 262,144 (65,536 for `idt` and
    `sliced`), and is then applied strip by strip. What is wholly transparent is not counted.

    Args:
        content: whatever `dst.read_image` takes, of any size.
        style: likewise; None for `equalise` alone.
        method: `histogram`, `equalise`, `reinhard`, `monge-kantorovich`, `idt` or `sliced`.
        space: `rgb`, `lab` or `oklab`; None for the method's own, `lab` for `equalise` and `reinhard`, else `rgb`. In `lab` and
            `oklab`, `equalise` changes lightness alone.
        strength: share of the change that is made, 0 to 1.
        regrain: after `idt` and `sliced`, bring the content's own fine gradients back.
        seed: of the random directions of `idt` and `sliced`, and of the samples.
        content_mask: white is recoloured, black stays to the last bit, grey is between; of the content's shape.
        style_mask: white is where colours are taken from; of the style's shape.

    Returns:
        The image, of the content's size, depth and alpha.

    Raises:
        InputError: an image or a mask that cannot be read, a mask that is zero everywhere or of another shape, a style where
            none is taken or none where one is, an unknown method or space, a number out of range.

    Source: Reinhard and others 2001; Pitie and Kokaram 2007; Pitie, Kokaram and Dahyot 2007; Rabin and others 2011; see
    `dst.imaging.transport`.
    """
    config = RecolorConfig(method, space, strength, regrain, seed)
    check_style(config.method, style, style_mask)
    with runtime.computing():
        given = read(content, min_side=1)
        painting = None if style is None else read(style, min_side=1)
        masks = mask_of(content_mask, given), mask_of(style_mask, painting)
        return recolored(given, painting, config, *masks)


def check_style(method: str, style: Any, style_mask: Any = None) -> None:
    """Refuse a style where a method takes none, and none where it takes one.

    Raises:
        InputError: so it is.
    """
    if RECOLORINGS[method].styled and style is None:
        raise InputError(f"{method} takes its colours from a style, and none is given: give one, or take equalise")
    if not RECOLORINGS[method].styled and (style is not None or style_mask is not None):
        what = "a style" if style is not None else "a style mask"
        raise InputError(f"{method} takes no style, and {what} is given: leave it out, or choose another method")


def mask_of(mask: Any, image: Image | None) -> Tensor | None:
    """A mask at an image's size, (1, 1, H, W) in [0, 1]; None stays None.

    Raises:
        InputError: as `read_mask`.
    """
    if mask is None or image is None:
        return None
    return read_mask(mask, image.size, min(MIN_IMAGE_SIDE, *image.size))


def recolored(
    content: Image,
    style: Image | None,
    config: RecolorConfig,
    content_mask: Tensor | None = None,
    style_mask: Tensor | None = None,
) -> Image:
    """As `recolor`, of images that were read, with masks (1, 1, H, W) of their sizes."""
    width, height = content.size
    check_memory(content.name, content.size, BYTES * width * height, "recoloured")
    space = config.own_space
    change = fitted(config, pixels_of(content, content_mask, config), pixels_of(style, style_mask, config))

    def moved(part: Tensor) -> Tensor:
        values = to_space(part.double(), space)
        cloud = values.reshape(3, -1).T.numpy()
        values = torch.from_numpy(np.ascontiguousarray(change(cloud).T)).reshape(values.shape)
        return from_space(values, space).float()

    changed = in_strips(moved, content.rgb)
    if config.method in LONG and config.regrain:
        changed = regrained(content.rgb, changed)
    share = config.strength if content_mask is None else config.strength * content_mask
    return replace(content, rgb=content.rgb + share * (changed - content.rgb))


def pixels_of(image: Image | None, mask: Tensor | None, config: RecolorConfig) -> np.ndarray | None:
    """The colours to fit to, in the space of the config, (N, 3) float64: those at least half as white as the mask's whitest.

    Raises:
        InputError: the mask is white only where the image is transparent.
    """
    if image is None:
        return None
    colors, where = image.rgb.reshape(3, -1), None
    weight = mask if image.alpha is None or not bool(image.alpha.any()) else image.alpha * (1 if mask is None else mask)
    if weight is not None:
        top = float(weight.max())
        if top <= 0:
            raise InputError(
                f"the mask of {image.name} is white only where the image is transparent: paint white elsewhere"
            )
        where = (weight >= top / 2).flatten().nonzero()[:, 0]
    count = colors.shape[1] if where is None else len(where)
    most = FEW if config.method in LONG else SAMPLE
    if count > most:  # one of each of as many equal stretches
        rng = np.random.default_rng(config.seed)
        chosen = torch.from_numpy(((np.arange(most) + rng.random(most)) * (count / most)).astype(np.int64))
        where = chosen if where is None else where[chosen]
    colors = (colors if where is None else colors[:, where]).double()
    return to_space(colors[None, :, None], config.own_space)[0, :, 0].T.contiguous().numpy()


def fitted(config: RecolorConfig, source: np.ndarray, target: np.ndarray | None) -> transport.Map:
    """The map of a method from one cloud of colours (N, 3) to another, in the space of the config."""
    rng = np.random.default_rng(config.seed)
    if target is None:
        return transport.equalise_map(source, 3 if config.own_space == "rgb" else 1)
    return {
        "histogram": lambda: transport.histogram_map(source, target),
        "reinhard": lambda: transport.reinhard_map(source, target),
        "monge-kantorovich": lambda: transport.monge_kantorovich_map(source, target),
        "idt": lambda: transport.idt_map(source, target, rng),
        "sliced": lambda: transport.sliced_map(source, target, rng),
    }[config.method]()
