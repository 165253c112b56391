"""Matching two images level by level, from the deepest features to the pixels (Aberman et al. 2018, section 4).

Where this departs from the paper: the paper searches level 5 as a whole and makes a common appearance at every level by
hundreds of Adam steps through the network. Here the whole image is searched by `frame.find_frame`, at several rotations
and scales. After each level both *images* are warped halfway towards each other by a smooth field through its best buddies
and encoded again, so that the next level compares like with like inside small windows. On the grids of levels 4 and 3 all
deep features are compared together, and cells decided with their neighbours (`belief`). Differences of palette and
contrast are divided out of the features (`features.normalise`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from .belief import belief_buddies, cell_scores
from .best_buddies import window_buddies, window_scores
from .bspline import Field, fit
from .common import MatchError
from .confidence import margin_and_cycle, match_confidence, pair_confidence
from .features import activation, normalise
from .filtering import filter_matches
from .frame import Frame, around, find_frame, frame_of, level_mask, sample
from .matches import Matches

LEVELS = (4, 3, 2, 1)
"""Level 5 is searched together with level 4, on level 4's grid."""
DEEP = (4, 3)
"""Levels at which a cell is compared by all deep features and decided together with its neighbours."""
PATCH = {4: 3, 3: 3, 2: 5, 1: 5}
RADIUS = {4: 8, 3: 4, 2: 2, 1: 2}
"""Search windows, in cells of the level."""
FLEX = {4: 0.7, 3: 0.6}
"""Neighbouring cells' displacements usually differ by no more than about this, in cells."""
MIX = {5: 0.15, 4: 0.2, 3: 0.15}
WIDE = {5: 0.15, 4: 0.35}
"""What the levels count for when the deep cells are compared: of the images, and of the images at half size, where a cell
sees twice as far. A nose is told from a chin by the face around it."""
STIFFNESS = {4: 0.005, 3: 0.002, 2: 0.001, 1: 0.001}
TOLERANCE = 0.02
"""A buddy this far from the smooth field, share of the long side, counts as wrong (twice a cell at the deep levels)."""
INACTIVE_WEIGHT = 0.2
"""What the similarity of a cell without activation counts for, where that of the most active cell counts for 1."""
MIN_SIDE = 16
FLAT = 2 / 255

Encode = Callable[[torch.Tensor, int], Sequence[torch.Tensor]]


def match(
    content: torch.Tensor,
    style: torch.Tensor,
    encode: Encode,
    *,
    content_size: tuple[int, int] | None = None,
    style_size: tuple[int, int] | None = None,
    max_points: int = 80,
    threshold: float = 0.05,
    spacing: float = 0.04,
    clusters: int = 0,
    generator: np.random.Generator | None = None,
    confidence: Callable[[np.ndarray], np.ndarray] = match_confidence,
    prior: Matches | None = None,
) -> Matches:
    """Match two images. Exchanging them exchanges the matches, exactly; the same input gives the same output.

    Args:
        content, style: (1, 3, h, w) in [0, 1], each in its own aspect, long sides alike (256 is usual).
        encode: (image (1, 3, h, w), n) -> the first n, or more, of five tensors (1, C, h / 2**l, w / 2**l), relu1_1 ...
            relu5_1 of a VGG-shaped network. It is called on rotated, resized and warped copies of the images, which is why
            it is a function and not features; n says how deep it has to go.
        content_size, style_size: (width, height) of the images that the points shall refer to; those of the tensors
            unless given.
        max_points: keep at most so many matches.
        threshold: min activation of both ends at every level, share of the maximum, in [0, 1].
        spacing: min distance of two matches, share of the long side, in one image, and half of it in the other.
        clusters: keep the strongest match of each of so many k-means clusters; 0 for no clustering.
        generator: seeds k-means; seed 0 unless given.
        confidence: (N, 8) `confidence.evidence` of matches -> their confidence (N,) in [0, 1].
        prior: matches that are known, of the same images, with a confidence of their own: landmarks. The frame is theirs, the search
            follows them, and they come first in the result. What is found inside their hull, or nearer to it than `spacing`, in
            either image, is left out.

    Returns:
        Matches, strongest activation first, with `confidence` for the pair as a whole. No matches at all where an image
        has one colour, or a side under 16 pixels.

    Raises:
        MatchError: tensors of another shape, or with values that are not finite.
    """
    for name, image in (("content", content), ("style", style)):
        if image.dim() != 4 or image.shape[:2] != (1, 3) or 0 in image.shape:
            raise MatchError(f"the {name} tensor has shape {tuple(image.shape)}: it must be (1, 3, height, width)")
        if not bool(torch.isfinite(image).all()):
            raise MatchError(f"the {name} image holds NaN or infinite values: every value must lie in [0, 1]")
    sizes = [(x.shape[-1], x.shape[-2]) for x in (content, style)]
    content_size, style_size = content_size or sizes[0], style_size or sizes[1]
    prior = None if prior is None else prior.for_sizes(content_size, style_size)
    if _later(content, style):  # one order for both calls, so that exchanging the images changes not even a rounding
        options = {"max_points": max_points, "threshold": threshold, "spacing": spacing, "clusters": clusters}
        options |= {"confidence": confidence, "prior": None if prior is None else prior.swapped()}
        sizes = {"content_size": style_size, "style_size": content_size}
        found = match(style, content, encode, **sizes, **options, generator=generator).swapped()
        return found if prior is None else replace(found, shift=_first(prior.shift, len(found)))
    blank = any(min(x.shape[2:]) < MIN_SIDE or float(x.amax() - x.amin()) < FLAT for x in (content, style))
    if blank:
        return Matches(np.zeros((0, 2)), np.zeros((0, 2)), None, content_size, style_size, 0.0)
    known = None if prior is None else prior.resized(*sizes)
    with torch.no_grad():
        found, agreement = find_buddies(content, style, encode, threshold, known)
    seed = 0 if generator is None else int(generator.integers(2**31))
    kept = filter_matches(
        *found, *sizes, max_points=max_points, spacing=spacing, clusters=clusters, seed=seed, agreement=agreement,
        confidence=confidence,
    )  # fmt: skip
    kept = replace(kept, confidence=pair_confidence(agreement, kept.scores))
    if known is not None:
        left = kept.subset(away(kept, known, spacing * max(*sizes[0], *sizes[1])))
        sure = max(prior.confidence or 0.0, kept.confidence)
        few = left.subset(np.arange(len(left)) < max_points - len(known))
        kept = replace(known.joined(few), confidence=sure)
    return kept.resized(content_size, style_size)


