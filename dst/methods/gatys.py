"""Style transfer by Gram matrices (Gatys, Ecker and Bethge 2016)."""

from __future__ import annotations

import torch
from torch import Tensor

from dst import losses
from dst.config import METHODS, InputError, OptimizeConfig, check_choice
from dst.features.encoder import Encoder
from dst.imaging.masks import Segment, fit_mask
from dst.methods.published import RELATIVE, activation_scales, content_weight
from dst.methods.targets import Style, StyleCache, apply_flow, cached, encode, looked_at, reachable


class Gatys:
    """The content and style terms of one scale; targets are encoded once, here.

    With `published` they are the paper's equations 1 and 4, on activations whose mean over the images is 1; else each is relative to
    its target. Layers that an image is too small for, at a coarse scale, are left out there.
    """

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
        """Encode the targets; Gram matrices of several styles are averaged. Arguments as `dst.methods.table.Terms`.

        Raises:
            InputError: an unknown layer of content, or another number of weights than of layers.
        """
        self.encoder, self.config = encoder, config
        images = [content, *(style.image for style in styles)]
        shares = _shares(encoder, config)
        self.layers = reachable(encoder, shares, images)
        held = config.content_layers or METHODS["gatys"].encoded(encoder.layers)[1][:1]
        for name in held:
            check_choice("layer", name, encoder.layers)
        self.content_layers = reachable(encoder, held, images) or self.layers[-1:]
        self.segments = segments or [Segment(None, [None] * len(styles))]
        with torch.no_grad():
            self.content = encoder(content, self.content_layers)
            self.grams = self._targets(styles, cache)
        self.scales = None
        if config.published:
            self.scales = activation_scales(encoder, images, list(dict.fromkeys([*self.layers, *self.content_layers])))
        whole = sum(shares[name] for name in self.layers) or 1.0
        self.shares = [shares[name] / whole for name in self.layers]

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
        layers = self.layers if image is None else list(dict.fromkeys([*self.layers, *self.content_layers]))
        maps, terms = encode(self.encoder, both, layers), {}
        if image is not None:
            terms["content"] = torch.stack([self._content(maps[name][:1], name) for name in self.content_layers]).mean()
        values = [self._style(maps, targets, segment, list(grids.values())) for segment, targets in self._pairs()]
        style = self.config.style_factor * torch.stack(values).mean(0)
        return {**terms, **dict(zip(grids, style.unbind(), strict=True))}

    def _pairs(self):
        return zip(self.segments, self.grams, strict=True)

    def _style(self, maps: dict, targets: dict, segment: Segment, grids: list[Tensor | None]) -> Tensor:
        """Weighted mean over layers of the Gram difference, for each image of the batch, of which `grids` are the warps: (N,)."""
        mask = segment.content
        if mask is not None:
            mask = torch.cat([mask if grid is None else apply_flow(mask, grid.detach()) for grid in grids])
        parts = []
        for layer, share in zip(self.layers, self.shares, strict=True):
            found, target = losses.gram(maps[layer], fit_mask(mask, maps[layer].shape[-2:])), targets[layer]
            if self.scales is None:
                parts.append(share * losses.gram_difference(found, target))
            else:
                parts.append(share / self.scales[layer] ** 4 * losses.published_gram(found, target))
        return torch.stack(parts).sum(0)

    def _content(self, found: Tensor, layer: str) -> Tensor:
        """The content term of a layer of the image, a scalar."""
        target = self.content[layer]
        if self.scales is None:
            return self.config.content_factor * losses.content_features(found, target)
        weight = content_weight(self.encoder, layer, self.scales[layer]) / target.numel()
        return self.config.style_factor / RELATIVE * weight * losses.published_content(found, target)[0]


def _shares(encoder: Encoder, config: OptimizeConfig) -> dict[str, float]:
    """The layers of the style term and their weights."""
    layers = config.layers or METHODS["gatys"].encoded(encoder.layers)[0]
    weights = config.layer_weights or [1.0] * len(layers)
    if len(weights) != len(layers):
        raise InputError(
            f"there are {len(weights)} layer_weights for {len(layers)} layers: give one weight for each layer"
        )
    return dict(zip(layers, weights, strict=True))
