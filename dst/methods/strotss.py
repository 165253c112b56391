"""Style transfer by relaxed optimal transport and self-similarity (STROTSS, Kolkin, Salavon and Shakhnarovich 2019)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dst import losses
from dst.features.sampling import Places, draw_positions, sample
from dst.methods.hypercolumns import HypercolumnTerms, is_flat, standardization, standardize, yuv

POOL = 8192
"""Positions of a style image that are encoded once a scale; each step draws its samples from these."""


class _StyleTarget(NamedTuple):
    """One style image, or one segment of it, at one scale: its pool of hypercolumns and their moments."""

    norm: tuple[Tensor, Tensor]
    pool: Tensor
    colors: Tensor
    mean: Tensor
    covariance: Tensor
    flat: bool

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw rows and their YUV colours without replacement: (m, C), (m, 3)."""
        if count >= len(self.pool):
            return self.pool, self.colors
        picked = torch.randperm(len(self.pool), generator=generator, device=generator.device)[:count]
        return self.pool[picked], self.colors[picked]


class Strotss(HypercolumnTerms):
    """The content and style terms of one scale; targets are encoded once, here.

    A hypercolumn is the colour and the activations of all layers at a position. Its channels are centred on their mean
    over the target image and each layer is divided by its standard deviation there. The paper takes VGG's raw, sparse
    activations; those of a compact encoder are dense, and only what differs from their mean tells positions apart.

    An image of one colour has no deviation, and no direction from its mean that cosines could compare. As content it
    asks for nothing; as a style for its moments, in units of its activations' own size, and for its colour.
    """

    method = "strotss"

    def encode(
        self, image: Tensor, masks: list[Tensor | None], generators: list[torch.Generator]
    ) -> list[_StyleTarget]:
        """As `HypercolumnTerms.encode`."""
        maps = self.maps(image)
        norm, flat, found = standardization(maps), is_flat(image), []
        for mask, generator in zip(masks, generators, strict=True):
            values = sample(maps, Places(draw_positions(POOL, tuple(image.shape[-2:]), generator, mask)))[0]
            rows = standardize(values, norm)
            found.append(_StyleTarget(norm, rows, yuv(values), *losses.mean_and_covariance(rows), flat))
        return found

    def style(self, values: Tensor, target: _StyleTarget, content: Places, generator: torch.Generator) -> Tensor:
        """As `HypercolumnTerms.style`: relaxed earth mover's distance, moments and palette."""
        rows, colors, config = standardize(values, target.norm), yuv(values), self.config
        if target.flat:
            return losses.flat_style(rows, colors, target.mean, target.colors.mean(0), config.palette)
        pool, pool_colors = target.draw(config.style_samples, generator)
        value = losses.relaxed_emd(rows, pool)
        value = value + config.moments * losses.moments(rows, target.mean, target.covariance)
        return value + config.palette * losses.palette(colors, pool_colors)
