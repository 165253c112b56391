"""From many matches to a few good ones: spacing, outliers, crossings, clusters; and whether to rely on the set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .confidence import evidence, match_confidence
from .matches import Matches
from .similarity import fit_similarity

MIN_MATCHES = 4
MIN_SPREAD = 0.02
MAX_CROSSED = 0.25
MAX_RESIDUAL = 0.05
OUTLIER = 0.06
"""A match that deviates this far from its neighbours, share of the side, is an outlier and dropped."""
MIN_CONFIDENCE = 0.5


def align(matches: Matches) -> np.ndarray:
    """The target points P' (N, 2) as (x, y): the style points brought into the content's frame, in content pixels.

    The similarity from content to style points is inverted, so that position, size and rotation of the subject do not
    count as deformation (Kim et al. 2020, section 4.1). Matches count by their scores: one of low confidence must not rotate
    the whole. It is fitted to those that have a source (a face's landmarks), else to those found by matching, where there are
    three; the others follow it. Any number of matches has targets: of none, (0, 2).
    """
    style = matches.style + matches.shift
    choices = (matches.source != "") & ~matches.pinned, ~matches.pinned
    found = next((rows for rows in choices if rows.sum() >= 3), slice(None))
    scale, rotation, translation = fit_similarity(matches.content[found], style[found], matches.scores[found])
    return (style - translation) @ rotation / scale


def spaced(content, style, rank, distance_content: float, distance_style: float, limit: int) -> np.ndarray:
    """Greedy choice by falling rank, none within a distance of a stronger one, in either image: indices, strongest first."""
    order = np.argsort(-np.asarray(rank), kind="stable")
    left = np.ones(len(order), bool)
    chosen = []
    for k in order:
        if not left[k]:
            continue
        chosen.append(k)
        if len(chosen) >= limit:
            break
        near = ((content - content[k]) ** 2).sum(axis=1) < distance_content**2
        near |= ((style - style[k]) ** 2).sum(axis=1) < distance_style**2
        left &= ~near
    return np.array(chosen, dtype=np.int64)


def crossings(source, target) -> np.ndarray:
    """Which segments source_i -> target_i cross one another: (N, N) bool, symmetric; touching ends do not count."""
    source, target = np.asarray(source, float), np.asarray(target, float)

    def side(a, b, c):
        return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])

    a, b, c, d = source[:, None], target[:, None], source[None], target[None]
    return (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)


def crossing_share(source, target) -> float | None:
    """Share of the pairs of segments source_i -> target_i that cross one another; None for fewer than two."""
    count = len(source)
    if count < 2:
        return None
    return float(np.triu(crossings(source, target), 1).sum() / (count * (count - 1) / 2))


def without_crossings(source, target, rank) -> np.ndarray:
    """Indices left, in their order, when of every two crossing segments the weaker is dropped, strongest first."""
    table = crossings(source, target)
    kept = []
    for k in np.argsort(-np.asarray(rank), kind="stable"):
        if not table[k, kept].any():
            kept.append(k)
    return np.sort(np.array(kept, dtype=np.int64))


def filter_matches(
    a, b, rank, checks, size_a, size_b, *, max_points, spacing, clusters=0, seed=0, agreement=1.0,
    confidence: Callable[[np.ndarray], np.ndarray] = match_confidence,
) -> Matches:  # fmt: skip
    """Choose among candidates: spacing, no outliers, no crossings, clusters, at most `max_points`.

    a, b: (N, 2) pixels; rank: (N,), checks: (N, 2) and agreement: what `matcher.find_buddies` gives; confidence: of each
    match, from its `evidence`. Returns matches by falling rank.
    """
    side = float(max(*size_a, *size_b))
    keep = spaced(a, b, rank, spacing * side, spacing * side / 2, 4 * max_points)
    deviation = deviations(a[keep], b[keep], side)
    mean_deviation = float(np.minimum(deviation, OUTLIER).mean()) if len(keep) else 0.0
    keep, deviation = keep[deviation < OUTLIER], deviation[deviation < OUTLIER]
    scores = confidence(evidence(checks[keep], rank[keep], deviation, agreement, mean_deviation))
    found = Matches(a[keep], b[keep], scores, size_a, size_b)
    index = without_crossings(found.content, align(found), rank[keep])[:max_points]
    found, rank = found.subset(index), rank[keep][index]
    if 0 < clusters < len(found):
        found = found.subset(clustered(found, rank, clusters, seed))
    return found


def deviations(a, b, side: float, neighbours: int = 8) -> np.ndarray:
    """How far the displacement of each match deviates from its nearest neighbours', share of the side: (N,).

    Displacements are those left after the similarity of the whole set; the neighbours' median is what one is held against.
    Where there are too few to tell, all get half of OUTLIER.
    """
    if len(a) < neighbours:
        return np.full(len(a), OUTLIER / 2)
    scale, rotation, translation = fit_similarity(a, b)
    displacement = (b - translation) @ rotation / scale - a
    distance = ((a[:, None] - a[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(distance, axis=1, kind="stable")[:, :neighbours]
    return np.linalg.norm(displacement - np.median(displacement[near], axis=1), axis=1) / side


def clustered(matches: Matches, rank, count: int, seed: int = 0) -> np.ndarray:
    """k-means over (content, style) in R^4; the strongest of each cluster (Aberman et al. 2018, section 4.4): indices, in order."""
    from sklearn.cluster import KMeans

    points = np.concatenate([matches.content, matches.style], axis=1)
    labels = KMeans(n_clusters=count, n_init=4, random_state=seed).fit_predict(points)
    rank = np.asarray(rank, float)
    return np.sort([np.flatnonzero(labels == k)[np.argmax(rank[labels == k])] for k in np.unique(labels)])


def residuals(matches: Matches) -> np.ndarray:
    """How far each match is from a smooth warp fitted to the others, share of the content's long side: (N,)."""
    target = align(matches)
    side = float(max(matches.content_size or np.ptp(matches.content, axis=0) + 1))
    points = matches.content / side
    offsets = target / side - points
    distance = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    weights = np.exp(-distance / (2 * 0.12**2))
    np.fill_diagonal(weights, 0)
    expected = weights @ offsets / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return np.linalg.norm(offsets - expected, axis=1)


def reliable(matches: Matches) -> tuple[bool, str]:
    """Whether a warp should be built on these matches, and one sentence why."""
    if len(matches) < MIN_MATCHES:
        return False, f"{len(matches)} matches, at least {MIN_MATCHES} are needed"
    for name, points in (("content", matches.content), ("style", matches.style)):
        size = getattr(matches, f"{name}_size")
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) / np.sqrt(len(points))
        if size is not None and spread[1] < MIN_SPREAD * max(size):
            return False, f"the {name} points lie on a line or in one spot ({spread[1]:.1f} pixels across)"
    target = align(matches)
    crossed = float((crossings(matches.content, target).sum(axis=1) > 0).mean())
    if crossed > MAX_CROSSED:
        return False, f"{crossed:.0%} of the matches cross another one, at most {MAX_CROSSED:.0%} may"
    residual = float(np.median(residuals(matches)))
    if residual > MAX_RESIDUAL:
        return (
            False,
            f"no smooth warp fits: the median match lies {residual:.1%} of the content's long side from one, at most "
            f"{MAX_RESIDUAL:.1%} is allowed",
        )
    if matches.confidence is not None and matches.confidence < MIN_CONFIDENCE:
        return False, f"the two images have too little in common (confidence {matches.confidence:.2f})"
    return (
        True,
        f"{len(matches)} matches; the median one lies {residual:.1%} of the content's long side from a smooth warp",
    )
