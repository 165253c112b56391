"""Options of a grid: many small results on one sheet."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import whole


@dataclass(frozen=True)
class GridConfig(Checked):
    """A grid of results over the values of one or two options."""

    side: int = option(256, "long side of each image in the grid, pixels", whole(16, 4096), "grid", flag="--cell")
