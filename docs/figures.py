"""What the scripts that draw the documentation's figures share: which are drawn, and where to."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

IMAGES = Path(__file__).resolve().parent / "images"


def parser_of(doc: str, figures: Mapping[str, Callable]) -> argparse.ArgumentParser:
    """Takes names of figures, none for all, and the folder that they are written to."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *figures], help="figures to draw (default: all)")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where to (default: %(default)s)")
    return parser


def write(folder: Path, name: str, image: np.ndarray, quality: int) -> None:
    """Write a figure, and say so."""
    from dst import imaging

    imaging.write(folder / f"{name}.jpg", image, quality=quality)
    print(name, image.shape[:2], flush=True)


def draw(doc: str, figures: Mapping[str, Callable[[], np.ndarray]], prefix: str, quality: int) -> None:
    """Draw what the command line names, or all: `prefix` and the figure's name make the file's."""
    args = parser_of(doc, figures).parse_args()
    for name in args.names or figures:
        write(args.folder, prefix + name, figures[name](), quality)
