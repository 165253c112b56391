"""Draws the figures of networks.md: images/networks-*.jpg.

    python docs/make_networks.py [NAME ...]

From scikit-image's photographs and the drawn samples; one minute on two cores, and for `upsampling`, which trains four small networks,
some ten more.
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


def trained() -> np.ndarray:
    """Every shipped style: the drawing, and two photographs painted in it by the one network."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    import dst
    from dst.viz.sheets import table_sheet

    known, names = paintings(), list(dst.shipped_styles())
    photographs = [data.astronaut()[:400, 50:450], load_sample_image("china.jpg")[:420, 60:480]]
    pictures: list[np.ndarray] = []
    for half in (names[:6], names[6:]):
        pictures += [np.full((SIZE, SIZE, 3), 255, np.uint8), *(thumb(known[name]) for name in half)]
        for photograph in photographs:
            made = [dst.apply_network(name, photograph, size=2 * SIZE)[0] for name in half]
            pictures += [thumb(photograph), *map(thumb, made)]
    return table_sheet(pictures, [""] * 6, [""] * 7)


def blended() -> np.ndarray:
    """From one shipped style to another, and less strength."""
    from skimage import data

    import dst
    from dst.viz.sheets import table_sheet

    photograph, steps = data.chelsea()[:, 75:375], (0.0, 0.25, 0.5, 0.75, 1.0)
    model = dst.load_network("woodcut")
    ways = [
        dst.apply_network(model, photograph, styles=["woodcut", "impasto"], weights=(1 - step, step), size=2 * SIZE)[0]
        for step in steps
    ]
    less = [dst.apply_network("glass", photograph, strength=step, size=2 * SIZE)[0] for step in steps]
    return table_sheet([*map(thumb, ways), *map(thumb, less)], ["mixture", "strength"], [f"{step:g}" for step in steps])


def upsampling() -> np.ndarray:
    """What enlargement and normalisation do after the same few hundred steps: the middle of a photograph, enlarged twice."""
    import tempfile

    from skimage import data

    import dst
    from dst.viz.sheets import table_sheet

    ways = {
        "transposed": {"upsample": "transposed"},
        "nearest": {},
        "bilinear": {"upsample": "bilinear"},
        "batch normalisation": {"norm": "batch"},
    }
    small = {"quick": True, "crop": 128, "steps": 400, "style_size": 192, "sheet_every": 10_000}
    made = []
    with tempfile.TemporaryDirectory() as home:
        for name, options in ways.items():
            model = dst.train_network(paintings()["impasto"], f"{home}/{name}", **small, **options)
            painted = dst.apply_network(model, data.astronaut(), size=384)[0]
            made += [painted[20:132, 110:222].repeat(2, 0).repeat(2, 1)]
    return table_sheet(made, [""], list(ways))


FIGURES = {"instant": instant, "mixtures": mixtures, "trained": trained, "blended": blended, "upsampling": upsampling}


if __name__ == "__main__":
    figures.draw(__doc__, FIGURES, "networks-", 72)
