"""What each task of generation from one image asks for, in terms that every method understands."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from dst import imaging
from dst.config import MASKED, InputError, OneImageConfig
from dst.imaging.histogram import match_colors
from dst.patches.pyramid import covered, filled
from dst.patches.search import whole

FLAT = 1 / 255
"""Spread of colours up to which an image is of one colour."""
UNLIKE = 4 / 255
"""Difference from which a pixel of an edited image counts as edited."""
STARTS = {
    "gpnn": {"harmonise": 0.75, "edit": 0.6, "paint-to-image": 0.2, "style": 0.5},
    "gpdm": {"harmonise": 1.0, "edit": 1.0, "paint-to-image": 0.3, "style": 0.9},
}
"""Where what is begun from enters, by method and task: 0 at the coarsest scale, 1 at the finest. By eye."""
ENOUGH = 60
"""Patches without a hole that there must be at the coarsest scale."""
NOMINAL = 250
"""Long side that the widths of masks' margins were published for, pixels."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A task made ready for a method. Images are (1, 3, h, w) in [0, 1].

    Attributes:
        task: its name.
        source: the image whose patches are used.
        size: (W, H) of the result.
        guess: what is begun from, of that size; None for the source.
        start: where it enters, 0 at the coarsest scale to 1 at the finest.
        random: every seed gives a picture of its own.
        complete: all of the source is to come back.
        hole: (h, w) bool, pixels of the source that are not to be used; None for none.
        area: (H, W) bool, pixels of the result that are made, the others being the guess's; None for all.
        edge: (1, 1, H, W) in [0, 1], the share of what was made at the end; None for 1 in `area`.
        given: the picture that the task began with, as read and before any change, and its mask; None where there is none.
    """

    task: str
    source: Tensor
    size: tuple[int, int]
    guess: Tensor | None = None
    start: float = 0.0
    random: bool = False
    complete: bool = True
    hole: Tensor | None = None
    area: Tensor | None = None
    edge: Tensor | None = None
    given: tuple[Tensor | None, Tensor | None] = (None, None)

    def finished(self, made: Tensor) -> Tensor:
        """A method's picture with what was not to be made put back."""
        if self.area is None or self.guess is None:
            return made
        if self.edge is not None:
            return torch.lerp(self.guess, made, self.edge)
        return torch.where(self.area, made, self.guess)


def prepare(task: str, image: Any, guide: Any, mask: Any, config: OneImageConfig) -> Problem:
    """A task made ready.

    Args:
        task: a name of `dst.config.TASKS`.
        image: what patches are taken from; with `mask` and without `guide`, also what is begun from.
        guide: another picture that is begun from; None for none.
        mask: where the result is made, of the size of the guide, or of the image where there is none; None for all.
        config: `check_task` has been called.

    Raises:
        InputError: an image that cannot be read or has one colour, an empty or full mask or one of another shape, an edited image that
            is the image.
    """
    source = _read(image, config.side)
    if float(source.std((2, 3)).max()) < FLAT:
        raise InputError("the image has one colour alone, which has no patches to tell apart: give another")
    other = None if guide is None else _read(guide, config.side)
    shown = source if other is None else other
    area = None if mask is None else _area(mask, shown)
    if task == "edit" and area is None and other.shape == source.shape:
        area = _changed(other, source)
    problem = PREPARED[task](source, other, area, config)
    start = STARTS.get(config.method, {}).get(task, 0.0) if config.start is None else config.start
    return Problem(
        task, source, start=start, given=(other, None if area is None else area[None, None].float()), **problem
    )


def _read(image: Any, side: int) -> Tensor:
    given = imaging.read(image, side=side)
    return imaging.resize(given.rgb, min(side, max(given.size)), given.size)


def _area(mask: Any, image: Tensor) -> Tensor:
    """Where a mask is white, at least half, at an image's size: (h, w) bool."""
    found = imaging.read_mask(mask, (image.shape[3], image.shape[2]))[0, 0] >= 0.5
    if not found.any() or found.all():
        what = "everything" if found.all() else "nothing"
        raise InputError(f"the mask marks {what}: paint a part white and the rest black")
    return found


def _changed(edited: Tensor, image: Tensor) -> Tensor:
    """Where an edited image differs from the image, (h, w) bool."""
    found = (edited - image).abs().amax((0, 1)) > UNLIKE
    if not found.any():
        raise InputError("the edited image is the image itself: move something in it, or give another")
    return found


