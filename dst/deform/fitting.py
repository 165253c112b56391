"""From matches to the warp that they ask for: targets, how strongly each match pulls, balance, folds, rigid parts, pins."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

import correspondence
from correspondence.matches import Matches
from dst.deform.objective import SOLVE_STEPS, smooth_displacements
from dst.faces.shape import landmarks
from dst.warp import Warp
from dst.warp.fit import CLOSER, SURVEY, drop_folding, mend

FAINTEST = 0.1
"""Share of the displacements that is left of a warp on matches of no confidence at all: points that were given have a say."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A warp at strength 1, and the share of its displacements that was left when its folds were removed.

    `softened` is the factor on the displacements that came of the matches' confidences, 1 where they can be relied on.
    """

    warp: Warp
    kept: float = 1.0
    softened: float = 1.0


def pull(scores: np.ndarray) -> np.ndarray:
    """How strongly each match pulls at the warp, from the confidences of all: (k,) in [0, 1] to (k,) in [0, 1].

    A fifth of the matches, those of most confidence, pull fully and the others in proportion. Confidences are calibrated on
    repainted photographs, and of a painting, which differs more, even right matches get a low one; where the best of a set
    are low too, the whole warp is softened (`fit_warp`).
    """
    best = float(np.quantile(scores, 0.8)) if len(scores) else 0.0
    return np.clip(scores / best, 0, 1) if best > 0 else np.ones_like(scores)


def fit_warp(
    matches: Matches,
    strength: float,
    beta: float,
    gamma: float,
    mask: np.ndarray | None = None,
    steps: int = SOLVE_STEPS,
    nodes: tuple[int, int] = (SURVEY, CLOSER),
) -> Fitted:
    """The warp without folds that carries the content's points to the style's, brought into the content's frame.

    Where not even the best fifth of the matches is of some confidence, all displacements are softened by the share that
    `correspondence.set_confidence` says, pins apart: a warp on matches that are likely wrong is better a faint one.

    Args:
        matches: at least three, with the size of the content.
        strength: factor on the displacements.
        beta, gamma: weights of the balance between reaching the targets and smoothness.
        mask: (H, W) of bool, the parts that stay rigid, or None.
        steps: of the search for the balance; a quarter of them comes within some thousandths of the long side.
        nodes: of the grids on which folds are looked for, as `dst.warp.fit.drop_folding` takes them.

    Raises:
        InputError: points that no warp can be fitted to; a pin inside a rigid part or too close to it.
    """
    target, found = correspondence.align(matches), ~matches.pinned
    softened = correspondence.set_confidence(matches.scores[found]) if found.any() else 1.0
    softened = max(softened, FAINTEST)
    if softened < 1:
        target = np.where(found[:, None], matches.content + softened * (target - matches.content), target)
    weights, confidence = (beta, gamma), pull(matches.scores)
    source, size = matches.content, matches.content_size
    face = landmarks(matches.source)
    fitted = fit_points(source, target, size, strength, matches.pinned, mask, weights, confidence, face, steps, nodes)
    return dataclasses.replace(fitted, softened=softened)


def fit_points(
    source: np.ndarray,
    target: np.ndarray,
    size: tuple[int, int],
    strength: float = 1.0,
    pinned: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    weights: tuple[float, float] = (1.0, 0.0),
    confidence: np.ndarray | None = None,
    face: np.ndarray | None = None,
    steps: int = SOLVE_STEPS,
    nodes: tuple[int, int] = (SURVEY, CLOSER),
) -> Fitted:
    """A warp without folds that carries source to target, keeps a mask's parts rigid and reaches the pins.

    Args:
        source, target: (k, 2) pixels of a content of `size` (W, H).
        size: (W, H).
        strength: factor on the displacements.
        pinned: (k,) bool, points that must be reached; None for none.
        mask: (H, W) of bool, the rigid parts, or None.
        weights: beta and gamma of the balance that the displacements are first brought into, so that points that no
            smooth warp can reach give way before they fold the map; the default leaves them as they are.
        confidence: (k,) in [0, 1]: in that balance a point of little confidence pulls less and follows its neighbours.
            Pins count fully whatever is said of them. None for 1 everywhere.
        face: (k,) bool, points of a face, within which the warp is kept calm; None for none.
        steps: of the search for that balance.
        nodes: of the grids on which folds are looked for.

    Raises:
        InputError: points that no warp can be fitted to; a pin inside a rigid part or too close to it.
    """
    warp = Warp.fit(source, target, size)
    pinned = np.zeros(len(source), bool) if pinned is None else pinned
    confidence = None if confidence is None else torch.tensor(np.where(pinned, 1.0, confidence))
    wanted = torch.tensor(strength * warp.displacement)
    reached = smooth_displacements(
        torch.tensor(warp.source), wanted, warp.size, *weights, torch.tensor(pinned), confidence, steps
    )
    warp = drop_folding(dataclasses.replace(warp, displacement=reached.numpy(), pinned=pinned), nodes=nodes)
    return Fitted(*mend(warp, mask, [] if face is None else [face[warp.origin]]))


def point_weights(warp: Warp, matches: Matches) -> np.ndarray:
    """How strongly each point of a matches' warp pulls (`pull`); 0 for those that carry a rigid part. (k,)

    Scaled so that the mean over all points is that over the matched ones: a rigid part does not weaken the others' pull.
    """
    matched = warp.origin >= 0
    return np.where(matched, pull(matches.scores)[warp.origin], 0.0) * len(matched) / max(matched.sum(), 1)
