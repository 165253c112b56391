"""Measures of pictures that were made from the patches of one image: how near to it, how much of it, how different from each other.

Images are (1, 3, H, W) in [0, 1], on any device; made and source may be of any two sizes, and none is resized, since patches are
compared at the scale that they have. What is drawn at random has a seed of its own: the same images give the same number.
Nearest patches are searched in blocks, so that memory does not grow with the product of two images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dst.config import InputError
from dst.config.metrics import ONE_IMAGE
from dst.features import Encoder
from dst.imaging.color import luminance
from dst.losses import nearest

PATCH = 7
"""Side of the patches that are compared, pixels: that of GPNN and GPDM."""
TOLERANCE = 2 / 255
"""Root mean square of the difference, over all values of two patches, up to which they are the same one."""
LAYER = "relu3_1"
"""Of SIFID: its stride of 4 and field of 24 pixels are near those of Inception's layer before the second pooling."""
DIRECTIONS = 128
PATCHES = 4096
"""Patches whose nearest ones are searched, at the most, where only their share is wanted."""
SEEDS = 24
"""Places along each side that copied pieces are looked for from."""
BAND, BLOCK = 2**13, 2**22
"""Patches of the source, and distances, that are held at a time."""
SEED = 20191027


def measures(samples: Sequence[Tensor] | Tensor, source: Tensor, encoder: Encoder) -> dict[str, float | None]:
    """Every measure of some pictures made from one image, by the names of `dst.config.metrics.ONE_IMAGE`; each is the mean over them.

    Args:
        samples: one picture (1, 3, H, W) or several of one size.
        source: (1, 3, h, w), what they were made from.
        encoder: the feature network of `sifid`; figures of two networks are not to be compared.

    Returns:
        `diversity` is None of a single picture.
    """
    samples = [samples] if isinstance(samples, Tensor) and len(samples) == 1 else list(samples)
    samples = [x[None] if x.ndim == 3 else x for x in samples]
    pieces = [copied_pieces(x, source) for x in samples]
    found = {
        "sifid": _mean([sifid(x, source, encoder) for x in samples]),
        "patch_swd": _mean([patch_swd(x, source) for x in samples]),
        "diversity": diversity(samples, source) if len(samples) > 1 else None,
        "patch_share": _mean([patch_share(x, source) for x in samples]),
        "coverage": _mean([coverage(x, source) for x in samples]),
        "largest_piece": _mean([piece.largest for piece in pieces]),
    }
    return {name: found[name] for name in ONE_IMAGE}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


@torch.no_grad()
def sifid(image: Tensor, source: Tensor, encoder: Encoder, layer: str = LAYER) -> float:
    """Single image Frechet distance: how far the features at all positions of an image are from those of another, as Gaussians.

    The features are those of the project's own encoder, not of the Inception network: **figures cannot be compared with
    published ones**, nor those of two encoders or layers with each other.

    Args:
        image, source: (1, 3, H, W) in [0, 1], of any two shapes.
        encoder: the feature network.
        layer: whose activations are compared.

    Returns:
        0 and up, in squared units of the activations; 0 between an image and itself.

    Raises:
        InputError: an image too small for the layer.

    Source: Shaham, Dekel and Michaeli 2019, "SinGAN", section 3.2, who take the activations before Inception's second pooling.
    """
    moments = []
    for x in (image, source):
        rows = encoder(x.to(encoder.conv1_1.weight), [layer])[layer].flatten(2)[0].T.double().cpu()
        centred = rows - rows.mean(0)
        moments += [rows.mean(0), centred.T @ centred / len(rows)]
    return frechet_distance(*moments)


