"""The network of Johnson, Alahi and Fei-Fei 2016, with a scale and a shift for each of several styles, and its objective.

Sources: "Perceptual losses for real-time style transfer and super-resolution", section 3 and the supplement's table 1; Dumoulin,
Shlens and Kudlur 2017, "A learned representation for artistic style".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dst import losses
from dst.config import TrainConfig
from dst.features.encoder import Encoder
from dst.imaging import resize
from dst.networks.feedforward.data import built_in
from dst.networks.feedforward.layers import Enlarged, Narrow, Normal, Padded, Residual, drawn, fitted, in_precision
from dst.networks.feedforward.noise import noise_of, tiles

LATE_STYLE = 4.0
"""How many times as much the style counts in the later part of a training (`train.LATE`): a network that shows the photograph already learns strokes
without losing it, and one that has to match strokes from the start does so with no picture in them. Not in the paper."""
BLOCKS = 5
SEEN = 256
"""Long side that photographs are seen at, to tell how features vary in them."""
CONTENT = "relu3_1"
"""Layer of the content: at the published relu2_2 strokes do not come through, with this encoder."""
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CONTENT_FACTOR, STYLE_FACTOR, COLORS_FACTOR, TV_FACTOR = 1.0, 5.0, 20.0, 2.0
"""What weights of 1 come to: chosen by eye, for terms that are relative to their targets."""
CELL = 16
"""Side, in pixels, of the squares over which colours are those of a large scale."""
PLACES = 2**16
"""Rows and columns of the noise, of which a step's squares are given some."""
RIDGE = 1e-4
"""Added to the covariance of a photograph's colours, which may all be the same."""


class Johnson(nn.Module):
    """Images (N, 3, H, W) in [0, 1] and shares of the styles (N or 1, styles) to painted ones.

    Attributes:
        styles: how many it knows.
        noise: standard deviation of the noise that is added to each image, relative to the image's; not in the paper.
    """

    def __init__(self, config: TrainConfig, styles: int = 1) -> None:
        super().__init__()
        a, b, c = (config.channels(n) for n in (32, 64, 128))
        self.styles, self.noise, kind = styles, config.noise, config.norm
        if self.noise:
            tiles()  # before a network that is traced for a file needs them
        self.contract = nn.ModuleList(
            [Padded(3, a, 9, then=kind), Padded(a, b, 3, 2, then=kind), Padded(b, c, 3, 2, then=kind)]
        )
        self.residual = nn.ModuleList([Residual(c, styles, kind) for _ in range(BLOCKS)])
        self.expand = nn.ModuleList(
            [Enlarged(c, b, config.upsample, then=kind), Enlarged(b, a, config.upsample, then=kind)]
        )
        self.normals = nn.ModuleList([Normal(n, styles, kind) for n in (a, b, c, b, a)])
        self.last = Narrow(a, 3, 9)

    def forward(self, images: Tensor, mix: Tensor, place: tuple[int, int] = (0, 0)) -> Tensor:
        """Paint; sides of any length. `place`: of the noise, as of `noise_of`."""
        height, width = images.shape[2:]
        if self.noise:
            images = images + self.noise * images.std((1, 2, 3), keepdim=True, correction=0) * noise_of(images, place)
        x = (fitted(images, 4) - 0.5).contiguous(memory_format=torch.channels_last)
        for layer, normal in zip(self.contract, self.normals, strict=False):
            x = F.relu_(normal(layer(x), mix))
        for block in self.residual:
            x = block(x, mix)
        for layer, normal in zip(self.expand, list(self.normals)[3:], strict=True):
            x = F.relu_(normal(layer(x), mix))
        return torch.sigmoid(self.last(x))[..., :height, :width]


def build(config: TrainConfig, styles: int) -> Johnson:
    """An untrained network."""
    return drawn(lambda: Johnson(config, styles), torch.Generator().manual_seed(config.seed))


@dataclass
class Targets:
    """Gram matrices of the styles, (styles, C, C) by layer, the encoder that they are of, and what content is measured by."""

    encoder: Encoder
    grams: dict[str, Tensor]
    spread: float


