"""Images found again from what one layer keeps of them: a sheet of layers by first guesses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dst import imaging, runtime
from dst.batch.cells import Cell, Made, run_cells
from dst.batch.laboratory import Sheet, network_of
from dst.config import InputError, InvertConfig, check_choice
from dst.features import Encoder
from dst.methods.pictures import Picture, Plan, white_noise
from dst.methods.statistics import Target
from dst.optim.state import Step
from dst.viz.curves import curves_image
from dst.viz.sheets import table_sheet

TV = {1: 1.0, 2: 1.0, 3: 10.0, 4: 100.0, 5: 100.0}
"""Weight of the total variation by level: in the paper 1, 10 and 100 in the first, second and last third of the depth."""
NORM = 8e-10
"""Weight of the sixth power."""
RATE = 0.03
NOISE = (0.35, 0.65)
"""Range of the noise that images start from: faint, as in the paper."""
FOOT = (
    "Each column is found from the features of one layer alone: what it does not tell, such as exact colours and places in deep layers, is "
    "free. Below each picture, how far its features are from the image's: squared difference over squared norm."
)
GRAM_FOOT = " Last row: from the Gram matrices of all layers down to the column's; they keep what things are made of, not where it is."


def invert(
    image: Any,
    *,
    keep: Any = None,
    on_step: Callable[[int, int, Step], object] | None = None,
    **options: Any,
) -> Sheet:
    """Find an image again from the features of one layer, from noise.

    The weights of the priors are those published, over the image's own variance where the paper has that of its training images.

    Args:
        image: whatever `dst.read_image` takes.
        keep, on_step: as for `dst.laboratory`.
        **options: those of `dst invert`, such as `layers=("relu3_1",), seeds=3`.

    Returns:
        A `Sheet`; its rows hold the layer, the seed, and `error`, the squared difference of features over the squared norm.

    Raises:
        InputError: an unknown option or layer, a value out of range, an image that cannot be read, or a size that the deepest layer is too
            deep for.

    Source: Mahendran and Vedaldi 2015, "Understanding deep image representations by inverting them".
    """
    config = InvertConfig().replace(**options)
    with runtime.computing(config.threads):
        given = imaging.read(image, side=2 * config.size)
        encoder = network_of(config).changed(config.pooling)
        for name in config.layers:
            check_choice("layer", name, encoder.layers)
        shown = imaging.resize(given.rgb, config.size)
        size = (shown.shape[3], shown.shape[2])
        cells = _cells(encoder, shown, size, config)
        made, stopped = run_cells(cells, [shown], lambda _: encoder, config.seed, keep, on_step)
        return _sheet(encoder, shown, cells, made, stopped, config)


def _cells(encoder: Encoder, image: Tensor, size: tuple[int, int], config: InvertConfig) -> list[Cell]:
    """Rows of seeds, and one of Gram matrices, by columns of layers."""
    variance = 255**2 * float((image - image.mean((2, 3), keepdim=True)).square().sum())
    if variance < 1e-3 * image.numel():
        raise InputError("the image has one colour alone: there is nothing to find again; give another")
    half = -(-config.steps // 2)
    plan = Plan(size, config.steps, half, smallest=48, lr=RATE, lr_end=0.1)

    def picture(targets: tuple[Target, ...], layer: str, seed: int, priors: float = 1.0) -> Picture:
        tv = priors * config.tv * TV[int(layer[4])] / 2 * 255**config.exponent / variance
        norm = priors * config.norm * NORM / 2 * 255**6 / variance
        return Picture(targets, white_noise(seed, *NOISE), tv, config.exponent, norm)

    found = []
    for seed in range(config.seed, config.seed + config.seeds):
        for layer in config.layers:
            targets = (Target("representation", layer, 0, 1.0),)
            found.append(
                Cell(f"seed {seed}", layer, picture(targets, layer, seed), f"noise {seed}", plan, config.pooling)
            )
    if config.gram:
        order = list(encoder.layers)
        for layer in config.layers:
            below = [n for n in order[: order.index(layer) + 1] if n == layer or n.endswith("_1")]
            targets = tuple(Target("gram", name, 0, 1.0 / len(below)) for name in below)
            start = picture(targets, layer, config.seed, 0.0)
            found.append(Cell("Gram matrix", layer, start, f"noise {config.seed}", plan, config.pooling))
    return found


@torch.no_grad()
def _error(encoder: Encoder, image: Tensor, found: Tensor, layer: str) -> float:
    """Squared difference of a layer's features over the squared norm of the image's."""
    maps = [encoder(x.to(encoder.mean.device), [layer])[layer] for x in (image, found)]
    value = float((maps[0] - maps[1]).square().sum() / maps[0].square().sum().clamp_min(1e-12))
    return float(f"{value:.4g}")  # a kept picture lies otherwise in memory, and the last digits depend on it


def _sheet(
    encoder: Encoder, image: Tensor, cells: list[Cell], made: list[Made | None], stopped: str, config: InvertConfig
) -> Sheet:
    blank = np.full((image.shape[2], image.shape[3], 3), 235, np.uint8)
    pictures, rows, words = [], [], []
    for cell, found in zip(cells, made, strict=True):
        pictures.append(blank if found is None else imaging.to_array(found.image))
        rows.append({"layer": cell.column, "from": cell.row})
        if found is not None:
            rows[-1]["error"] = _error(encoder, image, found.image, cell.column)
        words.append(f"{100 * rows[-1]['error']:.3g}%" if found is not None else "")
    down = ["image", *dict.fromkeys(cell.row for cell in cells)]
    across = list(config.layers)
    first = [imaging.to_array(image), *[np.full_like(blank, 255)] * (len(across) - 1)]
    foot = [FOOT + (GRAM_FOOT if config.gram else ""), *([f"Not finished: {stopped}."] if stopped else [])]
    sheet = table_sheet([*first, *pictures], down, across, [*[""] * len(across), *words], foot)
    return Sheet(sheet, rows, pictures, stopped)


def error_plot(rows: list[dict[str, Any]]) -> np.ndarray:
    """The errors of a sheet's rows by depth, a line each for what images were found from: (H, W, 3) uint8."""
    curves = {}
    for name in dict.fromkeys(row["from"] for row in rows):
        mine = [row for row in rows if row["from"] == name and "error" in row]
        curves[name] = [row["layer"] for row in mine], [row["error"] for row in mine]
    return curves_image(curves, (6, 4), 120, "layer", "squared difference of features over squared norm", "o")
