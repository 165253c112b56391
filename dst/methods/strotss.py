"""Style transfer by relaxed optimal transport and self-similarity (STROTSS, Kolkin, Salavon and Shakhnarovich 2019)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from kornia.color import rgb_to_yuv
from torch import Tensor

from dst import losses
from dst.config import METHODS, OptimizeConfig
from dst.features.encoder import Encoder
from dst.features.sampling import Places, draw_positions, sample
from dst.imaging.masks import Segment
from dst.methods.targets import Style, StyleCache, apply_flow, cached, frugally, reachable

POOL = 8192
"""Positions of a style image that are encoded once a scale; each step draws its samples from these."""
CONTENT_SAMPLES = 512
"""About how many of the sampled positions the content term compares with one another."""
FAINT = 0.01
"""Deviation of a layer, as a share of its size, under which it is not one to divide by: there, it comes to be rounding."""
FLAT = 0.5 / 255
"""An image whose channels vary by less has one colour."""


@dataclass
class _StyleTarget:
    """One style image, or one segment of it, at one scale: its pool of hypercolumns and their moments."""

    weight: float
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


class Strotss:
    """The content and style terms of one scale; targets are encoded once, here.

    A hypercolumn is the colour and the activations of all layers at a position. Its channels are centred on their mean
    over the target image and each layer is divided by its standard deviation there. The paper takes VGG's raw, sparse
    activations; those of a compact encoder are dense, and only what differs from their mean tells positions apart.

    An image of one colour has no deviation, and no direction from its mean that cosines could compare. As content it
    asks for nothing; as a style for its moments, in units of its activations' own size, and for its colour.
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
        """Encode the targets. Arguments as `dst.methods.table.Terms`."""
        self.encoder = encoder
        layers = config.layers or METHODS["strotss"].encoded(encoder.layers)[0]
        self.layers = reachable(encoder, layers, [content, *(style.image for style in styles)])
        self.palette_weight = config.palette
        self.samples, self.style_samples = config.samples, config.style_samples
        self.size = tuple(content.shape[-2:])
        self.segments = segments or [Segment(None, [None] * len(styles))]
        with torch.no_grad():
            self.targets = self._targets(styles, generator, cache)
            self.content = self._maps(content)
            self.content_norm = _standardization(self.content)
            self.content_flat = _is_flat(content)

    def _maps(self, images: Tensor) -> list[Tensor]:
        return [images, *self.encoder(images, self.layers).values()]

    def _targets(
        self, styles: list[Style], generator: torch.Generator, cache: StyleCache | None
    ) -> list[list[_StyleTarget]]:
        """For each segment, the target of each style, sampled within its mask."""
        device, shape = generator.device, (len(self.segments), len(styles))
        seeds = torch.randint(2**31, shape, generator=generator, device=device).T.tolist()
        columns = []
        for k, style in enumerate(styles):
            masks = [segment.styles[k] for segment in self.segments]
            key = ("strotss", self.encoder.sha256, *self.layers, *seeds[k])
            make = functools.partial(self._encode, style.image, masks, seeds[k], device)
            found = cached(cache, key, [style.image, *masks], make)
            columns.append([_StyleTarget(style.weight, *values) for values in found])
        return [list(row) for row in zip(*columns, strict=True)]

    def _encode(self, image: Tensor, masks: list[Tensor | None], seeds: list[int], device: torch.device) -> list[tuple]:
        """What a target holds beside its weight, under each segment's mask, of one pass through the network."""
        maps = self._maps(image)
        norm, flat, found = _standardization(maps), _is_flat(image), []
        for mask, seed in zip(masks, seeds, strict=True):
            own = torch.Generator(device).manual_seed(seed)
            values = sample(maps, Places(draw_positions(POOL, tuple(image.shape[-2:]), own, mask)))[0]
            rows = _standardize(values, norm)
            found.append((norm, rows, _yuv(values), *losses.mean_and_covariance(rows), flat))
        return found

    def terms(self, image: Tensor, warped: Tensor | None, grid: Tensor | None, generator: torch.Generator) -> dict:
        """Content term and both style terms of an image and of its warp, at freshly drawn positions.

        Args and result as `dst.methods.table.Terms`.
        """
        both = image if warped is None else torch.cat([image, warped])
        places = Places(draw_positions(self.samples, self.size, generator))
        whole = self.segments[0].content is None
        if whole:  # of large maps only what is sampled from them is kept
            values = frugally(lambda some: (sample(self._maps(some), places),), both)[0]
        else:
            maps = frugally(lambda some: tuple(self._maps(some)), both)
            values = sample(maps, places)
        terms = {"content": self._content_term(values[0], places)}
        for name, index in (("style", 0), ("style_warped", 1)):
            if index >= len(both):
                terms[name] = terms["style"]
            elif whole:
                terms[name] = self._style_term(values[index], self.targets[0], generator)
            else:
                maps_here = [m[index : index + 1] for m in maps]
                terms[name] = self._segments_term(maps_here, grid if index else None, generator)
        return terms

    def _content_term(self, values: Tensor, places: Places) -> Tensor:
        """Of a random subset of the sampled rows: its cost grows with their square."""
        if self.content_flat:
            return values.new_zeros(())
        step = max(1, round(len(values) / CONTENT_SAMPLES))
        places, values = places.every(step), values[::step]
        with torch.no_grad():
            wanted = losses.self_similarity(_standardize(sample(self.content, places)[0], self.content_norm))
        return losses.content_self_similarity(_standardize(values, self.content_norm), wanted)

    def _style_term(self, values: Tensor, targets: list[_StyleTarget], generator: torch.Generator) -> Tensor:
        """Weighted mean over the styles of their three terms, for rows (n, 3 + C) of one image."""
        colors = _yuv(values)
        total = values.new_zeros(())
        for target in targets:
            rows = _standardize(values, target.norm)
            if target.flat:
                color = target.colors.mean(0)
                value = losses.flat_style(rows, colors, target.mean, color, self.palette_weight)
            else:
                pool, pool_colors = target.draw(self.style_samples, generator)
                value = losses.relaxed_emd(rows, pool) + losses.moments(rows, target.mean, target.covariance)
                value = value + self.palette_weight * losses.palette(colors, pool_colors)
            total = total + target.weight * value
        return total / sum(target.weight for target in targets)

    def _segments_term(self, maps: list[Tensor], grid: Tensor | None, generator: torch.Generator) -> Tensor:
        """Mean over the segments, each sampled within its own mask, which follows the warp."""
        values = []
        for segment, targets in zip(self.segments, self.targets, strict=True):
            mask = segment.content
            if mask is not None and grid is not None:
                mask = apply_flow(mask, grid.detach())
            positions = draw_positions(self.samples, self.size, generator, mask)
            values.append(self._style_term(sample(maps, Places(positions))[0], targets, generator))
        return torch.stack(values).mean()


