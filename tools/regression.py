"""Regression of one ReLU layer onto given activations by preconditioned steps, for layers that can fit them closely.

A layer a -> relu(W a) has a loss that is convex in W and whose gradient is E[(relu(W a) - t) a^T]: the ReLU's matching
loss (Auer, Herbster & Warmuth, 1996). Its Hessian, channel by channel, is E[1(W a > 0) a a^T] and so never above the
second moments E[a a^T] of the inputs. A step against the gradient, times the inverse of those moments, therefore always
shortens the error, in narrow directions as in wide ones; as the error goes, so does the noise of the gradient. The
moments are a running mean, so a batch may be livelier in some direction than they say: each channel's step is therefore
no longer than what is best on the batch at hand.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Regression:
    """Preconditioned steps for a 3x3 convolution with bias.

    Args:
        conv: the layer; changed in place.
        samples: positions per step from which the moments are estimated.
        damping: added to the moments, as a share of their mean diagonal.
        memory: decay of the running mean of the moments.
    """

    def __init__(self, conv: nn.Conv2d, samples: int = 4096, damping: float = 3e-4, memory: float = 0.97) -> None:
        self.conv, self.samples, self.damping, self.memory = conv, samples, damping, memory
        self.moments: torch.Tensor | None = None
        self.inverse: torch.Tensor | None = None
        self.count = 0

    @torch.no_grad()
    def observe(self, padded: torch.Tensor, generator: torch.Generator) -> None:
        """Update the moments from the layer's input (N, C, H + 2, W + 2), border in place."""
        n, _, h, w = padded.shape
        places = [torch.randint(0, high, (self.samples,), generator=generator) for high in (n, h - 2, w - 2)]
        pieces = [padded[places[0], :, places[1] + i, places[2] + j] for i in range(3) for j in range(3)]
        patches = torch.stack(pieces, 2).flatten(1)  # (samples, C * 9), as the weight lies
        patches = torch.cat([patches, torch.ones_like(patches[:, :1])], 1)
        moments = patches.T @ patches / self.samples
        keep = min(self.memory, self.count / (self.count + 1))
        self.moments = moments if self.moments is None else torch.lerp(moments, self.moments, keep)
        if self.count % 5 == 0 or self.count < 5:
            ridge = self.damping * self.moments.diagonal().mean()
            ridged = self.moments + ridge * torch.eye(len(self.moments), device=moments.device)
            self.inverse = torch.cholesky_inverse(torch.linalg.cholesky(ridged))
        self.count += 1

    def state(self) -> dict:
        return {"moments": self.moments, "inverse": self.inverse, "count": self.count}

    def load(self, state: dict) -> None:
        self.moments, self.inverse, self.count = state["moments"], state["inverse"], state["count"]

    @torch.no_grad()
    def step(self, padded: torch.Tensor, z: torch.Tensor, target: torch.Tensor, rate: float) -> float:
        """Move the weights; return half the mean squared error before. Channels without a target are left alone."""
        count = target.shape[1]
        error = F.relu(z[:, :count]) - target
        mean = error.numel() / count
        gradient = torch.nn.grad.conv2d_weight(padded, (count, *self.conv.weight.shape[1:]), error) / mean
        gradient = torch.cat([gradient.flatten(1), error.sum((0, 2, 3))[:, None] / mean], 1)
        change = -gradient @ self.inverse
        weight = change[:, :-1].view(count, *self.conv.weight.shape[1:])
        moved = F.conv2d(padded, weight, change[:, -1])  # what a whole step would add to z
        best = -(gradient * change).sum(1) * mean / moved.square().sum((0, 2, 3)).clamp_min(1e-20)
        rates = best.clamp(0, 1) * rate
        self.conv.weight[:count] += rates.view(-1, 1, 1, 1) * weight
        self.conv.bias[:count] += rates * change[:, -1]
        return 0.5 * error.square().mean().item()
