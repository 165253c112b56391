"""The checkpoint of a run: all that a later process needs to go on as if the run had never stopped.

One file, `checkpoint.pt`, holds the inputs at the size of the optimisation, the keypoints, the options and the loop's
state, and small pictures of the steps; no original picture is needed to go on at the same size. It is written beside
its name and renamed, so whatever happens the folder holds a whole one: a killed run loses what came after the last.
"""

from __future__ import annotations

import errno
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dst.config import InputError, StylizeConfig
from dst.files import folder_beside, replacing
from dst.film import Kept
from dst.imaging.masks import Segment
from dst.methods.targets import Style
from dst.optimize import Problem, State
from dst.record import versions
from dst.result import FILES, Result, Step, check_folder, clear_left

NAME = "checkpoint.pt"
KIND, FORMAT = "dst checkpoint", 1
ADVICE = "give the folder of a run that was made with --run"


@dataclass
class Job:
    """A run, all but how far it is: what `stylize` made of its inputs.

    Attributes:
        config, preset: what was asked for.
        inputs: what the record says of the pictures: names, sizes and, for files, paths and digests.
        content_size: (W, H) of the displayed content.
        picture: (1, 3, H, W) the content in its own colours, at the size of the optimisation.
        alpha: (1, 1, H, W) or None.
        style: (1, 3, h, w) the first style, as shown beside the result.
        partner: (1, 3, h, w) the picture that the content was matched with, where that is not the first style.
        points: (N, 5) content x, y, style x, y, score in pixels of the displayed pictures, or None.
        partner_size: (W, H) that the style points refer to.
        pins: how many points, the first ones, are pinned.
        verdict: one sentence on the matches, or on why there is no warp.
        mask: (H, W) bool at the displayed content's size, the protected parts, or None.
        rigid: (k,) labels of the problem's keypoints, 0 for free ones.
        kept: share of the bend that was left when the matches' warp was unfolded.
        problem: what is optimised.
    """

    config: StylizeConfig
    preset: str
    inputs: dict[str, Any]
    content_size: tuple[int, int]
    picture: Tensor
    alpha: Tensor | None
    style: Tensor
    partner: Tensor | None
    points: np.ndarray | None
    partner_size: tuple[int, int]
    pins: int
    verdict: str
    mask: np.ndarray | None
    rigid: np.ndarray
    kept: float
    problem: Problem
    notes: dict[str, Any] = field(default_factory=dict)


def write(folder: Path, job: Job, state: State, encoder: Any, seconds: dict[str, float], film: Kept) -> None:
    """Write `checkpoint.pt` into a folder, whole or not at all.

    Raises:
        InputError: the disk refuses.
    """
    data = {
        "kind": KIND,
        "format": FORMAT,
        "dst": versions()["dst"],
        "encoder": {"name": encoder.name, "sha256": encoder.sha256},
        "seconds": dict(seconds),
        "job": {f.name: _packed(getattr(job, f.name)) for f in fields(job)},
        "state": {f.name: _packed(getattr(state, f.name)) for f in fields(state)},
        "film": film.packed(),
    }
    try:
        with replacing(Path(folder) / NAME) as temporary:
            torch.save(data, temporary)
    except (OSError, RuntimeError) as error:
        raise InputError(f"the checkpoint cannot be written to {folder} ({error})") from error


def read(folder: Any) -> dict[str, Any]:
    """Read a run's checkpoint: `{"job": Job, "state": State, "film": Kept, "encoder": {...}, "seconds": {...}}`.

    Raises:
        InputError: no such folder, no checkpoint, a damaged or foreign one, or one made by a newer version.
    """
    home = Path(folder)
    if not home.is_dir():
        why = "is not a folder" if home.exists() else "does not exist"
        raise InputError(f"{folder} {why}: {ADVICE}")
    if not (home / NAME).exists():
        kept = "the run in it kept no checkpoint" if (home / "run.json").exists() else "it holds no run"
        raise InputError(f"{folder} cannot be resumed ({kept}): {ADVICE}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = torch.load(home / NAME, map_location="cpu", weights_only=True)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EIO):
            raise InputError(f"{folder}/{NAME} cannot be read ({error.strerror})") from error
        raise InputError(f"{folder}/{NAME} is damaged or not whole: make the run again") from error
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise InputError(f"{folder}/{NAME} is not a checkpoint of dst: {ADVICE}")
    if not isinstance(data.get("format"), int) or data["format"] > FORMAT:
        raise InputError(
            f"{folder} was made by a newer version (dst {data.get('dst')}, checkpoint format {data.get('format')}; "
            f"this one reads up to {FORMAT}): update dst"
        )
    try:
        return {**data, "job": _job(data["job"]), "state": _state(data["state"]), "film": Kept(data.get("film"))}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder}/{NAME} is damaged (parts are missing or wrong): make the run again") from error


