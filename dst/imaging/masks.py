"""Masks that users paint: rigid parts of the content, and segments of the images that are painted separately."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dst.config import InputError, counted
from dst.imaging.io import read, read_mask
from dst.imaging.resample import fit_size

MIN_AREA = 0.005
"""A colour of a mask is a segment of its own from this share of the image on; rarer ones are edges and noise."""
MAX_SEGMENTS = 16


class Segment(NamedTuple):
    """A part of the content that takes its style from one part of each style image.

    Attributes:
        content: (1, 1, H, W) in [0, 1] at the content's scale; None for all of it.
        styles: one mask (1, 1, h, w), or None for all of it, for each style image.
    """

    content: Tensor | None
    styles: list[Tensor | None]


def fit_mask(mask: Tensor | None, size: tuple[int, int]) -> Tensor | None:
    """A mask (1, 1, H, W) at a smaller `size` (h, w), by averaging; None stays None."""
    return None if mask is None else F.adaptive_avg_pool2d(mask, size)


def read_rigid_mask(source: Any, size: tuple[int, int]) -> np.ndarray:
    """The parts of a content of `size` (W, H) that stay rigid: (H, W) bool.

    Raises:
        InputError: as `read_mask`; nothing of it is brighter than half.
    """
    mask = read_mask(source, size)[0, 0].numpy() >= 0.5
    if not mask.any():
        raise InputError("the rigid mask has no white part: paint white what should keep its shape")
    return mask


@dataclasses.dataclass(frozen=True)
class Segmentation:
    """The segments of the content and of each style, numbered alike from 0.

    Attributes:
        content: (H, W) whole numbers.
        styles: one array (h, w) for each style.
        count: how many segments there are.
    """

    content: np.ndarray
    styles: list[np.ndarray]
    count: int

    def segments(self, device: Any = "cpu") -> list[Segment]:
        """The masks of each segment at their own resolution, for a method."""

        def mask(labels: np.ndarray, k: int) -> Tensor:
            return torch.from_numpy((labels == k).astype(np.float32))[None, None].to(device)

        return [Segment(mask(self.content, k), [mask(s, k) for s in self.styles]) for k in range(self.count)]

    def agreeing(self, matches: Any) -> np.ndarray:
        """Which matches join segments of the same number; those of the first style are looked at. (N,) bool."""
        ends = []
        for points, size, labels in (
            (matches.content, matches.content_size, self.content),
            (matches.style, matches.style_size, self.styles[0]),
        ):
            height, width = labels.shape
            cells = ((points + 0.5) * (np.array([width, height]) / np.array(size))).astype(int)
            ends.append(labels[cells[:, 1].clip(0, height - 1), cells[:, 0].clip(0, width - 1)])
        return ends[0] == ends[1]


def read_segmentation(
    content_mask: Any, style_masks: Any, content_size, style_sizes: list, side: int | list[int]
) -> Segmentation:
    """Paired segments of content and styles from masks painted in flat colours.

    Args:
        content_mask: an image of the content's shape.
        style_masks: one for each style, of its shape; a single one need not be in a list.
        content_size, style_sizes: (W, H) of the images.
        side: long side of the arrays that are returned, pixels, where the masks are larger; or a list, one for the content
            and one for each style.

    Raises:
        InputError: a mask of another shape; another number of style masks; a colour that one mask has and another
            has not; more than 16 colours; a single colour.
    """
    style_masks = list(style_masks) if isinstance(style_masks, (list, tuple)) else [style_masks]
    if len(style_masks) != len(style_sizes):
        raise InputError(
            f"{len(style_masks)} style masks for {counted(len(style_sizes), 'style image')}: give one each"
        )
    named = [("content_mask", content_mask, content_size)]
    named += [("style_mask", mask, size) for mask, size in zip(style_masks, style_sizes, strict=True)]
    sides = side if isinstance(side, list) else [side] * len(named)
    codes = [_color_codes(*item, side) for item, side in zip(named, sides, strict=True)]
    palettes = [_segments_in(code) for code in codes]
    every = palettes[0] + [code for palette in palettes[1:] for code in palette if not _has(palettes[0], code)]
    for (name, _, _), palette in zip(named, palettes, strict=True):
        for code in every:
            if not _has(palette, code):
                raise InputError(
                    f"{name} has no segment of the colour {_color_name(code)} that another mask has: paint it in both"
                )
    if not 1 < len(every) <= MAX_SEGMENTS:
        found = "one flat colour" if len(every) == 1 else f"{len(every)} colours"
        raise InputError(f"the masks hold {found}: they take 2 to {MAX_SEGMENTS}, each a segment")
    labels = [_nearest(code, every) for code in codes]
    return Segmentation(labels[0], labels[1:], len(every))


def _color_codes(name: str, source: Any, size, side: int) -> np.ndarray:
    """A mask's colours in steps of 1/16 as whole numbers: (h, w)."""
    image = read(source, side=side)
    width, height = image.size
    if abs(width * size[1] - height * size[0]) > max(*size, width, height):
        raise InputError(
            f"{name} {image.name} is {width} x {height}, its image {size[0]} x {size[1]}: give both the same shape"
        )
    rgb = image.rgb
    if max(image.size) > side:
        rgb = F.interpolate(rgb, size=fit_size(image.size, side)[::-1], mode="nearest-exact", align_corners=None)
    steps = (rgb[0] * 16).round().long().numpy()
    return (steps[0] * 17 + steps[1]) * 17 + steps[2]


def _segments_in(code: np.ndarray) -> list[int]:
    """Colours of a mask that fill a segment: common ones, of close ones the commonest, and none that only line an edge."""
    values, counts = np.unique(code, return_counts=True)
    common: list[int] = []
    for k in np.argsort(-counts, kind="stable"):
        near = common and np.abs(_channels(values[k]) - _channels(common)).max(-1).min() <= 1
        if counts[k] >= MIN_AREA * code.size and not near:
            common.append(int(values[k]))
    if not common:
        return []
    labels = torch.from_numpy(_nearest(code, common))[None, None].float()
    inside = F.max_pool2d(labels, 3, 1, 1) == -F.max_pool2d(-labels, 3, 1, 1)
    smallest = MIN_AREA / 5 * code.size
    return [color for k, color in enumerate(common) if int((inside & (labels == k)).sum()) >= smallest]


def _has(palette: list[int], code: int) -> bool:
    return bool(palette) and bool((np.abs(_channels(palette) - _channels(code)).max(-1) <= 1).any())


def _channels(code: Any) -> np.ndarray:
    code = np.asarray(code)
    return np.stack([code // 289, code // 17 % 17, code % 17], -1)


def _color_name(code: int) -> str:
    return "#" + "".join(f"{round(v / 16 * 255):02x}" for v in _channels(code))


def _nearest(code: np.ndarray, palette: list[int]) -> np.ndarray:
    """Number of the palette's colour nearest to each pixel: (h, w)."""
    values, inverse = np.unique(code, return_inverse=True)
    apart = np.abs(_channels(values)[:, None] - _channels(palette)[None]).sum(-1)
    return apart.argmin(1).astype(np.int32)[inverse.reshape(code.shape)]
