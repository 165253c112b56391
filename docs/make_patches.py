"""Draws the figures of patches.md: images/quilt-*.jpg.

    python docs/make_patches.py [NAME ...]

From scikit-learn's and scikit-image's photographs and the drawn samples; two minutes on two cores.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import figures
import numpy as np

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))
SIDE, SHOWN = 192, 320
"""Of the samples, and of what is made of them, pixels."""


def samples() -> dict[str, np.ndarray]:
    """(192, 192, 3) uint8 by name."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    found = {
        "grass": data.grass()[:SIDE, :SIDE],
        "gravel": data.gravel()[:SIDE, :SIDE],
        "brick": data.brick()[:SIDE, :SIDE],
        "petals": load_sample_image("flower.jpg")[100 : 100 + SIDE, 250 : 250 + SIDE],
        "coins": data.coins()[:SIDE, 100 : 100 + SIDE],
        "cat": data.chelsea()[90 : 90 + SIDE, 130 : 130 + SIDE],
    }
    return {
        name: np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None].repeat(3, 2))
        for name, pixels in found.items()
    }


def portrait() -> np.ndarray:
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[0:300, 75:375])


def painting(name: str) -> np.ndarray:
    """A drawn sample at 300 pixels."""
    import dst
    from dst import imaging

    path = next(path for path in dst.sample_styles() if path.stem == name)
    return imaging.to_array(imaging.resize(imaging.read(path).rgb, 300))


def quilted(sample: np.ndarray, onto: np.ndarray | None = None, **options) -> np.ndarray:
    import dst
    from dst import imaging

    size = {} if onto is not None else {"size": (SHOWN, SHOWN)}
    return imaging.to_array(dst.quilt(sample, onto, **{**size, **options}).rgb)


def textures() -> np.ndarray:
    """Six samples and their quilts, blocks as large as each asks for."""
    from dst.viz.sheets import titled_sheet

    blocks = {"grass": 32, "gravel": 32, "brick": 48, "petals": 40, "coins": 48, "cat": 32}
    cells = []
    for name, sample in samples().items():
        cells += [(name, framed(sample)), (f"its quilt, blocks of {blocks[name]}", quilted(sample, block=blocks[name]))]
    return titled_sheet([cells[k : k + 4] for k in range(0, len(cells), 4)], 250)


def framed(sample: np.ndarray) -> np.ndarray:
    """A sample on white, at the scale of its quilt."""
    page = np.full((SHOWN, SHOWN, 3), 255, np.uint8)
    start = (SHOWN - SIDE) // 2
    page[start : start + SIDE, start : start + SIDE] = sample
    return page


def options() -> np.ndarray:
    """What blocks, tolerance and pieces do."""
    from dst.viz.sheets import titled_sheet

    gravel, brick = samples()["gravel"], samples()["brick"]
    rows = [
        [(f"--block {n}", quilted(brick, block=n)) for n in (12, 24, 48, 96)],
        [
            ("--tolerance 0", quilted(gravel, tolerance=0.0)),
            ("as it is", quilted(gravel)),
            ("--tolerance 3", quilted(gravel, tolerance=3.0)),
            ("--piece 1000 --tolerance 0", quilted(gravel, piece=1000, tolerance=0.0)),
        ],
    ]
    return titled_sheet(rows, 240)


def cuts() -> np.ndarray:
    """The sheet of --cuts."""
    from dst import imaging
    from dst.config import QuiltConfig
    from dst.patches import quilting
    from dst.viz.patches import cuts as drawn

    return drawn(quilting.quilted(imaging.read(samples()["brick"]), None, QuiltConfig(size=(SIDE, SIDE), block=48)))


def transfer() -> np.ndarray:
    """One picture in four materials, and by each likeness."""
    from dst.viz.sheets import titled_sheet

    face, given = portrait(), samples()
    impasto = painting("impasto")
    rows = [
        [("the picture", face), *((name, quilted(given[name], face)) for name in ("gravel", "petals", "grass"))],
        [
            ("impasto", impasto),
            *(
                (f"--by {by}", quilted(impasto, face, by=by.split("+")))
                for by in ("luminance", "orientation", "features")
            ),
        ],
        [(f"petals, --passes {n}", quilted(given["petals"], face, passes=n)) for n in (1, 2, 3, 5)],
    ]
    return titled_sheet(rows, 200)


FIGURES: dict[str, Callable[[], np.ndarray]] = {
    "quilt-textures": textures,
    "quilt-options": options,
    "quilt-cuts": cuts,
    "quilt-transfer": transfer,
}


if __name__ == "__main__":
    figures.draw(__doc__, FIGURES, "", 60)
