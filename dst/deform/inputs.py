"""The images and masks of a run, read and checked against one another, and the scene that is made of them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dst import imaging
from dst.config import InputError, StylizeConfig
from dst.deform import network
from dst.deform.guidance import check_strokes, style_shares
from dst.deform.strokes import finest_side, stroke_sizes
from dst.features import Encoder, cached_encoder
from dst.files import digest
from dst.imaging import color, histogram
from dst.imaging.masks import Segmentation, read_rigid_mask, read_segmentation
from dst.methods.targets import Style
from dst.networks.arbitrary import painted_at_once
from dst.optim.init import first_guess, is_init
from dst.runs.job import Scene
from dst.warp import Warp


@dataclass
class Inputs:
    """All images and masks of a run, read and checked against one another.

    Attributes:
        content: the photograph.
        styles: the paintings, one or more.
        geometry: the image that shapes come from, where that is not the first style.
        mask: (H, W) bool at the content's size, the rigid parts, or None.
        segmentation: segments that are painted apart, or None.
        record: what the run's record says of the inputs.
    """

    content: imaging.Image
    styles: list[imaging.Image]
    geometry: imaging.Image | None
    mask: np.ndarray | None
    segmentation: Segmentation | None
    record: dict[str, Any]

    @property
    def partner(self) -> imaging.Image:
        """The image that the content is matched with."""
        return self.geometry or self.styles[0]


def style_list(style: Any) -> list[Any]:
    """One style or several as a list.

    Raises:
        InputError: an empty list.
    """
    styles = list(style) if isinstance(style, (list, tuple)) else [style]
    if not styles:
        raise InputError("no style image is given: give one or more")
    return styles


def read_inputs(content: Any, style: Any, config: StylizeConfig) -> Inputs:
    """Read every image and mask of a run.

    Raises:
        InputError: one that cannot be read, a style too small for its strokes, or a mask that does not fit its image.
    """
    sources = style_list(style)
    side, strokes = needed_side(config), stroke_sizes(config.guidance.stroke_size, len(sources))
    content_image = imaging.read(content, side=side)
    styles = [imaging.read(s, side=needed_side(config, k)) for s, k in zip(sources, strokes, strict=True)]
    check_strokes(config, [(image.name, image.size) for image in styles])
    guidance, segmentation = config.guidance, None
    geometry = None if guidance.geometry is None else imaging.read(guidance.geometry, side=side)
    mask = None if guidance.rigid_mask is None else read_rigid_mask(guidance.rigid_mask, content_image.size)
    if guidance.content_mask is not None:
        sizes = [image.size for image in styles]
        masks = guidance.content_mask, guidance.style_mask
        sides = [config.size, *(painted_side(config, stroke) for stroke in strokes)]
        segmentation = read_segmentation(*masks, content_image.size, sizes, sides)
    record = {"content": describe(content, content_image)}
    painted = [describe(source, image) for source, image in zip(sources, styles, strict=True)]
    record["style"] = painted[0]
    if len(painted) > 1:
        record["styles"] = painted
    if geometry is not None:
        record["geometry"] = describe(guidance.geometry, geometry)
    if guidance.model is not None:
        record["model"] = network.described(config)
    return Inputs(content_image, styles, geometry, mask, segmentation, record)


def needed_side(config: StylizeConfig, stroke: float = 1.0) -> int:
    """The long side that a run needs an image at, pixels: to be matched and to be painted; a style with its stroke size."""
    return max(painted_side(config, stroke), config.match.match_size)


def painted_side(config: StylizeConfig, stroke: float) -> int:
    """The long side, pixels, that a run needs a style of a stroke size at, and its mask, to be painted from and to be shown."""
    return math.ceil(max(1.0, stroke) * config.size)


def describe(source: Any, image: imaging.Image) -> dict[str, Any]:
    """Name and size of an input; for a file also its path and digest, so that it can be found again."""
    found = {"name": image.name, "size": list(image.size)}
    if isinstance(source, (str, os.PathLike)):
        found |= {"path": os.path.abspath(source), "sha256": digest(source)}
    return found


def make_scene(inputs: Inputs, config: StylizeConfig, warp: Warp | None, weights: np.ndarray | None) -> Scene:
    """What is to be optimised.

    Args:
        inputs: the images.
        config: the options.
        warp: the warp that the matches ask for; None for no warp.
        weights: (k,) how strongly each of its points pulls (`dst.deform.fitting.point_weights`); None with it.
    """
    device = torch.device(config.device)
    content = imaging.resize(inputs.content.rgb, config.size, inputs.content.size)
    strokes = stroke_sizes(config.guidance.stroke_size, len(inputs.styles))
    plain = _painted(inputs, config, content, [1.0] * len(strokes))
    painted = plain if set(strokes) == {1} else _painted(inputs, config, content, strokes)
    if config.guidance.preserve_color == "luminance":
        content = color.grey(content)
    shares = style_shares(config.guidance.style_weights, len(painted))
    if is_init(config.guidance.init, "instant"):
        start = painted_at_once(content.to(device), [style.to(device) for style in plain], shares)
    else:
        start = first_guess(
            config.guidance.init, content.to(device), [style.to(device) for style in plain], config.seed
        )
    if start is None and config.guidance.preserve_color == "histogram":
        start = content.to(device)  # its colours are the style's by now, each in its place
    used = [k for k, share in enumerate(shares) if share > 0]
    segmentation = inputs.segmentation
    if segmentation is not None:
        segmentation = replace(segmentation, styles=[segmentation.styles[k] for k in used])
    return Scene(
        content=content.to(device),
        styles=[Style(painted[k].to(device), shares[k]) for k in used],
        start=start,
        warp=warp,
        confidence=weights,
        beta=config.warp.beta,
        gamma=config.warp.gamma,
        segments=None if segmentation is None else segmentation.segments(device),
        strokes=[strokes[k] for k in used],
    )


def _painted(inputs: Inputs, config: StylizeConfig, content: Tensor, strokes: list[float]) -> list[Tensor]:
    """The styles as they are painted from, each with its stroke size, at the finest scale: in their own colours or the content's."""
    sides = [finest_side(image.size, config.size, stroke) for image, stroke in zip(inputs.styles, strokes, strict=True)]
    styles = [imaging.resize(s.rgb, side, s.size) for s, side in zip(inputs.styles, sides, strict=True)]
    if config.guidance.preserve_color == "luminance":
        return [color.grey(style) for style in styles]
    if config.guidance.preserve_color == "histogram":
        return [histogram.match_colors(style, [content]) for style in styles]
    return styles


def encoder_of(config: StylizeConfig) -> Encoder:
    """The encoder of a config; the last one is kept, so that a second run with it starts at once."""
    return cached_encoder(config.encoder, config.weights, config.device)
