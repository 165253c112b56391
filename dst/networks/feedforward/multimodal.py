"""Multimodal Transfer: three networks in a row, each at a larger size than the one before it, and a loss at each of the three sizes.

Source: Wang, Oxholm, Zhang and Wang 2017, "Multimodal Transfer: a hierarchical deep convolutional neural network for fast artistic
style transfer". Several styles share one network as in Dumoulin et al. 2017.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dst.config import TrainConfig
from dst.features.encoder import Encoder
from dst.imaging.color import luminance
from dst.networks.feedforward import johnson
from dst.networks.feedforward.layers import Enlarged, Narrow, Normal, Padded, Residual, drawn, fitted, in_precision

SUBNETS = ("style", "enhance", "refine")
LOSSES = (1.0, 1.0, 1.0)
"""Weights of the losses of the three outputs, as published."""
STYLE = 5.0 / johnson.STYLE_FACTOR
"""Weight of the style, relative to Johnson's network here: 5 to 1 of the content."""
LITTLE = 0.1
"""Of what the last convolution of `refine` is drawn at: the details that it adds begin small."""
BLOCKS = 3
"""Residual blocks of a branch, of what joins two branches, and of the last network."""


class Branch(nn.Module):
    """Convolutions that halve the size, and residual blocks: images (N, channels, H, W) to (N, C, H / 2^k, W / 2^k)."""

    def __init__(self, widths: Sequence[int], styles: int, kind: str) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(widths))
        self.layers = nn.ModuleList(
            Padded(a, b, 9 if k == 0 else 3, 1 if k == 0 else 2, then=kind) for k, (a, b) in enumerate(pairs)
        )
        self.normals = nn.ModuleList(Normal(b, styles, kind) for _, b in pairs)
        self.residual = nn.ModuleList(Residual(widths[-1], styles, kind) for _ in range(BLOCKS))

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """Contract."""
        for layer, normal in zip(self.layers, self.normals, strict=True):
            x = F.relu_(normal(layer(x), mix))
        for block in self.residual:
            x = block(x, mix)
        return x


class Head(nn.Module):
    """Enlargements, each before a convolution, back to an image: (N, C, h, w) to (N, 3, 2^k h, 2^k w), not yet in a range."""

    def __init__(self, widths: Sequence[int], styles: int, config: TrainConfig) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(widths))
        self.layers = nn.ModuleList(Enlarged(a, b, config.upsample, then=config.norm) for a, b in pairs)
        self.normals = nn.ModuleList(Normal(b, styles, config.norm) for _, b in pairs)
        self.last = Narrow(widths[-1], 3, 3)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """Expand."""
        for layer, normal in zip(self.layers, self.normals, strict=True):
            x = F.relu_(normal(layer(x), mix))
        return self.last(x)


class Joined(nn.Module):
    """The networks `style` and `enhance`: a branch that sees colours and one that sees luminance alone, joined, and a head.

    A departure: the last convolution goes through a sigmoid, so that what the next network is given is an image.
    """

    def __init__(self, config: TrainConfig, styles: int, widths: Sequence[int]) -> None:
        super().__init__()
        own = [config.channels(n) for n in widths]
        both = 2 * own[-1]
        self.stride = 2 ** (len(own) - 1)
        self.colour, self.luminance = (Branch([n, *own], styles, config.norm) for n in (3, 1))
        self.residual = nn.ModuleList(Residual(both, styles, config.norm) for _ in range(BLOCKS))
        self.head = Head([both, *(2 * n for n in own[-2::-1])], styles, config)

    def forward(self, images: Tensor, mix: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] to the same."""
        height, width = images.shape[2:]
        x = fitted(images, self.stride).contiguous(memory_format=torch.channels_last)
        x = torch.cat([self.colour(x - 0.5, mix), self.luminance(luminance(x) - 0.5, mix)], 1)
        for block in self.residual:
            x = block(x, mix)
        return torch.sigmoid(self.head(x, mix))[..., :height, :width]


class Refine(nn.Module):
    """The last network: it adds detail to the image that it is given."""

    def __init__(self, config: TrainConfig, styles: int) -> None:
        super().__init__()
        own = [config.channels(n) for n in (32, 64, 128)]
        self.branch = Branch([3, *own], styles, config.norm)
        self.head = Head(own[::-1], styles, config)

    def forward(self, images: Tensor, mix: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] to the same, not clipped."""
        height, width = images.shape[2:]
        x = (fitted(images, 4) - 0.5).contiguous(memory_format=torch.channels_last)
        return images + self.head(self.branch(x, mix), mix)[..., :height, :width]


