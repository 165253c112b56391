"""From many matches to a few good ones: spacing, similarity alignment, crossings, clusters, and whether to trust the set."""

from __future__ import annotations

import numpy as np

from .matches import Matches

FEWEST = 4
LEAST_SPREAD = 0.02
MOST_CROSSED = 0.25
MOST_ROUGH = 0.05
STRANGE = 0.06
"""A match this far from what its neighbours do, share of the side, is dropped."""
LEAST_CONFIDENCE = 0.5
CALIBRATION = (4.584, 2.981, 0.19, 0.723, 20.803, 0.333, 7.403, 0.43, 84.029)
"""A constant, and weights >= 0 of the columns of `evidence`; fitted, printed and checked by `bench/matching.py --calibrate`."""


def similarity(source, target, weights=None) -> tuple[float, np.ndarray, np.ndarray]:
    """The least-squares similarity, reflections excluded (Umeyama 1991, eq. 39 to 43): target ~ scale R source + t.

    source, target: (N, 2); weights: (N,) >= 0 or None. Returns scale > 0, R (2, 2) with determinant 1, t (2,).
    Points that all coincide give scale 1 and no turn. A mirrored set gets the best turn without the mirror.
    """
    source, target = np.asarray(source, float), np.asarray(target, float)
    if len(source) == 0:
        return 1.0, np.eye(2), np.zeros(2)
    weights = np.ones(len(source)) if weights is None or not np.any(weights) else np.asarray(weights, float)
    weights = weights / max(weights.sum(), 1e-300)
    mean_s, mean_t = weights @ source, weights @ target
    s, t = source - mean_s, target - mean_t
    u, values, v = np.linalg.svd((t * weights[:, None]).T @ s)
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(v)) or 1.0])
    variance = float(weights @ (s**2).sum(axis=1))
    scale = float((values * sign).sum()) / variance if variance > 1e-12 else 1.0
    if scale <= 1e-9:
        return 1.0, np.eye(2), mean_t - mean_s
    turn = (u * sign) @ v
    return scale, turn, mean_t - scale * turn @ mean_s


def align(matches: Matches) -> np.ndarray:
    """The target points P' (N, 2): the style points brought into the content's frame, in content pixels.

    The similarity from content to style points is inverted, so that place, size and turn of the subject do not count as
    deformation (Kim et al. 2020, section 4.1). Matches count by their scores: a doubtful one shall not turn the whole.
    """
    scale, turn, move = similarity(matches.content, matches.style, matches.scores)
    return (matches.style - move) @ turn / scale


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


def uncrossed(source, target, rank) -> np.ndarray:
    """Indices left, in their order, when of every two crossing segments the weaker is dropped, strongest first."""
    table = crossings(source, target)
    kept = []
    for k in np.argsort(-np.asarray(rank), kind="stable"):
        if not table[k, kept].any():
            kept.append(k)
    return np.sort(np.array(kept, dtype=np.int64))


def clean(a, b, rank, seen, size_a, size_b, *, max_points, spacing, clusters=0, seed=0, agreed=1.0) -> Matches:
    """Choose among candidates: spacing, agreement with the neighbours, no crossings, clusters, at most `max_points`.

    a, b: (N, 2) pixels; rank: (N,), seen: (N, 2) and agreed: what `hierarchy.percolate` gives. Returns matches by falling
    rank.
    """
    side = float(max(*size_a, *size_b))
    keep = spaced(a, b, rank, spacing * side, spacing * side / 2, 4 * max_points)
    strange = strangeness(a[keep], b[keep], side)
    unrest = float(np.minimum(strange, STRANGE).mean()) if len(keep) else 0.0
    keep, strange = keep[strange < STRANGE], strange[strange < STRANGE]
    scores = match_confidence(evidence(seen[keep], rank[keep], strange, agreed, unrest))
    found = Matches(a[keep], b[keep], scores, size_a, size_b)
    index = uncrossed(found.content, align(found), rank[keep])[:max_points]
    found, rank = found.subset(index), rank[keep][index]
    if 0 < clusters < len(found):
        found = found.subset(clustered(found, rank, clusters, seed))
    return found


