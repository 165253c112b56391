"""A run as plain data: what is optimised, its options, and what its record says of the inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from dst.config import StylizeConfig
from dst.imaging.masks import Segment
from dst.methods.targets import Style
from dst.warp import Warp


@dataclass(frozen=True)
class Scene:
    """What is optimised and against what; images at the finest scale.

    Attributes:
        content: (1, 3, H, W) in [0, 1].
        styles: style images, each with its own aspect, and weights.
        start: (1, 3, H, W) that the pixels start from; None for the content's lightness in the style's colours.
        warp: the warp that reaches the targets, whose displacements are optimised; those of its rigid points stay. None
            for no warp.
        confidence: (k,) float64, weights of the warp's points in the warp term; None for equal ones.
        beta, gamma: weights of the warp term and of the total variation of the flow.
        segments: paired content and style segments, masks at the finest scale; None for the whole images.
        strokes: stroke size of each style, whose image is that many times as large; None for 1 each.
    """

    content: Tensor
    styles: list[Style]
    start: Tensor | None
    warp: Warp | None
    confidence: np.ndarray | None
    beta: float
    gamma: float
    segments: list[Segment] | None = None
    strokes: list[float] | None = None


@dataclass
class Job:
    """A run, all but how far it is: what `stylize` made of its inputs.

    Attributes:
        config, preset: what was asked for.
        inputs: what the record says of the images: names, sizes and, for files, paths and digests.
        content_size: (W, H) of the displayed content.
        content: (1, 3, H, W) in its own colours, at the size of the optimisation.
        alpha: (1, 1, H, W) or None.
        style: (1, 3, h, w) the first style, as shown beside the result.
        geometry: (1, 3, h, w) the image that the content was matched with, where that is not the first style.
        matches: in pixels of the displayed images; None where none were looked for.
        verdict: one sentence on the matches, or on why there is no warp.
        mask: (H, W) bool at the displayed content's size, the rigid parts, or None.
        kept: share of the displacements that was left when the folds of the matches' warp were removed.
        softened: factor on the displacements that came of matches of little confidence, 1 for none.
        scene: what is optimised.
        threads: of the processor; the last bits of the result depend on their number. 0 where unknown.
        precision: that the painting's feature network computes in, `float32` or `bfloat16`.
        notes: go into the record as they are.
        given: what was asked for beside the config: `warp`, and `points` by their file, where they came from one.
    """

    config: StylizeConfig
    preset: str
    inputs: dict[str, Any]
    content_size: tuple[int, int]
    content: Tensor
    alpha: Tensor | None
    style: Tensor
    geometry: Tensor | None
    matches: Any
    verdict: str
    mask: np.ndarray | None
    kept: float
    scene: Scene
    threads: int = 0
    precision: str = "float32"
    softened: float = 1.0
    notes: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
