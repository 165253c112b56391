"""The loop of every optimisation here: coarse to fine, over any parameters, against any objective.

It knows neither what is compared nor what the parameters mean: a `Problem` gives the parameters of each scale and the
objective, and the loop steps, keeps the last good state, counts, and tells its subscriber after each step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from dst.config import OptimizeConfig
from dst.config.optim import MOST_PIXELS
from dst.imaging import fit_size, pyramid
from dst.optim.state import Parameters, Row, State, Step
from dst.optim.steps import descent_of

DETAIL_BANDS = 3
"""Bands of the pyramid that a scale of details changes, the finest: tones and shapes stay as they were painted."""
KEEP_EVERY = 10
"""Steps between two copies of the last parameters whose loss was finite."""


class Scale(NamedTuple):
    """One scale of a schedule.

    Attributes:
        size: (W, H) in pixels.
        steps: how many.
        last_pass: whether it is a method's last pass.
        details: whether only details are refined, through windows.
    """

    size: tuple[int, int]
    steps: int
    last_pass: bool = False
    details: bool = False

    @property
    def side(self) -> int:
        """The long side in pixels."""
        return max(self.size)


def schedule(size: tuple[int, int], config: OptimizeConfig) -> list[Scale]:
    """The scales up to an image of `size` (W, H), coarse to fine."""
    found = []
    for side in pyramid.scale_schedule(max(size), config.smallest_scale):
        details = bool(found) and config.refines(side)
        doublings = max(0.0, math.log2((config.details_above if details else side) / 256.0))
        steps = max(1, round(config.steps * config.step_decay**doublings))
        found.append(Scale(fit_size(size, side), steps, details=details))
    # what refines details is a last pass already, unless one is asked for
    if config.splitting or (config.last_steps and not found[-1].details):
        details = config.details_above < MOST_PIXELS
        found.append(Scale(found[-1].size, config.last_steps, last_pass=True, details=details))
    return found


def levels(scale: Scale, config: OptimizeConfig) -> int:
    """Levels of the Laplacian pyramid that is optimised at a scale: of details, more than those that move."""
    return max(DETAIL_BANDS + 1, config.pyramid_levels) if scale.details else config.pyramid_levels


class Objective(Protocol):
    """What is minimised at one scale."""

    def terms(self, parameters: Parameters, generator: torch.Generator, last: Row | None) -> dict[str, Tensor]:
        """Its terms by name, unweighted, and their weighted sum as `total`, which is differentiated.

        Args:
            parameters: what is optimised.
            generator: of the random draws of one step.
            last: the history's row of the step before at this scale, None at its first.
        """

    def project(self, parameters: Parameters) -> None:
        """Bring the parameters back to what is allowed, in place; called after each step, without gradients."""


class Problem(Protocol):
    """What is optimised, scale by scale.

    Attributes:
        device: where the parameters live.
        scales: coarse to fine.
    """

    device: torch.device
    scales: Sequence[Scale]

    def learning_rates(self, scale: int) -> dict[str, float]:
        """Of each group of parameters, at the start of a scale; a group that is not named stays as it is."""

    def begin(self, scale: int, finished: Parameters) -> Parameters:
        """The parameters that a scale starts from; `finished` are those of the scale below, empty at the first."""

    def objective(self, scale: int) -> Objective:
        """The objective of a scale; its targets are encoded here, once."""


class Stepping(Protocol):
    """How steps are made.

    Attributes:
        optimizer: `adam`, `rmsprop`, `sgd` or `lbfgs`.
        lr_end: share of the learning rate left at the end of a scale.
    """

    optimizer: str
    lr_end: float


class Loop:
    """The loop over scales and steps; `run` may be called again after a stop and goes on where it was."""

    def __init__(self, problem: Problem, config: Stepping, seed: int = 0, state: State | None = None) -> None:
        """Prepare a run, or go on from a state.

        Args:
            problem: what is optimised.
            config: optimiser and how the learning rates fall.
            seed: of every random draw.
            state: where an earlier run of the same problem and config stopped; None to begin.
        """
        self.problem, self.config, self.seed = problem, config, seed
        self.state = state or State()
        if not self.state.parameters:
            self.state.parameters = problem.begin(self.state.scale, {})
        left = sum(scale.steps for scale in problem.scales[self.state.scale :]) - self.state.step
        self.total_steps = len(self.state.history) + left

    def run(self, on_step: Callable[[Step], object] | None = None) -> State:
        """Optimise to the end, or until `on_step` returns True or a loss stops being finite.

        Args:
            on_step: called after each step; a true return value stops the run there.

        Returns:
            The state; `state.stopped` says why it ended early, and is empty when it did not.
        """
        state, scales = self.state, self.problem.scales
        state.stopped = ""
        while state.scale < len(scales):
            self._run_scale(on_step)
            if state.stopped:
                return state
            if state.scale + 1 == len(scales):
                state.scale += 1
                break
            finished = {name: [t.detach() for t in group] for name, group in state.parameters.items()}
            state.scale, state.step, state.optimizer = state.scale + 1, 0, None
            state.parameters = self.problem.begin(state.scale, finished)
        return state

    def _run_scale(self, on_step) -> None:
        state, scale = self.state, self.problem.scales[self.state.scale]
        rates = self.problem.learning_rates(state.scale)
        parameters = state.parameters = {
            name: [tensor.detach().requires_grad_(name in rates) for tensor in group]
            for name, group in state.parameters.items()
        }
        generator = torch.Generator(self.problem.device).manual_seed(self.seed * 7919 + 17)
        if state.generator is not None:
            generator.set_state(state.generator)
        objective = self.problem.objective(state.scale)
        descent = descent_of(self.config.optimizer, self._groups(1.0), state.optimizer)
        kept = _copy(parameters)
        while state.step < scale.steps:
            began = time.perf_counter()
            descent.groups = self._groups(1 - (1 - self.config.lr_end) * state.step / scale.steps)
            descent.zero_grad()
            terms = objective.terms(parameters, generator, state.history[-1] if state.step else None)
            terms["total"].backward()
            row = {"scale": state.scale, "side": scale.side, "step": state.step}
            row |= {name: float(value.detach()) for name, value in terms.items()}
            if not all(map(math.isfinite, row.values())):
                state.stopped, state.parameters = _not_finite(row), kept
                return
            descent.step()
            with torch.no_grad():
                objective.project(parameters)
            row["seconds"] = time.perf_counter() - began
            state.step += 1
            state.history.append(row)
            state.optimizer, state.generator = descent.state, generator.get_state()
            if state.step % KEEP_EVERY == 0:
                kept = _copy(parameters)
            if on_step is not None and on_step(self._event(row, scale)):
                state.stopped = "stopped on request"
                return

    def _groups(self, share: float) -> list[tuple[list[Tensor], float]]:
        """The groups of parameters that move, each with its share of its learning rate."""
        rates = self.problem.learning_rates(self.state.scale)
        return [(self.state.parameters[name], rate * share) for name, rate in rates.items()]

    def _event(self, row: dict, scale: Scale) -> Step:
        return Step(
            scale=row["scale"],
            scales=len(self.problem.scales),
            size=scale.size,
            step=row["step"],
            steps=scale.steps,
            done=len(self.state.history),
            total_steps=self.total_steps,
            terms={k: v for k, v in row.items() if k not in ("scale", "side", "step", "seconds")},
            seconds=row["seconds"],
            state=self.state,
        )


def _copy(parameters: Parameters) -> Parameters:
    return {name: [tensor.detach().clone() for tensor in group] for name, group in parameters.items()}


def _not_finite(row: dict) -> str:
    bad = [name for name, value in row.items() if not math.isfinite(value)]
    return (
        f"the loss stopped being finite at {row['side']} pixels, step {row['step']} ({', '.join(bad)}): "
        "the last good image is kept; a smaller `lr` may help"
    )
