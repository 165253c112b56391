"""Training, scale by scale: a critic of patches and a generator against it (Shaham, Dekel and Michaeli 2019, section 2).

Every random draw is seeded by the training's seed, its scale and its round, so that a training which was stopped goes on as if it
had not been.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dst.config import InputError, SinganConfig
from dst.networks.singan.layers import Frozen, Patches, generated, gradient_penalty
from dst.networks.singan.model import Model, Scale, below, grow, reconstruction
from dst.networks.singan.pyramid import Size, cost, scale_sizes

BETAS = (0.5, 0.999)
"""Of Adam, as published."""
DROP_AT, DROP = 0.8, 0.1
"""After which share of the rounds the learning rate falls, and to what share: published, 1,600 of 2,000 and a tenth."""
TERMS = ("critic_real", "critic_fake", "penalty", "adversarial", "reconstruction")
"""What is told of a round: the critic's mean scores, its gradient penalty, the generator's two terms, all without weights."""
LOGGED = 10
"""Rounds from one that is told of to the next."""
FLAT = 1 / 255
"""Spread of colours under which a picture is of one colour."""


@dataclass
class Training:
    """A scale in training: all that the next round depends on, besides the scales below.

    Attributes:
        scale, epoch: the scale, and the round that comes next.
        amplitude: of its noise.
        generator, critic, optimizers: the two networks and their Adams, in that order.
        history: a row for every `LOGGED`th round of this training: scale, round and `TERMS`.
    """

    scale: int
    epoch: int
    amplitude: float
    generator: Patches
    critic: Patches
    optimizers: tuple[torch.optim.Adam, torch.optim.Adam]
    history: list[tuple[float, ...]]


@dataclass(frozen=True)
class Round:
    """One finished round, as given to `on_step`; its names are those of `dst.Step` where it has the same.

    Attributes:
        scale, scales: index of the scale, from 0 at the coarsest, and how many there are.
        size: (W, H) of this scale, pixels.
        step, steps: index of the round within the scale, and how many the scale has.
        done, total_steps: the work finished in the whole training, and all of it, both in parts of a thousand million: a round at a
            fine scale is more than one at a coarse scale.
        terms: the terms of the last round that they were taken of, by `TERMS`, and their weighted `total`, the generator's.
        seconds: what the round took.
        left: seconds that the training still needs, by what this process has done so far.
    """

    scale: int
    scales: int
    size: Size
    step: int
    steps: int
    done: float
    total_steps: float
    terms: dict[str, float]
    seconds: float
    left: float


def seeded(config: SinganConfig, scale: int, epoch: int) -> torch.Generator:
    """The generator of the random draws of a round; epoch -1 is for what a scale begins with, scale -1 for the fixed noise."""
    mixed = (config.seed * 1_000_003 + scale + 1) * 1_000_003 + epoch + 1
    return torch.Generator().manual_seed(mixed % 2**63)


def untrained(source: Tensor, config: SinganConfig) -> Model:
    """A model without a scale.

    Args:
        source: (1, 3, H, W) in [0, 1] at the finest size.

    Raises:
        InputError: the picture has one colour, or is too narrow.
    """
    if float(source.std((2, 3)).max()) < FLAT:
        raise InputError("the image has one colour alone, from which nothing can be learnt: give another")
    sizes = scale_sizes((source.shape[3], source.shape[2]), config)
    width, height = sizes[0]
    margin = config.layers
    noise = torch.randn(1, 1, height + 2 * margin, width + 2 * margin, generator=seeded(config, -1, -1))
    if config.padding == "zero":
        noise = F.pad(noise[..., margin:-margin, margin:-margin], (margin,) * 4)
    return Model(config, tuple(sizes), source, noise.to(source.device))


def begun(model: Model, below: Training | None) -> Training:
    """The next scale of a model before its first round: its networks begin as those of the scale below where they have as many
    channels, and afresh where they have not."""
    config, scale, device = model.config, len(model.scales), model.source.device
    draws, width = seeded(config, scale, -1), config.width(scale)
    networks = list(untaught(config, scale, draws))
    if below is not None and config.width(scale - 1) == width:
        for mine, theirs in zip(networks, (below.generator, below.critic), strict=True):
            mine.load_state_dict(theirs.state_dict())
    generator, critic = (network.to(device) for network in networks)
    amplitude = 1.0
    if scale:
        under = under_of(model, scale, reconstruction(model))
        amplitude = config.noise * float((model.real(scale) - under).square().mean().sqrt())
    return Training(
        scale, 0, amplitude, generator, critic, adams(generator, critic, config), [] if below is None else below.history
    )


def untaught(config: SinganConfig, scale: int, generator: torch.Generator | None = None) -> tuple[Patches, Patches]:
    """The generator and the critic of a scale, their weights drawn where there is a generator of random numbers."""
    width = config.width(scale)
    return (
        Patches(width, config.layers, 3, config.norm != "neither", generator),
        Patches(width, config.layers, 1, config.norm == "both", generator),
    )


def under_of(model: Model, scale: int, made: Tensor | None) -> Tensor:
    """What a scale draws upon at the training's sizes."""
    return below(model, model.sizes, scale, made)


