"""Shared by the commands that make runs: the estimate, progress and interruption, what is written and printed at the end."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from correspondence.common import FULL
from dst.cli.parsing import as_flags
from dst.cli.progress import Interrupt, Overall, Progress
from dst.cli.rows import Command
from dst.cli.streams import STDOUT, check_open, put, say
from dst.config import InputError, counted, option_files
from dst.files import check_output

OUTPUTS = (
    "--output",
    "--run",
    "--animate",
    "--morph",
    "--strip",
    "--save-points",
    "--save-config",
    "--csv",
    "--plot",
    "--cuts",
)
"""Flags of what a command writes."""


def make(args: Any, content: Any, style: Any, notes: dict[str, Any] | None = None) -> int:
    """Make a run as the arguments of `stylize` and `demo` ask for; return the exit code."""
    from dst.config import StylizeConfig
    from dst.deform import pipeline
    from dst.runs.folder import check_folder, check_inputs
    from dst.runs.frames import Recorder

    began = time.perf_counter()
    if args.run:
        check_folder(args.run, args.force)
        styles = style if isinstance(style, list) else [style]
        check_inputs(args.run, (content, *styles, args.points, *option_files(args.options)))
    if args.run and args.output and args.output != STDOUT:
        notes = {**(notes or {}), "output": {"path": os.path.abspath(args.output)}}
    config = StylizeConfig.from_options(args.preset, **args.options)
    config, args.expected = _estimated(args, content, config)
    args.options["size"] = config.size
    recorder = Recorder() if args.animate else None

    def work(progress: Progress, on_step: Any) -> Any:
        if recorder is not None:
            recorder.on_step, on_step = on_step, recorder
        return pipeline.stylize(
            content, style, preset=args.preset, points=args.points, warp=args.warp, run_dir=args.run,
            force=args.force, notes=notes, on_step=on_step, on_stage=progress.on_stage,
            metrics=bool(args.run or args.json), **args.options,
        )  # fmt: skip

    try:
        result, stopped, lost = kept(args, content, config, work)
    except OSError as error:  # the folder's, before the first step: what else was asked for is made without it
        if not args.run or error.filename != args.run or not (args.output or args.animate or args.morph):
            raise
        say(f"note: {args.run}: {error.strerror}; the run is made without its folder")
        args.run, lost = None, error
        result, stopped, _ = kept(args, content, config, work)
    _keep(args, result, recorder)
    return finish(args, result, stopped, time.perf_counter() - began, lost)


def kept(args: Any, content: Any, config: Any, work: Any) -> tuple[Any, int, OSError | None]:
    """As `watched`, and for a run that was done when its folder could not be written.

    Returns:
        The result, the exit code, and why the run is not in its folder: None where it is, or has none.
    """
    from dst.runs.keeper import NotKept

    try:
        return *watched(args, content, config, work), None
    except NotKept as error:
        args.run = None
        return error.result, 0, error


def _keep(args: Any, result: Any, recorder: Any) -> None:
    """Write the image and the animations; standard output last, since a reader that has gone must not cost the files."""
    from dst import viz

    last = args.output == STDOUT
    if not last:
        write(args, result)
    try:
        if recorder is not None:
            viz.animation.write_animation(args.animate, recorder.frames(result))
        if args.morph:
            viz.animation.write_animation(args.morph, viz.animation.morph(result))
    finally:
        if last:
            write(args, result)


def write(args: Any, result: Any) -> None:
    """Write the image, where one was asked for, and note in the run's folder where it is."""
    if not args.output:
        return
    write_image(args.output, result.image)
    if args.run and args.output != STDOUT:
        from dst.runs.record import note_output

        try:
            note_output(args.run, result.record, args.output)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            say(f"note: {args.run} does not say where the image was written ({why})")


def rewrite(args: Any, result: Any) -> None:
    """Bring the image up to date that an earlier command wrote with -o; one that was changed since stays as it is."""
    from dst.files import digest
    from dst.runs.record import output_of

    output = output_of(result.record)
    if output is None:
        return
    path, advice = output["path"], "-o FILE writes the new one"
    new = "sha256" not in output and not os.path.lexists(path)  # of a run that was killed before it wrote its image
    try:
        if not new and digest(path) != output.get("sha256"):
            say(f"note: the image in {path} is not the one that this run wrote, so it stays as it is; {advice}")
            return
        check_output(path)
        args.output = path
        write(args, result)
    except (OSError, InputError) as error:
        args.output = None
        if getattr(error, "errno", None) in FULL:
            raise
        why = error.strerror if isinstance(error, OSError) else error
        say(f"note: the image of this run that was in {path} is not brought up to date ({why}); {advice}")


def write_image(output: str, rgb: Any, alpha: Any = None, depth: int = 8) -> None:
    """Write an image to a file, or as PNG to standard output; arguments as `dst.imaging.encode` takes them."""
    from dst import imaging

    if output == STDOUT:
        put(imaging.encode(rgb, alpha, depth=depth))
    else:
        imaging.write(output, rgb, alpha, depth)


