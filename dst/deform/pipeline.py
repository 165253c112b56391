"""From images to a Result: read, match, warp, optimise, finish."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from correspondence.matches import Matches
from dst import imaging, runtime
from dst.config import StylizeConfig, named_options, option_files
from dst.config.kinds import Switch
from dst.deform import matching, network
from dst.deform.edits import check_pins, check_pins_move
from dst.deform.finish import unoptimised
from dst.deform.fitting import point_weights
from dst.deform.guidance import check_call, check_guidance, check_layers
from dst.deform.inputs import Inputs, encoder_of, make_scene, read_inputs, style_list
from dst.deform.painting import EVERY, Clock, Report, make_loop, paint
from dst.features import Encoder
from dst.methods.targets import StyleCache
from dst.optim.state import Step
from dst.runs.folder import claimed
from dst.runs.job import Job
from dst.runs.keeper import Keeper
from dst.runs.progress import Bar
from dst.runs.result import Result


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
    metrics: bool = True,
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
        force: replace the run that `run_dir` holds; never an input, nor a run that another process is making.
        checkpoint_every: seconds between two checkpoints; 0 for one after each step.
        notes: a dict of text, numbers, and lists and dicts of them, which goes into the run's record.
        style_cache: keeps what was encoded of the styles for later runs that are given the same one.
        metrics: measure the result for its record, which takes some tenths of a second; False leaves `metrics` there None.
        progress: show a bar; None shows one in a notebook.
        **options: any field of `dst.config` by name, such as `size=256`, `seed=1`, `alpha=4`, `rigid_mask="mask.png"`.

    Returns:
        The Result; where matches are too poor to warp anything, that of plain style transfer, and its record says so.

    Raises:
        InputError: an input or an option that cannot be used, or two that contradict each other.
        OSError: `run_dir` cannot be written, for the disk is full or fails. Where that shows only when the run has come to
            its end, the error's `result` is the Result.
    """
    config = StylizeConfig.from_options(preset, **options)
    Switch().check("metrics", metrics)
    notes = check_call(run_dir, force, on_step, on_stage, checkpoint_every, notes, progress)
    check_guidance(config, len(style_list(style)), warp, points, options)
    sources = (content, *style_list(style), points, *option_files(named_options(options)))
    with claimed(run_dir, force, sources), runtime.computing(config.threads) as threads, Bar(progress) as bar:
        clock, on_step = Clock(on_stage, bar.on_stage), bar.watch(on_step)
        with clock.stage("read"):
            inputs, found, encoder = gather(content, style, points, config)
        with clock.stage("match"):
            plan = matching.plan_warp(inputs, found, warp, encoder, config)
        with clock.stage("warp"):
            given = {"warp": bool(warp), "points": _named(points)}
            made = {"threads": threads, "precision": runtime.precision_of(config.precision, config.device)}
            job = _job(inputs, plan, config, preset=preset, notes=notes, given=given, **made)
            if config.paints:
                loop = make_loop(job, encoder, cache=style_cache)
                state = loop.state
            else:
                loop, state = None, unoptimised(job)
        keeper = None if run_dir is None else Keeper(run_dir, checkpoint_every, job, encoder, clock.seconds)
        return paint(job, loop, state, encoder, clock, on_step, keeper, bool(metrics))


def gather(content: Any, style: Any, points: Any, config: StylizeConfig) -> tuple[Inputs, Matches | None, Encoder]:
    """What a run is made of, read and checked: its images and masks, the points that were given, the encoder.

    Args:
        content, style, points: as for `stylize`.
        config: the options of the run.

    Raises:
        InputError: as `stylize`.
    """
    network.check_model(config, len(style_list(style)))
    inputs = read_inputs(content, style, config)
    pins = np.array(config.guidance.pins or ())
    check_pins(pins, inputs.content.size, inputs.partner.size)
    check_pins_move(pins, inputs.mask)
    found = None if points is None else matching.read_points(points, inputs.content.size, inputs.partner.size)
    encoder = encoder_of(config)
    check_layers(config, encoder, inputs.content.size, [image.size for image in inputs.styles])
    return inputs, found, encoder


def _job(inputs: Inputs, plan: matching.Plan, config: StylizeConfig, **others: Any) -> Job:
    """What is to be optimised, of what was read and matched; `others` are fields of the job as they are."""
    content, style, geometry, fitted = inputs.content, inputs.styles[0], inputs.geometry, plan.fitted
    side = max(imaging.fit_size(content.size, config.size))
    warp = None if fitted is None else fitted.warp
    weights = None if fitted is None else point_weights(fitted.warp, plan.matches)
    return Job(
        config=config,
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
        **others,
    )


def _named(points: Any) -> str | None:
    """The file that points came from; the name of their type where they came from none."""
    if points is None:
        return None
    return os.path.abspath(points) if isinstance(points, (str, os.PathLike)) else f"<{type(points).__name__}>"


__all__ = ["stylize"]
