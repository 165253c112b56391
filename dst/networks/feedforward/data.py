"""What networks are trained on: squares out of a folder's photographs, or out of those that come with scikit-image and scikit-learn."""

from __future__ import annotations

import functools
import hashlib
import math
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dst.config import InputError, counted
from dst.config.base import shown
from dst.files import EXTENSIONS, files_in
from dst.imaging import displayed_size
from dst.imaging import read as read_image

LEAST = 32
"""Short side that a photograph has at the least, pixels."""
MARGIN = 1.75
"""Short side that photographs are kept at, in sides of a square: larger ones are reduced to it."""
KEPT_BYTES = 2**30
"""What of the photographs is kept in memory; others are read again each time."""
FLAT = 0.01
"""Standard deviation of a square under which another is drawn: it shows nothing, and normalisations of maps without any variation, one
after the other, multiply gradients until they overflow."""
TRIES = 50
"""Unreadable photographs, or squares of one colour, in a row after which the folder is given up."""
BUILT_IN = (
    "astronaut",
    "chelsea",
    "coffee",
    "hubble_deep_field",
    "rocket",
    "brick",
    "grass",
    "gravel",
    "china.jpg",
    "flower.jpg",
)
"""Photographs of scikit-image (`skimage.data`) and, with an extension, of scikit-learn."""


