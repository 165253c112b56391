"""Style transfer by Gram matrices as it was published, as targets of `dst.methods.pictures`."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from dst.config import InputError, OptimizeConfig, check_choice
from dst.features.encoder import Encoder
from dst.features.networks import NETWORKS
from dst.methods.statistics import Target

BLOCK = 8
"""Side, pixels, of what the content term is a mean over: a position of relu4_2."""
RELATIVE = 1e4
"""The ratio, times this, is `alpha` where terms are relative to their targets."""


def content_weight(encoder: Encoder, layer: str, scale: float) -> float:
    """What the published content term, over its number of values, is multiplied with: see `gatys_targets`.

    Args:
        scale: mean activation of the layer, which the features are divided by.
    """
    return published_width(layer) * (BLOCK / encoder.layers[layer].stride) ** 2 / scale**2


def gatys_targets(
    encoder: Encoder,
    scales: dict[str, float] | None,
    ratio: float,
    content_layers: Sequence[str],
    style_layers: Sequence[str],
    layer_weights: Sequence[float] | None = None,
    content: int = 0,
    style: int = 1,
) -> tuple[Target, ...]:
    """What a picture is drawn to: alpha times the content term and beta times the style term, beta being 1.

    Args:
        encoder: the network.
        scales: mean activation of each layer, which the features are divided by (`activation_scales`), for the published terms;
            None for terms relative to their targets, with `alpha` 1e4 times the ratio, as `--method gatys` has them.
        ratio: alpha over beta; 0 leaves the content out.
        content_layers, style_layers: names; within each term the layers' weights have a sum of 1.
        layer_weights: of the style layers; None for equal ones.
        content, style: numbers of the images.

    Raises:
        InputError: an unknown layer, or another number of weights than of style layers.

    Source: Gatys et al. 2016, equations 1 to 7. The content term is a mean over blocks of 8 x 8 pixels, positions of relu4_2, where the
    paper has a sum over the image, so that a ratio means the same at every size, and is counted at the number of channels that VGG-19
    has, whatever the network.
    """
    for name in (*content_layers, *style_layers):
        check_choice("layer", name, encoder.layers)
    weights = layer_weights or [1.0] * len(style_layers)
    if len(weights) != len(style_layers):
        raise InputError(
            f"there are {len(weights)} layer_weights for {len(style_layers)} style_layers: give one weight for each layer"
        )
    found = []
    for name in content_layers if ratio else ():
        share = ratio / len(content_layers)
        if scales is None:
            found.append(Target("content", name, content, OptimizeConfig.content_factor * RELATIVE * share))
        else:
            weight = content_weight(encoder, name, scales[name])
            found.append(Target("published content", name, content, share * weight))
    for name, weight in zip(style_layers, weights, strict=True):
        share = weight / sum(weights)
        if scales is None:
            found.append(Target("gram", name, style, OptimizeConfig.style_factor * share))
        elif weight:
            found.append(Target("published gram", name, style, share / scales[name] ** 4))
    return tuple(found)


@torch.no_grad()
def activation_scales(encoder: Encoder, images: Sequence[Tensor], layers: Sequence[str]) -> dict[str, float]:
    """The mean activation of every layer over images: published networks have 1 in all of them, by rescaled weights.

    Source: Gatys et al. 2016, section 2; there the mean is over ImageNet's validation set.
    """
    sums = dict.fromkeys(layers, 0.0)
    for image in images:
        for name, values in encoder(image.to(encoder.mean.device), list(layers)).items():
            sums[name] += float(values.mean()) / len(images)
    return {name: max(value, 1e-9) for name, value in sums.items()}


@functools.cache
def published_width(layer: str) -> int:
    """Channels of a layer of VGG-19."""
    return NETWORKS["vgg19"].convolutions()[layer.replace("relu", "conv")][1]
