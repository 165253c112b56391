"""Style transfer by the nearest neighbours of features ("Neural Neighbor Style Transfer", Kolkin and others 2022)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dst import losses
from dst.features.sampling import Places, draw_positions, sample
from dst.methods.hypercolumns import HypercolumnTerms, is_flat, standardization, standardize, yuv

REDUCTION = 4
"""Maps are compared at this part of the image's size, as in the paper: an average over a stroke's width, not a pixel."""
CURRENT = 0.25
"""Share of the present image in what a neighbour is looked for, beside the content; at the coarsest scale, none."""
SEARCH_CHANNELS = 128
"""Principal components of the painting's hypercolumns that neighbours are looked for in."""
QUERIES = 2048
"""Positions of the content that tell, once a scale, how often a row of the painting would be chosen."""
CROWD = 0.01
"""Share of the queries, the nearest, whose mean closeness is a row's handicap."""
COLORS = 1024
"""Colours of the painting that a step's palette is compared with."""
SPLIT_ROWS = 4096
"""Positions of the painting that the last pass finds neighbours among, layer by layer: 64 x 64, as in the paper."""


class _StyleTarget(NamedTuple):
    """One style image, or one segment of it, at one scale.

    Attributes:
        norm: offset and divisor of its hypercolumns.
        rows: (m, C) hypercolumns that neighbours are chosen from, standardised, of the painting and of its turned copies.
        basis, keys: (C, K) that takes rows to their principal components, and (m, K) those of `rows`, unit length.
        colors: (n, 3) YUV.
        mean, covariance: of the hypercolumns of the upright painting.
        flat: whether it has one colour.
        crowd: (m,) what is taken off the closeness of each row, since many places are near to it.
    """

    norm: tuple[Tensor, Tensor]
    rows: Tensor
    basis: Tensor
    keys: Tensor
    colors: Tensor
    mean: Tensor
    covariance: Tensor
    flat: bool
    crowd: Tensor | float = 0.0


