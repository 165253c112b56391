"""Every option of the toolkit: its default, one sentence and its range live here and nowhere else.

One frozen dataclass per stage. The command line reads its flags, and `stylize` its keywords, from these fields.
Importing this module costs nothing: it needs the standard library alone.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
from dataclasses import dataclass, field, fields
from typing import Any


class InputError(ValueError):
    """What the user gave cannot be used. The message says what was given, what is allowed and what to do."""


def suggest(given: str, allowed) -> str:
    """Return `; did you mean X?` for the closest allowed name, or an empty string."""
    close = difflib.get_close_matches(str(given), [str(a) for a in allowed], n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def check_choice(what: str, given: str, allowed) -> str:
    """Return `given` if it is one of `allowed`.

    Raises:
        InputError: it is not; the message lists what is allowed and suggests the closest name.
    """
    if given not in allowed:
        names = ", ".join(str(a) for a in allowed)
        raise InputError(f"{what} {given!r} is not known: choose one of {names}{suggest(given, allowed)}")
    return given


def option(default: Any, text: str, low: float | None = None, high: float | None = None, choices=None, group: str = ""):
    """A dataclass field with its sentence, inclusive range or choices, and the group that `--help` lists it under."""
    meta = {"help": text, "low": low, "high": high, "choices": choices, "group": group}
    return field(default=default, metadata=meta)


def check_number(what: str, given: Any, low: float | None, high: float | None, whole: bool = False) -> None:
    """Check that a number is finite and in [low, high].

    Raises:
        InputError: not a number, not finite, not whole where it must be, or out of range.
    """
    kind = "a whole number" if whole else "a finite number"
    low_text = "any" if low is None else f"{low:g}"
    allowed = f"{kind} from {low_text} to {high:g}" if high is not None else f"{kind}, {low_text} or more"
    good = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
    good = good and (not whole or int(given) == given)
    if not good or (low is not None and given < low) or (high is not None and given > high):
        raise InputError(f"{what} is {given!r}: it takes {allowed}")


def plain(value: Any) -> Any:
    """A value as JSON can hold it: a path becomes text; a picture given as an array, the name of its type."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else f"<{type(value).__name__}>"


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural where it takes one: `2 styles`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def read_layers(given: Any) -> tuple[str, ...]:
    """Names of layers from `relu1_1+relu3_1`, the same with commas, or a list; none from None.

    Raises:
        InputError: something else, an empty name, or one name twice.
    """
    if given is None:
        return ()
    names = given.replace(",", "+").split("+") if isinstance(given, str) else given
    good = isinstance(names, (list, tuple)) and names and all(isinstance(n, str) and n.strip() for n in names)
    names = tuple(name.strip() for name in names) if good else ()
    if not good or len(set(names)) < len(names):
        raise InputError(f"layers is {given!r}: it takes names of layers, each once, such as relu1_1+relu3_1")
    return names


class Checked:
    """Gives a dataclass the check of every field against the range that its `option` declares."""

    def __post_init__(self) -> None:
        for f in fields(self):
            given, meta = getattr(self, f.name), f.metadata
            if not meta:
                continue
            if meta["choices"] is not None:
                check_choice(f.name, given, meta["choices"])
            elif isinstance(f.default, tuple):
                for item in given:
                    check_number(f.name, item, meta["low"], meta["high"], isinstance(item, int))
            elif isinstance(f.default, bool):
                if not isinstance(given, bool):
                    raise InputError(f"{f.name} is {given!r}: it takes True or False")
            elif isinstance(f.default, (int, float)):
                check_number(f.name, given, meta["low"], meta["high"], isinstance(f.default, int))

    def replace(self, **changes):
        """Return a copy with some fields changed.

        Raises:
            InputError: a name that is no field, or a value out of its range.
        """
        names = [f.name for f in fields(self)]
        for key in changes:
            check_choice("option", key, names)
        return dataclasses.replace(self, **changes)


MIN_IMAGE_SIDE = 16
"""The shortest side an image may have, in pixels."""

METHODS = ("strotss", "gatys")
TRUNKS = ("compact", "vgg19", "vgg16", "vgg19-16x")
PRESET_NAMES = ("paper", "default", "fast")


@dataclass(frozen=True)
class MatchConfig(Checked):
    """Matching: Neural Best-Buddies (Aberman et al. 2018) and the cleaning of Deformable Style Transfer (Kim et al. 2020)."""

    match_size: int = option(256, "long side of both images while matching, pixels", 64, 1024, group="matching")
    max_points: int = option(80, "keep at most this many matches", 3, 1000, group="matching")
    clusters: int = option(0, "keep the best match of each of N k-means clusters; 0: all", 0, 1000, group="matching")
    threshold: float = option(
        0.05, "least activation of a match's ends, share of the largest", 0.0, 1.0, group="matching"
    )
    spacing: float = option(0.04, "least distance of two matches, share of the long side", 0.0, 0.5, group="matching")


@dataclass(frozen=True)
class WarpConfig(Checked):
    """The thin-plate spline and the terms that hold it."""

    warp_strength: float = option(1.0, "how far the shapes bend: 0 not at all, 1 as matched", 0.0, 3.0, group="warp")
    beta: float = option(0.5, "weight of the distance to the targets, pixels of 256", 0.0, 1e4, group="objective")
    gamma: float = option(50.0, "weight of the total variation of the warp", 0.0, 1e6, group="objective")
    min_matches: int = option(
        4, "fewer reliable matches than this mean plain style transfer", 3, 1000, group="matching"
    )


