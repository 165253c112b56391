"""What both packages need: one error for points, files written whole or not at all, solving on one thread, a B-spline."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


class MatchError(ValueError):
    """A set of points cannot be used. The message says what was given, what is allowed and what to do."""


@contextlib.contextmanager
def replacing(path):
    """Yield a temporary path beside `path`; it takes the place of `path` if all goes well, else it is removed.

    A link is followed, and an existing file's permissions are kept.

    Raises:
        OSError: the temporary file cannot be made, or cannot take the place.
    """
    target = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(prefix=".dst-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.chmod(stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~umask())
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
