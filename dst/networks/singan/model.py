"""A trained model: a generator for each scale, and how they draw one above the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from dst.config import SinganConfig
from dst.networks.singan.layers import Frozen, Patches, generated
from dst.networks.singan.pyramid import Size, enlarged, resized

Draw = Callable[[int, Size], Tensor | None]
"""Gives the noise of a scale at a size, (1, 3, h, w) before its amplitude is put to it; None for none."""


@dataclass(frozen=True)
class Scale:
    """One trained scale.

    Attributes:
        size: (W, H) of the training picture there.
        amplitude: of the noise.
        generator: with its normalisation, as it was trained.
        reconstruction: (1, 3, H, W) in about [-1, 1], what it makes of the fixed noise.
        frozen: the same generator for use.
    """

    size: Size
    amplitude: float
    generator: Patches
    reconstruction: Tensor
    frozen: Frozen


@dataclass(frozen=True)
class Model:
    """A SinGAN of one picture, be it trained to its end or only at its coarsest scales.

    Attributes:
        config: how it is trained.
        sizes: (W, H) of all its scales, the coarsest first.
        source: (1, 3, H, W) in [0, 1], the picture at the finest size.
        star: (1, 1, h, w), the fixed noise at the coarsest scale, its margin included, which the reconstruction is made of.
        scales: those that are trained.
    """

    config: SinganConfig
    sizes: tuple[Size, ...]
    source: Tensor
    star: Tensor
    scales: tuple[Scale, ...] = field(default=())

    @property
    def finished(self) -> bool:
        """Whether all its scales are trained."""
        return len(self.scales) == len(self.sizes)

    @property
    def margin(self) -> int:
        """Pixels that a generator takes off on each side, which padding puts on before."""
        return self.config.layers

    @property
    def size(self) -> Size:
        """(W, H) of the finest trained scale."""
        return self.scales[-1].size

    def real(self, scale: int) -> Tensor:
        """The picture at a scale, (1, 3, H, W) in [-1, 1]."""
        return resized(self.source * 2 - 1, self.sizes[scale])

    def fixed(self, scale: int, size: Size) -> Tensor | None:
        """The noise that the reconstruction is made of: at the coarsest scale alone."""
        return self.star.expand(1, 3, -1, -1) if scale == 0 else None

    def padded(self, noise: Tensor) -> Tensor:
        """Noise with its margin of zeros."""
        return F.pad(noise, (self.margin,) * 4)

    def draws(self, generator: torch.Generator, amount: float = 1.0) -> Draw:
        """Fresh noise for each scale that is asked for, in that order; at the coarsest its three channels are one."""

        def draw(scale: int, size: Size) -> Tensor:
            margin = self.margin if self.config.padding == "noise" else 0
            shape = (1, 1 if scale == 0 else 3, size[1] + 2 * margin, size[0] + 2 * margin)
            noise = torch.randn(shape, generator=generator).mul_(amount).expand(1, 3, -1, -1)
            return (noise if margin else self.padded(noise)).to(self.source.device)

        return draw


def below(model: Model, sizes: Sequence[Size], scale: int, made: Tensor | None) -> Tensor:
    """What a scale draws upon: what the one below made, enlarged; nothing at the coarsest."""
    if made is None:
        return torch.zeros(1, 3, *sizes[scale][::-1], device=model.source.device)
    return enlarged(made, sizes[scale])


@torch.no_grad()
def grow(
    model: Model, sizes: Sequence[Size], draw: Draw, first: int = 0, made: Tensor | None = None, last: int | None = None
) -> Tensor | None:
    """Draw scale upon scale.

    Args:
        sizes: (W, H) of the scales.
        draw: the noise of each.
        first, last: scales from the first up to the last, which is left out; None for all that are trained.
        made: (1, 3, h, w) in [-1, 1] that the first draws upon; None for nothing.

    Returns:
        (1, 3, H, W) in about [-1, 1]; `made` where there is no scale to draw.
    """
    for k in range(first, len(model.scales) if last is None else last):
        under = below(model, sizes, k, made)
        noise = draw(k, sizes[k])
        if noise is None:
            noise = model.padded(torch.zeros_like(under))
        made = generated(model.scales[k].frozen, noise * model.scales[k].amplitude, under)
    return made


def reconstruction(model: Model, last: int | None = None) -> Tensor:
    """What the model makes of its fixed noise and none else, (1, 3, H, W) in about [-1, 1]: near to the picture."""
    return grow(model, model.sizes, model.fixed, last=last)
