"""Result and Step: what a run gives while it goes and when it ends, and the folder that keeps it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dst import imaging
from dst.config import InputError
from dst.files import folder_beside
from dst.record import FORMAT
from dst.warp import Warp

PICTURES = ("image", "unwarped", "warped_content", "content", "style")
"""Pictures of a Result that are stored as PNG under their own names, and read back."""
FILES = (
    *(f"{name}.png" for name in (*PICTURES, "geometry", "matches", "losses", "arrows", "grid", "contact")),
    *("points.csv", "warp.json", "history.csv", "checkpoint.pt", "run.json"),
)
"""Every name that a run's folder may hold; nothing else in it is ever replaced or removed."""
LEFT = ".dst-*.pt"
"""What a process that is killed while it writes a checkpoint leaves in the folder; the next save removes it."""
SHOWN = 1024
"""Long side in pixels above which a notebook is given a smaller picture, so that it stays a file of a few megabytes."""
WHOLE = ("scale", "side", "step")
"""Columns of the history that hold whole numbers."""


@dataclass(frozen=True)
class Step:
    """One finished step, as given to `on_step`.

    Attributes:
        scale, scales: index of the scale, from 0 at the coarsest, and how many there are.
        size: (W, H) of this scale, pixels.
        step, steps: index of the step within the scale, and how many the scale has.
        done, total_steps: steps finished in the whole run, and how many it has.
        terms: unweighted `content`, `style`, `style_warped`, `warp`, `tv`, and the weighted `total`.
        seconds: what the step took.
        state: the optimisation's state (`state.image` is the picture so far); it changes with the next step.
    """

    scale: int
    scales: int
    size: tuple[int, int]
    step: int
    steps: int
    done: int
    total_steps: int
    terms: dict[str, float]
    seconds: float
    state: Any


