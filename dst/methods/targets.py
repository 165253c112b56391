"""What every method is given: style images with weights, a cache of their encodings, and encoding that saves memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from dst.features.encoder import Encoder
from dst.features.weights import fingerprint

FRUGAL_FROM = 2_500_000
"""Pixels of a batch from which memory is saved: beyond two images of 1024 x 1024."""


def frugally(values: Callable[[Tensor], tuple[Tensor, ...]], images: Tensor) -> tuple[Tensor, ...]:
    """`values(images)`, a row for each image in every tensor; for large images, without keeping what led to them.

    `values` then gets each image by itself, and is called again when a gradient is asked for: the same values, for a
    third more time and about half the memory.
    """
    if images.numel() // 3 < FRUGAL_FROM or not (torch.is_grad_enabled() and images.requires_grad):
        return values(images)
    parts = [checkpoint(values, image, use_reentrant=False, preserve_rng_state=False) for image in images.split(1)]
    return tuple(torch.cat(found) for found in zip(*parts, strict=True))


def encode(encoder: Encoder, images: Tensor, layers) -> dict[str, Tensor]:
    """`encoder(images, layers)`, frugally."""
    found = frugally(lambda some: tuple(encoder(some, layers).values()), images)
    return dict(zip(layers, found, strict=True))


def reachable(encoder: Encoder, layers, images: list[Tensor]) -> list[str]:
    """Those of some layers that every image is large enough for: at the coarsest scales a long strip is a few pixels wide."""
    short = min(min(image.shape[-2:]) for image in images)
    return [name for name in layers if encoder.layers[name].stride <= short]


def looked_at(
    image: Tensor | None, warped: Tensor | None, grid: Tensor | None
) -> tuple[Tensor, dict[str, Tensor | None]]:
    """What a method is asked for, as one batch; and the names of the style terms with the warps of their images.

    Arguments as for `dst.methods.table.Terms.terms`.
    """
    asked = {"style": (image, None), "style_warped": (warped, grid)}
    given = {name: pair for name, pair in asked.items() if pair[0] is not None}
    return torch.cat([x for x, _ in given.values()]), {name: warp for name, (_, warp) in given.items()}


def apply_flow(image: Tensor, grid: Tensor) -> Tensor:
    """Sample an image (N, C, H, W) bilinearly at a grid (1, h, w, 2); outside, the border's colour goes on."""
    return F.grid_sample(image, grid.to(image.dtype), mode="bilinear", padding_mode="border", align_corners=False)


class Style(NamedTuple):
    """A style image (1, 3, H, W) in [0, 1], at the scale of the step, and its share among several styles."""

    image: Tensor
    weight: float = 1.0


class StyleCache:
    """What was encoded of style images, kept for the next run with the same style, size, encoder and seed.

    The results are those of a run without it, byte for byte.

    Attributes:
        hits, misses: how often something was found here, and how often it had to be made.
    """

    def __init__(self, limit: int = 16) -> None:
        """`limit`: entries kept, those used last; one is a style at one scale, about 10 MB with the compact encoder."""
        self.limit, self.hits, self.misses = limit, 0, 0
        self._entries: OrderedDict[tuple, Any] = OrderedDict()

    def get(self, key: tuple, make: Callable[[], Any]) -> Any:
        """Return what is kept under `key`; made now, where nothing is."""
        if key in self._entries:
            self.hits += 1
            self._entries.move_to_end(key)
            return self._entries[key]
        self.misses += 1
        self._entries[key] = made = make()
        if len(self._entries) > self.limit:
            self._entries.popitem(last=False)
        return made


def cached(cache: StyleCache | None, key: tuple, tensors: list[Tensor | None], make: Callable[[], Any]) -> Any:
    """What `make` returns, looked for in a cache, where there is one, under `key` and the tensors that it is made of."""
    if cache is None:
        return make()
    named = {f"{k} {tuple(t.shape)} {t.device}": t for k, t in enumerate(tensors) if t is not None}
    return cache.get((*key, fingerprint(named)), make)