def _first(rows: np.ndarray, count: int) -> np.ndarray:
    """Rows (m, 2), and zeros up to `count` of them."""
    return np.concatenate([rows, np.zeros((count - len(rows), 2))])


def away(found: Matches, known: Matches, distance: float) -> np.ndarray:
    """Which found matches are farther than `distance` from every known one and from their hull, in both images: bool (N,)."""
    apart = np.ones(len(found), bool)
    for mine, theirs in ((found.content, known.content), (found.style, known.style)):
        hull = cv2.convexHull(theirs.astype(np.float32))
        inside = [cv2.pointPolygonTest(hull, (float(x), float(y)), True) > -distance for x, y in mine]
        apart &= ~np.array(inside, bool)
    return apart


def _later(content: torch.Tensor, style: torch.Tensor) -> bool:
    """Whether `content` comes after `style` in a fixed order of all images."""
    keys = [(tuple(x.shape), x.double().sum().item(), x.detach().cpu().numpy()) for x in (content, style)]
    if keys[0][:2] != keys[1][:2]:
        return keys[0][:2] > keys[1][:2]
    return keys[0][2].tobytes() > keys[1][2].tobytes()


def find_buddies(content, style, encode: Encode, threshold: float, known: Matches | None = None):
    """Best buddies of the finest level that follow from those of every level above.

    Args:
        content, style: (1, 3, h, w) in [0, 1].
        encode: as for `match`.
        threshold: min activation of both ends at every level, share of the maximum, in [0, 1].
        known: matches of these images that give the frame and that every field goes through, or None.

    Returns:
        Points of both images (N, 2), pixels of the tensors; activation sums (N,); the margin and cycle error of each (N, 2),
        as `confidence.margin_and_cycle`; and how far the frame's buddies agree, as `frame.find_frame`.
    """
    sizes = [(x.shape[-1], x.shape[-2]) for x in (content, style)]
    frame, agreement = find_frame(content, style, encode) if known is None else frame_of(known, content, style, encode)
    frame = around(frame, *sizes, margin=16)
    field = Field(frame.size)
    ends = (
        [np.zeros((0, 2))] * 2 if known is None else [frame.from_content(known.content), frame.from_style(known.style)]
    )
    energy = [[activation(f, torch.ones_like(f[:, :1])) for f in encode(x, 5)] for x in (content, style)]
    corner = np.array(frame.corner) - 0.5
    a = b = np.zeros((0, 2))
    rank = value = robust = np.zeros(0)
    if known is not None:
        middle, half = (ends[0] + ends[1]) / 2 - corner, (ends[1] - ends[0]) / 2
        field = fit(middle, half, np.ones(len(known)), frame.size, STIFFNESS[4], TOLERANCE * max(frame.size))[0]
    for level in LEVELS:
        stride = 2 ** (level - 1)
        at, move, value = _level_buddies(content, style, encode, frame, field, level)
        xa = (at + 0.5) * stride - 0.5 + np.array(frame.corner)
        xb = xa + move * stride
        pa, pb = xa - field.at(xa - corner), xb + field.at(xb - corner)
        a, b = frame.to_content(pa), frame.to_style(pb)
        rank, lowest = ranks(energy, a, b, level)
        keep = (value > 0) & (lowest > threshold) & _inside(a, sizes[0]) & _inside(b, sizes[1])
        a, b, pa, pb, rank, value = (v[keep] for v in (a, b, pa, pb, rank, value))
        tolerance = max(stride, TOLERANCE * max(frame.size) / 2)
        middle, half = (pa + pb) / 2 - corner, (pb - pa) / 2
        through = np.concatenate([middle, (ends[0] + ends[1]) / 2 - corner])
        moves = np.concatenate([half, (ends[1] - ends[0]) / 2])
        weight = np.concatenate([value**2, np.ones(len(ends[0]))])
        field, robust = fit(through, moves, weight, frame.size, STIFFNESS[level], tolerance)
        robust = robust[: len(middle)]
    keep = robust > 0.1
    (features_a, mask_a), (features_b, mask_b) = _warped(content, style, encode, frame, field)
    cells = (middle / 8 - 0.5)[keep]
    checks = margin_and_cycle(_deep(features_a, mask_a, 4)[0], _deep(features_b, mask_b, 4)[0], cells)
    return (a[keep], b[keep], rank[keep], checks), agreement


