"""One VGG-shaped convolutional trunk, its layers asked for by name."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from dst.config import InputError, check_choice
from dst.weights import NETWORKS, Network, fingerprint, load_with_hash, random_weights

LEVELS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""The first layer of each of the five levels: what matching and Gram matrices look at."""


class Layer(NamedTuple):
    """What a layer gives: its channels, and how many pixels of the image one of its positions stands for."""

    channels: int
    stride: int


class Trunk(nn.Module):
    """A frozen feature extractor: `trunk(images, ["relu1_1", "relu4_1"])`.

    Attributes:
        name: the network's name.
        layers: `{"relu1_1": Layer(channels, stride), ...}` in the order of the network.
        sha256: of the weights.
    """

    def __init__(self, network: Network, state: dict[str, torch.Tensor], sha256: str = "") -> None:
        super().__init__()
        self.name, self.network = network.name, network
        self.sha256 = sha256 or fingerprint(state)
        self.layers: dict[str, Layer] = {}
        for conv, (before, width) in network.convolutions().items():
            self.add_module(conv, nn.Conv2d(before, width, 3, padding=1 if network.padding == "zeros" else 0))
            self.layers[conv.replace("conv", "relu")] = Layer(width, 2 ** (int(conv[4]) - 1))
        self.register_buffer("mean", torch.tensor(network.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(network.std).view(1, 3, 1, 1), persistent=False)
        self.normalises = any(network.mean) or any(value != 1 for value in network.std)
        self.load_state_dict(state)
        self.eval().requires_grad_(False)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: torch.Tensor, layers) -> dict[str, torch.Tensor]:
        """Return the activations asked for; nothing deeper than the deepest of them is computed.

        Args:
            images: (N, 3, H, W), RGB in [0, 1].
            layers: names out of `self.layers`, in any order.

        Returns:
            `{name: (N, C, h, w)}` in the order asked for, after the ReLU; h is H halved `level - 1` times, rounded down.

        Raises:
            InputError: an unknown layer, no layer, images of another shape, or too small for the deepest layer.
        """
        wanted = [check_choice("layer", name, self.layers) for name in layers]
        if not wanted:
            raise InputError(f"no layer was asked for: choose from {', '.join(self.layers)}")
        order = list(self.layers)
        last = max(order.index(name) for name in wanted)
        if images.dim() != 4 or images.shape[1] != 3:
            raise InputError(f"images have shape {tuple(images.shape)}: the trunk takes (N, 3, H, W)")
        if min(images.shape[2:]) < self.layers[order[last]].stride:
            least = self.layers[order[last]].stride
            raise InputError(f"images of {tuple(images.shape[2:])} pixels: {order[last]} needs {least} on each side")
        x = images.contiguous(memory_format=torch.channels_last)
        if self.normalises:
            x = (x - self.mean) / self.std
        found, stride = {}, 1
        for name in order[: last + 1]:
            if self.layers[name].stride != stride:
                stride = self.layers[name].stride
                x = F.max_pool2d(x, 2)
            x = self._convolve(x, name.replace("relu", "conv"))
            if name in wanted:
                found[name] = x
        return {name: found[name] for name in wanted}

    def _convolve(self, x: torch.Tensor, conv: str) -> torch.Tensor:
        if self.network.padding == "reflect":
            # Reflection needs two positions on an axis; below that the border is repeated, which is its limit.
            mode = "reflect" if min(x.shape[2:]) > 1 else "replicate"
            x = F.pad(x, (1, 1, 1, 1), mode=mode).contiguous(memory_format=torch.channels_last)
        return F.relu_(getattr(self, conv)(x))

    def extra_repr(self) -> str:
        return f"{self.name}, sha256 {self.sha256[:12]}"


def load_trunk(name: str = "compact", weights=None, device="cpu", seed: int | None = None) -> Trunk:
    """Return a trunk in eval mode, its parameters frozen, channels-last.

    Args:
        name: `compact` (embedded, offline), `vgg19`, `vgg16`, or `vgg19-16x` (with a file).
        weights: a file (see `dst.weights.load_weights`); None for the network's own; "random" for weights drawn from
            `seed` (0 unless given), which serve timing and tests.
        device: where the trunk lives, such as "cpu" or "cuda".
        seed: for random weights only.

    Raises:
        InputError: an unknown name, a device that is not there, or weights that cannot be had or do not fit.
    """
    network = NETWORKS[check_choice("trunk", name, NETWORKS)]
    if isinstance(weights, str) and weights == "random":
        state = random_weights(name, seed or 0)
        trunk = Trunk(network, state)
    else:
        trunk = Trunk(network, *load_with_hash(name, weights))
    try:
        return trunk.to(torch.device(device))
    except (RuntimeError, AssertionError) as error:
        why = str(error).strip().splitlines()[0]
        raise InputError(
            f"device {device!r} cannot be used ({why}): choose one that is there, such as 'cpu'"
        ) from error
