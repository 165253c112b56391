"""Options of looking at the features of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dst.config.base import Checked, InputError, check_number, option, shown, suggest
from dst.config.kinds import Choice, Kind, Names, Switch, read_number, whole
from dst.config.methods import LEVELS

SHOWS = ("maps", "gram", "statistics", "crops")
"""What can be drawn of features."""
ORDERS = ("strongest", "selective")
"""By what channels are chosen, where not by number."""
LOOKED_AT = {"maps": ("relu3_1",), "crops": ("relu3_1",), "gram": LEVELS, "statistics": LEVELS}
"""Layers that each of `SHOWS` shows where none is named."""
PLACES = 4
"""Crops of a channel, at distinct places."""


class Channels(Kind):
    """`strongest`, `selective`, or numbers with + or commas between, each once; from Python a list of numbers or one."""

    metavar = "NAME|N+N"

    def check(self, name: str, value: Any) -> str | tuple[int, ...]:
        """As `Kind.check`."""
        if isinstance(value, str) and value in ORDERS:
            return value
        parts = [read_number(n, True) for n in value.replace(",", "+").split("+")] if isinstance(value, str) else value
        parts = list(parts) if isinstance(parts, (list, tuple, range)) else [parts]
        if not parts or any(isinstance(n, str) for n in parts):
            hint = suggest(value, ORDERS)
            raise InputError(f"{name} is {shown(value)}: it takes {self.allowed()}{hint}")
        numbers = tuple(int(check_number(name, n, 0, None, whole=True)) for n in parts)
        if len(set(numbers)) < len(numbers):
            raise InputError(f"{name} is {shown(value)}: give each channel once")
        return numbers

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return "strongest, selective, or numbers such as 3+17+20"


@dataclass(frozen=True)
class FeaturesConfig(Checked):
    """What is looked at, and how it is shown."""

    layers: tuple[str, ...] | None = option(
        None,
        "layers, with + between: relu3_1+relu4_1; where none is named, relu3_1 for maps and crops, else the first of each level",
        Names(),
        "",
        flag="--layer",
    )
    show: str = option(
        "maps",
        "what the sheet shows: feature maps, Gram matrices, statistics of channels, or the crops that excite channels most",
        Choice(SHOWS),
        "",
    )
    channels: str | tuple[int, ...] = option(
        "strongest",
        "channels of maps and crops: by their maximum, by their sparseness, or by number, counted from 0",
        Channels(),
        "",
    )
    count: int = option(24, "how many channels of each layer, where they are not given by number", whole(1, 1024), "")
    size: int = option(512, "long side that the picture is looked at, pixels, where it is larger", whole(16, 2048), "")
    cluster: bool = option(
        False, "channels of Gram matrices by similarity, those that fire together side by side", Switch(), ""
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        own = {"channels": ("maps", "crops"), "count": ("maps", "crops"), "cluster": ("gram",)}
        for name, shows in own.items():
            if self.show not in shows and getattr(self, name) != getattr(FeaturesConfig, name):
                where = " or ".join(shows)
                raise InputError(
                    f"{name} is given, but a sheet of {self.show} has no use for it: leave it out, or show {where}"
                )
        if not isinstance(self.channels, str) and self.count != FeaturesConfig.count:
            raise InputError("count is given, but channels are given by number: leave out one of the two")

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The layers: those that are named, or those of what is shown."""
        return self.layers or LOOKED_AT[self.show]
