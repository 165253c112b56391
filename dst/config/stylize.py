"""A whole run: general options, one config per stage, and the presets."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from dst.config.base import Checked, InputError, check_choice, flag_of, option, plain
from dst.config.files import read_options
from dst.config.guidance import GuidanceConfig
from dst.config.kinds import Choice, File, Kind, Switch, Text, whole
from dst.config.matching import MatchConfig
from dst.config.methods import METHODS, NETWORK
from dst.config.optim import OptimizeConfig
from dst.config.warp import WarpConfig

ENCODERS = ("compact", "vgg19", "vgg16", "vgg19-16x")
PRECISIONS = ("auto", "float32", "bfloat16")
ALIASES = {"trunk": "encoder", "protect": "rigid_mask"}
"""Names that options had before, and have now."""
PRESET_NAMES = ("paper", "default", "fast")

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "method": "strotss",
        "alpha": 8.0,
        "steps": 150,
        "step_decay": 1.0,
        "alpha_growth": 2.0,
        "palette": 0.125,
        "optimizer": "sgd",
        "lr_end": 1.0,
        "samples": 2048,
        "style_samples": 5000,
        "details_above": 8192,
        "alternate": False,
    },
    "default": {},
    "fast": {"steps": 18, "lr": 0.017},
}
"""Named settings: what each changes from the defaults."""


STAGES = {"match": MatchConfig, "warp": WarpConfig, "optimize": OptimizeConfig, "guidance": GuidanceConfig}
"""The stages of a run and the config of each, as fields of `StylizeConfig`."""


WARP_OPTIONS = ("warp_strength", "geometry", "rigid_mask", "pins", "drop")
"""Options that ask for a warp; those that only tune one are harmless without it."""


@dataclass(frozen=True)
class StylizeConfig(Checked):
    """A whole run: general options and one config per stage."""

    size: int = option(
        512,
        "long side of the result, pixels",
        whole(32, 8192),
        "general",
        "low: fast, broad strokes, soft detail; high: fine strokes; cost grows with the square",
    )
    seed: int = option(
        0,
        "seed of every random draw",
        whole(0, 2**31 - 1),
        "general",
        "another seed draws other samples: the same look, other brush marks",
    )
    encoder: str = option(
        "compact",
        "feature network",
        Choice(ENCODERS),
        "general",
        "compact: fast, close to VGG; vgg19, vgg16: the published look, many times slower",
    )
    weights: str | None = option(
        None,
        "file of weights for the feature network",
        File(),
        "general",
        "needed where the encoder's weights are neither in the package nor in torchvision",
    )
    device: str = option(
        "cpu",
        "where to compute: cpu, cuda, cuda:1, mps",
        Text(),
        "general",
        "a GPU takes a fraction of the time; its bytes may differ from the CPU's",
    )
    threads: int = option(
        0,
        "processor threads, 0 for as many as PyTorch takes; the last bits of a result depend on their number",
        whole(0, 1024),
        "general",
        "the same number gives the same bytes on one machine; more threads than cores are slower",
    )
    precision: str = option(
        "auto",
        "type that the painting's feature network computes in; auto: bfloat16 where the processor has matrix units for it",
        Choice(PRECISIONS),
        "general",
        "bfloat16: about as different from float32 as another seed, and many times slower where the processor lacks it",
    )
    match: MatchConfig = field(default_factory=MatchConfig)
    warp: WarpConfig = field(default_factory=WarpConfig)
    optimize: OptimizeConfig = field(default_factory=OptimizeConfig)
    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)

    @classmethod
    def from_options(cls, preset: str = "default", **options: Any) -> StylizeConfig:
        """Build a config from flat names, such as `size=256, alpha=4, max_points=40`, on top of a preset.

        Raises:
            InputError: an unknown preset or name (with the closest one), one given twice, or a value out of range.
        """
        check_choice("preset", preset, PRESETS)
        given = named_options(options)
        chosen = {**_preset(preset, given), **given}
        if given.get("model") is not None:
            chosen["method"] = given.get("method", NETWORK)
        if (chosen.get("method") == NETWORK) != (chosen.get("model") is not None):
            raise InputError(
                "method network paints by a trained network, and none is given: give its folder, or a shipped style's name, as model"
                if chosen.get("method") == NETWORK
                else f"model is given, but the method is {chosen['method']}: a model goes with method network"
            )
        row = METHODS.get(chosen.get("method", OptimizeConfig().method))  # an unknown one is refused below
        chosen = {**(row.defaults if row else {}), **chosen}
        homes = {f.name: stage for stage, kind in STAGES.items() for f in fields(kind)}
        parts: dict[str, dict[str, Any]] = {stage: {} for stage in STAGES}
        general = {}
        for key, value in chosen.items():
            check_choice("option", key, _option_fields())
            (parts[homes[key]] if key in homes else general)[key] = value
        return cls(**general, **{stage: kind(**parts[stage]) for stage, kind in STAGES.items()})

    @property
    def paints(self) -> bool:
        """Whether strokes are painted by optimisation: not where only colours are asked for, or no style at all."""
        return not (self.guidance.color_only or self.guidance.at_once) and self.optimize.style_strength > 0

    @classmethod
    def from_file(cls, path: Any) -> StylizeConfig:
        """Build a config from a TOML file, or from that of an earlier run.

        Args:
            path: a TOML file of options by name and perhaps `preset` (a `points` or `warp` in it is for `stylize`, and
                left out here); or a run's folder, or the run.json in it.

        Raises:
            InputError: a file that cannot be read, an unknown name (with the closest one), or a value out of range; the
                message names the file.
        """
        found = read_settings(path)
        return cls.from_options(**{k: v for k, v in found.items() if k == "preset" or k in _option_fields()})

    def flat(self) -> dict[str, Any]:
        """Every option by its flat name: what `from_options` takes, for a run's record."""
        table = {}
        for f in fields(self):
            value = getattr(self, f.name)
            parts = {g.name: getattr(value, g.name) for g in fields(value)} if dataclasses.is_dataclass(value) else {}
            table.update({name: plain(part) for name, part in (parts or {f.name: value}).items()})
        return table

    def unlike_preset(self, preset: str) -> dict[str, Any]:
        """The options that a preset takes beside it to give this config, by flat name: none that it or a method brings anyway."""
        found = self.flat()
        whole = StylizeConfig.from_options(preset, **found)
        for name in sorted(
            found, key=lambda name: found[name] is not None
        ):  # a look, for one, has a preset's alpha left out
            rest = {other: value for other, value in found.items() if other != name}
            if StylizeConfig.from_options(preset, **rest) == whole:
                found = rest
        return found


