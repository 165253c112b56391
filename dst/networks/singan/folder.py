"""A model's folder: `model.json`, `source.png`, a safetensors file for each trained scale, and one more while it is in training.

Files are written whole or not at all, those that a later one speaks of first. Reading trusts nothing: every file is an ordinary one
with a name of its own choosing here and the sha256 that `model.json` gives, and what it holds has the shapes that the settings ask for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from correspondence.common import PREFIX, holding, read_regular
from dst._version import __version__
from dst.config import InputError, SinganConfig
from dst.config.base import shown
from dst.config.kinds import whole
from dst.files import made_folder, read_json, remove_left, replacing
from dst.imaging import encode
from dst.imaging import read as read_image
from dst.networks.singan.layers import Frozen
from dst.networks.singan.model import Model, Scale
from dst.networks.singan.pyramid import scale_sizes
from dst.networks.singan.train import untaught, untrained

KIND, FORMAT = "dst singan", 1
RECORD, SOURCE, STATE = "model.json", "source.png", "training.safetensors"
LOG, PLOT = "losses.csv", "losses.png"
MACHINE = ("device", "threads")
"""Settings that say where it is computed and are no part of a model."""
MAX_SCALES, MAX_BYTES = 64, 2 * 10**9
ADVICE = "give the folder of a model that `dst singan train` made"


def part(scale: int) -> str:
    """The file of a scale."""
    return f"scale-{scale}.safetensors"


def sheet(scale: int) -> str:
    """The picture of samples of a scale."""
    return f"scale-{scale}.png"


def names() -> set[str]:
    """Every name that a model's folder may hold; nothing else in it is ever replaced or removed."""
    parts = {make(k) for k in range(MAX_SCALES) for make in (part, sheet)}
    return parts | {RECORD, SOURCE, STATE, LOG, PLOT}


def settings(config: SinganConfig) -> dict[str, Any]:
    """The settings that a model depends on."""
    return {name: value for name, value in dataclasses.asdict(config).items() if name not in MACHINE}


def check_folder(folder: Any, force: bool = False) -> bool:
    """Make sure, before any work, that a model can be kept in a folder. Returns whether it holds one.

    Raises:
        InputError: no usable name, a file, a missing or write-protected place, or a folder of other files.
    """
    if not isinstance(folder, (str, os.PathLike)) or not os.fspath(folder):
        raise InputError(f"the model's folder is {shown(folder)}: it takes the name of a folder")
    target = Path(folder)
    try:
        there, parent = os.path.lexists(target), target.absolute().parent
        found = {path.name for path in target.iterdir() if not path.match(f"{PREFIX}*")} if target.is_dir() else set()
    except (OSError, ValueError) as error:
        raise InputError(f"the folder {os.fspath(folder)!r} cannot be used ({error}): choose another") from error
    if there and not target.is_dir():
        raise InputError(f"{folder} is a file: a model needs a folder of its own")
    if not parent.is_dir():
        raise InputError(f"the folder {parent} does not exist: create it first")
    place = target if there else parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"the folder {place} cannot be written to: choose another")
    if found and (RECORD not in found or not _is_ours(target)):
        raise InputError(f"{folder} holds files that are not a model's: choose a new or empty folder")
    folders = sorted(name for name in found & names() if (target / name).is_dir())
    if folders:
        raise InputError(f"{folder} holds a folder called {folders[0]}, as a model's file is: choose another")
    return bool(found)


def _is_ours(target: Path) -> bool:
    """Whether a folder's record is a model's, of any version, or damaged among files of a model's names alone."""
    try:
        record = read_json(target / RECORD)
    except (OSError, ValueError):
        return {path.name for path in target.iterdir()} <= names()
    return isinstance(record, dict) and record.get("kind") == KIND


@contextlib.contextmanager
def held(folder: Any) -> Iterator[None]:
    """Hold a folder's lock, so that one process at a time trains there. The folder is made, and removed if nothing came to lie in it.

    Raises:
        InputError: another process holds it, or it cannot be made.
        OSError: the disk is full or fails.
    """
    with made_folder(folder) as home, holding(home) as ours:
        if ours is False:
            raise InputError(
                f"another process is training in {folder}: wait until it has ended, or choose another folder"
            )
        for left in home.glob(f"{PREFIX}*"):
            if left.is_file():
                remove_left(left)
        yield


