"""Looks by strengths of the warp on one labelled sheet, in less than the time of two runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dst import runtime
from dst.batch.grid import fitted, grid, label, unwarped
from dst.config import LOOKS, STRENGTHS, VARIED, InputError, StylizeConfig, VariantsConfig, named_options, split_options
from dst.deform import matching, pipeline
from dst.deform.fitting import fit_warp
from dst.deform.guidance import check_guidance
from dst.deform.inputs import Inputs, style_list
from dst.runs.result import Result
from dst.viz.sheets import table_sheet
from dst.warp import Warp

PAINTED_ONCE = (
    "Each look is painted once, as in the first row, and then warped. The command paints for the warp too, so that strokes "
    "differ a little in the other rows, and larger images have finer detail."
)
"""What a sheet says of what was shared."""
NO_WARP = "Not warped: {}. Each look is painted in fewer steps than by its command; larger images have finer detail."
"""What it says where there is no warp."""

LONGER = 1.5
"""Factor on the learning rate at half the steps."""


def variants(
    content: Any,
    style: Any,
    *,
    on_look: Callable[[int, int, Result], object] | None = None,
    caption: Callable[[dict[str, Any]], str] | None = None,
    foot: str = "",
    side: int = VariantsConfig.side,
    **options: Any,
) -> tuple[np.ndarray, list[dict[str, Any]], str]:
    """The looks photo, balanced and painting by warp strengths 0, 0.5 and 1 on one small, labelled sheet, to choose from.

    It takes less than two runs of the sheet's size: the images are matched once, each look is painted once, without a warp,
    and warped to each strength. The first row is what `stylize` makes at that size, byte for byte; the others come close,
    for there `stylize` paints for the warp too. Where there is no warp, there is one row, painted in half the steps.

    Args:
        content, style: as for `stylize`.
        on_look: called with (index, count, Result) after each painting; a true return value leaves the other looks out.
        caption: gives the words beneath an image, from the keywords of `stylize` that paint it; None for none.
        foot: words below all, before those on what the images share.
        side: long side of each image on the sheet, 32 to 2048 pixels.
        **options: as for `stylize`, `size` and all others; without `look`, `alpha`, `warp_strength`, `warp` and `color_only`.

    Returns:
        (sheet, choices, verdict): (H, W, 3) uint8; for each image, row by row, the keywords of `stylize` that paint it
        large, at `size`; one sentence on the matches.

    Raises:
        InputError: an option that it does not take, a side out of range, or what `stylize` refuses.
    """
    found = choices(content, style, on_look=on_look, side=side, **options)
    strengths, looks = found.strengths, found.looks
    sheet = table_sheet(
        [fitted(image, side) for image in found.images],
        [label("warp_strength", strength) for strength in strengths] or [""],
        [label("look", look) for look in looks],
        [caption(choice) for choice in found.keywords] if caption else (),
        [foot, PAINTED_ONCE if strengths else NO_WARP.format(found.verdict)],
    )
    return sheet, found.keywords, found.verdict


@dataclass(frozen=True)
class Choices:
    """Looks by strengths of the warp, row by row.

    Attributes:
        images: (H, W, 3 | 4) uint8 each.
        keywords: of `stylize`, which paint each large.
        looks: of the columns.
        strengths: of the rows; empty where there is no warp, and one row.
        verdict: one sentence on the matches.
    """

    images: list[np.ndarray]
    keywords: list[dict[str, Any]]
    looks: list[str]
    strengths: list[float]
    verdict: str


def choices(
    content: Any,
    style: Any,
    *,
    on_look: Callable[[int, int, Result], object] | None = None,
    on_images: Callable[[list[dict[str, Any]], list[np.ndarray]], object] | None = None,
    side: int = VariantsConfig.side,
    **options: Any,
) -> Choices:
    """What `variants` shows on its sheet, one by one; arguments and errors as there.

    `on_images` is called after each painting, before `on_look`: with the keywords of all that there will be, row by row, and the
    pictures of one look at each strength, top to bottom.
    """
    options, side = named_options(options), VariantsConfig(side=side).side
    config = _checked(options, len(style_list(style)))
    with runtime.computing(config.threads):
        inputs, found, encoder = pipeline.gather(content, style, options.get("points"), config)
        plan = matching.plan_warp(inputs, found, True, encoder, config)
        warps = {strength: _warp(plan, strength, inputs, config) for strength in STRENGTHS if plan.fitted is not None}
    painting = {**unwarped(options), "size": side, **({} if warps else _half(config))}
    columns: list[list[np.ndarray]] = []
    rows = [{"warp_strength": strength} for strength in warps] or [{}]

    def keywords(looks: list[str]) -> list[dict[str, Any]]:
        return [{**options, "look": look, **row} for row in rows for look in looks]

    def on_cell(index: int, count: int, result: Result) -> object:
        columns.append([_warped(result.image, warp) for warp in list(warps.values()) or [None]])
        if on_images is not None:
            on_images(keywords(list(LOOKS)), columns[-1])
        return on_look is not None and on_look(index, count, result)

    grid(content, style, ("look", list(LOOKS)), on_cell=on_cell, side=side, **painting)
    looks = list(LOOKS)[: len(columns)]
    images = [column[k] for k in range(len(rows)) for column in columns]
    return Choices(images, keywords(looks), looks, list(warps), plan.verdict)


def _checked(options: dict[str, Any], styles: int) -> StylizeConfig:
    """The config of what is chosen from, but for look and strength.

    Raises:
        InputError: as `variants`.
    """
    for name, why in VARIED.items():
        if name in options:
            raise InputError(f"{name} is given, but variants takes none, for {why}: leave it out")
    given = {**options, "look": next(iter(LOOKS))}
    config, others = split_options(given)
    check_guidance(config, styles, True, others.get("points"), given)
    if not config.paints:
        raise InputError("style_strength 0 paints nothing, so that all looks are the same: raise it")
    return config


def _warp(plan: matching.Plan, strength: float, inputs: Inputs, config: StylizeConfig) -> Warp:
    """The warp that a run of a strength starts from."""
    if strength == config.warp.warp_strength:
        return plan.fitted.warp
    if not strength:
        return Warp.identity(inputs.content.size)
    return fit_warp(plan.matches, strength, config.warp.beta, config.warp.gamma, inputs.mask).warp


def _warped(image: np.ndarray, warp: Warp | None) -> np.ndarray:
    return image if warp is None or warp.is_identity else warp.apply(image)


def _half(config: StylizeConfig) -> dict[str, Any]:
    """Half the steps of a config, of every kind of step that its method makes; longer ones, where steps have a length."""
    optimize = config.optimize
    found = {"steps": optimize.steps, "splitting": optimize.splitting}
    halved = {name: -(-steps // 2) for name, steps in found.items() if steps}
    return halved if optimize.optimizer == "sgd" else {**halved, "lr": min(10.0, LONGER * optimize.rates[0])}
