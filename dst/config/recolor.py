"""Options of taking over colours alone, and its methods."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import Choice, Number, Switch, whole

SPACES = ("rgb", "lab", "oklab")
"""Colour spaces that colours are taken over in."""


@dataclass(frozen=True)
class Recoloring:
    """A way to take over colours.

    Attributes:
        summary: what it does, a few words.
        space: the colour space it works in where none is given.
        styled: whether it takes its colours from a style.
    """

    summary: str
    space: str
    styled: bool = True


RECOLORINGS = {
    "histogram": Recoloring("each channel's histogram made the style's", "rgb"),
    "equalise": Recoloring("a flat histogram, of lightness or of red, green and blue; takes no style", "lab", False),
    "reinhard": Recoloring("each channel's mean and deviation", "lab"),
    "monge-kantorovich": Recoloring("mean and covariance, by the linear map that moves colours least", "rgb"),
    "idt": Recoloring("the whole distribution, by histograms along turning axes", "rgb"),
    "sliced": Recoloring("the whole distribution, by steps down the sliced Wasserstein distance", "rgb"),
}
"""The methods by name, from the simplest to those that take over the most."""


@dataclass(frozen=True)
class RecolorConfig(Checked):
    """One image in the colours of another, without its strokes."""

    method: str = option(
        "monge-kantorovich",
        "how colours are taken over",
        Choice(RECOLORINGS),
        "",
        "; ".join(f"{name}: {row.summary}" for name, row in RECOLORINGS.items()),
    )
    space: str | None = option(
        None,
        "colour space to work in; without it lab for equalise and reinhard, rgb for the others",
        Choice(SPACES),
        "",
        "lab and oklab keep lightness and colour apart",
    )
    strength: float = option(
        1.0,
        "share of the change that is made",
        Number(0.0, 1.0),
        "",
        "0: as it is; 0.5: half way; 1: the style's colours",
    )
    regrain: bool = option(
        True,
        "after idt and sliced, leave the grain that stretched tones show; else the content's own fine gradients are brought back",
        Switch(),
        "",
        "on: skies stay smooth; off: the distribution is met more closely, and skies turn grainy",
        flag="--no-regrain",
    )
    seed: int = option(
        0, "seed of the directions of idt and sliced, and of the sample of large images", whole(0, 2**31 - 1), ""
    )

    @property
    def own_space(self) -> str:
        """The space to work in: the one given, else the method's."""
        return self.space or RECOLORINGS[self.method].space