def put(folder: Any, name: str, data: bytes) -> str:
    """Write a file of the folder, whole or not at all; its sha256.

    Raises:
        InputError, OSError: as `dst.files.replacing`.
    """
    with replacing(Path(folder) / name, follow=False) as temporary:
        temporary.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def packed(tensors: dict[str, Tensor]) -> bytes:
    """Tensors as the bytes of a safetensors file."""
    from safetensors.torch import save

    return save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})


def write_begun(folder: Any, model: Model) -> dict[str, Any]:
    """Write what an untrained model is, in place of the model that the folder held; its record.

    The record goes first: whoever is stopped in between leaves a model without a scale, which begins anew.
    """
    home = Path(folder)
    source = encode(model.source.cpu())
    record = {
        "kind": KIND,
        "format": FORMAT,
        "dst": __version__,
        "settings": settings(model.config),
        "size": [model.source.shape[3], model.source.shape[2]],
        "sizes": [list(size) for size in model.sizes],
        "finished": False,
        "source": hashlib.sha256(source).hexdigest(),
        "scales": [],
    }
    (home / STATE).unlink(missing_ok=True)
    _write_record(home, record)
    for name in sorted(names() - {RECORD, SOURCE}):
        (home / name).unlink(missing_ok=True)
    put(home, SOURCE, source)
    return record


def is_begun(folder: Any) -> bool:
    """Whether anything has been trained in a model's folder.

    Raises:
        InputError: as `read_record`.
    """
    return bool(read_record(folder)["scales"]) or (Path(folder) / STATE).exists()


def _write_record(folder: Any, record: dict[str, Any]) -> None:
    put(folder, RECORD, (json.dumps(record, indent=1) + "\n").encode())


def write_scale(folder: Any, model: Model, record: dict[str, Any]) -> dict[str, Any]:
    """Write a model's last scale, and then the record; the new record."""
    k, scale = len(model.scales) - 1, model.scales[-1]
    tensors = {f"generator.{name}": value for name, value in scale.generator.state_dict().items()}
    tensors |= {"reconstruction": scale.reconstruction, "star": model.star}
    row = {"amplitude": scale.amplitude, "sha256": put(folder, part(k), packed(tensors))}
    record = {**record, "scales": [*record["scales"][:k], row], "finished": model.finished}
    _write_record(folder, record)
    if model.finished:
        (Path(folder) / STATE).unlink(missing_ok=True)
    return record


