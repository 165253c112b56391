"""The details of a large image: strokes refined through windows, so that the image is never encoded whole."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dst import losses
from dst.features.sampling import Places, draw_positions, sample
from dst.features.windows import Windows
from dst.methods.hypercolumns import StyleTarget, is_flat, standardization, standardize, yuv
from dst.methods.nnst import Splitting

SPACING = 16
"""Distance in pixels of the positions compared in a step, with 768 `samples`; of more, closer."""
SMALLEST = 512
"""Positions compared in a step however small the image is."""
FEWEST = 16
"""Positions of a segment in a group of windows from which their mixture tells anything."""


class Details(Splitting):
    """The last pass for an image too large to be encoded whole, and for its scales: no content, no warp.

    In each step every window is encoded once, in groups of windows from all over the image, and each group is compared with
    the painting: layer by layer with the nearest activations, with the moments and with the palette. The gradients of all
    groups together are the step's, so that there is no order and no seam. What the image shows is held by where it
    starts: the image of the scale below, enlarged. Turned copies and `balance` play no part; the layers are those of `nnst`.
    """

    pool = 2048

    def encode_content(self, content: Tensor) -> None:
        """Nothing: the present image alone is compared."""

    def prepare(self, generator: torch.Generator) -> None:
        """The masks of the content's segments: nothing is worked out of targets and content together."""
        self.masks = [segment.content for segment in self.segments]

    def encoded_with(self) -> tuple:
        """As `HypercolumnTerms.encoded_with`."""
        return self.config.style_samples, "details"

    def encode(self, image: Tensor, masks: list[Tensor | None], generators: list[torch.Generator]) -> list[StyleTarget]:
        """As `HypercolumnTerms.encode`; through windows too, the norm is that of the rows."""
        size, flat, found = tuple(image.shape[-2:]), is_flat(image), []
        sets = [
            draw_positions(self.config.style_samples, size, generator, mask)
            for mask, generator in zip(masks, generators, strict=True)
        ]
        windows, parts = Windows(size), [[] for _ in sets]
        image = windows.padded(image)
        for group in windows.groups(sets, generators[0]):
            maps = self.maps(windows.crops(image, group.corners))
            for part, places in zip(parts, group.places, strict=True):
                part.append(sample(maps, places)[0])
        widths = [3, *(self.encoder.layers[name].channels for name in self.layers)]
        for part in parts:
            values = torch.cat(part)
            norm = standardization([x.T[None, :, :, None] for x in values.split(widths, 1)])
            rows = standardize(values, norm)
            found.append(StyleTarget(norm, rows, yuv(values), *losses.mean_and_covariance(rows), flat))
        return found

    def terms(self, image: Tensor, warped: Tensor | None, grid: Tensor | None, generator: torch.Generator) -> dict:
        """The style term of an image, whose gradient is worked out here; there is no warp.

        Args and result as `dst.methods.table.Terms`.
        """
        sets = [draw_positions(self._count(mask), self.size, generator, mask) for mask in self.masks]
        windows, value = Windows(self.size), image.new_zeros(())
        shown = windows.padded(image.detach())
        gradient = torch.zeros_like(shown)
        for group in windows.groups(sets, generator):
            crops = windows.crops(shown, group.corners).requires_grad_(image.requires_grad)
            part = self._group(crops, group.places, sets, generator)
            if part.requires_grad:
                windows.put(gradient, torch.autograd.grad(part, crops)[0], group.corners)
            value += part.detach()
        style = _Carried.apply(image, windows.inside(gradient), value)
        return {"content": shown.new_zeros(()), "style": style}

    def _count(self, mask: Tensor | None) -> int:
        """How many positions are compared in a step, within a mask (1, 1, H, W)."""
        pixels = math.prod(self.size) * (1.0 if mask is None else float((mask >= 0.5).float().mean()))
        dense = round(self.config.samples / 768 * pixels / SPACING**2)
        return max(4 * FEWEST, min(SMALLEST, self.config.samples), dense)

    def _group(self, crops: Tensor, places: list[Places], sets: list[Tensor], generator: torch.Generator) -> Tensor:
        """What a group of windows, of which each segment has some places, adds to the mean over all segments' positions."""
        maps, value = self.maps(crops), crops.new_zeros(())
        for at, every, targets in zip(places, sets, self.targets, strict=True):
            if len(at.positions) >= FEWEST:
                share = len(at.positions) / (len(every) * len(sets))
                value = value + share * self._mixed(sample(maps, at)[0], targets, at, generator)
        return value


class _Carried(torch.autograd.Function):
    """A value whose gradient in an image is known."""

    @staticmethod
    def forward(ctx, image, gradient, value):
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0], None, None