@dataclass(repr=False)
class Result:
    """What a run ends with. Pictures are uint8 (H, W, 3), or (H, W, 4) where the content has alpha.

    Attributes:
        image: the bent and painted picture.
        unwarped: the same before the warp.
        warped_content: the content under the same warp.
        content, style: the inputs at the size of the optimisation.
        matches: keypoints in pixels of the displayed images; None where none were looked for.
        warp: the final warp; the identity for plain style transfer.
        history: one row a step: `scale, side, step`, the terms and `total` (unweighted but for the total), `seconds`.
        record: what `run.json` says; every value can be written as JSON.
        matches_image: matches drawn over both pictures, or None.
        geometry: the picture that the shapes came from, where that is not the style; else None.
        figures: `{"losses.png": function of a Result -> matplotlib figure}`, drawn when the run is saved.
    """

    image: np.ndarray
    unwarped: np.ndarray
    warped_content: np.ndarray
    content: np.ndarray
    style: np.ndarray
    matches: Any
    warp: Warp
    history: list[dict[str, Any]]
    record: dict[str, Any]
    matches_image: np.ndarray | None = None
    geometry: np.ndarray | None = None
    figures: dict[str, Callable[[Result], Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        found = "no matches" if self.matches is None else f"{len(self.matches)} matches"
        return f"Result({width} x {height} pixels, {found}, {len(self.history)} steps)"

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the picture, made smaller where its long side is over `SHOWN` pixels."""
        if max(self.image.shape[:2]) <= SHOWN:
            return imaging.encode(self.image)
        picture = imaging.read(self.image, min_side=1)
        alpha = None if picture.alpha is None else imaging.resize(picture.alpha, SHOWN)
        return imaging.encode(imaging.resize(picture.rgb, SHOWN), alpha)

    def save(self, folder, force: bool = False) -> Path:
        """Write the run: pictures, points.csv, warp.json, history.csv, figures and, last, run.json.

        All is assembled beside the folder and moved in one go: an interrupted save leaves what was there.

        Args:
            folder: a new or empty folder; its parent must exist.
            force: replace the run that the folder holds; files that are not a run's stay.

        Raises:
            InputError: the folder cannot be used (see `check_folder`), or the disk refuses.
        """
        target = check_folder(folder, force)
        try:
            with _assembled(target) as fresh:
                self._write(fresh)
        except OSError as error:
            raise InputError(f"the run cannot be written to {folder} ({error.strerror or error})") from error
        return target

    def _write(self, folder: Path) -> None:
        for name in PICTURES:
            imaging.write(folder / f"{name}.png", getattr(self, name))
        for name, picture in (("matches", self.matches_image), ("geometry", self.geometry)):
            if picture is not None:
                imaging.write(folder / f"{name}.png", picture)
        if self.matches is not None:
            self.matches.to_csv(folder / "points.csv")
        self.warp.save(folder / "warp.json")
        (folder / "history.csv").write_text(_history_to_csv(self.history), encoding="utf-8")
        for name, draw in self.figures.items():
            draw(self).savefig(folder / name)
        (folder / "run.json").write_text(record_text(self.record) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder) -> Result:
        """Read a run that `save` wrote, all but its matches: `dst.load_run` reads those too.

        Raises:
            InputError: no run there, a damaged or incomplete one, or one made by a newer version.
        """
        home, record = Path(folder), read_record(folder)
        pictures = {}
        for name in PICTURES:
            picture = imaging.read(home / f"{name}.png", min_side=1)
            pictures[name] = imaging.to_array(picture.rgb, picture.alpha)
        for field_name, name in (("matches_image", "matches"), ("geometry", "geometry")):
            path = home / f"{name}.png"
            pictures[field_name] = imaging.to_array(imaging.read(path, min_side=1).rgb) if path.exists() else None
        history = _history_from_csv(home / "history.csv")
        warp = Warp.load(home / "warp.json")
        return cls(**pictures, matches=None, warp=warp, history=history, record=record)


def record_text(record: dict[str, Any]) -> str:
    """A record as JSON; numbers that are not finite become null."""
    return json.dumps(_plain(record), indent=1, allow_nan=False)


def read_record(folder) -> dict[str, Any]:
    """Return what the `run.json` of a run's folder says.

    Raises:
        InputError: no such folder, no run in it, a damaged record, or one made by a newer version.
    """
    home = Path(folder)
    advice = "give the folder that `--run` or `Result.save` wrote"
    if not home.is_dir():
        raise InputError(
            f"{folder} is not a folder: {advice}" if home.exists() else f"{folder} does not exist: {advice}"
        )
    try:
        record = json.loads((home / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no run (it has no run.json): {advice}") from None
    except OSError as error:
        raise InputError(f"{folder}/run.json cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{folder}/run.json is damaged ({error}): make the run again") from error
    if not isinstance(record, dict) or record.get("kind") != "dst run" or not isinstance(record.get("format"), int):
        raise InputError(f"{folder}/run.json is not the record of a run of dst: {advice}")
    if record["format"] > FORMAT:
        made = (
            record.get("versions", {}).get("dst", "a newer version") if isinstance(record.get("versions"), dict) else ""
        )
        raise InputError(
            f"{folder} was made by a newer version ({made}, format {record['format']}; this one reads up to {FORMAT}): "
            "update dst"
        )
    return record


def check_folder(folder, force: bool = False) -> Path:
    """Make sure, before any work is done, that a run can be saved there.

    Raises:
        InputError: the parent is missing or cannot be written to; it is a file; it holds another run and `force` is not
            given; it holds other files and no run.
    """
    target = Path(folder)
    try:
        exists, parent = os.path.lexists(target), target.absolute().parent
        names = {p.name for p in target.iterdir() if not p.match(LEFT)} if target.is_dir() else set()
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
    if names and not force:
        raise InputError(f"{folder} holds a run already: choose another folder, or replace it with --force")
    return target


def _is_run(target: Path, names: set[str]) -> bool:
    """Whether a folder holds a run, of any version, or what is left of one; anything else is not ours to replace."""
    try:
        record = json.loads((target / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return names <= set(FILES)
    return isinstance(record, dict) and record.get("kind") == "dst run"


@contextlib.contextmanager
def _assembled(target: Path):
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


def clear_left(folder: Any) -> None:
    """Remove what a killed process left half-written in a run's folder."""
    for left in Path(folder).glob(LEFT):
        left.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    """The same as JSON can hold it: numbers that are not finite become null, tuples lists, numpy scalars numbers."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def _history_to_csv(history: list[dict[str, Any]]) -> str:
    """Rows as CSV; floats with every digit, so that reading gives the same numbers."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in history for key in row)) or [*WHOLE, "total", "seconds"]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def _history_from_csv(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                {k: int(v) if k in WHOLE else float(v) for k, v in row.items() if v} for row in csv.DictReader(file)
            ]
    except FileNotFoundError:
        raise InputError(f"{path} is missing: the run is incomplete; make it again") from None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}): make the run again") from error
