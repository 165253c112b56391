"""What a trained model does (Shaham, Dekel and Michaeli 2019, section 4): pure functions from a model to pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor

from dst.config import MASKED, InputError
from dst.networks.singan.model import Model, grow
from dst.networks.singan.pyramid import Size, resized, sizes_for

BLUR = 5.0
"""Standard deviation of the edge of a mask, pixels, as published."""
ALONE = "a single trained scale, which draws all anew"
AMOUNTS = {"animate": 0.25}
"""Noise of a task where nothing is said, by eye: as much as in training moves whole buildings."""
LEAST = 8
"""Pixels that a picture must have on its short side at the coarsest scale."""


def shown(made: Tensor) -> Tensor:
    """A picture in about [-1, 1] as one in [0, 1]."""
    return (made / 2 + 0.5).clamp(0, 1)


def start_of(model: Model, task: str) -> int:
    """The scale that a task begins at where nothing is said: 0 to draw all anew, the finest to change the least."""
    count = len(model.scales)
    share = {"retarget": 0.25, "paint-to-image": 0.3, "style": 0.5, "edit": 0.5, "harmonise": 0.6}
    return min(count - 1, max(1, round(share[task] * count))) if task in share else 0


def check_start(model: Model, start: int) -> int:
    """A scale to begin at.

    Raises:
        InputError: the model has no such scale.
    """
    if start >= len(model.scales):
        raise InputError(f"start is {start}, but the model has {len(model.scales)} trained scales, from 0: give less")
    return start


def sizes_of(model: Model, size: Size | None) -> list[Size]:
    """Sizes of the trained scales for a picture of a size; None for the model's own.

    Raises:
        InputError: a size so small that the coarsest scale would have too few pixels to draw.
    """
    own = [scale.size for scale in model.scales]
    sizes = own if size is None else sizes_for(size, own)
    if min(sizes[0]) < LEAST:
        share = LEAST / min(sizes[0])
        width, height = (math.ceil(share * n) for n in size)
        raise InputError(
            f"size is {size[0]}x{size[1]}, of which the coarsest scale has {sizes[0][0]}x{sizes[0][1]}, too few to draw in: "
            f"give about {width}x{height} or more"
        )
    return sizes


def sample(model: Model, size: Size | None = None, seed: int = 0, start: int = 0, amount: float = 1.0) -> Tensor:
    """A new picture of any size and aspect.

    Args:
        size: (W, H); None for the model's own.
        seed: of the noise.
        start: the first scale to draw; what lies below is the model's own picture, resized.
        amount: of noise, relative to that of the training.

    Returns:
        (1, 3, H, W) in [0, 1].

    Raises:
        InputError: as `sizes_of` and `check_start`.
    """
    sizes, start = sizes_of(model, size), check_start(model, start)
    draw = model.draws(torch.Generator().manual_seed(seed), amount)
    made = resized(model.source * 2 - 1, sizes[start - 1]) if start else None
    return shown(grow(model, sizes, draw, start, made))


def fitted(model: Model, size: Size) -> Size:
    """The size that a picture of some size is worked on at: its own aspect, as many pixels as the model's own."""
    width, height = size
    own = model.size
    if abs(width * own[1] - height * own[0]) <= max(width, height):
        return own
    share = math.sqrt(own[0] * own[1] / (width * height))
    return max(1, round(width * share)), max(1, round(height * share))


def inject(
    model: Model, image: Tensor, start: int, seed: int = 0, amount: float = 1.0, size: Size | None = None
) -> Tensor:
    """Another picture drawn again in the patches of the model's, from a scale on (figure 11 of the paper's supplement for `start`).

    Args:
        image: (1, 3, h, w) in [0, 1].
        start: the first scale to draw, at least 1: what lies below is kept.
        size: (W, H) of the outcome; None for `fitted`.

    Returns:
        (1, 3, H, W) in [0, 1].

    Raises:
        InputError: as `sizes_of` and `check_start`; a start at the coarsest scale, where nothing of the picture would be left.
    """
    if check_start(model, start) < 1:
        if len(model.scales) == 1:
            raise InputError(f"the model has {ALONE}: train one of a larger image, or with a smaller coarsest")
        raise InputError("start is 0, at which nothing of the picture is left: give 1 or more")
    sizes = sizes_of(model, size or fitted(model, (image.shape[3], image.shape[2])))
    draw = model.draws(torch.Generator().manual_seed(seed), amount)
    made = resized(image.to(model.source.device) * 2 - 1, sizes[start - 1])
    return shown(grow(model, sizes, draw, start, made))


def softened(mask: Tensor, task: str) -> Tensor:
    """A mask, (1, 1, H, W) in [0, 1], widened by the disc that a task asks for, and blurred.

    Raises:
        InputError: it is empty or full.
    """
    hard = (mask[0, 0] >= 0.5).cpu().numpy().astype(np.uint8)
    if not hard.any() or hard.all():
        what, do = ("nothing", "the object") if not hard.any() else ("everything", "the object alone")
        raise InputError(f"the mask marks {what}: paint {do} white and the rest black")
    reach = MASKED[task]
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    wide = cv2.dilate(hard, (x * x + y * y <= reach * reach).astype(np.uint8))
    soft = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), BLUR, borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(soft / max(float(soft.max()), 1e-6))[None, None]


