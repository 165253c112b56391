"""What the folders of trained models share: a record, `model.json`, that names the others by their sha256, and files beside it.

Files are written whole or not at all, those that a later one speaks of first. Reading trusts nothing: every file is an ordinary one
with a name of its own choosing here and the sha256 that `model.json` gives, and what it holds has the shapes that the settings ask for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from correspondence.common import PREFIX, holding, read_regular
from dst.config import InputError
from dst.config.base import shown
from dst.config.kinds import whole
from dst.files import made_folder, read_json, remove_left, replacing

RECORD = "model.json"
MAX_BYTES = 2 * 10**9
AGAIN = "train the model again"


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes:
        name: what `model.json` calls it.
        format: the newest that is read here.
        maker: the command that makes it.
        names: every name that its folder may hold; nothing else in it is ever replaced or removed.
    """

    name: str
    format: int
    maker: str
    names: Callable[[], set[str]]

    @property
    def advice(self) -> str:
        """What to do where there is none."""
        return f"give the folder of a model that `{self.maker}` made"


def check_folder(folder: Any, kind: Kind) -> bool:
    """Make sure, before any work, that a model can be kept in a folder. Returns whether it holds one.

    Raises:
        InputError: no usable name, a file, a missing or write-protected place, or a folder of other files.
    """
    _check_name(folder)
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
    if found and (RECORD not in found or not _is_ours(target, kind)):
        raise InputError(f"{folder} holds files that are not a model's: choose a new or empty folder")
    folders = sorted(name for name in found & kind.names() if (target / name).is_dir())
    if folders:
        raise InputError(f"{folder} holds a folder called {folders[0]}, as a model's file is: choose another")
    return bool(found)


def _check_name(folder: Any) -> None:
    if not isinstance(folder, (str, os.PathLike)) or not os.fspath(folder):
        raise InputError(f"the model's folder is {shown(folder)}: it takes the name of a folder")


def _is_ours(target: Path, kind: Kind) -> bool:
    """Whether a folder's record is a model's, of any version, or damaged among files of a model's names alone."""
    try:
        record = read_json(target / RECORD)
    except (OSError, ValueError):
        return {path.name for path in target.iterdir()} <= kind.names()
    return isinstance(record, dict) and record.get("kind") == kind.name


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


def write_record(folder: Any, record: dict[str, Any]) -> None:
    """Write `model.json`."""
    put(folder, RECORD, record_bytes(record))


def record_bytes(record: dict[str, Any]) -> bytes:
    """What `model.json` holds."""
    return (json.dumps(record, indent=1) + "\n").encode()


