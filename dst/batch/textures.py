"""Textures of any size from a sample, by the statistics of its features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dst import imaging, losses, runtime
from dst.batch.laboratory import network_of
from dst.config import InputError, TextureConfig, check_choice
from dst.features import Encoder
from dst.imaging.histogram import match_colors
from dst.imaging.resample import resample_torus
from dst.methods.pictures import Picture, Pictures, Plan
from dst.methods.statistics import Target
from dst.optim.loop import Loop
from dst.optim.state import Step
from dst.runs.estimate import check_pictures

RATES = {"adam": 0.04, "lbfgs": 1.0}
SMALLEST = 64
"""Short side of the coarsest scale, pixels, at the least."""
FLAT = 1 / 255
"""Spread of colours under which a sample is of one colour."""


MARGIN = 12
"""Pixels on each side that are made and cut off: statistics say little of what lies at a border."""
WINDOWS = 5
"""Overlapping windows along a mixture of two samples."""


def texture(
    sample: Any,
    second: Any = None,
    *,
    into: Any = None,
    mask: Any = None,
    on_step: Callable[[Step], object] | None = None,
    **options: Any,
) -> np.ndarray:
    """A new texture that looks like a sample and repeats none of it, coarse to fine, from noise.

    Args:
        sample: whatever `dst.read_image` takes.
        second: another sample; the texture goes over from the first to it, along `along`.
        into: an image that the texture is painted into, where `mask` is white; it sets the size.
        mask: of the size of `into`; grey blends.
        on_step: called after each step; a true return value stops there.
        **options: those of `dst texture`, such as `size=(512, 384), tile=True, seed=3`.

    Returns:
        (H, W, 3) uint8; its values are within the samples' range in each channel.

    Raises:
        InputError: an unknown option, layer or statistic, a value out of range, options that exclude one another, a sample that
            cannot be read, is too small or has one colour, a mask of another size than the image.

    Source: Gatys, Ecker and Bethge 2015, "Texture synthesis using convolutional neural networks"; the statistics besides Gram matrices
    are those of `dst.losses.shift_gram` and `sliced_wasserstein`. At the end the paper matches histograms of 100 bins in each channel;
    here colours are matched along their own axes (`dst.imaging.histogram.match_colors`), so that a grey sample stays grey.
    """
    config = TextureConfig().replace(**options)
    if (into is None) != (mask is None):
        raise InputError("an image to paint into and its mask go together: give both, or neither")
    whole = next((name for name, given in (("second", second), ("mask", mask)) if given is not None), None)
    if whole and config.statistics not in (("gram",), TextureConfig.statistics):
        raise InputError(
            f"with {whole} textures are compared by Gram matrices alone: leave out statistics, or give gram"
        )
    if whole and config.tile:
        raise InputError(f"--tile and --{whole} are given: sides can't fit together then; leave out one of them")
    if into is not None and config.size != TextureConfig.size:
        raise InputError("size is given, but the image that is painted into has one: leave out size")
    if second is not None and mask is not None:
        raise InputError("a second sample and a mask are given: give one of them")
    config = config.replace(statistics=("gram",)) if whole else config
    with runtime.computing(config.threads):
        samples = [_read(image, config) for image in (sample, *([] if second is None else [second]))]
        ground = None if into is None else imaging.read(into)
        if ground is not None:
            try:
                config = config.replace(size=(ground.rgb.shape[3], ground.rgb.shape[2]))
            except InputError as error:
                raise InputError(f"{ground.name} can't be painted into: {error}") from error
        area = None if mask is None else imaging.read_mask(mask, config.size)
        encoder = network_of(config).changed(config.pooling)
        if config.tile:
            encoder = encoder.changed(padding="circular")
        made = _made(encoder, samples, config, area, on_step)
        if ground is not None:
            made = torch.lerp(ground.rgb, made, area)
        return imaging.to_array(made)


def _read(image: Any, config: TextureConfig) -> Tensor:
    given = imaging.read(image)
    shown = imaging.resize(given.rgb, max(16, round(config.scale * max(given.rgb.shape[-2:]))))
    if float(shown.std((2, 3)).max()) < FLAT:
        raise InputError(f"{given.name} has one colour alone, which is no texture: give another sample")
    return shown


def _made(
    encoder: Encoder, samples: list[Tensor], config: TextureConfig, area: Tensor | None, on_step: Callable | None
) -> Tensor:
    """The texture, (1, 3, H, W)."""
    for name in config.layers:
        check_choice("layer", name, encoder.layers)
    deepest = max(encoder.layers[name].stride for name in config.layers)
    short = min(n for sample in samples for n in sample.shape[-2:])
    if short < 2 * deepest:
        raise InputError(
            f"the sample is {short} pixels on its short side, but {config.layers[-1]} needs {2 * deepest}: give a larger one, "
            "or shallower --layers"
        )
    work = tuple(-(-n // deepest) * deepest if config.tile else n + 2 * MARGIN for n in config.size)
    least = max(SMALLEST, -(-2 * deepest * min(work) // short))
    colors = torch.cat([sample.flatten(2)[0] for sample in samples], 1)
    adam = config.optimizer == "adam"
    plan = Plan(
        work,
        config.steps,
        config.coarse_steps,
        least,
        config.optimizer,
        RATES[config.optimizer],
        0.2 if adam else 1.0,
        5 if adam and not config.tile else 1,  # a pyramid's enlarging does not go round a torus
        tuple(colors.amin(1).tolist()),
        tuple(colors.amax(1).tolist()),
        deepest if config.tile else 1,
    )
    targets, windows = _targets(encoder, samples, config, work, area)
    picture = Picture(targets, _scattered(samples, config))
    problem = Pictures(encoder, samples, [picture], plan, windows)
    check_pictures(problem)
    state = Loop(problem, plan, config.seed).run(on_step)
    with torch.no_grad():
        found = problem.finished(state.parameters)
    if not config.tile:
        found = found[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
    elif work != config.size:
        found = resample_torus(found, (config.size[1], config.size[0])).clamp(0, 1)
    if config.histogram and len(samples) == 1:
        found = match_colors(found, samples)
    low, high = (torch.tensor(ends).view(1, 3, 1, 1) for ends in (plan.low, plan.high))
    return found.clamp(low, high)


def _targets(
    encoder: Encoder, samples: list[Tensor], config: TextureConfig, size: tuple[int, int], area: Tensor | None
) -> tuple[tuple[Target, ...], list[Tensor]]:
    """What is compared: over the whole, within a mask, or in windows along a mixture; and the windows."""
    share = 10.0 / len(config.statistics) / len(config.layers)
    if area is not None:
        window = F.pad(area, (MARGIN,) * 4, mode="replicate")
        return tuple(Target("gram", name, 0, share, 0) for name in config.layers), [window]
    if len(samples) == 1:
        return tuple(Target(kind, name, 0, share) for kind in config.statistics for name in config.layers), []
    with torch.no_grad():
        maps = [encoder(sample.to(encoder.mean.device), config.layers) for sample in samples]
        squares = [{name: float(losses.gram(values).square().mean()) for name, values in some.items()} for some in maps]
    length = size[0] if config.along == "x" else size[1]
    place = (torch.arange(length) + 0.5) / length * (WINDOWS - 1)
    windows, targets = [], []
    for k in range(WINDOWS):
        window = (1 - (place - k).abs()).clamp_min(0).view(1, 1, 1, -1).expand(1, 1, size[config.along == "x"], -1)
        windows.append(window if config.along == "x" else window.mT)
        late = k / (WINDOWS - 1)
        # Squared distances from two Gram matrices, weighted, have their least at the weighted mean of both. What a difference is
        # relative to, its own matrix's mean square, is made that of the mean.
        for image, weight in ((0, 1 - late), (1, late)):
            for name in config.layers if weight else ():
                mean = (1 - late) * squares[0][name] + late * squares[1][name]
                targets.append(Target("gram", name, image, share * weight * squares[image][name] / mean, k))
    return tuple(targets), windows


def _scattered(samples: list[Tensor], config: TextureConfig) -> Callable[[tuple[int, int]], Tensor]:
    """A first guess of the samples' colours, each pixel's drawn by itself, at half their contrast."""

    def one(sample: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        colors = sample.flatten(2)
        drawn = torch.randint(colors.shape[2], (size[0] * size[1],), generator=generator)
        return torch.lerp(colors.mean(2, keepdim=True), colors[:, :, drawn], 0.5).view(1, 3, size[1], size[0])

    def start(size: tuple[int, int]) -> Tensor:
        generator = torch.Generator().manual_seed(config.seed)
        found = [one(sample, size, generator) for sample in samples]
        if len(found) == 1:
            return found[0]
        share = torch.linspace(0, 1, size[0] if config.along == "x" else size[1])
        return torch.lerp(*found, share.view(1, 1, 1, -1) if config.along == "x" else share.view(1, 1, -1, 1))

    return start
