"""Options that guide one run: other images, masks, matches edited by hand, colours, the first guess."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import Choice, Each, File, Files, Names, Numbers, Rows, Switch
from dst.config.samples import SAMPLES

INITS = ("content", "noise", "style", "instant")
"""Names that `init` takes; anything else is an image."""


@dataclass(frozen=True)
class GuidanceConfig(Checked):
    """Guidance of one run. From Python an image or a mask may be anything that `dst.imaging.read` takes, not a path only."""

    geometry: str | None = option(
        None,
        "image that the shapes come from; strokes still come from the style",
        File(),
        "guidance",
        "the warp follows this image, the strokes follow the style",
    )
    style_weights: tuple[float, ...] | None = option(
        None,
        "share of each style, where several are given",
        Numbers(0.0, 1e6, positive=True),
        "guidance",
        "1,1: an equal mixture; 3,1: mostly the first, with a little of the second",
    )
    stroke_size: float | tuple[float, ...] = option(
        1.0,
        "scale of the strokes, 2 for twice as large as in the style at this size; one for all styles or one for each",
        Each(0.5, 2.0),
        "guidance",
        "0.5: strokes half as large, a finer texture; 2: twice as large, broad and bold; above 1.25 the style must have the "
        "pixels for it",
    )
    rigid_mask: str | None = option(
        None,
        "mask of the content: its white parts keep their shape",
        File(),
        "guidance",
        "white parts move, rotate and scale as a whole and are never deformed; grey of one half and more counts as white",
    )
    content_mask: str | None = option(
        None,
        "segmentation mask of the content: each colour is painted like the same colour in style_mask",
        File(),
        "guidance",
        "sky like sky, skin like skin; a colour that only one mask has is refused",
    )
    style_mask: str | tuple[str, ...] | None = option(
        None,
        "segmentation mask of the style, in the colours of content_mask; one for each style",
        Files(),
        "guidance",
        "the same colours on the style as on the content",
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
    instant: bool = option(
        False,
        "warp, and paint at once by a network that knows any style, without optimisation",
        Switch(),
        "guidance",
        "on: strokes in a moment, finer and looser than those of an optimisation, with a little hatching",
    )
    model: str | None = option(
        None,
        "with method network: the folder of a trained network, or the name of a shipped style",
        File(*SAMPLES, metavar="MODEL"),
        "guidance",
        "strokes and colours are those that the network has learnt; the style image gives the shapes alone, unless the network "
        "paints in any style",
    )
    model_style: tuple[str, ...] | None = option(
        None,
        "of a model of several styles: those to paint in, mixed; default: all of them",
        Names("styles", "mosaic+ink"),
        "guidance",
        "one name: that style; two: a mixture of both",
    )
    raw_colors: bool = option(
        False,
        "leave out the last pass over the colours, which gives them the painting's mean and spread and removes speckle",
        Switch(),
        "guidance",
        "off: clean colours, a grey painting gives a grey result; on: colours as optimised, with coloured grain",
    )
    init: str = option(
        "content",
        "the first guess: content, noise, style, instant or an image's file",
        File(*INITS),
        "guidance",
        "content: the photograph stays closest; noise, style: more of the painting, less of the layout; instant: what a network paints",
    )
    pins: tuple[tuple[float, float, float, float], ...] | None = option(
        None,
        "match added by hand, content x, y and style x, y in pixels; its target is reached",
        Rows("XYXY", "four finite numbers, content x, y and style x, y in pixels"),
        "guidance",
        "one pin moves its surroundings; three or more can replace matching",
        flag="--pin",
    )
    drop: tuple[int, ...] | None = option(
        None,
        "matches to leave out, by their numbers in matches.png, which are those of the rows of points.csv",
        Numbers(1, None, whole=True),
        "guidance",
        "without a wrong match the warp there goes away",
    )

    @property
    def at_once(self) -> bool:
        """Whether a network paints, in one pass."""
        return self.instant or self.model is not None
