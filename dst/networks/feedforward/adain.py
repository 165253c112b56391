"""Adaptive instance normalisation: a decoder that paints a photograph's features once they have a painting's mean and deviation.

Source: Huang and Belongie 2017, "Arbitrary style transfer in real-time with adaptive instance normalization". The encoder is the one
that the decoder was trained on, the project's compact one unless another is asked for; the decoder mirrors it up from relu4_1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dst.config import InputError, TrainConfig
from dst.features.encoder import Encoder, cached_encoder
from dst.features.networks import NETWORKS
from dst.networks.feedforward import layers
from dst.networks.feedforward.layers import Enlarged, Narrow, Padded, drawn, fitted, in_precision

LAYER = "relu4_1"
"""Where features are given their new statistics."""
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CONTENT_FACTOR, STYLE_FACTOR, ITSELF_FACTOR = 1.0, 1.0, 10.0
"""What weights of 1 come to. Published is 10 for the style: with the compact encoder's features the decoder then learns textures
before it has learnt to show anything, and in a laptop's number of steps nothing else. The third is of `ITSELF`."""
VGG = 64
"""Channels of the published encoder's first layer."""
EPS = 1e-5
STRIDE = 8
"""Pixels that a position of the features stands for."""
HE = 6**0.5
"""What `Padded` draws its weights for times this is what He et al. 2015 draw them for: activations keep their size under ReLUs."""
SMALLEST, LARGEST = 0.45, 1.0
"""Side of a square that is cut out of a style, relative to the style's short side."""
PHOTOGRAPHS, ITSELF = 0.4, 0.25
"""How often the style is another photograph of the step instead, for a hundred paintings alone would be learnt by heart; and how often
it is the image itself, which the decoder then has to give back, pixel by pixel (Park and Lee 2019, equation 7). Neither is in the
paper of AdaIN."""
EXCHANGED = 0.25
"""How often a painting's channels are exchanged, for other colours."""


def statistics(features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over the positions: (N, C, h, w) to (N, C, 1, 1) twice.

    Args:
        mask: (N or 1, 1, h, w), how much each position counts; without it all the same. Where it is 0 all over, 0 and about 0 come.

    Source: equations 5 and 6, whose epsilon this is.
    """
    if mask is None:
        own = (
            torch.var_mean(features, (2, 3), correction=0)[::-1]
            if features.requires_grad
            else layers.statistics(features)
        )
        mean, variance = (values[:, :, None, None] for values in own)
    else:
        share = mask / mask.sum((2, 3), keepdim=True).clamp_min(EPS)
        mean = (features * share).sum((2, 3), keepdim=True)
        variance = ((features - mean).square() * share).sum((2, 3), keepdim=True)
    return mean, (variance + EPS).sqrt()


def adain(content: Tensor, mean: Tensor, deviation: Tensor, mask: Tensor | None = None) -> Tensor:
    """Features with a given mean and deviation in the place of their own, (N, C, h, w) to the same.

    Args:
        mean, deviation: (N or 1, C, 1, 1).
        mask: (N or 1, 1, h, w), the positions whose own statistics are replaced; the others are moved along and mean nothing.

    Source: equation 8.
    """
    own_mean, own_deviation = statistics(content, mask)
    return (content - own_mean) / own_deviation * deviation + mean


class Decoder(nn.Module):
    """Features of relu4_1 to images: (N, C, h, w) to (N, 3, 8 h, 8 w), not clipped.

    The encoder's convolutions in reverse, a nearest enlargement where it pools, reflected borders, no normalisation (section 6.1 and
    its figure 2).

    Attributes:
        encoder, weights: names of the encoder that it was trained on, and of the file of its weights, where that has one.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.encoder, self.weights = config.encoder, config.weights
        network = NETWORKS[config.encoder]
        found = network.convolutions()
        names = list(found)[: list(found).index(LAYER.replace("relu", "conv")) + 1]
        scale = VGG / network.widths[0][0]
        ends = [3, *(config.channels(scale * found[name][1]) for name in names[:-1]), found[names[-1]][1]]
        mirrored: list[nn.Module] = []
        for k in range(len(names) - 1, -1, -1):
            grows = k + 1 < len(names) and names[k + 1][4] != names[k][4]  # a pooling stood behind it
            plain = Padded if k else Narrow
            mirrored.append(
                Enlarged(ends[k + 1], ends[k], config.upsample) if grows else plain(ends[k + 1], ends[k], 3)
            )
        self.layers = nn.ModuleList(mirrored)

    def forward(self, features: Tensor) -> Tensor:
        """Paint."""
        x = features
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return 0.5 + self.layers[-1](x)  # what is untrained begins about mid-grey


