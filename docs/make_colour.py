"""Draws images/colour.jpg: colours taken over without strokes beside style transfer, and images/regrain.jpg, what regraining does.

    python docs/make_colour.py

The photographs come inside scikit-image and scikit-learn, the paintings are the project's drawn samples.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))

PAIRS = (("china", "impasto"), ("coffee", "glass"), ("astronaut", "woodcut"), ("china", "rocket"))
SIZE, TALL = 384, 160
CROP = (20, 330, 150)
"""Top, left and side of the part of the sky that images/regrain.jpg shows."""


def photographs() -> dict[str, np.ndarray]:
    """(H, W, 3) uint8 by name."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    found = {
        "astronaut": data.astronaut()[0:300, 75:375],
        "china": load_sample_image("china.jpg"),
        "coffee": data.coffee(),
        "rocket": data.rocket(),
    }
    return {name: np.ascontiguousarray(pixels) for name, pixels in found.items()}


def main() -> None:
    """Make the results, and draw both figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HOME / "images" / "colour.jpg")
    args = parser.parse_args()
    import dst
    from dst import imaging
    from dst.viz.sheets import titled_sheet

    def shown(image) -> np.ndarray:
        rgb = imaging.read(image).rgb
        return imaging.to_array(imaging.resize(rgb, min(SIZE, max(rgb.shape[-2:]))))

    images = photographs() | {path.stem: path for path in dst.sample_styles()}
    rows = []
    for content, style in ((images[a], images[b]) for a, b in PAIRS):
        row = [("content", shown(content)), ("style", shown(style))]
        for title, method in (
            ("histogram matching", "histogram"),
            ("Monge-Kantorovich", "monge-kantorovich"),
            ("idt", "idt"),
        ):
            row.append((title, shown(dst.recolor(content, style, method=method))))
        painted = dst.stylize(content, style, warp=False, size=SIZE, seed=0, progress=False)
        rows.append([*row, ("style transfer", shown(painted.image))])
        print(len(rows), flush=True)
    imaging.write(args.output, titled_sheet(rows, TALL), quality=65)

    top, left, side = CROP
    cells = []
    for title, regrain in (("content", None), ("idt, not regrained", False), ("idt, regrained", True)):
        pixels = images["china"]
        if regrain is not None:
            pixels = imaging.to_array(dst.recolor(pixels, images["impasto"], method="idt", regrain=regrain).rgb)
        cells.append((title, pixels[top : top + side, left : left + side].repeat(2, 0).repeat(2, 1)))
    imaging.write(args.output.with_name("regrain.jpg"), titled_sheet([cells], 2 * side), quality=85)


if __name__ == "__main__":
    main()
