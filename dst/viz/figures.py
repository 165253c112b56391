"""Figures that explain a Result, or the features of a picture. Every function returns a matplotlib Figure and changes nothing.

Figures are made without pyplot, so they need no display and leave no state behind. In a notebook a figure shows itself,
whether pyplot was loaded or not; to a file it goes by `figure.savefig`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from dst.config import FeaturesConfig
from dst.features import FeatureMaps
from dst.viz import features
from dst.viz.faces import faces as faces
from dst.viz.panels import DPI, blank, image_row, image_size, pale, shown_points
from dst.viz.sheets import titled_sheet
from dst.warp import to_pixels

TERMS = {
    "total": "total, weighted",
    "content": "content",
    "style": "style, before the warp",
    "style_warped": "style, after the warp",
    "warp": "distance to the targets",
    "tv": "total variation of the warp",
}
"""Columns of a history and what their panels are called."""
INK, SOURCE, TARGET, REACHED, FOLD = "#222222", "#1f77b4", "#d62728", "#2ca02c", "#ff00c8"


def losses(result: Any) -> Figure:
    """Each term of the objective over the steps, one panel a term; a line and the side in pixels mark each scale."""
    history = result.history
    figure = blank(12, 6)
    for place, (term, title) in enumerate(TERMS.items(), start=1):
        axes = figure.add_subplot(2, 3, place)
        values = np.array([row.get(term, np.nan) for row in history], dtype=float)
        axes.plot(np.arange(1, len(values) + 1), values, color=SOURCE, linewidth=1.2)
        axes.set_title(title, fontsize=10, pad=16)
        low, high = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=0)
        if 0 < 10 * low < high:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:.3g}"))
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
        axes.set_xlabel("step", fontsize=8)
        _mark_scales(axes, history)
        if not history:
            axes.set(xticks=[], yticks=[])
            axes.text(0.5, 0.5, "no step was made", transform=axes.transAxes, ha="center", va="center", fontsize=9)
    figure.subplots_adjust(left=0.05, right=0.985, bottom=0.08, top=0.91, wspace=0.2, hspace=0.42)
    return figure


def _mark_scales(axes: Axes, history: Sequence[dict[str, Any]]) -> None:
    """A vertical line where each scale begins, its side in pixels written above."""
    sides, scales = ([row[name] for row in history] for name in ("side", "scale"))
    starts = [k for k in range(len(sides)) if k == 0 or (sides[k], scales[k]) != (sides[k - 1], scales[k - 1])]
    for begin, end in zip(starts, [*starts, len(sides)][1:], strict=True):
        if begin:
            axes.axvline(begin + 0.5, color=INK, linewidth=0.7, linestyle=":")
        if begin and sides[begin] == sides[begin - 1]:
            continue  # a last pass, of the size that stands there
        middle = (begin + end + 1) / 2
        axes.text(middle, 1.02, f"{sides[begin]} px", transform=axes.get_xaxis_transform(), ha="center", fontsize=7)


def matches(result: Any) -> Figure:
    """The matches drawn over both images, as `correspondence.draw` does; without matches the two images.

    The second image is the style, or the one that the shapes came from. A number is the row of the match in
    points.csv, counted from 1.
    """
    if result.matches_image is not None and result.matches is not None and len(result.matches):
        height = min(result.matches_image.shape[0], 960)
        return image_row([result.matches_image], [f"matches ({len(result.matches)})"], height=height)[0]
    partner, name = (result.style, "style") if result.geometry is None else (result.geometry, "geometry")
    return image_row([result.content, partner], ["content (no matches)", name], height=480)[0]


def arrows(result: Any) -> Figure:
    """Keypoints on the content: where each was, where it was to go, and where the run moved it.

    A rigid part has many points; they are small dots, before and after.
    """
    warp, image = result.warp, result.content
    title = "keypoints: before, wanted, reached" if len(warp.source) else "no keypoints: nothing was warped"
    figure, (axes,) = image_row([pale(image)], [title], height=640, foot=30)
    keys = [Line2D([], [], marker="o", ls="", color=SOURCE, ms=5, label="source")]
    if len(warp.source):
        shown = image_size(image)
        start, end = (to_pixels(points, shown) for points in (warp.source, warp.source + warp.moved))
        free = _keypoints(result)
        wanted = result.record.get("warp", {}).get("targets")
        if wanted:
            wanted = shown_points(np.array(wanted, float), warp.size, image)[free]
            for (x, y), (to_x, to_y) in zip(start[free], wanted, strict=True):
                axes.plot([x, to_x], [y, to_y], color=TARGET, linewidth=0.7, alpha=0.8)
            axes.scatter(*wanted.T, s=28, facecolors="none", edgecolors=TARGET, linewidths=1.1)
            keys.append(Line2D([], [], marker="o", ls="", mfc="none", mec=TARGET, ms=6, label="target"))
        way = (end - start)[free]
        axes.quiver(
            *start[free].T, *way.T, angles="xy", scale_units="xy", scale=1, color=REACHED, width=0.003, zorder=3
        )
        keys.append(Line2D([], [], color=REACHED, linewidth=2, label="reached"))
        axes.scatter(*start[free].T, s=12, color=SOURCE, zorder=4)
        if not free.all():
            for points, colour, name in ((start, SOURCE, "rigid, before"), (end, REACHED, "and after")):
                axes.scatter(*points[~free].T, s=4, color=colour, alpha=0.7, linewidths=0)
                keys.append(Line2D([], [], marker="o", ls="", color=colour, ms=2.5, label=name))
        figure.legend(handles=keys, loc="lower center", ncols=len(keys), fontsize=8, frameon=False)
    return figure


def _keypoints(result: Any) -> np.ndarray:
    """Which of the warp's points are keypoints, (k,) bool; the others hold a rigid part in shape."""
    own = result.warp.origin >= 0
    return own if own.any() else np.ones(len(own), bool)


