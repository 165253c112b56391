"""Options that contradict one another, refused when a run begins, before any work is done."""

from __future__ import annotations

from typing import Any

from dst.config import INITS, InputError, StylizeConfig, counted
from dst.optim.init import is_init, read_init


def check_guidance(config: StylizeConfig, styles: int, warp: bool, points: Any) -> None:
    """Refuse options that contradict one another.

    Args:
        config: the options of the run.
        styles: how many style images there are.
        warp: whether a warp was asked for.
        points: what was given as points, or None.

    Raises:
        InputError: two options that exclude each other, weights that do not fit the styles, or an `init` that is neither a
            name nor an image.
    """
    guidance = config.guidance
    if not warp:
        for name in ("geometry", "rigid_mask", "pins", "drop"):
            if getattr(guidance, name) is not None:
                raise InputError(f"{name} is given, but no warp is asked for: leave out one of the two")
        if points is not None:
            raise InputError("points are given, but no warp is asked for: leave out one of the two")
    if (guidance.content_mask is None) != (guidance.style_mask is None):
        names = ("content_mask", "style_mask")
        one, other = names if guidance.style_mask is None else names[::-1]
        raise InputError(f"{one} is given without {other}: segments go in pairs, so give both masks")
    if guidance.color_only:
        if guidance.preserve_color != "none":
            raise InputError(
                f"color_only and preserve_color {guidance.preserve_color!r} contradict each other: choose one"
            )
        if not is_init(guidance.init, "content"):
            raise InputError("color_only paints nothing, so init has no use: leave out one of the two")
    if not is_init(guidance.init, *INITS):
        read_init(guidance.init, config.size)
    style_shares(guidance.style_weights, styles)


def style_shares(weights: tuple[float, ...] | None, count: int) -> list[float]:
    """The weight of each of `count` styles; all 1 where none are given.

    Raises:
        InputError: another number of weights.
    """
    if weights is None:
        return [1.0] * count
    if len(weights) != count:
        raise InputError(f"{len(weights)} style_weights for {counted(count, 'style image')}: give one each")
    return list(weights)
