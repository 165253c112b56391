"""Style transfer by Gram matrices (Gatys, Ecker and Bethge 2016)."""

from __future__ import annotations

import torch
from torch import Tensor

from dst import losses
from dst.config import METHODS, OptimizeConfig
from dst.features.encoder import Encoder
from dst.imaging.masks import Segment, fit_mask
from dst.methods.targets import Style, StyleCache, apply_flow, cached, encode, looked_at, reachable

CONTENT_SCALE, STYLE_SCALE = 0.07, 10.0
"""Factors on the terms, so that one default of alpha, and one of beta, serve both methods."""


class Gatys:
    """The content and style terms of one scale; targets are encoded once, here."""

    def __init__(
        self,
        encoder: Encoder,
        content: Tensor,
        styles: list[Style],
        config: OptimizeConfig,
        generator: torch.Generator,
        segments: list[Segment] | None = None,
        cache: StyleCache | None = None,
    ) -> None:
        """Encode the targets; Gram matrices of several styles are averaged. Arguments as `dst.methods.table.Terms`."""
        self.encoder = encoder
        images = [content, *(style.image for style in styles)]
        layers, content_layers = METHODS["gatys"].encoded(encoder.layers)
        self.layers = reachable(encoder, config.layers or layers, images)
        self.content_layer = [*reachable(encoder, content_layers, images), self.layers[-1]][0]
        self.segments = segments or [Segment(None, [None] * len(styles))]
        with torch.no_grad():
            self.content = encoder(content, [self.content_layer])[self.content_layer]
            self.grams = self._targets(styles, cache)

    def _targets(self, styles: list[Style], cache: StyleCache | None) -> list[dict[str, Tensor]]:
        """For each segment and layer, the mean of the styles' Gram matrices by their weights."""
        total = sum(style.weight for style in styles)
        found = [self._encode(s.image, [r.styles[k] for r in self.segments], cache) for k, s in enumerate(styles)]
        shares = [style.weight / total for style in styles]
        return [
            {
                layer: sum(share * grams[layer] for share, grams in zip(shares, row, strict=True))
                for layer in self.layers
            }
            for row in zip(*found, strict=True)
        ]

    def _encode(self, image: Tensor, masks: list[Tensor | None], cache: StyleCache | None) -> list[dict[str, Tensor]]:
        """The Gram matrices of one style under each segment's mask, of one pass through the network."""

        def make() -> list[dict[str, Tensor]]:
            maps = self.encoder(image, self.layers)
            return [
                {name: losses.gram(values, fit_mask(mask, values.shape[-2:])) for name, values in maps.items()}
                for mask in masks
            ]

        return cached(cache, ("gatys", self.encoder.sha256, *self.layers), [image, *masks], make)

    def terms(
        self, image: Tensor | None, warped: Tensor | None, grid: Tensor | None, generator: torch.Generator
    ) -> dict:
        """Content term and style terms of an image and of its warp.

        Args and result as `dst.methods.table.Terms`; nothing is drawn at random here.
        """
        both, grids = looked_at(image, warped, grid)
        layers = self.layers if image is None else list(dict.fromkeys([*self.layers, self.content_layer]))
        maps, terms = encode(self.encoder, both, layers), {}
        if image is not None:
            terms["content"] = CONTENT_SCALE * losses.content_features(maps[self.content_layer][:1], self.content)
        values = [self._style(maps, targets, segment, list(grids.values())) for segment, targets in self._pairs()]
        style = STYLE_SCALE * torch.stack(values).mean(0)
        return {**terms, **dict(zip(grids, style.unbind(), strict=True))}

    def _pairs(self):
        return zip(self.segments, self.grams, strict=True)

    def _style(self, maps: dict, targets: dict, segment: Segment, grids: list[Tensor | None]) -> Tensor:
        """Mean over layers of the Gram difference, for each image of the batch, of which `grids` are the warps: (N,)."""
        mask = segment.content
        if mask is not None:
            mask = torch.cat([mask if grid is None else apply_flow(mask, grid.detach()) for grid in grids])
        parts = []
        for layer in self.layers:
            found = losses.gram(maps[layer], fit_mask(mask, maps[layer].shape[-2:]))
            parts.append(losses.gram_difference(found, targets[layer]))
        return torch.stack(parts).mean(0)
