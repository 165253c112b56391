"""Output files: checked before any work starts, written whole or not at all; and files that come with the package."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from correspondence import common
from dst.config import ANIMATIONS, InputError, suggest

EXTENSIONS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
"""What an image's file name may end in."""
BESIDE, DAY = f"{common.PREFIX}run-", 86400
"""What the name of a folder that is being filled begins with, and after how many seconds it must be a dead process's where
nothing else tells."""


def read_shipped(path: Path, sha256: str, advice: str = "") -> bytes:
    """What a file that comes with the package holds.

    Args:
        advice: how to do without it, for the message.

    Raises:
        InputError: it is missing, damaged or exchanged: its content does not hash to `sha256`.
    """
    todo = "reinstall the package" + (f", or {advice}" if advice else "")
    try:
        data = common.read_regular(path)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror or error}): {todo}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise InputError(
            f"{path.name} is not the file that this version was released with (its sha256 begins {digest[:12]}, not "
            f"{sha256[:12]}): {todo}"
        )
    return data


def check_output(path, extensions: tuple[str, ...] | None = EXTENSIONS) -> Path:
    """Make sure, before any work is done, that a file can be written there.

    Args:
        path: where the file is to go.
        extensions: allowed ones; None allows any.

    A link is followed, as `replacing` follows it: what counts is the folder that the file would come to lie in.

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
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{str(path)!r} is no usable file name ({why}): choose another") from error
    if kind is not None:
        if stat.S_ISDIR(kind):
            raise InputError(f"{path} is a folder: add a file name")
        if not stat.S_ISREG(kind):
            raise InputError(f"{path} is not an ordinary file: choose another name")
        if not os.access(target, os.W_OK):
            raise InputError(f"{path} is write-protected: choose another name")
    folder = Path(os.path.realpath(target)).parent if target.is_symlink() else target.parent
    if not folder.is_dir():
        raise InputError(f"the folder {folder} does not exist: create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"the folder {folder} cannot be written to: choose another")
    return target


def check_animation(path) -> Path:
    """Make sure, before any work is done, that an animation can be written there.

    Raises:
        InputError: as `check_output`, or `-`, which is standard output on the command line.
    """
    if str(path) == "-":
        raise InputError(
            f"an animation cannot go to standard output: name a file that ends in {' or '.join(ANIMATIONS)}"
        )
    return check_output(path, ANIMATIONS)


@contextlib.contextmanager
def replacing(path, follow: bool = True):
    """Yield a temporary path beside `path`; it takes the place of `path` if all goes well, else it is removed.

    An existing file's permissions are kept. A link is followed, as is right for a file that a user names; without `follow`
    the link itself gives way to the file, and what it points to stays untouched.

    Raises:
        InputError: it cannot be written there.
        OSError: the disk is full or fails; it names `path`.
    """
    try:
        with common.replacing(path, follow) as temporary:
            yield temporary
    except OSError as error:
        raise unwritten(path, error) from error


def unwritten(path, error: OSError) -> Exception:
    """What to raise of a file or a folder that could not be written: an OSError that names it where the disk is full or
    fails, which no other name would mend; else an InputError."""
    if error.errno in common.FULL:
        return OSError(error.errno, error.strerror, str(path))
    return InputError(f"{path} cannot be written ({error.strerror or error}): choose another place")


@contextlib.contextmanager
def folder_beside(target):
    """Yield an empty folder beside `target`, to be filled and renamed or emptied into it; it is removed in the end.

    Those that dead processes left there are removed too.
    """
    import tempfile  # here, so that --help need not wait for it

    clear_beside(target)
    parent = Path(os.path.realpath(target)).parent
    with common.made(lambda: tempfile.mkdtemp(prefix=f"{BESIDE}{common.host()}-", dir=parent)) as fresh:
        try:
            fresh.chmod(0o777 & ~common.umask())
            yield fresh
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def clear_beside(target) -> None:
    """Remove the folders that dead processes left half-filled beside `target`."""
    for left in Path(os.path.realpath(target)).parent.glob(f"{BESIDE}*"):
        if left.is_dir():
            remove_left(left, BESIDE)


@contextlib.contextmanager
def made_folder(folder: Any) -> Iterator[Path]:
    """A folder, made where there is none yet; what was made is removed in the end if nothing came to lie in it.

    Raises:
        InputError: it cannot be made.
        OSError: the disk is full or fails.
    """
    home = Path(os.path.realpath(folder))
    fresh = not home.exists()
    try:
        home.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritten(folder, error) from error
    try:
        yield home
    finally:
        if fresh:
            with contextlib.suppress(OSError):
                home.rmdir()


def remove_left(path: Path, prefix: str = common.PREFIX) -> None:
    """Remove a temporary file or folder if the process that made it is dead.

    Its name says on which machine it was made: of another machine's processes nobody here knows, so that theirs stays. Its
    maker holds its lock as long as it lives. Where a network's folder knows no locks, a day must have passed. Names of
    version 0.1 say nothing: its folders must be a day old, its half-written checkpoints go.
    """
    machine, dash, _ = path.name.removeprefix(prefix).partition("-")
    nameless = not dash and path.is_file()
    if path.is_symlink() or (dash and machine != common.host()) or (nameless and path.suffix != ".pt"):
        return
    with contextlib.suppress(OSError), common.holding(path) as ours:
        told = ours if dash else nameless
        if ours is not False and (told or time.time() - path.stat().st_mtime > DAY):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def files_in(folder: Any, extensions: Sequence[str]) -> list[Path]:
    """Files of a folder that end in one of some extensions, by name; hidden ones, as systems leave beside others, are none.

    Raises:
        InputError: the folder cannot be read.
    """
    try:
        found = sorted(Path(folder).iterdir())
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read ({error.strerror or error}): give another") from error
    return [path for path in found if path.suffix.lower() in extensions and not path.name.startswith(".")]


def digest(path) -> str:
    """SHA-256 of a file, as hexadecimal text.

    Raises:
        OSError: it cannot be read, is not an ordinary file, or holds more than 8 GB.
    """
    import hashlib  # here, so that --help need not wait for it

    with common.open_regular(path, 8 * 10**9) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as the text of a CSV file with a header; what a row does not have stays empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def all_keys(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys of all rows, in the order that they first appear in."""
    return list(dict.fromkeys(key for row in rows for key in row))


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
