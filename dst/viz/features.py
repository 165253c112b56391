"""Features drawn: maps, Gram matrices, statistics of channels, and what in the picture excites a channel most.

Every function takes the `FeatureMaps` of a picture and returns pixels (H, W, 3) uint8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from dst.config import FeaturesConfig
from dst.config.features import PLACES
from dst.features import FeatureMaps
from dst.features.receptive import field_side
from dst.losses import gram
from dst.viz.panels import blank, drawn_pixels
from dst.viz.sheets import GAP, LINE, font, table_sheet

MAP, GRAM, CROP = 192, 320, 112
"""Side of a square picture and its maps, and about the sides of a Gram matrix and of a crop, on a sheet, pixels."""
LONGEST = 4
"""Times that side, the long side of a strip at most."""
SQUARES = 3
"""From this factor on what is enlarged is shown in squares, as it is; below, it is interpolated."""
TICKS, MARGIN = 8, 26
"""Numbers along a Gram matrix, about, and the pixels that are left free for them."""
EVEN = 3
"""Empty places of a sheet that a column more or less than its shape asks for is worth."""
ACROSS = 3
"""Channels in a row of a sheet of crops."""
COLORS = "magma"
"""matplotlib's map from 0, black, to the largest value, white: of even steps to the eye, and in grey too."""
BEYOND = (224, 224, 224)
"""Colour of what a receptive field has beyond the picture's border."""
NO_BREAK = "\u00a0"
PANELS = {
    "mean": ("mean", "mean activation"),
    "standard_deviation": ("standard deviation", "over positions"),
    "maximum": ("maximum", "largest activation"),
    "active_share": ("active share", "share of positions above 0"),
    "selectivity": ("selectivity", "sparseness over positions (Vinje and Gallant 2000)"),
}
"""Statistics that are drawn: the title of each panel and what it says below."""
Which = str | Sequence[int]


def maps_sheet(
    maps: FeatureMaps, channels: Which = FeaturesConfig.channels, count: int = FeaturesConfig.count
) -> np.ndarray:
    """As `dst.figures.feature_maps`."""
    blocks = []
    for layer, values in maps.items():
        cells = [
            (
                _boxed(maps.image, _box(maps)),
                f"the picture, {maps.image.shape[1]}{NO_BREAK}x{NO_BREAK}{maps.image.shape[0]}",
            )
        ]
        for channel in maps.channels(layer, channels, count):
            cells.append((map_image(maps, layer, channel), _label(layer, channel, values[channel].max())))
        blocks.append(cells)
    foot = "Black is 0, white the brightest part of that map; max: its largest activation."
    return _blocks(blocks, _columns(blocks), foot)


def crops_sheet(
    maps: FeatureMaps, channels: Which = FeaturesConfig.channels, count: int = FeaturesConfig.count
) -> np.ndarray:
    """As `dst.figures.crops`."""
    blocks = []
    for layer, values in maps.items():
        cells = []
        for channel in maps.channels(layer, channels, count):
            cells.append((crops_image(maps, layer, channel), _label(layer, channel, values[channel].max())))
        blocks.append(cells)
    sides = ", ".join(f"{field_side(maps.network, layer)} in {layer}" for layer in maps)
    foot = (
        "Each channel's strongest places, the strongest on the left, and of each all that it depends on: its receptive field "
        f"(pixels a side: {sides}), grey beyond the picture's border."
    )
    return _blocks(blocks, min(ACROSS, max(map(len, blocks))), foot)


def gram_sheet(maps: FeatureMaps, cluster: bool = FeaturesConfig.cluster) -> np.ndarray:
    """As `dst.figures.gram_matrices`."""
    cells = []
    for layer, values in maps.items():
        found = gram(torch.from_numpy(values)[None])[0].numpy()
        order = similar_order(found) if cluster else np.arange(len(found))
        shown = gram_image(found, order)
        size = NO_BREAK.join(f"{len(found)} x {len(found)}".split())
        cells.append((shown, f"{layer},{NO_BREAK}{size} max{NO_BREAK}{found.max():.3g}"))
    by = (
        "by similarity, those that fire together side by side"
        if cluster
        else "by number, from the top and from the left"
    )
    foot = (
        "Row i, column j: how much channels i and j fire at the same places, the mean over positions of their product; the "
        f"diagonal: each channel's own power. Channels are ordered {by}. Colours run with the square root, from black, 0, "
        "to white, the largest of the matrix (max)."
    )
    return _blocks([[(_picture(maps), "the picture"), *cells]], min(3, len(cells) + 1), foot)


