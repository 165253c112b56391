"""Adam, RMSprop and SGD with momentum over a few tensors.

The same steps as `torch.optim`, to the last digits, and tested against it. Constructing any optimiser of `torch.optim`
loads PyTorch's compiler, which costs about two seconds of every run of the command line: as long as a third of the work.
"""

from __future__ import annotations

import torch
from torch import Tensor

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
        self.steps += 1
        index = 0
        for tensors, size in self.groups:
            for tensor in tensors:
                if tensor.grad is not None:
                    self._move(tensor, tensor.grad, self.first[index], self.second[index], size)
                index += 1

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for tensors, _ in self.groups:
            for tensor in tensors:
                tensor.grad = None

    def _move(self, tensor: Tensor, gradient: Tensor, first: Tensor, second: Tensor, size: float) -> None:
        if self.kind == "sgd":
            first.mul_(MOMENTUM).add_(gradient)
            tensor.add_(first, alpha=-size)
        elif self.kind == "rmsprop":
            second.mul_(RMSPROP_DECAY).addcmul_(gradient, gradient, value=1 - RMSPROP_DECAY)
            tensor.addcdiv_(gradient, second.sqrt().add_(TINY), value=-size)
        else:
            slow, fast = ADAM_BETAS[1], ADAM_BETAS[0]
            first.lerp_(gradient, 1 - fast)
            second.mul_(slow).addcmul_(gradient, gradient, value=1 - slow)
            spread = (second / (1 - slow**self.steps)).sqrt_().add_(TINY)
            tensor.addcdiv_(first, spread, value=-size / (1 - fast**self.steps))
