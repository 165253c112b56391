"""What a run shows on its way, and what Ctrl-C and SIGTERM do to it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from typing import Any

from dst.cli.streams import say
from dst.runs.progress import STAGES

STOPPED, TERMINATED = 130, 143
"""Exit codes after Ctrl-C and after SIGTERM, as shells give them."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, as Ctrl-C is a KeyboardInterrupt: what is half done is undone, and the process ends."""


class Interrupt:
    """Ctrl-C or SIGTERM, first time: asks the run to stop at its next step (or image). Second time: stops at once.

    Attributes:
        code: the exit code that goes with the signal; 0 where none came.
    """

    def __init__(self, where: str = "at the next step") -> None:
        """`where` says on the terminal when the run will stop."""
        self.code, self.where = 0, where
        self._mine = threading.current_thread() is threading.main_thread()

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self.code != 0

    def _handle(self, number: int, _: Any) -> None:
        if self.asked:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        self.code = TERMINATED if number == signal.SIGTERM else STOPPED
        again = "a second SIGTERM quits" if number == signal.SIGTERM else "press Ctrl-C again to quit"
        with contextlib.suppress(OSError):
            os.write(2, f"\ndst: stopping {self.where}; {again} at once\n".encode())

    def __enter__(self) -> Interrupt:
        if self._mine:
            self._before = {n: signal.signal(n, self._handle) for n in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: Any) -> None:
        if self._mine:
            for number, handler in self._before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def terminable():
    """Let SIGTERM undo what is half done, as Ctrl-C does; whoever handles it already goes on to do so."""
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def stop(*_: Any) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _bar(total: float, label: str) -> Any:
    """A bar with the time left, cut to the terminal; one that does not know its width is taken to be 100 wide."""
    from tqdm import tqdm

    columns, rows = shutil.get_terminal_size((100, 24))
    width = min(32, max(10, columns - 66))
    shape = f"{{desc:<17}}{{percentage:3.0f}}%|{{bar:{width}}}| {{elapsed}}, {{remaining}} left{{postfix}}"
    return tqdm(total=total, desc=label, bar_format=shape, file=sys.stderr, ncols=columns - 1, nrows=rows)


class Progress:
    """Shows stages and steps: bars with the time left on a terminal, else a few plain lines; nothing when quiet."""

    FIXED_COST = 160**2
    """Pixels whose work takes as long as what a step costs whatever its size."""

    def __init__(self, quiet: bool = False, schedule: list[tuple[int, int]] | None = None, expected: str = "") -> None:
        """Prepare.

        Args:
            quiet: show nothing.
            schedule: the long side and the number of steps of each scale; it makes the time left honest.
            expected: what the run will cost, said once its inputs were read and nothing is wrong with them.
        """
        self.expected = expected
        self.quiet, self.bars = quiet, not quiet and sys.stderr.isatty()
        self.total = sum(steps * self._cost(side) for side, steps in schedule or [])
        self.bar, self.began, self.side = None, 0.0, 0

    def _cost(self, side: int) -> float:
        return side**2 + self.FIXED_COST

    def on_stage(self, name: str, event: str) -> None:
        """Take the start or the end of a stage."""
        label = STAGES.get(name, name)
        if event == "start":
            if name != "read" and self.expected and not self.quiet:
                say(self.expected)
                self.expected = ""
            self.began, self.side = time.perf_counter(), 0
            if self.bars:
                self.bar = _bar(self.total if name == "optimize" and self.total else 1, label)
        elif self.bar is not None:
            self.bar.update(0 if name == "optimize" and self.total else 1)
            self.bar.close()
            self.bar = None
        elif not self.quiet:
            say(f"{label}: {time.perf_counter() - self.began:.1f} s")

    def on_step(self, step: Any) -> None:
        """Take a finished step."""
        side = max(step.size)
        if self.bar is not None:
            self.bar.set_postfix_str(f"{side} px, loss {step.terms['total']:.3g}", refresh=False)
            if self.total:
                self.bar.update(min(self._cost(side), self.total - self.bar.n))
        elif not self.quiet and side != self.side:
            self.side = side
            say(f"painting at {side} pixels, {step.steps} steps")


class Overall:
    """One bar over many runs on a terminal, else a line for each; nothing when quiet."""

    def __init__(self, quiet: bool, count: int, label: str) -> None:
        """`count` runs will follow; `label` stands before the bar."""
        self.quiet, self.count, self.bar, self.finished = quiet, count, None, 0
        if not quiet and sys.stderr.isatty():
            self.bar = _bar(count, label)

    def on_step(self, step: Any) -> None:
        """Take a step of the run that goes on now."""
        if self.bar is not None:
            share = min(1.0, step.done / max(1, step.total_steps))
            self.bar.update(max(0.0, self.finished + 0.98 * share - self.bar.n))

    def on_run(self, line: str) -> None:
        """Take a finished run, and a few words on it."""
        self.finished += 1
        if self.bar is not None:
            self.bar.set_postfix_str(f"{self.finished} of {self.count}: {line}", refresh=False)
            self.bar.update(self.finished - self.bar.n)
        elif not self.quiet:
            say(f"{self.finished} of {self.count}: {' '.join(line.split())}")

    def close(self) -> None:
        """Leave the bar as it is and go to the next line."""
        if self.bar is not None:
            self.bar.close()
