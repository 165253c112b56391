"""A whole run: general options, one config per stage, and the presets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, fields
from typing import Any

from dst.config.base import Checked, check_choice, option, plain
from dst.config.guidance import SteerConfig
from dst.config.matching import MatchConfig
from dst.config.optim import OptimizeConfig
from dst.config.warp import WarpConfig

ENCODERS = ("compact", "vgg19", "vgg16", "vgg19-16x")
ALIASES = {"trunk": "encoder"}
"""Names that options had before, and have now."""
PRESET_NAMES = ("paper", "default", "fast")

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
    encoder: str = option("compact", "feature network", choices=ENCODERS, group="general")
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
        chosen = {**PRESETS[preset], **{ALIASES.get(name, name): value for name, value in options.items()}}
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
