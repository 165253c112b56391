"""The two networks of a scale, equal but for their ends, and what a critic is taught by."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE, EPSILON, MOMENTUM = 0.2, 1e-5, 0.1
"""Of the leaky rectifier, and of batch normalisation."""
VALUES = 2**25
"""Values of one layer's maps that a generator makes at a time: a larger picture is made in strips, which are the same."""


class Patches(nn.Module):
    """Convolutions of 3 x 3 without padding, each but the last with batch normalisation, or without, and a leaky rectifier.

    An output is made of `2 * layers + 1` pixels a side, and the picture shrinks by `layers` pixels on each side. Weights are
    drawn from N(0, 0.02), factors of the normalisation from N(1, 0.02), as published; without normalisation, which would bring
    such small weights to size, they are drawn as He et al. 2015 have it.
    """

    def __init__(
        self, channels: int, layers: int, ends: int, norm: bool = True, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        widths = [3, *[channels] * (layers - 1), ends]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in itertools.pairwise(widths))
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(channels, EPSILON, MOMENTUM) for _ in range(layers - 1 if norm else 0)
        )
        if generator is not None:
            with torch.no_grad():
                for conv in self.convs:
                    gain = nn.init.calculate_gain("leaky_relu", SLOPE) / conv.weight[0].numel() ** 0.5
                    conv.weight.normal_(0, 0.02 if norm else gain, generator=generator)
                    conv.bias.zero_()
                for norm in self.norms:
                    norm.weight.normal_(1, 0.02, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, ends, H - 2 layers, W - 2 layers)."""
        for k, conv in enumerate(self.convs[:-1]):
            x = conv(x)
            x = F.leaky_relu(self.norms[k](x) if len(self.norms) else x, SLOPE)
        return self.convs[-1](x)


def generated(network: nn.Module | Frozen, noise: Tensor, below: Tensor) -> Tensor:
    """What a scale's generator makes (equations 2 and 3): detail, of which the noise decides, added to what lies below.

    Args:
        network: gives three channels.
        noise: (1, 3, H + 2 n, W + 2 n) with its padding, at its amplitude.
        below: (1, 3, H, W) in about [-1, 1], from the scale below, enlarged; it is padded with zeros.
    """
    margin = (noise.shape[-1] - below.shape[-1]) // 2
    return torch.tanh(network(noise + F.pad(below, (margin,) * 4))) + below


class Frozen:
    """A trained generator's convolutions with their normalisation worked in, so that it is done in a third of the time."""

    def __init__(self, network: Patches) -> None:
        self.layers: list[tuple[Tensor, Tensor]] = []
        with torch.no_grad():
            for norm, conv in itertools.zip_longest(network.norms, network.convs):
                weight, bias = conv.weight.clone(), conv.bias.clone()
                if norm is not None:
                    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
                    weight.mul_(factor.view(-1, 1, 1, 1))
                    bias.sub_(norm.running_mean).mul_(factor).add_(norm.bias)
                self.layers.append((weight, bias))

    def to(self, device: torch.device | str) -> Frozen:
        """The same on a device, in place."""
        self.layers = [(weight.to(device), bias.to(device)) for weight, bias in self.layers]
        return self

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """As `Patches`, in strips where the picture is large."""
        margin, widest = len(self.layers), max(weight.shape[0] for weight, _ in self.layers)
        rows = max(16, VALUES // (widest * x.shape[-1]))
        high = x.shape[-2] - 2 * margin
        strips = [self._strip(x[..., k : min(k + rows, high) + 2 * margin, :]) for k in range(0, high, rows)]
        return strips[0] if len(strips) == 1 else torch.cat(strips, -2)

    def _strip(self, x: Tensor) -> Tensor:
        for weight, bias in self.layers[:-1]:
            x = F.leaky_relu_(F.conv2d(x, weight, bias), SLOPE)
        return F.conv2d(x, *self.layers[-1])


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, share: float) -> Tensor:
    """How far the critic's gradient is from length 1 between a real and a made picture: mean of (|g| - 1)^2, a scalar.

    Args:
        critic: gives a map of scores, (1, 3, H, W) to (1, 1, h, w).
        real, fake: (1, 3, H, W).
        share: of the real one in the mixture that is looked at, drawn from [0, 1].

    Source: Gulrajani et al. 2017, equation 3; as in SinGAN's published code g is that of the sum of the scores at each pixel,
    with a length over its three channels, not that of the mean score over the whole picture.
    """
    mixed = torch.lerp(fake, real, share).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    return (slope.norm(2, 1) - 1).square().mean()
