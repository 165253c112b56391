"""How likely a match is right, from evidence that is gathered once all matches are found.

After the last level both images are warped halfway towards each other, so a right match has both its ends in one place. There
each end is searched again by the deep features in a window of the other image, without its neighbours. Going out by that search
and back by the match should end where it began (cycle consistency); how far off it ends is the cycle error.
"""

from __future__ import annotations

import numpy as np
import torch

from .belief import cell_scores

RADIUS = 6
"""Window of the second search, in cells of level 4."""
APART = 2
"""A rival lies at least this many cells off."""
RELIED_ON = (0.05, 0.3)
"""Confidences of the best fifth of a set between which `set_confidence` rises from 0 to 1."""
CALIBRATION = (4.584, 2.981, 0.19, 0.723, 20.803, 0.333, 7.403, 0.43, 84.029)
"""A constant, and weights >= 0 of the columns of `evidence`; fitted, printed and checked by `bench/calibration.py`."""


def margin_and_cycle(a: torch.Tensor, b: torch.Tensor, cells: np.ndarray) -> np.ndarray:
    """Margin over the best rival, and cycle error, of places in two maps that should show the same there.

    Args:
        a, b: (1, C, h, w), deep features of both warped images; products are weighted cosines, zero outside an image.
        cells: (N, 2) as (x, y), cell centres at integers.

    Returns:
        (N, 2), the same with a and b exchanged: by how much the similarity over 3 x 3 cells is larger than the best one
        APART or more cells off, the smaller of both directions; and how far the best place in the window is from where it
        should be, in cells, the mean of both directions.
    """
    height, width = a.shape[-2:]
    place = np.round(cells).astype(np.int64)
    x, y = place[:, 0].clip(0, width - 1), place[:, 1].clip(0, height - 1)
    offset = np.arange(2 * RADIUS + 1) - RADIUS
    far = np.hypot(offset[:, None], offset[None]).reshape(-1, 1)
    margins, errors = [], []
    for there in (cell_scores(a, b, RADIUS, 3), cell_scores(b, a, RADIUS, 3)):
        table = there[:, :, y, x].reshape(len(far), -1).double().cpu().numpy()
        here = table[len(far) // 2]
        margins.append(here - np.where(far >= APART, table, -np.inf).max(axis=0))
        errors.append(far[(table - 1e-6 * far).argmax(axis=0), 0])
    return np.stack([np.min(margins, axis=0), np.mean(errors, axis=0)], axis=1)


def evidence(checks, activation, deviation, agreement: float, mean_deviation: float) -> np.ndarray:
    """What the confidence is made of: (N, 8), each column such that more of it speaks for a match.

    The margin over the best rival; the cycle error, in cells, negated (`checks`, (N, 2)); the activation of both ends,
    the mean over the levels; the deviation from the neighbours, share of the side, negated; the logarithm of the
    frame's agreement; and the means over the pair of the first two and of the deviation (of outliers too): where most
    matches are right, one of low confidence is more likely to be.
    """
    margin, cycle = np.asarray(checks, float).reshape(-1, 2).T
    means = [float(v.mean()) if len(v) else 0.0 for v in (margin, -cycle)]
    shared = [np.log(max(agreement, 1e-4)), *means, -mean_deviation]
    own = [margin, -cycle, np.asarray(activation, float) / 10, -np.asarray(deviation, float)]
    return np.column_stack([*own, np.tile(shared, (len(margin), 1))])


def match_confidence(evidence, calibration=None) -> np.ndarray:
    """How likely each match lies within 5% of the side, (N,) in [0, 1]: a logistic of its `evidence` (N, 8)."""
    constant, *weights = CALIBRATION if calibration is None else calibration
    return 1 / (1 + np.exp(-np.clip(constant + evidence @ np.array(weights), -30, 30)))


def pair_confidence(agreement: float, scores) -> float:
    """The confidence in a pair of images as a whole, in [0, 1]: from its frame and its matches.

    `agreement` is that of the frame (`frame.find_frame`), scores (N,) the confidences of the matches. By the frame alone, one
    half stands where unrelated images end and related ones begin: agreement was 0.001 to 0.021 for all but one of 56 pairs of
    a photograph and a painting of something else, 0.025 to 0.10 for ten of portraits and of animals, and 0.25 and more for an
    image and its own repainted copy. Some unrelated images of similar layout pass that; the confidences of their matches are
    low, and `set_confidence` of these is the other factor.
    """
    return float(1 / (1 + (0.022 / max(agreement, 1e-6)) ** 4)) * set_confidence(scores)


def set_confidence(scores) -> float:
    """How far a set of matches can be relied on, in [0, 1], by the confidence that its best fifth reaches.

    scores: (N,). 1 from 0.3 on, 0 up to 0.05. For seven pairs of a portrait or an animal and a painting of one it was 0.29 to
    0.83; for twenty-six pairs of unrelated images that the frame alone let pass, 0.06 to 0.46, half of them under 0.24.
    """
    low, high = RELIED_ON
    best = float(np.quantile(scores, 0.8)) if len(scores) else 0.0
    return float(np.clip((best - low) / (high - low), 0, 1))
