"""The loop that trains every network: Adam on a network's terms, on squares of photographs.

Every random draw is seeded by the training's seed and its step, so that a training which was stopped goes on as if it had not been.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from dst import runtime
from dst.config import InputError, TrainConfig
from dst.features.encoder import Encoder
from dst.networks.feedforward.data import LEAST, Photographs
from dst.networks.feedforward.model import WIDEST
from dst.networks.feedforward.table import NETWORKS

LOGGED = 10
"""Steps from one that is logged to the next."""
DROP_AT, DROP = 0.8, 0.1
"""After which share of the steps the learning rate falls, and to what share: the last strokes settle."""
LATE = 0.55
"""Share of the steps after which a network's `late_style` counts."""
WARM = 20
"""Steps in which the learning rate rises from 0."""


ENCODED = 2.3
"""What a step holds of a square that is encoded, in units of all its activations."""


@dataclass
class Training:
    """Where a training stands: all that the next step depends on.

    Attributes:
        network, optimizer: in training.
        step: the step that comes next.
        history: a row for every `LOGGED`th step: its number and its terms, by name.
    """

    network: nn.Module
    optimizer: torch.optim.Adam
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class TrainStep:
    """One finished step, as given to `on_step`; its names are those of `dst.Step` where it has the same.

    Attributes:
        step, steps: index of the step, and how many there are.
        done, total_steps: steps finished, and all.
        size: of the squares, pixels.
        terms: the last terms that were logged, and their `total`.
        seconds: what the step took.
        left: seconds that the training still needs, by what this process has done so far.
    """

    step: int
    steps: int
    done: int
    total_steps: int
    size: tuple[int, int]
    terms: dict[str, float]
    seconds: float
    left: float


def check_memory(config: TrainConfig, encoder: Encoder) -> None:
    """Refuse a training whose steps there is no memory for.

    Raises:
        InputError: it is too large; the message says what squares would do.
    """
    free = runtime.free_memory(config.device)
    plain, wide, encoded = NETWORKS[config.network].learns
    each = 4 * (plain + wide * config.channels(WIDEST) + encoded * ENCODED * encoder.activations)
    needed = each * config.batch * config.crop**2
    if free is None or needed <= runtime.SPARE * free:
        return
    squares = (
        f"{config.batch} squares of {config.crop} x {config.crop} pixels need about {needed / 1e9:.1f} GB in a step"
    )
    fits = int((runtime.SPARE * free / each / config.batch) ** 0.5)
    crop = f"a crop of {fits}, or " if fits >= LEAST else ""
    raise InputError(f"{squares}, and {free / 1e9:.1f} are free: give {crop}a smaller batch")


def seeded(config: TrainConfig, step: int) -> torch.Generator:
    """The generator of the random draws of a step."""
    return torch.Generator().manual_seed((config.seed * 1_000_003 + step + 1) % 2**63)


def begun(config: TrainConfig, styles: int) -> Training:
    """A training before its first step."""
    network = NETWORKS[config.network].build(config, styles).to(config.device)
    return Training(network.train(), adam(network, config))


def adam(network: nn.Module, config: TrainConfig) -> torch.optim.Adam:
    """The optimiser of a network's weights."""
    return torch.optim.Adam([p for p in network.parameters() if p.requires_grad], config.lr)


def rate(config: TrainConfig, step: int) -> float:
    """The learning rate of a step."""
    return config.lr * min(1.0, (step + 1) / WARM) * (DROP if step >= DROP_AT * config.steps else 1.0)


def advance(at: Training, photographs: Photographs, targets: Any, config: TrainConfig) -> dict[str, Tensor]:
    """One step of a training; its terms.

    Raises:
        InputError: a term is not finite.
    """
    draws = seeded(config, at.step)
    images = photographs.batch(config.batch, draws).to(config.device)
    for group in at.optimizer.param_groups:
        group["lr"] = rate(config, at.step)
    row = NETWORKS[config.network]
    terms = row.terms(at.network, images, targets, config, draws)
    if at.step >= LATE * config.steps and row.late_style != 1:
        terms["style"] = row.late_style * terms["style"]
    total = torch.stack(list(terms.values())).sum()
    if not bool(torch.isfinite(total)):
        raise InputError(f"the training went astray in step {at.step}: give a smaller lr")
    at.optimizer.zero_grad(set_to_none=True)
    total.backward()
    at.optimizer.step()
    at.step += 1
    return {**{name: value.detach() for name, value in terms.items()}, "total": total.detach()}


def train(
    at: Training,
    photographs: Photographs,
    targets: Any,
    config: TrainConfig,
    on_step: Callable[[TrainStep], object] | None = None,
    on_state: Callable[[Training], object] | None = None,
) -> bool:
    """Take the steps that a training still lacks.

    Args:
        at: where it stands; changed in place.
        targets: what the network's `prepare` gave.
        on_step: called after each step; a true return value stops there.
        on_state: called after each step with where the training stands, to keep it now and then.

    Returns:
        Whether it came to its end.

    Raises:
        InputError: as `advance`.
    """
    began, first, told = time.perf_counter(), at.step, {}
    while at.step < config.steps:
        before = time.perf_counter()
        terms = advance(at, photographs, targets, config)
        if at.step % LOGGED == 0 or at.step == config.steps or not told:
            told = {name: float(value) for name, value in terms.items()}
            if at.step % LOGGED == 0 or at.step == config.steps:
                at.history.append({"step": at.step, **told})
        now = time.perf_counter()
        left = (now - began) / (at.step - first) * (config.steps - at.step)
        step = TrainStep(
            at.step - 1, config.steps, at.step, config.steps, (config.crop, config.crop), told, now - before, left
        )
        stop = on_step is not None and bool(on_step(step))
        if on_state is not None:
            on_state(at)
        if stop:
            break
    return at.step >= config.steps
