"""Networks as ONNX files: the only place that needs the extra `onnx`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dst.config import InputError
from dst.files import replacing
from dst.networks.feedforward.model import Model

OPSET, SIDE = 18, 64
"""Of ONNX, and the side of the image that the network is traced with."""


class _Painting(nn.Module):
    """A network that paints in one mix."""

    def __init__(self, model: Model, mix: Any) -> None:
        super().__init__()
        self.network, self.row, self.mix = model.network, model.row, mix

    def forward(self, image: Tensor) -> Tensor:
        return self.row.paint(self.network, image, self.mix)


def write_onnx(model: Model, path: Path, mix: Any) -> None:
    """Write a network in one mix: `image` (1, 3, height, width) in [0, 1] to `painted`, of any size.

    Raises:
        InputError: the extra `onnx` is not installed, or the network has no such form.
        OSError: the disk is full or fails.
    """
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise InputError("ONNX files need the package onnx, which is not installed: pip install '.[onnx]'") from error
    if model.config.network != "johnson":
        raise InputError(f"the network {model.config.network} has no ONNX form here: export one of johnson")
    axes = {2: "height", 3: "width"}
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is called old, and needs no further package
        torch.onnx.export(
            _Painting(model, mix).eval(), (torch.rand(1, 3, SIDE, SIDE),), str(temporary), dynamo=False, opset_version=OPSET,
            input_names=["image"], output_names=["painted"], dynamic_axes={"image": axes, "painted": axes},
        )  # fmt: skip
