"""What a run was asked for, checked when it begins: types, options that contradict one another or have no effect."""

from __future__ import annotations

import math
import os
from dataclasses import fields
from typing import Any

from correspondence.filtering import MIN_MATCHES
from dst.config import (
    INITS,
    METHODS,
    NETWORK,
    PAINTERS,
    RUN_KINDS,
    WARP_OPTIONS,
    GuidanceConfig,
    InputError,
    StylizeConfig,
    check_choice,
    check_number,
    counted,
    option_fields,
)
from dst.deform.strokes import finest_side, scale_side, stroke_sizes
from dst.features import Encoder
from dst.imaging import fit_size
from dst.imaging.pyramid import scale_schedule
from dst.optim.init import is_init, read_init
from dst.runs.record import check_notes


def check_call(
    run_dir: Any, force: Any, on_step: Any, on_stage: Any, checkpoint_every: Any, notes: Any, progress: Any = None
) -> dict[str, Any]:
    """Check the types of what is no option.

    Returns:
        The notes as `check_notes` gives them.

    Raises:
        InputError: one of another type, or notes that a record cannot hold.
    """
    if run_dir is not None and not isinstance(run_dir, (str, os.PathLike)):
        raise InputError(f"the run folder is {run_dir!r}: it takes a path")
    if not isinstance(force, bool):
        raise InputError(f"force is {force!r}: it takes True or False")
    if progress is not None and not isinstance(progress, bool):
        raise InputError(f"progress is {progress!r}: it takes True, False or None")
    for name, given in (("on_step", on_step), ("on_stage", on_stage)):
        if given is not None and not callable(given):
            raise InputError(f"{name} is {given!r}: it takes a function")
    check_number("checkpoint_every", checkpoint_every, 0, None)
    return check_notes(notes)


def check_guidance(config: StylizeConfig, styles: int, warp: Any, points: Any, given: Any = ()) -> None:
    """Refuse options that contradict one another, and those that would have no effect.

    Args:
        config: the options of the run.
        styles: how many style images there are.
        warp: whether a warp was asked for.
        points: what was given as points, or None.
        given: names of the options that were asked for, and do not come from a preset or a default.

    Raises:
        InputError: two options that exclude each other, an option without effect, weights or stroke sizes that do not fit
            the styles, or an `init` that is neither a name nor an image.
    """
    guidance, method = config.guidance, config.optimize.method
    RUN_KINDS["warp"].check("warp", warp)
    if "look" in given and "alpha" in given:
        raise InputError(
            "look and alpha are both given, and a look is an alpha by another name: leave out one of the two"
        )
    _check_warp_options(config, warp, points, given)
    for name, row in METHODS.items():
        idle = [option for option in row.options if option in given and option not in PAINTERS[method].options]
        if name != method and idle and method != NETWORK:  # which says so below, of every option
            raise InputError(f"{idle[0]} is given, but the method {method} does not use it: leave out one of the two")
    if (guidance.content_mask is None) != (guidance.style_mask is None):
        names = ("content_mask", "style_mask")
        one, other = names if guidance.style_mask is None else names[::-1]
        raise InputError(f"{one} is given without {other}: segments go in pairs, so give both masks")
    if guidance.color_only:
        if guidance.preserve_color != "none":
            raise InputError(
                f"color_only and preserve_color {guidance.preserve_color!r} contradict each other: choose one"
            )
    if guidance.at_once:
        _check_at_once(config, given)
    if guidance.model_style is not None and guidance.model is None:
        raise InputError("model_style is given, but no network paints: give method network and a model with it")
    idle = {
        "init": not is_init(guidance.init, "content"),
        "stroke_size": set(stroke_sizes(guidance.stroke_size, styles)) != {1},
    }
    if not config.paints and any(idle.values()):
        why = "color_only paints nothing" if guidance.color_only else "style_strength 0 paints nothing"
        why = f"{_painter(guidance)} paints at once" if guidance.at_once else why
        name = next(name for name in idle if idle[name])
        raise InputError(f"{why}, so {name} has no use: leave out one of the two")
    if not is_init(guidance.init, *INITS):
        read_init(guidance.init, config.size)
    style_shares(guidance.style_weights, styles)


def _painter(guidance: GuidanceConfig) -> str:
    """The network that paints, as messages call it."""
    return "instant" if guidance.instant else "method network"


