"""The generator of texture networks: a pyramid of the picture, noise joined at each scale, made larger from scale to scale.

Sources: Ulyanov, Lebedev, Vedaldi and Lempitsky 2016, "Texture networks", section 3.2 and figure 2; Ulyanov, Vedaldi and Lempitsky
2017, "Improved texture networks", of instance normalisation in place of the batch's. The objective is that of `johnson`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dst.config import TrainConfig
from dst.networks.feedforward import johnson
from dst.networks.feedforward.layers import Normal, Padded, drawn, enlarged, fitted, in_precision

SCALES = 6
"""Of the pyramid; the coarsest is a 32nd of the picture, as published for styles."""
CHANNELS = 8
"""That each scale adds."""
NOISE = 3
"""Channels of noise at each scale."""
SLOPE = 0.01
"""Of the leaky rectifiers below zero."""
SEED = 0
"""Of the noise that pictures are painted with: the same picture is painted alike, and still parts of a film keep still."""


class _Block(nn.Module):
    """Convolutions of 3 x 3, 3 x 3 and 1 x 1, each with its normalisation and a leaky rectifier."""

    def __init__(self, channels: int, out: int, styles: int, kind: str) -> None:
        super().__init__()
        widths, kernels = (channels, out, out), (3, 3, 1)
        self.layers = nn.ModuleList(
            [Padded(n, out, k, padding="circular", then=kind) for n, k in zip(widths, kernels, strict=True)]
        )
        self.normals = nn.ModuleList([Normal(out, styles, kind) for _ in kernels])

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        for layer, normal in zip(self.layers, self.normals, strict=True):
            x = F.leaky_relu_(normal(layer(x), mix), SLOPE)
        return x


class Ulyanov(nn.Module):
    """Images (N, 3, H, W) in [0, 1], shares of the styles and noise to painted ones.

    Attributes:
        styles: how many it knows.
    """

    def __init__(self, config: TrainConfig, styles: int = 1) -> None:
        super().__init__()
        one, kind = config.channels(CHANNELS), config.norm
        self.styles, self.upsample = styles, config.upsample
        self.pyramid = nn.ModuleList([_Block(3 + NOISE, one, styles, kind) for _ in range(SCALES)])
        self.joined = nn.ModuleList([_Block((k + 1) * one, (k + 1) * one, styles, kind) for k in range(1, SCALES)])
        # what meets at a scale is brought to like size first: what comes from below, then the picture's own
        self.meet = nn.ModuleList(
            [nn.ModuleList([Normal(k * one, styles, kind), Normal(one, styles, kind)]) for k in range(1, SCALES)]
        )
        self.last = Padded(SCALES * one, 3, 1, padding="circular")

    def forward(self, images: Tensor, mix: Tensor, noise: list[Tensor]) -> Tensor:
        """Paint; sides of any length. `noise`: as of `noise_of`."""
        height, width = images.shape[2:]
        pictures = [fitted(images, 2 ** (SCALES - 1)) - 0.5]
        for _ in range(SCALES - 1):
            pictures.append(F.avg_pool2d(pictures[-1], 2))
        x = None
        for k, (block, draws) in enumerate(zip(self.pyramid, noise, strict=True)):
            own = block(_last(torch.cat([pictures[-1 - k], draws], 1)), mix)
            if x is not None:
                below, beside = self.meet[k - 1]
                how = "bilinear" if self.upsample == "bilinear" else "nearest"
                x = self.joined[k - 1](_last(torch.cat([below(enlarged(x, how), mix), beside(own, mix)], 1)), mix)
            else:
                x = own
        return torch.sigmoid(self.last(x))[..., :height, :width]


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def noise_of(images: Tensor, draws: torch.Generator) -> list[Tensor]:
    """Noise for images (N, 3, H, W) in [0, 1): (N, 3, h, w) for each scale, the coarsest first."""
    unit, found = 2 ** (SCALES - 1), []
    blocks = [-(-side // unit) for side in images.shape[2:]]
    for k in range(SCALES):
        size = (len(images), NOISE, *(n * 2**k for n in blocks))
        found.append(torch.rand(size, generator=draws).to(images.device) - 0.5)
    return found


def build(config: TrainConfig, styles: int) -> Ulyanov:
    """An untrained network."""
    return drawn(lambda: Ulyanov(config, styles), torch.Generator().manual_seed(config.seed))


def terms(
    network: Ulyanov, images: Tensor, targets: johnson.Targets, config: TrainConfig, draws: torch.Generator
) -> dict[str, Tensor]:
    """As `johnson.terms`, each image with its own noise."""
    which, mix = johnson.drawn_styles(images, network.styles, draws)
    with in_precision(config):
        made = network(images, mix, noise_of(images, draws))
    return johnson.objective(made.float(), images, which, targets, config)


@torch.no_grad()
def paint(network: Ulyanov, images: Tensor, mix: Tensor) -> Tensor:
    """As `johnson.paint`."""
    return network(images, mix, [one.expand(len(images), -1, -1, -1) for one in fixed_noise(images)])


def fixed_noise(images: Tensor) -> list[Tensor]:
    """The noise that every picture of the size of images (N, 3, H, W) is painted with: as `noise_of` gives for one."""
    return noise_of(images[:1], torch.Generator().manual_seed(SEED))


def paint_sized(network: Ulyanov, mix: Tensor, like: Tensor) -> Callable[[Tensor], Tensor]:
    """`paint` for images (1, 3, H, W) of one size, that of `like`."""
    noise = fixed_noise(like)
    return lambda images: network(images, mix, noise)