def read_settings(path: Any, anew: Collection[str] = ()) -> dict[str, Any]:
    """The keywords of `stylize` that a TOML file, a run's folder or its run.json holds; as `dst.config.files.read_options`.

    Raises:
        InputError: as there.
    """
    return read_options(path, option_kinds(), option_names, anew)


def without_idle(options: dict[str, Any]) -> dict[str, Any]:
    """Keywords of `stylize` for one of many runs: without those that have no effect in this one, such as `pins` without a warp."""
    method, idle = options.get("method", OptimizeConfig().method), set()
    if options.get("warp") is False:
        idle |= {*WARP_OPTIONS, "points"}
    if method in METHODS:
        idle |= {name for row in METHODS.values() for name in row.options} - set(METHODS[method].options)
    return {name: value for name, value in options.items() if name not in idle}


def _preset(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What a preset sets; its learning rates go with its optimiser and are left out where another one is asked for."""
    preset, row = PRESETS[name], METHODS.get(given.get("method"))
    if name == "paper" and row and row.published:
        preset = row.published
    if "look" in given:
        preset = {key: value for key, value in preset.items() if key != "alpha"}
    own = preset.get("optimizer", OptimizeConfig().optimizer)
    if given.get("optimizer", own) == own:
        return preset
    return {key: value for key, value in preset.items() if key not in ("lr", "warp_lr")}


def option_fields() -> dict[str, dataclasses.Field]:
    """Every option that `StylizeConfig.from_options` takes, by name, in the order of the documentation."""
    return dict(_option_fields())


@functools.cache
def _option_fields() -> dict[str, dataclasses.Field]:
    kinds = (StylizeConfig, GuidanceConfig, MatchConfig, WarpConfig, OptimizeConfig)
    return {f.name: f for kind in kinds for f in fields(kind) if f.metadata}


_BY_FLAG = {flag_of(f).removeprefix("--").replace("-", "_"): name for name, f in option_fields().items()}
"""Options by their flags without dashes, such as `pins` by `pin`."""


def option_name(text: str) -> str:
    """The name of the option that a text means, as it is typed anywhere: `--style-weights`, `pin` or, of old, `trunk`.

    Dashes count as underscores, a flag that is called otherwise as its option. What means none comes back in that spelling.
    """
    name = str(text).strip().removeprefix("--").replace("-", "_")
    return ALIASES.get(name, _BY_FLAG.get(name, name))


def option_names(given: Iterable[str]) -> list[str]:
    """`option_name` of each of several texts.

    Raises:
        InputError: two of them mean the same.
    """
    found: list[str] = []
    for text in given:
        name = option_name(text)
        if name in found:
            raise InputError(f"{name} is given twice, the second time as {text!r}: leave one of them out")
        found.append(name)
    return found


def named_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options by the names that they have today.

    Raises:
        InputError: one that is given twice.
    """
    return dict(zip(option_names(options), options.values(), strict=True))


RUN_KINDS: dict[str, Kind] = {"preset": Choice(PRESETS), "warp": Switch(), "points": File()}
"""What `stylize` takes beside the options, and what a table of pairs or a grid may vary too."""


def option_kinds() -> dict[str, Kind]:
    """How each option's values are written, read and checked, by name: those of `option_fields`, and `RUN_KINDS`."""
    return {**{name: f.metadata["kind"] for name, f in option_fields().items()}, **RUN_KINDS}


def option_files(options: Mapping[str, Any]) -> list[Any]:
    """What options name as files, or give as images: masks, the geometry, an image to start from, weights, points.

    Args:
        options: keywords of `stylize` by today's names.
    """
    kinds, found = option_kinds(), []
    for name, value in options.items():
        if isinstance(kinds.get(name), File) and value is not None:
            found += value if isinstance(value, (list, tuple)) else [value]
    return found


def split_options(options: dict[str, Any]) -> tuple[StylizeConfig, dict[str, Any]]:
    """The config that some keywords of `stylize` make, checked, and those keywords that are no options.

    Raises:
        InputError: as `StylizeConfig.from_options`.
    """
    others = {name: value for name, value in options.items() if name in ("warp", "points", "style_cache")}
    own = {name: value for name, value in options.items() if name not in others}
    return StylizeConfig.from_options(**own), others
