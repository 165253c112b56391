"""A network's folder: `model.json`, its card; `weights.safetensors` once it is trained; `training.safetensors` until then."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dst._version import __version__
from dst.config import InputError, TrainConfig
from dst.config.kinds import whole
from dst.config.training import SINCE
from dst.files import replacing
from dst.networks import folder as base
from dst.networks.feedforward.data import Photographs
from dst.networks.feedforward.model import Model
from dst.networks.feedforward.table import NETWORKS
from dst.networks.feedforward.train import Training, begun
from dst.networks.folder import RECORD

WEIGHTS, STATE, LOG, PLOT, SHEET = (
    "weights.safetensors",
    "training.safetensors",
    "losses.csv",
    "losses.png",
    "samples.png",
)
MODEL = base.Kind("dst network", 1, "dst train", lambda: {RECORD, WEIGHTS, STATE, LOG, PLOT, SHEET})
MACHINE = ("device", "threads", "weights")
"""Settings that say where and of which files it is computed and are no part of a model."""
MAX_STYLES = 10_000


def settings(config: TrainConfig) -> dict[str, Any]:
    """The settings that a model depends on."""
    return {name: value for name, value in dataclasses.asdict(config).items() if name not in MACHINE}


def card(
    config: TrainConfig, styles: list[tuple[str, Tensor]], photographs: Photographs, encoder: str, licence: str
) -> dict[str, Any]:
    """What `model.json` says of a training before its first step.

    Args:
        styles: names, and images (1, 3, h, w) at the size that they are seen at.
        encoder: sha256 of the weights that the loss is of.
    """
    return {
        "kind": MODEL.name,
        "format": MODEL.format,
        "dst": __version__,
        "settings": settings(config),
        "styles": [{"name": name, "sha256": _digest(image)} for name, image in styles],
        "data": {"photographs": photographs.said, "unreadable": photographs.skipped, "sha256": photographs.digest},
        "encoder": encoder,
        "licence": licence,
        "finished": False,
        "steps": 0,
        "losses": {},
        "weights": "",
    }


def _digest(image: Tensor) -> str:
    pixels = (image.clamp(0, 1) * 255).round().to(torch.uint8).cpu().contiguous()
    return hashlib.sha256(str(tuple(pixels.shape)).encode() + pixels.numpy().tobytes()).hexdigest()


def write_begun(folder: Any, record: dict[str, Any]) -> None:
    """Write the record of a training before its first step, in place of the model that the folder held."""
    home = Path(folder)
    with replacing(home / RECORD, follow=False) as temporary:
        temporary.write_bytes(base.record_bytes(record))  # on a full disk this fails, and what was there stays
        (home / STATE).unlink(missing_ok=True)
    for name in sorted(MODEL.names() - {RECORD}):
        (home / name).unlink(missing_ok=True)


def write_finished(folder: Any, at: Training, record: dict[str, Any]) -> dict[str, Any]:
    """Write a trained network and then its record, and remove the training's state; the new record."""
    sha256 = base.put(folder, WEIGHTS, base.packed(at.network.state_dict()))
    losses = {name: round(value, 6) for name, value in at.history[-1].items() if name != "step"} if at.history else {}
    record = {**record, "finished": True, "steps": at.step, "losses": losses, "weights": sha256}
    base.write_record(folder, record)
    (Path(folder) / STATE).unlink(missing_ok=True)
    return record


def write_state(folder: Any, at: Training, record: dict[str, Any], unreadable: int) -> None:
    """Write where a training stands: everything that its next step depends on."""
    names = list(at.history[0]) if at.history else []
    rows = [[row[name] for name in names] for row in at.history]
    tensors = {
        "at": torch.tensor([at.step, unreadable]),
        "history": torch.tensor(rows, dtype=torch.float64).view(len(rows), len(names)),
        "columns": torch.tensor(list(json.dumps(names).encode()), dtype=torch.uint8),
        "model": _mark(record),
        **{f"network.{key}": value for key, value in at.network.state_dict().items()},
    }
    tensors |= base.adam_tensors(at.optimizer)
    base.put(folder, STATE, base.packed(tensors))


def _mark(record: dict[str, Any]) -> Tensor:
    """What tells a training's state from that of other styles, photographs or settings."""
    parts = [record[name] for name in ("settings", "styles", "data", "encoder", "start") if name in record]
    return base.mark(parts)


