"""Draws images/faces.jpg, a photograph's face matched by textures alone and by its landmarks, and images/exaggerate.jpg.

    python docs/make_faces.py

Left to right: the sample style with its face's landmarks, the photograph warped with `--faces off`, with `--faces auto`, and painted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))

STYLES = ("oval", "ink")
CELL, GAP = 360, 6


def main() -> None:
    """Make the results, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--output", type=Path, default=HOME / "images" / "faces.jpg", help="the figure (default: %(default)s)"
    )
    args = parser.parse_args()
    import dst
    from dst import imaging
    from dst.config import STRIP
    from dst.imaging.samples import demo_pair
    from dst.viz.faces import marked
    from dst.viz.sheets import titled_sheet

    def cell(pixels: np.ndarray) -> np.ndarray:
        small = imaging.to_array(imaging.resize(imaging.read(np.ascontiguousarray(pixels[..., :3])).rgb, CELL))
        found = np.full((CELL, CELL, 3), 255, np.uint8)
        found[: small.shape[0], (CELL - small.shape[1]) // 2 :][:, : small.shape[1]] = small
        return found

    content, _ = demo_pair()
    rows = []
    for style in (path for name in STYLES for path in dst.sample_styles() if path.stem == name):
        off, auto = (dst.stylize(content, style, faces=faces, progress=False) for faces in ("off", "auto"))
        height, width = auto.style.shape[:2]
        points = auto.matches.resized(auto.matches.content_size, (width, height)).style
        drawn = marked(auto.style, points, auto.matches.source)
        cells = [cell(x) for x in (drawn, off.warped_content, auto.warped_content, auto.image)]
        gap = np.full((CELL, GAP, 3), 255, np.uint8)
        rows.append(np.concatenate([part for x in cells for part in (x, gap)][:-1], 1))
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    imaging.write(args.output, np.concatenate([part for row in rows for part in (row, gap)][:-1]), quality=85)
    made = [(k, dst.exaggerate(content, strength=k).image.rgb) for k in STRIP]
    strip = titled_sheet([[(f"strength {k:g}", imaging.to_array(imaging.resize(rgb, CELL))) for k, rgb in made]], 280)
    imaging.write(args.output.with_name("exaggerate.jpg"), strip, quality=85)


if __name__ == "__main__":
    main()
