"""The styles that come with the package: one network that has learnt the project's own drawn samples (tools/train_styles.py)."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dst.files import read_shipped

HOME = Path(__file__).parent
FILE, CARD = "styles.safetensors", "styles.json"
SHA256 = {
    FILE: "0be53f41c1410a789e8fbe34dd683007579e01e0c01a6d5e9616fb980971a0d4",
    CARD: "6a59fa2a0b02eb54995aeead304a4ed659672663f6f89e2b009ace27f74de980",
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


def is_shipped(given: Any) -> bool:
    """Whether a model is a shipped style's name, and no model's folder: one of painted pictures may have a style's name."""
    return isinstance(given, str) and given in shipped_styles() and not (Path(given) / "model.json").exists()


def styles_of(model: Any, styles: Sequence[Any]) -> list[Any]:
    """The styles that are asked for, where there are none that which a model's name is: a shipped style names itself."""
    return list(styles) or ([model] if is_shipped(model) else [])


@functools.lru_cache(2)
def load(device: str = "cpu") -> Any:
    """The network of the shipped styles on a device, a `Model`.

    Raises:
        InputError: a file is missing, damaged or exchanged.
    """
    import safetensors.torch  # here, so that what asks for names and cards alone does without

    from dst import runtime
    from dst.networks.feedforward import folder as folders

    card = _card()
    runtime.usable_device(device)
    found = safetensors.torch.load(read_shipped(HOME / FILE, SHA256[FILE]))
    found = {name: value.float() for name, value in found.items()}
    names = tuple(style["name"] for style in card["styles"])
    return folders.loaded(
        folders.config_of(card, device=device), names, found, {**card, "shipped": True}, "the package", FILE
    )
