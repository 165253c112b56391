"""Options of feed-forward networks: how they are trained, and what they then paint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dst.config.base import Checked, InputError, check_choice, option
from dst.config.kinds import Choice, Number, Numbers, whole
from dst.config.laboratory import EncoderConfig, shared

FEEDFORWARD = {
    "johnson": "one pass through residual blocks; several styles share one network (Johnson 2016, Dumoulin 2017)",
    "ulyanov": "a pyramid with noise joined at each scale; strokes that vary, few weights (Ulyanov 2016, 2017)",
    "multimodal": "three networks in a row: colour, strokes, grain; for large pictures (Wang 2017)",
    "adain": "any style at once, by its features' mean and deviation (Huang and Belongie 2017)",
}
"""Networks that `dst train` trains."""
UPSAMPLINGS = ("nearest", "bilinear", "transposed")
"""How a network doubles the size of its maps."""
NORMALISATIONS = ("instance", "batch")
"""What statistics a network's maps are normalised by: a picture's own, or the batch's."""
SETTINGS: dict[str, dict[str, Any]] = {
    "johnson": {},
    "ulyanov": {"noise": 0.0},
    "multimodal": {"crop": 512, "style_size": 1024, "colors": 0.05, "noise": 0.0},
    "adain": {"batch": 8, "steps": 160_000, "lr": 1e-4, "style_size": 512, "noise": 0.0},
}
"""What a network's own settings change of the defaults."""
SINCE: dict[str, Any] = {"colors": 0.0, "noise": 0.0}
"""Settings that models of earlier versions do not name, and what they come to there."""
UNUSED: dict[str, tuple[str, ...]] = {
    "ulyanov": ("noise",),
    "multimodal": ("noise",),
    "adain": ("noise", "norm", "colors", "tv"),
}
"""Options that mean nothing to a network."""
QUICK_TRAINING: dict[str, Any] = {"width": 0.5, "crop": 192, "steps": 2500, "style_size": 256}
"""What `quick` changes: a network of half the width, in half an hour or less on two cores."""

QUICK_SETTINGS: dict[str, dict[str, Any]] = {
    "multimodal": {"batch": 2, "steps": 5000, "style_size": 512, "style": 0.6},
    "adain": {"crop": 128, "lr": 1e-3, "steps": 6000, "style_size": 288},
}
"""What `quick` changes of a network besides."""


@dataclass(frozen=True)
class TrainConfig(EncoderConfig):
    """Training of a feed-forward network; the defaults are the published settings of Johnson et al. 2016 where it has any."""

    network: str = option("johnson", "the network", Choice(FEEDFORWARD), "network")
    width: float = option(1.0, "channels relative to the published network's", Number(0.125, 2.0), "network")
    upsample: str = option(
        "nearest",
        "how maps are enlarged: nearest or bilinear, then a convolution; or a transposed convolution, as first published",
        Choice(UPSAMPLINGS),
        "network",
        "transposed: checkerboards",
    )
    norm: str = option(
        "instance",
        "statistics that maps are normalised by: each picture's own, or the batch's, as first published",
        Choice(NORMALISATIONS),
        "network",
        "batch: the photograph's contrast stays, strokes are weaker",
    )
    noise: float = option(
        0.25,
        "standard deviation of the noise that johnson is given with a picture and makes strokes of, relative to the picture's",
        Number(0.0, 1.0),
        "network",
        "larger: more strokes where the photograph is smooth; 0: none, and a regular weave there",
    )
    crop: int = option(256, "side of the squares that it is trained on, pixels", whole(32, 1024), "training")
    batch: int = option(4, "squares in a step", whole(1, 64), "training")
    steps: int = option(40_000, "steps of training", whole(1, 10_000_000), "training")
    lr: float = option(1e-3, "learning rate of Adam", Number(1e-7, 0.1), "training")
    style_size: int = option(
        256,
        "long side that styles are seen at, pixels",
        whole(64, 4096),
        "objective",
        "larger: larger strokes; that of the crop: strokes as in the style",
    )
    content: float = option(
        1.0, "weight of the content", Number(0.0, 1e9), "objective", "larger: closer to the photograph"
    )
    style: float = option(1.0, "weight of the style", Number(0.0, 1e9), "objective", "larger: more of its strokes")
    colors: float = option(
        1.0,
        "weight of large-scale colours following the photograph's, by any affine map",
        Number(0.0, 1e9),
        "objective",
        "larger: no washes in smooth skies; of no use to adain",
    )
    tv: float = option(
        1.0, "weight of the total variation", Number(0.0, 1e9), "objective", "larger: smoother, with less grain"
    )
    sheet_every: int = option(250, "steps from one sheet of samples to the next", whole(1, 1_000_000), "training")

    @classmethod
    def made(cls, quick: bool = False, **options: Any) -> TrainConfig:
        """The settings of a training: what was given wins over what `quick` sets, and that over what a network does.

        Raises:
            InputError: an unknown network or option, one that the network has no use for, or a value out of its range.
        """
        given = {name: value for name, value in options.items() if value is not None}
        network = check_choice("network", given.get("network", cls.network), FEEDFORWARD)
        for name in UNUSED.get(network, ()):
            if name in given:
                raise InputError(f"`{name}` is given, and {network} has no use for it: leave it out")
        own = SETTINGS[network]
        if quick:
            own = {**own, **QUICK_TRAINING, **QUICK_SETTINGS.get(network, {})}
        return cls().replace(**{**own, **given})

    def channels(self, published: int) -> int:
        """Channels of a layer that has so many in the published network: a multiple of 4."""
        return max(4, 4 * round(published * self.width / 4))


@dataclass(frozen=True)
class ApplyConfig(Checked):
    """What a trained network is asked for."""

    device: str = shared("device")
    threads: int = shared("threads")
    size: int | None = option(
        None,
        "long side that pictures are painted at, pixels; default: their own",
        whole(16, 20_000),
        "picture",
        "small: strokes that are large in the picture",
    )
    weights: tuple[float, ...] | None = option(
        None, "share of each style; default: equal", Numbers(0.0, 1e6, positive=True), "picture"
    )
    strength: float = option(1.0, "from 0, the photograph, to 1, what the network paints", Number(0.0, 1.0), "picture")
