"""Style transfer by relaxed optimal transport and self-similarity (STROTSS, Kolkin, Salavon and Shakhnarovich 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from dst import losses
from dst.features.sampling import Places, draw_positions, sample
from dst.methods.hypercolumns import HypercolumnTerms, StyleTarget, is_flat, some_of, standardization, standardize, yuv

POOL = 8192
"""Positions of a style image that are encoded once a scale; each step draws its samples from these."""


class Strotss(HypercolumnTerms):
    """The content and style terms of one scale; targets are encoded once, here.

    A hypercolumn is the colour and the activations of all layers at a position. Its channels are centred on their mean
    over the target image and each layer is divided by its standard deviation there. The paper takes VGG's raw, sparse
    activations; those of a compact encoder are dense, and only what differs from their mean tells positions apart.

    An image of one colour has no deviation, and no direction from its mean that cosines could compare. As content it
    asks for nothing; as a style for its moments, in units of its activations' own size, and for its colour.
    """

    method = "strotss"

    def encode(self, image: Tensor, masks: list[Tensor | None], generators: list[torch.Generator]) -> list[StyleTarget]:
        """As `HypercolumnTerms.encode`."""
        maps = self.maps(image)
        norm, flat, found = standardization(maps), is_flat(image), []
        for mask, generator in zip(masks, generators, strict=True):
            values = sample(maps, Places(draw_positions(POOL, tuple(image.shape[-2:]), generator, mask)))[0]
            rows = standardize(values, norm)
            found.append(StyleTarget(norm, rows, yuv(values), *losses.mean_and_covariance(rows), flat))
        return found

    def compared(
        self, rows: Tensor, target: StyleTarget, content: Places, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """As `HypercolumnTerms.compared`: relaxed earth mover's distance to rows drawn from the target's."""
        pool, colors = some_of(self.config.style_samples, generator, target.rows, target.colors)
        return losses.relaxed_emd(rows, pool), colors
