"""Commands that make a run: demo, stylize, resume."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from cli_progress import STOPPED, Interrupt, Progress, say
from dst.config import InputError
from dst.files import check_output

FILMS = (".gif", ".mp4")
"""What a film's file name may end in."""


def demo(args: Any) -> int:
    """`dst demo`."""
    from dst.imaging.samples import demo_pair, sample_styles
    from dst.result import read_record

    args.run, args.output, args.points, args.warp, args.film, args.morph = args.output, None, None, True, None, None
    args.force = (Path(args.run) / "run.json").exists() and bool(read_record(args.run).get("demo"))
    style = {path.stem: path for path in sample_styles()}[args.style]
    return _stylize(args, demo_pair()[0], style, notes={"demo": True})


def stylize(args: Any) -> int:
    """`dst stylize`."""
    films = [path for path in (args.film, args.morph) if path]
    if not (args.output or args.run or films):
        raise InputError("nothing would be kept: say where to write with -o out.png, --run DIR or both")
    if args.output:
        check_picture(args.output, args.content, *args.style)
    for path in films:
        check_output(path, FILMS)
    if len({os.path.realpath(path) for path in films}) < len(films):
        raise InputError(f"--film and --morph are both {args.film}: give each a file of its own")
    return _stylize(args, args.content, args.style[0] if len(args.style) == 1 else args.style)


def _stylize(args: Any, content: Any, style: Any, notes: dict[str, Any] | None = None) -> int:
    from dst import film, pipeline
    from dst.config import StylizeConfig
    from dst.result import check_folder

    began = time.perf_counter()
    if args.run:
        check_folder(args.run, args.force)
    config = StylizeConfig.from_options(args.preset, **args.options)
    config = _estimated(args, content, config)
    recorder = film.Recorder() if args.film else None

    def work(progress: Progress, on_step: Any) -> Any:
        if recorder is not None:
            recorder.on_step, on_step = on_step, recorder
        return pipeline.stylize(
            content, style, preset=args.preset, points=args.points, warp=args.warp, run_dir=args.run,
            force=args.force, notes=notes, on_step=on_step, on_stage=progress.on_stage,
            **{**args.options, "size": config.size},
        )  # fmt: skip

    result, asked = _watched(args, config, work)
    _write(args, result)
    if recorder is not None:
        film.write_film(args.film, recorder.frames(result))
    if args.morph:
        film.write_film(args.morph, film.morph(result))
    return _finish(args, result, asked, time.perf_counter() - began)


def _write(args: Any, result: Any) -> None:
    from dst import imaging

    if args.output:
        imaging.write(args.output, result.image)


def _estimated(args: Any, content: Any, config: Any) -> Any:
    """Say what the run will cost; where memory would not do, say what size would, and with --fit take that size."""
    from dst import imaging, pipeline
    from dst.estimate import estimate, largest_size

    size, encoder = imaging.read(content).size, pipeline.shared_encoder(config)
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


def _watched(args: Any, config: Any, work: Any) -> tuple[Any, bool]:
    """Do `work` under a progress bar; Ctrl-C stops it at its next step. Returns its result, and whether it was stopped."""
    from dst.optimize import schedule

    progress = Progress(args.quiet, [row[:2] for row in schedule(config.size, config.optimize)])
    with Interrupt() as interrupt:

        def on_step(step: Any) -> bool:
            progress.on_step(step)
            return interrupt.asked

        return work(progress, on_step), interrupt.asked


def _finish(args: Any, result: Any, asked: bool, seconds: float) -> int:
    """Print what the run came to; return the exit code."""
    from dst.result import record_text

    if args.json:
        print(record_text(result.record))
    _report(args, result, seconds)
    if asked:
        return STOPPED
    if result.record["stopped"]:
        say(f"error: {result.record['stopped']}")
        return 1
    return 0


def _report(args: Any, result: Any, seconds: float) -> None:
    """Say what the run thought of the matches, what it wrote and how long it took."""
    record = result.record
    bends = record["warp"]["points"] > 0
    if not args.quiet or (args.warp and not bends):
        verdict = record["matches"]["verdict"]
        say(verdict if "matches" in verdict else f"matches: {verdict}")
    if bends and record["warp"]["reduced_to"] < 0.995:
        say(f"the bend was reduced to {record['warp']['reduced_to']:.0%} so that nothing folds")
    if not args.quiet:
        width, height = record["size"]
        folder = f"{os.path.join(args.run, '')}" if args.run else None
        written = [name for name in (args.output, folder, args.film, args.morph) if name]
        say(f"wrote {', '.join(written)} ({width} x {height} pixels) in {seconds:.1f} s")


def resume(args: Any) -> int:
    """`dst resume`."""
    if args.output:
        check_output(args.output)

    from dst import checkpoint, pipeline

    args.film = args.morph = None
    began, args.warp = time.perf_counter(), True
    config = checkpoint.read(args.run)["job"].config
    size = args.options.get("size")
    config = config if size is None else config.replace(size=size)
    style = args.style[0] if args.style and len(args.style) == 1 else args.style

    def work(progress: Progress, on_step: Any) -> Any:
        return pipeline.resume(
            args.run, size=size, content=args.content, style=style, on_step=on_step, on_stage=progress.on_stage
        )

    result, asked = _watched(args, config, work)
    _write(args, result)
    return _finish(args, result, asked, time.perf_counter() - began)


def check_picture(output: str, *inputs: str) -> None:
    """Refuse, before any work, an output that cannot be written or that is one of the inputs."""
    check_output(output)
    for given in inputs:
        if os.path.exists(output) and os.path.exists(given) and os.path.samefile(output, given):
            raise InputError(f"{output} is an input: writing there would destroy it; choose another name")
