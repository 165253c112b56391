"""The networks by name: what each has to have, so that one loop trains and one call applies them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dst.config import TrainConfig
from dst.features.encoder import Encoder
from dst.networks.feedforward import adain, johnson, multimodal, ulyanov


@dataclass(frozen=True)
class Row:
    """A network.

    Attributes:
        build: an untrained network for so many styles, its weights drawn from a generator of `config.seed`.
        prepare: what the loss needs of the styles, (1, 3, h, w) each, encoded once; it keeps the encoder where `terms` needs it.
        terms: the weighted terms of a step, scalars by name; their sum is what is minimised. The generator is that of the step.
        paint: images (N, 3, H, W) in [0, 1] and a mix to painted images of the same size, without gradients.
        read: for networks of any style, the mix of style images (1, 3, h, w) and their shares, which sum to 1: given the network, the
            images and the shares. None where the styles are the network's own: then the mix is their shares, (1, styles).
        read_regions: of such networks, the mix of regions as `adain.read_regions` takes them; None where there are none.
        weakened: of such networks, a mix of so much strength, from 0 to 1; None where the picture itself is mixed in instead.
        late_style: factor on the weight of the style in the later part of a training (`train.LATE`).
        paint_sized: `paint` for images of one size, as a function of them alone: given the network, a mix and an image (1, 3, H, W) of that
            size. For networks whose work depends on the size in a way that is no layer's; None where any size goes through the same.
        held: numbers that are held for a pixel of the picture at the most, and as many more for each channel of the widest maps: measured
            as peaks at 2,400 x 2,400 pixels and widths of 0.125, 0.5 and 1, rounded up.
        learns: numbers that a step of a training holds for a pixel of its squares at the most, and as many more for each channel of the
            widest maps, beside the encoder's; and how many times a square is encoded with gradients, in pixels of one. Measured as peaks
            at squares of 192 and 384 pixels and widths of 0.25, 0.5 and 1, rounded up.
        parts: pictures on the way by name, of the network, images and a mix; None where there are none.
    """

    build: Callable[[TrainConfig, int], nn.Module]
    prepare: Callable[[list[Tensor], Encoder, TrainConfig], Any]
    terms: Callable[[Any, Tensor, Any, TrainConfig, torch.Generator], dict[str, Tensor]]
    paint: Callable[[Any, Tensor, Any], Tensor]
    held: tuple[float, float]
    learns: tuple[float, float, float]
    read: Callable[[Any, list[Tensor], Tensor], Any] | None = None
    read_regions: Callable[[Any, Any], Any] | None = None
    weakened: Callable[[Any, float], Any] | None = None
    late_style: float = 1.0
    paint_sized: Callable[[Any, Any, Tensor], Callable[[Tensor], Tensor]] | None = None
    parts: Callable[[Any, Tensor, Any], dict[str, Tensor]] | None = None


NETWORKS = {
    "johnson": Row(
        johnson.build,
        johnson.prepare,
        johnson.terms,
        johnson.paint,
        held=(44, 1.5),
        learns=(100, 30, 1),
        late_style=johnson.LATE_STYLE,
    ),
    "ulyanov": Row(
        ulyanov.build,
        johnson.prepare,
        ulyanov.terms,
        ulyanov.paint,
        held=(100, 3.2),
        learns=(250, 32, 1),
        late_style=johnson.LATE_STYLE,
        paint_sized=ulyanov.paint_sized,
    ),
    "multimodal": Row(
        multimodal.build,
        multimodal.prepare,
        multimodal.terms,
        multimodal.paint,
        held=(36, 2),
        learns=(60, 58, 2.25),
        paint_sized=multimodal.paint_sized,
        parts=multimodal.parts,
    ),
    "adain": Row(
        adain.build,
        adain.prepare,
        adain.terms,
        adain.paint,
        held=(40, 3.5),
        learns=(230, 20, 1),
        read=adain.read,
        read_regions=adain.read_regions,
        weakened=adain.weakened,
        late_style=johnson.LATE_STYLE,
    ),
}
"""Every network by its name in `dst.config.FEEDFORWARD`."""
