"""Colour axes, colour statistics transferred from one image to another, and one image's lightness in another's colours."""

from __future__ import annotations

from collections.abc import Callable

import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from kornia.filters import joint_bilateral_blur
from torch import Tensor

RIDGE = 1e-4
"""Added to the variances, so that grey and one-colour images have a map too."""
FAINT_CHROMA = 1e-5
"""Variance of a and b, over 100, that counts as none: what is fainter is not brought up to a colourful painting's."""
TINY = 1e-12
"""Below any eigenvalue of what a ridge was added to, and of products of two such matrices."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in lightness (ITU-R BT.601)."""
CHROMA_STEP = 0.3
"""How far a unit step moves the two chroma axes of `to_opponent`, against lightness."""
STRIP = 1 << 21
"""Pixels whose colours are changed at a time."""
HALVINGS = 14
"""Steps of the bisection in `keep_chroma`."""
_AXES = ((1 / 3**0.5, 1 / 3**0.5, 1 / 3**0.5), (1 / 2**0.5, -(1 / 2**0.5), 0.0), (1 / 6**0.5, 1 / 6**0.5, -2 / 6**0.5))
_SCALES = (1.0, CHROMA_STEP, CHROMA_STEP)


def to_opponent(image: Tensor) -> Tensor:
    """RGB to lightness, red-green and yellow-blue on orthogonal axes, chroma divided by `CHROMA_STEP`: (N, 3, H, W).

    An optimiser whose steps are alike in every coordinate then moves chroma less than lightness, as in paintings, whose
    strokes differ in lightness first; without it, pixels of few steps' work end as coloured speckle.
    """
    return _mix(image, [[value / scale for value in axis] for axis, scale in zip(_AXES, _SCALES, strict=True)])


def to_rgb(opponent: Tensor) -> Tensor:
    """The inverse of `to_opponent`: (N, 3, H, W), not clamped."""
    columns = zip(*([value * scale for value in axis] for axis, scale in zip(_AXES, _SCALES, strict=True)), strict=True)
    return _mix(opponent, [list(row) for row in columns])


def _mix(image: Tensor, matrix: list[list[float]]) -> Tensor:
    return torch.einsum("ij,njhw->nihw", torch.tensor(matrix, dtype=image.dtype, device=image.device), image)


def _root(matrix: Tensor, power: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp_min(TINY) ** power) @ vectors.T


def color_moments(images: list[Tensor], weights: list[float] | None = None) -> tuple[Tensor, Tensor]:
    """Mean (C,) and covariance (C, C), float64, of all the pixels of some images (1, C, H, W), each with its weight."""
    weights = weights or [1.0] * len(images)
    pixels = [image.double().reshape(image.shape[1], -1) for image in images]
    total = sum(weights)
    mean = sum(w / total * p.mean(1) for w, p in zip(weights, pixels, strict=True))
    spread = [(p - mean[:, None]) @ (p - mean[:, None]).T / p.shape[1] for p in pixels]
    return mean, sum(w / total * s for w, s in zip(weights, spread, strict=True))


def least_map(own: Tensor, wanted: Tensor) -> Tensor:
    """The symmetric matrix that takes one covariance to another and moves least.

    Source: Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping", equation 10.
    """
    root, inverse = _root(own, 0.5), _root(own, -0.5)
    return inverse @ _root(root @ wanted @ root, 0.5) @ inverse