def read_record(folder: Any, kind: Kind, check: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """What `model.json` says, its kind and its format checked, and the rest by `check`.

    Raises:
        InputError: no such folder, no model, a damaged or foreign one, or one of a newer version.
    """
    _check_name(folder)
    home = Path(folder)
    try:
        if not home.is_dir():
            raise InputError(f"{folder} {'is not a folder' if home.exists() else 'does not exist'}: {kind.advice}")
        if not (home / RECORD).exists():
            raise InputError(f"{folder} holds no {RECORD}: {kind.advice}")
        record = read_json(home / RECORD)
    except OSError as error:
        raise InputError(f"{folder}/{RECORD} cannot be read ({error.strerror or error}): {kind.advice}") from error
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{folder}/{RECORD} is damaged or no usable name: {AGAIN}") from error
    if not isinstance(record, dict) or record.get("kind") != kind.name:
        raise InputError(f"{folder} holds no model of `{kind.maker}`: {kind.advice}")
    version = record.get("format")
    if isinstance(version, int) and version > kind.format:
        raise InputError(
            f"{folder} was made by a newer version (dst {shown(record.get('dst')).strip(chr(39))}, format {version}; this one reads up "
            f"to {kind.format}): update dst"
        )
    try:
        whole(1, kind.format).check("format", version)
        check(record)
    except (InputError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        why = str(error) if isinstance(error, InputError) else "parts are missing or wrong"
        raise InputError(f"{folder}/{RECORD} is damaged ({why}): {AGAIN}") from error
    return record


def is_sha256(value: Any) -> bool:
    """Whether something may be a sha256."""
    return isinstance(value, str) and len(value) == 64


def read_bytes(folder: Any, name: str, sha256: str | None = None) -> bytes:
    """A file of the folder, the one that a sha256 speaks of where one is given.

    Raises:
        InputError: it cannot be read, or is another one.
    """
    try:
        data = read_regular(Path(folder) / name, MAX_BYTES)
    except OSError as error:
        raise InputError(f"{folder}/{name} cannot be read ({error.strerror or error}): {AGAIN}") from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(f"{folder}/{name} is not the file that {RECORD} speaks of: it is damaged, or was exchanged")
    return data


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
        raise InputError(f"{folder}/{name} is damaged: {AGAIN}") from error


def check_tensors(folder: Any, name: str, found: dict[str, Tensor | None], wanted: dict[str, Tensor]) -> None:
    """Refuse tensors of other names, shapes or types than are wanted, or with values that are not finite.

    Raises:
        InputError: the name of the first.
    """
    for key in sorted(found.keys() | wanted.keys()):
        mine, model = found.get(key), wanted.get(key)
        fits = mine is not None and model is not None and mine.shape == model.shape and mine.dtype == model.dtype
        if not fits or not bool(torch.isfinite(mine).all()):
            raise InputError(f"{folder}/{name} is damaged ({key}): {AGAIN}")


def mark(parts: Any) -> Tensor:
    """What tells a training's state from that of a record with other parts: (32,) uint8."""
    said = json.dumps(parts, sort_keys=True).encode()
    return torch.tensor(list(hashlib.sha256(said).digest()), dtype=torch.uint8)


def read_marked(folder: Any, name: str, own: Tensor) -> dict[str, Tensor]:
    """A training's state, which has a `mark` as `model` and two whole numbers as `at`.

    Raises:
        InputError: it is damaged, or another model's.
    """
    found = read_tensors(folder, name, read_bytes(folder, name))
    if "model" not in found or not torch.equal(found["model"], own):
        raise InputError(f"{folder}/{name} is not that of the model beside it: train it again with --force")
    check_tensors(folder, name, {"at": found.get("at")}, {"at": torch.zeros(2, dtype=torch.int64)})
    return found


def adam_tensors(optimizer: torch.optim.Adam, prefix: str = "") -> dict[str, Tensor]:
    """What Adam remembers, by names."""
    rows = optimizer.state_dict()["state"].items()
    return {f"{prefix}adam.{k}.{key}": value for k, row in rows for key, value in row.items()}


def adam_shapes(parameters: Sequence[Tensor], prefix: str = "") -> dict[str, Tensor]:
    """Tensors as `adam_tensors` gives for parameters that have taken a step."""
    kept = {"step": lambda _: torch.zeros(()), "exp_avg": lambda p: p, "exp_avg_sq": lambda p: p}
    return {f"{prefix}adam.{k}.{key}": make(p) for k, p in enumerate(parameters) for key, make in kept.items()}


def load_adam(
    optimizer: torch.optim.Adam, parameters: Sequence[Tensor], found: dict[str, Tensor], prefix: str = ""
) -> None:
    """Have Adam remember what `adam_tensors` gave, none of it without parameters."""
    rows = {}
    for k, value in enumerate(parameters):
        rows[k] = {"step": found[f"{prefix}adam.{k}.step"]}
        for key in ("exp_avg", "exp_avg_sq"):  # in the order in memory that they had: on it the last bits depend
            rows[k][key] = torch.empty_like(value, requires_grad=False).copy_(found[f"{prefix}adam.{k}.{key}"])
    optimizer.load_state_dict({**optimizer.state_dict(), "state": rows})


def decoded_png(folder: Any, name: str, data: bytes) -> Any:
    """The Pillow image that the bytes of a PNG file hold.

    Raises:
        InputError: they are damaged.
    """
    import io

    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        image.load()
    except Exception as error:  # damaged data makes the reader raise whatever it runs into
        raise InputError(f"{folder}/{name} is damaged: {AGAIN}") from error
    return image
