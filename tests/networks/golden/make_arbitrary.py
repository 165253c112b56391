"""Store what the released networks, of which dst/networks/arbitrary.safetensors is made, give for two drawn images:

    python tests/networks/golden/make_arbitrary.py PREDICT.onnx TRANSFORM.onnx

It needs the package `onnxruntime`.
"""

import json
import sys
from pathlib import Path

import numpy as np

HOME = Path(__file__).parent


def drawn(side: int, seed: float) -> np.ndarray:
    """A picture of waves and stripes, (side, side, 3) float32 in [0, 1]."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(seed + k + (5 + 3 * k) * x + 4 * np.sin((3 + k) * y + seed)) for k in range(3)]
    stripes = np.sign(np.sin(40 * (x + seed * y)))
    return (0.5 + 0.35 * np.stack(waves, 2) + 0.1 * stripes[..., None]).clip(0, 1).astype(np.float32)


def run(path: str, *given: np.ndarray) -> np.ndarray:
    """The only output of a graph."""
    import onnxruntime  # here: the drawings do without it

    session = onnxruntime.InferenceSession(path)
    return session.run(None, {item.name: x for item, x in zip(session.get_inputs(), given, strict=True)})[0]


def blocks(image: np.ndarray) -> np.ndarray:
    """Means over 8 x 8 blocks, (8, 8, 3)."""
    side = image.shape[0] // 8
    return image.reshape(8, side, 8, side, 3).mean((1, 3))


if __name__ == "__main__":
    code = run(sys.argv[1], drawn(256, 1.0)[None])
    painted = run(sys.argv[2], drawn(384, 2.5)[None], code)[0]
    values = {"code": code.ravel().tolist(), "blocks": blocks(painted).ravel().tolist()}
    values = {name: [round(value, 4) for value in row] for name, row in values.items()}
    (HOME / "arbitrary.json").write_text(json.dumps(values) + "\n", encoding="utf-8")
