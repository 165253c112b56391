"""What the commands that make runs share: the estimate, the watch over a run, what is written and said at its end."""

from __future__ import annotations

import os
import time
from typing import Any

from dst.cli.progress import Interrupt, Progress, say
from dst.config import InputError
from dst.files import check_output

ANIMATIONS = (".gif", ".mp4")
"""What an animation's file name may end in."""


def make(args: Any, content: Any, style: Any, notes: dict[str, Any] | None = None) -> int:
    """Make a run as the arguments of `stylize` and `demo` ask for; return the exit code."""
    from dst.config import StylizeConfig
    from dst.deform import pipeline
    from dst.runs.folder import check_folder
    from dst.runs.frames import Recorder
    from dst.viz import animation

    began = time.perf_counter()
    if args.run:
        check_folder(args.run, args.force)
    if args.run and args.output:
        notes = {**(notes or {}), "output": {"path": os.path.abspath(args.output)}}
    config = StylizeConfig.from_options(args.preset, **args.options)
    config = _estimated(args, content, config)
    recorder = Recorder() if args.animate else None

    def work(progress: Progress, on_step: Any) -> Any:
        if recorder is not None:
            recorder.on_step, on_step = on_step, recorder
        return pipeline.stylize(
            content, style, preset=args.preset, points=args.points, warp=args.warp, run_dir=args.run,
            force=args.force, notes=notes, on_step=on_step, on_stage=progress.on_stage,
            **{**args.options, "size": config.size},
        )  # fmt: skip

    result, stopped = watched(args, content, config, work)
    write(args, result)
    if recorder is not None:
        animation.write_animation(args.animate, recorder.frames(result))
    if args.morph:
        animation.write_animation(args.morph, animation.morph(result))
    return finish(args, result, stopped, time.perf_counter() - began)


def write(args: Any, result: Any) -> None:
    """Write the image, where one was asked for, and note in the run's folder where it is."""
    from dst import imaging
    from dst.runs.record import note_output

    if args.output:
        imaging.write(args.output, result.image)
        if args.run:
            try:
                note_output(args.run, result.record, args.output)
            except (OSError, ValueError) as error:
                say(f"note: {args.run} does not say where the image was written ({error})")


def rewrite(args: Any, result: Any) -> None:
    """Bring the image up to date that an earlier command wrote with -o; one that was changed since stays as it is."""
    from dst.files import digest
    from dst.runs.record import output_of

    output = output_of(result.record)
    if output is None:
        return
    path, advice = output["path"], "-o FILE writes the new one"
    try:
        if digest(path) != output.get("sha256"):
            say(f"note: the image in {path} is not the one that this run wrote, so it stays as it is; {advice}")
            return
        check_output(path)
        args.output = path
        write(args, result)
    except (OSError, InputError) as error:
        args.output = None
        why = error.strerror if isinstance(error, OSError) else error
        say(f"note: the image of this run that was in {path} is not brought up to date ({why}); {advice}")


def _estimated(args: Any, content: Any, config: Any) -> Any:
    """Say what the run will cost; where memory would not do, say what size would, and with --fit take that size."""
    from dst import imaging
    from dst.deform.pipeline import encoder_of
    from dst.runs.estimate import estimate, largest_size

    size, encoder = imaging.read(content).size, encoder_of(config)
    expected = estimate(encoder, size, config, args.warp)
    if expected.fits:
        if not args.quiet:
            say(expected.sentence())
        return config
    fitting = largest_size(encoder, size, config, args.warp)
    if args.fit:
        say(f"{expected.sentence()}: too much, so the long side will be {fitting} pixels")
        return config.replace(size=fitting)
    say(f"{expected.sentence()}: that may fail; --size {fitting} would fit, and --fit takes the size that does")
    return config


def watched(args: Any, content: Any, config: Any, work: Any) -> tuple[Any, int]:
    """Do `work` under a progress bar; Ctrl-C or SIGTERM stops it at its next step. `config` is None where no step is left.

    Returns:
        Its result, and the exit code of the signal that stopped it, 0 for none.
    """
    from dst.optim.loop import schedule

    scales = [] if config is None else schedule((config.size, config.size), config.optimize)
    progress = Progress(args.quiet, [(scale.side, scale.steps) for scale in scales])
    with Interrupt() as interrupt:

        def on_step(step: Any) -> bool:
            progress.on_step(step)
            return interrupt.asked

        return work(progress, on_step), interrupt.code


def finish(args: Any, result: Any, stopped: int, seconds: float) -> int:
    """Print what the run came to; return the exit code, `stopped` where a signal ended the run."""
    from dst.runs.record import record_text

    if args.json:
        print(record_text(result.record))
    _report(args, result, seconds)
    if stopped:
        return stopped
    if result.record["stopped"]:
        say(f"error: {result.record['stopped']}")
        return 1
    return 0


def _report(args: Any, result: Any, seconds: float) -> None:
    """Say what the run thought of the matches, what it wrote and how long it took."""
    record = result.record
    warps = record["warp"]["points"] > 0
    if not args.quiet or (args.warp and not warps):
        verdict = record["matches"]["verdict"]
        say(verdict if "matches" in verdict else f"matches: {verdict}")
    if warps and record["warp"]["reduced_to"] < 0.995:
        say(f"the warp was reduced to {record['warp']['reduced_to']:.0%} so that nothing folds")
    if not args.quiet:
        width, height = record["size"]
        folder = f"{os.path.join(args.run, '')}" if args.run else None
        written = [name for name in (args.output, folder, args.animate, args.morph) if name]
        say(f"wrote {', '.join(written)} ({width} x {height} pixels) in {seconds:.1f} s")


def check_image(output: str, *inputs: str) -> None:
    """Refuse, before any work, an output that cannot be written or that is one of the inputs."""
    check_output(output)
    for given in inputs:
        if os.path.exists(output) and os.path.exists(given) and os.path.samefile(output, given):
            raise InputError(f"{output} is an input: writing there would destroy it; choose another name")


def run_options(args: Any) -> dict[str, Any]:
    """Keywords of `stylize` that the command line holds, without those of the command itself."""
    given = {**args.options, "preset": args.preset}
    if not args.warp:
        given["warp"] = False
    if getattr(args, "points", None) is not None:
        given["points"] = args.points
    return given
