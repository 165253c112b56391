"""Draws images/wall.jpg: eight photographs in the three sample styles, each with no option but the two images.

    python docs/make_wall.py --keep FOLDER

The photographs come inside scikit-image, scikit-learn and matplotlib. Every result is kept in the folder as a PNG, and is not
made again where it is there already.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))

CELL = 300
GAP = 6
STYLES = ("facets", "ink", "oval")


def photographs() -> dict[str, np.ndarray]:
    """(H, W, 3) uint8 by name: three portraits, an animal, a still life, a building, a machine, a flower."""
    import matplotlib
    from skimage import data
    from sklearn.datasets import load_sample_image

    from dst import imaging

    hopper = imaging.read(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")
    found = {
        "astronaut": data.astronaut()[0:300, 100:350],
        "hopper": imaging.to_array(hopper.rgb),
        "camera": np.repeat(data.camera()[..., None], 3, 2),
        "cat": data.cat(),
        "coffee": data.coffee(),
        "china": load_sample_image("china.jpg"),
        "rocket": data.rocket(),
        "flower": load_sample_image("flower.jpg"),
    }
    return {name: np.ascontiguousarray(pixels) for name, pixels in found.items()}


def fitted(pixels: np.ndarray) -> np.ndarray:
    """An image within a square of `CELL` pixels, on white."""
    from dst import imaging

    image = imaging.to_array(imaging.resize(imaging.read(np.ascontiguousarray(pixels[..., :3])).rgb, CELL))
    cell = np.full((CELL, CELL, 3), 255, np.uint8)
    top, left = ((CELL - side) // 2 for side in image.shape[:2])
    cell[top : top + image.shape[0], left : left + image.shape[1]] = image
    return cell


def main() -> None:
    """Make what is missing, and draw the wall."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, required=True, help="folder of the results")
    parser.add_argument("--output", type=Path, default=HOME / "images" / "wall.jpg")
    args = parser.parse_args()
    import dst
    from dst import imaging
    from dst.imaging.samples import sample_styles

    args.keep.mkdir(parents=True, exist_ok=True)
    styles, cache = [path for path in sample_styles() if path.stem in STYLES], dst.StyleCache()
    rows = [[np.full((CELL, CELL, 3), 255, np.uint8), *(fitted(imaging.to_array(imaging.read(s).rgb)) for s in styles)]]
    for name, pixels in photographs().items():
        row = [fitted(pixels)]
        for style in styles:
            path = args.keep / f"{name}-{style.stem}.png"
            if not path.exists():
                imaging.write(path, dst.stylize(pixels, style, style_cache=cache, progress=False).image)
                print(path, flush=True)
            row.append(fitted(imaging.to_array(imaging.read(path).rgb)))
        rows.append(row)
    half = len(rows) // 2 + 1  # two blocks side by side, each under the styles
    blocks = [_stacked([rows[0], *some]) for some in (rows[1:half], rows[half:])]
    wall = np.hstack([blocks[0], np.full((len(blocks[0]), 4 * GAP, 3), 255, np.uint8), blocks[1]])
    imaging.write(args.output, wall, quality=85)


def _stacked(rows: list[list[np.ndarray]]) -> np.ndarray:
    padded = [
        np.hstack([np.pad(cell, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for cell in row]) for row in rows
    ]
    return np.vstack(padded)


if __name__ == "__main__":
    main()
