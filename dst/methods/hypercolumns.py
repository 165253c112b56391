"""Hypercolumns, the colour and the activations of several layers at a position: what `strotss` and `nnst` compare."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import torch
from kornia.color import rgb_to_yuv
from torch import Tensor
from torch.nn import functional as F

from dst import losses
from dst.config import METHODS, OptimizeConfig
from dst.features.encoder import Encoder
from dst.features.sampling import Places, draw_positions, sample
from dst.features.windows import SHIFT, shifted, shifted_places
from dst.imaging.masks import Segment
from dst.methods.targets import Style, StyleCache, apply_flow, cached, frugally, looked_at, reachable

CONTENT_SAMPLES = 512
"""About how many of the sampled positions the content term compares with one another."""
FAINT = 0.01
"""Deviation of a layer, as a share of its size, under which it is not one to divide by: there, it comes to be rounding."""
FLAT = 0.5 / 255
"""An image whose channels vary by less has one colour."""


@dataclass(frozen=True)
class StyleTarget:
    """One style image, or one segment of it, at one scale.

    Attributes:
        norm: offset and divisor of its hypercolumns.
        rows: (m, C) hypercolumns, standardised.
        colors: (n, 3) YUV.
        mean, covariance: of the hypercolumns, (C,) and (C, C).
        flat: whether it has one colour.
    """

    norm: tuple[Tensor, Tensor]
    rows: Tensor
    colors: Tensor
    mean: Tensor
    covariance: Tensor
    flat: bool


class ContentTarget:
    """The content at one scale, and the term that holds an image to its self-similarity."""

    def __init__(self, maps: list[Tensor]) -> None:
        """`maps`: (1, C_i, h_i, w_i) that hypercolumns are sampled from, the image itself first."""
        self.norm, self.flat = standardization(maps), is_flat(maps[0])
        self.maps, start = [], 0
        for _, group in itertools.groupby(maps, lambda values: values.shape[-2:]):
            merged = torch.cat(list(group), 1)  # sampled several times a step: the fewer, the better
            span = slice(start, start := start + merged.shape[1])
            offset, divisor = (x[span].view(1, -1, 1, 1) for x in self.norm)
            self.maps.append(((merged - offset) / divisor).contiguous(memory_format=torch.channels_last))

    def rows(self, places: Places) -> Tensor:
        """Standardised hypercolumns of the content: (n, C)."""
        return sample(self.maps, places)[0]

    def term(self, values: Tensor, places: Places, generator: torch.Generator) -> Tensor:
        """Difference of self-similarity of an image's hypercolumns (n, C) from the content's at the same places.

        Of rows drawn at random: the cost grows with their square, and places at a regular distance among those of a grid
        would leave whole columns of the image out. A content of one colour asks for nothing.
        """
        if self.flat:
            return values.new_zeros(())
        if len(values) > CONTENT_SAMPLES:
            which = torch.randperm(len(values), generator=generator, device=generator.device)[:CONTENT_SAMPLES]
            places, values = places.some(which), values.index_select(0, which)
        with torch.no_grad():
            wanted = losses.self_similarity(self.rows(places))
        return losses.content_self_similarity(standardize(values, self.norm), wanted)


class HypercolumnTerms:
    """What methods share that compare sampled hypercolumns; each says what a style target is and what it asks for.

    Attributes:
        method: the name of the method, for its row in the table.
        targets: for each segment, a pair for each style: its weight, and what `encode` made of it.
    """

    method = ""

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
        self.encoder, self.config = encoder, config
        layers = config.layers or METHODS[self.method].encoded(encoder.layers)[0]
        self.layers = reachable(encoder, layers, [content, *(style.image for style in styles)])
        self.size, self.count = tuple(content.shape[-2:]), config.samples
        self.segments = segments or [Segment(None, [None] * len(styles))]
        with torch.no_grad():
            self.targets = self._targets(styles, generator, cache)
            self.content = self.encode_content(content)
            self.prepare(generator)

    def encode_content(self, content: Tensor) -> ContentTarget | None:
        """What is kept of the content (1, 3, H, W)."""
        return ContentTarget(self.maps(content))

    def prepare(self, generator: torch.Generator) -> None:
        """What is worked out once of the targets and the content together; nothing, unless a method says otherwise."""

    def maps(self, images: Tensor) -> list[Tensor]:
        """What hypercolumns are sampled from: the images (N, 3, H, W) themselves, then the layers."""
        return [images, *self.encoder(images, self.layers).values()]

    def encode(self, image: Tensor, masks: list[Tensor | None], generators: list[torch.Generator]) -> list[StyleTarget]:
        """What is kept of a style image (1, 3, h, w) under each segment's mask, of one pass through the network."""
        raise NotImplementedError

    def compared(
        self, rows: Tensor, target: StyleTarget, content: Places, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """A method's own distance of hypercolumns from one target, and the colours that the palette is held to.

        Args:
            rows: (n, C), standardised as the target is, of the image or of its warp; carries the gradient.
            target: as `encode` made it.
            content: where the content has what the rows show: the same places, or those before the warp.
            generator: of the random draws of one step.

        Returns:
            scalar; (m, 3) YUV of the style, of this step.
        """
        raise NotImplementedError

    def style(self, values: Tensor, target: StyleTarget, content: Places, generator: torch.Generator) -> Tensor:
        """The style term of hypercolumns (n, C) against one target: the method's own distance, moments and palette.

        `values` are as they were sampled; the other arguments as for `compared`.
        """
        rows, colors, config = standardize(values, target.norm), yuv(values), self.config
        if target.flat:
            return losses.flat_style(rows, colors, target.mean, target.colors.mean(0), config.palette)
        value, wanted = self.compared(rows, target, content, generator)
        if config.moments:
            value = value + config.moments * losses.moments(rows, target.mean, target.covariance)
        if config.palette:
            value = value + config.palette * losses.palette(colors, wanted)
        return value

    def _targets(
        self, styles: list[Style], generator: torch.Generator, cache: StyleCache | None
    ) -> list[list[tuple[float, StyleTarget]]]:
        """For each segment, the weight and the target of each style, sampled within its mask."""
        device, shape = generator.device, (len(self.segments), len(styles))
        seeds = torch.randint(2**31, shape, generator=generator, device=device).T.tolist()
        columns = []
        for k, style in enumerate(styles):
            masks = [segment.styles[k] for segment in self.segments]
            key = (self.method, self.encoder.sha256, *self.layers, *self.encoded_with(), *seeds[k])
            drawn = [torch.Generator(device).manual_seed(seed) for seed in seeds[k]]
            found = cached(cache, key, [style.image, *masks], functools.partial(self.encode, style.image, masks, drawn))
            columns.append([(style.weight, values) for values in found])
        return [list(row) for row in zip(*columns, strict=True)]

    def encoded_with(self) -> tuple:
        """Options that an encoded style depends on."""
        return ()

    def terms(
        self, image: Tensor | None, warped: Tensor | None, grid: Tensor | None, generator: torch.Generator
    ) -> dict:
        """Content term and style terms of an image and of its warp, at freshly drawn positions.

        Args and result as `dst.methods.table.Terms`.
        """
        both, grids = looked_at(image, warped, grid)
        places = Places(draw_positions(self.count, self.size, generator))
        shift = None  # what is only measured stays where it is
        if both.requires_grad:
            shift = torch.randint(SHIFT, (2,), generator=generator, device=generator.device).tolist()
        both, seen = shifted(both, shift), shifted_places(places, self.size, shift)
        whole = self.segments[0].content is None
        if whole:  # of large maps only what is sampled from them is kept
            values = frugally(lambda some: (sample(self.maps(some), seen),), both)[0]
        else:
            maps = frugally(lambda some: tuple(self.maps(some)), both)
            values = sample(maps, seen)
        terms = {} if image is None else {"content": self.content.term(values[0], places, generator)}
        for index, (name, grid) in enumerate(grids.items()):
            if whole:
                terms[name] = self._mixed(values[index], self.targets[0], _before(places, grid), generator)
            else:
                terms[name] = self._segments_term([m[index : index + 1] for m in maps], shift, grid, generator)
        return terms

    def _mixed(self, values: Tensor, targets: list, content: Places, generator: torch.Generator) -> Tensor:
        """Weighted mean over the styles of their terms, for hypercolumns (n, C) of one image."""
        total = values.new_zeros(())
        for weight, target in targets:
            total = total + weight * self.style(values, target, content, generator)
        return total / sum(weight for weight, _ in targets)

    def _segments_term(
        self, maps: list[Tensor], shift: list[int] | None, grid: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """Mean over the segments, each sampled within its own mask, which follows the warp."""
        values = []
        for segment, targets in zip(self.segments, self.targets, strict=True):
            mask = segment.content
            if mask is not None and grid is not None:
                mask = apply_flow(mask, grid.detach())
            places = Places(draw_positions(self.count, self.size, generator, mask))
            rows = sample(maps, shifted_places(places, self.size, shift))[0]
            values.append(self._mixed(rows, targets, _before(places, grid), generator))
        return torch.stack(values).mean()


def _before(places: Places, grid: Tensor | None) -> Places:
    """Where, before a warp, that is which is at some places after it; `grid` (1, H, W, 2) samples the image, None for no warp."""
    if grid is None:
        return places
    axes = grid.detach().float().permute(0, 3, 1, 2)  # (1, 2, H, W)
    at = places.positions.view(1, 1, -1, 2).to(axes.dtype)
    return Places(F.grid_sample(axes, at, padding_mode="border", align_corners=False)[0, :, 0].T)


def some_of(count: int, generator: torch.Generator, *rows: Tensor) -> tuple[Tensor, ...]:
    """The same `count` rows of several tensors (m, ...), drawn without replacement; all of them where there are no more."""
    if count >= len(rows[0]):
        return rows
    picked = torch.randperm(len(rows[0]), generator=generator, device=generator.device)[:count]
    return tuple(x.index_select(0, picked) for x in rows)


def standardization(maps: list[Tensor]) -> tuple[Tensor, Tensor]:
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


def is_flat(image: Tensor) -> bool:
    """Whether an image (1, 3, H, W) has one colour."""
    return bool((image.amax((2, 3)) - image.amin((2, 3))).max() < FLAT)


def standardize(values: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
    """Hypercolumns (n, C), centred and divided."""
    scale = norm[1].reciprocal()
    return torch.addcmul(-norm[0] * scale, values, scale)  # of many rows, one pass where two calls take two


def yuv(rows: Tensor) -> Tensor:
    """YUV of the colours that each hypercolumn begins with: (n, 3 + C) to (n, 3)."""
    return rgb_to_yuv(rows[:, :3].T.reshape(1, 3, -1, 1)).view(3, -1).T