def read_record(folder: Any) -> dict[str, Any]:
    """What `model.json` says, its kind, format and shape checked.

    Raises:
        InputError: no such folder, no model, a damaged or foreign one, or one of a newer version.
    """
    home = Path(folder)
    try:
        if not home.is_dir():
            raise InputError(f"{folder} {'is not a folder' if home.exists() else 'does not exist'}: {ADVICE}")
        if not (home / RECORD).exists():
            raise InputError(f"{folder} holds no {RECORD}: {ADVICE}")
        record = read_json(home / RECORD)
    except OSError as error:
        raise InputError(f"{folder}/{RECORD} cannot be read ({error.strerror or error}): {ADVICE}") from error
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{folder}/{RECORD} is damaged or no usable name: train the model again") from error
    if not isinstance(record, dict) or record.get("kind") != KIND:
        raise InputError(f"{folder} holds no model of `dst singan`: {ADVICE}")
    version = record.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise InputError(
            f"{folder} was made by a newer version (dst {shown(record.get('dst')).strip(chr(39))}, format {version}; this one reads up "
            f"to {FORMAT}): update dst"
        )
    try:
        whole(1, FORMAT).check("format", version)
        _check_record(record)
    except (InputError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        why = str(error) if isinstance(error, InputError) else "parts are missing or wrong"
        raise InputError(f"{folder}/{RECORD} is damaged ({why}): train the model again") from error
    return record


def _check_record(record: dict[str, Any]) -> None:
    config = _config(record)
    size = tuple(whole(1, 4096).check("size", n) for n in record["size"])
    sizes = scale_sizes(size, config)
    rows = record["scales"]
    if len(size) != 2 or [list(s) for s in sizes] != record["sizes"] or len(sizes) > MAX_SCALES:
        raise InputError("its sizes are not those of its settings")
    if not isinstance(rows, list) or len(rows) > len(sizes) or record["finished"] is not (len(rows) == len(sizes)):
        raise InputError("its scales are not those of its settings")
    if not all(isinstance(s, str) and len(s) == 64 for s in (record["source"], *(row["sha256"] for row in rows))):
        raise InputError("a sha256 is none")
    if not all(isinstance(row["amplitude"], float) and 0 <= row["amplitude"] < 1e6 for row in rows):
        raise InputError("an amplitude is none")


def _config(record: dict[str, Any]) -> SinganConfig:
    given = record["settings"]
    if not isinstance(given, dict) or given.keys() != settings(SinganConfig()).keys():
        raise InputError("its settings are not those of this version")
    return SinganConfig(**given)


def read_model(folder: Any, device: str | torch.device = "cpu") -> tuple[Model, dict[str, Any]]:
    """The model of a folder, whole or with the scales that are trained so far; and its record.

    Raises:
        InputError: as `read_record`; a file that is missing, is not the one that the record speaks of, or does not fit.
    """
    record = read_record(folder)
    source = read_image(_decoded(read_bytes(folder, SOURCE, record["source"]), folder)).rgb
    if [source.shape[3], source.shape[2]] != record["size"]:
        raise InputError(f"{folder}/{SOURCE} is of another size than {RECORD} says: train the model again")
    model = untrained(source.to(device), _config(record))
    for k, row in enumerate(record["scales"]):
        found = read_tensors(folder, part(k), read_bytes(folder, part(k), row["sha256"]))
        generator, _ = untaught(model.config, k)
        width, height = model.sizes[k]
        wanted = {f"generator.{name}": value for name, value in generator.state_dict().items()}
        wanted |= {"reconstruction": torch.empty(1, 3, height, width), "star": model.star}
        check_tensors(folder, part(k), found, wanted)
        generator.load_state_dict({name: found[f"generator.{name}"] for name in generator.state_dict()})
        generator.to(device).requires_grad_(False)
        rebuilt, star = found["reconstruction"].to(device), found["star"].to(device)
        scale = Scale(model.sizes[k], row["amplitude"], generator, rebuilt, Frozen(generator))
        model = dataclasses.replace(model, star=star, scales=(*model.scales, scale))
    return model, record


def read_bytes(folder: Any, name: str, sha256: str | None = None) -> bytes:
    """A file of the folder, the one that a sha256 speaks of where one is given.

    Raises:
        InputError: it cannot be read, or is another one.
    """
    try:
        data = read_regular(Path(folder) / name, MAX_BYTES)
    except OSError as error:
        raise InputError(
            f"{folder}/{name} cannot be read ({error.strerror or error}): train the model again"
        ) from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(f"{folder}/{name} is not the file that {RECORD} speaks of: it is damaged, or was exchanged")
    return data


def _decoded(data: bytes, folder: Any) -> Any:
    import io

    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        image.load()
    except Exception as error:  # damaged data makes the reader raise whatever it runs into
        raise InputError(f"{folder}/{SOURCE} is damaged: train the model again") from error
    return image


def read_tensors(folder: Any, name: str, data: bytes) -> dict[str, Tensor]:
    """What the bytes of a safetensors file hold.

    Raises:
        InputError: they are damaged.
    """
    from safetensors.torch import load

    try:
        return load(data)
    except Exception as error:  # damaged data makes the reader raise whatever it runs into
        if isinstance(error, MemoryError):
            raise
        raise InputError(f"{folder}/{name} is damaged: train the model again") from error


def check_tensors(folder: Any, name: str, found: dict[str, Tensor | None], wanted: dict[str, Tensor]) -> None:
    """Refuse tensors of other names, shapes or types than are wanted, or with values that are not finite.

    Raises:
        InputError: the name of the first.
    """
    for key in sorted(found.keys() | wanted.keys()):
        mine, model = found.get(key), wanted.get(key)
        fits = mine is not None and model is not None and mine.shape == model.shape and mine.dtype == model.dtype
        if not fits or not bool(torch.isfinite(mine).all()):
            raise InputError(f"{folder}/{name} is damaged ({key}): train the model again")
