"""The command line: parses, calls, prints. Results go to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import cli_options
from dst.config import InputError
from dst.files import check_output

STOPPED = 130
BROKEN_PIPE = 141
STAGES = {
    "read": "reading",
    "match": "matching",
    "warp": "fitting the warp",
    "optimize": "painting",
    "finish": "finishing",
}


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
        _say("stopped")
        return STOPPED
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        code, message = _explain(error)
        _say("error: " + " ".join(message.split()))
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


def _say(line: str) -> None:
    print(f"dst: {line}", file=sys.stderr, flush=True)


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
        warnings.showwarning = lambda message, *_, **__: _say(f"note: {message}")
        return entered


class Interrupt:
    """Ctrl-C, first time: asks the run to stop at its next step. Second time: stops at once.

    Attributes:
        asked: whether Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.asked = False
        self._mine = threading.current_thread() is threading.main_thread()

    def _handle(self, *_: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        os.write(2, b"\ndst: stopping at the next step; press Ctrl-C again to quit at once\n")

    def __enter__(self) -> Interrupt:
        if self._mine:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._mine:
            signal.signal(signal.SIGINT, self._before)


class Progress:
    """Shows stages and steps: bars with the time left on a terminal, else a few plain lines; nothing when quiet."""

    FORMAT = "{desc:<17}{percentage:3.0f}%|{bar:32}| {elapsed}, {remaining} left{postfix}"
    FIXED_COST = 160**2
    """Pixels whose work takes as long as what a step costs whatever its size."""

    def __init__(self, quiet: bool = False, schedule: list[tuple[int, int]] | None = None) -> None:
        """`schedule` is the long side and the number of steps of each scale; it makes the time left honest."""
        self.quiet, self.bars = quiet, not quiet and sys.stderr.isatty()
        self.total = sum(steps * self._cost(side) for side, steps in schedule or [])
        self.bar, self.began, self.side = None, 0.0, 0

    def _cost(self, side: int) -> float:
        return side**2 + self.FIXED_COST

    def on_stage(self, name: str, event: str) -> None:
        """Take the start or the end of a stage."""
        label = STAGES.get(name, name)
        if event == "start":
            self.began, self.side = time.perf_counter(), 0
            if self.bars:
                from tqdm import tqdm

                total = self.total if name == "optimize" and self.total else 1
                self.bar = tqdm(total=total, desc=label, bar_format=self.FORMAT, file=sys.stderr, leave=True)
        elif self.bar is not None:
            self.bar.update(0 if name == "optimize" and self.total else 1)
            self.bar.close()
            self.bar = None
        elif not self.quiet:
            _say(f"{label}: {time.perf_counter() - self.began:.1f} s")

    def on_step(self, step: Any) -> None:
        """Take a finished step."""
        side = max(step.size)
        if self.bar is not None:
            self.bar.set_postfix_str(f"{side} px, loss {step.terms['total']:.3g}", refresh=False)
            if self.total:
                self.bar.update(min(self._cost(side), self.total - self.bar.n))
        elif not self.quiet and side != self.side:
            self.side = side
            _say(f"painting at {side} pixels, {step.steps} steps")


def demo(args: Any) -> int:
    """`dst demo`."""
    from dst.pipeline import demo_pair
    from dst.result import read_record

    args.run, args.output, args.points, args.warp = args.output, None, None, True
    args.force = (Path(args.run) / "run.json").exists() and bool(read_record(args.run).get("demo"))
    return _stylize(args, *demo_pair(), demo=True)


def stylize(args: Any) -> int:
    """`dst stylize`."""
    if not args.output and not args.run:
        raise InputError("nothing would be kept: say where to write with -o out.png, --run DIR or both")
    if args.output:
        _check_picture(args.output, args.content, args.style)
    return _stylize(args, args.content, args.style)


def _stylize(args: Any, content: Any, style: Any, demo: bool = False) -> int:
    import dst
    from dst import images
    from dst.optimize import schedule
    from dst.result import check_folder, record_text

    began = time.perf_counter()
    if args.run:
        check_folder(args.run, args.force)
    config = dst.StylizeConfig.from_options(args.preset, **args.options)
    progress = Progress(args.quiet, [row[:2] for row in schedule(config.size, config.optimize)])
    with Interrupt() as interrupt:

        def on_step(step: Any) -> bool:
            progress.on_step(step)
            return interrupt.asked

        result = dst.stylize(
            content, style, preset=args.preset, points=args.points, warp=args.warp,
            on_step=on_step, on_stage=progress.on_stage, **args.options,
        )  # fmt: skip
        if demo:
            result.record["demo"] = True
        if args.output:
            images.write(args.output, result.image)
        if args.run:
            result.save(args.run, args.force)
    if args.json:
        print(record_text(result.record))
    _report(args, result, time.perf_counter() - began)
    if interrupt.asked:
        return STOPPED
    if result.record["stopped"]:
        _say(f"error: {result.record['stopped']}")
        return 1
    return 0


def _report(args: Any, result: Any, seconds: float) -> None:
    """Say what the run thought of the matches, what it wrote and how long it took."""
    record = result.record
    bends = record["warp"]["points"] > 0
    if not args.quiet or (args.warp and not bends):
        _say(f"matches: {record['matches']['verdict']}")
    if bends and record["warp"]["reduced_to"] < 1:
        _say(f"the bend was reduced to {record['warp']['reduced_to']:.0%} so that nothing folds")
    if not args.quiet:
        written = [f"{args.run}{os.sep}"] if args.run else []
        written = ([args.output] if args.output else []) + written
        width, height = record["size"]
        _say(f"wrote {' and '.join(written)} ({width} x {height} pixels) in {seconds:.1f} s")


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
    _say(f"{len(matches)} matches: {verdict}" if not verdict.startswith(str(len(matches))) else verdict)
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
    from correspondence import draw
    from dst import images

    small = [images.resize(image.rgb, min(side, max(image.size))) for image in (content, style)]
    sized = matches.resized(*((image.shape[3], image.shape[2]) for image in small))
    return draw(images.to_array(small[0]), images.to_array(small[1]), sized)


def warp(args: Any) -> int:
    """`dst warp`."""
    _check_picture(args.output, args.image)

    from dst import images
    from dst.pipeline import warp_image
    from dst.result import read_record

    if args.run and read_record(args.run).get("warp", {}).get("points") == 0:
        _say("note: that run bent nothing, so the picture stays as it is")
    bent, factor = warp_image(args.image, run=args.run, points=args.points, strength=args.strength)
    images.write(args.output, bent.rgb, bent.alpha, bent.depth)
    if factor < 1:
        _say(f"the bend was reduced to {factor:.0%} so that nothing folds")
    if not args.quiet:
        _say(f"wrote {args.output} ({bent.size[0]} x {bent.size[1]} pixels)")
    return 0


def _check_picture(output: str, *inputs: str) -> None:
    """Refuse, before any work, an output that cannot be written or that is one of the inputs."""
    check_output(output)
    for given in inputs:
        if os.path.exists(output) and os.path.exists(given) and os.path.samefile(output, given):
            raise InputError(f"{output} is an input: writing there would destroy it; choose another name")


COMMANDS = {"demo": demo, "stylize": stylize, "match": match, "warp": warp}

if __name__ == "__main__":
    sys.exit(main())
