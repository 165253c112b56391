"""Portraits: a sitter and a manner each. No two share a shape of face or a technique."""

from __future__ import annotations

import numpy as np

from tools.samples import manners
from tools.samples.sitter import Sitter, study

PORTRAITS = {
    "woodcut": (manners.woodcut, {"block": "c9573a"}, Sitter(
        wide=0.23, tall=0.6, jaw=0.98, chin=0.42, eyes=0.47, eye=0.19, open=0.42, wings=0.25, width=0.42, hair="bald", beard=True,
        colours={"ground": "5c7480", "panel": "41525c", "hair": "241a14", "skin": "ecc096", "shadow": "a06a48"})),
    "mosaic": (manners.mosaic, {}, Sitter(
        wide=0.2, tall=0.56, top=0.2, jaw=0.74, chin=0.24, eye=0.29, open=0.62, gap=0.46, nose=0.735, wings=0.15, mouth=0.84, width=0.24,
        brow=0.12, hair="curls", colours={"ground": "c99a3a", "panel": "d8b257", "coat": "5a2b52", "fold": "33182f", "hair": "33211a",
        "iris": "3d2a1c", "collar": "d9c27a"})),
    "glass": (manners.glass, {}, Sitter(
        wide=0.165, tall=0.62, top=0.16, jaw=0.7, chin=0.2, eye=0.25, open=0.42, nose=0.72, wings=0.16, mouth=0.82, width=0.26, tilt=-7,
        hair="long", colours={"ground": "2f5fa0", "panel": "7a2f4a", "coat": "1f6b4f", "fold": "123f36", "hair": "a8561f", "sheen": "d98a35",
        "skin": "ecc49a", "collar": "e7c24a", "iris": "2b5a78"})),
    "points": (manners.points, {}, Sitter(
        wide=0.205, tall=0.6, jaw=0.86, chin=0.34, eye=0.2, turn=0.2, hair="bun", lips=1.2, smile=0.008, colours={"ground": "7fa7a0",
        "panel": "c9b56a", "coat": "6a4a86", "fold": "443064", "hair": "6b3a1c", "sheen": "b06a2c", "collar": "f0e6c8"})),
    "charcoal": (manners.charcoal, {}, Sitter(
        wide=0.2, tall=0.64, jaw=0.88, chin=0.3, eyes=0.46, eye=0.18, open=0.36, nose=0.7, wings=0.24, mouth=0.8, width=0.38, lips=0.8,
        smile=-0.012, turn=-0.25, tilt=4, brow=0.075, hair="short", colours={"ground": "a9a9a9", "panel": "848484", "skin": "cfcfcf",
        "shadow": "6a6a6a", "light": "f6f6f6", "blush": "b2b2b2", "hair": "2c2c2c", "sheen": "707070", "coat": "505050", "fold": "262626"})),
    "poster": (manners.poster, {}, Sitter(
        wide=0.235, tall=0.56, top=0.2, jaw=0.95, chin=0.46, eyes=0.5, eye=0.2, open=0.5, wings=0.22, width=0.4, lips=1.3, smile=0.018,
        hair="cap", colours={"coat": "26323f", "fold": "10161d", "skin": "e6bb8e", "light": "fff0d2", "shadow": "8a4f30", "collar": "c24a3c",
        "panel": "8fa3a8", "ground": "8fa3a8"})),
    "watercolour": (manners.watercolour, {}, Sitter(
        wide=0.21, tall=0.5, top=0.26, jaw=0.8, chin=0.34, eyes=0.54, eye=0.27, open=0.68, gap=0.47, nose=0.71, wings=0.15, mouth=0.82,
        width=0.25, lips=1.3, smile=0.012, brow=0.13, hair="curls", colours={"hair": "8a4a1e", "sheen": "d28a45", "coat": "7fa3b8",
        "fold": "4f748c", "ground": "d8dcc8", "panel": "b8cbb0", "skin": "efc6a4", "iris": "4c7f5a", "collar": "f6efe0"})),
    "impasto": (manners.impasto, {}, Sitter(
        wide=0.185, tall=0.63, jaw=0.8, chin=0.26, eyes=0.48, eye=0.2, open=0.44, nose=0.72, wings=0.22, width=0.3, mouth=0.83, turn=0.3, tilt=-3,
        brow=0.08, hair="short", beard=True, colours={"hair": "b5531c", "sheen": "e28a30", "coat": "2b5a6e", "fold": "173a4e", "ground": "4f8a9a",
        "panel": "3a6f8c", "skin": "e8b87a", "shadow": "7f7a3a", "light": "f8e6a8", "blush": "d8703a", "iris": "3a8a6a", "collar": "dfe6d0"})),
    "print": (manners.print_, {}, Sitter(
        wide=0.175, tall=0.64, top=0.18, jaw=0.82, chin=0.3, eyes=0.5, eye=0.21, open=0.3, gap=0.45, nose=0.72, wings=0.17, mouth=0.81, width=0.19,
        lips=1.3, brow=0.14, tilt=5, hair="bun", colours={"hair": "17151a", "sheen": "34323c", "skin": "f1dcc0", "shadow": "dcb896",
        "light": "f6e6cf", "blush": "ecc0a0", "lip": "b8342c", "coat": "3b5f8a", "fold": "b5482e", "ground": "d9cba4", "panel": "cfc096",
        "collar": "c8503a", "iris": "1c1818"})),
}  # fmt: skip
"""Name -> (manner, its settings, sitter)."""


def drawer(name: str):
    """The drawing function of a portrait: `draw(width, seed)` -> (round(1.25 width), width, 3) uint8 RGB."""

    def draw(width: int, seed: int = 5) -> np.ndarray:
        manner, settings, sitter = PORTRAITS[name]
        return manner(*study(sitter, width), np.random.default_rng(seed), **settings)

    return draw


def marks(name: str) -> dict[str, np.ndarray]:
    """Where a portrait's eyes, nose, mouth and chin are drawn, each (2,) (x, y) in widths of the sheet."""
    return PORTRAITS[name][2].marks()
