"""What the page shows: which options of a run under which words, its painters, its tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dst.config.guidance import INITS


@dataclass(frozen=True)
class Control:
    """An option of a run as the page shows it.

    Attributes:
        label: what stands beside it.
        group: the heading that it stands under.
        advanced: whether it is folded away.
        step: of a range.
        names: of choices: those that are offered and what they are called; None for all under their own names.
        low, high: ends of the range that is shown, where the option's own are too wide for a handle; what is typed may lie
            beyond them.
        text: a sentence for people who type no commands; empty for the option's own.
    """

    label: str
    group: str
    advanced: bool = False
    step: float = 1
    names: dict[str, str] | None = None
    low: float | None = None
    high: float | None = None
    text: str = ""


CONTROLS: dict[str, Control] = {
    "look": Control("Look", "main", step=0.05),
    "warp_strength": Control("Warp strength", "main", step=0.05, high=2.0),
    "stroke_size": Control("Stroke size", "main", step=0.05),
    "preserve_color": Control(
        "Colours",
        "main",
        names={"none": "the painting's", "luminance": "the photograph's", "histogram": "the photograph's palette"},
    ),
    "method": Control("Method", "main"),
    "size": Control("Size", "main", step=32, low=128, high=1024),
    "seed": Control("Seed", "main"),
    "preset": Control("Preset", "painting", True),
    "style_strength": Control("Style strength", "painting", True, 0.05, high=2.0),
    "steps": Control("Steps at each scale", "painting", True, high=200),
    "init": Control("First guess", "painting", True, names={name: name for name in INITS}),
    "rotations": Control("Turned strokes", "painting", True),
    "raw_colors": Control("Raw colours", "painting", True),
    "color_only": Control("Colours only", "painting", True),
    "max_points": Control("Most points", "matching", True, high=200),
    "spacing": Control("Distance of points", "matching", True, 0.005, high=0.2),
    "threshold": Control("Least activation", "matching", True, 0.01),
    "faces": Control("Faces", "matching", True),
    "pose": Control("Pose of the head", "matching", True),
    "beta": Control("Reach the points", "warp", True, 0.05, high=5.0),
    "gamma": Control("Smoothness of the warp", "warp", True, 1, high=200.0),
}
"""Options that the page shows and the API takes, in the page's order."""
GROUPS = {"main": "", "painting": "Painting", "matching": "Matching", "warp": "Warp"}
"""Headings of the groups."""
IDLE = ("look", "stroke_size", "seed", "preset", "steps", "init", "rotations", "raw_colors", "color_only")
"""Options of the page that a trained network has no use for."""
LIMITS: dict[str, Any] = {"style_strength": 1.0, "preserve_color": ["none", "luminance"]}
"""Of options that it takes less of: the largest number, or the choices that are left."""
PAINTERS: dict[str, tuple[str, str]] = {
    "oval": ("Long oval", "warm oils, long necks"),
    "impasto": ("Impasto", "thick, ridged oil paint"),
    "watercolour": ("Watercolour", "washes that run into each other"),
    "points": ("Points", "dots of pure colour"),
    "facets": ("Facets", "planes in ochre, blue and grey"),
    "print": ("Woodblock print", "flat colours and a flowing line"),
    "woodcut": ("Woodcut", "black and white, cut with a gouge"),
    "ink": ("Ink", "hatched caricature with thin washes"),
    "charcoal": ("Charcoal", "soft greys on rough paper"),
    "poster": ("Poster", "a few bold colours and diagonals"),
    "glass": ("Stained glass", "glowing panes, dark leads"),
    "mosaic": ("Mosaic", "small stones in rows"),
}
"""Name and manner of each drawn sample, in the order of the menu."""
TABS: dict[str, str] = {
    "style": "Style",
    "exaggerate": "Exaggerate",
    "texture": "Texture",
    "one-image": "One image",
    "laboratory": "Laboratory",
}
"""Tabs by the name of their file; the page shows those whose file is there."""
