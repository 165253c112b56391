"""Generation from one image: its tasks, the methods that do them, and their options. One vocabulary for patches and networks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from dst.config.animation import AnimationConfig
from dst.config.base import Checked, InputError, option
from dst.config.kinds import Choice, Kind, Number, read_number, whole
from dst.config.laboratory import Size, shared

TASKS = {
    "sample": "new pictures of any size and aspect with the image's patches",
    "retarget": "the image wider or taller, its objects keeping their shapes",
    "harmonise": "an object that was pasted into a copy of the image, under a mask, made to belong",
    "edit": "an image whose parts were moved about, made seamless",
    "inpaint": "a hole, under a mask, filled",
    "paint-to-image": "a flat painting of the image's things made a picture of its kind",
    "style": "the layout of another picture in the image's patches",
    "super-resolve": "the image enlarged, its detail learnt from itself",
    "animate": "a short loop of the image in motion",
}
"""What `dst one-image` and `dst singan` do, in this order and under these names everywhere."""
METHODS = ("gpnn", "gpdm", "singan")
"""Nearest patches; sliced distribution of patches; a pyramid of trained generators."""
NEEDED = {
    "harmonise": ("mask",),
    "edit": ("guide",),
    "inpaint": ("mask",),
    "paint-to-image": ("guide",),
    "style": ("guide",),
}
"""What a task needs beside the image: a guide, which is another picture that it begins from, or a mask."""
TAKEN = {
    "guide": ("harmonise", "edit", "paint-to-image", "style"),
    "mask": ("harmonise", "edit", "inpaint"),
    "size": ("sample", "retarget"),
    "stretch": ("retarget",),
    "count": ("sample",),
    "factor": ("super-resolve",),
    "start": ("sample", "harmonise", "edit", "paint-to-image", "style", "animate"),
    "noise": ("sample",),
    "frames": ("animate",),
    "fps": ("animate",),
}
"""Options that not every task has a use for, and the tasks that have."""
OWN = {
    "alpha": ("gpnn",),
    "projections": ("gpdm",),
    "patch": ("gpnn", "gpdm"),
    "coarsest": ("gpnn", "gpdm"),
    "ratio": ("gpnn", "gpdm"),
    "steps": ("gpnn", "gpdm"),
    "noise": ("gpnn", "gpdm"),
    "side": ("gpnn", "gpdm"),
    "settings": ("gpnn", "gpdm"),
}
"""Options that not every method has a use for, and the methods that have."""
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "gpnn": {
        "fast": {"noise": 1.5, "coarsest": 14, "ratio": 4 / 3, "steps": 10, "alpha": 0.005},
        "published": {"noise": 0.75, "coarsest": 14, "ratio": 4 / 3, "steps": 10, "alpha": 0.005},
    },
    "gpdm": {
        "fast": {"noise": 0.5, "coarsest": 21, "ratio": 1.5, "steps": 200, "projections": 16},
        "published": {"noise": 0.75, "coarsest": 21, "ratio": 1 / 0.85, "steps": 300, "projections": 64},
    },
}
"""What a method's options are where nothing is said. Noise counts in a range of 1."""


class Extent(Size):
    """A size in pixels, of as little as a result may have."""

    low = 16


class Stretch(Kind):
    """Factors of width and height, `1.5x1`, or one for the width alone; from Python a pair."""

    metavar = "XxY"
    low, high = 0.25, 4.0

    def parse(self, name: str, text: str, home: Any = None) -> tuple[float, float]:
        """As `Kind.parse`."""
        return self.check(name, [read_number(part) for part in text.lower().replace("×", "x").split("x")])

    def check(self, name: str, value: Any) -> tuple[float, float]:
        """As `Kind.check`."""
        factors = list(value) if isinstance(value, (list, tuple)) else [value]
        factors = [*factors, 1.0] if len(factors) == 1 else factors
        good = len(factors) == 2 and all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in factors)
        if not good or not all(self.low <= n <= self.high for n in factors):
            raise InputError(f"{name} is {value!r}: it takes {self.allowed()}")
        return tuple(map(float, factors))

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return f"factors of width and height from {self.low:g} to {self.high:g}, such as 1.5x1"


