"""Images to try the toolkit on: drawn portraits that come with the package, and a photograph of scikit-image's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dst.config import SAMPLES, InputError
from dst.imaging.io import Image, read


def demo_pair() -> tuple[Image, Path]:
    """The sample pair: scikit-image's astronaut, head and shoulders, and a drawn portrait from the package's assets."""
    from skimage import data

    portrait = data.astronaut()[0:300, 100:350]
    return read(np.ascontiguousarray(portrait)), next(p for p in sample_styles() if p.stem == SAMPLES[0])


def sample_styles() -> list[Path]:
    """The drawn style images that come with the package, by name: those that `dst demo --style` offers.

    Raises:
        InputError: one of them is not there.
    """
    here = Path(__file__).parents[1]
    for folder in (here / "assets", here.parent / "assets"):  # installed; in a checkout
        found = [folder / f"{name}.jpg" for name in sorted(SAMPLES)]
        if all(path.is_file() for path in found):
            return found
    raise InputError("the sample images are missing from this installation: install the package again")
