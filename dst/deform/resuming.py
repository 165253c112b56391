"""A run in a folder: read back, resumed, taken to a larger size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from dst import runtime
from dst.config import InputError, check_number
from dst.deform.finish import unoptimised
from dst.deform.guidance import check_call
from dst.deform.inputs import encoder_of
from dst.deform.larger import enlarged, resized
from dst.deform.painting import EVERY, Clock, Report, figures, make_loop, paint
from dst.features import Encoder
from dst.optim.loop import schedule
from dst.optim.state import State, Step
from dst.runs import checkpoint
from dst.runs.folder import clear_left, held
from dst.runs.job import Job
from dst.runs.keeper import Keeper
from dst.runs.progress import Bar
from dst.runs.record import output_of, read_record
from dst.runs.result import Result


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
    with the number of threads that it was begun with. That needs no original image. A larger `size` does: the content and the
    styles are read again from where they were, or from `content` and `style`.

    Args:
        run: the folder that `stylize(..., run_dir=...)` kept; for a finished run at its own size
            also one that `Result.save` wrote, which keeps no checkpoint.
        size: long side of the result in pixels, larger than the run's; None to finish at its own size.
        content, style: where the images are now, if they moved or were not files.
        on_step, on_stage, checkpoint_every, progress: as for `stylize`.

    Returns:
        The Result; the folder holds it too. A run that is finished already is read back.

    Raises:
        InputError: no run there, a damaged, foreign or newer one; a size that is not larger; originals that are gone or
            have changed; an encoder with other weights; another process that makes the run just now.
        OSError: as for `stylize`.
    """
    check_call(run, False, on_step, on_stage, checkpoint_every, None, progress)
    with held(run), Bar(progress) as bar:
        clock, on_step = Clock(on_stage, bar.on_stage), bar.watch(on_step)
        with clock.stage("read"):
            clear_left(run)
            if not checkpoint.is_kept(run) and (Path(run) / "run.json").exists():
                return _saved(run, size)
            kept = checkpoint.read(run)
            kept = replace(kept, job=_remembering(run, kept.job))
            clock.seconds = {**kept.seconds, **clock.seconds}
        with runtime.computing(kept.job.threads):
            return _resume(run, kept, size, content, style, clock, on_step, checkpoint_every)


def _resume(run: Any, kept: checkpoint.Kept, size: int | None, content: Any, style: Any, clock: Clock, on_step, every):
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
            loop = make_loop(job, encoder, state) if job.config.paints else None
    keeper = Keeper(run, every, job, encoder, clock.seconds, kept.frames)
    return paint(job, loop, state, encoder, clock, on_step, keeper)


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
        return job, unoptimised(job), None
    loop = enlarged(job, state, encoder, old)
    return job, loop.state, loop


def load_run(folder: Any) -> Result:
    """Read a run's folder back.

    Raises:
        InputError: no run there, an unfinished or damaged one, or one made by a newer version.
    """
    with runtime.computing():
        result = Result.load(folder)
    result.figures = figures()
    return result
