"""One picture out of another's patches, coarse to fine: the sizes, and the walk over them that both engines share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from dst.config import InputError
from dst.optim.state import Step

Size = tuple[int, int]
"""(height, width) in pixels."""
OnStep = Callable[[Step], object]
WIDEN = 1.1
"""How much a side grows or shrinks at once where a picture is brought to another aspect little by little."""
SOME = 50
"""Steps after each such change, at the most."""


class _Stopped(Exception):
    """The caller asked to stop; `image` is what there is."""

    def __init__(self, image: Tensor) -> None:
        super().__init__("stopped")
        self.image = image


@dataclass(frozen=True, eq=False)
class Level:
    """One scale of a walk, for an engine. Images are in [-1, 1].

    Attributes:
        source: (1, 3, h, w), what patches are taken from.
        blurred: (1, 3, h, w), the source as the scale below knows it, which an enlarged guess is compared with at first; the
            source itself where the guess is as sharp.
        usable: (h, w) bool, the pixels that patches may hold; None for all.
        made: (H, W) bool, the pixels that are made; None for all.
        kept: (1, 3, H, W), what stands where `made` is false; None for nothing.
        steps: how many steps to make.
        tell: called after each step with the image and the terms.
    """

    source: Tensor
    blurred: Tensor
    usable: Tensor | None = None
    made: Tensor | None = None
    kept: Tensor | None = None
    steps: int = 1
    tell: Callable[[Tensor, dict[str, float]], None] = lambda image, terms: None

    def hold(self, image: Tensor) -> Tensor:
        """An image with the pixels that stay put back."""
        return image if self.made is None else torch.where(self.made, image, self.kept)


class Engine(Protocol):
    """What gives an image the source's patches at one scale; made anew for each walk."""

    patch: int

    def steps(self, scale: int, source: Size, target: Size) -> int:
        """How many steps a scale takes at the most; it is counted from 0 where the walk begins."""

    def refine(self, level: Level, image: Tensor) -> Tensor:
        """An image (1, 3, H, W) in [-1, 1], made of the source's patches, from the guess `image`."""


@dataclass(frozen=True, eq=False)
class Walk:
    """What is to be made, and how.

    Attributes:
        source: (1, 3, h, w) in [0, 1].
        size: (H, W) of the result.
        guess: (1, 3, H, W) in [0, 1], what it begins from; None for the source, brought to the size.
        start: from 0, where the guess enters at the coarsest scale and only its layout is kept, to 1, the finest.
        noise: deviation of what is added to the first guess, in a range of 2.
        tinted: the noise is spread as the source's colours are, not evenly over red, green and blue.
        widen: bring the source to the size little by little at the first scale, not at once.
        usable: (h, w) bool, the pixels that patches may hold; None for all. What the others are has no influence.
        made: (H, W) bool, the pixels that are made; the guess keeps the others. None for all.
        smallest: short side of the coarsest scale, pixels.
        factor: between scales, at the most.
        seed: of the noise.
    """

    source: Tensor
    size: Size
    guess: Tensor | None = None
    start: float = 0.0
    noise: float = 0.0
    tinted: bool = False
    widen: bool = False
    usable: Tensor | None = None
    made: Tensor | None = None
    smallest: int = 14
    factor: float = 4 / 3
    seed: int = 0

    def replace(self, **changes: Any) -> Walk:
        """A copy with some attributes changed."""
        return replace(self, **changes)


def scales(source: Size, target: Size, smallest: int, factor: float) -> list[tuple[Size, Size]]:
    """Sizes of the source and of the result, coarse to fine, both reduced alike.

    At the coarsest scale the shortest of the four sides has `smallest` pixels, or all it has. Between scales lies `factor`, or what
    is near to it and comes out even.

    Source: Granot et al. 2022, section 3.1.
    """
    short = min(*source, *target)
    count = max(0, math.ceil(math.log(short / smallest) / math.log(factor) - 1e-6)) if short > smallest else 0
    shares = [(smallest / short) ** (k / count) for k in range(count, 0, -1)] + [1.0]
    return [tuple(tuple(max(1, round(side * share)) for side in size) for size in (source, target)) for share in shares]


