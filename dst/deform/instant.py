"""A picture at once: painted by a network that knows any style, neither matched nor warped nor optimised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dst import imaging, runtime
from dst.config import StylizeConfig, check_number
from dst.deform.guidance import style_shares
from dst.deform.inputs import style_list
from dst.deform.strokes import finest_side
from dst.imaging import color
from dst.networks.arbitrary import painted_at_once


def instantly(
    content: Any,
    style: Any,
    *,
    strength: float = 1.0,
    size: int = 512,
    style_weights: Sequence[float] | None = None,
    raw_colors: bool = False,
    device: str = "cpu",
    threads: int = 0,
) -> np.ndarray:
    """Paint a photograph in a painting's manner in one pass of a network: under a second at 512 pixels.

    `stylize(..., instant=True)` does the same with matches and a warp, and gives a Result.

    Args:
        content: as for `stylize`.
        style: the same, or a list of several, which are mixed.
        strength: from 0, the photograph in its own manner, to 1.
        size: long side of the result, pixels.
        style_weights: share of each style; None for equal ones.
        raw_colors: leave out the pass that gives the colours the painting's mean and spread, and removes speckle.
        device: where to compute.
        threads: of the processor; 0 for as many as PyTorch takes.

    Returns:
        (H, W, 3) uint8, or (H, W, 4) where the photograph has transparent parts.

    Raises:
        InputError: an image that cannot be read, a value out of range, weights that do not fit the styles.

    Source: Ghiasi and others 2017; the weights are Magenta's. See `dst.networks.arbitrary`.
    """
    check_number("strength", strength, 0, 1)
    options = {"style_strength": strength, "size": size, "raw_colors": raw_colors, "device": device, "threads": threads}
    options |= {} if style_weights is None else {"style_weights": style_weights}
    config = StylizeConfig.from_options(instant=True, **options)
    with runtime.computing(config.threads):
        photograph = imaging.read(content, side=config.size)
        paintings = [imaging.read(image, side=config.size) for image in style_list(style)]
        shares = style_shares(config.guidance.style_weights, len(paintings))
        shown = imaging.resize(photograph.rgb, config.size, photograph.size)
        styles = [
            imaging.resize(image.rgb, finest_side(image.size, config.size, 1.0), image.size) for image in paintings
        ]
        share = min(1.0, config.optimize.style_strength)
        painted = painted_at_once(shown.to(runtime.usable_device(config.device)), styles, shares, share).cpu()
        if not config.guidance.raw_colors:
            painted = color.smooth_chroma(color.match_chroma(painted, styles, shares, share))
        alpha = photograph.alpha
        return imaging.to_array(painted, None if alpha is None else imaging.resize(alpha, config.size, photograph.size))
