"""The warp: a thin-plate spline through control points, with a fixed border, that never folds."""

from dst.warp.coordinates import to_pixels, to_unit
from dst.warp.flow import FlowGrid
from dst.warp.folds import FoldReport
from dst.warp.tps import ANCHORS, RIDGE, border_anchors
from dst.warp.warp import InverseWarp, Warp

__all__ = [
    "ANCHORS",
    "RIDGE",
    "FlowGrid",
    "FoldReport",
    "InverseWarp",
    "Warp",
    "border_anchors",
    "to_pixels",
    "to_unit",
]
