"""Options that guide one run: other images, masks, matches by hand, colours, the first guess."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import Choice, File, Files, Numbers, Rows, Switch

INITS = ("content", "noise", "style")
"""Names that `init` takes; anything else is an image."""


@dataclass(frozen=True)
class GuidanceConfig(Checked):
    """Guidance of one run. From Python an image or a mask may be anything that `dst.imaging.read` takes, not a path only."""

    geometry: str | None = option(
        None,
        "image that the shapes come from; strokes still come from the style",
        File(),
        "guidance",
        "the warp follows this image, the brush the style: two paintings in one",
    )
    style_weights: tuple[float, ...] | None = option(
        None,
        "share of each style, where several are given",
        Numbers(0.0, 1e6, positive=True),
        "guidance",
        "equal: a mixture; 3,1: mostly the first, with a touch of the second",
    )
    rigid_mask: str | None = option(
        None,
        "mask of the content: its white parts keep their shape",
        File(),
        "guidance",
        "white parts may move and rotate as a whole, and are never deformed; grey counts as white from one half on",
    )
    content_mask: str | None = option(
        None,
        "the content's segments by colour, each painted as style_mask's segment of that colour",
        File(),
        "guidance",
        "sky as sky, skin as skin; segments that have no partner in style_mask are refused",
    )
    style_mask: str | tuple[str, ...] | None = option(
        None,
        "the style's segments by colour; one mask for each style",
        Files(),
        "guidance",
        "the same colours as in content_mask, on the style",
    )
    preserve_color: str = option(
        "none",
        "keep the content's colours",
        Choice(("none", "luminance", "histogram")),
        "guidance",
        "luminance: strokes in light and dark only, every hue the photograph's; histogram: strokes in the photograph's "
        "palette, hues may move",
    )
    color_only: bool = option(
        False,
        "warp and recolour only: no strokes, no optimisation",
        Switch(),
        "guidance",
        "off: painted; on: the photograph, warped, in the painting's colours, within seconds",
    )
    init: str = option(
        "content",
        "the first guess: content, noise, style or an image's file",
        File(*INITS),
        "guidance",
        "content: the photograph stays closest; noise, style: more of the painting, less of the layout",
    )
    pins: tuple[tuple[float, float, float, float], ...] | None = option(
        None,
        "matches added by hand, content x, y and style x, y in pixels; they are reached",
        Rows("XYXY", "four finite numbers, content x, y and style x, y in pixels"),
        "guidance",
        "one pin moves its surroundings; three or more can replace matching",
        flag="--pin",
    )
    drop: tuple[int, ...] | None = option(
        None,
        "matches left out, by their numbers beside them in matches.png",
        Numbers(1, None, whole=True),
        "guidance",
        "without a wrong pair the warp there goes away",
    )