class Enlargement(Kind):
    """2 or 4."""

    metavar = "N"

    def parse(self, name: str, text: str, home: Any = None) -> int:
        """As `Kind.parse`."""
        return self.check(name, read_number(text, True))

    def check(self, name: str, value: Any) -> int:
        """As `Kind.check`."""
        if isinstance(value, bool) or value not in (2, 4):
            raise InputError(f"{name} is {value!r}: it takes {self.allowed()}")
        return int(value)

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return "2 or 4"


@dataclass(frozen=True)
class OneImageConfig(Checked):
    """Generation from one image, whatever the method; what is None goes by the task, the method and `SETTINGS`."""

    method: str = option("gpnn", "what does it", Choice(METHODS), "method")
    settings: str = option(
        "fast", "the papers' own settings, or faster ones", Choice(("fast", "published")), "method", "published: slower"
    )
    seed: int = shared("seed")
    threads: int = shared("threads")
    size: tuple[int, int] | None = option(
        None, "width and height of the result, pixels; default: the image's", Extent(), "picture"
    )
    stretch: tuple[float, float] | None = option(
        None, "factors of width and height, in place of a size; default 1.5x1", Stretch(), "picture"
    )
    side: int = option(
        512,
        "long side that a larger image is brought to at first, pixels",
        whole(32, 2048),
        "picture",
        "larger: slower",
    )
    count: int = option(1, "pictures, each of another seed", whole(1, 64), "picture")
    factor: int = option(2, "how many times as large", Enlargement(), "picture")
    start: float | None = option(
        None,
        "where the picture that is begun from enters: 0 is the coarsest scale, 1 the finest; default: by the task",
        Number(0.0, 1.0),
        "picture",
        "low: more is made anew; high: closer to it",
    )
    noise: float | None = option(
        None,
        "deviation of the noise on what is begun from, in a range of 1; default: by the method",
        Number(0.0, 10.0),
        "picture",
        "low: the image's layout; high: any layout",
    )
    frames: int = option(24, "frames of the loop", whole(2, 240), "animation")
    fps: float = shared("fps", AnimationConfig, group="animation")
    patch: int = option(7, "side of a patch, pixels, odd", whole(3, 15), "method", "larger: larger pieces stay whole")
    coarsest: int | None = option(
        None, "short side of the coarsest scale, pixels; default: by the task and the method", whole(7, 256), "method",
        "larger: more of the layout is made anew, of smaller pieces",
    )  # fmt: skip
    ratio: float | None = option(
        None,
        "size of a scale over that of the one below, at the most; default: by the method",
        Number(1.05, 2.0),
        "method",
    )
    steps: int | None = option(None, "at a scale; default: by the method", whole(1, 10000), "method")
    alpha: float | None = option(
        None,
        "of gpnn: how little it minds leaving patches of the image out; default 0.005, of inpaint, harmonise and edit no such score",
        Number(1e-6, 1e6),
        "method",
        "small: all of the image comes back",
    )
    projections: int | None = option(
        None,
        "of gpdm: directions that patches are projected on in a step; default: by the settings",
        whole(1, 1024),
        "method",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch % 2 == 0:
            raise InputError(f"patch is {self.patch}: it takes an odd number from 3 to 15")
        if self.size is not None and self.stretch is not None:
            raise InputError("size and stretch are both given: give one of them")

    def of(self, name: str) -> Any:
        """An option, or what the method's settings say where it was not given."""
        value = getattr(self, name)
        return SETTINGS[self.method][self.settings][name] if value is None else value

    def check_task(self, task: str, **inputs: Any) -> None:
        """Refuse what a task or the method has no use for, and inputs that the task needs and that are None.

        Raises:
            InputError: so it is.
        """
        given = {f.name for f in fields(self) if getattr(self, f.name) != f.default}
        given |= {name for name, value in inputs.items() if value is not None}
        for name in sorted(given):
            if task not in TAKEN.get(name, (task,)):
                raise InputError(f"`{name}` is given, but {task} does not use it: leave it out")
            if self.method not in OWN.get(name, (self.method,)):
                raise InputError(f"`{name}` is given, but {self.method} does not use it: leave it out")
        for name in NEEDED.get(task, ()):
            if inputs.get(name) is None:
                what = {"guide": "a picture to begin from", "mask": "a mask, white where it may paint"}[name]
                raise InputError(f"{task} needs {what}: give `{name}`")