class Multimodal(nn.Module):
    """The three networks.

    A departure: the published `enhance` is told of as like `style` with one halving and one enlargement more; here it has both of that
    network's branches, so that luminance guides the second size too.

    Attributes:
        styles: how many it knows.
        side: of the squares that `style` was trained on, pixels: it is given no less, where the image has as much.
    """

    def __init__(self, config: TrainConfig, styles: int = 1) -> None:
        super().__init__()
        self.styles, self.side = styles, config.crop // 2
        self.style = Joined(config, styles, (16, 32, 64))
        self.enhance = Joined(config, styles, (16, 32, 64, 128))
        self.refine = Refine(config, styles)

    def forward(self, images: Tensor, mix: Tensor, sizes: Sequence[tuple[int, int]] | None = None) -> list[Tensor]:
        """What each of the three networks makes of images (N, 3, H, W) in [0, 1].

        Args:
            mix: shares of the styles, (N or 1, styles).
            sizes: (height, width) that each works at; None for those that `sizes_of` gives.

        Returns:
            (N, 3, h, w) three times, at those sizes; the last is not clipped.
        """
        sizes = sizes_of(images, self.side) if sizes is None else sizes
        return self.from_smallest(resized(images, sizes[0]), mix, sizes)

    def from_smallest(self, images: Tensor, mix: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """As `forward`, of images that have the first of the sizes."""
        first = self.style(images, mix)
        second = self.enhance(resized(first, sizes[1]), mix)
        return [first, second, self.refine(resized(second, sizes[2]), mix)]


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Images at another (height, width), bilinear, without aliases where they become smaller."""
    if images.shape[2:] == tuple(size):
        return images
    smaller = size[0] < images.shape[2]
    return F.interpolate(images, tuple(size), mode="bilinear", align_corners=False, antialias=smaller)


def sizes_of(images: Tensor, side: int) -> list[tuple[int, int]]:
    """The sizes that the three networks paint an image at: a quarter, a half and the whole of it, as 256, 512 and 1,024 published.

    None is below what the network was trained at, `side` and twice that on the short side, where the image has as much.
    """
    height, width = images.shape[2:]
    found = []
    for factor, least in ((4, side), (2, 2 * side), (1, 0)):
        share = min(1.0, max(1 / factor, least / min(height, width)))
        found.append((max(1, round(share * height)), max(1, round(share * width))))
    return found


def build(config: TrainConfig, styles: int) -> Multimodal:
    """An untrained network; its last part begins with little to add."""
    network = drawn(lambda: Multimodal(config, styles), torch.Generator().manual_seed(config.seed))
    with torch.no_grad():
        for values in network.refine.head.last.parameters():
            values.mul_(LITTLE)
    return network


@dataclass
class Targets:
    """The styles' Gram matrices at the three sizes."""

    levels: list[johnson.Targets]


def prepare(styles: list[Tensor], encoder: Encoder, config: TrainConfig) -> Targets:
    """The styles at a quarter and a half of the size that they are given at, and at the whole of it, encoded once.

    Those are the sizes, relative to each other, that the three networks paint a picture at: strokes keep their size in it.
    """
    levels, spread = [], johnson.typical_variance(encoder, johnson.CONTENT)
    for factor in (4, 2, 1):
        smaller = [resized(x, [max(1, round(n / factor)) for n in x.shape[2:]]).clamp(0, 1) for x in styles]
        levels.append(johnson.Targets(encoder, johnson.grams_of(smaller, encoder), spread))
    return Targets(levels)


def terms(
    network: Multimodal, images: Tensor, targets: Targets, config: TrainConfig, draws: torch.Generator
) -> dict[str, Tensor]:
    """The hierarchical loss of a step, a scalar for each of the three outputs; each image is painted in a style drawn at random.

    Args:
        images: (N, 3, h, w) in [0, 1]. `style` works at half their size, the others at the whole of it: as published, the last
            enlargement is only there where the network is applied, which keeps training small.
        draws: of this step.

    Source: section 3.3, equation 5; terms are relative to their targets as in `johnson.terms`, with the total variation of there.
    """
    which, mix = johnson.drawn_styles(images, network.styles, draws)
    height, width = images.shape[2:]
    with in_precision(config):
        made = network(images, mix, [(height // 2, width // 2), (height, width), (height, width)])
    return hierarchical([image.float() for image in made], images, which, targets, config)


def hierarchical(
    made: Sequence[Tensor], images: Tensor, which: Tensor, targets: Targets, config: TrainConfig
) -> dict[str, Tensor]:
    """The weighted loss of each of three outputs (N, 3, h, w), by the network that made it.

    Args:
        images: (N, 3, H, W), what was painted; each output's content is that of them at its size.
        which: (N,), the number of each image's style.
    """
    found = {}
    for name, weight, output, level in zip(SUBNETS, LOSSES, made, targets.levels, strict=True):
        content = resized(images, output.shape[2:])
        terms = johnson.objective(output, content, which, level, config)
        found[name] = weight * sum(STYLE * value if key == "style" else value for key, value in terms.items())
    return found


@torch.no_grad()
def paint(network: Multimodal, images: Tensor, mix: Tensor) -> Tensor:
    """Painted images (N, 3, H, W) in [0, 1]. `mix`: shares of the styles, (N or 1, styles)."""
    return network(images, mix)[-1].clamp(0, 1)


def paint_sized(network: Multimodal, mix: Tensor, like: Tensor) -> Callable[[Tensor], Tensor]:
    """`paint` for images (1, 3, H, W) of one size, that of `like`."""
    sizes = sizes_of(like, network.side)
    down, across = (_shrinking(before, after) for before, after in zip(like.shape[2:], sizes[0], strict=True))
    down, across = down.to(like.device), across.T.to(like.device)
    return lambda images: network.from_smallest(down @ images @ across, mix, sizes)[-1].clamp(0, 1)


def _shrinking(before: int, after: int) -> Tensor:
    """What `resized` does along an axis, as a matrix (after, before)."""
    return resized(torch.eye(before)[None, None], (after, before))[0, 0]


@torch.no_grad()
def parts(network: Multimodal, images: Tensor, mix: Tensor) -> dict[str, Tensor]:
    """What each of the three networks makes, by its name, at its own size: (N, 3, h, w) in [0, 1]."""
    return dict(zip(SUBNETS, (made.clamp(0, 1) for made in network(images, mix)), strict=True))
