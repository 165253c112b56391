"""The handles of a run: what stays rigid, what is painted as what, which matches count, what the painting starts from.

Everything here is checked when a run begins, before any work is done.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dst import imaging
from dst.config import InputError, StylizeConfig, check_number, counted, suggest
from dst.optimize import smooth_displacements
from dst.warp import Warp
from dst.warp.fit import drop_folding, mend

INITS = ("content", "noise", "style")
"""Names that `init` takes; anything else is a picture."""
NOISE = 0.3
"""Contrast of the noise to begin with, of the style's own: with tens of steps, what starts stronger is still seen at the end."""
NEAR_PIN = 0.03
"""A found match this close to a pin, share of the long side, gives way to it."""
FULL = 0.3
"""A match as sure as this pulls fully at the warp, where no more than a fifth of the others are surer."""


@dataclasses.dataclass
class Fitted:
    """A warp at strength 1, which of its points may not move, (k,) bool, and the share of the bend that was kept."""

    warp: Warp
    held: np.ndarray
    kept: float = 1.0


def check_handles(config: StylizeConfig, styles: int, warp: bool, points: Any) -> None:
    """Refuse handles that contradict one another, and values that no picture is needed to judge.

    Args:
        config: the options of the run.
        styles: how many style pictures there are.
        warp: whether a warp was asked for.
        points: what was given as points, or None.

    Raises:
        InputError: two handles that exclude each other, weights that do not fit the styles, an `init` that is neither a
            name nor a picture, or a bad pin or number.
    """
    steer = config.steer
    if not warp:
        for name in ("geometry", "protect", "pins", "drop"):
            if _given(getattr(steer, name)):
                raise InputError(f"{name} is given, but no warp is asked for: leave out one of the two")
        if points is not None:
            raise InputError("points are given, but no warp is asked for: leave out one of the two")
    if (steer.content_mask is None) != (steer.style_mask is None):
        one, other = ("content_mask", "style_mask") if steer.style_mask is None else ("style_mask", "content_mask")
        raise InputError(f"{one} is given without {other}: areas go in pairs, so give both masks")
    if steer.color_only:
        if steer.preserve_color != "none":
            raise InputError(
                f"color_only and preserve_color {steer.preserve_color!r} contradict each other: choose one"
            )
        if not _is_name(steer.init, "content"):
            raise InputError("color_only paints nothing, so init has no use: leave out one of the two")
    if not _is_name(steer.init, *INITS):
        _read_init(steer.init)
    style_shares(steer.style_weights, styles)
    read_pins(steer.pins)
    read_drop(steer.drop)


def _given(value: Any) -> bool:
    return value is not None and not (isinstance(value, (list, tuple)) and len(value) == 0)


def _is_name(value: Any, *names: str) -> bool:
    return isinstance(value, str) and value in names


def style_shares(weights: Any, count: int) -> list[float]:
    """The weight of each of `count` styles; all 1 where none are given.

    Raises:
        InputError: another number of weights, one that is negative or not finite, or all zero.
    """
    if not _given(weights):
        return [1.0] * count
    weights = list(weights) if isinstance(weights, (list, tuple, np.ndarray)) else [weights]
    if len(weights) != count:
        raise InputError(f"{len(weights)} style_weights for {counted(count, 'style picture')}: give one each")
    for weight in weights:
        check_number("a style weight", weight, 0.0, 1e6)
    if sum(weights) == 0:
        raise InputError("style_weights are all 0: at least one style must count")
    return [float(weight) for weight in weights]


def read_pins(pins: Any) -> np.ndarray:
    """Pins as (n, 4) float64: content x, y, style x, y.

    Raises:
        InputError: not rows of four finite numbers.
    """
    if not _given(pins):
        return np.zeros((0, 4))
    try:
        table = np.array(pins, dtype=np.float64)
    except (TypeError, ValueError):
        table = np.full((1, 1), np.nan)
    table = table[None] if table.shape == (4,) else table
    if table.ndim != 2 or table.shape[1] != 4 or not np.isfinite(table).all():
        raise InputError(f"pins are {pins!r}: each takes four finite numbers, content x, y and style x, y in pixels")
    return table


def read_drop(drop: Any) -> list[int]:
    """Numbers of matches to leave out, sorted, each once.

    Raises:
        InputError: not whole numbers of 1 or more.
    """
    if not _given(drop):
        return []
    numbers = list(drop) if isinstance(drop, (list, tuple, set, np.ndarray)) else [drop]
    for number in numbers:
        check_number("drop", number.item() if isinstance(number, np.generic) else number, 1, None, whole=True)
    return sorted({int(number) for number in numbers})


def drop_matches(matches: Any, numbers: list[int]) -> Any:
    """The matches without those of some numbers, which count from 1 as the plot of the matches does.

    Raises:
        InputError: a number that no match has.
    """
    if not numbers:
        return matches
    if numbers[-1] > len(matches):
        raise InputError(f"drop names match {numbers[-1]}, but there are {len(matches)}: see the numbers in the plot")
    left = np.ones(len(matches), bool)
    left[np.array(numbers) - 1] = False
    return matches.subset(left)