def read_state(folder: Any, record: dict[str, Any], config: TrainConfig) -> tuple[Training, int] | None:
    """Where a training stands, and how many photographs were unreadable so far; None where no state was kept.

    Raises:
        InputError: a damaged or foreign state.
    """
    if not (Path(folder) / STATE).exists():
        return None
    found = base.read_marked(folder, STATE, _mark(record))
    step, unreadable = found["at"].tolist()
    if not 0 <= step <= config.steps or unreadable < 0:
        raise InputError(f"{folder}/{STATE} is damaged (at): train the model again with --force")
    at = begun(config, len(record["styles"]))
    history, columns = found.pop("history", torch.zeros(0, 0)), found.pop("columns", torch.zeros(0))
    wanted = {"at": found["at"], "model": found["model"]}
    wanted |= {f"network.{key}": value for key, value in at.network.state_dict().items()}
    parameters = [p for p in at.network.parameters() if p.requires_grad] if step else []
    wanted |= base.adam_shapes(parameters)
    base.check_tensors(folder, STATE, found, wanted)
    try:
        names = json.loads(bytes(columns.to(torch.uint8).tolist()).decode())
        rows = history.tolist()
        at.history = [dict(zip(names, row, strict=True)) for row in rows]
        for row in at.history:
            row["step"] = int(row["step"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{folder}/{STATE} is damaged (history): train the model again with --force") from error
    at.step = step
    at.network.load_state_dict({key: found[f"network.{key}"] for key in at.network.state_dict()})
    base.load_adam(at.optimizer, parameters, found)
    return at, unreadable


def read_record(folder: Any) -> dict[str, Any]:
    """What `model.json` says, its kind, format and shape checked.

    Raises:
        InputError: as `dst.networks.folder.read_record`.
    """
    return base.read_record(folder, MODEL, check_record)


def check_record(record: dict[str, Any]) -> None:
    """Refuse a record that is none.

    Raises:
        InputError: and whatever a missing part raises.
    """
    config_of(record)
    names = [style["name"] for style in record["styles"]]
    whole(1, MAX_STYLES).check("styles", len(names))
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise InputError("its styles have no names of their own")
    if record["finished"] not in (True, False) or (record["finished"] and not base.is_sha256(record["weights"])):
        raise InputError("a sha256 is none")
    whole(0, None).check("steps", record["steps"])
    whole(0, None).check("steps_before", record.get("steps_before", 0))


def config_of(record: dict[str, Any], **machine: Any) -> TrainConfig:
    """The settings that a record speaks of.

    Raises:
        InputError: they are not those of this version.
    """
    given = record["settings"]
    given = {**SINCE, **given} if isinstance(given, dict) else None
    if given is None or given.keys() != settings(TrainConfig()).keys():
        raise InputError("its settings are not those of this version")
    return TrainConfig(**given, **machine)


def read_model(folder: Any, device: str = "cpu") -> Model:
    """The model of a folder, trained or in training.

    Raises:
        InputError: as `read_record`; a file that is missing, is not the one that the record speaks of, or does not fit; a training
            of which nothing is kept yet.
    """
    record = read_record(folder)
    config = config_of(record, device=device)
    names = tuple(style["name"] for style in record["styles"])
    if record["finished"]:
        found = base.read_tensors(folder, WEIGHTS, base.read_bytes(folder, WEIGHTS, record["weights"]))
        return loaded(config, names, found, record, f"{folder}", WEIGHTS)
    kept = read_state(folder, record, config)
    if kept is None:
        raise InputError(f"{folder} holds a training of which nothing is kept yet: go on with it first")
    network = kept[0].network.requires_grad_(False).eval()
    return Model(config, network, names, {**record, "steps": kept[0].step}, False)


def loaded(
    config: TrainConfig,
    names: tuple[str, ...],
    found: dict[str, Tensor],
    record: dict[str, Any],
    folder: str,
    file: str,
) -> Model:
    """A trained model of the tensors of a file.

    Raises:
        InputError: they do not fit.
    """
    network = NETWORKS[config.network].build(config, len(names))
    base.check_tensors(folder, file, found, network.state_dict())
    network.load_state_dict(found)
    return Model(config, network.requires_grad_(False).eval().to(config.device), names, record)
