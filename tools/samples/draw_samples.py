"""Draw the sample style images again: `python -m tools.samples.draw_samples [FOLDER]` (a minute or two).

Each is a small drawing program: shapes with tones and directions first, then strokes that follow them. Seeds are fixed,
so equal versions of numpy and OpenCV draw equal images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from tools.samples import facets, ink, oval
from tools.samples.portraits import PORTRAITS, drawer

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SAMPLES = {"oval": (oval.draw, 600), "facets": (facets.draw, 620), "ink": (ink.draw, 620)}
SAMPLES |= {name: (drawer(name), 560) for name in PORTRAITS}
"""Name -> (drawing function, width in pixels)."""


def draw(name: str, width: int | None = None) -> np.ndarray:
    """Draw a sample: (H, W, 3) uint8 RGB, `width` pixels wide (default: as committed)."""
    function, usual = SAMPLES[name]
    return function(width or usual)


def main(arguments: list[str] | None = None) -> None:
    """Write every sample as a JPEG."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ASSETS, help="an existing folder (default %(default)s)")
    target = parser.parse_args(arguments).folder
    if not target.is_dir():
        parser.error(f"{target} is not a folder: make it first")
    for name in SAMPLES:
        image = cv2.cvtColor(draw(name), cv2.COLOR_RGB2BGR)
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])
        if not done:
            raise OSError(f"{name} could not be encoded")
        (target / f"{name}.jpg").write_bytes(data.tobytes())
        print(f"{target / name}.jpg: {image.shape[1]} x {image.shape[0]}, {len(data) / 1024:.0f} KB")


if __name__ == "__main__":
    main()
