"""From images to a Result: read, match, warp, optimise, finish; and what can be done with a run afterwards."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import correspondence
from correspondence.matches import Matches
from dst import imaging, runtime
from dst.config import InputError, StylizeConfig, WarpConfig, check_number, counted
from dst.deform import matching
from dst.deform.edits import check_pins
from dst.deform.finish import final_warp, make_result, recolored, target_points
from dst.deform.fitting import fit_warp, point_weights
from dst.deform.guidance import check_call, check_guidance, check_layers
from dst.deform.inputs import Inputs, make_scene, read_inputs, style_list
from dst.deform.larger import enlarged, resized
from dst.deform.objective import DeformProblem
from dst.evaluate.metrics import metrics
from dst.features import Encoder, cached_encoder
from dst.methods.targets import StyleCache
from dst.optim.loop import Loop, schedule
from dst.optim.state import State, Step
from dst.runs import checkpoint
from dst.runs.checkpoint import Keeper
from dst.runs.estimate import layers_of, memory_needed
from dst.runs.folder import claim, clear_left
from dst.runs.job import Job
from dst.runs.progress import Bar
from dst.runs.record import make_record, output_of, read_record
from dst.runs.result import Result
from dst.warp import Warp, to_pixels

log = logging.getLogger(__name__)
logging.getLogger("dst").addHandler(logging.NullHandler())  # who uses the library decides what is shown
Report = Callable[[str, str], None]
EVERY = 30.0
"""Seconds between two checkpoints."""


class _Clock:
    """Seconds spent in each stage, and the word given to its subscribers at the start and the end of each."""

    def __init__(self, *subscribers: Report | None) -> None:
        self.subscribers = [tell for tell in subscribers if tell is not None]
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str):
        for tell in self.subscribers:
            tell(name, "start")
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
        for tell in self.subscribers:
            tell(name, "end")
        log.info("%s: %.1f s", name, self.seconds[name])


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
    progress: bool | None = None,
    **options: Any,
) -> Result:
    """Warp a photograph towards a painting's shapes and paint it in its strokes.

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
        progress: show a bar; None shows one in a notebook.
        **options: any field of `dst.config` by name, such as `size=256`, `seed=1`, `alpha=4`, `rigid_mask="mask.png"`.

    Returns:
        The Result; where matches are too poor to warp anything, that of plain style transfer, and its record says so.

    Raises:
        InputError: an input or an option that cannot be used, or two that contradict each other.
    """
    config = StylizeConfig.from_options(preset, **options)
    check_call(run_dir, force, on_step, on_stage, checkpoint_every, notes)
    check_guidance(config, len(style_list(style)), warp, points, options)
    if run_dir is not None:
        claim(run_dir, force)
    with runtime.computing(config.threads) as threads, Bar(progress) as bar:
        clock, on_step = _Clock(on_stage, bar.on_stage), bar.watch(on_step)
        with clock.stage("read"):
            inputs = read_inputs(content, style, config)
            check_pins(np.array(config.guidance.pins or ()), inputs.content.size, inputs.partner.size)
            given = None if points is None else matching.read_points(points, inputs.content.size, inputs.partner.size)
            encoder = encoder_of(config)
            check_layers(config, encoder, inputs.content.size, [image.size for image in inputs.styles])
        with clock.stage("match"):
            plan = matching.plan_warp(inputs, given, warp, encoder, config)
        with clock.stage("warp"):
            job = _job(inputs, plan, config, preset, notes or {}, threads)
            if config.paints:
                loop = _loop(job, encoder, cache=style_cache)
                state = loop.state
            else:
                loop, state = None, recolored(job)
        keeper = None if run_dir is None else Keeper(run_dir, checkpoint_every, job, encoder, clock.seconds)
        return _paint(job, loop, state, encoder, clock, on_step, keeper)


def _job(
    inputs: Inputs, plan: matching.Plan, config: StylizeConfig, preset: str, notes: dict[str, Any], threads: int
) -> Job:
    content, style, geometry, fitted = inputs.content, inputs.styles[0], inputs.geometry, plan.fitted
    side = max(imaging.fit_size(content.size, config.size))
    warp = None if fitted is None else fitted.warp
    weights = None if fitted is None else point_weights(fitted.warp, plan.matches)
    return Job(
        config=config,
        preset=preset,
        inputs=inputs.record,
        content_size=content.size,
        content=imaging.resize(content.rgb, config.size, content.size),
        alpha=None if content.alpha is None else imaging.resize(content.alpha, config.size, content.size),
        style=imaging.resize(style.rgb, side, style.size),
        geometry=None if geometry is None else imaging.resize(geometry.rgb, side, geometry.size),
        matches=plan.matches,
        verdict=plan.verdict,
        mask=inputs.mask if fitted is not None else None,
        kept=1.0 if fitted is None else fitted.kept,
        softened=1.0 if fitted is None else fitted.softened,
        scene=make_scene(inputs, config, warp, weights),
        threads=threads,
        notes=notes,
    )


def _loop(job: Job, encoder: Encoder, state: State | None = None, cache: StyleCache | None = None) -> Loop:
    config = job.config
    return Loop(
        DeformProblem(job.scene, encoder, config.optimize, config.seed, cache), config.optimize, config.seed, state
    )


def _paint(
    job: Job, loop: Loop | None, state: State, encoder: Encoder, clock: _Clock, on_step, keeper: Keeper | None
) -> Result:
    """Run what is left of the optimisation and make the Result."""
    if log.isEnabledFor(logging.DEBUG):
        _tell(job, loop, encoder)
    with clock.stage("optimize"):
        if keeper is not None and loop is not None:
            keeper.write(state)
            on_step = keeper.watch(on_step)
        if loop is not None:
            state = loop.run(on_step)
    with clock.stage("finish"):
        warp, factor = final_warp(job, state)
        images = job.content, job.style if job.geometry is None else job.geometry
        drawn = None if job.matches is None else matching.draw_matches(job.matches, *images)
        result = make_result(job, state, warp, drawn)
        result.figures = _figures()
        wanted = target_points(job, warp)
        crossed = correspondence.crossing_share(to_pixels(warp.source, job.content_size), wanted)
        measured = metrics(result, encoder, crossed)
    result.record = make_record(result, job, encoder, factor, wanted, measured, state.stopped, clock.seconds)
    if keeper is not None:
        keeper.publish(result, state)
    return result


def _tell(job: Job, loop: Loop | None, encoder: Encoder) -> None:
    """Log what is about to be done: sizes, matches, scales and what they will take."""
    height, width = job.content.shape[-2:]
    log.debug("content of %d x %d pixels, painted at %d x %d", *job.content_size, width, height)
    log.debug("%s: %s", counted(0 if job.matches is None else len(job.matches), "point"), job.verdict)
    for scale in () if loop is None else schedule((width, height), job.config.optimize):
        log.debug("scale of %d x %d pixels, %s", *scale.size, counted(scale.steps, "step"))
    warps = job.scene.warp is not None
    needed = memory_needed(encoder, (width, height), layers_of(encoder, job.config), warps)
    log.debug("about %.1f GB of memory at most", needed / 1e9)


def resume(
    run: Any,
    *,
    size: int | None = None,
    content: Any = None,
    style: Any = None,
    on_step: Callable[[Step], object] | None = None,
    on_stage: Report | None = None,
    checkpoint_every: float = EVERY,
    progress: bool | None = None,
) -> Result:
    """Go on where a run stopped, or take a finished one to a larger size.

    On the CPU, a run that was stopped or killed and resumed ends with the same bytes as one that never stopped: it goes on
    with the number of threads that it was begun with. The folder needs no original image for that. A larger `size` does: the content and the styles are read again from
    where they were, or from `content` and `style`.

    Args:
        run: the folder that `stylize(..., run_dir=...)` kept; for a finished run also one that `Result.save` wrote.
        size: long side of the result in pixels, larger than the run's; None to finish at its own size.
        content, style: where the images are now, if they moved or were not files.
        on_step, on_stage, checkpoint_every, progress: as for `stylize`.

    Returns:
        The Result; the folder holds it too. A run that is finished already is read back.

    Raises:
        InputError: no run there, a damaged, foreign or newer one; a size that is not larger; originals that are gone or
            have changed; an encoder with other weights.
    """
    check_call(run, False, on_step, on_stage, checkpoint_every, None)
    with Bar(progress) as bar:
        clock, on_step = _Clock(on_stage, bar.on_stage), bar.watch(on_step)
        with clock.stage("read"):
            clear_left(run)
            if not checkpoint.is_kept(run) and (Path(run) / "run.json").exists():
                return _saved(run, size)
            kept = checkpoint.read(run)
            kept = replace(kept, job=_remembering(run, kept.job))
            clock.seconds = {**kept.seconds, **clock.seconds}
        with runtime.computing(kept.job.threads):
            return _resume(run, kept, size, content, style, clock, on_step, checkpoint_every)


def _resume(run: Any, kept: checkpoint.Kept, size: int | None, content: Any, style: Any, clock: _Clock, on_step, every):
    """The rest of `resume`, once the checkpoint is read."""
    job, state = kept.job, kept.state
    height, width = job.content.shape[-2:]
    done = state.scale >= len(schedule((width, height), job.config.optimize)) and not state.stopped
    if size is None and done and (Path(run) / "run.json").exists():
        return load_run(run)
    with clock.stage("warp"):
        try:
            encoder = encoder_of(job.config)
        except InputError as error:
            raise InputError(f"the encoder of {run} cannot be had ({error})") from error
        for name in job.config.optimize.layers or ():
            if name not in encoder.layers:
                raise InputError(
                    f"{run}/{checkpoint.NAME} is damaged (no layer is called {name!r}): make the run again"
                )
        if encoder.sha256 != kept.encoder["sha256"]:
            raise InputError(
                f"{run} was made with other weights of {kept.encoder['name']}: put those back in their place, or make the run again"
            )
        kept = checkpoint.on_device(kept)
        job, state = kept.job, kept.state
        if size is not None and size != job.config.size:
            job, state, loop = _larger(run, job, state, encoder, size, content, style, done)
        else:
            loop = _loop(job, encoder, state) if job.config.paints else None
    keeper = Keeper(run, every, job, encoder, clock.seconds, kept.frames)
    return _paint(job, loop, state, encoder, clock, on_step, keeper)


def _saved(run: Any, size: int | None) -> Result:
    """A run without a checkpoint, which is finished or lost."""
    result, again = load_run(run), "make it again with run_dir= (--run), which keeps one"
    if result.record["stopped"]:
        raise InputError(f"{run} was stopped and has no checkpoint to go on from: {again}")
    if size is not None and size != max(result.record["size"]):
        raise InputError(f"{run} has no checkpoint, which another size needs: {again}")
    return result


def _remembering(run: Any, job: Job) -> Job:
    """The job with the file that its image was last written to; only a record says what its digest was."""
    try:
        output = output_of(read_record(run))
    except InputError:
        return job
    return job if output is None else replace(job, notes={**job.notes, "output": output})


def _larger(run: Any, job: Job, state: State, encoder: Encoder, size: int, content: Any, style: Any, done: bool):
    """The job at a larger size, the state that it starts from, and its loop."""
    old = job.config.size
    size = check_number("size", size, 32, 8192, whole=True)
    if size < old:
        raise InputError(f"size is {size}, but {run} is of {old} pixels: give a larger one, or make a new run")
    if not done:
        raise InputError(f"{run} is not finished at {old} pixels: resume it without a size first")
    job = resized(run, job, size, content, style)
    if not job.config.paints:
        return job, recolored(job), None
    loop = enlarged(job, state, encoder, old)
    return job, loop.state, loop


def encoder_of(config: StylizeConfig) -> Encoder:
    """The encoder of a config; the last one is kept, so that a second run with it starts at once."""
    return cached_encoder(config.encoder, config.weights, config.device)


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
    config = StylizeConfig.from_options(preset, **options)
    images = [imaging.read(source, side=config.match.match_size) for source in (content, style)]
    check_pins(np.array(config.guidance.pins or ()), *(image.size for image in images))
    with runtime.computing(config.threads):
        found = matching.find_matches(*images, encoder_of(config), config)
    matches, _, verdict = matching.edited(found, config)
    return matches, verdict


def load_run(folder: Any) -> Result:
    """Read a run's folder back.

    Raises:
        InputError: no run there, an unfinished or damaged one, or one made by a newer version.
    """
    result = Result.load(folder)
    result.figures = _figures()
    return result


def _figures() -> dict[str, Callable[[Result], Any]]:
    from dst.viz.figures import RUN_FIGURES  # brings matplotlib

    return dict(RUN_FIGURES)


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
    image = imaging.read(source)
    if (run is None) == (points is None):
        raise InputError("give a run or points to warp by: one of the two")
    strength = check_number("strength", strength, 0, 3)
    if run is not None:
        read_record(run)
        warp = Warp.load(Path(run) / "warp.json")
    else:
        matches = matching.read_points(points, image.size, style_size)
        weights = WarpConfig()
        fitted = fit_warp(matches, strength, weights.beta, weights.gamma)
        return fitted.warp.apply(image), fitted.kept
    warp, factor = warp.with_strength(strength * warp.strength).unfold()
    return warp.apply(image), factor


__all__ = ["load_run", "match", "resume", "stylize", "warp_image"]