class Nnst(HypercolumnTerms):
    """The content and style terms of one scale: each place is drawn to the painting's hypercolumn that is nearest to its own.

    What is looked for is three parts content and one part present image (`CURRENT`), by cosine, each centred on its own
    image's mean; the distance to what was found is a cosine distance too. Every step draws new places and finds their
    neighbours anew, for the image and for its warp, so that strokes follow while the warp converges.

    Departures from the paper, all to be had as published by the preset `paper`: a row of the painting that is near to
    many places is handicapped by its mean closeness to the nearest of them (`balance`: cross-domain similarity local
    scaling, Conneau and others 2018), without which most of a painting stays unused; moments and palette are those of
    STROTSS, so that the mixture of strokes and colours is the painting's; a content term may hold the layout; turned
    copies of the painting and the last pass (`Splitting`) are options. Always: features are standardised, as in
    `dst.methods.strotss`; neighbours are looked for in principal components.
    """

    method = "nnst"

    def __init__(self, encoder, content, styles, config, generator, segments=None, cache=None) -> None:
        """Encode the targets. Arguments as `dst.methods.table.Terms`."""
        super().__init__(encoder, content, styles, config, generator, segments, cache)
        self.current = 0.0 if (max(self.size) + 1) // 2 < config.smallest_scale else CURRENT
        if config.balance:
            with torch.no_grad():
                self._spread(generator)

    def encoded_with(self) -> tuple:
        """As `HypercolumnTerms.encoded_with`."""
        return self.config.style_samples, self.config.rotations

    def maps(self, images: Tensor) -> list[Tensor]:
        """The images (N, 3, H, W) themselves, then the layers, averaged where they are larger than a quarter of them."""
        size = tuple(max(1, side // REDUCTION) for side in images.shape[-2:])

        def averaged(x: Tensor) -> Tensor:
            return x if x.shape[-1] <= size[1] else F.adaptive_avg_pool2d(x, size)

        return [images, *self.encoder(images, self.layers, averaged).values()]

    def encode(
        self, image: Tensor, masks: list[Tensor | None], generators: list[torch.Generator]
    ) -> list[_StyleTarget]:
        """As `HypercolumnTerms.encode`."""
        turned = [image, *(torch.rot90(image, k, (2, 3)) for k in range(1, 4 if self.config.rotations else 1))]
        maps = [self.maps(x) for x in turned]
        norm, flat, found = standardization(maps[0]), is_flat(image), []
        for mask, generator in zip(masks, generators, strict=True):
            rows = []
            for k, values in enumerate(maps):
                around = None if mask is None else torch.rot90(mask, k, (2, 3))
                size = tuple(values[0].shape[-2:])
                positions = draw_positions(self.config.style_samples // len(maps), size, generator, around)
                rows.append(sample(values, Places(positions))[0])
            upright = standardize(rows[0], norm)
            every = torch.cat([upright, *(standardize(values, norm) for values in rows[1:])])
            basis = self._basis(every)
            keys = losses.normalize_rows(every @ basis)
            moments = losses.mean_and_covariance(upright)
            found.append(_StyleTarget(norm, every, basis, keys, yuv(rows[0]), *moments, flat))
        return found

    def _weights(self, like: Tensor) -> Tensor:
        """How much each channel counts for closeness: all layers the same, colours nothing. (C,)"""
        widths = [self.encoder.layers[name].channels for name in self.layers]
        return torch.cat([like.new_zeros(3), *(like.new_full((n,), 1 / math.sqrt(n)) for n in widths)])

    def _basis(self, rows: Tensor) -> Tensor:
        """The principal components of rows (m, C), weighted: (C, K)."""
        weights = self._weights(rows)
        weighted = (rows * weights).double()
        vectors = torch.linalg.eigh(weighted.T @ weighted).eigenvectors[:, -SEARCH_CHANNELS:]
        return weights[:, None] * vectors.to(rows.dtype)

    def _spread(self, generator: torch.Generator) -> None:
        """Give every target its `crowd`."""
        for segment, targets in zip(self.segments, self.targets, strict=True):
            queries = self.content.rows(Places(draw_positions(QUERIES, self.size, generator, segment.content)))
            count = max(1, round(CROWD * len(queries)))
            for k, (weight, target) in enumerate(targets):
                closeness = target.keys @ losses.normalize_rows(queries @ target.basis).T
                crowd = self.config.balance * closeness.topk(count, 1).values.mean(1)
                targets[k] = weight, target._replace(crowd=crowd)

    def style(self, values: Tensor, target: _StyleTarget, content: Places, generator: torch.Generator) -> Tensor:
        """As `HypercolumnTerms.style`: distance to the nearest of the painting's rows, moments and palette."""
        rows, colors, config = standardize(values, target.norm), yuv(values), self.config
        if target.flat:
            return losses.flat_style(rows, colors, target.mean, target.colors.mean(0), config.palette)
        with torch.no_grad():
            wanted = losses.normalize_rows(self.content.rows(content) @ target.basis)
            if self.current:
                wanted = torch.lerp(wanted, losses.normalize_rows(rows @ target.basis), self.current)
                wanted = losses.normalize_rows(wanted)
            found = losses.nearest(wanted @ target.keys.T - target.crowd)
        weights = self._weights(rows)
        value = losses.paired_cosine_distance(rows * weights, target.rows.index_select(0, found) * weights)
        return value + _mixture(rows, colors, target, config, generator)


class Splitting(Nnst):
    """The last pass: each layer finds its neighbours by itself, in the present image, at full size.

    Departure from the paper: moments and palette go on, where they have a weight.
    """

    def encoded_with(self) -> tuple:
        """As `HypercolumnTerms.encoded_with`."""
        return *super().encoded_with(), "splitting"

    def _spread(self, generator: torch.Generator) -> None:
        """The paper's last pass has nothing like it: neighbours here are of the present image."""

    def maps(self, images: Tensor) -> list[Tensor]:
        """The images and the layers, as large as they are."""
        return HypercolumnTerms.maps(self, images)

    def style(self, values: Tensor, target: _StyleTarget, content: Places, generator: torch.Generator) -> Tensor:
        """As `HypercolumnTerms.style`: for each layer, distance to the nearest of the painting's activations."""
        rows, colors, config = standardize(values, target.norm), yuv(values), self.config
        if target.flat:
            return losses.flat_style(rows, colors, target.mean, target.colors.mean(0), config.palette)
        picked = torch.randperm(len(target.rows), generator=generator, device=generator.device)[:SPLIT_ROWS]
        pool, parts, start = target.rows[picked], [], 3
        for name in self.layers:
            span = slice(start, start := start + self.encoder.layers[name].channels)
            mine, theirs = rows[:, span], pool[:, span]
            with torch.no_grad():
                found = losses.nearest(losses.normalize_rows(mine) @ losses.normalize_rows(theirs).T)
            parts.append(losses.paired_cosine_distance(mine, theirs.index_select(0, found)))
        return torch.stack(parts).mean() + _mixture(rows, colors, target, config, generator)


def _mixture(rows: Tensor, colors: Tensor, target: _StyleTarget, config, generator: torch.Generator) -> Tensor:
    """The terms of STROTSS that hold the mixture of strokes and of colours to the painting's."""
    value = rows.new_zeros(())
    if config.moments:
        value = value + config.moments * losses.moments(rows, target.mean, target.covariance)
    if config.palette:
        picked = torch.randperm(len(target.colors), generator=generator, device=generator.device)[:COLORS]
        value = value + config.palette * losses.palette(colors, target.colors[picked])
    return value