def transfer_colors(image: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """Give an image the colour mean and covariance of another by the linear map that moves colours least.

    Args:
        image: (1, 3, H, W) in [0, 1].
        mean, covariance: (3,) and (3, 3), of the colours to reach.

    Returns:
        (1, 3, H, W), clamped to [0, 1].

    Source: Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping", equation 10.
    """
    own_mean, own = color_moments([image])
    eye = RIDGE * torch.eye(3, dtype=own.dtype, device=own.device)
    matrix = least_map(own + eye, covariance + eye)
    pixels = image.double().reshape(3, -1)
    moved = matrix @ (pixels - own_mean[:, None]) + mean[:, None]
    return moved.reshape(image.shape).to(image.dtype).clamp(0, 1)


def tone_colors(image: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """Repaint an image's lightness in the colours that go with each lightness in another image; no hue of its own stays.

    The lightness (luma) is given the other's mean and deviation, and each lightness the colour that the linear
    regression of the other's colours on their luma says.

    Args:
        image: (1, 3, H, W) in [0, 1].
        mean, covariance: (3,) and (3, 3), of the other image's colours.

    Returns:
        (1, 3, H, W), clamped to [0, 1].
    """
    luma = torch.tensor(LUMA, dtype=torch.float64, device=image.device)
    variance = luma @ covariance @ luma + RIDGE
    slope = covariance @ luma / variance
    own = luma @ image.double().reshape(3, -1)
    own = (own - own.mean()) / (own.var(correction=0) + RIDGE).sqrt() * variance.sqrt()
    painted = mean[:, None] + slope[:, None] * own
    return painted.reshape(image.shape).to(image.dtype).clamp(0, 1)


def luminance(image: Tensor) -> Tensor:
    """How light each pixel is, by `LUMA`: (N, 3, H, W) to (N, 1, H, W), of the same type."""
    return (image * image.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def match_chroma(image: Tensor, styles: list[Tensor], weights: list[float], strength: float = 1.0) -> Tensor:
    """Give an image the mean and covariance of CIELAB's a and b of others; its lightness stays.

    Args:
        image: (1, 3, H, W) in [0, 1].
        styles, weights: images (1, 3, h, w), and how much each counts.
        strength: share of the change that is made, at most 1.

    Returns:
        (1, 3, H, W) in [0, 1].

    Source: the colour pass of Kolkin and others 2022, "Neural Neighbor Style Transfer", which takes Oklab.
    """
    mean, covariance = color_moments([_chroma(style) for style in styles], weights)
    own_mean, own = color_moments([in_strips(_chroma, image)])
    eye = torch.eye(2, dtype=own.dtype, device=own.device)
    change = least_map(own + FAINT_CHROMA * eye, covariance + TINY * eye)

    def matched(part: Tensor) -> Tensor:
        lab = rgb_to_lab(part)
        pixels = (lab[:, 1:] / 100).double().reshape(2, -1)
        moved = change @ (pixels - own_mean[:, None]) + mean[:, None]
        moved = torch.lerp(pixels, moved, min(1.0, strength)).reshape(lab[:, 1:].shape).to(image.dtype)
        return lab_to_rgb(torch.cat([lab[:, :1], 100 * moved], 1)).clamp(0, 1)

    return in_strips(matched, image)


def _chroma(image: Tensor) -> Tensor:
    """CIELAB's a and b over 100, (1, 2, H, W)."""
    return rgb_to_lab(image)[:, 1:] / 100


def in_strips(change: Callable[[Tensor], Tensor], image: Tensor, halo: int = 0) -> Tensor:
    """`change` of an image (1, C, H, W), for large ones strip by strip; a pixel of the result depends on `halo` rows around it."""
    height, width = image.shape[-2:]
    rows, parts = max(1, STRIP // width), []
    for top in range(0, height, rows):
        first, end = max(0, top - halo), min(height, top + rows)
        part = change(image[:, :, first : min(height, end + halo)])
        parts.append(part[:, :, top - first : end - first])
    return torch.cat(parts, 2) if len(parts) > 1 else parts[0]


def smooth_chroma(image: Tensor, passes: int = 2) -> Tensor:
    """Smooth CIELAB's a and b where lightness is smooth: coloured speckle and fringes go, strokes and edges stay.

    Args:
        image: (1, 3, H, W) in [0, 1].
        passes: of a 3 x 3 bilateral filter guided by the lightness.

    Returns:
        (1, 3, H, W) in [0, 1].

    Source: as `match_chroma`.
    """

    def smoothed(part: Tensor) -> Tensor:
        lab = rgb_to_lab(part)
        lightness, chroma = lab[:, :1], lab[:, 1:]
        for _ in range(passes if min(image.shape[-2:]) > 1 else 0):
            chroma = joint_bilateral_blur(chroma, lightness / 100, 3, 0.1, (1.5, 1.5))
        return lab_to_rgb(torch.cat([lightness, chroma], 1)).clamp(0, 1)

    return in_strips(smoothed, image, halo=passes)


def grey(image: Tensor) -> Tensor:
    """The image with CIELAB's a and b at zero, (1, 3, H, W): what a luminance transfer paints with."""
    lab = rgb_to_lab(image)
    lab[:, 1:] = 0
    return lab_to_rgb(lab).clamp(0, 1)


def keep_chroma(painted: Tensor, content: Tensor) -> Tensor:
    """The lightness of one image under the colours of another.

    CIELAB's L of `painted`, a and b of `content`. Where sRGB cannot show that colour, L goes towards the content's own
    until it can, so that a and b stay: Gatys, Bethge, Hertzmann and Shechtman 2016, "Preserving color in neural
    artistic style transfer", section 4, who let the colour be clipped.

    Args:
        painted, content: (1, 3, H, W) in [0, 1], the same size.

    Returns:
        (1, 3, H, W) in [0, 1].
    """
    own, wanted = rgb_to_lab(content.double()), rgb_to_lab(painted.double())[:, :1]
    low, high = torch.zeros_like(wanted), torch.ones_like(wanted)  # share of the way from the content's L

    def at(share: Tensor) -> Tensor:
        return torch.cat([own[:, :1] + share * (wanted - own[:, :1]), own[:, 1:]], 1)

    fits = _in_gamut(at(high))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        good = _in_gamut(at(middle))
        low, high = torch.where(good, middle, low), torch.where(good, high, middle)
    return lab_to_rgb(at(torch.where(fits, 1.0, low))).clamp(0, 1).to(painted.dtype)


def _in_gamut(lab: Tensor) -> Tensor:
    rgb = lab_to_rgb(lab, clip=False)
    return ((rgb > -1e-3) & (rgb < 1 + 1e-3)).all(1, keepdim=True)
