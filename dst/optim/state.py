"""Where a loop stands, and what it tells after each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from dst.optim.pixels import compose_image

Parameters = dict[str, list[Tensor]]
"""What is optimised: tensors in named groups, each group with a learning rate of its own."""
Row = dict[str, Any]
"""One step of a history: `scale`, `side`, `step`, the terms, `seconds`."""


@dataclass
class State:
    """Where a loop stands: everything a later process needs to go on as if it had never stopped.

    Attributes:
        parameters: at the present scale; empty before the first.
        scale, step: indices of the present scale and of the next step within it.
        optimizer: what the optimiser remembers; None at the start of a scale.
        generator: the state of the generator of random draws.
        history: one row a step.
        stopped: why the loop ended early; empty where it did not.
    """

    parameters: Parameters = field(default_factory=dict)
    scale: int = 0
    step: int = 0
    optimizer: dict | None = None
    generator: Tensor | None = None
    history: list[Row] = field(default_factory=list)
    stopped: str = ""

    @property
    def image(self) -> Tensor:
        """The image that the group `pixels` stands for, (1, 3, H, W), clamped to [0, 1]."""
        return compose_image([band.detach() for band in self.parameters["pixels"]]).clamp(0, 1)


@dataclass(frozen=True)
class Step:
    """One finished step, as given to `on_step`.

    Attributes:
        scale, scales: index of the scale, from 0 at the coarsest, and how many there are.
        size: (W, H) of this scale, pixels.
        step, steps: index of the step within the scale, and how many the scale has.
        done, total_steps: steps finished in the whole run, and how many it has.
        terms: unweighted terms of the objective, and the weighted `total`.
        seconds: what the step took.
        state: the loop's state (`state.image` is the image so far); it changes with the next step.
        warp: gives the warp as it stands, which has `apply`; None where nothing is warped.
    """

    scale: int
    scales: int
    size: tuple[int, int]
    step: int
    steps: int
    done: int
    total_steps: int
    terms: dict[str, float]
    seconds: float
    state: Any
    warp: Callable[[], Any] | None = None
