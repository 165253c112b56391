"""Draws images/print.jpg: one pair at 512, 1024 and 4096 pixels, whole and as it is, pixel for pixel.

    python docs/make_print.py --keep FOLDER

Every result is kept in the folder as a PNG, and is not made again where it is there already.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))

SIZES = (512, 1024, 4096)
CELL = 480
GAP = 6
EYE = (0.32, 0.5)
"""Where the parts that are shown pixel for pixel begin, as shares of height and width."""


def main() -> None:
    """Make what is missing, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, required=True, help="folder of the results")
    parser.add_argument(
        "--output", type=Path, default=HOME / "images" / "print.jpg", help="the figure (default: %(default)s)"
    )
    args = parser.parse_args()
    import dst
    from dst import imaging
    from dst.imaging.samples import demo_pair

    args.keep.mkdir(parents=True, exist_ok=True)
    content, style = demo_pair()
    columns = []
    for size in SIZES:
        path = args.keep / f"{size}.png"
        if not path.exists():
            imaging.write(path, dst.stylize(content, style, size=size, progress=False).image)
        image = imaging.to_array(imaging.read(path).rgb)
        small = imaging.to_array(imaging.resize(imaging.read(path).rgb, CELL))
        whole = np.full((CELL, CELL, 3), 255, np.uint8)
        left = (CELL - small.shape[1]) // 2
        whole[: small.shape[0], left : left + small.shape[1]] = small
        top, left = (min(int(share * side), side - CELL) for share, side in zip(EYE, image.shape[:2], strict=True))
        part = image[max(0, top) : max(0, top) + CELL, max(0, left) : max(0, left) + CELL]
        shown = np.full((CELL, CELL, 3), 255, np.uint8)
        shown[: part.shape[0], : part.shape[1]] = part
        columns.append(np.concatenate([whole, np.full((GAP, CELL, 3), 255, np.uint8), shown]))
    gap = np.full((columns[0].shape[0], GAP, 3), 255, np.uint8)
    imaging.write(args.output, np.concatenate([columns[0], gap, columns[1], gap, columns[2]], 1), quality=85)


if __name__ == "__main__":
    main()
