"""Writes dst/networks/arbitrary.safetensors from the two ONNX files of Magenta's arbitrary image stylisation:

    python tools/convert_arbitrary.py PREDICT.onnx TRANSFORM.onnx dst/networks/arbitrary.safetensors

Weights stay 8-bit numbers with a scale for each channel of the output, as they were released; biases become 32-bit floats. It needs
the package `onnx`, which the project itself does without.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import safetensors.torch
import torch

from dst.networks.arbitrary import Arbitrary

RESIDUAL, EXPAND = "transformer/residual/residual{}/conv{}", "transformer/expand/conv{}/conv"


def constants(path: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The 8-bit or 32-bit numbers and the scales of every constant that a graph dequantises, by the name of the result."""
    graph = onnx.load(path).graph
    known = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    rows = [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in known]
    for node in rows:
        assert not np.any(known[node.input[2]]), f"{node.name} has a zero point"
    return {node.output[0].removesuffix("_dequant"): (known[node.input[0]], known[node.input[1]]) for node in rows}


def names() -> dict[str, str]:
    """What each tensor of the network is called in the graphs: a layer's name, without `/weights` or `/Conv2D_bias`."""
    found = {
        "predictor.stem": "MobilenetV2/Conv",
        "predictor.last": "MobilenetV2/Conv_1",
        "predictor.code": "mobilenet_conv/Conv",
    }
    for k in range(17):
        home = "MobilenetV2/expanded_conv" + (f"_{k}" if k else "")
        found |= {f"predictor.blocks.{k}.{part}": f"{home}/{part}" for part in ("expand", "depthwise", "project")}
    found |= {f"painter.contract.{k}": f"transformer/contract/conv{k + 1}" for k in range(3)}
    styled = {f"painter.residual.{i}.{j}": RESIDUAL.format(i + 1, j + 1) for i in range(5) for j in range(2)}
    styled |= {f"painter.expand.{k}": EXPAND.format(k + 1) for k in range(3)}
    for name, home in styled.items():
        found[f"{name}.convolution"] = home
        found[f"{name}.shift"] = f"style_params/{home}/StyleNorm/Conv"
        found[f"{name}.scale"] = f"style_params/{home}/StyleNorm/Conv_1"
    return found


def main(predict: str, transform: str, target: str) -> None:
    """Convert, and print the sha256 that dst/networks/arbitrary.py must hold."""
    known, homes, found = constants(predict) | constants(transform), names(), {}
    for name, value in Arbitrary().state_dict().items():
        layer, kind = name.rsplit(".", 1)
        depthwise = layer.endswith(".depthwise")
        part = {
            "weight": "depthwise_weights" if depthwise else "weights",
            "bias": "depthwise_bias" if depthwise else "Conv2D_bias",
        }
        numbers, scale = known[f"{homes[layer]}/{part[kind]}"]
        if kind == "bias":
            found[name] = torch.from_numpy((numbers.astype(np.float64) * scale).astype(np.float32)).view(value.shape)
        else:
            found[name] = torch.from_numpy(numbers.copy()).view(value.shape)
            found[f"{name}.step"] = torch.from_numpy(np.atleast_1d(scale).copy())
    data = safetensors.torch.save(found)
    Path(target).write_bytes(data)
    print(f"{target}: {len(data) / 1e6:.2f} MB, sha256 {sha256(data).hexdigest()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
