"""One VGG-shaped convolutional encoder, its layers asked for by name."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable

from dst import runtime
from dst.config import LEVELS as LEVELS
from dst.config import PADDINGS, POOLINGS, PRECISIONS, InputError, check_choice
from dst.features.networks import NETWORKS, Network
from dst.features.weights import fingerprint, load_with_hash, random_weights

FUSED_FROM = 2**19
"""Values from which `ReluReflect` pays: below, the maps stay in the cache, and its many small calls cost more than they
save (0.6 against 0.3 ms, forward and backward, for 32 channels of 64 x 64 on two cores)."""


Reduce = Callable[[torch.Tensor], torch.Tensor]
"""What is made of an activation (N, C, h, w): a smaller one."""


class Layer(NamedTuple):
    """What a layer gives: its channels, and how many pixels of the image one of its positions stands for."""

    channels: int
    stride: int

    @property
    def activations(self) -> float:
        """Values of it for each pixel of the image."""
        return self.channels / self.stride**2


def plain_relu_reflect(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What `ReluReflect` computes, (N, C, H, W) to the same and to (N, C, H + 2, W + 2), by autograd alone."""
    inside = F.relu(x)
    return inside, F.pad(inside, (1, 1, 1, 1), mode="reflect")


class ReluReflect(torch.autograd.Function):
    """ReLU and one pixel of reflected border in a single pass over memory, forward and backward.

    Separate calls read and write the largest tensors of the network once more each way, which at full resolution costs
    as much as the convolution.
    """

    @staticmethod
    def forward(ctx, x):
        n, c, h, w = x.shape
        padded = x.new_empty((n, h + 2, w + 2, c)).permute(0, 3, 1, 2)  # (N, C, h + 2, w + 2), channels last
        inside = padded[:, :, 1:-1, 1:-1]
        torch.clamp_min(x, 0, out=inside)
        padded[:, :, 0, 1:-1] = padded[:, :, 2, 1:-1]
        padded[:, :, -1, 1:-1] = padded[:, :, -3, 1:-1]
        padded[:, :, :, 0] = padded[:, :, :, 2]
        padded[:, :, :, -1] = padded[:, :, :, -3]
        ctx.save_for_backward(padded)
        ctx.set_materialize_grads(False)
        return inside, padded

    @staticmethod
    @once_differentiable
    def backward(ctx, from_inside, from_padded):
        (padded,) = ctx.saved_tensors
        inside = padded[:, :, 1:-1, 1:-1]
        if from_padded is None:
            return None if from_inside is None else from_inside * (inside > 0)
        grad = from_padded[:, :, 1:-1, 1:-1]
        grad = grad if from_inside is None else grad + from_inside
        grad = torch.ops.aten.threshold_backward(grad, inside, 0)
        for near, far in ((1, 0), (-2, -1)):
            column = from_padded[:, :, 1:-1, far].clone()
            column[:, :, 1] += from_padded[:, :, 0, far]
            column[:, :, -2] += from_padded[:, :, -1, far]
            grad[:, :, :, near] += column * (inside[:, :, :, near] > 0)
            grad[:, :, near] += from_padded[:, :, far, 1:-1] * (inside[:, :, near] > 0)
        return grad


