"""Draws the figures of laboratory.md: images/lab-*.jpg.

    python docs/make_laboratory.py [NAME ...]

From scikit-learn's and scikit-image's photographs and the drawn samples; three minutes on two cores.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import figures
import numpy as np

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))
SIZE = 160


def content() -> np.ndarray:
    from sklearn.datasets import load_sample_image

    return load_sample_image("china.jpg")


def style(name: str = "impasto") -> Path:
    import dst

    return next(path for path in dst.sample_styles() if path.stem == name)


def experiment(name: str, **options) -> Callable[[], np.ndarray]:
    """The sheet of `dst lab`."""

    def draw() -> np.ndarray:
        import dst

        return dst.laboratory(name, content(), style(), size=SIZE, **options).image

    return draw


def photo() -> np.ndarray:
    from skimage import data
    from sklearn.datasets import load_sample_image

    import dst

    return dst.laboratory("photo", data.coffee(), load_sample_image("flower.jpg"), size=SIZE).image


def invert() -> np.ndarray:
    from skimage import data

    import dst

    return dst.invert(data.astronaut()[:300, 80:380], size=192, seeds=1).image


def texture() -> np.ndarray:
    """Samples beside their textures by each statistic; a tile set four times, and a mixture."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    import dst
    from dst import imaging
    from dst.viz.sheets import table_sheet

    grey = lambda pixels: np.repeat(pixels[..., None], 3, 2)  # noqa: E731
    mosaic = imaging.to_array(imaging.read(style("mosaic")).rgb)
    samples = {
        "gravel": grey(data.gravel()[:256, :256]),
        "brick": grey(data.brick()[:256, :256]),
        "petals": load_sample_image("flower.jpg")[60:316, 180:436],
        "mosaic": mosaic[440:696, 150:406],
    }
    ways = {"gram": ("gram",), "gram+shift": ("gram", "shift"), "sliced": ("sliced",)}
    images = []
    for pixels in samples.values():
        images.append(pixels)
        images += [dst.texture(pixels, size=(256, 256), statistics=kinds) for kinds in ways.values()]
        tile = dst.texture(pixels, size=(128, 128), scale=0.5, tile=True)
        images.append(np.tile(tile, (2, 2, 1)))
    across = ["sample", *ways, "--tile, set four times"]
    sheet = table_sheet(images, list(samples), across)
    wide = dst.texture(samples["gravel"], samples["petals"], size=(sheet.shape[1] - 20, 200))
    below = np.full((wide.shape[0] + 20, sheet.shape[1], 3), 255, np.uint8)
    below[10 : 10 + wide.shape[0], 10 : 10 + wide.shape[1]] = wide
    return np.vstack([sheet, below])


FIGURES: dict[str, Callable[[], np.ndarray]] = {
    "ratio": experiment("ratio"),
    "layers": experiment("layers", ratio=3e-4),
    "init": experiment("init", seeds=4),
    "optimizers": experiment("optimizers"),
    "style-scale": experiment("style-scale"),
    "pooling": experiment("pooling"),
    "photo": photo,
    "invert": invert,
    "texture": texture,
}


if __name__ == "__main__":
    figures.draw(__doc__, FIGURES, "lab-", 72)
