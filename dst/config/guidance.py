"""Options that guide one run."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option


@dataclass(frozen=True)
class SteerConfig(Checked):
    """Handles on one run. From Python a picture or a mask may be anything that `dst.imaging.read` takes, not a path only."""

    geometry: str | None = option(
        None, "picture that the shapes come from; strokes still come from the style", group="steering"
    )
    style_weights: tuple | None = option(None, "share of each style, where several are given", group="steering")
    protect: str | None = option(None, "mask of the content: its white parts keep their shape", group="steering")
    content_mask: str | None = option(
        None, "the content's areas by colour, each painted as style_mask's area of that colour", group="steering"
    )
    style_mask: str | None = option(None, "the style's areas by colour; one mask for each style", group="steering")
    preserve_color: str = option(
        "none", "keep the content's colours", choices=("none", "luminance", "histogram"), group="steering"
    )
    color_only: bool = option(False, "bend and recolour only: no strokes, no optimisation", group="steering")
    init: str = option("content", "the first guess: content, noise, style or a picture's file", group="steering")
    pins: tuple | None = option(
        None, "matches added by hand, content x, y and style x, y in pixels; they are reached", group="steering"
    )
    drop: tuple | None = option(None, "matches left out, by their numbers in the plot of the matches", group="steering")
