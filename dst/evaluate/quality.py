"""Measures of a stylised image that no objective here minimises: its strokes, its colours, the content kept, its grain.

Every measure takes images as (1, 3, H, W) in [0, 1], of any size and on any device, and returns a finite float; the same
images and encoder give the same number, for what is drawn at random has a seed of its own. Distances are 0 between an image
and itself and lower is nearer. They compare two images at one size: with the long side of the smaller, and `SIDE` at the most.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from kornia.color import rgb_to_lab
from torch import Tensor
from torch.nn import functional as F

from dst import imaging
from dst.features import Encoder
from dst.methods.targets import reachable

SIDE = 384
"""Long side of the images that are compared, pixels, at the most: results of different sizes, from there on, can be compared."""
PATCH = 7
DIRECTIONS = 256
QUANTILES = 500
SAMPLES = 2**14
"""Patches or positions that a distribution is estimated from, at the most."""
SIMILARITY_GRID = 24
"""Cells along each side of the grid whose self-similarity is compared."""
STYLE_LAYERS = ("relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYERS = ("relu3_1", "relu4_1")
FLAT = 1e-3
"""A cell whose activations are less than this share from the mean, of their own size, differs by rounding alone."""
SEED = 20160627


def quality(image: Tensor, content: Tensor, style: Tensor, encoder: Encoder) -> dict[str, float]:
    """Every measure of one result, by the names of `dst.config.metrics.QUALITY`.

    Args:
        image: (1, 3, H, W) in [0, 1], what is measured.
        content: what it was painted over: the content under the same warp, so that every pixel has its place.
        style: what it was to look like, at the size that it was painted with; its long side is that of `image` in a run.
        encoder: the feature network; two results are compared by the same one.
    """
    return {
        "patch_distance": patch_distance(image, style),
        "feature_distance": feature_distance(image, style, encoder),
        "self_similarity_distance": self_similarity_distance(image, content, encoder),
        "palette_distance": palette_distance(image, style),
        "chroma_noise": chroma_noise(image, content),
        "chroma_grain": chroma_grain(style),
    }


@torch.no_grad()
def patch_distance(image: Tensor, style: Tensor) -> float:
    """Distance of the 7 x 7 RGB patches of two images, at full, half and quarter size: strokes and colours.

    The sliced Wasserstein distance of order 1; the mean of the three sizes. Where a side has less than 7 pixels, patches of
    both images are as small.

    Args:
        image, style: (1, 3, H, W) in [0, 1], of any two shapes.

    Returns:
        0 to about 0.7, which is black against white: patches that are all brighter by c are 0.7 c apart. Two photographs
        or paintings of other things are 0.06 to 0.25 apart.

    Source: Elnekave and Weiss 2022, "Generating natural images with direct patch distributions matching", who compare
    patches so.
    """
    values = []
    for factor in (1, 2, 4):
        pair = [_reduced(x, factor) for x in _measured(image, style)]
        side = min(PATCH, *(n for x in pair for n in x.shape[-2:]))
        values.append(sliced_wasserstein(*(_drawn(F.unfold(x, side)[0].T) for x in pair)))
    return sum(values) / len(values)


@torch.no_grad()
def feature_distance(image: Tensor, style: Tensor, encoder: Encoder) -> float:
    """Distance of the activations of two images in four layers, wherever they stand: texture and shapes.

    The sliced Wasserstein distance of order 1 of the vectors of each layer, over the standard deviation of all the style's
    values in it; the mean of those layers that both images are large enough for (relu1_1 where they are for none).

    Args:
        image, style: (1, 3, H, W) in [0, 1], of any two shapes.
        encoder: the feature network.

    Returns:
        0 and up; two photographs or paintings of other things are 0.3 to 1 apart.

    Source: Heitz, Vanhoey, Chambon and Belcour 2021, "A sliced Wasserstein loss for neural texture synthesis", who make
    textures by it.
    """
    values = []
    for mine, theirs in _encoded(encoder, STYLE_LAYERS, image, style):
        rows, pool = (_drawn(maps.flatten(2)[0].T) for maps in (mine, theirs))
        values.append(sliced_wasserstein(rows, pool) / float(pool.std().clamp_min(1e-6)))
    return sum(values) / len(values)


@torch.no_grad()
def self_similarity_distance(image: Tensor, content: Tensor, encoder: Encoder) -> float:
    """Mean absolute difference of the self-similarity of two images: how much of the content's structure is lost.

    Cosine similarities among all cells of a 24 x 24 grid, of activations less their mean; the mean of two layers, where the
    images are large enough for both (relu1_1 where they are for none). Colours and strokes that are the same all over do not
    count. `strotss` keeps the content by a term of this kind, of uncentred activations at drawn positions, and `gatys` by
    the activations themselves: this is nearer to the first.

    Args:
        image, content: (1, 3, H, W) in [0, 1], of one aspect; cells at the same share of width and height are compared.
        encoder: the feature network.

    Returns:
        0 to 2; two photographs of other things are 0.4 to 0.6 apart.

    Source: Kolkin, Salavon and Shakhnarovich 2019, "Style transfer by relaxed optimal transport and self-similarity",
    equation 2; Shechtman and Irani 2007, "Matching local self-similarities across images and videos".
    """
    pairs = _encoded(encoder, CONTENT_LAYERS, image, content)
    values = [float((_similarity(mine) - _similarity(theirs)).abs().mean()) for mine, theirs in pairs]
    return sum(values) / len(values)


@torch.no_grad()
def palette_distance(image: Tensor, style: Tensor) -> float:
    """Distance of the colours of two images in CIELAB, wherever they stand.

    The sliced Wasserstein distance of order 1.

    Args:
        image, style: (1, 3, H, W) in [0, 1], of any two shapes.

    Returns:
        0 to about 50, which is black against white: colours that are all d from their partners, in CIELAB, are d / 2 apart.
    """
    return sliced_wasserstein(*(_drawn(rgb_to_lab(x).flatten(2)[0].T) for x in _measured(image, style)))


@torch.no_grad()
def chroma_noise(image: Tensor, content: Tensor) -> float:
    """Mean size of fine detail in CIELAB's a and b, where the content is smooth: coloured speckle and grain.

    At the image's own size: what a mean over 3 x 3 pixels takes away, in the half of the pixels about which the content
    has least detail. Lightness does not count. A style may have grain of its own, which a result is right to take:
    compare with `chroma_grain` of the style.

    Args:
        image: (1, 3, H, W) in [0, 1].
        content: what it was painted over, of the same aspect; it is brought to the size of the image.

    Returns:
        0 and up, in units of CIELAB; photographs and paintings have 0.1 to 0.6 of it in their own smoother half.
    """
    height, width = image.shape[-2:]
    content = imaging.resize(content.to(image), max(height, width), (width, height))
    own = _blurred(_detail(rgb_to_lab(content)).amax(1, keepdim=True))
    detail = _detail(rgb_to_lab(image)[:, 1:]).mean(1, keepdim=True)
    return float(detail[own <= own.median()].mean())


def chroma_grain(style: Tensor) -> float:
    """`chroma_noise` of an image in its own smoother half; neither high nor low is better.

    Args:
        style: (1, 3, H, W) in [0, 1], at the size that an image is painted with.
    """
    return chroma_noise(style, style)


@torch.no_grad()
def sliced_wasserstein(first: Tensor, second: Tensor) -> float:
    """Sliced Wasserstein distance of order 1 between two sets of vectors, (n, C) and (m, C), n and m of 1 or more.

    The mean over 256 directions of the distance between the sets' projections, each by its 500 quantiles.

    Source: Rabin, Peyre, Delon and Bernot 2011, "Wasserstein barycenter and its application to texture mixing".
    """
    directions = _directions(first.shape[1])
    quantiles = []
    for rows in (first, second):
        # NumPy sorts some ten times faster than PyTorch, and rows of memory faster than columns.
        ordered = np.sort((directions.to(rows) @ rows.T).cpu().numpy(), axis=1)
        at = (np.arange(QUANTILES) + 0.5) / QUANTILES * (ordered.shape[1] - 1)
        low, high = (ordered[:, index.astype(int)] for index in (np.floor(at), np.ceil(at)))
        quantiles.append(low + (high - low) * (at % 1))
    return float(np.abs(quantiles[0] - quantiles[1]).mean())


@functools.lru_cache(maxsize=8)
def _directions(channels: int) -> Tensor:
    """Directions, (256, C), of length 1."""
    generator = torch.Generator("cpu").manual_seed(SEED)
    drawn = torch.randn(channels, DIRECTIONS, generator=generator, dtype=torch.float32, device="cpu")
    return F.normalize(drawn.T, dim=1)


def _measured(*images: Tensor) -> list[Tensor]:
    """Images as they are compared: float32, at the long side of the smallest, `SIDE` at the most."""
    side = min(SIDE, *(max(x.shape[-2:]) for x in images))
    return [imaging.resize(x.float(), side) for x in images]


def _encoded(encoder: Encoder, layers: tuple[str, ...], *images: Tensor) -> list[tuple[Tensor, ...]]:
    """For each of some layers, or of those that all the images are large enough for, the maps of the images."""
    images = [x.to(encoder.conv1_1.weight) for x in _measured(*images)]
    names = reachable(encoder, layers, images) or ["relu1_1"]
    return list(zip(*(encoder(x, names).values() for x in images), strict=True))


def _reduced(image: Tensor, factor: int) -> Tensor:
    return image if factor == 1 else F.avg_pool2d(image, factor, ceil_mode=True, count_include_pad=False)


def _drawn(rows: Tensor) -> Tensor:
    """Some of many rows (n, C): the same ones of the same number."""
    if len(rows) <= SAMPLES:
        return rows
    chosen = torch.randperm(len(rows), generator=torch.Generator("cpu").manual_seed(SEED), device="cpu")[:SAMPLES]
    return rows[chosen.to(rows.device)]


def _similarity(maps: Tensor) -> Tensor:
    """Cosine similarities (576, 576) among the cells of a grid laid over maps (1, C, h, w), less their mean."""
    cells = F.interpolate(maps, (SIMILARITY_GRID,) * 2, mode="bilinear", align_corners=False, antialias=True)
    rows = cells.flatten(2)[0].T
    rounding = max(1e-12, FLAT * float(rows.norm(dim=1).mean()))
    rows = F.normalize(rows - rows.mean(0), dim=1, eps=rounding)
    return rows @ rows.T


def _blurred(image: Tensor) -> Tensor:
    return F.avg_pool2d(image, 9, stride=1, padding=4, count_include_pad=False)


def _detail(image: Tensor) -> Tensor:
    """What a mean over 3 x 3 pixels takes away, in absolute size."""
    return (image - F.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False)).abs()