def _estimated(args: Any, content: Any, config: Any) -> tuple[Any, str]:
    """What the run will cost; where memory would not do, say what size would, and with --fit take that size.

    Returns:
        The config of the run, and a line to be said when its inputs have been read; empty where it was said.
    """
    from dst import imaging
    from dst.deform.inputs import encoder_of
    from dst.runs.estimate import estimate, largest_size

    size = imaging.displayed_size(content) or imaging.read(content, side=config.size).size
    encoder = encoder_of(config)
    expected = estimate(encoder, size, config, args.warp, not args.quiet)
    if expected.fits:
        return config, expected.sentence()
    fitting = largest_size(encoder, size, config, args.warp)
    if args.fit:
        say(f"{expected.sentence()}; that is too much, so the long side will be {fitting} pixels")
        return config.replace(size=fitting), ""
    say(f"{expected.sentence()}; that may fail: --size {fitting} would fit, and --fit takes the size that does")
    return config, ""


def watched(args: Any, content: Any, config: Any, work: Any) -> tuple[Any, int]:
    """Do `work` under a progress bar; Ctrl-C or SIGTERM stops it at its next step. `config` is None where no step is left.

    Returns:
        Its result, and the exit code of the signal that stopped it, 0 for none.
    """
    from dst.optim.loop import schedule

    scales = [] if config is None else schedule((config.size, config.size), config.optimize)
    steps = [(scale.side, scale.steps) for scale in scales]
    progress = Progress(args.quiet, steps, getattr(args, "expected", ""))
    with Interrupt() as interrupt:

        def on_step(step: Any) -> bool:
            progress.on_step(step)
            return interrupt.asked

        return work(progress, on_step), interrupt.code


def stepped(args: Any, label: str, work: Any) -> tuple[Any, int]:
    """Do `work(on_step)` under a bar over its batches; Ctrl-C or SIGTERM stops it at its next step.

    `on_step` takes a step and, where there are several, how many batches there are in all.

    Returns:
        Its result, and the exit code of the signal that stopped it, 0 for none.
    """
    bars = Overall(args.quiet, 1, label)
    with Interrupt() as interrupt:

        def on_step(step: Any, batches: int = 1) -> bool:
            bars.count = batches
            bars.on_step(step)
            if step.done == step.total_steps:
                bars.on_run(f"{counted(step.done, 'step')} at up to {max(step.size)} pixels")
            return interrupt.asked

        result = work(on_step)
    bars.close()
    return result, interrupt.code


def finish(args: Any, result: Any, stopped: int, seconds: float, lost: OSError | None = None) -> int:
    """Print what the run came to; return the exit code, `stopped` where a signal ended the run.

    Raises:
        OSError: `lost`, for which the run is in no folder.
    """
    from dst.runs.record import record_text

    if args.json:
        put(record_text(result.record) + "\n")
    _report(args, result, seconds)
    if lost is not None:
        raise lost
    if stopped:
        if args.run and result.record["stopped"]:
            say(f"stopped before its end: `dst resume {args.run}` goes on from here")
        return stopped
    if result.record["stopped"]:
        say(f"error: {as_flags(result.record['stopped'])}")
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
        written = [output_name(name) for name in (args.output, folder, args.animate, args.morph) if name]
        if written:
            say(f"wrote {', '.join(written)} ({width} x {height} pixels) in {seconds:.1f} s")


def output_name(output: str) -> str:
    """An output as a line for people names it."""
    return "to standard output" if output == STDOUT else output


def check_image(args: Any, *inputs: str) -> None:
    """Refuse, before any work, an image's output that cannot be written or that is one of the inputs."""
    if args.output == STDOUT:
        _check_stdout(getattr(args, "json", False))
        return
    check_output(args.output)
    spare(args.output, args, *inputs)


def spare(output: str, args: Any, *inputs: str) -> None:
    """Refuse an output that is one of the inputs, be it a mask or another file that an option names."""
    for given in (*inputs, *option_files(args.options)):
        if os.path.exists(output) and os.path.exists(given) and os.path.samefile(output, given):
            raise InputError(f"{output} is an input: writing there would destroy it; choose another name")


def check_apart(args: Any, row: Command) -> None:
    """Refuse, before any work, two outputs of a command that are one and the same.

    Raises:
        InputError: the flags of both, and the path.
    """
    taken: dict[str, str] = {}
    for argument in row.arguments:
        path = getattr(args, argument.attribute) if argument.name in OUTPUTS else None
        if not path or path == STDOUT:
            continue
        flag = "-o" if argument.name == "--output" else argument.name
        other = taken.setdefault(os.path.realpath(path), flag)
        if other != flag:
            raise InputError(f"{other} and {flag} are both {path}: give each a file of its own")


def _check_stdout(json: bool) -> None:
    if json:
        raise InputError(
            f"-o {STDOUT} and --json both take standard output: give the image a file, or leave --json out"
        )
    check_open()
    if sys.stdout.isatty():
        raise InputError(
            f"-o {STDOUT} would fill the terminal with a PNG: redirect it (-o {STDOUT} > out.png) or pipe it"
        )


def style_of(args: Any) -> Any:
    """The style, or a list of several."""
    return [args.style, *args.styles] if args.styles else args.style


def run_options(args: Any) -> dict[str, Any]:
    """Keywords of `stylize` that the command line holds, without those of the command itself."""
    given = {**args.options, "preset": args.preset}
    if not args.warp:
        given["warp"] = False
    if getattr(args, "points", None) is not None:
        given["points"] = args.points
    return given
