"""Adam in the eigenbasis of Shampoo's preconditioner (Vyas et al., "SOAP", 2024), for small convolutions.

Channels of a convolutional network are strongly correlated, so plain Adam creeps along the narrow directions of a
regression onto another network's activations; in the eigenbasis of the gradients' second moments it does not.

Where this departs from the paper: the preconditioner works in double precision, and a coordinate's deviation counts as at
least `eps` times the length of the whole gradient. Most of the eigenbasis of a small or low-rank problem is a null space, in
which the rotated mean and the rotated gradient differ by rounding alone; the quotient of the two would be a step of any size.
"""

from __future__ import annotations

import torch


class Soap(torch.optim.Optimizer):
    """Weights are taken as matrices (out, in x 3 x 3); vectors get plain Adam.

    Args:
        lr: learning rate.
        betas: decay of the mean and of the square of the gradient.
        eps: floor of a coordinate's deviation, share of the gradient's own length.
        every: steps between two refreshes of the eigenbasis, by one QR iteration each.
    """

    def __init__(self, params, lr=3e-3, betas=(0.9, 0.98), eps=1e-10, every=20) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "every": every})

    def load_state_dict(self, saved) -> None:
        """As any optimiser's, but the state keeps its double precision, which PyTorch would cut to the parameters'."""
        super().load_state_dict(saved)
        for index, p in enumerate(p for group in self.param_groups for p in group["params"]):
            for name, value in saved["state"].get(index, {}).items():
                self.state[p][name] = value.to(p.device).clone() if isinstance(value, torch.Tensor) else value

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, (p.grad.flatten(1) if p.dim() > 1 else p.grad).double(), group)

    def _update(self, p, grad, group) -> None:
        state, (b1, b2) = self.state[p], group["betas"]
        matrix = grad.dim() == 2
        if not state:
            state["step"] = 0
            state["mean"], state["square"] = torch.zeros_like(grad), torch.zeros_like(grad)
            if matrix:
                state["left"], state["right"] = grad @ grad.T, grad.T @ grad
                state["basis_l"], state["basis_r"] = (_eigenbasis(state[k]) for k in ("left", "right"))
        state["step"] += 1
        if matrix:
            state["left"].lerp_(grad @ grad.T, 1 - b2)
            state["right"].lerp_(grad.T @ grad, 1 - b2)
        state["mean"].lerp_(grad, 1 - b1)
        mean = state["mean"]
        if matrix:
            left, right = state["basis_l"], state["basis_r"]
            grad, mean = left.T @ grad @ right, left.T @ mean @ right
        state["square"].mul_(b2).addcmul_(grad, grad, value=1 - b2)
        deviation = (state["square"] / (1 - b2 ** state["step"])).sqrt_()
        floor = (group["eps"] * deviation.norm()).clamp_min(torch.finfo(deviation.dtype).tiny)
        change = mean / deviation.clamp_min_(floor) / (1 - b1 ** state["step"])
        if matrix:
            change = left @ change @ right.T
        p.add_(change.view(p.shape).to(p.dtype), alpha=-group["lr"])
        if matrix and state["step"] % group["every"] == 0:
            for basis, moments in (("basis_l", "left"), ("basis_r", "right")):
                state[basis] = torch.linalg.qr(state[moments] @ state[basis])[0]


def _eigenbasis(moments: torch.Tensor) -> torch.Tensor:
    scale = moments.diagonal().mean().clamp_min(1e-30)
    eye = torch.eye(len(moments), dtype=moments.dtype, device=moments.device)
    return torch.linalg.eigh(moments / scale + 1e-8 * eye)[1].flip(1).contiguous()
