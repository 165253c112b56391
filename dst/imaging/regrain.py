"""Grain that a change of colours has brought out, taken back: the fine gradients of the image as it was, in its new colours."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dst.imaging.color import in_strips

SWEEPS = (4, 16, 32, 64, 64, 64)
"""Of the solver at full size, at half of it, and so on."""
SMALLEST = 20
"""Pixels that the sides of a grid must be longer than for a coarser one."""
KEPT = 0.2
"""Share of a pixel's value that a sweep leaves."""
SLOPE = 5 / 255
"""Gradient from which on a pixel's new colour counts in full; flatter places are filled in from around."""

STIFF = 300
"""How fast a gradient frees its place from keeping it. By eye: at 2550 speckle stays in textured places, at 10 colours bleed."""


def regrain(image: Tensor, recolored: Tensor) -> Tensor:
    """The image in its new colours with its own gradients.

    Minimises the integral of phi |grad J - grad I|^2 + psi |J - R|^2 over J, with phi = 30 / (1 + STIFF g), psi = min(1, 51 g) and g
    the length of I's gradient, on a multigrid from coarse to fine.

    Args:
        image: I, (1, 3, H, W) in [0, 1].
        recolored: R, of the same shape.

    Returns:
        (1, 3, H, W), clamped to [0, 1].

    Source: Pitie, Kokaram and Dahyot 2007, "Automated colour grading using colour distribution transfer", section 5, whose
    10 in the place of `STIFF` leaves open what g is counted in. Two things differ: a coarser grid weighs phi less, and it corrects
    the finer one instead of replacing it, so that an image in its own colours stays as it is.
    """
    shift = (recolored - image).mean((2, 3), keepdim=True)
    return _solved(image + shift, image, recolored, 0).clamp(0, 1)


def _solved(guess: Tensor, image: Tensor, recolored: Tensor, level: int) -> Tensor:
    height, width = image.shape[-2:]
    half = ((height + 1) // 2, (width + 1) // 2)
    if level + 1 < len(SWEEPS) and min(half) > SMALLEST:
        small = [_resized(x, half) for x in (guess, image, recolored)]
        guess = guess + _resized(_solved(*small, level + 1) - small[0], (height, width))
    sweeps = SWEEPS[level]

    def swept(part: Tensor) -> Tensor:
        return _swept(*part.split(3, 1), sweeps, 0.5**level)

    return in_strips(swept, torch.cat([guess, image, recolored], 1), halo=sweeps + 1)


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(image, size=size, mode="bilinear", antialias=True, align_corners=False)


def _swept(guess: Tensor, image: Tensor, recolored: Tensor, sweeps: int, weight: float) -> Tensor:
    """Relaxed Jacobi sweeps."""
    up, down, left, right = _around(image)
    slope = (((right - left) / 2).square() + ((down - up) / 2).square()).sum(1, keepdim=True).sqrt()
    psi = (slope / SLOPE).clamp(max=1)
    phi = 30 * weight / (1 + STIFF * slope)
    links = [(side + phi) / 2 for side in _around(phi)]
    fixed = psi * recolored
    for link, side in zip(links, _around(image), strict=True):
        fixed = fixed + link * (image - side)
    total = psi + sum(links)
    for _ in range(sweeps):
        pulled = fixed
        for link, side in zip(links, _around(guess), strict=True):
            pulled = pulled + link * side
        guess = torch.lerp(pulled / total, guess, KEPT)
    return guess


def _around(image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The pixels above, below, left and right of each; at the border the pixel itself."""
    wide = F.pad(image, (1, 1, 1, 1), mode="replicate")
    return wide[..., :-2, 1:-1], wide[..., 2:, 1:-1], wide[..., 1:-1, :-2], wide[..., 1:-1, 2:]
