"""What a run will cost, told before it starts: seconds, memory, and the size that would fit."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import torch

from dst.config import METHODS, NETWORK, InputError, StylizeConfig, counted
from dst.features import Encoder
from dst.features.windows import MARGIN, TILE, TOGETHER
from dst.imaging import fit_size
from dst.methods.pictures import Pictures
from dst.methods.table import encoded_layers
from dst.methods.targets import FRUGAL_FROM
from dst.optim.loop import schedule
from dst.optim.steps import Lbfgs
from dst.runtime import SPARE, free_memory, precision_of

BASE_BYTES = 480e6
"""A process that has loaded its libraries, a small network and two images, and matched them at 256 pixels."""
NETWORK_BYTES = 600
"""What a trained network of full width and the run's images take for each pixel, at the most."""
SAVED_COPIES, FRUGAL_COPIES = 6.7, 3.2
"""Memory held in a step, in units of all activations of one image: two images, their gradients, and what the C library keeps
of what was freed; and the same where large images are encoded frugally. Fitted to the peaks of whole runs."""
HALF = 0.7
"""The share of that memory where the network computes in bfloat16: what is kept of it is half as large, and what the losses
are given is not."""
DETAIL_COPIES, DETAIL_BYTES = 3.3, 230
"""The same of the windows that are encoded at once where details are refined, and what each pixel of the image takes there, bytes."""
PICTURE_COPIES = 2.3
"""The same of pictures that are optimised side by side, in units of the activations down to the deepest layer that they need."""
DETAIL_PIXELS = 1.3
"""Pixels that windows show in a step, over those of the image."""
TARGET_COPIES = 2.0
"""The same for the maps of content and style that samples are drawn from, in units of those layers alone."""
STEP_OVERHEAD = 0.45
"""What a step takes beside the network's forward and backward pass, over that pass in float32: losses, warp, pyramid, optimiser."""
SMALL_STEP = 0.03
"""Seconds of a step that do not depend on the image's size."""


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to cost.

    Attributes:
        size: (W, H) of the result.
        seconds: of matching and optimising together; within a factor of two on an idle machine.
        bytes: peak of the process's memory (of the accelerator's, where one is used).
        free_bytes: what is free now; None where that cannot be told.
    """

    size: tuple[int, int]
    seconds: float
    bytes: float
    free_bytes: float | None

    @property
    def fits(self) -> bool:
        """False where the run would need more memory than is free."""
        return self.free_bytes is None or self.bytes <= SPARE * self.free_bytes

    def sentence(self) -> str:
        """One line for people."""
        free = "" if self.free_bytes is None else f" ({self.free_bytes / 1e9:.1f} GB are free)"
        cost = f"about {duration(self.seconds)}, {self.bytes / 1e9:.1f} GB of memory{free}"
        return f"expected for {self.size[0]} x {self.size[1]} pixels: {cost}"


def duration(seconds: float) -> str:
    """Seconds in words that fit their length: `8 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def layers_of(encoder: Encoder, config: StylizeConfig) -> list[str]:
    """The layers that a run's method looks at."""
    given = [name for name in config.optimize.layers or () if name in encoder.layers]
    method = config.optimize.method
    return given or encoded_layers(next(iter(METHODS)) if method == NETWORK else method, encoder)


def memory_needed(encoder: Encoder, size: tuple[int, int], config: StylizeConfig, warps: bool = True) -> float:
    """Peak bytes of a run of `config` whose finest scale is `size` (W, H), painted with this encoder."""
    if config.guidance.model is not None:
        return BASE_BYTES + NETWORK_BYTES * math.prod(size) + 4 * sum(p.numel() for p in encoder.parameters())
    layers, scales = layers_of(encoder, config), schedule(size, config.optimize)
    whole = max((math.prod(scale.size) for scale in scales if not scale.details), default=0)
    peak = _whole(encoder, whole, layers, _images(config, warps))
    if scales[-1].size[0] * scales[-1].size[1] > whole:
        every = encoder.activations
        copies = DETAIL_COPIES * (1.0 if encoder.dtype == torch.float32 else HALF)
        windows = 4 * copies * every * min(TOGETHER * (TILE + 2 * MARGIN) ** 2, DETAIL_PIXELS * math.prod(size))
        peak = max(peak, BASE_BYTES + windows + DETAIL_BYTES * math.prod(size))
    return peak + 4 * sum(p.numel() for p in encoder.parameters())


def _images(config: StylizeConfig, warps: bool) -> int:
    """How many images a step compares: one, or with its warp two."""
    return 2 if warps and not config.optimize.turns else 1


def _whole(encoder: Encoder, pixels: int, layers: list[str], images: int) -> float:
    """Peak bytes where so many images of so many pixels are compared whole, without the network's weights."""
    every = encoder.activations
    levels = sum(encoder.layers[name].activations for name in layers)
    frugal = images * pixels >= FRUGAL_FROM
    copies = FRUGAL_COPIES if frugal else SAVED_COPIES * (1.0 if images == 2 else 0.55)
    copies *= 1.0 if encoder.dtype == torch.float32 else HALF
    return BASE_BYTES + 4 * pixels * (copies * every + TARGET_COPIES * levels + 60)


def pictures_memory(problem: Pictures) -> float:
    """Peak bytes where pictures are optimised side by side: Gatys' experiments, inversion, textures."""
    layers = list(problem.encoder.layers.items())
    deepest = max((k for k, (name, _) in enumerate(layers) if name in problem.layers), default=0)
    every = sum(layer.activations for _, layer in layers[: deepest + 1])
    every *= PICTURE_COPIES * (1.0 if problem.encoder.dtype == torch.float32 else HALF)
    kept = 6 * Lbfgs.HISTORY if problem.plan.optimizer == "lbfgs" else 6
    pixels = len(problem.pictures) * math.prod(problem.plan.size)
    return BASE_BYTES + 4 * pixels * (every + kept + 20) + 4 * sum(p.numel() for p in problem.encoder.parameters())


def check_pictures(problem: Pictures) -> None:
    """Refuse what the free memory does not hold.

    Raises:
        InputError: with the memory that it takes, and what is free.
    """
    needed, free = pictures_memory(problem), free_memory(str(problem.device))
    if free is not None and needed > SPARE * free:
        width, height = problem.plan.size
        what = counted(len(problem.pictures), "picture")
        raise InputError(
            f"{what} of {width} x {height} pixels would take about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free: "
            "take a smaller size"
        )


def seconds_a_pixel(encoder: Encoder, device: str, layers: list[str], side: int = 128) -> float:
    """Seconds that this machine takes for one pixel forward and backward through the network, from a short try."""
    images = torch.full((2, 3, side, side), 0.5, device=device, requires_grad=True)
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        features = encoder(images, layers)
        float(torch.autograd.grad(sum(f.sum() for f in features.values()), images)[0].sum())
        best = min(best, time.perf_counter() - began)
    return best / (2 * side * side)


def _painter(encoder: Encoder, config: StylizeConfig) -> Encoder:
    """The encoder in the precision that a run paints in."""
    return encoder.in_precision(precision_of(config.precision, config.device))


def estimate(
    encoder: Encoder, content_size: tuple[int, int], config: StylizeConfig, warps: bool = True, timed: bool = True
) -> Estimate:
    """Expected cost of a run, from a try of about a tenth of a second.

    Args:
        encoder: the feature network, on its device.
        content_size: (W, H) of the content image.
        config: of the run.
        warps: whether keypoints are matched and the image is warped.
        timed: False leaves that try out where the run fits into the memory, and its seconds at 0.
    """
    size, painter = fit_size(content_size, config.size), _painter(encoder, config)
    cost = Estimate(size, 0.0, memory_needed(painter, size, config, warps), free_memory(config.device))
    if cost.fits and not timed:
        return cost
    return replace(cost, seconds=_seconds(encoder, painter, size, config, warps))


def _seconds(encoder: Encoder, painter: Encoder, size: tuple[int, int], config: StylizeConfig, warps: bool) -> float:
    """Of matching with `encoder` and optimising with `painter`, from a try of both."""
    layers, images = layers_of(encoder, config), _images(config, warps)
    rate = own = seconds_a_pixel(encoder, config.device, layers)
    if painter is not encoder:
        own = seconds_a_pixel(painter, config.device, layers)
    seconds = 0.0
    for scale in schedule(size, config.optimize) if config.paints else ():
        each = DETAIL_PIXELS * own if scale.details else images * (own + STEP_OVERHEAD * rate)
        seconds += scale.steps * (SMALL_STEP + math.prod(scale.size) * each)
    if warps:
        seconds += 30 * config.match.match_size**2 * rate
    return seconds


def largest_size(encoder: Encoder, content_size: tuple[int, int], config: StylizeConfig, warps: bool = True) -> int:
    """The largest long side, in steps of 32 pixels and no more than asked for, whose run fits into the free memory.

    Raises:
        InputError: not even the smallest fits.
    """
    free, painter = free_memory(config.device), _painter(encoder, config)
    side = config.size
    while free is not None and memory_needed(painter, fit_size(content_size, side), config, warps) > SPARE * free:
        side = (side - 1) // 32 * 32
        if side < 64:
            raise InputError(f"{free / 1e9:.1f} GB of memory are free: no size fits; close other programs")
    return side
