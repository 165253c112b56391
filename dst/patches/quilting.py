"""Image quilting: a texture of any size from blocks of a sample, or a picture made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dst import imaging, runtime
from dst.config import InputError, QuiltConfig
from dst.config.laboratory import Size
from dst.config.quilting import overlap_of
from dst.imaging import Image
from dst.imaging.strips import check_memory
from dst.patches.blocks import Search
from dst.patches.layout import Layout, Plan, laid
from dst.patches.likeness import likeness_maps

SIZE = (512, 512)
"""Of a quilt that is laid onto nothing, where none is given."""
BLOCK = 32
"""Side of a block, pixels, where none is given; `FINEST` to `COARSEST` onto a picture, at a sixteenth of its long side."""
FINEST, COARSEST = 12, 48
BYTES = 64
"""Of memory for each pixel of a quilt."""
SMALLEST = 4
"""Side of a block, pixels, that later passes do not go below."""
FLAT = 1 / 255
"""Spread of colours under which a sample is of one colour."""
SHRINK = 2 / 3
"""Of blocks from pass to pass."""


@dataclass(frozen=True, eq=False)
class Quilt:
    """A quilt, and where each of its pixels comes from.

    Attributes:
        image: the quilt, of the sample's depth, with alpha where the sample has it.
        sample: what its blocks were taken from.
        index: (H, W) int32, the pixel of the sample that each pixel is: its row times the sample's width plus its column.
        block: (H, W) int32, which block each pixel belongs to, counted row by row.
        step: from one block to the next, pixels.
    """

    image: Image
    sample: Image
    index: np.ndarray
    block: np.ndarray
    step: int


def quilt(sample: Any, onto: Any = None, **options: Any) -> Image:
    """A texture of any size from blocks of a sample, or, with `onto`, a picture made of them.

    Every pixel is one of the sample's: nothing is blended. Each block is drawn from all those that agree with its neighbours
    nearly as well as the best, and cut along the boundary where both agree best.

    Args:
        sample: whatever `dst.read_image` takes. Alpha is laid along with the colours.
        onto: a picture whose lights and darks, lines or features the blocks follow; the result has its size.
        **options: those of `dst quilt`, such as `size=(512, 384), block=48, seed=3`.

    Returns:
        The quilt, of the sample's depth; any function that takes an image takes it, such as `dst.stylize` as a style.

    Raises:
        InputError: an unknown option, a value out of range, an image that cannot be read, a sample of one colour or smaller than a
            block, a size or a picture smaller than a block.

    Source: Efros and Freeman 2001, "Image quilting for texture synthesis and transfer". Departures: a neighbour's own
    continuation in the sample, which fits without fault and would always win, is taken for so many blocks alone as `piece` says;
    what was used close by is used again only where there is nothing else; of two images' lightness the histograms are matched.
    """
    config = QuiltConfig().replace(**options)
    with runtime.computing(1):
        return quilted(imaging.read(sample), None if onto is None else imaging.read(onto), config).image


def quilted(
    sample: Image, target: Image | None, config: QuiltConfig, on_row: Callable[[int, int], object] | None = None
) -> Quilt:
    """As `quilt`, of images that were read; with where each pixel comes from.

    Args:
        sample, target: images; None to lay the quilt onto nothing.
        config: options.
        on_row: called after each row of blocks with how many were laid, and how many there will be.
    """
    size = config.size or (SIZE if target is None else target.size)
    config = config.replace(block=config.block or first_block(sample, target, size))
    _check(sample, target, config, size)
    check_memory(f"a quilt of {sample.name}", size, BYTES * size[0] * size[1], "laid")
    generator = torch.Generator().manual_seed(config.seed)
    colours = _colours(sample)
    layout, onto = None, None
    if target is None:
        over = overlap_of(config.block, config.overlap)
        plans = [(config.block, Plan(size, over, config.tolerance, config.piece))]
        parts = [colours]
    else:
        shown = _over_grey(target)
        shown = shown if target.size == size else imaging.cover(shown, size[::-1])
        maps, onto = likeness_maps(_over_grey(sample), shown, config.by, config.encoder, config.weights)
        parts = [colours, maps]
        plans = transfer_plans(size, config)
    rows = [-(-(size[1] - plan.over) // (block - plan.over)) for block, plan in plans]
    told = iter(range(1, sum(rows) + 1))
    for block, plan in plans:
        before = None if layout is None else colours.reshape(len(colours), -1)[:, layout.index]
        search = Search(parts, block)
        layout = laid(search, plan, generator, onto, before, lambda: on_row and on_row(next(told), sum(rows)))
    return Quilt(_gathered(sample, layout), sample, *layout, step=block - plans[-1][1].over)


def transfer_plans(size: tuple[int, int], config: QuiltConfig) -> list[tuple[int, Plan]]:
    """The block's side and the plan of each pass of a texture transfer onto a picture of a size (W, H), with the config's first block.

    alpha rises from .1 to .9, and blocks shrink by a third a pass, to 4 pixels at the least.

    Source: Efros and Freeman 2001, section 3.
    """
    found = []
    for k in range(config.passes):
        block = max(SMALLEST, round(config.block * SHRINK**k))
        alpha = 0.8 * k / max(1, config.passes - 1) + 0.1
        over = overlap_of(block, config.overlap)
        found.append((block, Plan(size, over, config.tolerance, config.piece, alpha)))
    return found


def first_block(sample: Image, target: Image | None, size: tuple[int, int]) -> int:
    """The side of a block where none is given, pixels: the picture's details set it, where there is one."""
    if target is None:
        return BLOCK
    return min(max(FINEST, min(COARSEST, max(size) // 16)), *(n // 2 for n in sample.size), *size)


def _check(sample: Image, target: Image | None, config: QuiltConfig, size: tuple[int, int]) -> None:
    """Refuse what no quilt can be made of, or onto."""
    block, most = config.block, Size.high
    if min(sample.size) < block:
        raise InputError(
            f"the sample {sample.name} is {sample.size[0]} x {sample.size[1]} pixels, smaller than a block of {block}: "
            "give a larger sample, or a smaller block"
        )
    if target is not None and min(target.size) < block:
        raise InputError(
            f"{target.name} is {target.size[0]} x {target.size[1]} pixels, smaller than a block of {block}: "
            "give a larger picture, or a smaller block"
        )
    if max(size) > most:
        raise InputError(
            f"{target.name} is {size[0]} x {size[1]} pixels, a quilt at most {most} on each side: give size"
        )
    if min(size) < block:
        raise InputError(
            f"size is {size[0]} x {size[1]}, smaller than a block of {block}: make it larger, or the block smaller"
        )
    for name in ("by", "passes") if target is None else ():
        if getattr(config, name) != getattr(QuiltConfig, name):
            raise InputError(f"{name} is given, and no picture to lay the quilt onto: give onto, or leave it out")
    if sample.alpha is not None and not bool(sample.alpha.any()):
        raise InputError(f"{sample.name} is wholly transparent: give another sample")
    if float(_colours(sample).std((1, 2)).max()) * 3**0.5 < FLAT:
        raise InputError(f"{sample.name} has one colour alone, which is no texture: give another sample")


def _colours(image: Image) -> np.ndarray:
    """What blocks have to agree in, (3 | 4, h, w) float32: colours as far as they are opaque, and alpha; their mean square counts."""
    opaque = torch.ones_like(image.rgb[0, :1]) if image.alpha is None else image.alpha[0]
    mean = (image.rgb[0] * opaque).sum((1, 2), keepdim=True) / opaque.sum()
    planes = (image.rgb[0] - mean) * opaque  # small numbers lose less to rounding
    return ((planes if image.alpha is None else torch.cat([planes, opaque])) / 3**0.5).numpy()


def _over_grey(image: Image) -> Tensor:
    """(1, 3, H, W); what is transparent is neither light nor dark."""
    return image.rgb if image.alpha is None else 0.5 + image.alpha * (image.rgb - 0.5)


def _gathered(sample: Image, layout: Layout) -> Image:
    """The image that a layout stands for."""
    index = torch.from_numpy(layout.index).long()
    rgb, alpha = (None if x is None else x.flatten(2)[:, :, index] for x in (sample.rgb, sample.alpha))
    return replace(sample, rgb=rgb, alpha=alpha, name="quilt", full=None)
