"""A labelled sheet of results over the values of one or two options."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from dst import imaging
from dst.config import (
    WARP_OPTIONS,
    GridConfig,
    InputError,
    MatchConfig,
    check_choice,
    named_options,
    option_kinds,
    option_name,
    plain,
    split_options,
    without_idle,
)
from dst.deform import matching, pipeline
from dst.deform.guidance import check_strokes
from dst.deform.inputs import encoder_of, needed_side, style_list
from dst.deform.strokes import stroke_sizes
from dst.methods.targets import StyleCache
from dst.runs.result import Result
from dst.viz.sheets import table_sheet

OWN = {"points", "warp", "geometry", "content_mask", "drop", "pins"}
"""Options with which each run of a grid has to look for its own matches."""


def grid(
    content: Any,
    style: Any,
    rows: tuple[str, Sequence[Any]],
    columns: tuple[str, Sequence[Any]] | None = None,
    *,
    on_cell: Callable[[int, int, Result], object] | None = None,
    side: int = GridConfig.side,
    **options: Any,
) -> np.ndarray:
    """A labelled sheet of results over the values of one or two options.

    The two images are matched once, unless an option of the grid decides over the matches.

    Args:
        content, style: as for `stylize`.
        rows, columns: an option's name and its values, such as `("alpha", [1, 8, 32])`; columns may be left out.
        on_cell: called with (index, count, Result) after each run; a true return value leaves the rest empty.
        side: long side of a cell, 16 to 4096 pixels.
        **options: of every run, as for `stylize`.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: an unknown option, no value, one option twice, a side out of range, or what `stylize` refuses.
    """
    known, options, side = option_kinds(), named_options(options), GridConfig(side=side).side
    rows, across = ((option_name(name), values) for name, values in (rows, columns or ("", [None])))
    for name, values in (rows, across)[: 1 if columns is None else 2]:
        check_choice("option", name, known)
        if not len(values):
            raise InputError(f"no value of {name} is given: a grid takes one or more")
    if rows[0] == across[0]:
        raise InputError(f"rows and columns are both {rows[0]}: choose two options")
    # where one axis decides what has an effect, each cell takes what fits it; else `stylize` refuses what does not
    fitting = without_idle if {"warp", "method"} & {rows[0], across[0]} else dict
    cells, configs = [], []
    for values in itertools.product(rows[1], across[1]):
        own = {name: value for name, value in zip((rows[0], across[0]), values, strict=True) if name}
        cells.append(fitting({**options, **own}))
        configs.append(split_options(cells[-1])[0])
    content = imaging.read(content, side=max(map(needed_side, configs)))
    styles = style_list(style)
    needed = max(needed_side(c, max(stroke_sizes(c.guidance.stroke_size, len(styles)))) for c in configs)
    read = [imaging.read(source, side=needed) for source in styles]
    for config in configs:  # before any cell is made
        check_strokes(config, [(image.name, image.size) for image in read])
    style = read if isinstance(style, (list, tuple)) else read[0]
    shared = _shared_points(content, style, {rows[0], across[0]}, options)
    images: list[np.ndarray] = []
    cache = StyleCache()
    for index, cell in enumerate(cells):
        cell = unwarped(cell) if shared.get("warp") is False else fitting({**shared, **cell})
        result = pipeline.stylize(content, style, **{"style_cache": cache, **cell})
        images.append(fitted(result.image, side))
        if on_cell is not None and on_cell(index, len(cells), result):
            break
    return table_sheet(images, *([label(name, value) for value in values] for name, values in (rows, across)))


def unwarped(options: dict[str, Any]) -> dict[str, Any]:
    """Keywords of `stylize` for plain style transfer: those given, without what asks for a warp."""
    return {name: value for name, value in options.items() if name not in (*WARP_OPTIONS, "points")} | {"warp": False}


def _shared_points(content: imaging.Image, style: Any, varied: set[str], options: dict[str, Any]) -> dict[str, Any]:
    """The matches of all cells as `points`, where they can be shared; nothing where each run has to look for its own."""
    deciding = {f.name for f in fields(MatchConfig)}
    deciding |= {"seed", "encoder", "weights", "min_matches", "preset", *OWN}
    if varied & deciding or OWN & set(options):
        return {}
    config = split_options(options)[0]
    first = style[0] if isinstance(style, list) else style
    found = matching.find_matches(content, first, encoder_of(config), config)
    return {"points": found} if matching.judge(found, config)[0] else {"warp": False}


def fitted(pixels: np.ndarray, side: int) -> np.ndarray:
    return imaging.to_array(imaging.resize(imaging.read(imaging.flatten(pixels), min_side=1).rgb, side))


def label(name: str, value: Any) -> str:
    """What stands beside a row or above a column; of a file its name, and no more than 24 letters."""
    if not name:
        return ""
    if isinstance(value, (tuple, list)):
        value = "; ".join(str(plain(item)) for item in value)
    text = str(plain(value)) if not isinstance(value, bool) else ("no", "yes")[value]
    text = re.split(r"[/\\]", text)[-1]
    return f"{name} {text if len(text) <= 24 else text[:11] + '...' + text[-10:]}"