def statistics_figure(maps: FeatureMaps) -> Figure:
    """As `dst.figures.activations`."""
    found, names = maps.statistics(), list(maps)
    figure = blank(13, 4.2)
    colors = matplotlib.colormaps["viridis"](np.linspace(0.1, 0.8, len(names)))
    for k, (name, (title, about)) in enumerate(PANELS.items(), start=1):
        axes = figure.add_subplot(1, len(PANELS), k)
        for row, layer in enumerate(names):
            values = np.sort(found[layer][name])
            beside = np.linspace(-0.32, 0.32, len(values)) if len(values) > 1 else np.zeros(1)
            axes.scatter(row + beside, values, s=7, color=colors[row], linewidths=0)
            axes.plot([row - 0.4, row + 0.4], [np.median(values)] * 2, color="#222222", linewidth=1)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel(about.replace(" (", "\n("), fontsize=8)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_ylim(0, 1.02 if name in ("active_share", "selectivity") else None)
        axes.tick_params(axis="y", labelsize=8)
        axes.grid(axis="y", alpha=0.25)
    height, width = maps.image.shape[:2]
    figure.suptitle(
        f"{width} x {height} pixels: one dot for each channel, in rising order; the line is their median", fontsize=10
    )
    figure.subplots_adjust(left=0.035, right=0.99, bottom=0.25, top=0.84, wspace=0.24)
    return figure


def drawn(maps: FeatureMaps, config: FeaturesConfig) -> np.ndarray:
    """The sheet that a config asks for."""
    if config.show == "maps":
        return maps_sheet(maps, config.channels, config.count)
    if config.show == "crops":
        return crops_sheet(maps, config.channels, config.count)
    if config.show == "gram":
        return gram_sheet(maps, config.cluster)
    return drawn_pixels(statistics_figure(maps))


def map_image(maps: FeatureMaps, layer: str, channel: int) -> np.ndarray:
    """A map in colours, where the picture beside it has what it saw: rows that pooling left over stay white."""
    values, stride = maps[layer][channel], 2 ** (int(layer[4]) - 1)
    (height, width), box = maps.image.shape[:2], _box(maps)
    covered = [min(1.0, n * stride / of) for n, of in zip(values.shape[::-1], (width, height), strict=True)]
    wide, high = (max(1, round(share * side)) for share, side in zip(covered, box, strict=True))
    cell = np.full((box[1], box[0], 3), 255, np.uint8)
    cell[:high, :wide] = colored(_boxed(values, (wide, high)))
    return cell


