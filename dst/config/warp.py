"""Options of the warp."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option


@dataclass(frozen=True)
class WarpConfig(Checked):
    """The thin-plate spline and the terms that hold it."""

    warp_strength: float = option(1.0, "how far the shapes bend: 0 not at all, 1 as matched", 0.0, 3.0, group="warp")
    beta: float = option(0.5, "weight of the distance to the targets, pixels of 256", 0.0, 1e4, group="objective")
    gamma: float = option(50.0, "weight of the total variation of the warp", 0.0, 1e6, group="objective")
    min_matches: int = option(
        4, "fewer reliable matches than this mean plain style transfer", 3, 1000, group="matching"
    )
