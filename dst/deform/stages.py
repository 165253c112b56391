"""Stages of a run by themselves: match two images, warp one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from correspondence.matches import Matches
from dst import imaging, runtime
from dst.config import InputError, StylizeConfig, WarpConfig, check_number
from dst.deform import matching
from dst.deform.edits import check_pins
from dst.deform.fitting import fit_warp
from dst.deform.guidance import check_drop
from dst.deform.inputs import encoder_of
from dst.imaging.strips import check_memory
from dst.runs.record import read_record
from dst.warp import Warp

WARPED_BYTES = 16
"""What a pixel of a warped image takes until it is written, beside what reading it took."""


def match(content: Any, style: Any, *, preset: str = "default", **options: Any) -> tuple[Matches, str]:
    """Match two images with the encoder of a config.

    Args:
        content, style: as for `stylize`, one style.
        preset, options: as for `stylize`; those of matching and of the encoder, `seed`, `pins` and `drop` matter.

    Returns:
        Matches in pixels of the displayed images, and one sentence on whether they can be relied on.

    Raises:
        InputError: an input or an option that cannot be used.
    """
    matches, _, verdict = matched(content, style, preset=preset, **options)
    return matches, verdict


def matched(content: Any, style: Any, *, preset: str = "default", **options: Any) -> tuple[Matches, bool, str]:
    """As `match`; between the two what the sentence is about: whether the matches can be relied on to warp an image."""
    config = StylizeConfig.from_options(preset, **options)
    check_drop(config)
    with runtime.computing(config.threads):
        images = [imaging.read(source, side=config.match.match_size) for source in (content, style)]
        check_pins(np.array(config.guidance.pins or ()), *(image.size for image in images))
        found = matching.find_matches(*images, encoder_of(config), config)
    return matching.edited(found, config)


def warp_image(source: Any, *, run: Any = None, points: Any = None, style_size=None, strength: float = 1.0):
    """Warp any image, at its own size, by a finished run's warp or straight from keypoints.

    Args:
        source: as for `stylize`.
        run: a run's folder; its warp is stretched to the image.
        points: keypoints as for `stylize`; the style points are brought into the content's frame by a similarity.
        style_size: (W, H) of the image that the style points refer to, to check them; None where unknown.
        strength: factor on the displacements.

    Returns:
        (Image, factor): the warped image, with alpha and depth as they came, and the share of the displacements that is
        left where they had to be reduced so that nothing folds (1.0: all).

    Raises:
        InputError: an image, a run or points that cannot be used; both or neither of `run` and `points`.
    """
    if (run is None) == (points is None):
        raise InputError("give a run or points to warp by: one of the two")
    strength = check_number("strength", strength, 0, 3)
    with runtime.computing():
        image = imaging.read(source)
        check_memory(image.name, image.size, WARPED_BYTES * image.size[0] * image.size[1], "warped")
        if run is not None:
            read_record(run)
            warp = Warp.load(Path(run) / "warp.json")
            warp, factor = warp.with_strength(strength * warp.strength).unfold()
        else:
            matches = matching.read_points(points, image.size, style_size)
            weights = WarpConfig()
            fitted = fit_warp(matches, strength, weights.beta, weights.gamma)
            warp, factor = fitted.warp, fitted.kept
        return warp.apply(image), factor