def add_pins(matches: Any, pins: np.ndarray) -> Any:
    """The matches with pins put first, scores 1; found ones close to a pin, in either picture, give way.

    Raises:
        InputError: a pin outside a picture, or two in one place.
    """
    if not len(pins):
        return matches
    sides = (("content", pins[:, :2], matches.content_size), ("style", pins[:, 2:], matches.style_size))
    near = np.zeros(len(matches), bool)
    for side, points, size in sides:
        outside = ((points < -0.5) | (points > np.array(size) - 0.5)).any(1)
        if outside.any():
            k = int(outside.argmax())
            raise InputError(
                f"pin {k + 1}: its {side} point ({points[k, 0]:g}, {points[k, 1]:g}) is outside the picture of "
                f"{size[0]} x {size[1]} pixels: give content x, y and style x, y in pixels of the displayed pictures"
            )
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(len(points), np.inf))
        if gaps.min() < 1:
            a, b = np.unravel_index(int(gaps.argmin()), gaps.shape)
            raise InputError(f"pins {min(a, b) + 1} and {max(a, b) + 1} share one {side} point: leave one of them out")
        apart = np.linalg.norm(getattr(matches, side)[:, None] - points[None], axis=2)
        near |= (apart < NEAR_PIN * max(size)).any(1)
    rest = matches.subset(~near)
    return dataclasses.replace(
        rest,
        content=np.concatenate([pins[:, :2], rest.content]),
        style=np.concatenate([pins[:, 2:], rest.style]),
        scores=np.concatenate([np.ones(len(pins)), rest.scores]),
        pinned=np.arange(len(pins) + len(rest)) < len(pins),
    )


def pull(scores: np.ndarray) -> np.ndarray:
    """How strongly each match pulls at the warp, from the confidences of all: (k,) in [0, 1] to (k,) in [0, 1].

    A fifth of the matches, the surest, pull fully and the others in proportion. Confidences are calibrated on repainted
    photographs, and of a painting, which differs more, even right matches are held to be doubtful; only where the surest
    stay under FULL does a pair of pictures bend less as a whole.
    """
    return np.clip(scores / max(FULL, float(np.quantile(scores, 0.8)) if len(scores) else 0), 0, 1)


def fit_warp(
    source: np.ndarray,
    target: np.ndarray,
    size,
    strength: float = 1.0,
    pins: int = 0,
    mask: np.ndarray | None = None,
    weights: tuple[float, float] = (1.0, 0.0),
    confidence: np.ndarray | None = None,
) -> Fitted:
    """A warp without folds that carries source to target, keeps a mask's parts rigid and reaches the pins.

    Args:
        source, target: (k, 2) pixels of a content of `size` (W, H), pins first.
        size: (W, H).
        strength: factor on the displacements.
        pins: how many of the points are pins.
        mask: (H, W) of bool, the protected parts, or None.
        weights: beta and gamma of the balance that the displacements are first brought into, so that points that no
            smooth warp can reach give way before they fold the map; the default leaves them as they are.
        confidence: (k,) in [0, 1], how sure each point is: in that balance an unsure one pulls less and follows its
            neighbours. Pins count fully whatever is said of them. None for 1 everywhere.

    Raises:
        InputError: points that no warp can be fitted to; a pin inside a protected part or too close to it.
    """
    warp = Warp.fit(source, target, size)
    held = np.arange(len(source)) < pins
    sure = None if confidence is None else torch.tensor(np.where(held, 1.0, confidence))
    wanted = torch.tensor(strength * warp.displacement)
    reached = smooth_displacements(torch.tensor(warp.source), wanted, warp.size, *weights, torch.tensor(held), sure)
    warp = drop_folding(dataclasses.replace(warp, displacement=reached.numpy(), rigid=held.astype(int)))
    warp, kept = mend(warp, warp.rigid > 0, mask)
    return Fitted(warp, warp.rigid > 0, kept)


def first_guess(init: Any, content: Tensor, styles: list[Tensor], seed: int) -> Tensor | None:
    """The picture that the painting starts from, (1, 3, H, W) as large as the content; None for `content`.

    Args:
        init: `content`, `noise`, `style`, or a picture; a picture of another shape is cut to the content's.
        content, styles: tensors (1, 3, H, W) in [0, 1].
        seed: of the noise, which has the style's colours, faintly.

    Raises:
        InputError: a picture that cannot be read; a name that is neither known nor a file.
    """
    if _is_name(init, "content"):
        return None
    if _is_name(init, "noise"):
        colors = styles[0].flatten(2)  # (1, 3, N)
        generator, count = torch.Generator().manual_seed(seed), content.shape[-2:].numel()
        drawn = colors[:, :, torch.randint(colors.shape[2], (count,), generator=generator).to(colors.device)]
        middle = colors.mean(2, keepdim=True)
        return (middle + NOISE * (drawn - middle)).view(content.shape).to(content.device)
    if _is_name(init, "style"):
        return imaging.cover(styles[0], content.shape[-2:])
    return imaging.cover(_read_init(init).rgb, content.shape[-2:]).to(content.device)


def _read_init(init: Any) -> imaging.Image:
    if isinstance(init, str) and "." not in init and not os.path.exists(init):
        names = ", ".join(INITS)
        raise InputError(f"init {init!r} is not known: it takes {names} or a picture's file{suggest(init, INITS)}")
    try:
        return imaging.read(init)
    except InputError as error:
        raise InputError(f"init: {error}") from error
