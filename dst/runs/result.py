"""Result: what a run ends with, shown in a notebook, saved as a folder and read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from correspondence.common import MatchError, open_regular, read_regular
from correspondence.matches import Matches, places_to_mask
from dst import imaging
from dst.config import InputError
from dst.config.schema import Items
from dst.files import all_keys, csv_text, unwritten
from dst.runs.folder import IMAGES, assembled, check_folder, held
from dst.runs.record import read_record, record_text
from dst.runs.schema import HISTORY_ROW
from dst.warp import Warp

SHOWN = 1024
"""Long side in pixels above which a notebook is given a smaller image, so that it stays a file of a few megabytes."""
IMAGE_BYTES = 10**9
"""The most that an image of a run may hold: four times the pixels of the largest."""
PNG_LEVEL = 3
"""How hard figures are packed: half of the time that matplotlib's own 6 takes to save them, for a twentieth more bytes."""
WHOLE = ("scale", "side", "step")
"""Columns of the history that hold whole numbers."""


@dataclass(repr=False)
class Result:
    """What a run ends with. Images are uint8 (H, W, 3), or (H, W, 4) where the content has alpha.

    Attributes:
        image: the warped and painted image.
        unwarped: the same before the warp.
        warped_content: the content under the same warp.
        content, style: the inputs at the size of the optimisation.
        matches: keypoints in pixels of the displayed images; None where none were looked for.
        warp: the final warp; the identity for plain style transfer.
        history: one row a step: `scale, side, step`, the terms and `total` (unweighted but for the total), `seconds`.
        record: what `run.json` says; every value can be written as JSON.
        matches_image: matches drawn over both images, or None.
        geometry: the image that the shapes came from, where that is not the style; else None.
        figures: `{"losses.png": function of a Result -> matplotlib figure}`, drawn when the run is saved.
    """

    image: np.ndarray
    unwarped: np.ndarray
    warped_content: np.ndarray
    content: np.ndarray
    style: np.ndarray
    matches: Matches | None
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
        """What a notebook shows: the image, made smaller where its long side is over `SHOWN` pixels."""
        if max(self.image.shape[:2]) <= SHOWN:
            return imaging.encode(self.image)
        image = imaging.read(self.image, min_side=1)
        alpha = None if image.alpha is None else imaging.resize(image.alpha, SHOWN)
        return imaging.encode(imaging.resize(image.rgb, SHOWN), alpha)

    def save(self, folder, force: bool = False) -> Path:
        """Write the run: images, points.csv, warp.json, history.csv, figures and, last, run.json.

        All is assembled beside the folder and moved in one go: an interrupted save leaves what was there.

        Args:
            folder: a new or empty folder; its parent must exist.
            force: replace the run that the folder holds; files that are not a run's stay.

        Raises:
            InputError: the folder cannot be used (see `check_folder`), or another process is making a run in it.
            OSError: the disk is full or fails; it names the folder.
        """
        target = check_folder(folder, force)
        try:
            with held(target), assembled(target) as fresh:
                self.write_files(fresh)
        except OSError as error:
            raise unwritten(folder, error) from error
        return target

    def write_files(self, folder: Path) -> None:
        """Write the run's files into a folder that is there, empty and nobody else's.

        Raises:
            InputError, OSError: as `save`.
        """
        for name in IMAGES:
            imaging.write(folder / f"{name}.png", getattr(self, name))
        for name, image in (("matches", self.matches_image), ("geometry", self.geometry)):
            if image is not None:
                imaging.write(folder / f"{name}.png", image)
        if self.matches is not None:
            self.matches.to_csv(folder / "points.csv")
        self.warp.save(folder / "warp.json")
        (folder / "history.csv").write_text(_history_to_csv(self.history), encoding="utf-8")
        save_figures(self, folder)
        (folder / "run.json").write_text(record_text(self.record) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder) -> Result:
        """Read a run that `save` wrote.

        Raises:
            InputError: no run there, a damaged or incomplete one, or one made by a newer version.
        """
        home, record = Path(folder), read_record(folder)
        images = {}
        for name in IMAGES:
            image = stored_image(home, name)
            images[name] = imaging.to_array(image.rgb, image.alpha)
        for field_name, name in (("matches_image", "matches"), ("geometry", "geometry")):
            there = (home / f"{name}.png").exists()
            images[field_name] = imaging.to_array(stored_image(home, name).rgb) if there else None
        history = _history_from_csv(home / "history.csv")
        warp = Warp.load(home / "warp.json")
        targets = record["warp"].get("targets")
        if record["warp"]["points"] != len(warp.source) or (targets is not None and len(targets) != len(warp.source)):
            raise InputError(f"{home}/run.json and warp.json are of two runs: make the run again")
        matches = _matches_of(record, folder)
        return cls(**images, matches=matches, warp=warp, history=history, record=record)


def save_figures(result: Result, folder: Path) -> None:
    """Draw a result's figures into a folder."""
    for name, draw in result.figures.items():
        packing = {"pil_kwargs": {"compress_level": PNG_LEVEL}} if name.endswith(".png") else {}
        draw(result).savefig(folder / name, **packing)


def stored_image(folder: Any, name: str) -> imaging.Image:
    """An image of a run's folder, such as `warped_content` (`dst.runs.folder.IMAGES`).

    Raises:
        InputError: it is missing, damaged, or cannot be read.
    """
    path = Path(folder) / f"{name}.png"
    try:
        open_regular(path, IMAGE_BYTES).close()
    except FileNotFoundError:  # which is said below
        pass
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from error
    return imaging.read(path, min_side=1)


def _matches_of(record: dict[str, Any], folder: Any) -> Matches | None:
    found = record["matches"]
    if found["content_size"] is None:
        return None
    rows = np.array(found["points"], dtype=np.float64).reshape(-1, 5)
    sizes, places = (found["content_size"], found["style_size"]), found.get("pinned")
    try:
        first = range(min(found["pins"], len(rows)))  # of version 0.1, which knew their number: those in front
        pinned = places_to_mask(first if places is None else places, len(rows))
        more = found.get("source"), found.get("shift")
        return Matches(rows[:, :2], rows[:, 2:4], rows[:, 4], *sizes, found.get("confidence"), pinned, *more)
    except MatchError as error:
        raise InputError(f"{folder}/run.json is damaged ({error}): make the run again") from error


def _history_to_csv(history: list[dict[str, Any]]) -> str:
    """Rows as CSV; floats with every digit, so that reading gives the same numbers."""
    return csv_text(history, all_keys(history) or [*WHOLE, "total", "seconds"])


def _history_from_csv(path: Path) -> list[dict[str, Any]]:
    try:
        text = io.StringIO(read_regular(path).decode(), newline="")
        rows = [{k: int(v) if k in WHOLE else float(v) for k, v in row.items() if v} for row in csv.DictReader(text)]
        return Items(HISTORY_ROW).check("rows", rows)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: the run is incomplete; make it again") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from error
    except (ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}): make the run again") from error
