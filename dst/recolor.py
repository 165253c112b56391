"""Whose colours the result has: the content's own, its palette, or the style's without any painting."""

from __future__ import annotations

import numpy as np
import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from skimage.exposure import match_histograms
from torch import Tensor
from torch.nn import functional as F

from dst.color import color_moments, transfer_colors
from dst.methods.targets import Region

HALVINGS = 14


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


def match_colors(style: Tensor, content: Tensor) -> Tensor:
    """A style with the content's colour histogram, channel by channel: both (1, 3, h, w) in [0, 1]."""
    pictures = [x[0].permute(1, 2, 0).cpu().numpy() for x in (style, content)]
    matched = np.ascontiguousarray(match_histograms(*pictures, channel_axis=2), dtype=np.float32)
    return torch.from_numpy(matched).permute(2, 0, 1)[None].clamp(0, 1).to(style.device)


def recolor(
    content: Tensor, styles: list[Tensor], shares: list[float], regions: list[Region] | None, strength: float = 1.0
) -> Tensor:
    """The content in the styles' colours, without strokes: the linear map that carries mean and covariance.

    Args:
        content: (1, 3, H, W) in [0, 1].
        styles: (1, 3, h, w) each.
        shares: weight of each style.
        regions: areas that are recoloured apart, each from its own area of the styles; None for the whole.
        strength: share of the change that is made, at most 1.

    Returns:
        (1, 3, H, W) in [0, 1].
    """
    if not regions:
        changed = transfer_colors(content, *color_moments(styles, shares))
    else:
        changed = content.clone()
        for region in regions:
            inside = _inside(region.content, content)
            parts = [s[:, :, _inside(m, s)][:, :, None] for s, m in zip(styles, region.styles, strict=True)]
            here = transfer_colors(content[:, :, inside][:, :, None], *color_moments(parts, shares))
            changed[:, :, inside] = here[:, :, 0]
    return content + min(1.0, strength) * (changed - content)


def _inside(mask: Tensor, image: Tensor) -> Tensor:
    """Which pixels of an image (1, 3, H, W) lie under a mask of any size: (H, W) bool."""
    return F.interpolate(mask, size=image.shape[-2:], mode="nearest-exact")[0, 0] > 0.5
