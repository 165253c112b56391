"""Measures of a stylised image that no objective here minimises: strokes, content kept, colours reached, grain.

Every measure takes images as (1, 3, H, W) in [0, 1] on any device, brings them to a long side of at most `SIDE` where its
docstring says so, and returns a float; smaller is better. Directions and positions are drawn with a fixed seed.
"""

from __future__ import annotations

import functools

import torch
from kornia.color import rgb_to_lab
from torch import Tensor
from torch.nn import functional as F

from dst import imaging
from dst.features import Encoder
from dst.methods.targets import reachable

SIDE = 384
"""Long side of the images that are measured, pixels, so that results of different sizes can be compared."""
PATCH = 7
DIRECTIONS = 256
QUANTILES = 500
SAMPLES = 2**14
"""Patches or positions that a distribution is estimated from, at the most."""
SIMILARITY_GRID = 24
"""Cells along each side of the grid whose self-similarity is compared."""
STYLE_LAYERS = ("relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYERS = ("relu3_1", "relu4_1")
SEED = 20160627


def measured(image: Tensor, side: int = SIDE) -> Tensor:
    """An image as it is measured: reduced to a long side of at most `side`."""
    return imaging.resize(image, min(side, max(image.shape[-2:])))


def patch_distance(image: Tensor, style: Tensor) -> float:
    """Distance of the 7 x 7 RGB patches of two images, at full, half and quarter size: strokes and colours.

    Source: sliced Wasserstein distance of order 1 (Rabin, Peyre, Delon and Bernot 2011), as Elnekave and Weiss 2022 compare
    the patches of images; the mean over three sizes and, of each size, over 256 directions.
    """
    values = []
    for share in (1, 2, 4):
        patches = [_patches(_reduced(measured(x), share)) for x in (image, style)]
        values.append(sliced_wasserstein(*patches))
    return sum(values) / len(values)


def feature_distance(image: Tensor, style: Tensor, encoder: Encoder) -> float:
    """Distance of the activations of two images in four layers, each over the style's own deviation: texture and shapes.

    The sliced Wasserstein distance of order 1 of each layer's activation vectors; the mean of the layers.
    """
    images = [measured(x) for x in (image, style)]
    layers = reachable(encoder, STYLE_LAYERS, images)
    values = []
    with torch.no_grad():
        maps = [encoder(x, layers) for x in images]
    for layer in layers:
        mine, theirs = (_drawn(found[layer].flatten(2)[0].T) for found in maps)
        values.append(sliced_wasserstein(mine, theirs) / float(theirs.std().clamp_min(1e-6)))
    return sum(values) / len(values)


def self_similarity_distance(image: Tensor, content: Tensor, encoder: Encoder) -> float:
    """Mean absolute difference of the self-similarity of two images of one shape: how much of the content is lost.

    Cosine similarities among the cells of a 24 x 24 grid, of activations less their mean, in two layers.
    """
    images = [measured(x) for x in (image, content)]
    values = []
    layers = reachable(encoder, CONTENT_LAYERS, images)
    with torch.no_grad():
        maps = [encoder(x, layers) for x in images]
    for layer in layers:
        mine, theirs = (_similarity(found[layer]) for found in maps)
        values.append(float((mine - theirs).abs().mean()))
    return sum(values) / len(values)


def palette_distance(image: Tensor, style: Tensor) -> float:
    """Distance of the colours of two images in CIELAB, in units of its lightness, 0 to about 100; blacks and whites count.

    The sliced Wasserstein distance of order 1 of the colours.
    """
    return sliced_wasserstein(*(_drawn(rgb_to_lab(measured(x)).flatten(2)[0].T) for x in (image, style)))


def chroma_noise(image: Tensor, content: Tensor, style: Tensor) -> float:
    """Mean size of fine detail in CIELAB's a and b where the content is smooth: coloured speckle and grain.

    Where the content's own detail is among the fainter half of the image; the style has grain too, so compare with
    `chroma_grain` of the style.
    """
    image, content = imaging.resize(image, max(content.shape[-2:])), content
    detail, own = _detail(rgb_to_lab(image)[:, 1:]), _blurred(_detail(rgb_to_lab(content)).amax(1, keepdim=True))
    calm = own <= own.median()
    return float(detail.mean(1, keepdim=True)[calm].mean())


def chroma_grain(style: Tensor) -> float:
    """`chroma_noise` of an image by itself: mean size of the fine detail in a and b in its own smoother half."""
    return chroma_noise(style, style, style)


def sliced_wasserstein(first: Tensor, second: Tensor) -> float:
    """Sliced Wasserstein distance of order 1 between two sets of vectors (n, C) and (m, C), by 500 quantiles each."""
    directions = _directions(first.shape[1]).to(first)
    quantiles = []
    for rows in (first, second):
        ordered = (rows @ directions).sort(0).values
        at = (torch.arange(QUANTILES, device=rows.device) + 0.5) / QUANTILES * (len(ordered) - 1)
        quantiles.append(torch.lerp(ordered[at.floor().long()], ordered[at.ceil().long()], at.frac()[:, None]))
    return float((quantiles[0] - quantiles[1]).abs().mean())


@functools.lru_cache(maxsize=8)
def _directions(channels: int) -> Tensor:
    drawn = torch.randn(channels, DIRECTIONS, generator=torch.Generator().manual_seed(SEED))
    return drawn / drawn.norm(dim=0)


def _reduced(image: Tensor, share: int) -> Tensor:
    return image if share == 1 else F.avg_pool2d(image, share, ceil_mode=True, count_include_pad=False)


def _patches(image: Tensor) -> Tensor:
    """(1, 3, H, W) to (n, 147)."""
    rows = F.unfold(image, min(PATCH, *image.shape[-2:]))[0].T
    return _drawn(rows)


def _drawn(rows: Tensor) -> Tensor:
    if len(rows) <= SAMPLES:
        return rows
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(SEED))[:SAMPLES].to(rows.device)]


def _similarity(maps: Tensor) -> Tensor:
    cells = F.interpolate(maps, (SIMILARITY_GRID, SIMILARITY_GRID), mode="bilinear", align_corners=False, antialias=True)
    rows = cells.flatten(2)[0].T
    rows = F.normalize(rows - rows.mean(0), dim=1)
    return rows @ rows.T


def _blurred(image: Tensor) -> Tensor:
    return F.avg_pool2d(image, 9, stride=1, padding=4, count_include_pad=False)


def _detail(image: Tensor) -> Tensor:
    """What a blur of 3 x 3 pixels takes away, in absolute size."""
    return (image - F.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False)).abs()
