"""The frame in which two images are compared: the rotation, scale and translation between content and style.

Features of a VGG-shaped network tolerate only a small rotation or change of size. So before the matching, a few rotations and
scales are tried, each shared by halves between the two images; the one under which most best buddies agree on a common
translation wins. Exchanging the images gives the same frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional as F

from .best_buddies import mutual
from .features import activation, normalise, patches
from .matches import Matches
from .similarity import fit_similarity

STRIDE = 16
"""Every frame is a multiple of this wide and high, so that all five levels cover it alike."""
ANGLES = (-30.0, 0.0, 30.0)
SCALES = (0.5, 0.71, 1.0, 1.41, 2.0)
LEVELS = (4, 5)
POWER = 1.0
SEARCH_SIDE = 160
"""Long side, in pixels, of the copies on which rotations and scales are tried."""
CANDIDATES = 3
ROTATION, GROWTH, TRANSLATION = math.radians(30.0), math.log(2.5), 0.35
"""How far a subject is usually rotated, resized and moved (share of the side) between two images that go together.
Unrelated images agree by chance at any rotation, scale and translation, and this makes that count for less."""
WIDTH = 0.08
"""Translations this far apart, share of the long side, still count as agreeing: the subject may deform."""


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
        rotation = np.array([[math.cos(half), -math.sin(half)], [math.sin(half), math.cos(half)]])
        return rotation * self.scale ** (sign / 2)

    def to_content(self, points: np.ndarray) -> np.ndarray:
        """Points of the frame in the content: (..., 2) as (x, y), pixels of both, the frame's from its origin."""
        return points @ self._matrix(-1).T + self.ca

    def to_style(self, points: np.ndarray) -> np.ndarray:
        """Points of the frame in the style: (..., 2) as (x, y), pixels of both, the frame's from its origin."""
        return points @ self._matrix(1).T + self.cb

    def from_content(self, points: np.ndarray) -> np.ndarray:
        """Points of the content in the frame: the inverse of `to_content`."""
        return (points - self.ca) @ np.linalg.inv(self._matrix(-1)).T

    def from_style(self, points: np.ndarray) -> np.ndarray:
        """Points of the style in the frame: the inverse of `to_style`."""
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


def _box(size, back: Callable) -> tuple[np.ndarray, np.ndarray]:
    w, h = size
    box = back(np.array([[-0.5, -0.5], [w - 0.5, -0.5], [-0.5, h - 0.5], [w - 0.5, h - 0.5]]))
    return box.min(axis=0), box.max(axis=0)


def _cut(frame: Frame, low: np.ndarray, high: np.ndarray) -> Frame:
    """The frame cut to a box, rounded up to whole cells, the rounding shared by both sides."""
    cells = np.maximum(2, np.ceil((high - low) / STRIDE - 1e-6)).astype(int)
    corner = (low + high - cells * STRIDE) / 2 + 0.5
    size = (int(cells[0]) * STRIDE, int(cells[1]) * STRIDE)
    return replace(frame, corner=(float(corner[0]), float(corner[1])), size=size)


def whole(frame: Frame, size: tuple[int, int], back: Callable) -> Frame:
    """The frame cut to all of one image; `back` is the frame's from_content or from_style."""
    return _cut(frame, *_box(size, back))


def around(frame: Frame, content_size, style_size, margin: float = 0.0) -> Frame:
    """The frame cut to what both images cover, with a margin in pixels."""
    (low_a, high_a), (low_b, high_b) = _box(content_size, frame.from_content), _box(style_size, frame.from_style)
    low, high = np.minimum(low_a, low_b), np.maximum(high_a, high_b)
    low = np.maximum(low, np.maximum(low_a, low_b) - margin)
    high = np.minimum(high, np.minimum(high_a, high_b) + margin)
    return _cut(frame, low, np.maximum(low, high))