def build(config: TrainConfig, styles: int) -> Decoder:
    """An untrained decoder, the same however many styles it is taught by."""
    network = drawn(lambda: Decoder(config), torch.Generator().manual_seed(config.seed))
    with torch.no_grad():
        for name, values in network.named_parameters():
            if name.endswith("weight"):
                values.mul_(HE)
    return network


@dataclass
class Targets:
    """The paintings that styles are cut out of, (1, 3, h, w) in [0, 1] or uint8, and the encoder."""

    encoder: Encoder
    styles: list[Tensor]


def prepare(styles: list[Tensor], encoder: Encoder, config: TrainConfig) -> Targets:
    """Paintings as bytes, which hundreds of them are kept as."""
    if not styles:
        raise InputError("adain learns from many paintings, and none was given: give a folder of them")
    return Targets(encoder, [(image * 255).round().to(torch.uint8) for image in styles])


def terms(
    network: Decoder, images: Tensor, targets: Targets, config: TrainConfig, draws: torch.Generator
) -> dict[str, Tensor]:
    """The weighted terms of a step, each a scalar; each image is painted by a square of a painting, or by another image.

    Args:
        images: (N, 3, h, w) in [0, 1].
        draws: of this step.

    Source: equations 11 to 13.
    """
    encoder = targets.encoder
    paintings, itself = _drawn(images, targets.styles, draws)
    with torch.no_grad():
        content = encoder(images, [LAYER])[LAYER]
        wanted = {name: statistics(values) for name, values in encoder(paintings, STYLE).items()}
        target = adain(content, *wanted[LAYER])
    with in_precision(config):
        made = network(target)
    made = made.float()
    found = encoder(made, STYLE)
    apart = (made - images).square().mean((1, 2, 3))
    return {
        "content": config.content * CONTENT_FACTOR * F.mse_loss(found[LAYER], target),
        "style": config.style * STYLE_FACTOR * statistics_distance(found, wanted),
        "itself": config.content * ITSELF_FACTOR * (apart * itself.to(apart)).mean(),
    }


def statistics_distance(found: dict[str, Tensor], wanted: dict[str, tuple[Tensor, Tensor]]) -> Tensor:
    """Mean squared differences of means and of deviations, summed over layers (equation 13).

    A departure: mean squares over the channels stand for the published norms, as in the authors' code.
    """
    own = {name: statistics(values) for name, values in found.items()}
    return sum(F.mse_loss(own[name][k], wanted[name][k]) for name in wanted for k in range(2))