def _standardization(maps: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Offset and divisor of each channel of a hypercolumn, (C,) both: the channel's mean and its layer's deviation.

    As the deviation falls from `FAINT` of the layer's size to nothing, as of an image of one colour, the size takes its
    place: 1 for colours, else the root mean square of the activations.
    """
    offsets, divisors = [], []
    for k, values in enumerate(maps):
        mean = values.mean((0, 2, 3))
        deviation = (values - mean.view(1, -1, 1, 1)).square().mean().sqrt()
        size = values.square().mean().sqrt()
        size = torch.ones_like(size) if k == 0 else size.where(size > losses.EPS, 1.0)
        share = deviation / (FAINT * size)
        offsets.append(mean)
        divisors.append(deviation.where(share >= 1, deviation + (1 - share) * size).expand(len(mean)))
    return torch.cat(offsets), torch.cat(divisors)


def _is_flat(image: Tensor) -> bool:
    return bool((image.amax((2, 3)) - image.amin((2, 3))).max() < FLAT)


def _standardize(values: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
    """Hypercolumns (n, C), centred and divided."""
    return (values - norm[0]) / norm[1]


def _yuv(rows: Tensor) -> Tensor:
    """YUV of the colours that each hypercolumn begins with: (n, 3 + C) to (n, 3)."""
    return rgb_to_yuv(rows[:, :3].T.reshape(1, 3, -1, 1)).view(3, -1).T
