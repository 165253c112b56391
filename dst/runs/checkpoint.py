"""The checkpoint of a run: all that a later process needs to go on as if the run had never stopped.

One file, `checkpoint.pt`, holds the inputs at the size of the optimisation, the keypoints, the options and the loop's
state, and small images of the steps; no original image is needed to go on at the same size. It is written beside
its name and renamed, so whatever happens the folder holds a whole one: a killed run loses what came after the last.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from correspondence.common import open_regular
from correspondence.matches import Matches
from dst.config import InputError, StylizeConfig
from dst.config.base import shown
from dst.config.kinds import whole
from dst.files import replacing
from dst.imaging.masks import Segment
from dst.methods.targets import Style
from dst.optim.state import State
from dst.runs.folder import CHECKPOINT as NAME
from dst.runs.folder import CHECKPOINT_BYTES as MAX_BYTES
from dst.runs.folder import CHECKPOINT_KIND as KIND
from dst.runs.frames import KeptFrames
from dst.runs.job import Job, Scene
from dst.runs.record import versions
from dst.runs.schema import CHECKPOINT, check_whole
from dst.runs.upgrade import in_fine_steps, upgraded_checkpoint
from dst.warp import Warp

FORMAT = 5
log = logging.getLogger(__name__)
ADVICE = "give the folder of a run that was made with --run"


@dataclass(frozen=True)
class Kept:
    """What a checkpoint holds.

    Attributes:
        job, state: the run, and how far it is.
        encoder: name and sha256 of the feature network's weights.
        seconds: spent in each stage so far.
        frames: small images of the steps so far.
    """

    job: Job
    state: State
    encoder: dict[str, str]
    seconds: dict[str, float]
    frames: KeptFrames


def write(folder: Path, job: Job, state: State, encoder: Any, seconds: dict[str, float], frames: KeptFrames) -> None:
    """Write `checkpoint.pt` into a folder, whole or not at all.

    Raises:
        InputError: it cannot be written there.
        OSError: the disk is full or fails.
    """
    data = {
        "kind": KIND,
        "format": FORMAT,
        "dst": versions()["dst"],
        "encoder": {"name": encoder.name, "sha256": encoder.sha256},
        "seconds": dict(seconds),
        "job": _packed(job),
        "state": _packed(state),
        "frames": frames.packed(),
    }
    # to a file object: given a path, torch.save would put the temporary file's name, drawn by chance, into the archive
    with replacing(Path(folder) / NAME, follow=False) as temporary, temporary.open("wb") as file:
        try:
            torch.save(data, file)
        except RuntimeError as error:  # of an archive that was cut short; what cut it short came before
            raise error.__context__ if isinstance(error.__context__, OSError) else error from error


def is_kept(folder: Any) -> bool:
    """Whether a folder holds a checkpoint; a finished run that `Result.save` wrote has none."""
    return (Path(folder) / NAME).exists()


def read(folder: Any) -> Kept:
    """Read a run's checkpoint.

    Raises:
        InputError: no such folder, no checkpoint, a damaged or foreign one, or one made by a newer version.
    """
    home = Path(folder)
    if not home.is_dir():
        why = "is not a folder" if home.exists() else "does not exist"
        raise InputError(f"{folder} {why}: {ADVICE}")
    if not is_kept(home):
        kept = "the run in it kept no checkpoint" if (home / "run.json").exists() else "it holds no run"
        raise InputError(f"{folder} cannot be resumed ({kept}): {ADVICE}")
    try:
        data = _loaded(home / NAME)
    except OSError as error:
        raise InputError(f"{folder}/{NAME} cannot be read ({error.strerror or error})") from error
    except Exception as error:  # damaged data makes the reader raise whatever it runs into
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            raise
        raise InputError(f"{folder}/{NAME} is damaged or not whole: make the run again") from error
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise InputError(f"{folder}/{NAME} is not a checkpoint of dst: {ADVICE}")
    version = data.get("format")
    if isinstance(version, int) and version > FORMAT:
        made = shown(data.get("dst")).strip("'")
        raise InputError(
            f"{folder} was made by a newer version (dst {made}, checkpoint format {version}; this one "
            f"reads up to {FORMAT}): update dst"
        )
    try:
        return _parsed(data)
    except InputError as error:
        raise InputError(f"{folder}/{NAME} is damaged ({error}): make the run again") from error
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if "allocate memory" in str(error):
            raise
        raise InputError(f"{folder}/{NAME} is damaged (parts are missing or wrong): make the run again") from error


def _loaded(path: Path) -> Any:
    """What a checkpoint's file holds; nothing in it is run."""
    with warnings.catch_warnings(), open_regular(path, MAX_BYTES) as file:
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(file) as archive:  # stored as they are, or a small file could ask for any memory
            if sum(part.file_size for part in archive.infolist()) > os.fstat(file.fileno()).st_size:
                raise ValueError("its parts are larger than the file")
        file.seek(0)
        return torch.load(file, map_location="cpu", weights_only=True)


