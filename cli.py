"""The command line: parses, calls, prints. Results go to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import cli_options
from cli_progress import Interrupt, Progress, say
from dst.config import InputError
from dst.files import check_output

STOPPED = 130
BROKEN_PIPE = 141


def main(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 done, 1 failed, 2 bad input, 130 stopped by Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with _short_warnings():
            args = cli_options.parse(arguments)
            code = COMMANDS[args.command](args)
    except SystemExit as done:
        code = int(done.code or 0)
    except BrokenPipeError:
        return _abandon_output()
    except KeyboardInterrupt:
        say("stopped")
        return STOPPED
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        code, message = _explain(error)
        say("error: " + " ".join(message.split()))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _abandon_output()
    return code


def _explain(error: Exception) -> tuple[int, str]:
    """The exit code and the line for an error."""
    from correspondence.matches import MatchError

    if isinstance(error, (InputError, MatchError)):
        return 2, str(error)
    text = str(error)
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ or "allocate memory" in text:
        return 1, "there is not enough memory: take a smaller --size"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return 1, f"{where}{error.strerror or text}"
    first = (text.strip().splitlines() or [""])[0]
    return 1, f"{type(error).__name__}: {first} (a fault of the toolkit; --debug shows where)"


def _abandon_output() -> int:
    """The reader of standard output has gone: say nothing more, and keep Python from trying when it exits."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        pass
    return BROKEN_PIPE


class _short_warnings(warnings.catch_warnings):
    """Show a warning as one line, without the line of code that it came from."""

    def __enter__(self):
        entered = super().__enter__()
        warnings.showwarning = lambda message, *_, **__: say(f"note: {message}")
        return entered


def demo(args: Any) -> int:
    """`dst demo`."""
    from dst.pipeline import demo_pair
    from dst.result import read_record

    args.run, args.output, args.points, args.warp = args.output, None, None, True
    args.force = (Path(args.run) / "run.json").exists() and bool(read_record(args.run).get("demo"))
    return _stylize(args, *demo_pair(), notes={"demo": True})


def stylize(args: Any) -> int:
    """`dst stylize`."""
    if not args.output and not args.run:
        raise InputError("nothing would be kept: say where to write with -o out.png, --run DIR or both")
    if args.output:
        _check_picture(args.output, args.content, *args.style)
    return _stylize(args, args.content, args.style[0] if len(args.style) == 1 else args.style)


def _stylize(args: Any, content: Any, style: Any, notes: dict[str, Any] | None = None) -> int:
    from dst import images, pipeline
    from dst.config import StylizeConfig
    from dst.result import check_folder

    began = time.perf_counter()
    if args.run:
        check_folder(args.run, args.force)
    config = StylizeConfig.from_options(args.preset, **args.options)
    config = _estimated(args, content, config)

    def work(progress: Progress, on_step: Any) -> Any:
        return pipeline.stylize(
            content, style, preset=args.preset, points=args.points, warp=args.warp, run_dir=args.run,
            force=args.force, notes=notes, on_step=on_step, on_stage=progress.on_stage,
            **{**args.options, "size": config.size},
        )  # fmt: skip

    result, asked = _watched(args, config, work)
    if args.output:
        images.write(args.output, result.image)
    return _finish(args, result, asked, time.perf_counter() - began)


def _estimated(args: Any, content: Any, config: Any) -> Any:
    """Say what the run will cost; where memory would not do, say what size would, and with --fit take that size."""
    from dst import images, pipeline
    from dst.estimate import estimate, largest_size

    size, trunk = images.read(content).size, pipeline.shared_trunk(config)
    expected = estimate(trunk, size, config, args.warp)
    if expected.fits:
        if not args.quiet:
            say(expected.sentence())
        return config
    fitting = largest_size(trunk, size, config, args.warp)
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
        say(f"matches: {record['matches']['verdict']}")
    if bends and record["warp"]["reduced_to"] < 0.995:
        say(f"the bend was reduced to {record['warp']['reduced_to']:.0%} so that nothing folds")
    if not args.quiet:
        width, height = record["size"]
        written = " and ".join(([args.output] if args.output else []) + ([f"{args.run}{os.sep}"] if args.run else []))
        say(f"wrote {written} ({width} x {height} pixels) in {seconds:.1f} s")


