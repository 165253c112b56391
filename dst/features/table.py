"""Statistics of channels as a table in a file."""

from __future__ import annotations

from typing import Any

from dst.features.maps import FeatureMaps
from dst.features.statistics import NAMES
from dst.files import check_output, csv_text, replacing

COLUMNS = ("layer", "channel", *NAMES)


def write_statistics(path: Any, maps: FeatureMaps) -> None:
    """Write a row for each layer and channel, with a header and every digit that a float32 has; whole or not at all.

    Raises:
        InputError: a name that does not end in .csv, or a place that cannot be written to.
        OSError: the disk is full or fails.
    """
    check_output(path, (".csv",))
    rows = [
        {"layer": layer, "channel": channel, **{name: f"{found[name][channel]:.9g}" for name in NAMES}}
        for layer, found in maps.statistics().items()
        for channel in range(len(maps[layer]))
    ]
    with replacing(path) as temporary:
        temporary.write_text(csv_text(rows, COLUMNS), encoding="utf-8")
