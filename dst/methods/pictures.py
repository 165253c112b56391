"""Pictures optimised side by side, each drawn to what is asked of it alone: Gatys' experiments, inversion and textures.

The pictures of a batch share their size and the network, and nothing else: each has its own targets, weights and first guess,
and comes out as it would by itself, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dst import losses
from dst.config import InputError
from dst.features.encoder import Encoder
from dst.imaging import fit_size, resize
from dst.imaging.masks import fit_mask
from dst.imaging.resample import resample_torus
from dst.methods.statistics import CONTENT, KINDS, Target
from dst.optim.loop import Scale
from dst.optim.pixels import compose_image, decompose_image
from dst.optim.state import Parameters, Row

SHIFT = 8
"""Pixels that pictures without content are moved by at the most, at random in each step: else the grid of the poolings shows."""


@dataclass(frozen=True)
class Picture:
    """What one picture is drawn to, and what it starts from.

    Attributes:
        targets: statistics.
        start: gives the first guess, (1, 3, h, w), of a size (W, H).
        tv, exponent: weight of the total variation, and its exponent.
        norm: weight of the sixth power of its values around mid-grey.
    """

    targets: tuple[Target, ...]
    start: Callable[[tuple[int, int]], Tensor]
    tv: float = 0.0
    exponent: float = 2.0
    norm: float = 0.0


@dataclass(frozen=True)
class Plan:
    """How pictures are optimised.

    Attributes:
        size: (W, H) in pixels.
        steps: at the finest scale; `coarse_steps` at each scale below it, each half as large, down to `smallest`.
        optimizer, lr, lr_end: `adam` or `lbfgs`; learning rate; share of it left at the end of a scale.
        levels: of the Laplacian pyramid whose bands are moved; 1 for pixels.
        low, high: (3,) lists, the range of each channel, kept after every step.
        multiple: sides are multiples of it, at every scale; 1 for any.
    """

    size: tuple[int, int]
    steps: int = 100
    coarse_steps: int = 60
    smallest: int = 64
    optimizer: str = "adam"
    lr: float = 0.02
    lr_end: float = 0.2
    levels: int = 5
    low: Sequence[float] = (0.0, 0.0, 0.0)
    high: Sequence[float] = (1.0, 1.0, 1.0)
    multiple: int = 1

    def scales(self) -> list[Scale]:
        """Coarse to fine: halves of the size, while the short side is no smaller than `smallest`."""
        sizes = [self.size]
        while self.coarse_steps and min(sizes[0]) // 2 >= self.smallest:
            side = max(sizes[0]) // 2
            sizes.insert(
                0, tuple(max(self.multiple, n // self.multiple * self.multiple) for n in fit_size(self.size, side))
            )
        return [Scale(size, self.steps if size is sizes[-1] else self.coarse_steps) for size in sizes]


class Pictures:
    """Pictures of one size as `dst.optim.loop.Problem`."""

    def __init__(
        self,
        encoder: Encoder,
        images: Sequence[Tensor],
        pictures: Sequence[Picture],
        plan: Plan,
        windows: Sequence[Tensor] = (),
    ) -> None:
        """Prepare.

        Args:
            encoder: the feature network.
            images: (1, 3, h, w) in [0, 1], those that targets name by number; one that a content term names is brought to the size
                of the pictures, the others are scaled with them.
            pictures: what is optimised.
            plan: sizes and steps.
            windows: (1, 1, h, w) weights in [0, 1] over the pictures, those that targets name by number.

        Raises:
            InputError: a layer too deep for the coarsest scale.
        """
        self.encoder, self.images, self.pictures, self.plan = encoder, list(images), list(pictures), plan
        self.windows = list(windows)
        self.device = encoder.mean.device
        self.scales = plan.scales()
        layers = list(dict.fromkeys(t.layer for p in self.pictures for t in p.targets))
        self.layers = [name for name in encoder.layers if name in layers]
        for name in self.layers:
            needed, short = encoder.layers[name].stride, min(self.scales[0].size)
            if needed > short:
                raise InputError(
                    f"{name} needs {needed} pixels on each side, but there are {short}: give a larger size"
                )

    def learning_rates(self, scale: int) -> dict[str, float]:
        """Of every group: one for all pictures, or one each where the optimiser looks at the whole of what it moves."""
        return dict.fromkeys(self._names(), self.plan.lr)

    def begin(self, scale: int, finished: Parameters) -> Parameters:
        """The first guesses, or what the scale below left, enlarged."""
        width, height = self.scales[scale].size
        if finished:
            images = self._enlarged(self.compose(finished), (height, width))
        else:
            images = torch.cat([p.start((width, height)) for p in self.pictures]).to(self.device)
        return self._decomposed(images.clamp(0, 1))

    def _enlarged(self, images: Tensor, size: tuple[int, int]) -> Tensor:
        """Pictures at a larger size (H, W); a torus goes on beyond its border."""
        if self.encoder.network.padding == "circular":
            return resample_torus(images, size)
        return F.interpolate(images, size=size, mode="bicubic", align_corners=False)

    def compose(self, parameters: Parameters) -> Tensor:
        """The pictures that parameters stand for: (N, 3, H, W), not clamped."""
        groups = [parameters[name] for name in self._names()]
        return compose_image([torch.cat(bands) for bands in zip(*groups, strict=True)])

    def finished(self, parameters: Parameters) -> Tensor:
        """The pictures at their full size, (N, 3, H, W) in [0, 1], also where a stop left them at a coarser scale."""
        found, (width, height) = self.compose(parameters), self.plan.size
        if found.shape[-2:] != (height, width):
            found = self._enlarged(found, (height, width))
        return found.clamp(0, 1)

    def objective(self, scale: int) -> PictureObjective:
        """The objective of a scale, its targets encoded at it."""
        return PictureObjective(self, scale)

    def _names(self) -> list[str]:
        whole = self.plan.optimizer != "lbfgs"
        return ["pixels"] if whole else [f"picture {k}" for k in range(len(self.pictures))]

    def _decomposed(self, images: Tensor) -> Parameters:
        bands = decompose_image(images, self.plan.levels)
        names = self._names()
        if len(names) == 1:
            return {names[0]: bands}
        return {name: [band[k : k + 1].clone() for band in bands] for k, name in enumerate(names)}


class PictureObjective:
    """The terms of every picture at one scale."""

    def __init__(self, problem: Pictures, scale: int) -> None:
        self.problem, self.size = problem, problem.scales[scale].size
        share = max(self.size) / max(problem.scales[-1].size)
        used = {t.key for p in problem.pictures for t in p.targets}
        with torch.no_grad():
            known = {image: self._encoded(image, share, used) for image in {key[2] for key in used}}
        self.groups = [
            (*key, *self._members(key), self._target(*key, known[key[2]][key[0] in CONTENT])) for key in sorted(used)
        ]
        free = torch.tensor([not any(t.kind in CONTENT for t in p.targets) for p in problem.pictures])
        moves = problem.plan.optimizer != "lbfgs" and min(self.size) > SHIFT and bool(free.any())
        self.free = free.to(problem.device) if moves else None
        plan, device = problem.plan, problem.device
        self.bounds = [torch.tensor(ends, device=device).view(3, 1, 1) for ends in (plan.low, plan.high)]
        self.exponents = [
            (exponent, torch.tensor([p.exponent == exponent for p in problem.pictures], device=device))
            for exponent in sorted({p.exponent for p in problem.pictures})
        ]
        for name in ("tv", "norm"):
            weights = [getattr(p, name) for p in problem.pictures]
            setattr(self, name, torch.tensor(weights, device=problem.device) if any(weights) else None)

    def _encoded(self, image: int, share: float, used: set) -> dict[bool, dict[str, Tensor]]:
        """Feature maps of an image: as large as the pictures where content is compared (True), else in its own size (False)."""
        found, source = {}, self.problem.images[image].to(self.problem.device)
        for fitted in (True, False):
            layers = sorted(
                {layer for kind, layer, number, _ in used if number == image and (kind in CONTENT) == fitted}
            )
            if not layers:
                continue
            if fitted:
                shown = F.interpolate(
                    source, size=self.size[::-1], mode="bilinear", antialias=True, align_corners=False
                )
            else:
                deepest = max(self.problem.encoder.layers[name].stride for name in layers)
                side = round(share * max(source.shape[-2:]))
                least = -(-deepest * max(source.shape[-2:]) // min(source.shape[-2:]))
                shown = resize(source, max(side, least))
            found[fitted] = self.problem.encoder(shown, layers)
        return found

    def _members(self, key: tuple) -> tuple[Tensor, Tensor]:
        """The numbers of the pictures that have a target of this kind, layer and image, and its weights."""
        rows = [
            (k, sum(t.weight for t in p.targets if t.key == key))
            for k, p in enumerate(self.problem.pictures)
            if any(t.key == key for t in p.targets)
        ]
        device = self.problem.device
        return torch.tensor([k for k, _ in rows], device=device), torch.tensor([w for _, w in rows], device=device)

    def _target(self, kind: str, layer: str, image: int, window: int, maps: dict[str, Tensor]) -> Any:
        row = KINDS[kind]
        return (row.target or row.measure)(maps[layer], self.problem.encoder.layers[layer].stride)

    def terms(self, parameters: Parameters, generator: torch.Generator, last: Row | None) -> dict[str, Tensor]:
        """For every picture its content, its style and its priors, weighted, and the sum of all as `total`."""
        problem = self.problem
        images = problem.compose(parameters)
        maps = problem.encoder(self._moved(images, generator), problem.layers)
        content, style = images.new_zeros(len(images)), images.new_zeros(len(images))
        for kind, layer, _, window, members, weights, target in self.groups:
            mine = maps[layer] if len(members) == len(images) else maps[layer][members]
            if window < 0:
                found = KINDS[kind].measure(mine, problem.encoder.layers[layer].stride)
            else:
                found = losses.gram(mine, fit_mask(problem.windows[window].to(mine), mine.shape[-2:]))
            values = weights * KINDS[kind].compare(found, target, generator)
            if kind in CONTENT:
                content = content.index_add(0, members, values)
            else:
                style = style.index_add(0, members, values)
        priors = images.new_zeros(len(images))
        if self.tv is not None:
            for exponent, mine in self.exponents:
                priors = priors + self.tv * mine * losses.total_variation(images, exponent)
        if self.norm is not None:
            priors = priors + self.norm * losses.power_norm(images - 0.5)
        kinds = {kind in CONTENT for kind, *_ in self.groups}
        has = {
            "content": True in kinds,
            "style": False in kinds,
            "priors": self.tv is not None or self.norm is not None,
        }
        found = {"content": content, "style": style, "priors": priors}
        each = {f"{name} {k}": v for name, values in found.items() if has[name] for k, v in enumerate(values)}
        return {**each, "total": (content + style + priors).sum()}

    def _moved(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures without content moved at random: a torus as a whole, others with some of their border mirrored beyond it."""
        x, y = torch.randint(1 - SHIFT, SHIFT, (2,), generator=generator, device=generator.device).tolist()
        if self.free is None:
            return images
        if self.problem.encoder.network.padding == "circular":
            moved = images.roll((y, x), (2, 3))
        else:
            padded = F.pad(images, (SHIFT, SHIFT, SHIFT, SHIFT), mode="reflect")
            height, width = images.shape[-2:]
            moved = padded[..., SHIFT - y : SHIFT - y + height, SHIFT - x : SHIFT - x + width]
        return moved if bool(self.free.all()) else torch.where(self.free.view(-1, 1, 1, 1), moved, images)

    def project(self, parameters: Parameters) -> None:
        """Keep every channel within its range."""
        images = self.problem.compose(parameters)
        bounded = images.clamp(*self.bounds)
        if torch.equal(bounded, images):
            return
        for name, bands in self.problem._decomposed(bounded).items():
            for old, new in zip(parameters[name], bands, strict=True):
                old.copy_(new)


def white_noise(seed: int, low: float = 0.0, high: float = 1.0) -> Callable[[tuple[int, int]], Tensor]:
    """A first guess of uniform noise, its values drawn from `seed` and the size alone."""

    def start(size: tuple[int, int]) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return low + (high - low) * torch.rand(1, 3, size[1], size[0], generator=generator)

    return start


def image_start(image: Tensor) -> Callable[[tuple[int, int]], Tensor]:
    """A first guess from an image (1, 3, h, w), brought to the size."""

    def start(size: tuple[int, int]) -> Tensor:
        return F.interpolate(image, size=size[::-1], mode="bilinear", antialias=True, align_corners=False)

    return start
