"""Shared by both packages: the error for points, careful reading and writing of files, solving on one thread, a B-spline."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

MAX_POINTS = 2000
"""The most points that a set of matches or a warp is given: all pairs of them are looked at, and a thin-plate spline through n
points solves a system of n equations."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""What a disk says that is full or fails: neither the name nor the place that was given is to blame."""
PREFIX = ".dst-"
"""What the name of a file begins with that is being written and will take the place of another; then the machine's name."""

TEXT_BYTES = 64 * 10**6
"""The most that is read of a file of text, such as a record, a warp or a table: far more than any of them takes."""


class MatchError(ValueError):
    """A set of points cannot be used. The message says what was given, what is allowed and what to do."""


def open_regular(path, limit: int = TEXT_BYTES) -> BinaryIO:
    """Open an ordinary file, or a link to one, to read its bytes; a pipe or a device might never end.

    Raises:
        OSError: it cannot be opened, is not an ordinary file, or holds more than `limit` bytes.
    """
    kind = os.stat(path).st_mode
    if stat.S_ISDIR(kind):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISREG(kind):  # asked before, too: some devices act on being opened
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode) and found.st_size <= limit:
            return os.fdopen(handle, "rb")
        os.close(handle)
        if stat.S_ISREG(found.st_mode):
            raise OSError(errno.EFBIG, f"it holds more than {limit // 10**6} million bytes", str(path))
    raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))


def read_regular(path, limit: int = TEXT_BYTES) -> bytes:
    """The bytes of an ordinary file, or of one that a link leads to.

    Raises:
        OSError: as `open_regular`.
    """
    with open_regular(path, limit) as file:
        return file.read(limit)


def host() -> str:
    """This machine's name, in letters, digits and _ alone."""
    import platform  # here and below where it is needed, so that --help need not wait for it

    return re.sub(r"\W", "_", platform.node(), flags=re.ASCII)[:40] or "unknown"


@contextlib.contextmanager
def holding(path) -> Iterator[bool | None]:
    """Hold the lock of a file or a folder. It ends with the process, however that ends, and two threads count as two processes.

    Yields:
        Whether it is ours: False where another process holds it or has just removed the file; None where nobody can tell,
        as on Windows and on some folders of a network.
    """
    with contextlib.ExitStack() as stack:
        ours = None
        try:
            if fcntl is not None:
                way = os.O_RDONLY if os.path.isdir(path) else os.O_RDWR
                handle = os.open(path, way | os.O_NONBLOCK | os.O_NOFOLLOW)
                stack.callback(os.close, handle)
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                ours = os.path.lexists(path)
        except (BlockingIOError, FileNotFoundError):
            ours = False
        except OSError:
            pass
        yield ours


@contextlib.contextmanager
def made(make: Callable[[], object]) -> Iterator[Path]:
    """Yield the path of the file or folder that `make` makes, its lock held: nobody takes it for a dead process's."""
    with contextlib.ExitStack() as stack:
        path = Path(make())
        while stack.enter_context(holding(path)) is False:  # who tidies up was there before the lock
            path = Path(make())
        yield path


@contextlib.contextmanager
def replacing(path, follow: bool = True):
    """Yield a temporary path beside `path`; it takes the place of `path` if all goes well, else it is removed.

    An existing file's permissions are kept. A link is followed, as is right for a file that a user names; without `follow`
    the link itself gives way to the file, and what it points to stays untouched.

    Raises:
        OSError: the temporary file cannot be made or written, or cannot take the place; it names `path`.
    """
    try:
        with _replacing(path, follow) as temporary:
            yield temporary
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextlib.contextmanager
def _replacing(path, follow: bool):
    target = Path(os.path.realpath(path)) if follow else Path(os.path.realpath(Path(path).parent), Path(path).name)

    def make() -> str:
        import tempfile

        handle, name = tempfile.mkstemp(prefix=f"{PREFIX}{host()}-", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        return name

    with made(make) as temporary:
        try:
            mode = os.lstat(target).st_mode if os.path.lexists(target) else 0
            temporary.chmod(stat.S_IMODE(mode) if stat.S_ISREG(mode) else 0o666 & ~umask())
            yield temporary
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def umask() -> int:
    """The process's file mode creation mask."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def one_thread():
    """Solve on one thread: a factorisation spread over several shares its work out by chance, and its last bits with it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def cubic_basis(t):
    """Values of the four cubic B-splines that reach a position t in [0, 1) of a cell, NumPy or torch: (N,) -> 4 of (N,)."""
    return (1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6