def frechet_distance(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """Squared Frechet (2-Wasserstein) distance of two Gaussians, |m - n|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2).

    Args:
        mean, other_mean: (C,).
        covariance, other_covariance: (C, C), symmetric, of any rank.

    Source: Dowson and Landau 1982, "The Frechet distance between multivariate normal distributions".
    """
    values, vectors = torch.linalg.eigh(covariance.double())
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    shared = torch.linalg.eigvalsh(root @ other_covariance.double() @ root).clamp_min(0).sqrt().sum()
    spread = covariance.double().trace() + other_covariance.double().trace() - 2 * shared
    return float(((mean - other_mean).double().square().sum() + spread).clamp_min(0))


@torch.no_grad()
def patch_swd(image: Tensor, source: Tensor, size: int = PATCH, directions: int = DIRECTIONS) -> float:
    """Sliced Wasserstein distance of order 1 between all patches of two images: both what is foreign and what is missing count.

    Every patch counts, at every pixel; projections are convolutions, so that no patch is ever written out.

    Args:
        image, source: (1, 3, H, W) in [0, 1], of any two shapes.
        size: side of a patch, pixels; at the most the shortest side of both.
        directions: drawn from the unit sphere.

    Returns:
        0 and up; patches that are all brighter by c are about 0.8 c apart.

    Source: Rabin, Peyre, Delon and Bernot 2011, "Wasserstein barycenter and its application to texture mixing"; of patches:
    Elnekave and Weiss 2022, "Generating natural images with direct patch distributions matching".
    """
    size = min(size, *image.shape[-2:], *source.shape[-2:])
    generator = torch.Generator().manual_seed(SEED)
    drawn = F.normalize(torch.randn(directions, 3 * size * size, generator=generator), dim=1)
    total = 0.0
    for some in drawn.view(-1, 3, size, size).split(16):
        total += _apart(*(F.conv2d(x.float().cpu(), some)[0].flatten(1).numpy() for x in (image, source))).sum()
    return float(total / directions)


def _apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Wasserstein distance of order 1 of the values in each row, (k, n) and (k, m) to (k,); exact where n is m.

    Else the quantile functions are compared at as many places as the longer has values.
    """
    count = max(first.shape[1], second.shape[1])
    at = (np.arange(count) + 0.5) / count
    quantiles = []
    for rows in (first, second):
        rows = np.sort(rows, axis=1)
        quantiles.append(rows if rows.shape[1] == count else rows[:, (at * rows.shape[1]).astype(int)])
    return np.abs(quantiles[0] - quantiles[1]).mean(1, dtype=np.float64)


def diversity(samples: Sequence[Tensor] | Tensor, source: Tensor) -> float:
    """How much pictures differ: the standard deviation of each pixel's intensity over them, averaged, over the source's own.

    Args:
        samples: two or more, (1, 3, H, W) each, of one size; or (N, 3, H, W).
        source: (1, 3, h, w), of any size.

    Returns:
        0 where all are the same; about 1 where pixels have nothing to do with each other. The deviation over samples is that of
        n - 1, so that few samples can be compared with many.

    Raises:
        InputError: fewer than two samples, samples of several sizes, a source of one intensity.

    Source: Shaham, Dekel and Michaeli 2019, "SinGAN", section 3.1.
    """
    grey = [_intensity(x[None] if x.ndim == 3 else x) for x in samples]
    if len(grey) < 2 or len({x.shape for x in grey}) > 1:
        raise InputError(f"diversity is measured over two samples or more of one size: {len(grey)} given")
    own = float(_intensity(source).std(correction=0))
    if own < 1e-6:
        raise InputError("the source has one intensity alone: diversity is measured in units of its deviation")
    return float(torch.stack(grey).std(0).mean()) / own


def _intensity(image: Tensor) -> Tensor:
    """(1, 3, H, W) to (H, W), float64."""
    return luminance(image.double().cpu())[0, 0]


def patch_share(image: Tensor, source: Tensor, size: int = PATCH, tolerance: float = TOLERANCE) -> float:
    """Share of the patches of an image that exist in the source, 0 to 1: what is below it was invented, or blended.

    Of a large image an even sample of `PATCHES` patches counts, which leaves an uncertainty of 0.02 at the most.

    Args:
        image, source: (1, 3, H, W) in [0, 1], of any two shapes.
        size: side of a patch, pixels.
        tolerance: root mean square of the difference up to which two patches are the same.
    """
    count = max(0, image.shape[2] - size + 1) * max(0, image.shape[3] - size + 1)
    found = nearest_patches(image, source, size, _even(count, PATCHES))
    return float((found.distance <= tolerance).double().mean())


def coverage(image: Tensor, source: Tensor, size: int = PATCH, tolerance: float = TOLERANCE) -> float:
    """Share of the patches of the source that exist in an image, 0 to 1: what is below it was left out. As `patch_share`.

    Both directions are the completeness and coherence of Simakov, Caspi, Shechtman and Irani 2008, "Summarizing visual data
    using bidirectional similarity", with a threshold in place of the mean.
    """
    return patch_share(source, image, size, tolerance)


class Nearest(NamedTuple):
    """Of each of n patches, the nearest one.

    Attributes:
        query: (n,) where each patch stands, y (W - size + 1) + x of its upper left corner.
        index: (n,) likewise in the source.
        distance: (n,) root mean square of the difference over all values of both.
    """

    query: Tensor
    index: Tensor
    distance: Tensor


@torch.no_grad()
def nearest_patches(image: Tensor, source: Tensor, size: int = PATCH, at: Tensor | None = None) -> Nearest:
    """The patch of the source nearest to each patch of an image: an exact search, in blocks.

    Args:
        image, source: (1, 3, H, W) in [0, 1]; both at least `size` on each side.
        size: side of a patch, pixels.
        at: (n,) which patches of the image, numbered as in `Nearest.query`; None for all, which of two images of 256 pixels
            takes half a minute.

    Raises:
        InputError: an image smaller than a patch.
    """
    for x in (image, source):
        if min(x.shape[-2:]) < size:
            raise InputError(f"an image is {x.shape[3]} x {x.shape[2]} pixels, smaller than a patch of {size}")
    source = source.float()
    middle = source.mean((2, 3), keepdim=True)  # small numbers lose less to rounding
    source, image = source - middle, image.to(source) - middle
    at = torch.arange((image.shape[2] - size + 1) * (image.shape[3] - size + 1)) if at is None else at
    columns = source.shape[3] - size + 1
    lines = max(1, BAND // columns)
    distance = torch.full((len(at),), torch.inf)
    index = torch.zeros(len(at), dtype=torch.int64)
    for top in range(0, source.shape[2] - size + 1, lines):
        pool = F.unfold(source[:, :, top : top + lines + size - 1], size)[0].T.contiguous()
        halves = pool.square().sum(1) / -2
        for some in torch.arange(len(at)).split(BLOCK // BAND):
            rows = _patches(image, at[some], size)
            near = nearest(torch.addmm(halves, rows, pool.T))
            apart = (rows - pool[near]).square().mean(1).sqrt().cpu()
            better = apart < distance[some]
            distance[some[better]], index[some[better]] = apart[better], near.cpu()[better] + top * columns
    return Nearest(at, index, distance)


def _patches(image: Tensor, at: Tensor, size: int) -> Tensor:
    """Some patches of an image (1, 3, H, W), by their numbers (n,), as rows (n, 3 size size)."""
    windows = image[0].unfold(1, size, 1).unfold(2, size, 1)  # (3, h, w, size, size), no copy
    at = at.to(image.device)
    y, x = at.div(windows.shape[2], rounding_mode="floor"), at % windows.shape[2]
    return windows[:, y, x].transpose(0, 1).flatten(1)


def _even(count: int, most: int) -> Tensor:
    """All of `count` numbers, or one of each of `most` equal stretches."""
    if count <= most:
        return torch.arange(count)
    places = torch.arange(most) + torch.rand(most, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)
    return (places * (count / most)).long()


class Pieces(NamedTuple):
    """What was copied as one piece.

    Attributes:
        largest: area of the largest piece, as a share of the source; 1 is the whole source again, a large one a lack of invention.
        typical: area of the piece that a pixel lies in, the mean over the places looked at; as a share of the source.
        largest_pixels: area of the largest piece, pixels.
    """

    largest: float
    typical: float
    largest_pixels: int


@torch.no_grad()
def copied_pieces(image: Tensor, source: Tensor, size: int = PATCH, tolerance: float = TOLERANCE) -> Pieces:
    """How large the areas are that an image takes over from the source as they stand there, in one piece.

    From a grid of places, each patch's nearest in the source gives a displacement; under it, the piece is all that hangs together
    with the place and agrees, patch by patch, with the source. Pieces smaller than the distance of the places (a 24th of the
    image) may be missed; what is flat agrees with all that is flat.

    Args:
        image, source: (1, 3, H, W) in [0, 1], at least `size` on each side.
        size: side of a patch, pixels.
        tolerance: as in `patch_share`.

    Source: ours; the displacements are the shifts of Pritch, Kav-Venaki and Peleg 2009, "Shift-map image editing".
    """
    ys, xs = (np.unique(np.linspace(0, n - size, SEEDS).round().astype(int)) for n in image.shape[-2:])
    across, columns = image.shape[3] - size + 1, source.shape[3] - size + 1
    found = nearest_patches(image, source, size, torch.from_numpy((ys[:, None] * across + xs).ravel()))
    images = [x[0].float().cpu().permute(1, 2, 0).numpy() for x in (image, source)]
    labels: dict[tuple[int, int], tuple[np.ndarray, np.ndarray, tuple[int, int]]] = {}
    areas = []
    for at, index, near in zip(*(part.tolist() for part in found), strict=True):
        y, x = divmod(at, across)
        shift = index // columns - y, index % columns - x
        if near > tolerance:
            areas.append(0)
            continue
        if shift not in labels:
            labels[shift] = _pieces(*images, shift, size, tolerance)
        marks, sizes, (top, left) = labels[shift]
        mark = marks[y - top, x - left]
        areas.append(int(sizes[mark]) if mark else size * size)
    whole = source.shape[2] * source.shape[3]
    return Pieces(max(areas) / whole, float(np.mean(areas)) / whole, max(areas))


def _pieces(image: np.ndarray, source: np.ndarray, shift: tuple[int, int], size: int, tolerance: float):
    """The patches of an image that agree with the source under a displacement (down, right), in connected pieces.

    Returns:
        Numbers of the pieces (h, w) by the patches' upper left corners, 0 for none; the area of each, pixels; and the place of
        the first in the image, (top, left).
    """
    (top, left), (down, right) = (max(0, -n) for n in shift), shift
    bottom, end = (min(image.shape[k], source.shape[k] - shift[k]) for k in (0, 1))
    apart = image[top:bottom, left:end] - source[top + down : bottom + down, left + right : end + right]
    squares = cv2.boxFilter(np.square(apart).mean(2), -1, (size, size), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    agree = (squares <= tolerance**2)[: bottom - top - size + 1, : end - left - size + 1].astype(np.uint8)
    count, marks = cv2.connectedComponents(agree, connectivity=4)
    sizes = np.zeros(count, np.int64)
    for mark in range(1, count):
        rows, columns = np.nonzero(marks == mark)
        piece = np.zeros((np.ptp(rows) + size, np.ptp(columns) + size), np.uint8)
        piece[rows - rows.min(), columns - columns.min()] = 1
        sizes[mark] = cv2.dilate(piece, np.ones((size, size), np.uint8), anchor=(size - 1, size - 1)).sum()
    return marks, sizes, (top, left)
