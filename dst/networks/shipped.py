"""The styles that come with the package: one network that has learnt the project's own drawn samples (tools/train_styles.py)."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import safetensors.torch

from dst import runtime
from dst.files import read_shipped
from dst.networks.feedforward import folder as folders
from dst.networks.feedforward.model import Model

HOME = Path(__file__).parent
FILE, CARD = "styles.safetensors", "styles.json"
SHA256 = {
    FILE: "6f256dd7f4e8d2c88b1acbcb6440d73c82f30426163aafb5af5e4118075b78db",
    CARD: "e4fe44947d893d0816c02e05e131d87c5400328759c07a89332e43bb2f0f361b",
}
"""Of the weights and of their card."""


@functools.cache
def _card() -> dict[str, Any]:
    return json.loads(read_shipped(HOME / CARD, SHA256[CARD]))


def shipped_styles() -> dict[str, dict[str, Any]]:
    """The styles that come with the package by name, each with its card: network, data, steps, losses, licence.

    Raises:
        InputError: the card is missing, damaged or exchanged.
    """
    card = _card()
    shared = {name: card[name] for name in ("data", "losses", "licence")}
    shared["steps"] = card["steps"] + card.get("steps_before", 0)
    return {style["name"]: {"network": card["settings"]["network"], **style, **shared} for style in card["styles"]}


@functools.lru_cache(2)
def load(device: str = "cpu") -> Model:
    """The network of the shipped styles on a device.

    Raises:
        InputError: a file is missing, damaged or exchanged.
    """
    card = _card()
    runtime.usable_device(device)
    found = safetensors.torch.load(read_shipped(HOME / FILE, SHA256[FILE]))
    found = {name: value.float() for name, value in found.items()}
    names = tuple(style["name"] for style in card["styles"])
    return folders.loaded(
        folders.config_of(card, device=device), names, found, {**card, "shipped": True}, "the package", FILE
    )
