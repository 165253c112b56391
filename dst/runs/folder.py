"""The folder of a run: which files are its own, whether a run can be kept there, who may write to it, how a run takes the
place of another.

The folder itself may be a link, for its user named it. A link in it under the name of a run's file is never written
through: it gives way to a file, and what it points to stays untouched.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from correspondence.common import PREFIX, holding, open_regular
from dst.config import InputError
from dst.files import clear_beside, folder_beside, made_folder, read_json, remove_left
from dst.runs.record import KIND

IMAGES = ("image", "unwarped", "warped_content", "content", "style")
"""Images of a Result that are stored as PNG under their own names, and read back."""
CHECKPOINT, CHECKPOINT_KIND, CHECKPOINT_BYTES = "checkpoint.pt", "dst checkpoint", 32 * 10**9
"""Its name, what it says that it is, and the most that it may hold: twice what one of the largest size takes, with masks of
many colours."""
FILES = (
    *(f"{name}.png" for name in (*IMAGES, "geometry", "matches", "losses", "arrows", "grid", "contact")),
    *("points.csv", "warp.json", "history.csv", CHECKPOINT, "run.json"),
)
"""Every name that a run's folder may hold; nothing else in it is ever replaced or removed."""
LEFT = f"{PREFIX}*"
"""What a process that is killed while it writes a checkpoint leaves in the folder; the next one removes it."""


def check_folder(folder, force: bool = False) -> Path:
    """Make sure, before any work is done, that a run can be saved there.

    Raises:
        InputError: the parent is missing or cannot be written to; it is a file; it holds another run and `force` is not
            given; it holds other files and no run, or a folder of the name of a run's file.
    """
    target = Path(folder)
    try:
        exists, parent = os.path.lexists(target), target.absolute().parent
        names = {p.name for p in target.iterdir() if not p.match(LEFT)} if target.is_dir() else set()
        folders = sorted(n for n in names & set(FILES) if (target / n).is_dir() and not (target / n).is_symlink())
    except (OSError, ValueError) as error:
        raise InputError(f"the run folder {str(folder)!r} cannot be used ({error}): choose another") from error
    if exists and not target.is_dir():
        raise InputError(f"{folder} is a file: a run needs a folder of its own")
    if not parent.is_dir():
        raise InputError(f"the folder {parent} does not exist: create it first")
    for place in (parent, target) if exists else (parent,):
        if not os.access(place, os.W_OK | os.X_OK):
            raise InputError(f"the folder {place} cannot be written to: choose another")
    if names and not _is_run(target, names):
        raise InputError(f"{folder} holds files that are not a run's: choose a new or empty folder")
    if folders:
        raise InputError(
            f"{folder} holds a folder called {folders[0]}, as a run's file is: choose another, or rename that"
        )
    if names and not force:
        raise InputError(f"{folder} holds a run already: choose another folder, or give `force` to replace it")
    return target


def _is_run(target: Path, names: set[str]) -> bool:
    """Whether a folder holds a run, of any version, or what is left of one; anything else is not ours to replace.

    What is left of one has a record, be it damaged, or a checkpoint, and nothing but files of a run's names.
    """
    try:
        record = read_json(target / "run.json")
    except (OSError, ValueError):
        return names <= set(FILES) and ("run.json" in names or _is_checkpoint(target / CHECKPOINT))
    return isinstance(record, dict) and record.get("kind") == KIND


def _is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint of a run, and not of another program, told from its beginning."""
    try:
        with open_regular(path, CHECKPOINT_BYTES) as file, zipfile.ZipFile(file) as archive:
            data = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(data) as pickled:
                return CHECKPOINT_KIND.encode() in pickled.read(1000)
    except (OSError, EOFError, ValueError, RuntimeError, StopIteration, zipfile.BadZipFile, zlib.error):
        return False


def check_inputs(folder: Any, inputs: Iterable[Any]) -> None:
    """Refuse inputs that a run in a folder would replace.

    Args:
        folder: of the run.
        inputs: what a run is given, of any type; paths and images that were opened from a file are looked at.

    Raises:
        InputError: one of them is, or is a link to, a file of the folder with the name of a run's.
    """
    home = os.path.realpath(folder)
    for given in inputs:
        path = getattr(given, "filename", None) or given
        if not isinstance(path, (str, os.PathLike)):
            continue
        parent, name = os.path.split(os.fspath(path))
        try:
            places = os.path.join(os.path.realpath(parent), name), os.path.realpath(path)
        except ValueError:  # no name of a file; reading it says so
            continue
        for place in places:
            if os.path.dirname(place) == home and os.path.basename(place) in FILES:
                raise InputError(
                    f"{path} is an input, and the run would take its place: choose another folder than {folder}"
                )


@contextlib.contextmanager
def assembled(target: Path):
    """Yield an empty folder beside `target`; what is put there takes the place of the run that `target` holds."""
    with folder_beside(target) as fresh:
        yield fresh
        home = Path(os.path.realpath(target))
        if home.exists():
            move_in(fresh, home)
        else:
            os.rename(fresh, home)


def move_in(fresh: Path, target: Path) -> None:
    """Bring the files of `fresh` to a folder, where they take the place of the run that it holds.

    A checkpoint goes first, so that the folder can be resumed at every moment. The old run.json goes before the other files
    change and the new one comes last, so that a folder caught in between is taken for neither run.
    """
    made = {path.name: path for path in fresh.iterdir()}
    gone = set(FILES) - made.keys()
    if CHECKPOINT in made:
        os.replace(made.pop(CHECKPOINT), target / CHECKPOINT)
    for name in sorted({"run.json", *gone}, key=lambda name: name != "run.json"):
        (target / name).unlink(missing_ok=True)
    clear_left(target)
    for name in sorted(made, key=lambda name: name == "run.json"):
        os.replace(made[name], target / name)


@contextlib.contextmanager
def claimed(folder: Any, force: bool, inputs: Iterable[Any] = ()) -> Iterator[None]:
    """Make sure, before any work, that a run can be kept in a folder, and keep others out of it meanwhile.

    The folder is made where there is none yet, for a lock needs it; it is removed in the end if nothing came to lie in it.

    Args:
        folder: of the run; None for a run that is kept nowhere.
        force: replace the run that it holds.
        inputs: as for `check_inputs`.

    Raises:
        InputError: as `check_folder`, `check_inputs` and `held`.
        OSError: the folder cannot be made, for the disk is full or fails.
    """
    if folder is None:
        yield
        return
    check_folder(folder, True)
    check_inputs(folder, inputs)
    with made_folder(folder), held(folder):
        check_folder(folder, force)  # now that nobody else changes it
        clear_left(folder)
        yield


@contextlib.contextmanager
def held(folder: Any) -> Iterator[None]:
    """Hold the lock of a run's folder, so that one process at a time makes a run there, replaces it or goes on with it.

    It leaves nothing behind and ends with the process, however that ends. Where there are no locks, as on Windows and on
    some folders of a network, nobody is kept out.

    Raises:
        InputError: another process holds it.
    """
    home = os.path.realpath(folder)
    with holding(home) as ours:
        if ours is False and os.path.isdir(home):
            raise InputError(
                f"another process is making the run in {folder}: wait until it has ended, or choose another folder"
            )
        yield


def clear_left(folder: Any) -> None:
    """Remove what dead processes left half-written in a run's folder and beside it."""
    clear_beside(folder)
    for left in Path(folder).glob(LEFT):
        if left.is_file():
            remove_left(left)
