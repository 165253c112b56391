"""The folder of a run: which files are its own, whether a run can be kept there, how a run replaces another.

The folder itself may be a link, for its user named it. A link in it under the name of a run's file is never written
through: it gives way to a file, and what it points to stays untouched.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from correspondence.common import PREFIX
from dst.config import InputError
from dst.files import clear_beside, folder_beside, read_json, remove_left
from dst.runs.record import KIND

IMAGES = ("image", "unwarped", "warped_content", "content", "style")
"""Images of a Result that are stored as PNG under their own names, and read back."""
FILES = (
    *(f"{name}.png" for name in (*IMAGES, "geometry", "matches", "losses", "arrows", "grid", "contact")),
    *("points.csv", "warp.json", "history.csv", "checkpoint.pt", "run.json"),
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
    """Whether a folder holds a run, of any version, or what is left of one; anything else is not ours to replace."""
    try:
        record = read_json(target / "run.json")
    except (OSError, ValueError):
        return names <= set(FILES)
    return isinstance(record, dict) and record.get("kind") == KIND


@contextlib.contextmanager
def assembled(target: Path):
    """Yield an empty folder beside `target`; what is put there takes the place of the run that `target` holds."""
    with folder_beside(target) as fresh:
        yield fresh
        _move_in(fresh, Path(os.path.realpath(target)))


def _move_in(fresh: Path, target: Path) -> None:
    """Bring the files of `fresh` to `target`: one rename where there is no such folder yet, else file by file.

    The old run.json goes first and the new one comes last, so that a folder caught between the
    two is taken for neither.
    """
    if not target.exists():
        os.rename(fresh, target)
        return
    for name in sorted(FILES, key=lambda name: name != "run.json"):
        (target / name).unlink(missing_ok=True)
    clear_left(target)
    for made in sorted(fresh.iterdir(), key=lambda made: made.name == "run.json"):
        os.replace(made, target / made.name)


def claim(folder: Any, force: bool) -> None:
    """Make sure, before any work, that a run can be kept in a folder.

    Raises:
        InputError: as `check_folder`.
    """
    check_folder(folder, force)
    clear_left(folder)


def clear_left(folder: Any) -> None:
    """Remove what dead processes left half-written in a run's folder and beside it."""
    clear_beside(folder)
    for left in Path(folder).glob(LEFT):
        if left.is_file():
            remove_left(left)
