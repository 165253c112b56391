"""Style transfer by the nearest neighbours of features ("Neural Neighbor Style Transfer", Kolkin and others 2022)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from dst import losses
from dst.features.sampling import Places, draw_positions, sample
from dst.methods.hypercolumns import HypercolumnTerms, StyleTarget, is_flat, some_of, standardization, standardize, yuv

REDUCTION = 4
"""Maps are compared at this part of the image's size, as in the paper: an average over a stroke's width, not a pixel."""
CURRENT = 0.25
"""Share of the present image in what a neighbour is looked for, beside the content; at the coarsest scale, none."""
SEARCH_CHANNELS = 64
"""Principal components of the painting's hypercolumns that neighbours are looked for in."""
QUERIES = 2048
"""Positions of the content that tell, once a scale, how often a row of the painting would be chosen."""
CROWD = 0.01
"""Share of the queries, the nearest, whose mean closeness is a row's handicap."""
IMAGE_ROWS, STYLE_ROWS = 1, 2
"""Rows sampled at most for each position of the averaged maps, of the image in a step and of the painting in a scale."""
FEWEST = 256
"""Rows that are sampled however small the maps are."""
COLORS = 512
"""Colours of the painting that a step's palette is compared with."""


@dataclass(frozen=True)
class _Neighbours(StyleTarget):
    """A style target whose rows are of the painting and of its turned copies; its moments are those of the upright one.

    Attributes:
        basis: (C, K) that takes rows to their principal components.
        keys: (m, K + 1) those of `rows`, unit length, and what is taken off the closeness of each since many places are
            near to it, negative.
        units: (m, C) `rows`, each layer with its weight, unit length.
    """

    basis: Tensor
    keys: Tensor
    units: Tensor


class Nnst(HypercolumnTerms):
    """The content and style terms of one scale: each place is drawn to the painting's hypercolumn that is nearest to its own.

    What is looked for is three parts content and one part present image (`CURRENT`), by cosine, each centred on its own
    image's mean; the distance to what was found is a cosine distance too. Every step draws new places and finds their
    neighbours anew, for the image and for its warp, so that strokes follow while the warp converges.

    Departures from the paper, all to be had as published by the preset `paper`: a row of the painting that is near to
    many places is handicapped by its mean closeness to the nearest of them (`balance`: cross-domain similarity local
    scaling, Conneau and others 2018), without which most of a painting stays unused; moments and palette are those of
    STROTSS, so that the mixture of strokes and colours is the painting's; a content term may hold the layout; turned
    copies of the painting are an option, and the last pass (`Splitting`), whose part `dst.methods.details` takes else. Always: features are standardised, as in
    `dst.methods.strotss`; neighbours are looked for in principal components.
    """

    method = "nnst"

    def prepare(self, generator: torch.Generator) -> None:
        """Give every target's rows their handicap."""
        self.current = 0.0 if (max(self.size) + 1) // 2 < self.config.smallest_scale else CURRENT
        self.weights = self._weights(self.content.norm[0])
        self.count = min(self.config.samples, max(FEWEST, IMAGE_ROWS * _positions(self.size)))
        if self.config.balance:
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

    def encode(self, image: Tensor, masks: list[Tensor | None], generators: list[torch.Generator]) -> list[_Neighbours]:
        """As `HypercolumnTerms.encode`."""
        turned = [image, *(torch.rot90(image, k, (2, 3)) for k in range(1, 4 if self.config.rotations else 1))]
        maps = [self.maps(x) for x in turned]
        norm, flat, found = standardization(maps[0]), is_flat(image), []
        for mask, generator in zip(masks, generators, strict=True):
            rows = []
            for k, values in enumerate(maps):
                around = None if mask is None else torch.rot90(mask, k, (2, 3))
                size = tuple(values[0].shape[-2:])
                count = min(self.config.style_samples // len(maps), max(FEWEST, STYLE_ROWS * _positions(size)))
                positions = draw_positions(count, size, generator, around)
                rows.append(sample(values, Places(positions))[0])
            upright = standardize(rows[0], norm)
            every = torch.cat([upright, *(standardize(values, norm) for values in rows[1:])])
            basis, weights = self._basis(every), self._weights(every)
            keys = F.pad(losses.normalize_rows(every @ basis), (0, 1))
            moments = losses.mean_and_covariance(upright)
            units = losses.normalize_rows(every * weights)
            found.append(_Neighbours(norm, every, yuv(rows[0]), *moments, flat, basis, keys, units))
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
        """Write into the keys of every target how near its rows are to many places."""
        for segment, targets in zip(self.segments, self.targets, strict=True):
            queries = self.content.rows(Places(draw_positions(QUERIES, self.size, generator, segment.content)))
            count = max(1, round(CROWD * len(queries)))
            for k, (weight, target) in enumerate(targets):
                closeness = target.keys[:, :-1] @ losses.normalize_rows(queries @ target.basis).T
                crowd = self.config.balance * closeness.topk(count, 1).values.mean(1, keepdim=True)
                targets[k] = weight, replace(target, keys=torch.cat([target.keys[:, :-1], -crowd], 1))

    def compared(
        self, rows: Tensor, target: _Neighbours, content: Places, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """As `HypercolumnTerms.compared`: distance to the nearest of the painting's rows."""
        with torch.no_grad():
            wanted = losses.normalize_rows(self.content.rows(content) @ target.basis)
            if self.current:
                wanted = torch.lerp(wanted, losses.normalize_rows(rows @ target.basis), self.current)
                wanted = losses.normalize_rows(wanted)
            found = losses.nearest(F.pad(wanted, (0, 1), value=1.0) @ target.keys.T)
        distance = losses.paired_cosine_distance(rows * self.weights, target.units.index_select(0, found))
        return distance, *some_of(COLORS, generator, target.colors)


class Splitting(Nnst):
    """The last pass: each layer finds its neighbours by itself, in the present image, at full size.

    Departure from the paper: moments and palette go on, where they have a weight.

    Attributes:
        pool: positions of the painting that a step finds neighbours among: 64 x 64, as in the paper.
    """

    pool = 4096

    def encoded_with(self) -> tuple:
        """As `HypercolumnTerms.encoded_with`."""
        return *super().encoded_with(), "splitting"

    def _spread(self, generator: torch.Generator) -> None:
        """The paper's last pass has nothing like it: neighbours here are of the present image."""

    def maps(self, images: Tensor) -> list[Tensor]:
        """The images and the layers, as large as they are."""
        return HypercolumnTerms.maps(self, images)

    def compared(
        self, rows: Tensor, target: _Neighbours, content: Places, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """As `HypercolumnTerms.compared`: for each layer, distance to the nearest of the painting's activations."""
        (pool,), parts, start = some_of(self.pool, generator, target.rows), [], 3
        for name in self.layers:
            span = slice(start, start := start + self.encoder.layers[name].channels)
            mine, theirs = rows[:, span], losses.normalize_rows(pool[:, span])
            with torch.no_grad():
                found = losses.nearest(losses.normalize_rows(mine) @ theirs.T)
            parts.append(losses.paired_cosine_distance(mine, theirs.index_select(0, found)))
        return torch.stack(parts).mean(), *some_of(COLORS, generator, target.colors)


def _positions(size: tuple[int, int]) -> int:
    """Positions of the averaged maps of an image of `size` (H, W)."""
    return math.prod(max(1, side // REDUCTION) for side in size)