def _inside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return ((points > -0.5) & (points < np.array(size) - 0.5)).all(axis=1)


def _warped(content, style, encode: Encode, frame: Frame, field: Field, deepest: int = 5):
    """Both images warped halfway by the field: features down to a level, and what lies inside the image (1, 1, h, w).

    Down to level 5, those of the images at half size follow the five levels.
    """
    corner = np.array(frame.corner) - 0.5
    displacement = field.grid(*(axis - c for axis, c in zip(frame.axes(), corner, strict=True)))
    grid = frame.grid()
    view_a, mask_a = sample(content, frame.to_content(grid - displacement))
    view_b, mask_b = sample(style, frame.to_style(grid + displacement))
    return tuple((_encoded(p, encode, deepest), mask) for p, mask in ((view_a, mask_a), (view_b, mask_b)))


def _encoded(view: torch.Tensor, encode: Encode, deepest: int) -> list[torch.Tensor]:
    features = list(encode(view, deepest))
    if deepest == 5:
        size = [max(MIN_SIDE, round(n / 32) * 16) for n in view.shape[-2:]]
        half = F.interpolate(view, size=size, mode="bilinear", antialias=True, align_corners=False)
        features[5:] = encode(half, deepest)
    return features


def _level_buddies(content, style, encode: Encode, frame: Frame, field: Field, level: int):
    """Best buddies of both images warped halfway by the field: positions, moves, weights, in cells."""
    deepest, window = 5 if level in DEEP else level, (RADIUS[level], PATCH[level])
    (features_a, mask_a), (features_b, mask_b) = _warped(content, style, encode, frame, field, deepest)
    if level in DEEP:
        (a, weight_a), (b, weight_b) = _deep(features_a, mask_a, level), _deep(features_b, mask_b, level)
        there, back = cell_scores(a, b, *window), cell_scores(b, a, *window)
        buddies = belief_buddies(there, back, weight_a, weight_b, FLEX[level])
    else:
        a, b = features_a[level - 1], features_b[level - 1]
        a, b = normalise(a, level_mask(mask_a, a)), normalise(b, level_mask(mask_b, b))
        buddies = window_buddies(window_scores(a, b, *window))
    return tuple(t.double().cpu().numpy() for t in buddies)


def _deep(features: Sequence[torch.Tensor], mask: torch.Tensor, level: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The deep levels as one map (1, C, h, w) on one level's grid, its products weighted sums of cosines; and how much each
    cell counts, (h, w) in [0, 1]."""
    like = features[level - 1]
    inside = level_mask(mask, like)
    parts = []
    shares = {level - 1: weight for level, weight in MIX.items()} | {
        level + 4: weight for level, weight in WIDE.items()
    }
    for index, weight in shares.items():
        map_ = features[index]
        if map_.shape[-1] < like.shape[-1] or map_.shape[-2] < like.shape[-2]:
            map_ = F.interpolate(map_, size=like.shape[-2:], mode="bilinear", align_corners=False)
        else:
            map_ = F.adaptive_avg_pool2d(map_, like.shape[-2:])
        parts.append(normalise(map_, inside) * weight**0.5)
    energy = activation(like, inside)
    return torch.cat(parts, 1), ((INACTIVE_WEIGHT + (1 - INACTIVE_WEIGHT) * energy) * inside)[0, 0]


def ranks(energy, a: np.ndarray, b: np.ndarray, finest: int) -> tuple[np.ndarray, np.ndarray]:
    """Activation of matches, both ends, over the levels down to `finest`: the sums (N,), and the min over the levels (N,)."""
    total, lowest = np.zeros(len(a)), np.full(len(a), np.inf)
    for level in range(5, finest - 1, -1):
        ends = []
        for points, maps in ((a, energy[0]), (b, energy[1])):
            plane = maps[level - 1][0, 0].cpu().numpy()
            cell = np.round((points + 0.5) / 2 ** (level - 1) - 0.5).astype(int)
            x, y = cell[:, 0].clip(0, plane.shape[1] - 1), cell[:, 1].clip(0, plane.shape[0] - 1)
            ends.append(plane[y, x])
        total += ends[0] + ends[1]
        lowest = np.minimum(lowest, np.minimum(*ends))
    return total, lowest
