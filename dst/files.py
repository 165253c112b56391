"""Output files: checked before any work starts, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

from correspondence import common
from dst.config import InputError, suggest

EXTENSIONS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
"""What an image's file name may end in."""
BESIDE, DAY = ".dst-run-", 86400
"""What the name of a folder that is being filled begins with, and after how many seconds it must be a dead process's."""


def check_output(path, extensions: tuple[str, ...] | None = EXTENSIONS) -> Path:
    """Make sure, before any work is done, that a file can be written there.

    Args:
        path: where the file is to go.
        extensions: allowed ones; None allows any.

    Raises:
        InputError: an unknown extension, a missing or unwritable folder, a folder or a device of that name.
    """
    target = Path(path)
    if extensions is not None:
        check_extension(str(path), extensions)
    try:
        kind = target.stat().st_mode
    except FileNotFoundError:
        kind = None
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} is no usable file name ({error}): choose another") from error
    if kind is not None:
        if stat.S_ISDIR(kind):
            raise InputError(f"{path} is a folder: add a file name")
        if not stat.S_ISREG(kind):
            raise InputError(f"{path} is not an ordinary file: choose another name")
        if not os.access(target, os.W_OK):
            raise InputError(f"{path} is write-protected: choose another name")
    folder = target.parent
    if not folder.is_dir():
        raise InputError(f"the folder {folder} does not exist: create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"the folder {folder} cannot be written to: choose another")
    return target


@contextlib.contextmanager
def replacing(path, follow: bool = True):
    """Yield a temporary path beside `path`; it takes the place of `path` if all goes well, else it is removed.

    An existing file's permissions are kept. A link is followed, as is right for a file that a user names; without `follow`
    the link itself gives way to the file, and what it points to stays untouched.

    Raises:
        InputError: the temporary file cannot be made.
    """
    with contextlib.ExitStack() as stack:
        try:
            temporary = stack.enter_context(common.replacing(path, follow))
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror or error}): choose another place") from error
        yield temporary


@contextlib.contextmanager
def folder_beside(target):
    """Yield an empty folder beside `target`, to be filled and renamed or emptied into it; it is removed in the end.

    Those that killed processes left there are removed too, once they are a day old.
    """
    parent = Path(os.path.realpath(target)).parent
    for left in parent.glob(f"{BESIDE}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > DAY:
                shutil.rmtree(left, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=BESIDE, dir=parent))
    try:
        fresh.chmod(0o777 & ~common.umask())
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def read_json(path) -> Any:
    """What a JSON file of at most `TEXT_BYTES` says: an ordinary file, or one that a link leads to.

    Raises:
        OSError: it cannot be read, or is not an ordinary file.
        ValueError: it is not JSON, or so deeply nested that nothing here wrote it.
    """
    try:
        return json.loads(common.read_regular(path).decode(), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number that JSON knows")


def check_extension(path: str, extensions: tuple[str, ...] = EXTENSIONS) -> str:
    """The extension in lower case.

    Raises:
        InputError: it is none of `extensions`.
    """
    extension = Path(path).suffix.lower()
    if extension not in extensions:
        given = f"{path} ends in {extension}" if extension else f"{path} has no extension"
        raise InputError(f"{given}: it takes one of {', '.join(extensions)}{suggest(extension, extensions)}")
    return extension
