"""Crops of a folder of images for training an encoder: read once, kept as bytes, augmented in batches."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


def read_folder(folder, short_side: int = 288) -> list[torch.Tensor]:
    """Return every image of a folder, sorted by name, as uint8 (3, H, W), the short side at most `short_side`.

    Raises:
        ValueError: fewer than 20 images: too few to train on and to hold some out.
    """
    images = []
    for path in sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in EXTENSIONS):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        shrink = short_side / min(image.size)
        if shrink < 1:
            image = image.resize([max(short_side, round(side * shrink)) for side in image.size], Image.LANCZOS)
        images.append(torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous())
    if len(images) < 20:
        raise ValueError(f"{folder} holds {len(images)} images: training takes 20 or more")
    return images


def split(images: list, share: float, generator: torch.Generator) -> tuple[list, list]:
    """Return (training images, held-out images): `share` of them, drawn by the generator, is held out."""
    order = torch.randperm(len(images), generator=generator).tolist()
    held = max(1, round(share * len(images)))
    return [images[i] for i in sorted(order[held:])], [images[i] for i in sorted(order[:held])]


class Crops:
    """Augmented square crops, the same sequence for the same generator."""

    def __init__(self, images: list[torch.Tensor], generator: torch.Generator) -> None:
        self.images, self.generator = images, generator

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.generator)

    def chance(self, probability: float) -> bool:
        return torch.rand((), generator=self.generator).item() < probability

    def whole(self, high: int) -> int:
        return int(torch.randint(high, (), generator=self.generator))

    def one(self, side: int) -> torch.Tensor:
        """Return one crop (3, side, side) in [0, 1], at a scale drawn between 0.5 and 2, perhaps flipped or rotated."""
        image = self.images[self.whole(len(self.images))]
        short = min(image.shape[1:])
        span = side * math.exp(self.uniform(-math.log(2), math.log(2)).item())
        span = int(min(short, max(16, side if self.chance(0.3) else span)))
        top, left = (self.whole(full - span + 1) for full in image.shape[1:])
        crop = image[:, top : top + span, left : left + span].float() / 255
        if span != side:
            crop = F.interpolate(crop[None], (side, side), mode="bilinear", align_corners=False, antialias=True)[0]
        if self.chance(0.5):
            crop = crop.flip(2)
        if self.chance(0.25):
            crop = crop.rot90(1 + self.whole(3), (1, 2))
        return crop

    def batch(self, count: int, side: int) -> torch.Tensor:
        """Return `count` augmented crops (count, 3, side, side), channels last, in [0, 1]."""
        made = torch.stack([self._changed(self.one(side)) for _ in range(count)])
        return made.clamp_(0, 1).contiguous(memory_format=torch.channels_last)

    def _changed(self, x: torch.Tensor) -> torch.Tensor:
        if self.chance(0.6):
            x = self._recoloured(x)
        if self.chance(0.12):
            x = self._collaged(x)
        if self.chance(0.12):  # two images at once, as an optimisation's iterates look
            share = self.uniform(0.2, 0.8).item()
            x = share * x + (1 - share) * self.one(x.shape[1])
        if self.chance(0.15):
            x = self._blurred(x)
        if self.chance(0.2):
            x = self._noisy(x)
        return x

    def _recoloured(self, x: torch.Tensor) -> torch.Tensor:
        grey = x.mean(0, keepdim=True)
        x = grey + self.uniform(0.0, 1.6).item() * (x - grey)
        if self.chance(0.3):
            x = x[torch.randperm(3, generator=self.generator)]
        if self.chance(0.1):
            x = 1 - x
        middle = x.mean()
        x = middle + self.uniform(0.4, 1.5).item() * (x - middle) + self.uniform(-0.15, 0.15).item()
        x = x * self.uniform(0.85, 1.15, 3, 1, 1)
        return x.clamp(0, 1) ** math.exp(self.uniform(-0.5, 0.5).item())

    def _collaged(self, x: torch.Tensor) -> torch.Tensor:
        """A rectangle of another image, or of one colour, with hard edges: the frame or the patch of a painting."""
        side = x.shape[1]
        other = self.one(side) if self.chance(0.5) else self.uniform(0, 1, 3, 1, 1).expand(3, side, side)
        (top, bottom), (left, right) = (sorted((self.whole(side), self.whole(side))) for _ in range(2))
        inside = torch.zeros(1, side, side)
        inside[:, top : bottom + 1, left : right + 1] = 1
        return torch.where(inside > 0, other, x)

    def _blurred(self, x: torch.Tensor) -> torch.Tensor:
        smaller = max(4, int(x.shape[1] * self.uniform(0.2, 0.7).item()))
        small = F.interpolate(x[None], (smaller, smaller), mode="bilinear", align_corners=False, antialias=True)
        return F.interpolate(small, x.shape[1:], mode="bicubic", align_corners=False)[0]

    def _noisy(self, x: torch.Tensor) -> torch.Tensor:
        """Noise of one grain size, grey or coloured, up to a deviation of 0.15."""
        grain, side = 1 + self.whole(4), x.shape[1]
        noise = torch.randn(1, 1 + 2 * self.whole(2), -(-side // grain), -(-side // grain), generator=self.generator)
        if grain > 1:
            noise = F.interpolate(noise, (side, side), mode="bilinear", align_corners=False)
        return x + self.uniform(0, 0.15).item() * noise[0]
