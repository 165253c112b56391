"""Options of SinGAN, a pyramid of generators trained on one picture: its training, and what trained models do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dst.config.base import Checked, InputError, check_choice, option
from dst.config.kinds import Choice, Number, whole
from dst.config.laboratory import Size, shared
from dst.config.one_image import TASKS

NOT_SINGAN = {"inpaint": "a model draws pictures anew and knows of no hole"}
"""Tasks that SinGAN does not do, and why."""
SINGAN_TASKS = {name: text for name, text in TASKS.items() if name not in NOT_SINGAN}
"""What trained models do."""
FROM_MODEL = ("sample", "retarget", "super-resolve", "animate")
"""Tasks that need the model alone; the others begin with a picture."""
MASKED = {"harmonise": 7, "edit": 20}
"""Tasks that leave what lies outside a mask as it was, and how far the mask is widened, pixels, as published."""
PADDINGS_SINGAN = ("zero", "noise")
"""What a scale's generator sees outside its picture."""
NORMS = ("both", "generator", "neither")
"""Networks of a scale that batch normalisation is in."""
PURPOSES: dict[str, dict[str, Any]] = {
    "any": {},
    "super-resolve": {"factor": 0.7937, "reconstruction": 100.0},
    "animate": {"padding": "noise"},
}
"""What a model is trained for, and the published settings that go with it."""
QUICK: dict[str, Any] = {
    "side": 128,
    "factor": 0.66,
    "epochs": 2000,
    "fewer": 0.75,
    "critic_steps": 2,
    "generator_steps": 1,
    "penalty_every": 2,
    "norm": "generator",
    "double_every": 100,
}
"""What `quick` changes: a model of 128 pixels in a tenth of an hour on two cores."""


@dataclass(frozen=True)
class SinganConfig(Checked):
    """Training of a SinGAN (Shaham, Dekel and Michaeli 2019); the defaults are the published settings."""

    seed: int = shared("seed")
    device: str = shared("device")
    threads: int = shared("threads")
    side: int = option(
        250,
        "long side of the finest scale, pixels, at the most",
        whole(16, 1024),
        "pyramid",
        "larger: slower, and softer",
    )
    coarsest: int = option(
        25,
        "short side of the coarsest scale, pixels",
        whole(12, 128),
        "pyramid",
        "larger: layouts nearer to the image's",
    )
    factor: float = option(
        0.75,
        "size of a scale relative to the next finer one, about: it is adjusted so that the scales fit",
        Number(0.3, 0.95),
        "pyramid",
        "larger: more scales, slower",
    )
    layers: int = option(5, "convolutions of 3 x 3 in each network: they see 2 n + 1 pixels", whole(3, 9), "networks")
    channels: int = option(32, "channels at the coarsest scale", whole(4, 256), "networks")
    double_every: int = option(4, "scales after which the channels double", whole(1, 100), "networks")
    max_channels: int = option(128, "channels at the most", whole(4, 512), "networks")
    norm: str = option(
        "both",
        "networks with batch normalisation: both; the generator alone, as the penalty's own paper advises; or neither",
        Choice(NORMS),
        "networks",
        "generator: a critic that learns in fewer rounds",
    )
    padding: str = option(
        "zero",
        "what lies outside a scale's picture for its generator: nothing, or more noise",
        Choice(PADDINGS_SINGAN),
        "networks",
        "noise: more variety at borders",
    )
    epochs: int = option(2000, "rounds of training at the coarsest scale", whole(1, 100_000), "training")
    fewer: float = option(
        1.0, "rounds at a scale relative to those at the scale below", Number(0.1, 2.0), "training", "below 1: quicker"
    )
    critic_steps: int = option(3, "steps of the critic in a round", whole(1, 20), "training")
    generator_steps: int = option(3, "steps of the generator in a round", whole(1, 20), "training")
    lr: float = option(
        5e-4, "learning rate; a tenth of it after four fifths of the rounds", Number(1e-6, 0.1), "training"
    )
    penalty: float = option(0.1, "weight of the gradient penalty", Number(0.0, 1e4), "training")
    penalty_every: int = option(
        1,
        "steps of the critic from one with the gradient penalty to the next, where it counts as many times",
        whole(1, 16),
        "training",
    )
    reconstruction: float = option(
        10.0, "weight of the reconstruction", Number(0.0, 1e5), "training", "larger: closer to the image, less varied"
    )
    noise: float = option(
        0.1, "noise at a scale, relative to what the scales below leave to draw", Number(0.0, 10.0), "training"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coarsest < 2 * self.layers + 1:
            raise InputError(
                f"coarsest is {self.coarsest}, but networks of {self.layers} layers see {2 * self.layers + 1} pixels: "
                "give a larger coarsest, or fewer layers"
            )
        if self.max_channels < self.channels:
            raise InputError(
                f"channels is {self.channels} and max_channels {self.max_channels}: give channels that are no more than the most"
            )

    @classmethod
    def made(cls, quick: bool = False, purpose: str = "any", **options: Any) -> SinganConfig:
        """The settings of a training: what was given wins over `QUICK`, and that over what a purpose sets.

        Raises:
            InputError: an unknown purpose or option, a value out of its range, or values that exclude one another.
        """
        check_choice("purpose", purpose, PURPOSES)
        config = cls().replace(**{**PURPOSES[purpose], **(QUICK if quick else {})})
        if quick and purpose == "super-resolve":
            config = config.replace(factor=PURPOSES[purpose]["factor"])
        return config.replace(**{name: value for name, value in options.items() if value is not None})

    def rounds(self, scale: int) -> int:
        """Rounds of training at a scale, of which 0 is the coarsest."""
        return max(1, round(self.epochs * self.fewer**scale))

    def width(self, scale: int) -> int:
        """Channels of a scale, of which 0 is the coarsest."""
        return min(self.channels * 2 ** (scale // self.double_every), self.max_channels)


class Extent(Size):
    """A size in pixels, of as little as a model may have."""

    low = 11


@dataclass(frozen=True)
class SinganTaskConfig(Checked):
    """What trained models are asked for."""

    seed: int = shared("seed")
    device: str = shared("device")
    threads: int = shared("threads")
    size: tuple[int, int] | None = option(
        None, "width and height, pixels; default: the model's own, for retarget half as wide again", Extent(), "picture"
    )
    count: int = option(1, "pictures, each of another seed", whole(1, 100), "picture")
    start: int | None = option(
        None,
        "scale that is the first to draw, 0 for the coarsest; what lies below comes from the picture; default: by the task",
        whole(0, 30),
        "picture",
        "low: more is made anew; high: closer to the picture",
    )
    amount: float | None = option(
        None,
        "noise, relative to that of the training; default: 1, of animate a quarter",
        Number(0.0, 10.0),
        "picture",
        "0: no variety",
    )
    enlarge: float = option(2.0, "how many times as large, of super-resolve", Number(1.05, 16.0), "picture")
    frames: int = option(48, "frames of animate's loop", whole(2, 1000), "animation")
    fps: float = option(12.0, "frames a second, of animate", Number(1, 60), "animation")
    alpha: float = option(
        0.1,
        "of animate: pull back to the picture",
        Number(0.0, 1.0),
        "animation",
        "larger: closer to the still picture",
    )
    beta: float = option(
        0.9,
        "of animate: how much a frame goes on as the one before did",
        Number(0.0, 0.999),
        "animation",
        "larger: calmer, slower",
    )
