"""A command from start to exit: parsed, run, its errors printed in one line."""

from __future__ import annotations

import atexit
import gc
import sys
import warnings

from dst import runtime
from dst.cli import logs, settings, streams
from dst.cli.commands import COMMANDS
from dst.cli.parsing import as_flags, parse
from dst.cli.progress import STOPPED, TERMINATED, Terminated, terminable
from dst.cli.running import check_apart
from dst.cli.streams import say
from dst.config import InputError

BROKEN_PIPE = 141
EXIT_CODES = {
    0: "done",
    1: "failed",
    2: "bad input",
    STOPPED: "stopped by Ctrl-C",
    BROKEN_PIPE: "the reader of standard output has gone",
    TERMINATED: "stopped by SIGTERM",
}
"""What a command ends with."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code, one of `EXIT_CODES`; that of the process, unless one is given."""
    if arguments is None:
        _leave_little_to_collect()
    with streams.guarded(), _short_warnings():
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
        streams.settle()
    return code


def _leave_little_to_collect() -> None:
    """Look for cyclic garbage more rarely in this process, and not at its end, where the system takes back everything.

    The libraries leave some hundred thousand objects that live until then, and looking through them takes a fifth of the time
    of loading them.
    """
    gc.set_threshold(10_000, 10, 10)
    atexit.register(gc.freeze)


def _run(arguments: list[str]) -> int:
    try:
        args = parse(arguments, COMMANDS)
        row = COMMANDS[args.command]
        with logs.log_to_stderr(args.log_level, args.quiet), terminable():
            settings.take(args, row)
            check_apart(args, row)
            if getattr(args, "json", False):
                streams.check_open()
            runtime.prepare()
            code = row.run(args)
            settings.keep(args, row)
        return code
    except SystemExit as done:
        return int(done.code or 0)
    except BrokenPipeError:
        return BROKEN_PIPE
    except KeyboardInterrupt as stop:
        say("stopped")
        return TERMINATED if isinstance(stop, Terminated) else STOPPED
    except Exception as error:
        if "--debug" in arguments:
            import traceback  # here, so that --help need not wait for it

            traceback.print_exc()
        code, message = _explain(error)
        say("error: " + as_flags(" ".join(message.split()), COMMANDS.get(arguments[0] if arguments else "")))
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


class _short_warnings(warnings.catch_warnings):
    """Show a warning as one line, without the line of code that it came from."""

    def __enter__(self):
        entered = super().__enter__()
        warnings.showwarning = lambda message, *_, **__: _note(message)
        return entered


def _note(message: Warning | str) -> None:
    import logging

    if logging.getLogger("dst").isEnabledFor(logging.WARNING):
        say(f"note: {message}")