class Photographs:
    """Photographs that squares are taken of.

    Attributes:
        said: words for the model's card, without a path.
        skipped: how many were not readable, as far as it is known.
        digest: of what is there: names and sizes of files.
    """

    def __init__(
        self, sources: Sequence[Any], read: Callable[[Any], Any], side: int, said: str, digest: str, strong: bool
    ) -> None:
        """Args:
        sources: whatever `read` takes.
        read: a source to an `Image`; it may raise InputError.
        side: of the squares, pixels.
        strong: few photographs, which are changed in colour, turned and mixed besides.
        """
        self.sources, self.read, self.side, self.strong = list(sources), read, side, strong
        self.said, self.digest, self.skipped = said, digest, 0
        self._kept: dict[int, Tensor | None] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.sources)

    def batch(self, count: int, draws: torch.Generator) -> Tensor:
        """Squares (count, 3, side, side) in [0, 1], the same for a generator in the same state.

        Raises:
            InputError: so many photographs in a row cannot be read, or show one colour alone, that there may be no others.
        """
        made = torch.stack([self._square(draws) for _ in range(count)])
        return made.contiguous(memory_format=torch.channels_last)

    def _square(self, draws: torch.Generator) -> Tensor:
        """A square that shows something: one that recolouring leaves without any variation gives way to another, too."""
        for _ in range(TRIES):
            x = self._varied(draws) if self.strong else self._cut(draws)
            if float(x.std()) >= FLAT:
                return x
        raise InputError(
            f"{TRIES} squares in a row show one colour and nothing else: give a folder of photographs that show something"
        )

    def _varied(self, draws: torch.Generator) -> Tensor:
        x = self._cut(draws)
        if _chance(0.15, draws):  # two at once: textures that no photograph has
            x = torch.lerp(x, self._cut(draws), _uniform(0.2, 0.5, draws))
        if _chance(0.25, draws):
            x = x.rot90(1 + _whole(3, draws), (1, 2))
        return _recoloured(x, draws)

    def _cut(self, draws: torch.Generator) -> Tensor:
        """A square of a photograph, at a size between the whole and a quarter of its short side, perhaps mirrored."""
        image = self._drawn(draws)
        short, side = min(image.shape[1:]), self.side
        least = min(short, max(LEAST, side // (4 if self.strong else 2)))
        span = round(math.exp(_uniform(math.log(least), math.log(short), draws)))
        top, left = (_whole(full - span + 1, draws) for full in image.shape[1:])
        cut = image[:, top : top + span, left : left + span].float() / 255
        if span != side:
            cut = F.interpolate(cut[None], (side, side), mode="bilinear", align_corners=False, antialias=True)[0]
        return cut.flip(2) if _chance(0.5, draws) else cut

    def _drawn(self, draws: torch.Generator) -> Tensor:
        """A photograph (3, H, W) of uint8; one that cannot be read gives way to the next that is drawn."""
        for _ in range(TRIES):
            found = self._photograph(_whole(len(self.sources), draws))
            if found is not None:
                return found
        raise InputError(f"{TRIES} pictures in a row cannot be read: give a folder of whole photographs")

    def _photograph(self, k: int) -> Tensor | None:
        if k in self._kept:
            return self._kept[k]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a profile that cannot be used does not matter here
                rgb = self.read(self.sources[k]).rgb
        except InputError:
            self._kept[k] = None
            self.skipped += 1
            return None
        height, width = rgb.shape[2:]
        share = MARGIN * self.side / min(height, width)
        if share < 1:
            size = [max(1, round(share * n)) for n in (height, width)]
            rgb = F.interpolate(rgb, size=size, mode="bilinear", align_corners=False, antialias=True)
        found = (rgb[0].clamp(0, 1) * 255).round_().to(torch.uint8)
        if self._bytes + found.numel() <= KEPT_BYTES:
            self._kept[k] = found
            self._bytes += found.numel()
        return found


def _uniform(low: float, high: float, draws: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=draws, dtype=torch.float64).item()


def _chance(probability: float, draws: torch.Generator) -> bool:
    return _uniform(0, 1, draws) < probability


def _whole(high: int, draws: torch.Generator) -> int:
    return int(torch.randint(high, (), generator=draws))


def _recoloured(x: Tensor, draws: torch.Generator) -> Tensor:
    """A square in other colours, lights and contrasts."""
    grey = x.mean(0, keepdim=True)
    x = grey + _uniform(0.2, 1.5, draws) * (x - grey)
    if _chance(0.3, draws):
        x = x[torch.randperm(3, generator=draws)]
    middle = x.mean()
    x = middle + _uniform(0.5, 1.4, draws) * (x - middle) + _uniform(-0.15, 0.15, draws)
    return x.clamp(0, 1) ** math.exp(_uniform(-0.5, 0.5, draws))


def photographs(folder: Any, side: int) -> Photographs:
    """The photographs of a folder, or the built-in ones where there is None.

    Files that are no images, or too small, are counted in `skipped`; those that turn out to be damaged are when they are drawn.

    Args:
        side: of the squares, pixels.

    Raises:
        InputError: no folder, or none with a readable image.
    """
    if folder is None:
        said = f"{len(BUILT_IN)} photographs of scikit-image and scikit-learn, strongly varied"
        return Photographs(BUILT_IN, built_in, side, said, hashlib.sha256(repr(BUILT_IN).encode()).hexdigest(), True)
    if not isinstance(folder, (str, os.PathLike)):
        raise InputError(f"images is {shown(folder)}: it takes a folder of photographs")
    home = Path(folder)
    try:
        if not home.is_dir():
            raise InputError(
                f"{folder} {'is not a folder' if home.exists() else 'does not exist'}: give a folder of photographs"
            )
        found = files_in(home, EXTENSIONS)
        sizes = [displayed_size(path) for path in found]
        good = [path for path, size in zip(found, sizes, strict=True) if size is not None and min(size) >= LEAST]
        told = [f"{path.name} {os.stat(path).st_size}" for path in good]
    except OSError as error:
        raise InputError(
            f"{folder} cannot be read ({error.strerror or error}): give a folder of photographs"
        ) from error
    if not good:
        what = f"{counted(len(found), 'picture')}, none of which can be read" if found else "no picture"
        raise InputError(f"{folder} holds {what}: give a folder of photographs of at least {LEAST} pixels a side")
    made = Photographs(
        good, functools.partial(read_image, side=side), side, counted(len(good), "photograph"), hashlib.sha256("\n".join(told).encode()).hexdigest(), False
    )  # fmt: skip
    made.skipped = len(found) - len(good)
    return made


def built_in(name: str) -> Any:
    """A photograph that comes inside a library."""
    if "." in name:
        from sklearn.datasets import load_sample_image

        return read_image(np.ascontiguousarray(load_sample_image(name)))
    from skimage import data

    found = getattr(data, name)()
    return read_image(np.ascontiguousarray(found))
