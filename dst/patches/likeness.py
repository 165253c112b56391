"""What a texture follows where it is laid onto a picture: maps of both, made comparable."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from kornia.filters import gaussian_blur2d, spatial_gradient
from torch import Tensor
from torch.nn import functional as F

from dst.config import InputError
from dst.features import cached_encoder
from dst.imaging.color import luminance
from dst.imaging.transport import histogram_map

BLUR = 3.0
"""Deviation of the Gaussian that gradients are gathered under, pixels."""
GRAIN = 1.5
"""Deviation of the Gaussian that lightness is compared under, pixels."""
FAINT = 1e-4
"""Square of a gradient that has no direction to speak of: some two steps of 8 bits a pixel."""
LAYER, COMPONENTS = "relu2_1", 6
"""Of the encoder, and how many principal components of its activations are followed."""
SPREAD = 0.5
"""What maps without a unit of their own are scaled to in the sample: the length of a clear orientation, the deviation of features.
It is twice the deviation of an image's lightness; with once, little is seen of what they follow."""


def likeness_maps(
    sample: Tensor, target: Tensor, by: Sequence[str], encoder: str = "compact", weights: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The maps in which blocks of a sample follow a picture: (D, h, w) and (D, H, W) float32.

    Args:
        sample: (1, 3, h, w) in [0, 1].
        target: (1, 3, H, W) in [0, 1].
        by: `luminance`, `orientation` or `features`, or several of them, which count alike.
        encoder, weights: of `features`.

    Raises:
        InputError: an image too small for the encoder's layer, or weights that cannot be had.
    """
    makers = {
        "luminance": lambda: tones(sample, target),
        "orientation": lambda: tuple(SPREAD * orientation(x) for x in (sample, target)),
        "features": lambda: components(*(_encoded(x, encoder, weights) for x in (sample, target))),
    }
    found = [makers[name]() for name in by]
    own, other = (torch.cat(side, 1)[0].float() / len(by) ** 0.5 for side in zip(*found, strict=True))
    return own.numpy(), other.numpy()


def tones(sample: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """How light two images (1, 3, h, w) are about each pixel, (1, 1, h, w) each: the target's with the histogram of the sample's.

    Both are blurred, so that it is not each grain that is followed, and brought back to the deviation of the sample's lightness.

    Source: the blurred intensities of Efros and Freeman 2001, section 3; the histogram as in Hertzmann, Jacobs, Oliver, Curless and
    Salesin 2001, "Image analogies", section 3.4, who match mean and deviation.
    """
    own, other = (blurred(luminance(x), GRAIN) for x in (sample, target))
    # the map is fitted to clouds of three channels; all of them are this one
    cloud, source = (x.double().flatten()[:, None].repeat(1, 3).numpy() for x in (other, own))
    other = torch.from_numpy(histogram_map(cloud, source)(cloud)[:, 0].reshape(other.shape)).to(own)
    scale = luminance(sample).std() / own.std().clamp_min(1e-6)
    return own * scale, other * scale


def blurred(maps: Tensor, deviation: float) -> Tensor:
    """Maps (1, C, H, W) under a Gaussian; those narrower than it are mirrored as far as they reach."""
    side = 2 * round(3 * deviation) + 1
    y, x = (min(side // 2, n - 1) for n in maps.shape[-2:])
    padded = F.pad(maps, (x, x, y, y), mode="reflect")
    found = gaussian_blur2d(padded, (side, side), (deviation, deviation), "replicate")
    return found[..., y : y + maps.shape[2], x : x + maps.shape[3]]


def orientation(image: Tensor) -> Tensor:
    """Which way the lines at each pixel run, and how clearly: (1, 3, H, W) to (1, 2, H, W), a vector of length 0 to 1.

    Its angle is twice that of the lines, so that lines that run the same way have the same vector, whichever side is the lighter.

    Source: the structure tensor of Bigun and Granlund 1987, "Optimal orientation detection of linear symmetry".
    """
    grey = luminance(image)
    x, y = spatial_gradient(grey, "diff", 1)[:, 0].split(1, 1)
    xx, yy, xy = blurred(torch.cat([x * x, y * y, x * y], 1), BLUR).split(1, 1)
    return torch.cat([xx - yy, 2 * xy], 1) / (xx + yy + FAINT)


def components(sample: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Two images' activations (1, C, h, w), each less its mean and over its deviation, on the sample's main axes.

    Returns:
        (1, D, h, w) and (1, D, H, W); together the sample's channels have a deviation of `SPREAD`.
    """
    rows = []
    for maps in (sample, target):
        flat = maps[0].flatten(1).double()
        rows.append((flat - flat.mean(1, keepdim=True)) / flat.std(1, keepdim=True).clamp_min(1e-6))
    axes = torch.linalg.eigh(rows[0] @ rows[0].T / rows[0].shape[1]).eigenvectors[:, -COMPONENTS:]
    # the sign of an axis is free, and the same for both
    found = [(axes.T @ flat).view(1, -1, *maps.shape[-2:]) for flat, maps in zip(rows, (sample, target), strict=True)]
    unit = SPREAD / float(found[0].square().sum(1).mean().sqrt().clamp_min(1e-6))
    return found[0] * unit, found[1] * unit


@torch.no_grad()
def _encoded(image: Tensor, name: str, weights: str | None) -> Tensor:
    """The activations of an image at its own size."""
    encoder = cached_encoder(name, weights)
    least = encoder.layers[LAYER].stride * 2
    if min(image.shape[-2:]) < least:
        raise InputError(
            f"an image of {image.shape[3]} x {image.shape[2]} pixels is too small to be followed by features"
        )
    maps = encoder(image, [LAYER])[LAYER]
    return F.interpolate(maps, size=image.shape[-2:], mode="bilinear", align_corners=False)
