"""A model's folder: `model.json`, `source.png`, a safetensors file for each trained scale, and one more while it is in training."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import torch

from dst._version import __version__
from dst.config import InputError, SinganConfig
from dst.config.kinds import whole
from dst.imaging import encode
from dst.imaging import read as read_image
from dst.networks import folder as base
from dst.networks.folder import (
    RECORD,
    check_tensors,
    decoded_png,
    is_sha256,
    packed,
    put,
    read_bytes,
    read_tensors,
    write_record,
)
from dst.networks.singan.layers import Frozen
from dst.networks.singan.model import Model, Scale
from dst.networks.singan.pyramid import scale_sizes
from dst.networks.singan.train import untaught, untrained

SOURCE, STATE = "source.png", "training.safetensors"
LOG, PLOT = "losses.csv", "losses.png"
MACHINE = ("device", "threads")
"""Settings that say where it is computed and are no part of a model."""
MAX_SCALES = 64


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


MODEL = base.Kind("dst singan", 1, "dst singan train", names)


def settings(config: SinganConfig) -> dict[str, Any]:
    """The settings that a model depends on."""
    return {name: value for name, value in dataclasses.asdict(config).items() if name not in MACHINE}


def check_folder(folder: Any) -> bool:
    """As `dst.networks.folder.check_folder`, of this kind of model."""
    return base.check_folder(folder, MODEL)


def write_begun(folder: Any, model: Model) -> dict[str, Any]:
    """Write what an untrained model is, in place of the model that the folder held; its record.

    The record goes first: whoever is stopped in between leaves a model without a scale, which begins anew.
    """
    home = Path(folder)
    source = encode(model.source.cpu())
    record = {
        "kind": MODEL.name,
        "format": MODEL.format,
        "dst": __version__,
        "settings": settings(model.config),
        "size": [model.source.shape[3], model.source.shape[2]],
        "sizes": [list(size) for size in model.sizes],
        "finished": False,
        "source": hashlib.sha256(source).hexdigest(),
        "scales": [],
    }
    (home / STATE).unlink(missing_ok=True)
    write_record(home, record)
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


def write_scale(folder: Any, model: Model, record: dict[str, Any]) -> dict[str, Any]:
    """Write a model's last scale, and then the record; the new record."""
    k, scale = len(model.scales) - 1, model.scales[-1]
    tensors = {f"generator.{name}": value for name, value in scale.generator.state_dict().items()}
    tensors |= {"reconstruction": scale.reconstruction, "star": model.star}
    row = {"amplitude": scale.amplitude, "sha256": put(folder, part(k), packed(tensors))}
    record = {**record, "scales": [*record["scales"][:k], row], "finished": model.finished}
    write_record(folder, record)
    if model.finished:
        (Path(folder) / STATE).unlink(missing_ok=True)
    return record


def read_record(folder: Any) -> dict[str, Any]:
    """What `model.json` says, its kind, format and shape checked.

    Raises:
        InputError: no such folder, no model, a damaged or foreign one, or one of a newer version.
    """
    return base.read_record(folder, MODEL, _check_record)


def _check_record(record: dict[str, Any]) -> None:
    config = _config(record)
    size = tuple(whole(1, 4096).check("size", n) for n in record["size"])
    sizes = scale_sizes(size, config)
    rows = record["scales"]
    if len(size) != 2 or [list(s) for s in sizes] != record["sizes"] or len(sizes) > MAX_SCALES:
        raise InputError("its sizes are not those of its settings")
    if not isinstance(rows, list) or len(rows) > len(sizes) or record["finished"] is not (len(rows) == len(sizes)):
        raise InputError("its scales are not those of its settings")
    if not all(map(is_sha256, (record["source"], *(row["sha256"] for row in rows)))):
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
    source = read_image(decoded_png(folder, SOURCE, read_bytes(folder, SOURCE, record["source"]))).rgb
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
