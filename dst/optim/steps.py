"""Adam, RMSprop and SGD with momentum over a few tensors, by the functional forms of `torch.optim`.

Constructing any optimiser of `torch.optim` loads PyTorch's compiler, which costs about two seconds of every run of the
command line: as long as a third of the work. Its functional forms do not.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

ADAM_BETAS = (0.8, 0.99)
"""Decay of the averages of gradients and of their squares. The first is lower than usual: with tens of steps, not
thousands, a long memory of gradients from elsewhere costs more than the noise that it averages out."""
RMSPROP_DECAY = 0.99
MOMENTUM = 0.9
TINY = 1e-8


class Descent:
    """Moves tensors against their gradients, each group of them with its own learning rate.

    Attributes:
        groups: `(tensors, learning rate)`; a learning rate may be changed between steps.
    """

    def __init__(self, kind: str, groups: list[tuple[list[Tensor], float]], state: dict | None = None) -> None:
        """Prepare.

        Args:
            kind: "adam", "rmsprop" or "sgd".
            groups: the tensors, which must require gradients, and the learning rate of each group.
            state: what `state` gave, to go on from there.
        """
        self.kind, self.groups = kind, groups
        tensors = [tensor for group, _ in groups for tensor in group]
        self.steps = 0 if state is None else int(state["steps"])
        for name in ("first", "second"):
            kept = None if state is None else [t.clone() for t in state[name]]
            setattr(self, name, kept or [torch.zeros_like(tensor) for tensor in tensors])

    @property
    def state(self) -> dict:
        """Everything that a later step depends on, beside the tensors themselves; it changes with the next step."""
        return {"steps": self.steps, "first": self.first, "second": self.second}

    @torch.no_grad()
    def step(self) -> None:
        """Move every tensor once; those without a gradient stay."""
        index = 0
        for tensors, rate in self.groups:
            moving = [n for n, tensor in enumerate(tensors, index) if tensor.grad is not None]
            mine = [tensors[n - index] for n in moving]
            self._move(mine, [self.first[n] for n in moving], [self.second[n] for n in moving], rate)
            index += len(tensors)
        self.steps += 1

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for tensors, _ in self.groups:
            for tensor in tensors:
                tensor.grad = None

    def _move(self, tensors: list[Tensor], first: list[Tensor], second: list[Tensor], rate: float) -> None:
        gradients = [tensor.grad for tensor in tensors]
        steps = [torch.tensor(float(self.steps)) for _ in tensors]
        plain = {"foreach": False, "maximize": False, "weight_decay": 0.0, "lr": rate}
        if self.kind == "sgd":
            momentum = {"momentum": MOMENTUM, "dampening": 0.0, "nesterov": False}
            sgd(tensors, gradients, first, has_sparse_grad=False, **momentum, **plain)
        elif self.kind == "rmsprop":
            averages = {"alpha": RMSPROP_DECAY, "eps": TINY, "momentum": 0.0, "centered": False}
            rmsprop(tensors, gradients, second, [], [], steps, **averages, **plain)
        else:
            averages = {"beta1": ADAM_BETAS[0], "beta2": ADAM_BETAS[1], "eps": TINY, "amsgrad": False}
            adam(tensors, gradients, first, second, [], steps, **averages, **plain)


class Lbfgs:
    """L-BFGS of `torch.optim`, one for each group of tensors, one evaluation a step, without a line search.

    The groups do not know of one another, so that pictures optimised side by side are as they would be alone. Gradients are scaled
    by one factor, that of the first step, to a root mean square of 1: PyTorch's method ignores curvature of very small losses.

    Attributes:
        groups: as of `Descent`; the learning rate is the length of a step, 1 for the full one.

    Source: Liu and Nocedal 1989, as Gatys et al. 2016 use it.
    """

    HISTORY = 20

    def __init__(self, groups: list[tuple[list[Tensor], float]], state: dict | None = None) -> None:
        from torch.optim import LBFGS

        self.groups = groups
        quiet = {"max_iter": 1, "history_size": self.HISTORY, "tolerance_grad": 0, "tolerance_change": 0}
        self._each = [LBFGS(tensors, lr=max(rate, 1e-12), **quiet) for tensors, rate in groups]
        self._scales: list[float] = [] if state is None else list(state["scales"])
        for optimiser, kept in zip(self._each, [] if state is None else state["each"], strict=False):
            optimiser.load_state_dict(kept)

    @property
    def state(self) -> dict:
        """Everything that a later step depends on, beside the tensors themselves; it changes with the next step."""
        return {"scales": self._scales, "each": [optimiser.state_dict() for optimiser in self._each]}

    def step(self) -> None:
        """Move every tensor once."""
        if not self._scales:
            self._scales = [_root_mean_square(tensors) for tensors, _ in self.groups]
        for optimiser, scale, (tensors, rate) in zip(self._each, self._scales, self.groups, strict=True):
            if scale == 0:
                continue
            for tensor in tensors:
                tensor.grad /= scale
            optimiser.param_groups[0]["lr"] = rate
            optimiser.step(lambda: 0.0)

    zero_grad = Descent.zero_grad


def _root_mean_square(tensors: list[Tensor]) -> float:
    squares = sum(float(tensor.grad.square().sum()) for tensor in tensors)
    return (squares / sum(tensor.numel() for tensor in tensors)) ** 0.5


def descent_of(kind: str, groups: list[tuple[list[Tensor], float]], state: dict | None = None) -> Descent | Lbfgs:
    """The optimiser of a name: `lbfgs`, or one of `Descent`."""
    return Lbfgs(groups, state) if kind == "lbfgs" else Descent(kind, groups, state)