def sample(image: torch.Tensor, positions: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """The image at positions (h, w, 2), pixels (x, y): what is seen (1, 3, h, w) and what lies inside it (1, 1, h, w)."""
    height, width = image.shape[-2:]
    size = np.array([width, height])
    inside = ((positions >= -0.5) & (positions <= size - 0.5)).all(axis=-1)
    step = np.abs(np.diff(positions, axis=1)).sum(axis=-1).mean() if positions.shape[1] > 1 else 1.0
    if step > 1.1:  # the frame shows the image reduced: reduce it first, so that nothing is skipped over
        small = (max(1, round(height / step)), max(1, round(width / step)))
        image = F.interpolate(image, size=small, mode="bilinear", antialias=True, align_corners=False)
    grid = torch.from_numpy(((positions + 0.5) * 2 / size - 1).astype(np.float32))[None].to(image.device)
    view = F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return view, torch.from_numpy(inside.astype(np.float32))[None, None].to(image.device)


def level_mask(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The mask at a feature map's resolution: 1 where the cell lies (nearly) all inside, else 0."""
    return (F.adaptive_avg_pool2d(mask, like.shape[-2:]) > 0.9).to(mask.dtype)


def agreement(translation: np.ndarray, weight: np.ndarray, width: float) -> np.ndarray:
    """For each buddy, how much weight lies near its translation: (N, 2), (N,) -> (N,)."""
    apart = ((translation[:, None] - translation[None]) ** 2).sum(axis=-1)
    return np.exp(-apart / (2 * width**2)) @ weight


def find_frame(content: torch.Tensor, style: torch.Tensor, encode: Callable) -> tuple[Frame, float]:
    """Try rotations and scales on small copies, look closer at the best few; return the best frame and its agreement.

    content, style: (1, 3, h, w). The agreement is the similarity of the buddies that agree on one translation, summed, over
    the number of places that could have had one: near 0 for unrelated images, near 1 for an image with itself.
    """
    side = max(*content.shape[-2:], *style.shape[-2:])
    factor = min(1.0, SEARCH_SIDE / side)
    small = [_reduced(x, factor) for x in (content, style)]
    centres = [((x.shape[-1] - 1) / 2, (x.shape[-2] - 1) / 2) for x in small]
    tried = []
    for degrees in ANGLES:
        for scale in SCALES:
            tried.append(_vote(*small, encode, Frame(math.radians(degrees), scale, *centres), common=False))
    tried.sort(key=lambda entry: -entry[0])
    best = (0.0, Frame(0.0, 1.0, *[((x.shape[-1] - 1) / 2, (x.shape[-2] - 1) / 2) for x in (content, style)]))
    for _, frame in tried[:CANDIDATES]:
        closer = [tuple(((np.array(c) + 0.5) / factor - 0.5).tolist()) for c in (frame.ca, frame.cb)]
        entry = _vote(content, style, encode, Frame(frame.angle, frame.scale, *closer), common=True)
        best = max(best, entry, key=lambda e: e[0])
    return best[1], best[0]


def frame_of(known: Matches, content: torch.Tensor, style: torch.Tensor, encode: Callable) -> tuple[Frame, float]:
    """The frame of known matches, and how far the images' buddies agree in it, as `find_frame`."""
    scale, rotation, _ = fit_similarity(known.content, known.style, known.scores)
    angle = math.atan2(rotation[1, 0], rotation[0, 0])
    centres = [tuple(np.average(points, axis=0).tolist()) for points in (known.content, known.style)]
    frame = Frame(angle, scale, *centres)
    return frame, _vote(content, style, encode, frame, common=True)[0]


def _reduced(image: torch.Tensor, factor: float) -> torch.Tensor:
    if factor >= 1:
        return image
    size = [max(1, round(n * factor)) for n in image.shape[-2:]]
    return F.interpolate(image, size=size, mode="bilinear", antialias=True, align_corners=False)


def _cells(image: torch.Tensor, frame: Frame, place: Callable, encode: Callable):
    """The image seen in a frame, for each level of LEVELS: the cells inside it (n, 2), their patches and activations."""
    view, mask = sample(image, place(frame.grid()))
    features = encode(view, max(LEVELS))
    found = []
    for level in LEVELS:
        inside = level_mask(mask, features[level - 1])
        keep = inside.reshape(-1) > 0
        cells = np.stack(np.meshgrid(*frame.axes(2 ** (level - 1))), axis=-1).reshape(-1, 2)[keep.cpu().numpy()]
        rows = patches(normalise(features[level - 1], inside), 3)[keep]
        found.append((cells, rows, activation(features[level - 1], inside).reshape(-1)[keep]))
    return found


def _vote(content, style, encode: Callable, frame: Frame, common: bool) -> tuple[float, Frame]:
    """Best buddies in a frame, their votes for a common translation, and the frame moved to where they agree.

    `common`: look only where both images are; otherwise each image is seen whole, since the translation is still unknown.
    """
    sizes = [(x.shape[-1], x.shape[-2]) for x in (content, style)]
    side = max(max(s) for s in sizes)
    if common:
        views = [around(frame, *sizes, margin=STRIDE)] * 2
    else:
        views = [whole(frame, sizes[0], frame.from_content), whole(frame, sizes[1], frame.from_style)]
    cells_a = _cells(content, views[0], frame.to_content, encode)
    cells_b = _cells(style, views[1], frame.to_style, encode)
    pa, pb, weight, places = [np.zeros((0, 2))], [np.zeros((0, 2))], [np.zeros(0)], 0.0
    for (at_a, rows_a, energy_a), (at_b, rows_b, energy_b), level in zip(cells_a, cells_b, LEVELS, strict=True):
        if min(len(at_a), len(at_b)) < 2:
            continue
        area = 4.0 ** (level - min(LEVELS))
        i, j, value = mutual(rows_a @ rows_b.T)
        value = value.clamp_min(0) * (energy_a[i] * energy_b[j]).sqrt() ** POWER * area
        pa, pb = [*pa, at_a[i.cpu().numpy()]], [*pb, at_b[j.cpu().numpy()]]
        weight = [*weight, value.double().cpu().numpy()]
        places += area * float((energy_a**POWER).sum() * (energy_b**POWER).sum()) ** 0.5
    pa, pb, weight = np.concatenate(pa), np.concatenate(pb), np.concatenate(weight)
    if weight.sum() <= 0:
        return 0.0, frame
    votes = agreement(pb - pa, weight, WIDTH * side)
    k = int(votes.argmax())
    moved = _refined(frame, pa, pb, weight, (pb - pa)[k], 1.2 * WIDTH * side)
    return float(votes[k] * plausibility(moved, *sizes) / (places if common else 1.0)), moved


def plausibility(frame: Frame, content_size, style_size) -> float:
    """How usual a frame's rotation, scale and translation are, in [0, 1]: 1 where both images lie centre on centre, upright, alike.

    The translation is measured in both images, between the centre of one and where the frame puts the other's.
    """
    a, b = (np.array(size) for size in (content_size, style_size))
    there = frame.to_style(frame.from_content((a[None] - 1) / 2))[0] - (b - 1) / 2
    back = frame.to_content(frame.from_style((b[None] - 1) / 2))[0] - (a - 1) / 2
    translation = math.sqrt(np.linalg.norm(there) / b.max() * np.linalg.norm(back) / a.max())
    far = (frame.angle / ROTATION) ** 2 + (math.log(frame.scale) / GROWTH) ** 2 + (translation / TRANSLATION) ** 2
    return math.exp(-0.5 * far)


def _refined(frame: Frame, pa, pb, weight, agreed, width: float) -> Frame:
    """Move the frame's origin to the agreeing buddies, and rotate and scale it by their own least-squares similarity."""
    residual = pb - pa - agreed
    for k in range(6):
        near = weight / (1 + (residual**2).sum(axis=1) / (width * 0.85**k) ** 2) ** 2
        scale, rotation, translation = fit_similarity(pa, pb, near)
        residual = pb - (scale * pa @ rotation.T + translation)
    angle = float(np.clip(math.atan2(rotation[1, 0], rotation[0, 0]), -0.5, 0.5))
    scale = float(np.clip(scale, 0.6, 1.7))
    ca = frame.to_content(np.average(pa, axis=0, weights=near))
    cb = frame.to_style(np.average(pb, axis=0, weights=near))
    return Frame(frame.angle + angle, frame.scale * scale, tuple(ca.tolist()), tuple(cb.tolist()))