def blended(model: Model, image: Tensor, mask: Tensor, made: Tensor, task: str) -> Tensor:
    """What was made inside a softened mask, the picture itself outside; all at the size of what was made.

    Args:
        image: (1, 3, h, w) in [0, 1].
        mask: (1, 1, h, w).
    """
    size = made.shape[3], made.shape[2]
    under = shown(resized(image.to(made.device) * 2 - 1, size))
    area = torch.nn.functional.interpolate(mask, size=size[::-1], mode="bilinear", antialias=True, align_corners=False)
    return torch.lerp(under, made, softened(area, task).to(made.device))


def super_resolve(model: Model, enlarge: float = 2.0, seed: int = 0, amount: float = 1.0) -> Tensor:
    """The model's picture enlarged, its finest generator used again at each of several steps, as published.

    Args:
        enlarge: how many times as large; it is reached in steps of about the factor between the model's finest scales.

    Returns:
        (1, 3, H, W) in [0, 1].

    Raises:
        InputError: a model of a single scale.
    """
    width, height = model.size
    top = len(model.scales) - 1
    if not top:
        raise InputError(f"the model has {ALONE}: train one of a larger image, or with a smaller coarsest")
    steps = max(1, round(math.log(enlarge) / math.log(width / model.scales[-2].size[0])))
    draw = model.draws(torch.Generator().manual_seed(seed), amount)
    made = resized(model.source * 2 - 1, model.size)
    for k in range(1, steps + 1):
        size = tuple(round(n * enlarge ** (k / steps)) for n in (width, height))
        made = grow(model, [size] * (top + 1), draw, top, made)
    return shown(made)


def animate(
    model: Model,
    count: int = 48,
    alpha: float = 0.1,
    beta: float = 0.9,
    start: int = 0,
    seed: int = 0,
    amount: float = 1.0,
    size: Size | None = None,
) -> Iterator[Tensor]:
    """A loop: the noise of each scale walks about that of the reconstruction, and comes back to where it began.

    The walk is that of the paper's supplement, z' = alpha z* + (1 - alpha) (z + d'), d' = beta (z - z_before) + (1 - beta) u with
    fresh noise u. Here u repeats after `count` frames, and z is the walk's lasting answer to it, so that the loop closes; the
    paper's walk does not, and begins at z*.

    Args:
        count: frames.
        alpha: pull back to the picture.
        beta: how much a frame goes on as the one before did.
        start: the first scale whose noise moves; below it, that of the reconstruction.

    Yields:
        (1, 3, H, W) in [0, 1].

    Raises:
        InputError: as `sizes_of` and `check_start`.
    """
    sizes, start = sizes_of(model, size), check_start(model, start)
    generator = torch.Generator().manual_seed(seed)
    walks = {k: walk(model, k, sizes[k], count, alpha, beta, generator) for k in range(start, len(sizes))}
    under = grow(model, sizes, lambda k, s: star(model, k, s), 0, None, start) if start else None
    for frame in range(count):

        def draw(k: int, s: Size, frame: int = frame) -> Tensor:
            fixed, moving = star(model, k, s), walks[k][frame] * amount
            moving = moving.to(model.source.device).expand(1, 3, -1, -1)
            return moving if fixed is None else fixed + moving

        yield shown(grow(model, sizes, draw, start, under))


def star(model: Model, scale: int, size: Size) -> Tensor | None:
    """The fixed noise at any size: the model's own, repeated to the right and below, or cut; None at all but the coarsest scale."""
    fixed = model.fixed(scale, size)
    if fixed is None:
        return None
    margin = model.margin
    inside = fixed[..., margin:-margin, margin:-margin]
    high, wide = inside.shape[-2:]
    if size == (wide, high):
        return fixed
    tiled = inside.repeat(1, 1, -(-size[1] // high), -(-size[0] // wide))[..., : size[1], : size[0]]
    return model.padded(tiled)


def walk(
    model: Model, scale: int, size: Size, count: int, alpha: float, beta: float, generator: torch.Generator
) -> Tensor:
    """The noise of a scale less the fixed one, frame by frame: (count, 1, 1 | 3, h, w), the last frame followed by the first."""
    fresh = torch.stack([model.draws(generator)(scale, size)[:, : 1 if scale == 0 else 3].cpu() for _ in range(count)])
    turn = torch.exp(-2j * torch.pi * torch.arange(count // 2 + 1, dtype=torch.float64) / count)  # one frame later
    keep = 1 - alpha
    # x' = keep (x + beta (x - x_before) + (1 - beta) u'), so that x (1 - keep ((1 + beta) turn - beta turn^2)) = keep (1 - beta) u
    answer = keep * (1 - beta) / (1 - keep * ((1 + beta) * turn - beta * turn**2) + 1e-9)
    if alpha == 0:
        answer[0] = 0  # without a pull the walk has no mean to come back to
    found = torch.fft.irfft(
        torch.fft.rfft(fresh, dim=0) * answer.to(torch.complex64).view(-1, 1, 1, 1, 1), n=count, dim=0
    )
    return found
