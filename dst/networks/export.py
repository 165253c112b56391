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
"""Of ONNX, and the side of the image that a network for any size is traced with."""


class _Painting(nn.Module):
    """A network that paints in one mix; `like`: an image of the only size that it then paints, None for any."""

    def __init__(self, model: Model, mix: Any, like: Tensor | None) -> None:
        super().__init__()
        self.network, row = model.network, model.row
        if like is None:
            self.paint = lambda image: row.paint(self.network, image, mix)
        else:
            self.paint = row.paint_sized(self.network, mix, like)

    def forward(self, image: Tensor) -> Tensor:
        return self.paint(image)


def write_onnx(model: Model, path: Path, mix: Any, size: tuple[int, int] | None = None) -> None:
    """Write a network in one mix: `image` (1, 3, height, width) in [0, 1] to `painted`.

    Args:
        size: (width, height) of all that the file paints, for networks that have a `paint_sized`; None for any, for the others.

    Raises:
        InputError: the extra `onnx` is not installed, or a size is missing or needless.
        OSError: the disk is full or fails.
    """
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise InputError("ONNX files need the package onnx, which is not installed: pip install '.[onnx]'") from error
    sized = model.row.paint_sized is not None
    if sized != (size is not None):
        raise InputError(
            f"an ONNX file of a {model.config.network} network "
            + (
                "is for pictures of one size: give a size"
                if sized
                else f"takes any size, and {size} is given: give none"
            )
        )
    width, height = size or (SIDE, SIDE)
    like = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)).to(model.device)
    axes = {} if sized else {name: {2: "height", 3: "width"} for name in ("image", "painted")}
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is called old, and needs no further package
        torch.onnx.export(
            _Painting(model, mix, like if sized else None).eval(), (like,), str(temporary), dynamo=False, opset_version=OPSET,
            input_names=["image"], output_names=["painted"], dynamic_axes=axes,
        )  # fmt: skip
