"""The two kinds of network for faces, run by OpenCV: a detector and a mesh (MediaPipe, see NOTICE)."""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from dst.config import InputError
from dst.files import read_shipped

FOLDER = Path(__file__).parent
NO_FACES = "leave faces out with --faces off"
"""How to do without these files."""


class Model(NamedTuple):
    """A network's file.

    Attributes:
        file: its name.
        sha256: what the file must hash to; a damaged or exchanged file is refused.
        side: of the square image that it takes, pixels.
        outputs: names of its outputs.
        offset, divisor: 8-bit values v are given to it as (v - offset) / divisor.
    """

    file: str
    sha256: str
    side: int
    outputs: tuple[str, ...]
    offset: float
    divisor: float


MODELS = {
    "near": Model(
        "detector_near.tflite",
        "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
        128,
        ("regressors", "classificators"),
        127.5,
        127.5,
    ),
    "far": Model(
        "detector_far.tflite",
        "e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8",
        256,
        ("regressors", "classificators"),
        127.5,
        127.5,
    ),
    "mesh": Model(
        "mesh.tflite",
        "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
        192,
        ("conv2d_20", "conv2d_30"),
        0.0,
        255.0,
    ),
}
"""Detectors for faces of a fifth of the image and more, and for smaller ones; the mesh."""
_LOCK = threading.Lock()


def run(name: str, image: np.ndarray) -> tuple[np.ndarray, ...]:
    """The outputs of a network, flat or as rows of a few numbers, for an image (side, side, 3) uint8 RGB.

    Raises:
        InputError: the network's file is missing, damaged or exchanged, or OpenCV cannot read it.
    """
    model = MODELS[name]
    blob = cv2.dnn.blobFromImage(image, 1 / model.divisor, (model.side, model.side), (model.offset,) * 3)
    with _LOCK:  # a network keeps its input and its outputs
        network = _network(name)
        network.setInput(blob)
        found = network.forward(list(model.outputs))
    return tuple(np.array(values, np.float64) for values in found)


@functools.cache
def _network(name: str):
    model = MODELS[name]
    read_shipped(FOLDER / model.file, model.sha256, NO_FACES)
    # of OpenCV's two engines only the older gives several outputs, and of a file, not of its bytes; before OpenCV 5 it is the
    # only one
    engine = (cv2.dnn.ENGINE_CLASSIC,) if hasattr(cv2.dnn, "ENGINE_CLASSIC") else ()
    try:
        return cv2.dnn.readNetFromTFLite(str(FOLDER / model.file), *engine)
    except (cv2.error, AttributeError) as error:
        raise InputError(f"OpenCV {cv2.__version__} cannot read {model.file}: update opencv-python-headless") from error