def _check_at_once(config: StylizeConfig, given: Any) -> None:
    """Refuse what goes with colours alone, with segments or with an optimisation, where a network paints."""
    guidance = config.guidance
    both = [name for name in ("instant", "color_only", "model") if getattr(guidance, name)]
    if len(both) > 1:
        raise InputError(f"`{both[0]}` and `{both[1]}` are both given: choose one")
    if guidance.instant and guidance.content_mask is not None:
        raise InputError(
            "instant paints all of the picture in one manner, so masks of segments have no use: leave them out"
        )
    for f in fields(config.optimize):
        if f.name in given and f.name != "style_strength" and not (f.name == "method" and guidance.model is not None):
            raise InputError(
                f"{_painter(guidance)} paints without an optimisation, so `{f.name}` has no use: leave out one of the two"
            )
    check_number("style_strength", config.optimize.style_strength, 0, 1)


def _check_warp_options(config: StylizeConfig, warp: bool, points: Any, given: Any) -> None:
    guidance, match = config.guidance, config.match
    if not warp:
        for name in WARP_OPTIONS:
            if name in given or getattr(guidance, name, None) is not None:
                raise InputError(f"{name} is given, but no warp is asked for: leave out one of the two")
        if points is not None:
            raise InputError("points are given, but no warp is asked for: leave out one of the two")
        return
    if points is None and guidance.pins is None:
        if match.max_points < config.warp.min_matches:
            raise InputError(
                f"max_points is {match.max_points}, but min_matches is {config.warp.min_matches}: nothing could be warped; "
                "raise one or lower the other"
            )
        if match.max_points < MIN_MATCHES:
            raise InputError(
                f"max_points is {match.max_points}, and a warp takes {MIN_MATCHES} matches or more: raise it, or add pins"
            )
    if points is None:
        check_drop(config)


def check_drop(config: StylizeConfig) -> None:
    """Refuse numbers that no match to be found can have.

    Raises:
        InputError: one above the most matches that there may be.
    """
    drop, most = config.guidance.drop, config.match.max_points
    if drop and max(drop) > most:
        raise InputError(
            f"drop names match {max(drop)}, but there are at most {most} (max_points): see the numbers in matches.png"
        )


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
    if not layers or not config.paints:
        return
    needed = min(encoder.layers[name].stride for name in layers)
    strokes = stroke_sizes(config.guidance.stroke_size, len(styles))

    def width(size: int, smallest: int) -> int:
        """Of the narrowest image at the coarsest scale of a run."""
        side = scale_schedule(size, smallest)[0]
        sizes = [fit_size(fit_size(content, size), side)]
        for style, stroke in zip(styles, strokes, strict=True):
            finest = fit_size(style, finest_side(style, size, stroke))
            sizes.append(fit_size(finest, scale_side(finest, side, stroke)))
        return min(map(min, sizes))

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


ENLARGED = 1.25
"""Most times its own pixels that larger strokes enlarge a style to: beyond, they are blur."""


def check_strokes(config: StylizeConfig, styles: list[tuple[str, tuple[int, int]]], made: int = 0) -> None:
    """Refuse a stroke size that a style has not the pixels for.

    Args:
        config: the options of the run.
        styles: name and size (W, H) of each.
        made: the size of a finished run that is taken to a larger one, where nothing else can be chosen; 0 for a new run.

    Raises:
        InputError: one that would be enlarged to more than `ENLARGED` times its own pixels.
    """
    size, guidance = config.size, config.guidance
    shares, strokes = style_shares(guidance.style_weights, len(styles)), stroke_sizes(guidance.stroke_size, len(styles))
    for (name, (width, height)), share, stroke in zip(styles, shares, strokes, strict=True):
        own = max(width, height)
        if not share or stroke * min(size, own) <= ENLARGED * own:
            continue
        most, fits = math.floor(100 * ENLARGED * own / min(size, own)) / 100, math.floor(ENLARGED * own / stroke)
        advice = "make a new run with smaller strokes"
        if not made:
            advice = f"give a larger image of it, or a stroke_size of {most:g} or less"
        if fits > max(made, option_fields()["size"].metadata["kind"].low - 1):
            advice += f", or give a size of {fits} or less"
        raise InputError(
            f"the style {name} is {width} x {height} pixels, and a stroke_size of {stroke:g} at size {size} needs a long side "
            f"of {math.ceil(stroke * size / ENLARGED)} or more: {advice}"
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
