"""Draws images/features.jpg: a photograph and a drawn painting as the compact network sees them.

    python docs/make_features.py

Of each: the strongest channel of three layers, the Gram matrix of relu3_1, and what excites the most selective channels of relu4_1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))

STYLE = "mosaic"
LAYERS = ("relu1_2", "relu3_1", "relu5_1")
DEEP = "relu4_1"
HEIGHT = 130


def rows(image) -> list[list[tuple[str, np.ndarray]]]:
    """The picture, the strongest map of each layer and a Gram matrix; and crops of the two most selective channels."""
    import torch

    import dst
    from dst.losses import gram
    from dst.viz.features import crops_image, gram_image, map_image

    maps = dst.feature_maps(image, (*LAYERS, DEEP), size=384)
    cells = [("picture", maps.image)]
    for layer in LAYERS:
        (channel,) = maps.channels(layer, count=1)
        cells.append((f"{layer} / {channel}", map_image(maps, layer, channel)))
    found = gram(torch.from_numpy(maps["relu3_1"])[None])[0].numpy()
    cells.append(("Gram matrix, relu3_1", gram_image(found, np.arange(len(found)))))
    chosen = maps.channels(DEEP, "selective", 2)
    return [cells, [(f"crops of {DEEP} / {k}", crops_image(maps, DEEP, k)) for k in chosen]]


def main() -> None:
    """Look at both pictures, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--output", type=Path, default=HOME / "images" / "features.jpg", help="the figure (default: %(default)s)"
    )
    args = parser.parse_args()
    from skimage import data

    import dst
    from dst import imaging
    from dst.viz.sheets import titled_sheet

    style = next(path for path in dst.sample_styles() if path.stem == STYLE)
    imaging.write(args.output, titled_sheet([*rows(data.astronaut()), *rows(style)], HEIGHT), quality=72)


if __name__ == "__main__":
    main()