def _drawn(images: Tensor, styles: Sequence[Tensor], draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """The style of each of some images, (N, 3, h, w): itself, another of them, or a square of a painting; and where it is itself, (N,)."""
    found, chances = images.roll(1, 0), torch.rand(len(images), generator=draws)
    for k, chance in enumerate(chances.tolist()):
        if chance < ITSELF:
            found[k] = images[k]
        elif chance >= PHOTOGRAPHS + ITSELF:
            found[k] = _cut(styles, images.shape[-1], draws)
    return found, chances < ITSELF


def _cut(styles: Sequence[Tensor], side: int, draws: torch.Generator) -> Tensor:
    """A square out of one of several images, (3, side, side) in [0, 1], perhaps mirrored, perhaps in other colours."""
    chance = torch.rand(3, generator=draws).tolist()
    number = lambda high: int(torch.randint(high, (), generator=draws))  # noqa: E731
    image = styles[number(len(styles))]
    short = min(image.shape[-2:])
    span = max(1, round((SMALLEST + (LARGEST - SMALLEST) * chance[0]) * short))
    top, left = (number(full - span + 1) for full in image.shape[-2:])
    square = image[..., top : top + span, left : left + span].float() / 255
    square = F.interpolate(square, (side, side), mode="bilinear", align_corners=False, antialias=True)[0]
    if chance[1] < 0.5:
        square = square.flip(2)
    return square[torch.randperm(3, generator=draws)] if chance[2] < EXCHANGED else square


@dataclass
class Mix:
    """What is to be painted.

    Attributes:
        styles: mean and deviation of each (`read_style`).
        encoder: the one that the decoder was trained on.
        shares: of each style; they need not add up to 1.
        strength: from 0, the photograph's own features, to 1.
        masks: (1, 1, H, W) in [0, 1] for each style, the region that it paints; shares are not looked at then.
    """

    styles: Sequence[tuple[Tensor, Tensor]]
    encoder: Encoder
    shares: Sequence[float] | None = None
    strength: float = 1.0
    masks: Sequence[Tensor] | None = None


@torch.no_grad()
def read(network: Decoder, styles: Sequence[Tensor], shares: Tensor) -> Mix:
    """What is kept of paintings (1, 3, h, w) in [0, 1], of which each has its share; one for each region is what `read_regions` gives.

    Raises:
        InputError: the encoder cannot be had.
    """
    encoder = cached_encoder(network.encoder, network.weights, next(network.parameters()).device)
    return Mix([read_style(encoder, image) for image in styles], encoder, shares.flatten().tolist())


@torch.no_grad()
def read_regions(
    network: Decoder, regions: Sequence[tuple[Tensor, Sequence[tuple[Tensor, float, Tensor | None]]]]
) -> Mix:
    """A mix that has a style of its own in each region.

    Args:
        regions: for each its mask on the picture, (1, 1, H, W) in [0, 1], and what it is painted in: images (1, 3, h, w) in [0, 1] with
            their shares, and masks (1, 1, h, w) of what is looked at of them, None for all.

    Raises:
        InputError: the encoder cannot be had.
    """
    encoder = cached_encoder(network.encoder, network.weights, next(network.parameters()).device)
    styles = []
    for _, parts in regions:
        total = sum(share for _, share, _ in parts)
        found = [[share / total * x for x in read_style(encoder, image, mask)] for image, share, mask in parts]
        styles.append(tuple(sum(one[k] for one in found) for k in range(2)))  # AdaIN is linear in both
    return Mix(styles, encoder, None, masks=[mask for mask, _ in regions])


def weakened(mix: Mix, strength: float) -> Mix:
    """A mix of so much strength; at 0 the decoder gives the photograph back, as well as it can."""
    return replace(mix, strength=strength)


@torch.no_grad()
def paint(network: Decoder, images: Tensor, mix: Mix) -> Tensor:
    """Painted images, (N, 3, H, W) in [0, 1], of any size.

    Source: equation 14 (strength) and 15 (several styles); figure 8 (regions, each with statistics of its own on both sides).
    """
    height, width = images.shape[-2:]
    features = mix.encoder(_enough(images), [LAYER])[LAYER]
    target = mixed(features, mix.styles, mix.shares, mix.masks)
    made = network(torch.lerp(features, target, mix.strength)).to(images)
    return made[..., :height, :width].clamp(0, 1)


def read_style(encoder: Encoder, image: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """What is kept of a painting (1, 3, h, w), or of its part under a mask (1, 1, h, w): mean and deviation of relu4_1's channels."""
    features = encoder(_enough(image), [LAYER])[LAYER]
    return statistics(features, None if mask is None else _seen(mask, features))


def mixed(
    features: Tensor,
    styles: Sequence[tuple[Tensor, Tensor]],
    shares: Sequence[float] | None = None,
    masks: Sequence[Tensor] | None = None,
) -> Tensor:
    """Features in a mixture of several styles, or in one style for each region, (N, C, h, w) to the same.

    Args:
        styles: mean and deviation of each.
        shares: of each style; None for equal ones.
        masks: (1, 1, H, W) in [0, 1] for each style; where no mask is, features stay as they are, and where several are they are mixed.

    Raises:
        InputError: masks or shares that are not as many as the styles.
    """
    for what, given in (("masks", masks), ("shares", shares)):
        if given is not None and len(given) != len(styles):
            raise InputError(f"{len(given)} {what} are given for {len(styles)} styles: give one for each")
    if masks is None:
        weights = [1.0] * len(styles) if shares is None else list(shares)
        return sum(w / sum(weights) * adain(features, *style) for w, style in zip(weights, styles, strict=True))
    areas = [_seen(mask, features) for mask in masks]
    left = (1 - sum(areas)).clamp_min(0)
    total = sum(areas) + left
    return sum(
        (area / total * adain(features, *style, mask=area) for area, style in zip(areas, styles, strict=True)),
        left / total * features,
    )


def _seen(mask: Tensor, features: Tensor) -> Tensor:
    """A mask at the size of features."""
    return F.adaptive_avg_pool2d(mask.to(features), features.shape[-2:])


def _enough(images: Tensor) -> Tensor:
    """Images whose sides are multiples of the stride, so that the encoder's poolings leave nothing out."""
    return fitted(images, STRIDE)
