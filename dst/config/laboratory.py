"""Options of the laboratory: Gatys' experiments, inversion of representations, and textures."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from numbers import Integral

from dst.config.base import Checked, InputError, option
from dst.config.kinds import Choice, Kind, Names, Number, Numbers, Several, Switch, read_number, whole
from dst.config.methods import LEVELS, POOLINGS
from dst.config.stylize import StylizeConfig

EXPERIMENTS = {
    "picture": "one picture",
    "ratio": "rows of style layers, 1_1 to 5_1, by columns of the ratio of content to style",
    "layers": "content compared at each level, the first guess noise",
    "init": "first guesses: content, style, noise of several seeds, grey, the content inverted; and how far their outcomes differ",
    "optimizers": "Adam against L-BFGS for an equal time, and their losses over it",
    "photo": "photograph to photograph at several ratios, beside the colours alone",
    "style-scale": "the style at half, once and twice the size",
    "pooling": "maximum against average pooling at several ratios",
}
"""What `dst lab` shows."""
MOST_PICTURES = 400
"""Pictures of a sheet, beyond which it is asked for by name."""
LAB_INITS = ("noise", "content", "style", "grey", "inverted")
"""Named first guesses of the laboratory; anything else is an image's file."""
STATISTICS = ("gram", "shift", "sliced")
"""What textures are compared by."""


class Guess(Kind):
    """A named first guess, or an image's file."""

    metavar = "NAME|FILE"

    def check(self, name, value):
        """As `Kind.check`."""
        if isinstance(value, str) and value not in LAB_INITS and "." not in value and "/" not in value:
            raise InputError(f"{name} is {value!r}: it takes {', '.join(LAB_INITS)} or an image's file")
        return value


class Size(Kind):
    """A size in pixels, `512x384`, or one number for a square; from Python (width, height)."""

    metavar = "WxH"
    low, high = 32, 4096

    def parse(self, name, text, home=None):
        """As `Kind.parse`."""
        return self.check(name, [read_number(part, True) for part in text.lower().replace("×", "x").split("x")])

    def check(self, name, value):
        """As `Kind.check`."""
        sides = (
            [value, value] if isinstance(value, Integral) else list(value) if isinstance(value, (list, tuple)) else []
        )
        sides = sides * 2 if len(sides) == 1 else sides
        good = len(sides) == 2 and all(isinstance(n, Integral) and not isinstance(n, bool) for n in sides)
        if not good or not all(self.low <= n <= self.high for n in sides):
            raise InputError(f"{name} is {value!r}: it takes {self.allowed()}")
        return tuple(map(int, sides))

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return f"a width and a height from {self.low} to {self.high}, such as 512x384"


def shared(name: str, home: type = StylizeConfig, **changes: str):
    """An option of another config, of a run's where none is named, the same here but for some of its words."""
    (own,) = (f for f in fields(home) if f.name == name)
    return field(default=own.default, metadata={**own.metadata, **changes})


@dataclass(frozen=True)
class EncoderConfig(Checked):
    """What is shared by all that is measured by an encoder."""

    seed: int = shared("seed")
    encoder: str = shared("encoder")
    weights: str | None = shared("weights")
    device: str = shared("device")
    threads: int = shared("threads")
    precision: str = shared("precision")


@dataclass(frozen=True)
class NetworkConfig(EncoderConfig):
    """What every experiment shares."""

    pooling: str = option(
        "average",
        "what stands between the levels of the network",
        Choice(POOLINGS),
        "objective",
        "average: smoother pictures",
    )


