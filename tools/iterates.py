"""Images as an optimisation makes them: what an encoder really sees when it is used, and where it can be fooled.

A stylisation moves pixels wherever the encoder's features get nearer to their targets, and so also into whatever the
student takes for an improvement and the teacher does not. Teaching on such images closes those ways.
"""

from __future__ import annotations

import torch

from dst.config import OptimizeConfig
from dst.features import Encoder
from dst.imaging import pyramid
from dst.methods.strotss import Strotss
from dst.methods.targets import Style


class Iterates:
    """A few stylisations that run beside the training, each begun anew after `life` steps with the student as it is then.

    Args:
        count, side: how many images, and their side.
        life: optimisation steps of an image.
        rate: learning rate on the images' Laplacian pyramid.
        alpha: weight of the content term.
    """

    def __init__(
        self, count: int = 4, side: int = 192, life: int = 60, rate: float = 0.008, alpha: float = 8.0
    ) -> None:
        self.count, self.side, self.life, self.rate, self.alpha = count, side, life, rate, alpha
        self.chains: list[tuple] = []
        self.age = 0

    def batch(self, crops, encoder: Encoder, generator: torch.Generator, steps: int = 2) -> torch.Tensor:
        """Return the images (count, 3, side, side) after `steps` more steps of each.

        Args:
            crops: gives contents and styles, `training_images.Crops`.
            encoder: the student as it is now; used by the images that begin.
            generator: of the positions compared.
        """
        stagger = max(1, self.life // self.count)
        if len(self.chains) < self.count:
            self.chains.append(self._begin(crops, encoder, generator))
        elif self.age % stagger < steps:
            self.chains.pop(0)
            self.chains.append(self._begin(crops, encoder, generator))
        self.age += steps
        return torch.cat([self._advance(chain, generator, steps) for chain in self.chains])

    def _begin(self, crops, encoder: Encoder, generator: torch.Generator) -> tuple:
        content, style = (crops.one(self.side)[None].clamp(0, 1) for _ in range(2))
        method = Strotss(encoder, content, [Style(style)], OptimizeConfig(style_samples=768), generator)
        bands = [band.contiguous().requires_grad_() for band in pyramid.decompose(content, 5)]
        return method, bands, torch.optim.Adam(bands, lr=self.rate, betas=(0.9, 0.99))

    def _advance(self, chain: tuple, generator: torch.Generator, steps: int) -> torch.Tensor:
        method, bands, optimiser = chain
        for _ in range(steps):
            terms = method.terms(pyramid.compose(bands), None, None, generator)
            optimiser.zero_grad()
            (self.alpha * terms["content"] + 2 * terms["style"]).backward()
            optimiser.step()
        return pyramid.compose([band.detach() for band in bands]).clamp(0, 1)
