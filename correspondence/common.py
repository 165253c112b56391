"""What both packages need: one error for points, files read and written with care, solving on one thread, a B-spline."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO

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


@contextlib.contextmanager
def replacing(path, follow: bool = True):
    """Yield a temporary path beside `path`; it takes the place of `path` if all goes well, else it is removed.

    An existing file's permissions are kept. A link is followed, as is right for a file that a user names; without `follow`
    the link itself gives way to the file, and what it points to stays untouched.

    Raises:
        OSError: the temporary file cannot be made, or cannot take the place.
    """
    target = Path(os.path.realpath(path)) if follow else Path(os.path.realpath(Path(path).parent), Path(path).name)
    handle, name = tempfile.mkstemp(prefix=".dst-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
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