@dataclass(frozen=True)
class LabConfig(NetworkConfig):
    """Style transfer as published (Gatys, Ecker and Bethge 2016), and what its experiments change."""

    size: int = option(160, "long side of each picture, pixels", whole(32, 4096), "picture")
    ratio: float = option(
        1e-4,
        "alpha over beta, the weights of content and style, where the experiment does not change it",
        Number(1e-12, 1e12),
        "objective",
        "1e-5: the style alone; 1e-2: the photograph",
    )
    published: bool = option(
        True,
        "the paper's terms, on activations whose mean is 1; else terms relative to their targets, as `--method gatys` has them",
        Switch(),
        "objective",
    )
    content_layers: tuple[str, ...] = option(
        ("relu4_2",), "layers of the content term", Names(), "objective", flag="--content-at"
    )
    style_layers: tuple[str, ...] = option(LEVELS, "layers of the style term", Names(), "objective", flag="--style-at")
    layer_weights: tuple[float, ...] | None = option(
        None,
        "weights of the style layers, of which the mean counts as 1; default: equal",
        Numbers(0.0, 1e9, positive=True),
        "objective",
    )
    tv: float = option(0.0, "weight of the total variation", Number(0.0, 1e6), "objective", "1e-4: less noise")
    init: str = option(
        "noise", "first guess", Guess(), "picture", "content: layout from the start; noise: as in the paper"
    )
    optimizer: str = option("adam", "adam or lbfgs", Choice(("adam", "lbfgs")), "schedule")
    steps: int = option(60, "steps at the full size", whole(1, 10000), "schedule")
    coarse_steps: int = option(
        60, "steps at half the size, a quarter and so on, first; 0: none, as published", whole(0, 10000), "schedule"
    )
    seeds: int = option(2, "first guesses of noise, of the experiment `init`", whole(1, 50), "picture")
    seconds: float = option(8.0, "for each optimiser, of the experiment `optimizers`", Number(0.5, 3600.0), "schedule")


@dataclass(frozen=True)
class InvertConfig(NetworkConfig):
    """An image found again from what a layer keeps of it (Mahendran and Vedaldi 2015)."""

    size: int = option(224, "long side, pixels", whole(32, 2048), "picture")
    layers: tuple[str, ...] = option(LEVELS, "layers, one column each", Names(), "objective")
    seeds: int = option(2, "rows, each from other noise", whole(1, 50), "picture")
    gram: bool = option(True, "one more row: from the Gram matrix alone, what style keeps", Switch(), "picture")
    tv: float = option(
        0.1, "factor on the published weights of the total variation, 1 to 100 by depth", Number(0.0, 1e4), "objective"
    )
    exponent: float = option(
        2.0, "of the total variation, beta", Number(0.5, 4.0), "objective", "1: flat areas with edges"
    )
    norm: float = option(1.0, "factor on the published weight of the sixth power", Number(0.0, 1e4), "objective")
    steps: int = option(120, "steps at the full size, half of them at smaller ones", whole(1, 10000), "schedule")


@dataclass(frozen=True)
class TextureConfig(NetworkConfig):
    """A texture of any size from a sample (Gatys, Ecker and Bethge 2015)."""

    size: tuple[int, int] = option((512, 512), "width and height, pixels", Size(), "picture")
    statistics: tuple[str, ...] = option(
        ("sliced",),
        f"what is compared, of {', '.join(STATISTICS)}, with + between: Gram matrices; those of shifted maps, for long structures; "
        "sliced Wasserstein distances",
        Several(STATISTICS),
        "objective",
        "gram: as published",
    )
    layers: tuple[str, ...] = option(
        LEVELS[:4], "layers compared", Names(), "objective", "fewer: finer grain, less structure"
    )
    scale: float = option(1.0, "size of the sample's elements in the result", Number(0.1, 4.0), "picture")
    tile: bool = option(False, "sides fit together: copies set side by side show no seam", Switch(), "picture")
    histogram: bool = option(True, "match the colours of the sample at the end", Switch(), "picture")
    optimizer: str = option("adam", "adam or lbfgs", Choice(("adam", "lbfgs")), "schedule")
    steps: int = option(60, "steps at the full size", whole(1, 10000), "schedule")
    coarse_steps: int = option(100, "steps at each size below", whole(0, 10000), "schedule")
    along: str = option("x", "the way that a mixture of two samples goes", Choice(("x", "y")), "picture")