def adams(generator: Patches, critic: Patches, config: SinganConfig) -> tuple[torch.optim.Adam, torch.optim.Adam]:
    """The optimisers of both networks."""
    # fused: at coarse scales Adam's many small operations take longer than the networks'
    first, second = (torch.optim.Adam(n.parameters(), config.lr, BETAS, fused=True) for n in (generator, critic))
    return first, second


def epoch(model: Model, at: Training, real: Tensor, rebuilt: Tensor) -> dict[str, Tensor]:
    """One round: steps of the critic, then of the generator. Returns the terms of the last steps.

    Args:
        real: (1, 3, H, W) in [-1, 1], the picture at this scale.
        rebuilt: what the scales below make of the fixed noise, enlarged.

    As in the published code the generator's steps all see the noise of the critic's last one. There the first of them is taken
    back through the network as it was before, in each of the steps; here through the network as it is.
    """
    config, scale = model.config, at.scale
    draws = seeded(config, scale, at.epoch)
    rate = config.lr * (DROP if at.epoch >= DROP_AT * config.rounds(scale) else 1.0)
    for optimizer in at.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
    terms = {}
    draw = model.draws(draws)
    for step in range(config.critic_steps):
        under = under_of(model, scale, grow(model, model.sizes, draw, last=scale))
        noise = draw(scale, model.sizes[scale]) * at.amplitude
        share = float(torch.rand((), generator=draws))
        count = at.epoch * config.critic_steps + step
        terms |= _critic_step(at, config, real, noise, under, share if count % config.penalty_every == 0 else None)
    at.critic.requires_grad_(False)
    fixed = model.fixed(scale, model.sizes[scale])
    fixed = model.padded(torch.zeros_like(real)) if fixed is None else fixed
    for _ in range(config.generator_steps):
        at.optimizers[0].zero_grad()
        terms["adversarial"] = -at.critic(generated(at.generator, noise, under)).mean()
        terms["reconstruction"] = F.mse_loss(generated(at.generator, fixed, rebuilt), real)
        (terms["adversarial"] + config.reconstruction * terms["reconstruction"]).backward()
        at.optimizers[0].step()
    at.critic.requires_grad_(True)
    at.epoch += 1
    return {name: value.detach() for name, value in terms.items()}


