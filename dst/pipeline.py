"""From pictures to a Result: read, match, warp, optimise, finish; and what can be done with a run afterwards."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dst import checkpoint, imaging, matching, prepare, score, steer
from dst.checkpoint import Job, Keeper
from dst.config import InputError, StylizeConfig, check_choice, check_number, read_layers
from dst.features.encoder import Encoder, load_encoder
from dst.methods.targets import StyleCache
from dst.optimize import Optimization, State, schedule
from dst.record import make_record
from dst.result import Result, Step, clear_left, read_record
from dst.warp import Warp

Report = Callable[[str, str], None]
EVERY = 30.0
"""Seconds between two checkpoints."""


@dataclass
class _Clock:
    """Seconds spent in each stage, and the word given to `on_stage` at its start and end."""

    on_stage: Report | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str):
        if self.on_stage is not None:
            self.on_stage(name, "start")
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
        if self.on_stage is not None:
            self.on_stage(name, "end")


def stylize(
    content: Any,
    style: Any,
    *,
    preset: str = "default",
    points: Any = None,
    warp: bool = True,
    on_step: Callable[[Step], object] | None = None,
    on_stage: Report | None = None,
    run_dir: Any = None,
    force: bool = False,
    checkpoint_every: float = EVERY,
    notes: dict[str, Any] | None = None,
    style_cache: StyleCache | None = None,
    **options: Any,
) -> Result:
    """Bend a photograph towards a painting's shapes and paint it in its strokes.

    Deformable Style Transfer (Kim, Kolkin, Salavon and Shakhnarovich 2020): matches by Neural Best-Buddies, a
    thin-plate spline, and the joint optimisation of pixels and displacements.

    Args:
        content: a path, PIL image, array (H, W[, 1 | 3 | 4]) or tensor ([1, ]3, H, W) in [0, 1]; any size and aspect of
            at least 16 pixels a side.
        style: the same, or a list of several; shapes come from the first unless `geometry` is given.
        preset: `paper`, `default` or `fast`.
        points: matches to use in place of matching: a points.csv or .json, an array (N, 4 or 5) of content x, y,
            style x, y[, score] in pixels of the displayed images, or `Matches`.
        warp: False asks for plain style transfer.
        on_step: called after each step; a true return value stops the run, which still gives a Result.
        on_stage: called with (stage, "start" | "end").
        run_dir: a folder that keeps the run: checkpoints while it goes, everything at the end. See `resume`.
        force: replace the run that `run_dir` holds.
        checkpoint_every: seconds between two checkpoints; 0 for one after each step.
        notes: goes into the run's record as it is.
        style_cache: keeps what was encoded of the styles for later runs that are given the same one.
        **options: any field of `dst.config` by name, such as `size=256`, `seed=1`, `alpha=4`, `protect="mask.png"`.

    Returns:
        The Result; where matches are too poor to bend anything, that of plain style transfer, and its record says so.

    Raises:
        InputError: an input or an option that cannot be used, or two that contradict each other.
    """
    config = StylizeConfig.from_options(preset, **options)
    check_number("checkpoint_every", checkpoint_every, 0, None)
    steer.check_handles(config, len(prepare.style_list(style)), warp, points)
    if run_dir is not None:
        checkpoint.claim(run_dir, force)
    clock = _Clock(on_stage)
    with clock.stage("read"):
        inputs = prepare.read_inputs(content, style, config)
        given = None if points is None else matching.read_points(points, inputs.content.size, inputs.partner.size)
        encoder = shared_encoder(config)
        for name in read_layers(config.optimize.layers):
            check_choice("layer", name, encoder.layers)
    with clock.stage("match"):
        plan = matching.plan_warp(inputs, given, warp, encoder, config)
    with clock.stage("warp"):
        job = _job(inputs, plan, config, preset, notes or {})
        if config.steer.color_only:
            optimization, state = None, prepare.recolored(job)
        else:
            optimization = Optimization(job.problem, encoder, config.optimize, config.seed, cache=style_cache)
            state = optimization.state
    keeper = None if run_dir is None else Keeper(run_dir, checkpoint_every, job, encoder, clock.seconds)
    return _paint(job, optimization, state, encoder, clock, on_step, keeper)


def _paint(
    job: Job,
    optimization: Optimization | None,
    state: State,
    encoder: Encoder,
    clock: _Clock,
    on_step,
    keeper: Keeper | None,
) -> Result:
    """Run what is left of the optimisation and make the Result."""
    with clock.stage("optimize"):
        if keeper is not None and optimization is not None:
            keeper.write(state)
            on_step = keeper.watch(on_step)
        if optimization is not None:
            state = optimization.run(on_step)
    with clock.stage("finish"):
        finished = prepare.finish_warp(job, state)
        matches = matching.from_table(job.points, job.content_size, job.partner_size)
        pictures = job.picture, job.style if job.partner is None else job.partner
        drawn = None if matches is None else matching.draw(matches, *pictures)
        result = prepare.make_result(job, state, finished.warp, matches, drawn)
        result.figures = _figures()
        wanted = prepare.targets(job, finished.warp)
        ends = np.column_stack([(finished.warp.source * max(job.content_size) - 0.5), wanted])
        card = score.scorecard(result, encoder, ends if len(ends) else None)
    result.record = make_record(result, job, encoder, finished.factor, wanted, card, state.stopped, clock.seconds)
    if keeper is not None:
        keeper.publish(result, state)
    return result


def resume(
    run: Any,
    *,
    size: int | None = None,
    content: Any = None,
    style: Any = None,
    on_step: Callable[[Step], object] | None = None,
    on_stage: Report | None = None,
    checkpoint_every: float = EVERY,
) -> Result:
    """Go on where a run stopped, or take a finished one to a larger size.

    On the CPU, a run that was stopped or killed and resumed ends with the same bytes as one that never stopped. The
    folder needs no original picture for that. A larger `size` does: the content and the styles are read again from
    where they were, or from `content` and `style`.

    Args:
        run: the folder that `stylize(..., run_dir=...)` kept.
        size: long side of the result in pixels, larger than the run's; None to finish at its own size.
        content, style: where the pictures are now, if they moved or were not files.
        on_step, on_stage, checkpoint_every: as for `stylize`.

    Returns:
        The Result; the folder holds it too. A run that is finished already is read back.

    Raises:
        InputError: no run there, a damaged, foreign or newer one; a size that is not larger; originals that are gone or
            have changed; an encoder with other weights.
    """
    check_number("checkpoint_every", checkpoint_every, 0, None)
    clock = _Clock(on_stage)
    with clock.stage("read"):
        clear_left(run)
        found = checkpoint.read(run)
        job, state = found["job"], found["state"]
        clock.seconds = {**found["seconds"], **clock.seconds}
        done = state.scale >= len(schedule(max(job.picture.shape[-2:]), job.config.optimize)) and not state.stopped
        if size is None and done and (Path(run) / "run.json").exists():
            return load_run(run)
        encoder = shared_encoder(job.config)
        if encoder.sha256 != found["encoder"]["sha256"]:
            raise InputError(
                f"{run} was made with other weights of {found['encoder']['name']}: put those back in their place, or make the run again"
            )
    with clock.stage("warp"):
        if size is not None and size != job.config.size:
            job, state, optimization = _larger(run, job, state, encoder, size, content, style, done)
        elif job.config.steer.color_only:
            optimization = None
        else:
            problem, settings = job.problem, job.config.optimize
            optimization = Optimization(problem, encoder, settings, job.config.seed, state)
    keeper = Keeper(run, checkpoint_every, job, encoder, clock.seconds, found["film"])
    return _paint(job, optimization, state, encoder, clock, on_step, keeper)


def _larger(run: Any, job: Job, state: State, encoder: Encoder, size: int, content: Any, style: Any, done: bool):
    """The job at a larger size, the state that it starts from, and its optimisation."""
    old = job.config.size
    check_number("size", size, 32, 8192, whole=True)
    if size < old:
        raise InputError(f"size is {size}, but {run} is of {old} pixels: give a larger one, or make a new run")
    if not done:
        raise InputError(f"{run} is not finished at {old} pixels: resume it without a size first")
    job = prepare.resized(run, job, size, content, style)
    if job.config.steer.color_only:
        return job, prepare.recolored(job), None
    optimization = prepare.enlarged(job, state, encoder, old)
    return job, optimization.state, optimization


def shared_encoder(config: StylizeConfig) -> Encoder:
    """The encoder of a config; the last one is kept, so that a second run with it starts at once."""
    stamp = None
    if config.weights is not None and os.path.exists(config.weights):
        stamp = os.stat(config.weights).st_mtime_ns
    return _encoder(config.encoder, None if config.weights is None else str(config.weights), config.device, stamp)


@functools.lru_cache(maxsize=1)
def _encoder(name: str, weights: str | None, device: str, stamp: int | None) -> Encoder:
    return load_encoder(name, weights, device)


def match(content: Any, style: Any, *, preset: str = "default", **options: Any) -> tuple[Any, str]:
    """Match two pictures with the encoder of a config.

    Args:
        content, style: as for `stylize`, one style.
        preset, options: as for `stylize`; those of matching and of the encoder, `seed`, `pins` and `drop` matter.

    Returns:
        Matches in pixels of the displayed images, and one sentence on whether they can be relied on.

    Raises:
        InputError: an input or an option that cannot be used.
    """
    config = StylizeConfig.from_options(preset, **options)
    content_image, style_image = imaging.read(content), imaging.read(style)
    matches = matching.find_matches(content_image, style_image, shared_encoder(config), config)
    return matching.edit(matches, config), matching.judge(matches, config)[1]


def _job(inputs: prepare.Inputs, plan: matching.Plan, config: StylizeConfig, preset: str, notes: dict[str, Any]) -> Job:
    content, fitted = inputs.content, plan.fitted
    side = max(imaging.fit_size(content.size, config.size))
    points = matching.to_table(plan.matches)
    return Job(
        config=config,
        preset=preset,
        inputs=inputs.record,
        content_size=content.size,
        picture=imaging.resize(content.rgb, config.size),
        alpha=None if content.alpha is None else imaging.resize(content.alpha, config.size),
        style=imaging.resize(inputs.styles[0].rgb, side),
        partner=None if inputs.geometry is None else imaging.resize(inputs.geometry.rgb, side),
        points=points,
        partner_size=inputs.partner.size,
        pins=plan.pins,
        verdict=plan.verdict,
        mask=inputs.mask if fitted is not None else None,
        rigid=np.zeros(0, int) if fitted is None else np.array(fitted.warp.rigid),
        kept=1.0 if fitted is None else fitted.kept,
        problem=prepare.make_problem(inputs, config, fitted, points),
        notes=notes,
    )


def _figures() -> dict[str, Callable[[Result], Any]]:
    from dst import plots

    return dict(plots.RUN_FIGURES)


def load_run(folder: Any) -> Result:
    """Read a run's folder back, with its matches.

    Raises:
        InputError: no run there, an unfinished or damaged one, or one made by a newer version.
    """
    if (Path(folder) / checkpoint.NAME).exists() and not (Path(folder) / "run.json").exists():
        raise InputError(f"{folder} holds a run that is not finished: go on with it by `dst resume {folder}`")
    result = Result.load(folder)
    result.figures = _figures()
    try:
        found = result.record["matches"]
        if found["content_size"] is None:
            return result
        rows = np.array(found["points"], dtype=np.float64).reshape(-1, 5)
        result.matches = matching.from_table(rows, found["content_size"], found["style_size"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder}/run.json is damaged ({error}): make the run again") from error
    return result


def run_frames(folder: Any, hold: int = 12) -> Iterator[np.ndarray]:
    """The frames of a finished run's film, step by step: `write_film` takes them.

    The folder keeps at most 60 pictures, evenly spread over the steps, of at most 256 pixels.

    Args:
        folder: of a run that was made with `run_dir`.
        hold: how often the last frame, the result, comes.

    Returns:
        (H, W, 3) uint8 each.

    Raises:
        InputError: as `load_run`; a run that kept no pictures of its steps.
    """
    result = load_run(folder)
    if not (Path(folder) / checkpoint.NAME).exists():
        raise InputError(f"{folder} kept no pictures of its steps: give the folder of a run that was made with --run")
    found = checkpoint.read(folder)
    if not found["film"].shots:
        raise InputError(f"{folder} holds no pictures of its steps: `dst morph` films the way to any result")
    return found["film"].frames(result, hold=hold, source=found["job"].problem.source.cpu().numpy())


def warp_image(source: Any, *, run: Any = None, points: Any = None, style_size=None, strength: float = 1.0):
    """Bend any picture, at its own size, by a finished run's warp or straight from keypoints.

    Args:
        source: as for `stylize`.
        run: a run's folder; its warp is stretched to the picture.
        points: keypoints as for `stylize`; the style points are brought into the content's frame by a similarity.
        style_size: (W, H) of the image that the style points refer to, to check them; None where unknown.
        strength: factor on the displacements.

    Returns:
        (Image, factor): the bent picture, with alpha and depth as they came, and how far the displacements had to be
        reduced so that nothing folds (1.0: not at all).

    Raises:
        InputError: a picture, a run or points that cannot be used; both or neither of `run` and `points`.
    """
    image = imaging.read(source)
    if (run is None) == (points is None):
        raise InputError("give a run or points to bend by: one of the two")
    check_number("strength", strength, 0, 3)
    if run is not None:
        read_record(run)
        warp = Warp.load(Path(run) / "warp.json")
    else:
        matches = matching.read_points(points, image.size, style_size)
        warp = Warp.fit(matches.content, matching.align(matches, 0), image.size)
    warp, factor = warp.with_strength(strength * warp.strength).unfold()
    bent = warp.apply(image.rgb).clamp(0, 1)
    alpha = None if image.alpha is None else warp.apply(image.alpha).clamp(0, 1)
    return imaging.Image(bent, alpha, image.depth, image.name), factor


__all__ = ["load_run", "match", "resume", "run_frames", "stylize", "warp_image"]