def grid(result: Any, lines: int = 24) -> Figure:
    """The warp as grid lines over the warped content; where it folds, the image is covered in pink.

    Args:
        result: of a run.
        lines: grid lines along the long side.
    """
    image, warp = result.warped_content, result.warp
    title = f"the warp; {result.record.get('warp', {}).get('folded_share', 0):.2%} of the image folds"
    title = title if len(warp.source) else "no warp: nothing was warped"
    figure, (axes,) = image_row([pale(image)], [title], height=640)
    width, height = size = image_size(image)
    x, y = np.linspace(-0.5, width - 0.5, 2 * width // 3 + 2), np.linspace(-0.5, height - 0.5, 2 * height // 3 + 2)
    mesh = np.stack(np.meshgrid(x, y), axis=-1)  # (h, w, 2), pixels of the image shown
    own = (mesh.reshape(-1, 2) + 0.5) * (max(warp.size) / max(size)) - 0.5
    back = (warp.unmap_points(own) + 0.5).reshape(mesh.shape) * (max(size) / max(warp.size)) - 0.5
    gap = max(size) / lines
    for axis, extent in ((0, width), (1, height)):
        levels = np.arange(-0.5 + gap / 2, extent, gap)
        axes.contour(x, y, back[..., axis], levels=levels, colors=SOURCE, linewidths=0.9)
    along_y, along_x = (np.gradient(back, step, axis=k) for k, step in ((0, y[1] - y[0]), (1, x[1] - x[0])))
    det = along_x[..., 0] * along_y[..., 1] - along_x[..., 1] * along_y[..., 0]
    if (det <= 0).any():
        axes.contourf(x, y, det, levels=[min(det.min(), -1) - 1, 0], colors=[FOLD], alpha=0.7)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    return figure


def contact(result: Any, height: int = 320) -> Figure:
    """Everything on one sheet: content, style, matches; warped content, painting before the warp, result; the metrics below.

    Where the shapes came from another image than the style, that one stands between style and matches. A run that warped
    nothing has one row, which ends with the result.

    Args:
        result: of a run.
        height: of each image in the widest row, pixels.
    """
    return _sheet(titled_sheet(contact_rows(result), height, _metrics(result.record.get("metrics") or {})))


def _sheet(sheet: np.ndarray) -> Figure:
    """A figure of pixels (H, W, 3) as they are."""
    figure = blank((sheet.shape[1] + 0.01) / DPI, (sheet.shape[0] + 0.01) / DPI)
    figure.figimage(sheet, resize=False)
    return figure


def contact_rows(result: Any) -> list[list[tuple[str, np.ndarray]]]:
    """The rows of the contact sheet: titles and images."""
    drawn = result.matches_image
    styles = len(result.record.get("styles") or [None])
    top = [("content", result.content), ("style" if styles == 1 else f"style, the first of {styles}", result.style)]
    if result.geometry is not None:
        top.append(("geometry", result.geometry))
    if drawn is not None:
        count = 0 if result.matches is None else len(result.matches)
        top.append((f"matches ({count})" if count else "matches", drawn))
    if not len(result.warp.source):
        return [[*top, ("result", result.image)]]
    bottom = (("content, warped", result.warped_content), ("painted, not warped", result.unwarped))
    return [top, [*bottom, ("result", result.image)]]


def _metrics(found: dict[str, Any]) -> list[str]:
    """Metrics (`dst.evaluate.metrics`) in a few words each; what is not there is left out."""
    words = {
        "style_distance": "style distance {:.3g}",
        "content_distance": "content distance {:.3g}",
        "ssim": "SSIM {:.2f}",
        "folded_share": "folds {:.1%}",
        "min_jacobian": "min Jacobian {:.2f}",
        "max_jacobian": "max {:.2f}",
        "bending_energy": "bending energy {:.3g}",
        "crossing_share": "crossing pairs {:.1%}",
        "border_error": "border error {:+.0%}",
    }
    return [text.format(found[name]) for name, text in words.items() if found.get(name) is not None]


def feature_maps(
    maps: FeatureMaps,
    channels: str | Sequence[int] = FeaturesConfig.channels,
    count: int = FeaturesConfig.count,
) -> Figure:
    """Feature maps beside the picture, each in colours from 0, black, to its own maximum, white, which stands below it.

    Args:
        maps: as `dst.feature_maps` gives them; every layer has a block.
        channels: `strongest`, those with the largest maximum; `selective`, those whose response comes from the fewest
            positions, the next to silent ones last; or numbers, counted from 0, in the order that they are to come in.
        count: how many of each layer, where they are not given by number.

    Raises:
        InputError: a channel that a layer does not have.

    Source: Gatys, Ecker and Bethge 2016, section 2: the responses F^l of a layer's filters.
    """
    return _sheet(features.maps_sheet(maps, channels, count))


def crops(
    maps: FeatureMaps,
    channels: str | Sequence[int] = FeaturesConfig.channels,
    count: int = FeaturesConfig.count,
) -> Figure:
    """What excites a channel most: the parts of the picture that its four strongest, distinct positions depend on.

    A part is the whole receptive field, exactly; what of it lies beyond the picture's border is grey. Arguments are those of
    `feature_maps`.

    Raises:
        InputError: a channel that a layer does not have.

    Source: the patches that activate a feature map most, of Zeiler and Fergus, "Visualizing and Understanding Convolutional
    Networks" (ECCV 2014), figure 2; here of one picture.
    """
    return _sheet(features.crops_sheet(maps, channels, count))


def gram_matrices(maps: FeatureMaps, cluster: bool = FeaturesConfig.cluster) -> Figure:
    """The Gram matrix of each layer beside the picture: what its style is to Gatys' method.

    Args:
        maps: as `dst.feature_maps` gives them.
        cluster: channels that fire together side by side (average linkage of cosines), in place of by number.

    Values are those of `dst.losses.gram`; colours run with their square root, which is of the unit of an activation, so that
    the weaker half of the matrix is seen beside the strongest channels.

    Source: Gatys, Ecker and Bethge 2016, equation 3.
    """
    return _sheet(features.gram_sheet(maps, cluster))


def activations(maps: FeatureMaps) -> Figure:
    """Statistics of each layer's channels (`FeatureMaps.statistics`), one panel each and one dot for each channel."""
    return features.statistics_figure(maps)