def strangeness(a, b, side: float, neighbours: int = 8) -> np.ndarray:
    """How far each match is from what its nearest neighbours do, share of the side: (N,).

    The neighbours' median displacement, after the whole set's similarity, is what a match is held against.
    Where there are too few to tell, all get half of STRANGE.
    """
    if len(a) < neighbours:
        return np.full(len(a), STRANGE / 2)
    scale, turn, move = similarity(a, b)
    apart = (b - move) @ turn / scale - a
    distance = ((a[:, None] - a[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(distance, axis=1, kind="stable")[:, :neighbours]
    return np.linalg.norm(apart - np.median(apart[near], axis=1), axis=1) / side


def clustered(matches: Matches, rank, count: int, seed: int = 0) -> np.ndarray:
    """k-means over (content, style) in R^4; the strongest of each cluster (Aberman et al. 2018, section 4.4): indices, in order."""
    from sklearn.cluster import KMeans

    points = np.concatenate([matches.content, matches.style], axis=1)
    labels = KMeans(n_clusters=count, n_init=4, random_state=seed).fit_predict(points)
    rank = np.asarray(rank, float)
    return np.sort([np.flatnonzero(labels == k)[np.argmax(rank[labels == k])] for k in np.unique(labels)])


def evidence(seen, rank, strange, agreed: float, unrest: float) -> np.ndarray:
    """What the confidence is made of: (N, 8), each column such that more of it speaks for a match.

    The lead over the best rival; the cycle error, in cells, its sign turned; the activation of both ends, the mean over the
    levels; the distance from what the neighbours do, share of the side, its sign turned; the logarithm of the frame's score;
    and the means over the pair of the first two and of the fourth (`unrest`, over what was dropped as strange too): where most
    matches hold, a doubtful one does more likely.
    """
    lead, cycle = np.asarray(seen, float).reshape(-1, 2).T
    shared = [np.log(max(agreed, 1e-4)), *(float(v.mean()) if len(v) else 0.0 for v in (lead, -cycle)), -unrest]
    own = [lead, -cycle, np.asarray(rank, float) / 10, -np.asarray(strange, float)]
    return np.column_stack([*own, np.tile(shared, (len(lead), 1))])


def match_confidence(evidence, calibration=None) -> np.ndarray:
    """How sure each match is to lie within 5% of the side, (N,) in [0, 1]: a logistic of its `evidence` (N, 8)."""
    constant, *weights = CALIBRATION if calibration is None else calibration
    return 1 / (1 + np.exp(-np.clip(constant + evidence @ np.array(weights), -30, 30)))


def pair_confidence(agreed: float) -> float:
    """How sure a pair as a whole is, in [0, 1], from the score of its frame (`alignment.find_frame`).

    One half stands where unrelated pictures end and related ones begin: of 56 pairs of a photograph and a painting of
    something else, all but one scored 0.001 to 0.021; ten of portraits and of animals 0.025 to 0.10; a picture and its own
    repainted copy 0.25 and more.
    """
    return float(1 / (1 + (0.022 / max(agreed, 1e-6)) ** 4))


def residuals(matches: Matches) -> np.ndarray:
    """How far each match is from a smooth bend fitted to the others, share of the content's long side: (N,)."""
    target = align(matches)
    side = float(max(matches.content_size or np.ptp(matches.content, axis=0) + 1))
    points = matches.content / side
    offsets = target / side - points
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    weights = np.exp(-apart / (2 * 0.12**2))
    np.fill_diagonal(weights, 0)
    expected = weights @ offsets / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return np.linalg.norm(offsets - expected, axis=1)


def reliable(matches: Matches) -> tuple[bool, str]:
    """Whether a warp should be built on these matches: the verdict, and one sentence why."""
    if len(matches) < FEWEST:
        return False, f"{len(matches)} matches, at least {FEWEST} are needed"
    for name, points in (("content", matches.content), ("style", matches.style)):
        size = getattr(matches, f"{name}_size")
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) / np.sqrt(len(points))
        if size is not None and spread[1] < LEAST_SPREAD * max(size):
            return False, f"the {name} points lie on a line or in one spot ({spread[1]:.1f} pixels across)"
    target = align(matches)
    crossed = float((crossings(matches.content, target).sum(axis=1) > 0).mean())
    if crossed > MOST_CROSSED:
        return False, f"{crossed:.0%} of the matches cross another one, at most {MOST_CROSSED:.0%} may"
    rough = float(np.median(residuals(matches)))
    if rough > MOST_ROUGH:
        return (
            False,
            f"no smooth warp fits: matches miss it by {rough:.1%} of the side, at most {MOST_ROUGH:.1%} is allowed",
        )
    if matches.confidence is not None and matches.confidence < LEAST_CONFIDENCE:
        return False, f"the two images have too little in common (confidence {matches.confidence:.2f})"
    return True, f"{len(matches)} matches, off a smooth warp by {rough:.1%} of the side"