@dataclass(frozen=True)
class OptimizeConfig(Checked):
    """The joint optimisation of pixels and displacements (Kim et al. 2020), coarse to fine."""

    method: str = option("strotss", "what style and content mean", choices=METHODS, group="objective")
    alpha: float = option(8.0, "weight of the content term", 0.0, 1e6, group="objective")
    alpha_growth: float = option(
        1.0, "factor on alpha for each coarser scale, at most two times", 1.0, 10.0, group="schedule"
    )
    palette: float = option(1.0, "weight of the palette within the style terms of strotss", 0.0, 1e4, group="objective")
    style_strength: float = option(1.0, "factor on both style terms", 0.0, 100.0, group="objective")
    layers: str | tuple | None = option(
        None, "layers compared, by name, + between; unless given the method's own", group="objective"
    )
    smallest_scale: int = option(64, "long side of the coarsest scale, pixels", 16, 4096, group="schedule")
    steps: int = option(40, "steps at each scale up to 256 pixels", 1, 10000, group="schedule")
    step_decay: float = option(
        0.65, "factor on the steps for each doubling above 256 pixels", 0.05, 1.0, group="schedule"
    )
    optimizer: str = option(
        "adam", "optimiser of pixels and displacements", choices=("adam", "rmsprop", "sgd"), group="schedule"
    )
    lr: float = option(0.01, "step size on the pixels' Laplacian pyramid", 1e-6, 10.0, group="schedule")
    warp_lr: float = option(0.002, "step size on the displacements, share of the long side", 0.0, 1.0, group="schedule")
    lr_end: float = option(0.2, "share of the step size left at the end of a scale", 0.0, 1.0, group="schedule")
    pyramid_levels: int = option(5, "levels of the Laplacian pyramid that is optimised", 1, 12, group="schedule")
    samples: int = option(512, "positions of the result compared in each step", 16, 65536, group="schedule")
    style_samples: int = option(1024, "positions of the style compared in each step", 16, 65536, group="schedule")

    def __post_init__(self) -> None:
        super().__post_init__()
        read_layers(self.layers)


@dataclass(frozen=True)
class SteerConfig(Checked):
    """Handles on one run. From Python a picture or a mask may be anything that `dst.images.read` takes, not a path only."""

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


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "steps": 150,
        "step_decay": 1.0,
        "alpha_growth": 2.0,
        "palette": 0.125,
        "optimizer": "sgd",
        "lr": 0.2,
        "warp_lr": 4.6e-6,  # 0.3 where displacements are pixels of 256: 0.3 / 256^2 where they are shares of the side
        "lr_end": 1.0,
        "samples": 2048,
        "style_samples": 5000,
    },
    "default": {},
    "fast": {"smallest_scale": 128, "steps": 26, "lr": 0.015, "style_samples": 768},
}
"""Named settings: what each changes from the defaults."""


@dataclass(frozen=True)
class StylizeConfig(Checked):
    """A whole run: general options and one config per stage."""

    size: int = option(512, "long side of the result, pixels", 32, 8192, group="general")
    seed: int = option(0, "seed of every random draw", 0, 2**31 - 1, group="general")
    trunk: str = option("compact", "feature network", choices=TRUNKS, group="general")
    weights: str | None = option(None, "file of weights for the feature network", group="general")
    device: str = option("cpu", "where to compute: cpu, cuda, cuda:1, mps", group="general")
    match: MatchConfig = field(default_factory=MatchConfig)
    warp: WarpConfig = field(default_factory=WarpConfig)
    optimize: OptimizeConfig = field(default_factory=OptimizeConfig)
    steer: SteerConfig = field(default_factory=SteerConfig)

    @classmethod
    def from_options(cls, preset: str = "default", **options: Any) -> StylizeConfig:
        """Build a config from flat names, such as `size=256, alpha=4, max_points=40`, on top of a preset.

        Raises:
            InputError: an unknown preset or name (with the closest one), or a value out of range.
        """
        check_choice("preset", preset, PRESETS)
        chosen = {**PRESETS[preset], **options}
        stages = {"match": MatchConfig, "warp": WarpConfig, "optimize": OptimizeConfig, "steer": SteerConfig}
        homes = {f.name: stage for stage, kind in stages.items() for f in fields(kind)}
        own = [f.name for f in fields(cls) if f.name not in stages]
        parts: dict[str, dict[str, Any]] = {stage: {} for stage in stages}
        general = {}
        for key, value in chosen.items():
            check_choice("option", key, own + list(homes))
            (parts[homes[key]] if key in homes else general)[key] = value
        return cls(**general, **{stage: kind(**parts[stage]) for stage, kind in stages.items()})

    def flat(self) -> dict[str, Any]:
        """Every option by its flat name: what `from_options` takes, for a run's record."""
        table = {}
        for f in fields(self):
            value = getattr(self, f.name)
            parts = {g.name: getattr(value, g.name) for g in fields(value)} if dataclasses.is_dataclass(value) else {}
            table.update({name: plain(part) for name, part in (parts or {f.name: value}).items()})
        return table
