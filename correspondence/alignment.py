"""The frame in which two images are compared: how large, how turned and where the style's subject is against the content's.

Features of a VGG-shaped network follow a turned or resized subject only a little way. So before the matching, a few turns and
scales are tried, each shared by halves between the two images; the one under which most best buddies agree on a common
shift wins. Exchanging the images gives the same frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from .best_buddies import mutual, normalise, patches

STRIDE = 16
"""Every frame is a multiple of this wide and high, so that all five levels cover it alike."""
ANGLES = (-30.0, 0.0, 30.0)
SCALES = (0.5, 0.71, 1.0, 1.41, 2.0)


@dataclass(frozen=True)
class Frame:
    """A plane between two images: content = ca + R(-angle / 2) x / sqrt(scale), style = cb + R(angle / 2) x sqrt(scale).

    x is measured from the frame's origin; `corner` is the frame's first pixel and `size` its (width, height) in pixels.
    ca, cb: the points of content and style (pixels of the working images) that lie at the frame's origin.
    """

    angle: float
    scale: float
    ca: tuple[float, float]
    cb: tuple[float, float]
    corner: tuple[float, float] = (0.0, 0.0)
    size: tuple[int, int] = (STRIDE, STRIDE)

    def _matrix(self, sign: int) -> np.ndarray:
        half = sign * self.angle / 2
        turn = np.array([[math.cos(half), -math.sin(half)], [math.sin(half), math.cos(half)]])
        return turn * self.scale ** (sign / 2)

    def to_content(self, points: np.ndarray) -> np.ndarray:
        return points @ self._matrix(-1).T + self.ca

    def to_style(self, points: np.ndarray) -> np.ndarray:
        return points @ self._matrix(1).T + self.cb

    def from_content(self, points: np.ndarray) -> np.ndarray:
        return (points - self.ca) @ np.linalg.inv(self._matrix(-1)).T

    def from_style(self, points: np.ndarray) -> np.ndarray:
        return (points - self.cb) @ np.linalg.inv(self._matrix(1)).T

    def axes(self, stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Positions along x and y of the centres of the cells of `stride` pixels."""
        width, height = self.size
        xs = (np.arange(width // stride) + 0.5) * stride - 0.5 + self.corner[0]
        ys = (np.arange(height // stride) + 0.5) * stride - 0.5 + self.corner[1]
        return xs, ys

    def grid(self) -> np.ndarray:
        """Positions of all pixels: (h, w, 2)."""
        return np.stack(np.meshgrid(*self.axes()), axis=-1)


def around(frame: Frame, content_size, style_size, common: bool, margin: float = 0.0) -> Frame:
    """The frame cut to what the two images cover: together, or (`common`) both of them, with a margin in pixels."""
    corners = []
    for size, back in ((content_size, frame.from_content), (style_size, frame.from_style)):
        w, h = size
        box = back(np.array([[-0.5, -0.5], [w - 0.5, -0.5], [-0.5, h - 0.5], [w - 0.5, h - 0.5]]))
        corners.append((box.min(axis=0), box.max(axis=0)))
    (low_a, high_a), (low_b, high_b) = corners
    low, high = np.minimum(low_a, low_b), np.maximum(high_a, high_b)
    if common:
        low = np.maximum(low, np.maximum(low_a, low_b) - margin)
        high = np.minimum(high, np.minimum(high_a, high_b) + margin)
    cells = np.maximum(2, np.ceil((high - low) / STRIDE - 1e-6)).astype(int)
    # rounding to whole cells is shared by both sides, so that exchanging or mirroring the images changes nothing
    corner = (low + high - cells * STRIDE) / 2 + 0.5
    size = (int(cells[0]) * STRIDE, int(cells[1]) * STRIDE)
    return Frame(frame.angle, frame.scale, frame.ca, frame.cb, (float(corner[0]), float(corner[1])), size)


def sample(image: torch.Tensor, positions: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """The image at positions (h, w, 2), pixels (x, y): the picture (1, 3, h, w) and what lies inside it (1, 1, h, w)."""
    height, width = image.shape[-2:]
    size = np.array([width, height])
    inside = ((positions >= -0.5) & (positions <= size - 0.5)).all(axis=-1)
    step = np.abs(np.diff(positions, axis=1)).sum(axis=-1).mean() if positions.shape[1] > 1 else 1.0
    if step > 1.1:  # the frame shows the image reduced: reduce it first, so that nothing is skipped over
        small = (max(1, round(height / step)), max(1, round(width / step)))
        image = F.interpolate(image, size=small, mode="bilinear", antialias=True, align_corners=False)
    grid = torch.from_numpy(((positions + 0.5) * 2 / size - 1).astype(np.float32))[None].to(image.device)
    picture = F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return picture, torch.from_numpy(inside.astype(np.float32))[None, None].to(image.device)


def level_mask(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The mask at a feature map's resolution: 1 where the cell lies (nearly) all inside, else 0."""
    return (F.adaptive_avg_pool2d(mask, like.shape[-2:]) > 0.9).to(mask.dtype)


def _view(image: torch.Tensor, angle: float, scale: float, encode: Callable, level: int):
    """An image turned by `angle`, resized by `scale`: positions of its cells (n, 2) around its centre, and their patches."""
    height, width = image.shape[-2:]
    centre = ((width - 1) / 2, (height - 1) / 2)
    whole = Frame(-2 * angle, 1 / scale**2, centre, centre)
    frame = around(whole, (width, height), (1, 1), common=False)
    picture, mask = sample(image, frame.to_content(frame.grid()))
    features = encode(picture)[level - 1]
    mask = level_mask(mask, features)
    keep = mask.reshape(-1) > 0
    xs, ys = frame.axes(2 ** (level - 1))
    xs, ys = xs[: features.shape[-1]], ys[: features.shape[-2]]
    cells = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    return cells[keep.cpu().numpy()], patches(normalise(features, mask), 3)[keep]


def agreement(shift: np.ndarray, weight: np.ndarray, width: float) -> np.ndarray:
    """For each buddy, how much weight lies near its shift: (N, 2), (N,) -> (N,)."""
    apart = ((shift[:, None] - shift[None]) ** 2).sum(axis=-1)
    return np.exp(-apart / (2 * width**2)) @ weight


def find_frame(content: torch.Tensor, style: torch.Tensor, encode: Callable, level: int = 4) -> tuple[Frame, float]:
    """Try turns and scales; return the frame of the best one, refined by its buddies, and its score.

    content, style: (1, 3, h, w). The score is the buddies' similarity gathered around the best common shift.
    """
    sizes = [(x.shape[-1], x.shape[-2]) for x in (content, style)]
    side = max(max(s) for s in sizes)
    best = None
    for degrees in ANGLES:
        for scale in SCALES:
            angle = math.radians(degrees)
            at_a, rows_a = _view(content, angle / 2, math.sqrt(scale), encode, level)
            at_b, rows_b = _view(style, -angle / 2, 1 / math.sqrt(scale), encode, level)
            if len(at_a) == 0 or len(at_b) == 0:
                continue
            i, j, value = (t.cpu().numpy() for t in mutual(rows_a @ rows_b.T))
            if len(i) == 0:
                continue
            pa, pb, weight = at_a[i], at_b[j], np.clip(value, 0, None)
            votes = agreement(pb - pa, weight, 0.08 * side)
            prior = math.exp(-0.5 * (degrees / 60) ** 2 - 0.5 * (math.log(scale) / math.log(4)) ** 2)
            k = int(votes.argmax())
            if best is None or votes[k] * prior > best[0]:
                best = (votes[k] * prior, angle, scale, pa, pb, weight, (pb - pa)[k])
    centres = [((w - 1) / 2, (h - 1) / 2) for w, h in sizes]
    if best is None:
        return Frame(0.0, 1.0, *centres), 0.0
    score, angle, scale, pa, pb, weight, shift = best
    return _refine(Frame(angle, scale, *centres), pa, pb, weight, shift, 0.1 * side), float(score)


def _refine(frame: Frame, pa, pb, weight, shift, width: float) -> Frame:
    """Move the frame's origin to the agreeing buddies, and turn and scale it by their own least-squares similarity."""
    from .cleaning import similarity

    residual = pb - pa - shift
    for k in range(6):
        near = weight / (1 + (residual**2).sum(axis=1) / (width * 0.85**k) ** 2) ** 2
        scale, turn, move = similarity(pa, pb, near)
        residual = pb - (scale * pa @ turn.T + move)
    angle = math.atan2(turn[1, 0], turn[0, 0])
    scale = float(np.clip(scale, 0.6, 1.7))
    # the origin: the agreeing buddies' mean, brought into each image
    mean_a, mean_b = np.average(pa, axis=0, weights=near), np.average(pb, axis=0, weights=near)
    ca, cb = frame.to_content(mean_a), frame.to_style(mean_b)
    return Frame(frame.angle + angle, frame.scale * scale, tuple(map(float, ca)), tuple(map(float, cb)))
