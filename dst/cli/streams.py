"""Standard output and standard error: results arrive whole or their loss is an error; messages may get lost."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any

STDOUT = "-"
"""What `-o` takes for standard output."""


def say(line: str) -> None:
    """Print a line for people, on standard error."""
    print(f"dst: {line}", file=sys.stderr, flush=True)


def put(data: str | bytes) -> None:
    """Write what was asked for to standard output, whole.

    Raises:
        OSError: it is closed or full (`BrokenPipeError`: its reader has gone); nothing more can be written there then.
    """
    stream = sys.stdout
    try:
        check_open()
        (stream.buffer if isinstance(data, bytes) else stream).write(data)
        stream.flush()
    except OSError as error:
        abandon(stream)
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), "standard output") from error


def check_open() -> None:
    """Make sure that there is a standard output.

    Raises:
        OSError: it was closed before this process began.
    """
    if sys.stdout is None or sys.stdout.closed:
        raise OSError(errno.EBADF, "it is closed, and this command prints there", "standard output")


def settle() -> None:
    """Let go of what others may have left in standard output; it was not asked for, so its loss is no failure."""
    if sys.stdout is not None and not sys.stdout.closed:
        try:
            sys.stdout.flush()
        except OSError:
            abandon(sys.stdout)


def abandon(stream: Any) -> None:
    """Send what a stream still holds nowhere: Python would try again when it exits, complain, and change the exit code."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        number, nowhere = stream.fileno(), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


class _Unfailing:
    """Standard error that takes everything: once it cannot be written to, or where there is none, words are dropped."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        self._try("flush")

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def _try(self, what: str, *given: str) -> None:
        if self._stream is not None:
            try:
                getattr(self._stream, what)(*given)
            except (OSError, ValueError):
                abandon(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """While a command runs: no file gets the number of a stream that is closed, and standard error never fails."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    before = sys.stderr
    sys.stderr = _Unfailing(before)
    try:
        yield
    finally:
        sys.stderr = before
