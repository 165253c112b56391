"""Options that contradict one another, refused when a run begins, before any work is done."""

from __future__ import annotations

from typing import Any

from dst.config import INITS, InputError, StylizeConfig, check_choice, counted, option_fields
from dst.features import Encoder
from dst.imaging import fit_size
from dst.imaging.pyramid import scale_schedule
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


def check_layers(
    config: StylizeConfig, encoder: Encoder, content: tuple[int, int], styles: list[tuple[int, int]]
) -> None:
    """Refuse layers that were asked for and that the encoder has not, or that the images are all too narrow for.

    Args:
        config: the options of the run.
        encoder: the feature network.
        content, styles: (W, H) of the images.

    Raises:
        InputError: an unknown layer; at the coarsest scale, where a long strip is a few pixels wide, no layer can be had.
    """
    layers = config.optimize.layers or ()
    for name in layers:
        check_choice("layer", name, encoder.layers)
    if not layers or config.guidance.color_only:
        return
    needed = min(encoder.layers[name].stride for name in layers)

    def width(size: int, smallest: int) -> int:
        """Of the narrowest image at the coarsest scale of a run."""
        side = scale_schedule(size, smallest)[0]
        sizes = [fit_size(content, size), *(fit_size(style, min(size, max(style))) for style in styles)]
        return min(min(fit_size(image, min(side, max(image)))) for image in sizes)

    found, options = width(config.size, config.optimize.smallest_scale), option_fields()
    if found >= needed:
        return
    high = options["smallest_scale"].metadata["kind"].high
    enough = next((n for n in range(needed, high + 1) if width(max(n, config.size), n) >= needed), None)
    advice = "give an earlier layer, such as relu1_1"
    if enough is not None:
        advice += f", or a smallest_scale of {enough} and a size of {max(enough, config.size)}"
    raise InputError(
        f"{'+'.join(layers)} needs images {needed} pixels wide, and at the coarsest scale one is {found}: {advice}"
    )


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