def _critic_step(
    at: Training, config: SinganConfig, real: Tensor, noise: Tensor, under: Tensor, share: float | None
) -> dict[str, Tensor]:
    """One step of the critic, with the gradient penalty where a share is given."""
    with torch.no_grad():
        fake = generated(at.generator, noise, under)
    at.optimizers[1].zero_grad()
    terms = {"critic_real": at.critic(real).mean(), "critic_fake": at.critic(fake).mean()}
    loss = terms["critic_fake"] - terms["critic_real"]
    if share is not None:
        terms["penalty"] = gradient_penalty(at.critic, real, fake, share)
        loss = loss + config.penalty * config.penalty_every * terms["penalty"]
    loss.backward()
    at.optimizers[1].step()
    return terms


def trained(model: Model, at: Training) -> Model:
    """The model with the scale that was in training."""
    at.generator.requires_grad_(False)
    scale = Scale(model.sizes[at.scale], at.amplitude, at.generator, torch.empty(0), Frozen(at.generator))
    fuller = dataclasses.replace(model, scales=(*model.scales, scale))
    scale = dataclasses.replace(scale, reconstruction=reconstruction(fuller))
    return dataclasses.replace(model, scales=(*model.scales, scale))


def rounds(model: Model, at: Training) -> Iterator[tuple[dict[str, float], float]]:
    """Train a scale to its end from where it stands; yields the terms, and the seconds of each round.

    Raises:
        InputError: the training has gone astray.
    """
    config, count, terms = model.config, model.config.rounds(at.scale), {}
    real = model.real(at.scale)
    made = reconstruction(model) if at.scale else None
    rebuilt = under_of(model, at.scale, made)
    while at.epoch < count:
        began = time.perf_counter()
        found = epoch(model, at, real, rebuilt)
        if at.epoch % LOGGED == 0 or at.epoch == count or not terms:
            terms = {**terms, **{name: float(value) for name, value in found.items()}}
            if not all(map(math.isfinite, terms.values())):
                raise InputError(
                    f"the training went astray at scale {at.scale}, round {at.epoch}: try a smaller lr or another seed"
                )
            terms["total"] = terms["adversarial"] + config.reconstruction * terms["reconstruction"]
            if at.epoch % LOGGED == 0 or at.epoch == count:
                at.history.append((at.scale, at.epoch, *(terms.get(name, 0.0) for name in TERMS)))
        yield terms, time.perf_counter() - began


def train(
    model: Model,
    at: Training | None = None,
    on_step: Callable[[Round], object] | None = None,
    on_scale: Callable[[Model, list[tuple[float, ...]], Training | None], object] | None = None,
    on_state: Callable[[Training], object] | None = None,
) -> Model:
    """Train the scales that a model still lacks.

    Args:
        model: what there is; trained scales stay as they are.
        at: where the next scale stands; None where it has not begun, which is for the coarsest alone.
        on_step: called after each round; a true return value stops there.
        on_scale: called after each scale with the model, the history so far, and the scale that comes next before its first
            round, None where there is none.
        on_state: called after each round with where the scale stands, to keep it now and then.

    Returns:
        The model; not `finished` where it was stopped.

    Raises:
        InputError: as `rounds`.
    """
    config = model.config
    costs = [config.rounds(k) * cost(size, config.width(k), config) for k, size in enumerate(model.sizes)]
    began, behind, stop = time.perf_counter(), None, False
    at = begun(model, None) if at is None and not model.finished else at
    while not model.finished:
        count = config.rounds(at.scale)
        for terms, seconds in rounds(model, at):
            done = sum(costs[: at.scale]) + costs[at.scale] * at.epoch / count
            behind = done - costs[at.scale] / count if behind is None else behind
            left = (time.perf_counter() - began) * (sum(costs) - done) / (done - behind)
            place = at.scale, len(costs), model.sizes[at.scale], at.epoch - 1, count
            stop = on_step is not None and on_step(Round(*place, done / sum(costs) * 1e9, 1e9, terms, seconds, left))
            if on_state is not None:
                on_state(at)
            if stop and at.epoch < count:
                return model
        model = trained(model, at)
        after = None if model.finished else begun(model, at)
        if on_scale is not None:
            on_scale(model, at.history, after)
        if stop:
            return model
        at = after
    return model
