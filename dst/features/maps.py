"""A picture as a network sees it: its feature maps, held with what is needed to look at them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dst import imaging, runtime
from dst.config import FeaturesConfig, InputError
from dst.features.encoder import Encoder, cached_encoder
from dst.features.networks import Network
from dst.features.receptive import Field, field_side, receptive_field
from dst.features.statistics import activation_statistics, strongest_places
from dst.imaging.strips import check_memory

FAINT = 0.05
"""Channels that nowhere reach this share of their layer's largest activation are next to silent: a trace at one position, as of
filters that the training left dead, is no selectivity."""
SPREAD = 16
"""The strongest places of a channel lie at least this part of the image's long side apart."""


@dataclass(frozen=True, eq=False)
class FeatureMaps(Mapping[str, np.ndarray]):
    """The feature maps of a picture: a mapping from the name of a layer to an array (C, h, w) float32, 0 or more.

    Position (row, column) of a layer of stride s stands for the s x s pixels from (s row, s column) of `image` on.

    Attributes:
        image: the picture as the network saw it, (H, W, 3) uint8.
        network: the network's table.
        maps: the arrays themselves.
    """

    image: np.ndarray
    network: Network
    maps: dict[str, np.ndarray]

    def __getitem__(self, layer: str) -> np.ndarray:
        return self.maps[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self.maps)

    def __len__(self) -> int:
        return len(self.maps)

    def statistics(self) -> dict[str, dict[str, np.ndarray]]:
        """Of each layer and channel: `mean`, `standard_deviation`, `maximum`, `active_share` (positions above 0) and `selectivity`.

        Returns:
            By layer and by those names, (C,) float64. Selectivity is the sparseness of Vinje and Gallant (Science 287, 2000)
            over positions: 0 where all respond alike, 1 where a single one does.
        """
        return {layer: activation_statistics(maps) for layer, maps in self.maps.items()}

    def channels(
        self, layer: str, which: str | Sequence[int] = FeaturesConfig.channels, count: int = FeaturesConfig.count
    ) -> list[int]:
        """Numbers of channels of a layer, in the order that they are to be shown; of equal ones the lower number first.

        Args:
            layer: one of these maps.
            which: `strongest`, by their maximum; `selective`, by their selectivity, those last that nowhere reach a
                twentieth of the layer's largest activation; or numbers, counted from 0.
            count: how many at most, where they are not given by number.

        Raises:
            InputError: a number that the layer does not have; another word.
        """
        config = FeaturesConfig(channels=which)
        total = len(self.maps[layer])
        if isinstance(config.channels, str):
            found = activation_statistics(self.maps[layer])
            tops, order = found["maximum"], -found["maximum"]
            if config.channels == "selective":
                order = -found["selectivity"] + 2 * (tops < FAINT * tops.max())
            return np.argsort(order, kind="stable")[:count].tolist()
        for number in config.channels:
            if number >= total:
                raise InputError(f"channel {number} of {layer} does not exist: it has {total}, from 0 to {total - 1}")
        return list(config.channels)

    def field(self, layer: str, place: tuple[int, int], whole: bool = False) -> Field:
        """The pixels of `image` that the position `place` (row, column) of a layer depends on: (top, bottom, left, right).

        Ends are not included. `whole` gives the square that it would be in an image without a border.
        """
        return receptive_field(self.network, layer, place, None if whole else self.image.shape[:2])

    def places(self, layer: str, channel: int, count: int) -> list[tuple[int, int]]:
        """Where a channel responds most: at most `count` positions (row, column), the strongest first.

        No two are nearer than half a receptive field, or than a sixteenth of the image's long side where that is more, so
        that they show different things.
        """
        stride = 2 ** (int(layer[4]) - 1)
        apart = max(field_side(self.network, layer) / 2, max(self.image.shape[:2]) / SPREAD)
        return strongest_places(self.maps[layer][channel], count, math.ceil(apart / stride))


def feature_maps(
    image: Any,
    layers: Sequence[str] | str = ("relu3_1",),
    *,
    size: int = FeaturesConfig.size,
    encoder: str | Encoder = "compact",
    weights: Any = None,
    device: str = "cpu",
) -> FeatureMaps:
    """The feature maps of a picture: what each channel of some layers responds at each position, after the ReLU.

    Args:
        image: whatever `dst.read_image` takes, of any size and shape; alpha is laid over white.
        layers: names, such as `["relu3_1", "relu4_1"]` or "relu3_1+relu4_1".
        size: long side that the picture is looked at, pixels, where it is larger; a smaller one stays as it is.
        encoder: the network's name, or one that `dst.load_encoder` gave.
        weights: a file of weights for the network, where it is named.
        device: where to compute, where it is named.

    Returns:
        A mapping from each layer, in the order asked for, to an array (C, h, w) float32; `h` is the height over the layer's
        stride, rounded down. It knows the picture, statistics of channels and receptive fields; `dst.figures` draws it.

    Raises:
        InputError: an image that cannot be read, or is too small for the deepest layer; an unknown layer or network; weights
            or a device that cannot be had.

    Source: Gatys, Ecker and Bethge 2016, section 2, "deep image representations": the responses F^l of layer l.
    """
    config = FeaturesConfig(layers=layers, size=size)
    with runtime.computing(), torch.no_grad():
        network = encoder if isinstance(encoder, Encoder) else cached_encoder(encoder, weights, device)
        given = imaging.read(image, min_side=1, side=config.size)
        rgb = given.rgb if given.alpha is None else given.rgb * given.alpha + (1 - given.alpha)
        shown = imaging.resize(rgb, config.size, given.size) if max(given.size) > config.size else rgb
        check_layers(network, config.layers, shown, given)
        found = network(shown.to(network.mean.device), config.layers)
        maps = {layer: values[0].float().cpu().contiguous().numpy() for layer, values in found.items()}
    return FeatureMaps(imaging.to_array(shown), network.network, maps)


def check_layers(encoder: Encoder, layers: Sequence[str], shown: torch.Tensor, given: imaging.Image) -> None:
    """Refuse what the layers cannot be computed of: too few pixels, or more than there is memory for. Unknown layers pass."""
    known = [encoder.layers[name] for name in layers if name in encoder.layers]
    height, width = shown.shape[2:]
    if len(known) < len(layers):
        return  # the encoder says what there is
    deepest = max(layers, key=lambda name: encoder.layers[name].stride)
    needed = encoder.layers[deepest].stride
    if min(height, width) < needed:
        what = "is" if given.size == (width, height) else f"is {given.size[0]} x {given.size[1]} pixels, looked at as"
        more = "" if given.size == (width, height) else ", and a larger size keeps more pixels"
        fits = [name for name, layer in encoder.layers.items() if layer.stride <= min(height, width)]
        raise InputError(
            f"{given.name} {what} {width} x {height} pixels, and {deepest} needs {needed} on each side: "
            f"the deepest layer that such an image has is {fits[-1]}{more}"
        )
    # the maps that are kept, and in passing the two largest and their borders
    kept = sum(layer.activations for layer in known)
    widest = max(layer.activations for layer in encoder.layers.values())
    check_memory(given.name, (width, height), 4 * height * width * (2 * kept + 3 * widest), "looked at")
