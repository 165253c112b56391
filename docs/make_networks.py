"""Draws the figures of networks.md: images/networks-*.jpg.

    python docs/make_networks.py [NAME ...]

From scikit-image's photographs and the drawn samples; one minute on two cores.
"""

from __future__ import annotations

import sys
from pathlib import Path

import figures
import numpy as np

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))
SHOWN = ("impasto", "points", "glass", "watercolour", "woodcut")
SIZE = 176


def paintings() -> dict[str, Path]:
    """The drawn samples by name."""
    import dst

    return {path.stem: path for path in dst.sample_styles()}


def instant() -> np.ndarray:
    """Paintings, two photographs painted at once, and one by the optimisation."""
    from skimage import data

    import dst
    from dst.viz.sheets import table_sheet

    known, photographs = paintings(), [data.astronaut(), data.chelsea()[:, 75:375]]
    rows = [[np.full((SIZE, SIZE, 3), 255, np.uint8), *(thumb(known[name]) for name in SHOWN)]]
    for photograph in photographs:
        painted = [dst.instantly(photograph, known[name], size=SIZE) for name in SHOWN]
        rows.append([thumb(photograph), *painted])
    painted = [dst.stylize(photographs[0], known[name], size=SIZE, warp=False).image for name in SHOWN]
    rows.append([thumb(photographs[0]), *painted])
    down = ["", "at once", "at once", "optimised"]
    return table_sheet([image for row in rows for image in row], down, ["", *SHOWN])


def thumb(image) -> np.ndarray:
    """An image in a square, at the size of the sheet."""
    from dst import imaging

    return imaging.to_array(imaging.cover(imaging.read(image).rgb, (SIZE, SIZE)))


def mixtures() -> np.ndarray:
    """Strength, and the way from one painting to another."""
    from skimage import data

    import dst
    from dst.viz.sheets import table_sheet

    known, photograph, steps = paintings(), data.coffee()[:, 100:500], (0.0, 0.25, 0.5, 0.75, 1.0)
    strengths = [dst.instantly(photograph, known["glass"], strength=step, size=SIZE) for step in steps]
    pair = [known["impasto"], known["charcoal"]]
    ways = [dst.instantly(photograph, pair, style_weights=(1 - step, step), size=SIZE) for step in steps]
    return table_sheet([*strengths, *ways], ["strength", "mixture"], [f"{step:g}" for step in steps])


FIGURES = {"instant": instant, "mixtures": mixtures}


if __name__ == "__main__":
    figures.draw(__doc__, FIGURES, "networks-", 72)
