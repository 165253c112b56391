"""Options of the optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dst.config.base import Checked, InputError, option

METHODS = ("strotss", "gatys")


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
