"""The network that is trained, and the encoder that it becomes."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from dst.features.encoder import ReluReflect
from dst.features.networks import Network

INPUT_SHIFT, INPUT_SCALE = 0.5, 4.0
"""How the input is centred in training: (image - shift) * scale."""


class Student(nn.Module):
    """The network in training: inputs centred, one convolution per layer, pre-activations at hand."""

    def __init__(self, network: Network, generator: torch.Generator) -> None:
        super().__init__()
        self.network = network
        self.convs = nn.ModuleDict()
        for name, (before, width) in network.convolutions().items():
            conv = nn.Conv2d(before, width, 3)
            nn.init.normal_(conv.weight, std=math.sqrt(2 / (9 * before)), generator=generator)
            nn.init.zeros_(conv.bias)
            self.convs[name.replace("conv", "relu")] = conv
        self.to(memory_format=torch.channels_last)

    def forward(self, images: torch.Tensor, front: list[str]) -> dict[str, torch.Tensor]:
        """Return every layer's pre-activation, without gradients for the layers in `front`."""
        x = self.entry(images)
        names, found = list(self.convs), {}
        for i, name in enumerate(names):
            with torch.set_grad_enabled(name not in front):
                z = found[name] = self.convs[name](x)
                x = self.onward(z, name, names[i + 1] if i + 1 < len(names) else name)
        return found

    @staticmethod
    def entry(images: torch.Tensor) -> torch.Tensor:
        return F.pad((images - INPUT_SHIFT) * INPUT_SCALE, (1, 1, 1, 1), mode="reflect")

    @staticmethod
    def onward(z: torch.Tensor, name: str, following: str) -> torch.Tensor:
        """Return the input of the layer after `name`: pooled between levels, after the ReLU, border in place."""
        return ReluReflect.apply(F.max_pool2d(z, 2) if name[4] != following[4] else z)[1]

    def folded(self) -> dict[str, torch.Tensor]:
        """Return the state dict of an encoder that takes images in [0, 1] as they are."""
        state = {}
        for name, conv in self.convs.items():
            weight, bias = conv.weight.detach(), conv.bias.detach()
            if name == "relu1_1":
                bias = bias - INPUT_SHIFT * INPUT_SCALE * weight.sum((1, 2, 3))
                weight = weight * INPUT_SCALE
            key = name.replace("relu", "conv")
            state[f"{key}.weight"], state[f"{key}.bias"] = weight.cpu().contiguous(), bias.cpu().contiguous()
        return state