@torch.no_grad()
def typical_variance(encoder: Encoder, layer: str) -> float:
    """Variance of a layer's features about their means over a photograph, as it is in photographs that come with libraries.

    The content term is divided by it: divided by that of the square at hand, a plain sky would weigh as much as all else.
    """
    found = []
    for name in ("astronaut", "coffee", "chelsea", "china.jpg", "flower.jpg"):
        image = resize(built_in(name).rgb, SEEN).to(encoder.mean.device)
        maps = encoder(image, [layer])[layer]
        found.append(float((maps - maps.mean((2, 3), keepdim=True)).square().mean()))
    return sum(found) / len(found)


@torch.no_grad()
def prepare(styles: list[Tensor], encoder: Encoder, config: TrainConfig) -> Targets:
    """The styles' Gram matrices, encoded once. `styles`: (1, 3, h, w) each, at the size that they are seen at."""
    return Targets(encoder, grams_of(styles, encoder), typical_variance(encoder, CONTENT))


@torch.no_grad()
def grams_of(styles: list[Tensor], encoder: Encoder) -> dict[str, Tensor]:
    """Gram matrices of styles (1, 3, h, w), (styles, C, C) by layer."""
    found = [{name: losses.gram(values) for name, values in encoder(image, STYLE).items()} for image in styles]
    return {name: torch.cat([grams[name] for grams in found]) for name in STYLE}


def drawn_styles(images: Tensor, styles: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """A style of so many for each of N images: its number, (N,), and the mix that is it alone, (N, styles)."""
    which = torch.randint(styles, (len(images),), generator=draws)
    return which, F.one_hot(which, styles).to(images)


def terms(
    network: Johnson, images: Tensor, targets: Targets, config: TrainConfig, draws: torch.Generator
) -> dict[str, Tensor]:
    """The weighted terms of a step, each a scalar; each image is painted in a style drawn at random.

    Args:
        images: (N, 3, h, w) in [0, 1].
        draws: of this step.

    Source: Johnson et al. 2016, equations 2 to 5. The style is relative to its target and the content to what is
    usual in photographs, so that published weights do not carry over. The term of `washes` is not in the paper.
    """
    which, mix = drawn_styles(images, network.styles, draws)
    place = torch.randint(PLACES, (2,), generator=draws).tolist() if network.noise else (0, 0)
    with in_precision(config):
        made = network(images, mix, place)
    return objective(made.float(), images, which, targets, config)


def objective(made: Tensor, images: Tensor, which: Tensor, targets: Targets, config: TrainConfig) -> dict[str, Tensor]:
    """The weighted terms of painted images (N, 3, h, w), of the images that they were made of, and the numbers of their styles."""
    with torch.no_grad():
        wanted = targets.encoder(images, [CONTENT])[CONTENT]
    maps = targets.encoder(made, list(dict.fromkeys([CONTENT, *STYLE])))
    style = torch.zeros(len(made), device=made.device)
    for name in STYLE:
        target = targets.grams[name][which.to(made.device)]
        away = (losses.gram(maps[name]) - target).square().mean((1, 2))
        style = style + away / target.square().mean((1, 2)).clamp_min(losses.EPS)
    pixels = made.shape[1] * made.shape[2] * made.shape[3]
    return {
        "content": config.content * CONTENT_FACTOR * (maps[CONTENT] - wanted).square().mean() / targets.spread,
        "style": config.style * STYLE_FACTOR * style.mean() / len(STYLE),
        "colors": config.colors * COLORS_FACTOR * washes(made, images),
        "tv": config.tv * TV_FACTOR * losses.total_variation(made).mean() / pixels,
    }


def washes(made: Tensor, images: Tensor) -> Tensor:
    """What the large-scale colours of painted images have that no affine map of the photographs' colours explains, a scalar.

    Where a photograph is smooth, as in skies, glows and washes are: Gram matrices ask for the painting's colours, wherever they are put.

    Args:
        made, images: (N, 3, h, w) in [0, 1]; colours are means over squares of `CELL` pixels, the map is each image's own.
    """
    given, found = (F.avg_pool2d(x, CELL).flatten(2).transpose(1, 2) for x in (images, made))
    given = torch.cat([given, torch.ones_like(given[..., :1])], 2)
    across = given.transpose(1, 2) / given.shape[1]
    normal = across @ given + RIDGE * torch.eye(4, device=given.device)
    return (found - given @ torch.linalg.solve(normal, across @ found)).square().mean()


@torch.no_grad()
def paint(network: Johnson, images: Tensor, mix: Tensor) -> Tensor:
    """Painted images (N, 3, H, W) in [0, 1]. `mix`: shares of the styles, (N or 1, styles)."""
    return network(images, mix)
