"""The way of a command: parsed, run, its errors told in one line."""

from __future__ import annotations

import os
import sys
import traceback
import warnings

from dst import runtime
from dst.cli.commands import COMMANDS
from dst.cli.parsing import parse
from dst.cli.progress import STOPPED, TERMINATED, Terminated, say, terminable
from dst.config import InputError

BROKEN_PIPE = 141


def main(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 done, 1 failed, 2 bad input, 130 Ctrl-C, 143 SIGTERM."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with _short_warnings(), terminable():
            args = parse(arguments, COMMANDS)
            runtime.prepare()
            code = COMMANDS[args.command].run(args)
    except SystemExit as done:
        code = int(done.code or 0)
    except BrokenPipeError:
        return _abandon_output()
    except KeyboardInterrupt as stop:
        say("stopped")
        return TERMINATED if isinstance(stop, Terminated) else STOPPED
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
    from correspondence.common import MatchError

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
