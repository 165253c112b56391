"""Networks that are trained here: generators of pictures."""

from __future__ import annotations

from typing import Any


def load(folder: Any, device: str = "cpu") -> Any:
    """As `dst.load_network`, of a folder: the network that `dst train` made there."""
    from dst import runtime
    from dst.networks.feedforward.folder import read_model

    with runtime.computing():
        return read_model(folder, str(runtime.usable_device(device)))