def reduced(image: Tensor, size: Size) -> Tensor:
    """An image or a mask (N, C, h, w) at a size (H, W): bicubic, smoothed where it becomes smaller."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image, size=tuple(size), mode="bicubic", antialias=True, align_corners=False)


def covered(mask: Tensor, size: Size) -> Tensor:
    """Where a mask (h, w) of bool has anything, at a smaller size (H, W)."""
    return F.adaptive_max_pool2d(mask[None, None].float(), tuple(size))[0, 0] > 0


def filled(image: Tensor, hole: Tensor) -> Tensor:
    """An image (1, 3, h, w) whose hole (h, w) is filled smoothly from around it: by means of ever larger surroundings."""
    size, open_ = image.shape[-2:], hole[None, None]
    weight = (~open_).float()
    total = image * weight
    while bool(open_.any()) and min(total.shape[-2:]) > 1:
        half = [math.ceil(n / 2) for n in total.shape[-2:]]
        total, weight = (F.adaptive_avg_pool2d(part, half) for part in (total, weight))
        wide, share = (F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in (total, weight))
        fresh = open_ & (share > 1e-6)
        image = torch.where(fresh, wide / share.clamp_min(1e-6), image)
        open_ = open_ & ~fresh
    return image


def walk(engine: Engine, work: Walk, on_step: OnStep | None = None) -> Tensor:
    """Make a picture: (1, 3, H, W) in [0, 1].

    A true return value of `on_step` stops; what there is by then comes enlarged to its full size.

    Raises:
        InputError: a source or a result smaller than a patch at the coarsest scale.
    """
    source = (work.source if work.usable is None else filled(work.source, ~work.usable)) * 2 - 1
    plan = scales(tuple(source.shape[-2:]), work.size, work.smallest, work.factor)
    plan = plan[round(work.start * (len(plan) - 1)) :]
    least = min(side for pair in plan[:1] for size in pair for side in size)
    if least < engine.patch:
        raise InputError(
            f"a side has {least} pixels at the coarsest scale, and patches have {engine.patch}: give a larger image, a larger coarsest "
            "scale or smaller patches"
        )
    guess = (source if work.guess is None else work.guess * 2 - 1).float()
    generator = torch.Generator().manual_seed(work.seed)
    clock = _Clock(plan, [engine.steps(k, *sizes) for k, sizes in enumerate(plan)], on_step)
    image, below = None, None
    try:
        for k, (own, target) in enumerate(plan):
            known = reduced(source, own)
            blurred = known if below is None else reduced(below, own)
            level = _level(work, clock, k, known, blurred, guess, target)
            if image is None:
                image = reduced(guess, target)
                if work.widen:
                    image = _widened(engine, level, known, target)
                if work.noise:
                    image = image + work.noise * _drawn(target, known if work.tinted else None, generator)
            else:
                image = reduced(image, target)
            image, below = level.hold(engine.refine(level, level.hold(image))), known
    except _Stopped as stop:
        image = stop.image
        if work.made is not None:
            image = torch.where(work.made, reduced(image, work.size), guess)
    return (reduced(image, work.size) / 2 + 0.5).clamp(0, 1)


def spread_axes(image: Tensor) -> tuple[Tensor, Tensor]:
    """How far an image's colours (1, 3, h, w) spread along their main axes, (3,), rising; and those as columns, (3, 3): float64."""
    values, vectors = torch.linalg.eigh(torch.cov(image.flatten(2)[0].double()))
    return values.clamp_min(0).sqrt(), vectors


def color_axes(image: Tensor, least: float = 0.05) -> Tensor:
    """The main axes of an image's colours as columns, each as long as they spread along it: (3, 3); a mean square of 1 by rows.

    An axis is at least `least` times as long as the longest.
    """
    spread, vectors = spread_axes(image)
    spread = spread.clamp_min(least * float(spread.max()) + 1e-9)
    return (vectors * (spread / spread.square().mean().sqrt())).float()


def _drawn(size: Size, like: Tensor | None, generator: torch.Generator) -> Tensor:
    """White noise, or noise whose colours are spread as an image's: (1, 3, H, W), of deviation 1 over all channels."""
    noise = torch.randn(1, 3, *size, generator=generator)
    return noise if like is None else torch.einsum("ij,bjhw->bihw", color_axes(like), noise)