def _packed(value: Any) -> Any:
    """The same in types that `torch.load(weights_only=True)` takes."""
    if isinstance(value, StylizeConfig):
        return value.flat()
    if isinstance(value, np.ndarray) and value.dtype == bool:
        return {"bits": torch.from_numpy(np.packbits(value)), "shape": list(value.shape)}
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value))
    if isinstance(value, Problem):
        return {f.name: _packed(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: _packed(item) for key, item in value.items()}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(_packed(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [_packed(item) for item in value]
    return value


def _array(value: Any) -> np.ndarray | None:
    if isinstance(value, dict):
        count = int(np.prod(value["shape"]))
        return np.unpackbits(value["bits"].numpy(), count=count).reshape(value["shape"]).astype(bool)
    return None if value is None else value.numpy()


def _job(data: dict[str, Any]) -> Job:
    problem = dict(data["problem"])
    problem["styles"] = [Style(image, weight) for image, weight in problem["styles"]]
    if problem["segments"]:
        problem["segments"] = [Segment(content, list(styles)) for content, styles in problem["segments"]]
    config = StylizeConfig.from_options(**data["config"])
    device = torch.device(config.device)
    changed = {
        "config": config,
        "problem": Problem(**{name: to_device(value, device) for name, value in problem.items()}),
        "content_size": tuple(data["content_size"]),
        "partner_size": tuple(data["partner_size"]),
        **{name: _array(data[name]) for name in ("points", "mask", "rigid")},
    }
    return Job(**{**data, **changed})


def _state(data: dict[str, Any]) -> State:
    return State(**{name: value for name, value in data.items()})


def to_device(value: Any, device: torch.device) -> Any:
    """Tensors, also those inside lists and named tuples, on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(to_device(item, device) for item in value))
    return [to_device(item, device) for item in value] if isinstance(value, list) else value


class Keeper:
    """Keeps a run's folder up to date: the first checkpoint, one every so often, and in the end the whole run."""

    def __init__(
        self, folder: Any, every: float, job: Job, encoder: Any, seconds: dict[str, float], film: Kept | None = None
    ) -> None:
        """`every` is in seconds; 0 means after each step. `film` holds the steps that an earlier process made."""
        self.folder = Path(os.path.realpath(folder))
        self.every, self.job, self.encoder, self.seconds = every, job, encoder, seconds
        self.film = film or Kept()
        self.last = time.monotonic()

    def write(self, state: State) -> None:
        """Write a checkpoint now; the folder is made, whole, with the first."""
        if self.folder.is_dir():
            write(self.folder, self.job, state, self.encoder, self.seconds, self.film)
        else:
            with folder_beside(self.folder) as fresh:
                write(fresh, self.job, state, self.encoder, self.seconds, self.film)
                os.rename(fresh, self.folder)
        self.last = time.monotonic()

    def watch(self, on_step: Callable[[Step], object] | None) -> Callable[[Step], object]:
        """An `on_step` that calls another one and writes a checkpoint when it is time."""

        def watched(step: Step) -> object:
            stop = on_step is not None and on_step(step)
            self.film(step)
            if time.monotonic() - self.last >= self.every:
                self.write(step.state)
            return stop

        return watched

    def publish(self, result: Result, state: State) -> None:
        """Put the finished run's files into the folder, `run.json` last; at every moment the folder can be resumed."""
        with folder_beside(self.folder) as fresh:
            result.save(fresh)
            write(fresh, self.job, state, self.encoder, self.seconds, self.film)
            made = {path.name: path for path in fresh.iterdir()}
            self.folder.mkdir(exist_ok=True)
            os.replace(made.pop(NAME), self.folder / NAME)
            last = made.pop("run.json")
            for name in ("run.json", *(set(FILES) - {*made, NAME})):
                (self.folder / name).unlink(missing_ok=True)
            for name, path in made.items():
                os.replace(path, self.folder / name)
            os.replace(last, self.folder / "run.json")


def claim(folder: Any, force: bool) -> None:
    """Make sure, before any work, that a run can be kept in a folder.

    Raises:
        InputError: as `dst.result.check_folder`.
    """
    check_folder(folder, force)
    clear_left(folder)
