"""Result and Step: what a run gives while it goes and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """One finished step, as given to `on_step`.

    Attributes:
        scale, scales: index of the scale, from 0 at the coarsest, and how many there are.
        size: (W, H) of this scale, pixels.
        step, steps: index of the step within the scale, and how many the scale has.
        done, total_steps: steps finished in the whole run, and how many it has.
        terms: unweighted `content`, `style`, `style_warped`, `warp`, `tv`, and the weighted `total`.
        seconds: what the step took.
        state: the optimisation's state (`state.image` is the picture so far); it changes with the next step.
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
