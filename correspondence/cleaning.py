"""From many matches to a few good ones: spacing, similarity alignment, crossings, clusters, and whether to trust the set."""

from __future__ import annotations

import numpy as np

from .matches import Matches


def similarity(source, target, weights=None) -> tuple[float, np.ndarray, np.ndarray]:
    """The least-squares similarity, reflections excluded (Umeyama 1991, eq. 39 to 43): target ~ scale R source + t.

    source, target: (N, 2); weights: (N,) >= 0 or None. Returns scale > 0, R (2, 2) with determinant 1, t (2,).
    Points that all coincide give scale 1 and no turn. A mirrored set gets the best turn without the mirror.
    """
    source, target = np.asarray(source, float), np.asarray(target, float)
    if len(source) == 0:
        return 1.0, np.eye(2), np.zeros(2)
    weights = np.ones(len(source)) if weights is None else np.asarray(weights, float)
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
    deformation (Kim et al. 2020, section 4.1).
    """
    scale, turn, move = similarity(matches.content, matches.style)
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


def reliable(matches: Matches) -> tuple[bool, str]:
    """Whether a warp should be built on these matches, and why not: (verdict, one sentence)."""
    if len(matches) < 4:
        return False, f"{len(matches)} reliable matches, at least 4 are needed"
    return True, f"{len(matches)} matches"
