"""Shared by new and resumed runs: stages that are timed, the loop, the end of a run."""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import correspondence
from dst import runtime, viz
from dst.config import counted
from dst.deform import matching
from dst.deform.finish import final_warp, make_result, moved_warp, target_points
from dst.deform.objective import DeformProblem
from dst.evaluate.metrics import metrics
from dst.features import Encoder
from dst.methods.targets import StyleCache
from dst.optim.loop import Loop, schedule
from dst.optim.state import State, Step
from dst.runs.estimate import memory_needed
from dst.runs.job import Job
from dst.runs.keeper import Keeper
from dst.runs.record import make_record
from dst.runs.result import Result
from dst.warp import to_pixels

log = logging.getLogger(__name__)
Report = Callable[[str, str], None]
EVERY = 30.0
"""Seconds between two checkpoints."""


class Clock:
    """Seconds spent in each stage, and a call to each subscriber at its start and its end."""

    def __init__(self, *subscribers: Report | None) -> None:
        self.subscribers = [tell for tell in subscribers if tell is not None]
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str):
        """Time what is done inside as the stage `name`; a stage that is entered again adds to its seconds.

        Each subscriber is called with (name, "start") and (name, "end"); the end is left out where an exception ends it.
        """
        for tell in self.subscribers:
            tell(name, "start")
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
        for tell in self.subscribers:
            tell(name, "end")
        log.info("%s: %.1f s", name, self.seconds[name])


def make_loop(job: Job, encoder: Encoder, state: State | None = None, cache: StyleCache | None = None) -> Loop:
    """The optimisation loop of a job.

    Args:
        job: what is optimised, with its config.
        encoder: the feature network.
        state: where an earlier loop of the same job stopped; None to begin.
        cache: what was encoded of the same styles before; None for none.
    """
    config = job.config
    if job.precision == "bfloat16" and config.device == "cpu" and not runtime.has_matrix_units():
        log.warning("this run computes in bfloat16, for which this processor has no matrix units: it will be slow")
    problem = DeformProblem(job.scene, encoder.in_precision(job.precision), config.optimize, config.seed, cache)
    return Loop(problem, config.optimize, config.seed, state)


def paint(
    job: Job, loop: Loop | None, state: State, encoder: Encoder, clock: Clock, on_step, keeper: Keeper | None,
    measured: bool = True,
) -> Result:  # fmt: skip
    """Run what is left of the optimisation and make the Result, `measured` or without metrics in its record."""
    if log.isEnabledFor(logging.DEBUG):
        _tell(job, loop, encoder)
    with clock.stage("optimize"):
        if keeper is not None and loop is not None:
            keeper.write(state)
            on_step = keeper.watch(on_step)
        if loop is not None:
            state = loop.run(_warping(job, on_step))
    with clock.stage("finish"):
        warp, factor = final_warp(job, state)
        images = job.content, job.style if job.geometry is None else job.geometry
        drawn = None if job.matches is None else matching.draw_matches(job.matches, *images)
        result = make_result(job, state, warp, drawn)
        result.figures = figures()
        wanted = target_points(job, warp)
        crossed = correspondence.crossing_share(to_pixels(warp.source, job.content_size), wanted)
        found = metrics(result, encoder, crossed) if measured else None
    result.record = make_record(result, job, encoder, factor, wanted, found, state.stopped, clock.seconds)
    if keeper is not None:
        keeper.publish(result, state)
    return result


def _warping(job: Job, on_step: Callable | None) -> Callable | None:
    """An `on_step` that is given steps which know their warp."""
    warp = job.scene.warp
    if on_step is None or warp is None or not len(warp.source):
        return on_step

    def told(step: Step) -> object:
        return on_step(dataclasses.replace(step, warp=functools.partial(moved_warp, warp, step.state)))

    return told


def _tell(job: Job, loop: Loop | None, encoder: Encoder) -> None:
    """Log what is about to be done: sizes, matches, scales and what they will take."""
    height, width = job.content.shape[-2:]
    log.debug("content of %d x %d pixels, painted at %d x %d", *job.content_size, width, height)
    log.debug("%s: %s", counted(0 if job.matches is None else len(job.matches), "point"), job.verdict)
    for scale in () if loop is None else schedule((width, height), job.config.optimize):
        log.debug("scale of %d x %d pixels, %s", *scale.size, counted(scale.steps, "step"))
    warps = job.scene.warp is not None
    painter = encoder.in_precision(job.precision)
    needed = memory_needed(painter, (width, height), job.config, warps)
    log.debug("the network computes in %s; about %.1f GB of memory at most", job.precision, needed / 1e9)


def figures() -> dict[str, Callable[[Result], Any]]:
    """The figures of a run's folder: file name -> function that draws a Result as a matplotlib Figure.

    The first that is drawn brings matplotlib, which takes half a second and which most runs do without.
    """
    return {f"{name}.png": functools.partial(_drawn, name) for name in viz.RUN_FIGURES}


def _drawn(name: str, result: Result) -> Any:
    return getattr(viz.figures, name)(result)
