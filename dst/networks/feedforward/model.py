"""A network with what it was trained on, and what it paints: any size, several styles mixed, less strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from dst import runtime
from dst.config import InputError, TrainConfig, check_choice
from dst.networks.feedforward.table import NETWORKS, Row

WIDEST = 32
"""Channels of the published networks' widest maps, which stand at the picture's full size."""
LEAST_STYLE = 64
"""Short side of a style's image at the least, pixels."""


@dataclass(frozen=True)
class Model:
    """A network and its card.

    Attributes:
        config: how it was trained.
        network: on its device, without gradients.
        names: of its styles, in their order; of a network of any style, of those that it was trained on.
        card: what `model.json` says of it: data, steps, losses, licence.
        finished: whether its training has come to its end.
    """

    config: TrainConfig
    network: nn.Module
    names: tuple[str, ...]
    card: dict[str, Any] = field(default_factory=dict)
    finished: bool = True

    @property
    def row(self) -> Row:
        """What its kind of network can do."""
        return NETWORKS[self.config.network]

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.network.parameters()).device


def shares(count: int, weights: Sequence[float] | None) -> Tensor:
    """Shares of so many styles, (1, count), with a sum of 1; equal where there are no weights.

    Raises:
        InputError: another number of weights.
    """
    given = [1.0] * count if weights is None else list(weights)
    if len(given) != count:
        raise InputError(f"there are {len(given)} weights for {count} styles: give one weight for each")
    return torch.tensor([given]) / sum(given)


def mix_of(model: Model, styles: Sequence[Any], weights: Sequence[float] | None, read: Callable[[Any], Tensor]) -> Any:
    """What a network is told to paint in.

    Args:
        styles: names of the model's own styles; of a network of any style, images as `read` takes them. None of a network with
            styles of its own are all of them, mixed.
        weights: of the styles; None for equal ones.
        read: an image to (1, 3, h, w) in [0, 1].

    Raises:
        InputError: a name that the model does not know, given twice, or another number of weights; no style for a network of any.
    """
    if model.row.read is not None:
        if not styles:
            raise InputError("this network paints in any style: give a style's image")
        images = [read(style).to(model.device) for style in styles]
        with torch.no_grad():
            return model.row.read(model.network, images, shares(len(images), weights).to(model.device))
    chosen = list(styles) or list(model.names)
    for name in chosen:
        check_choice("style", name, model.names)
    if len(set(chosen)) < len(chosen):
        raise InputError(f"a style is named twice in {', '.join(chosen)}: name each once")
    found = torch.zeros(1, len(model.names))
    found[0, [model.names.index(name) for name in chosen]] = shares(len(chosen), weights)[0]
    return found.to(model.device)


def check_size(model: Model, width: int, height: int) -> None:
    """Refuse a picture that there is no memory for.

    Raises:
        InputError: it is too large; the message says what size would do.
    """
    free = runtime.free_memory(str(model.device))
    plain, wide = model.row.held
    each = 4 * (plain + wide * model.config.channels(WIDEST))
    if free is None or each * width * height < free:
        return
    fits = int(max(width, height) * (runtime.SPARE * free / (each * width * height)) ** 0.5)
    raise InputError(
        f"{width} x {height} pixels need about {each * width * height / 1e9:.1f} GB, and {free / 1e9:.1f} are free: give a size of {fits}"
    )


@torch.no_grad()
def painted(model: Model, images: Tensor, mix: Any, strength: float = 1.0) -> Tensor:
    """Painted images. Large maps are made in strips, layer by layer, so that there is no seam and nothing differs from one piece.

    Args:
        images: (N, 3, H, W) in [0, 1].
        mix: of `mix_of`.
        strength: share of what the network paints; the rest is the images. A network of any style mixes features in its stead.

    Returns:
        (N, 3, H, W) in [0, 1], where the images are.

    Raises:
        InputError: as `check_size`.
    """
    check_size(model, images.shape[3], len(images) * images.shape[2])
    given = images.to(model.device)
    if strength < 1 and model.row.weakened is not None:
        mix, strength = model.row.weakened(mix, strength), 1.0
    made = model.row.paint(model.network, given, mix).clamp(0, 1)
    return (made if strength == 1 else torch.lerp(given, made, strength)).to(images.device)
