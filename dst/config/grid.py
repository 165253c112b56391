"""Options of sheets of many small results: grids, and variants."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import whole


@dataclass(frozen=True)
class GridConfig(Checked):
    """A grid of results over the values of one or two options."""

    side: int = option(256, "long side of each image in the grid, pixels", whole(16, 4096), "grid", flag="--cell")


@dataclass(frozen=True)
class VariantsConfig(Checked):
    """Looks by strengths of the warp."""

    side: int = option(
        256,
        "long side of each image on the sheet, painted at that size, pixels",
        whole(32, 2048),
        "variants",
        flag="--cell",
    )


STRENGTHS = (0, 0.5, 1)
"""`warp_strength` in the rows of `variants`."""
VARIED = {
    "look": "its columns are the looks",
    "alpha": "its columns are the looks, and a look is an alpha by another name",
    "warp_strength": "its rows are strengths of the warp",
    "warp": "its rows are strengths of the warp, 0 among them",
    "color_only": "its columns are the looks, which are all the same where nothing is painted",
}
"""Options that `variants` does not take, and why."""