class Encoder(nn.Module):
    """A frozen feature extractor: `encoder(images, ["relu1_1", "relu4_1"])`.

    Attributes:
        name: the network's name.
        layers: `{"relu1_1": Layer(channels, stride), ...}` in the order of the network.
        sha256: of the weights; followed by the precision, where that is not float32.
        dtype: the type that convolutions are computed in.
    """

    def __init__(
        self, network: Network, state: dict[str, torch.Tensor], sha256: str = "", dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.name, self.network, self.dtype = network.name, network, dtype
        self.sha256 = sha256 or fingerprint(state)
        self.layers: dict[str, Layer] = {}
        for conv, (before, width) in network.convolutions().items():
            padding = 1 if network.padding == "zeros" else 0
            self.add_module(
                conv, nn.Conv2d(before, width, 3, padding=padding, device="meta")
            )  # draws no random weights
            self.layers[conv.replace("conv", "relu")] = Layer(width, 2 ** (int(conv[4]) - 1))
        self.register_buffer("mean", torch.tensor(network.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(network.std).view(1, 3, 1, 1), persistent=False)
        self.normalises = any(network.mean) or any(value != 1 for value in network.std)
        self.load_state_dict({key: value.to(dtype) for key, value in state.items()}, assign=True)
        self.eval().requires_grad_(False)
        self.to(memory_format=torch.channels_last)

    @property
    def activations(self) -> float:
        """Values of all layers together for each pixel of the image."""
        return sum(layer.activations for layer in self.layers.values())

    def in_precision(self, precision: str) -> Encoder:
        """The same network on the same device with its convolutions in `float32` or `bfloat16`; itself where they are already.

        It takes and gives what the network in float32 does, and activations differ by the rounding of their type.
        """
        dtype = getattr(torch, check_choice("precision", precision, PRECISIONS[1:]))
        if dtype == self.dtype:
            return self
        # what was encoded in one precision must not be taken for what was encoded in another
        return Encoder(self.network, self.state_dict(), f"{self.sha256} {precision}", dtype).to(self.mean.device)

    def changed(self, pooling: str | None = None, padding: str | None = None) -> Encoder:
        """The same weights with another pooling (`max`, `average`) or border (`reflect`, `zeros`, `circular`); itself where equal.

        With a circular border an image whose sides are multiples of the deepest layer's stride is seen as a torus.
        """
        network = self.network
        if pooling is not None:
            network = replace(network, pooling=check_choice("pooling", pooling, POOLINGS))
        if padding is not None:
            network = replace(network, padding=check_choice("padding", padding, PADDINGS))
        if network == self.network:
            return self
        sha256 = f"{self.sha256} {network.pooling} {network.padding}"
        return Encoder(network, self.state_dict(), sha256, self.dtype).to(self.mean.device)

    def forward(self, images: torch.Tensor, layers, reduce: Reduce | None = None) -> dict[str, torch.Tensor]:
        """Return the activations asked for; nothing deeper than the deepest of them is computed.

        Args:
            images: (N, 3, H, W), RGB in [0, 1].
            layers: names out of `self.layers`, in any order.
            reduce: what is made of each activation before it is brought to the images' type, which saves time and memory
                where it was computed in another and less of it is wanted; None to leave it as it is.

        Returns:
            `{name: (N, C, h, w)}` in the order asked for, after the ReLU, of the images' type; h is H over the stride,
            rounded down.

        Raises:
            InputError: an unknown layer, no layer, images of another shape, or too small for the deepest layer.
        """
        wanted = [check_choice("layer", name, self.layers) for name in layers]
        if not wanted:
            raise InputError(f"no layer was asked for: choose from {', '.join(self.layers)}")
        order = list(self.layers)
        last = max(order.index(name) for name in wanted)
        if images.dim() != 4 or images.shape[1] != 3:
            raise InputError(f"images have shape {tuple(images.shape)}: the encoder takes (N, 3, H, W)")
        if min(images.shape[2:]) < self.layers[order[last]].stride:
            needed = self.layers[order[last]].stride
            raise InputError(f"images of {tuple(images.shape[2:])} pixels: {order[last]} needs {needed} on each side")
        x = images.contiguous(memory_format=torch.channels_last)
        if self.normalises:
            x = (x - self.mean) / self.std
        found = self._run(x if self.dtype == torch.float32 else x.to(self.dtype), wanted, order[: last + 1])
        if reduce is not None:
            found = {name: reduce(values) for name, values in found.items()}
        return {name: values.to(images.dtype) for name, values in found.items()}

    def _run(self, x: torch.Tensor, wanted: list[str], order: list[str]) -> dict[str, torch.Tensor]:
        """Run the layers of `order`. `x` goes into each convolution with its border already in place."""
        found = {}
        x = self._bordered(x)
        for i, name in enumerate(order):
            x = getattr(self, name.replace("relu", "conv"))(x)
            following = order[i + 1] if i + 1 < len(order) else None
            pooled = following is not None and self.layers[following].stride != self.layers[name].stride
            if name in wanted and (pooled or following is None):
                x = found[name] = F.relu_(x)
                if pooled:
                    x = self._bordered(self._pooled(x))
            elif pooled and self.network.pooling != "max":
                x = self._bordered(self._pooled(F.relu_(x)))
            else:
                # A maximum and a ReLU commute: the ReLU after the pooling has a quarter of the work.
                feature, x = self._activated(F.max_pool2d(x, 2) if pooled else x)
                if name in wanted:
                    found[name] = feature
        return {name: found[name] for name in wanted}

    def _bordered(self, x: torch.Tensor) -> torch.Tensor:
        if self.network.padding == "zeros":
            return x
        return F.pad(x, (1, 1, 1, 1), mode=self.network.padding if min(x.shape[2:]) > 1 else "replicate")

    def _pooled(self, x: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(x, 2) if self.network.pooling == "max" else F.avg_pool2d(x, 2)

    def _activated(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the ReLU of `x`, and the same with the border that the next convolution needs."""
        if self.network.padding != "reflect" or x.numel() < FUSED_FROM or min(x.shape[2:]) < 2:
            x = F.relu_(x)
            return x, self._bordered(x)
        return ReluReflect.apply(x)

    def extra_repr(self) -> str:
        return f"{self.name}, sha256 {self.sha256[:12]}, {str(self.dtype).removeprefix('torch.')}"


def load_encoder(name: str = "compact", weights=None, device="cpu", seed: int | None = None) -> Encoder:
    """Return an encoder in eval mode, its parameters frozen, channels-last.

    Args:
        name: `compact` (embedded, offline), `vgg19`, `vgg16`, or `vgg19-16x` (with a file).
        weights: a file (see `dst.features.weights.load_weights`); None for the network's own; "random" for weights drawn from
            `seed` (0 unless given), which serve timing and tests.
        device: where the encoder lives, such as "cpu" or "cuda".
        seed: for random weights only.

    Raises:
        InputError: an unknown name, a device that is not there, or weights that cannot be had or do not fit.
    """
    network = NETWORKS[check_choice("encoder", name, NETWORKS)]
    if isinstance(weights, str) and weights == "random":
        state = random_weights(name, seed or 0)
        encoder = Encoder(network, state)
    else:
        encoder = Encoder(network, *load_with_hash(name, weights))
    return encoder.to(runtime.usable_device(device))


def cached_encoder(name: str = "compact", weights=None, device="cpu") -> Encoder:
    """As `load_encoder`; the last one is kept, so that asking for the same again costs nothing."""
    stamp = None
    if weights is not None and os.path.exists(weights):
        stamp = os.stat(weights).st_mtime_ns
    return _cached(name, None if weights is None else str(weights), str(device), stamp)


@functools.lru_cache(maxsize=1)
def _cached(name: str, weights: str | None, device: str, stamp: int | None) -> Encoder:
    return load_encoder(name, weights, device)