def _parsed(data: dict[str, Any]) -> Kept:
    """What `write` was given, on the CPU.

    Raises:
        InputError: what it says cannot be; or any common error, of an old format whose parts are missing or wrong.
    """
    whole(1, FORMAT).check("format", data.get("format"))
    data = upgraded_checkpoint(data)
    CHECKPOINT.check("", {name: part for name, part in data.items() if name not in ("kind", "format", "dst")})
    job, state = _read_job(data["job"]), State(**data["state"])
    check_whole(job, state)
    if data["format"] < 3:
        state = in_fine_steps(state)
    return Kept(job, state, data["encoder"], data["seconds"], KeptFrames(data.get("frames")))


def _packed(value: Any) -> Any:
    """The same in types that `torch.load(weights_only=True)` takes."""
    if isinstance(value, StylizeConfig):
        return value.flat()
    if isinstance(value, Warp):
        names = ("size", "source", "displacement", "rigid", "origin", "pinned")
        return {name: _packed(getattr(value, name)) for name in names}
    if dataclasses.is_dataclass(value):
        return {f.name: _packed(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray) and value.dtype == bool:
        return {"bits": torch.from_numpy(np.packbits(value)), "shape": list(value.shape)}
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return value.tolist()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value))
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
    return value.numpy() if isinstance(value, Tensor) else value


def _read_job(data: dict[str, Any]) -> Job:
    matches = data["matches"] and Matches(**{name: _array(value) for name, value in data["matches"].items()})
    changed = {
        "config": StylizeConfig.from_options(**data["config"]),
        "scene": _read_scene(data["scene"]),
        "content_size": tuple(data["content_size"]),
        "matches": matches,
        "mask": _array(data["mask"]),
    }
    return Job(**{**data, **changed})


def _read_scene(data: dict[str, Any]) -> Scene:
    changed = {
        "styles": [Style(image, weight) for image, weight in data["styles"]],
        "segments": data["segments"] and [Segment(content, list(styles)) for content, styles in data["segments"]],
        "warp": data["warp"] and Warp(**{name: _array(value) for name, value in data["warp"].items()}),
        "confidence": _array(data["confidence"]),
    }
    return Scene(**{**data, **changed})


def on_device(kept: Kept) -> Kept:
    """The same with what the loop works on brought to the run's device; as it is on the CPU."""
    device, job, state = torch.device(kept.job.config.device), kept.job, kept.state
    scene = {field.name: getattr(job.scene, field.name) for field in dataclasses.fields(Scene)}
    moved = {name: _moved(value, device) for name, value in scene.items() if name != "confidence"}
    own = {name: _moved(getattr(state, name), device) for name in ("parameters", "optimizer")}
    job = dataclasses.replace(job, scene=Scene(**{**scene, **moved}))
    return dataclasses.replace(kept, job=job, state=dataclasses.replace(state, **own))


def _moved(value: Any, device: torch.device) -> Any:
    """Tensors, also those inside lists, tuples and tables, on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _moved(item, device) for key, item in value.items()}
    if isinstance(value, (Style, Segment)):
        return type(value)(*(_moved(item, device) for item in value))
    return [_moved(item, device) for item in value] if isinstance(value, list) else value