def crops_image(maps: FeatureMaps, layer: str, channel: int) -> np.ndarray:
    """What excites a channel most: crops side by side, on white where there are fewer than `PLACES`, with room on both sides."""
    crops = [_crop(maps, layer, place) for place in maps.places(layer, channel, PLACES)]
    side = crops[0].shape[0] if crops else CROP
    strip = np.full((side, PLACES * (side + GAP // 2) + GAP, 3), 255, np.uint8)
    for k, crop in enumerate(crops):
        strip[:, GAP // 2 + k * (side + GAP // 2) :][:, :side] = crop
    return strip


def gram_image(products: np.ndarray, order: np.ndarray) -> np.ndarray:
    """A Gram matrix (C, C) in colours of its square root, the numbers of some of its channels above it and to its left."""
    matrix = colored(_enlarged(np.sqrt(products[np.ix_(order, order)]), GRAM))
    step = 2 ** max(0, math.ceil(math.log2(len(order) / TICKS)))
    sheet = Image.fromarray(np.pad(matrix, ((MARGIN, 0), (MARGIN, 0), (0, 0)), constant_values=255))
    pen, pixels = ImageDraw.Draw(sheet), len(matrix) / len(order)
    for k in range(0, len(order), step):
        at = MARGIN + (k + 0.5) * pixels
        pen.text((at, MARGIN / 2), str(order[k]), fill="black", font=font(11), anchor="mm")
        pen.text((MARGIN - 4, at), str(order[k]), fill="black", font=font(11), anchor="rm")
    return np.asarray(sheet)


def colored(values: np.ndarray) -> np.ndarray:
    """Values (h, w), 0 or more, as colours (h, w, 3) uint8 from 0 to their largest; all black where that is 0."""
    top = float(values.max())
    return matplotlib.colormaps[COLORS](values / top if top > 0 else values, bytes=True)[..., :3]


def similar_order(products: np.ndarray) -> np.ndarray:
    """An order of channels in which similar ones stand side by side: the leaves of their average-linkage tree.

    Args:
        products: a Gram matrix (C, C); the distance of two channels is 1 less their cosine, 1 from one that is silent.

    Returns:
        (C,) int, each channel once.
    """
    from sklearn.cluster import AgglomerativeClustering

    total = len(products)
    if total < 3:
        return np.arange(total)
    power = np.sqrt(np.diag(products).astype(np.float64))
    scale = np.outer(power, power)
    cosine = np.divide(products, scale, out=np.zeros_like(scale), where=scale > 0)
    distance = np.clip(1 - (cosine + cosine.T) / 2, 0, None)
    np.fill_diagonal(distance, 0)
    tree = AgglomerativeClustering(metric="precomputed", linkage="average", compute_full_tree=True, n_clusters=1)
    leaves = [[k] for k in range(total)]
    for left, right in tree.fit(distance).children_:
        leaves.append(leaves[left] + leaves[right])
    return np.array(leaves[-1])


def _label(layer: str, channel: int, top: float) -> str:
    """What stands under a map, in two lines where it is narrow."""
    return f"{layer}{NO_BREAK}/{NO_BREAK}{channel} " + (f"max{NO_BREAK}{top:.3g}" if top > 0 else "silent")


def _box(maps: FeatureMaps) -> tuple[int, int]:
    """(width, height) of the picture in a cell: the area of a square of `MAP` pixels, at most `LONGEST` times as long."""
    height, width = maps.image.shape[:2]
    scale = min(MAP / math.sqrt(height * width), LONGEST * MAP / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _boxed(values: np.ndarray, box: tuple[int, int]) -> np.ndarray:
    """Values (h, w[, 3]) at (width, height): means over areas, in squares where they are enlarged by much."""
    factor = box[0] / values.shape[1]
    near = cv2.INTER_NEAREST if factor >= SQUARES else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(values), box, interpolation=cv2.INTER_AREA if factor < 1 else near)


def _enlarged(values: np.ndarray, side: int) -> np.ndarray:
    """A square of values (n, n[, 3]) at about `side` pixels: in squares of whole pixels where they are enlarged by much."""
    if (factor := round(side / len(values))) >= SQUARES:
        return values.repeat(factor, 0).repeat(factor, 1)
    return _boxed(values, (side, side))


def _picture(maps: FeatureMaps) -> np.ndarray:
    """The picture beside Gram matrices, below as much room as their numbers take."""
    height, width = (max(1, round(n * GRAM / max(maps.image.shape))) for n in maps.image.shape[:2])
    return np.pad(_boxed(maps.image, (width, height)), ((MARGIN, 0), (0, 0), (0, 0)), constant_values=255)


def _crop(maps: FeatureMaps, layer: str, place: tuple[int, int]) -> np.ndarray:
    """The receptive field of a position, a square; what of it lies beyond the picture, or is not seen for its border, is grey."""
    whole, seen = maps.field(layer, place, whole=True), maps.field(layer, place)
    found = np.full((whole.bottom - whole.top, whole.right - whole.left, 3), BEYOND, np.uint8)
    inside = np.s_[seen.top - whole.top : seen.bottom - whole.top, seen.left - whole.left : seen.right - whole.left]
    found[inside] = maps.image[seen.top : seen.bottom, seen.left : seen.right]
    return _enlarged(found, CROP)


def _columns(blocks: list[list[tuple[np.ndarray, str]]]) -> int:
    """Cells in a row, so that the sheet comes out about four by three and few places stay empty."""
    cells = [cell for block in blocks for cell, _ in block]
    height, width = (max(cell.shape[k] for cell in cells) for k in (0, 1))
    width = max(width, MAP // 2)
    ideal = math.sqrt(len(cells) * 4 / 3 * (height + GAP + 2 * LINE) / (width + GAP))
    tried = range(1, max(map(len, blocks)) + 1)
    return min(tried, key=lambda k: sum(-len(block) % k for block in blocks) + EVEN * abs(k - ideal))


def _blocks(blocks: list[list[tuple[np.ndarray, str]]], columns: int, foot: str) -> np.ndarray:
    """Cells and the words under them, every block from a line of its own on, and words below all."""
    nothing = np.full((1, 1, 3), 255, np.uint8), ""
    filled = [cell for block in blocks for cell in (*block, *[nothing] * (-len(block) % columns))]
    rows = len(filled) // columns
    images, captions = zip(*filled, strict=True)
    return table_sheet(images, [""] * rows, [""] * columns, captions, [foot])
