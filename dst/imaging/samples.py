"""Images to try the toolkit on: drawn portraits that come with the package, and a photograph of scikit-image's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dst.config import InputError
from dst.imaging.io import Image, read


def demo_pair() -> tuple[Image, Path]:
    """The sample pair: scikit-image's astronaut, head and shoulders, and a drawn portrait from the package's assets."""
    from skimage import data

    portrait = data.astronaut()[0:300, 100:350]
    return read(np.ascontiguousarray(portrait)), next(p for p in sample_styles() if p.stem == "oval")


def sample_styles() -> list[Path]:
    """The drawn style images that come with the package.

    Raises:
        InputError: they are not there.
    """
    here = Path(__file__).parents[1]
    for folder in (here / "assets", here.parent / "assets"):  # installed; in a checkout
        found = sorted(p for p in folder.glob("*") if p.suffix in (".jpg", ".png"))
        if found:
            return found
    raise InputError("the sample images are missing from this installation: install the package again")
