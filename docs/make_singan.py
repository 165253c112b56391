"""Draws the figures of singan.md: images/singan-*.jpg.

    python docs/make_singan.py [NAME ...] [--models DIR]

From models of scikit-learn's and scikit-image's photographs, trained with `quick`, which takes some nine minutes and six of one core;
`--models` keeps them, so that a stopped run goes on.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import figures
import numpy as np

OPTIONS = {"stars": {"side": 96}}
"""What models are trained with besides `quick`."""
HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))


def photographs() -> dict[str, np.ndarray]:
    from skimage import data
    from sklearn.datasets import load_sample_image

    return {
        "pagoda": load_sample_image("china.jpg"),
        "stars": data.hubble_deep_field()[:600, :800],
    }


def trained(name: str, models: Path):
    """The model of a photograph, trained or gone on with where that is not done."""
    import dst

    folder = models / name
    try:
        model = dst.load_singan(folder)
        if model.finished:
            return model
    except dst.InputError:
        pass
    return dst.train_singan(photographs()[name], folder, quick=True, **OPTIONS.get(name, {}))


def own(model) -> np.ndarray:
    from dst import imaging

    return imaging.to_array(model.source)


def doubled(image: np.ndarray) -> np.ndarray:
    """Each pixel as two by two, so that a page shows it as it is."""
    return image.repeat(2, 0).repeat(2, 1)


def samples(models: Path) -> np.ndarray:
    """Each photograph, what the fixed noise gives, three samples."""
    import dst
    from dst import imaging
    from dst.networks.singan.model import reconstruction
    from dst.networks.singan.tasks import shown
    from dst.viz.sheets import table_sheet

    pictures = []
    for name in photographs():
        model = trained(name, models)
        pictures += [own(model), imaging.to_array(shown(reconstruction(model)))]
        pictures += dst.singan("sample", model, count=3)
    across = ["photograph", "reconstruction", *(f"sample, seed {seed}" for seed in range(3))]
    return table_sheet([doubled(p) for p in pictures], list(photographs()), across)


def sizes(models: Path) -> np.ndarray:
    """Wide and tall samples, and starts at each scale."""
    import dst
    from dst.viz.sheets import titled_sheet

    model = trained("pagoda", models)
    width, height = model.size
    wide = dst.singan("sample", model, size=(3 * width, height), seed=1)[0]
    from_scale = [
        (f"first to draw: scale {k}", dst.singan("sample", model, start=k, seed=1)[0]) for k in range(len(model.scales))
    ]
    rows = [[("three times as wide", wide)], from_scale]
    return titled_sheet(rows, 2 * height)


def pasted(model) -> tuple[np.ndarray, np.ndarray]:
    """A part of another picture set into a model's photograph, and its mask."""
    from skimage import data
    from skimage.transform import resize

    image = own(model).copy()
    ball = resize(data.coffee()[40:360, 160:480], (34, 34), anti_aliasing=True)
    y, x = np.mgrid[:34, :34]
    inside = np.hypot(y - 16.5, x - 16.5) < 15
    top, left = 12, 80
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[top : top + 34, left : left + 34] = 255 * inside
    image[mask > 0] = (255 * ball[inside]).round().astype(np.uint8)
    return image, mask


def moved(model) -> tuple[np.ndarray, np.ndarray]:
    """The photograph with a part of it copied to another place, and where."""
    image = own(model).copy()
    mask = np.zeros(image.shape[:2], np.uint8)
    image[28:62, 78:112] = image[18:52, 20:54]
    mask[28:62, 78:112] = 255
    return image, mask


def painted(model) -> np.ndarray:
    """A flat painting in the photograph's colours: sky, a house, bushes."""
    source = own(model)
    sky, house, bush = source[8, 90], np.uint8([150, 62, 48]), np.uint8([92, 92, 58])
    image = np.full_like(source, sky)
    high = image.shape[0]
    image[int(0.74 * high) :] = bush
    for k in range(3):
        image[int((0.3 + 0.16 * k) * high) : int((0.46 + 0.16 * k) * high), 60 - 8 * k : 80 + 8 * k] = house
    return image


def tasks(models: Path) -> np.ndarray:
    """Tasks that begin with a picture: what was given, and what comes of it by the scale that is the first to draw."""
    import dst
    from dst.viz.sheets import table_sheet

    model = trained("pagoda", models)
    starts = range(1, len(model.scales))
    given = {"harmonise": pasted(model), "edit": moved(model), "paint-to-image": (painted(model), None)}
    pictures = []
    for task, (image, mask) in given.items():
        pictures.append(image)
        pictures += [dst.singan(task, model, image, mask=mask, start=k)[0] for k in starts]
    across = ["given", *(f"first to draw: scale {k}" for k in starts)]
    return table_sheet([doubled(p) for p in pictures], list(given), across)


def animate(models: Path) -> np.ndarray:
    """Every eighth frame of a loop."""
    import dst
    from dst.viz.sheets import table_sheet

    model = trained("pagoda", models)
    frames = dst.singan("animate", model, frames=48)[::8]
    return table_sheet([doubled(p) for p in frames], [""], [f"frame {8 * k}" for k in range(len(frames))])


FIGURES: dict[str, Callable[[Path], np.ndarray]] = {
    "samples": samples,
    "sizes": sizes,
    "tasks": tasks,
    "animate": animate,
}


def main() -> None:
    """Draw what is named, or all."""
    parser = figures.parser_of(__doc__, FIGURES)
    parser.add_argument("--models", type=Path, help="folder that models are kept in (default: none)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        models = args.models or Path(scratch)
        models.mkdir(parents=True, exist_ok=True)
        for name in args.names or FIGURES:
            figures.write(args.folder, f"singan-{name}", FIGURES[name](models), 78)


if __name__ == "__main__":
    main()
