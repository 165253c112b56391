"""The similarity (rotation, scale, translation) between two sets of points, in the plane or in space."""

from __future__ import annotations

import numpy as np


def fit_similarity(source, target, weights=None) -> tuple[float, np.ndarray, np.ndarray]:
    """The least-squares similarity, reflections excluded (Umeyama 1991, eq. 39 to 43): target ~ scale R source + t.

    Args:
        source, target: (N, D), D 2 as (x, y) or 3, each in any unit.
        weights: (N,) >= 0, or None for equal ones.

    Returns:
        Scale > 0, in units of target per unit of source; R (D, D) with determinant 1; t (D,), in units of target. Points
        that all coincide give scale 1 and no rotation. A mirrored set gets the best rotation without the mirror.

    Raises:
        ValueError: source and target differ in number.
        LinAlgError: NumPy's, on values that are not finite.
    """
    source, target = np.asarray(source, float), np.asarray(target, float)
    dimensions = source.shape[1] if source.ndim == 2 else 2
    if len(source) == 0:
        return 1.0, np.eye(dimensions), np.zeros(dimensions)
    weights = np.ones(len(source)) if weights is None or not np.any(weights) else np.asarray(weights, float)
    weights = weights / max(weights.sum(), 1e-300)
    mean_s, mean_t = weights @ source, weights @ target
    s, t = source - mean_s, target - mean_t
    u, values, v = np.linalg.svd((t * weights[:, None]).T @ s)
    sign = np.array([*[1.0] * (dimensions - 1), np.sign(np.linalg.det(u) * np.linalg.det(v)) or 1.0])
    variance = float(weights @ (s**2).sum(axis=1))
    scale = float((values * sign).sum()) / variance if variance > 1e-12 else 1.0
    if scale <= 1e-9:
        return 1.0, np.eye(dimensions), mean_t - mean_s
    rotation = (u * sign) @ v
    return scale, rotation, mean_t - scale * rotation @ mean_s
