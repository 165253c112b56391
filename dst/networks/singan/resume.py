"""Where a training stands, kept in a model's folder, so that it goes on as if it had never stopped."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dst.config import InputError
from dst.networks import folder as base
from dst.networks.singan import folder as folders
from dst.networks.singan.layers import Patches
from dst.networks.singan.model import Model
from dst.networks.singan.train import TERMS, Training, adams, untaught


def write_state(folder: Any, at: Training, record: dict[str, Any]) -> None:
    """Write where a training stands: everything that its next round depends on, besides the trained scales."""
    tensors = {
        "at": torch.tensor([at.scale, at.epoch]),
        "amplitude": torch.tensor(at.amplitude, dtype=torch.float64),
        "history": torch.tensor(at.history, dtype=torch.float64).view(-1, len(TERMS) + 2),
        "model": _mark(record),
    }
    for name, network, optimizer in _sides(at):
        tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        tensors |= base.adam_tensors(optimizer, f"{name}.")
    folders.put(folder, folders.STATE, folders.packed(tensors))


def _sides(at: Training) -> list[tuple[str, Patches, torch.optim.Adam]]:
    return [("generator", at.generator, at.optimizers[0]), ("critic", at.critic, at.optimizers[1])]


def _mark(record: dict[str, Any]) -> Tensor:
    """What tells a training's state from that of another picture or other settings."""
    return base.mark([record["source"], record["settings"]])


def read_state(folder: Any, model: Model, record: dict[str, Any]) -> tuple[Model, Training | None]:
    """Where a training stands, and the model up to there; None where no state was kept, and then the model without a scale.

    Raises:
        InputError: a damaged or foreign state.
    """
    path = Path(folder) / folders.STATE
    if model.finished or not path.exists():
        return (model if model.finished else dataclasses.replace(model, scales=())), None
    found = base.read_marked(folder, folders.STATE, _mark(record))
    scale, epoch = found["at"].tolist()
    if not (0 <= scale <= len(model.scales) and 0 <= epoch <= model.config.rounds(scale)):
        raise InputError(
            f"{folder}/{folders.STATE} speaks of a scale that is not there: train the model again with --force"
        )
    model = dataclasses.replace(model, scales=model.scales[:scale])
    networks = [network.to(model.source.device) for network in untaught(model.config, scale)]
    at = Training(scale, epoch, 0.0, *networks, adams(*networks, model.config), [])
    wanted = {"at": found["at"], "model": found["model"], "amplitude": torch.zeros((), dtype=torch.float64)}
    for name, network, _ in _sides(at):
        wanted |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        wanted |= base.adam_shapes(list(network.parameters()) if epoch else [], f"{name}.")
    history = found.pop("history", torch.empty(0))
    folders.check_tensors(
        folder,
        folders.STATE,
        {**found, "history": history},
        {**wanted, "history": history.new_empty(len(history), len(TERMS) + 2)},
    )
    at.amplitude, at.history = float(found["amplitude"]), [tuple(row) for row in history.tolist()]
    for name, network, optimizer in _sides(at):
        network.load_state_dict({key: found[f"{name}.{key}"] for key in network.state_dict()})
        base.load_adam(optimizer, list(network.parameters()) if epoch else [], found, f"{name}.")
    return model, at
