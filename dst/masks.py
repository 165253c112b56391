"""Masks that users paint: parts of the content that stay rigid, and areas of the pictures that are painted apart."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dst import images
from dst.config import InputError, counted
from dst.methods.targets import Region

LEAST_AREA = 0.005
"""A colour of a mask is an area of its own from this share of the picture on; rarer ones are edges and noise."""
MOST_AREAS = 16


def protected(source: Any, size: tuple[int, int]) -> np.ndarray:
    """The parts of a content of `size` (W, H) that stay rigid: (H, W) bool.

    Raises:
        InputError: as `images.read_mask`; nothing of it is brighter than half.
    """
    mask = images.read_mask(source, size)[0, 0].numpy() >= 0.5
    if not mask.any():
        raise InputError("the protect mask has no white part: paint white what should keep its shape")
    return mask


@dataclasses.dataclass(frozen=True)
class Areas:
    """The areas of the content and of each style, numbered alike from 0.

    Attributes:
        content: (H, W) whole numbers.
        styles: one array (h, w) for each style.
        count: how many areas there are.
    """

    content: np.ndarray
    styles: list[np.ndarray]
    count: int

    def regions(self, device: Any = "cpu") -> list[Region]:
        """Masks of each area at the areas' own resolution, for a method."""

        def mask(labels: np.ndarray, k: int) -> Tensor:
            return torch.from_numpy((labels == k).astype(np.float32))[None, None].to(device)

        return [Region(mask(self.content, k), [mask(s, k) for s in self.styles]) for k in range(self.count)]

    def agreeing(self, matches: Any) -> np.ndarray:
        """Which matches join areas of the same number; the first style's areas are looked at. (N,) bool."""
        ends = []
        for points, size, labels in (
            (matches.content, matches.content_size, self.content),
            (matches.style, matches.style_size, self.styles[0]),
        ):
            height, width = labels.shape
            cells = ((points + 0.5) * (np.array([width, height]) / np.array(size))).astype(int)
            ends.append(labels[cells[:, 1].clip(0, height - 1), cells[:, 0].clip(0, width - 1)])
        return ends[0] == ends[1]


def read_areas(content_mask: Any, style_masks: Any, content_size, style_sizes: list, side: int) -> Areas:
    """Paired areas of content and styles from masks painted in flat colours.

    Args:
        content_mask: a picture of the content's shape.
        style_masks: one for each style, of its shape; a single one need not be in a list.
        content_size, style_sizes: (W, H) of the pictures.
        side: long side of the arrays that are returned, pixels, where the masks are larger.

    Raises:
        InputError: a mask of another shape; another number of style masks; a colour that one picture has and another
            has not; more than 16 colours; a single colour.
    """
    style_masks = list(style_masks) if isinstance(style_masks, (list, tuple)) else [style_masks]
    if len(style_masks) != len(style_sizes):
        raise InputError(
            f"{len(style_masks)} style masks for {counted(len(style_sizes), 'style picture')}: give one each"
        )
    named = [("content_mask", content_mask, content_size)]
    named += [("style_mask", mask, size) for mask, size in zip(style_masks, style_sizes, strict=True)]
    codes = [_color_codes(*item, side) for item in named]
    palettes = [_areas_in(code) for code in codes]
    every = palettes[0] + [code for palette in palettes[1:] for code in palette if not _has(palettes[0], code)]
    for (name, _, _), palette in zip(named, palettes, strict=True):
        for code in every:
            if not _has(palette, code):
                raise InputError(
                    f"{name} has no area of the colour {_color_name(code)} that another mask has: paint it in both"
                )
    if not 1 < len(every) <= MOST_AREAS:
        found = "one flat colour" if len(every) == 1 else f"{len(every)} colours"
        raise InputError(f"the masks hold {found}: they take 2 to {MOST_AREAS}, each an area")
    labels = [_nearest(code, every) for code in codes]
    return Areas(labels[0], labels[1:], len(every))


def _color_codes(name: str, source: Any, size, side: int) -> np.ndarray:
    """A mask's colours in steps of 1/16 as whole numbers: (h, w)."""
    picture = images.read(source)
    width, height = picture.size
    if abs(width * size[1] - height * size[0]) > max(*size, width, height):
        raise InputError(
            f"{name} {picture.name} is {width} x {height}, its picture {size[0]} x {size[1]}: give both the same shape"
        )
    rgb = picture.rgb
    if max(picture.size) > side:
        rgb = F.interpolate(
            rgb, size=images.fit_size(picture.size, side)[::-1], mode="nearest-exact", align_corners=None
        )
    steps = (rgb[0] * 16).round().long().numpy()
    return (steps[0] * 17 + steps[1]) * 17 + steps[2]


def _areas_in(code: np.ndarray) -> list[int]:
    """Colours of a mask that fill an area: common ones, of close ones the commonest, and none that only line an edge."""
    values, counts = np.unique(code, return_counts=True)
    common: list[int] = []
    for k in np.argsort(-counts, kind="stable"):
        near = common and np.abs(_channels(values[k]) - _channels(common)).max(-1).min() <= 1
        if counts[k] >= LEAST_AREA * code.size and not near:
            common.append(int(values[k]))
    if not common:
        return []
    labels = torch.from_numpy(_nearest(code, common))[None, None].float()
    inside = F.max_pool2d(labels, 3, 1, 1) == -F.max_pool2d(-labels, 3, 1, 1)
    least = LEAST_AREA / 5 * code.size
    return [color for k, color in enumerate(common) if int((inside & (labels == k)).sum()) >= least]


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
