"""Draws the figures of networks.md: images/networks-*.jpg.

    python docs/make_networks.py [NAME ...]

From scikit-image's photographs and the drawn samples; one minute on two cores, and for `upsampling`, which trains four small networks,
some ten more. `multimodal`, `noise` and `adain` show networks that networks.md says how to train, in the folders johnson, multimodal,
johnson-without-noise (`--noise 0`) and adain of the folder DST_MODELS, and are drawn where it is given.
"""

from __future__ import annotations

import os
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


def thumb(image, side: int = SIZE) -> np.ndarray:
    """An image in a square, at the size of the sheet."""
    from dst import imaging

    return imaging.to_array(imaging.cover(imaging.read(image).rgb, (side, side)))


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
    """Every shipped style: the drawing, and a photograph painted in it by the one network."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    import dst
    from dst.viz.sheets import table_sheet

    known, names = paintings(), list(dst.shipped_styles())
    photographs = [data.astronaut()[:400, 50:450], load_sample_image("china.jpg")[:420, 60:480]]
    pictures: list[np.ndarray] = []
    side = SIZE * 3 // 4
    for half, photograph in zip((names[:6], names[6:]), photographs, strict=True):
        pictures += [np.full((side, side, 3), 255, np.uint8), *(thumb(known[name], side) for name in half)]
        made = [dst.apply_network(name, photograph, size=2 * SIZE)[0] for name in half]
        pictures += [thumb(image, side) for image in (photograph, *made)]
    return table_sheet(pictures, [""] * 4, [""] * 7)


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
    small = {"quick": True, "crop": 128, "steps": 400, "style_size": 192, "sheet_every": 10_000, "noise": 0}
    made = []
    with tempfile.TemporaryDirectory() as home:
        for name, options in ways.items():
            model = dst.train_network(paintings()["impasto"], f"{home}/{name}", **small, **options)
            painted = dst.apply_network(model, data.astronaut(), size=384)[0]
            made += [painted[20:132, 110:222].repeat(2, 0).repeat(2, 1)]
    return table_sheet(made, [""], list(ways))


def own(name: str):
    """A network out of the folder that DST_MODELS names."""
    import dst

    if "DST_MODELS" not in os.environ:
        raise SystemExit(f"{name} shows a trained network: give the folder of networks as DST_MODELS")
    return dst.load_network(str(Path(os.environ["DST_MODELS"]) / name))


def china() -> np.ndarray:
    """A photograph of scikit-learn's, 1,024 pixels wide."""
    from sklearn.datasets import load_sample_image

    from dst import imaging

    return imaging.to_array(
        imaging.resize(imaging.read(np.ascontiguousarray(load_sample_image("china.jpg"))).rgb, 1024)
    )


def multimodal() -> np.ndarray:
    """One network against three in a row, at two sizes, and what each of the three makes."""
    import dst
    from dst.viz.sheets import table_sheet

    photograph, wide, high = china(), 240, 160
    rows: list[list[np.ndarray]] = [[], []]
    for name in ("johnson", "multimodal"):
        for size in (256, 1024):
            (made,) = dst.apply_network(own(name), photograph, styles=["impasto"], size=size)
            rows[0].append(_reduced(made, wide))
            top, left = (150, 330) if size == 1024 else (0, 0)
            rows[1].append(made[top : top + high, left : left + wide])
    parts = dst.network_parts(own("multimodal"), photograph).values()
    places = ((0, 0), (0, 90), (150, 330))
    crops = [made[top : top + high, left : left + wide] for made, (top, left) in zip(parts, places, strict=True)]
    crops.append(photograph[150 : 150 + high, 330 : 330 + wide])
    across = ["one network, 256 px", "one, 1,024 px", "three, 256 px", "three, 1,024 px"]
    foot = [
        "Last row, pixel by pixel: what `style`, `enhance` and `refine` make on the way to 1,024 pixels; the photograph."
    ]
    return table_sheet([*rows[0], *rows[1], *crops], ["whole", "pixel by pixel", "on the way"], across, (), foot)


def noise() -> np.ndarray:
    """Skies by a network without noise and by one with it, enlarged twice."""
    from skimage import data

    import dst
    from dst.viz.sheets import table_sheet

    crops = []
    for photograph, top, left in ((data.rocket(), 60, 60), (china(), 120, 350)):
        small = _reduced(photograph, 640)
        made = [
            dst.apply_network(own(name), small, styles=["impasto"])[0] for name in ("johnson-without-noise", "johnson")
        ]
        crops += [image[top : top + 110, left : left + 150].repeat(2, 0).repeat(2, 1) for image in (small, *made)]
    return table_sheet(crops, ["", ""], ["photograph", "--noise 0", "--noise 0.25"])


def _reduced(image: np.ndarray, side: int) -> np.ndarray:
    from dst import imaging

    return imaging.to_array(imaging.resize(imaging.read(image).rgb, side))


def adain() -> np.ndarray:
    """AdaIN, and the network that `--instant` has."""
    from skimage import data

    import dst
    from dst.viz.sheets import table_sheet

    known, photograph, chosen = paintings(), data.astronaut(), ("impasto", "glass", "watercolour", "woodcut")
    made = [dst.apply_network(own("adain"), photograph, styles=[known[name]], size=2 * SIZE)[0] for name in chosen]
    once = [dst.instantly(photograph, known[name], size=2 * SIZE) for name in chosen]
    shown = [thumb(photograph), *(thumb(known[name]) for name in chosen)]
    blank = np.full((SIZE, SIZE, 3), 255, np.uint8)
    return table_sheet(
        [*shown, blank, *map(thumb, made), blank, *map(thumb, once)], ["", "adain", "at once"], ["", *chosen]
    )


def deform() -> np.ndarray:
    """A portrait bent by its matches and painted by a network, and by the network alone."""
    import dst
    from dst.viz.sheets import table_sheet

    (content, style), model = dst.demo_pair(), "oval"
    (alone,) = dst.apply_network(model, content, size=512)
    result = dst.stylize(content, style, method="network", model=model, size=512)
    shown = [content, style, alone, result.image]
    return table_sheet([_square(x) for x in shown], [""], ["photograph", "shapes", "painted", "bent and painted"])


def _square(image) -> np.ndarray:
    from dst import imaging

    rgb = (image if isinstance(image, imaging.Image) else imaging.read(image)).rgb
    return imaging.to_array(imaging.cover(rgb, (SIZE + 64, SIZE + 64)))


FIGURES = {
    "instant": instant,
    "mixtures": mixtures,
    "trained": trained,
    "blended": blended,
    "upsampling": upsampling,
    "deform": deform,
}
if "DST_MODELS" in os.environ:
    FIGURES |= {"multimodal": multimodal, "noise": noise, "adain": adain}


if __name__ == "__main__":
    figures.draw(__doc__, FIGURES, "networks-", 72)