def _level(work: Walk, clock: _Clock, k: int, known: Tensor, blurred: Tensor, guess: Tensor, target: Size) -> Level:
    own = tuple(known.shape[-2:])
    usable = None if work.usable is None else ~covered(~work.usable, own)
    made = None if work.made is None else covered(work.made, target)
    kept = None if made is None else reduced(guess, target)
    return Level(known, blurred, usable, made, kept, clock.steps[k], clock.teller(k))


def _widened(engine: Engine, level: Level, image: Tensor, target: Size) -> Tensor:
    """An image brought to another size little by little, its patches made the source's after each.

    Source: Simakov, Caspi, Shechtman and Irani 2008, "Summarizing visual data using bidirectional similarity", section 4: gradual
    resizing.
    """
    own = tuple(image.shape[-2:])
    count = max(math.ceil(abs(math.log(t / o)) / math.log(WIDEN) - 1e-6) for t, o in zip(target, own, strict=True))
    quiet = Level(level.source, level.source, level.usable, steps=min(level.steps, SOME))
    for k in range(1, count):
        size = tuple(round(o * (t / o) ** (k / count)) for t, o in zip(target, own, strict=True))
        image = engine.refine(quiet, reduced(image, size))
    return reduced(image, target)


def enlarge(engine: Engine, source: Tensor, factor: float, on_step: OnStep | None = None) -> Tensor:
    """An image (1, 3, h, w) in [0, 1] `factor` times as large, its fine detail learnt from coarser detail that it has.

    Each step enlarges by a little and looks up what so blurred patches are in the image itself; then the picture is corrected until,
    reduced, it is the image again.

    Source: Glasner, Bagon and Irani 2009, "Super-resolution from a single image", section 3; steps as in Granot et al. 2022.
    """
    known = source * 2 - 1
    own = tuple(known.shape[-2:])
    count = max(1, math.ceil(math.log(factor) / math.log(4 / 3)))
    shares = [factor ** (k / count) for k in range(1, count + 1)]
    plan = [(own, tuple(round(n * share) for n in own)) for share in shares]
    step = factor ** (1 / count)
    blurred = reduced(reduced(known, tuple(max(1, round(n / step)) for n in own)), own)
    clock = _Clock(plan, [engine.steps(k + 1, *sizes) for k, sizes in enumerate(plan)], on_step)
    image = known
    try:
        for k, (_, size) in enumerate(plan):
            level = Level(known, blurred, steps=clock.steps[k], tell=clock.teller(k))
            image = _corrected(engine.refine(level, reduced(image, size)), known)
    except _Stopped as stop:
        image = reduced(stop.image, plan[-1][1])
    return (image / 2 + 0.5).clamp(0, 1)


def _corrected(image: Tensor, known: Tensor, rounds: int = 10) -> Tensor:
    """A picture that gives a known one when it is reduced to its size (Irani and Peleg 1991, back-projection)."""
    for _ in range(rounds):
        image = image + reduced(known - reduced(image, known.shape[-2:]), image.shape[-2:])
    return image


class _Clock:
    """Counts the steps of a walk and tells of them."""

    def __init__(self, plan: list[tuple[Size, Size]], steps: list[int], on_step: OnStep | None) -> None:
        self.plan, self.steps, self.on_step = plan, steps, on_step
        self.since = time.perf_counter()

    def teller(self, scale: int) -> Callable[[Tensor, dict[str, float]], None]:
        """What a level calls after each of its steps."""
        before, own, (height, width) = sum(self.steps[:scale]), self.steps[scale], self.plan[scale][1]
        made = 0

        def tell(image: Tensor, terms: dict[str, float]) -> None:
            nonlocal made
            now = time.perf_counter()
            seconds, self.since = now - self.since, now
            made += 1
            done, every = before + made, sum(self.steps)
            size = (width, height)
            step = Step(scale, len(self.plan), size, made - 1, own, done, every, terms, seconds, None)
            if self.on_step is not None and self.on_step(step):
                raise _Stopped(image)

        return tell