def resume(args: Any) -> int:
    """`dst resume`."""
    if args.output:
        check_output(args.output)

    from dst import checkpoint, images, pipeline

    began, args.warp = time.perf_counter(), True
    config = checkpoint.read(args.run)["job"].config
    size = args.options.get("size")
    config = config if size is None else config.replace(size=size)
    style = None if not args.style else args.style[0] if len(args.style) == 1 else args.style

    def work(progress: Progress, on_step: Any) -> Any:
        return pipeline.resume(
            args.run, size=size, content=args.content, style=style, on_step=on_step, on_stage=progress.on_stage
        )

    result, asked = _watched(args, config, work)
    if args.output:
        images.write(args.output, result.image)
    return _finish(args, result, asked, time.perf_counter() - began)


def score(args: Any) -> int:
    """`dst score`."""
    from dst.result import record_text
    from dst.score import score_runs, table

    rows = score_runs(args.runs)
    print(record_text({"runs": rows}) if args.json else table(rows))
    return 0


def match(args: Any) -> int:
    """`dst match`."""
    if not (args.output or args.save_points or args.json):
        raise InputError(
            "nothing would be kept: say where to write with -o matches.png, --save-points points.csv or --json"
        )
    if args.output:
        _check_picture(args.output, args.content, args.style)
    if args.save_points:
        check_output(args.save_points, (".csv", ".json"))

    import dst

    progress = Progress(args.quiet)
    progress.on_stage("read", "start")
    content, style = dst.read_image(args.content), dst.read_image(args.style)
    progress.on_stage("read", "end")
    progress.on_stage("match", "start")
    matches, verdict = dst.match(content, style, **args.options)
    progress.on_stage("match", "end")
    if args.output:
        dst.write_image(args.output, _drawn(content, style, matches))
    if args.save_points:
        json_asked = Path(args.save_points).suffix.lower() == ".json"
        (matches.to_json if json_asked else matches.to_csv)(args.save_points)
    if args.json:
        print(json.dumps(_match_record(matches, verdict), indent=1))
    say(f"{len(matches)} matches: {verdict}" if not verdict.startswith(str(len(matches))) else verdict)
    return 0


def _match_record(matches: Any, verdict: str) -> dict[str, Any]:
    return {
        "count": len(matches),
        "verdict": verdict,
        "confidence": matches.confidence,
        "content_size": matches.content_size,
        "style_size": matches.style_size,
        "content": matches.content.tolist(),
        "style": matches.style.tolist(),
        "scores": matches.scores.tolist(),
    }


def _drawn(content: Any, style: Any, matches: Any, side: int = 768) -> Any:
    """Both pictures with their matches, each picture's long side at `side` pixels at most."""
    from dst import images, matching

    return matching.draw(matches, *(images.resize(image.rgb, min(side, max(image.size))) for image in (content, style)))


def warp(args: Any) -> int:
    """`dst warp`."""
    _check_picture(args.output, args.image)

    from dst import images
    from dst.pipeline import warp_image
    from dst.result import read_record

    if args.run and read_record(args.run).get("warp", {}).get("points") == 0:
        say("note: that run bent nothing, so the picture stays as it is")
    bent, factor = warp_image(args.image, run=args.run, points=args.points, strength=args.strength)
    images.write(args.output, bent.rgb, bent.alpha, bent.depth)
    if factor < 0.995:
        say(f"the bend was reduced to {factor:.0%} so that nothing folds")
    if not args.quiet:
        say(f"wrote {args.output} ({bent.size[0]} x {bent.size[1]} pixels)")
    return 0


def _check_picture(output: str, *inputs: str) -> None:
    """Refuse, before any work, an output that cannot be written or that is one of the inputs."""
    check_output(output)
    for given in inputs:
        if os.path.exists(output) and os.path.exists(given) and os.path.samefile(output, given):
            raise InputError(f"{output} is an input: writing there would destroy it; choose another name")


COMMANDS = {"demo": demo, "stylize": stylize, "match": match, "warp": warp, "resume": resume, "score": score}

if __name__ == "__main__":
    sys.exit(main())
