"""Options of the warp."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import Number, whole


@dataclass(frozen=True)
class WarpConfig(Checked):
    """The thin-plate spline and the terms that restrain it."""

    warp_strength: float = option(
        1.0,
        "how far the shapes are warped: 0 not at all, 1 as matched",
        Number(0.0, 3.0),
        "warp",
        "0: not warped; 1: as matched; 1.5 and more: caricature",
    )
    beta: float = option(
        0.5,
        "weight of the distance to the targets, in pixels of a 256-pixel image",
        Number(0.0, 1e4),
        "objective",
        "low: shapes hardly move; high: keypoints reach their targets whatever the style term gains",
    )
    gamma: float = option(
        50.0,
        "weight of the total variation of the warp",
        Number(0.0, 1e6),
        "objective",
        "low: sharp local warps; high: a smooth warp of the whole image, or hardly any",
    )
    min_matches: int = option(
        4,
        "min reliable matches for a warp; with fewer, plain style transfer",
        whole(3, 1000),
        "matching",
        "high: warps only where matches are plentiful",
    )