def _size(image: Tensor) -> tuple[int, int]:
    return image.shape[3], image.shape[2]


def _sample(source: Tensor, guide: Tensor | None, area: Tensor | None, config: OneImageConfig) -> dict[str, Any]:
    return {"size": config.size or _size(source), "random": True}


def _retarget(source: Tensor, guide: Tensor | None, area: Tensor | None, config: OneImageConfig) -> dict[str, Any]:
    factors = config.stretch or (1.5, 1.0)
    return {"size": config.size or tuple(round(n * f) for n, f in zip(_size(source), factors, strict=True))}


def _harmonise(source: Tensor, guide: Tensor | None, area: Tensor, config: OneImageConfig) -> dict[str, Any]:
    shown = source if guide is None else guide
    wide, edge = _widened(area, "harmonise")
    hole = wide if guide is None else None
    return {"size": _size(shown), "guess": shown, "area": wide, "edge": edge, "hole": hole, "complete": False}


def _edit(source: Tensor, guide: Tensor, area: Tensor | None, config: OneImageConfig) -> dict[str, Any]:
    found: dict[str, Any] = {"size": _size(guide), "guess": guide, "complete": area is None}
    if area is not None:
        found["area"], found["edge"] = _widened(area, "edit")
    return found


def _inpaint(source: Tensor, guide: Tensor | None, area: Tensor, config: OneImageConfig) -> dict[str, Any]:
    return {"size": _size(source), "guess": filled(source, area), "area": area, "hole": area, "complete": False}


def _painted(source: Tensor, guide: Tensor, area: Tensor | None, config: OneImageConfig) -> dict[str, Any]:
    return {"size": _size(guide), "guess": guide}


def _style(source: Tensor, guide: Tensor, area: Tensor | None, config: OneImageConfig) -> dict[str, Any]:
    return {"size": _size(guide), "guess": match_colors(guide, [source]).clamp(0, 1)}


def _enlarged(source: Tensor, guide: Tensor | None, area: Tensor | None, config: OneImageConfig) -> dict[str, Any]:
    return {"size": tuple(config.factor * n for n in _size(source)), "complete": False}


def _animated(source: Tensor, guide: Tensor | None, area: Tensor | None, config: OneImageConfig) -> dict[str, Any]:
    return {"size": _size(source), "random": True, "complete": False}


PREPARED: dict[str, Callable[..., dict[str, Any]]] = {
    "sample": _sample,
    "retarget": _retarget,
    "harmonise": _harmonise,
    "edit": _edit,
    "inpaint": _inpaint,
    "paint-to-image": _painted,
    "style": _style,
    "super-resolve": _enlarged,
    "animate": _animated,
}
"""For each task the attributes of its `Problem`, from source, guide, area and config."""


def _widened(area: Tensor, task: str) -> tuple[Tensor, Tensor]:
    """A mask widened as published, and a ramp over the margin: (h, w) bool, (1, 1, h, w)."""
    margin = max(3.0, MASKED[task] * max(area.shape) / NOMINAL)
    away = cv2.distanceTransform((~area).numpy().astype(np.uint8), cv2.DIST_L2, 5)
    edge = torch.from_numpy((1 - away / margin).clip(0, 1).astype(np.float32))
    return edge > 0, edge[None, None]


def coarsest_for(hole: Tensor, patch: int, least: int) -> int:
    """Short side of the coarsest scale for an image with a hole (h, w), at least `least`.

    There the hole is so thin that most patches over it hold known pixels, too, and `ENOUGH` patches have no hole.

    Raises:
        InputError: at no scale there are that many.
    """
    reach = float(cv2.distanceTransform(hole.numpy().astype(np.uint8), cv2.DIST_L2, 5).max())
    short = min(hole.shape)
    side = min(short, max(least, round(short * (patch / 2) / max(1.0, reach))))
    while True:
        small = covered(hole, tuple(max(1, round(n * side / short)) for n in hole.shape))
        if min(small.shape) >= patch and int(whole(~small, patch).sum()) >= ENOUGH:
            return side
        if side == short:
            raise InputError("the hole leaves hardly a patch of the image to fill it with: paint a smaller one")
        side = min(short, math.ceil(1.25 * side))
