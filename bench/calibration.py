"""Fit and check the confidence of a match: `python bench/calibration.py --cache FILE`.

Photographs against their own copies, warped and repainted more and less, where the true place of every point is known, and
against copies of one another, where every match is wrong. A logistic with weights that cannot be negative is fitted. Two tables
compare the confidence with the share of right matches, on photographs that had no part in the fit: HELD_OUT by a fit on
FITTED, and each one by a fit on all others. The constants printed come from all.

They go into `CALIBRATION` in correspondence/confidence.py, by hand.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.matching import encode_with, photo, synthetic, table, tensor
from correspondence import match
from correspondence.confidence import match_confidence
from dst.features import load_encoder

FITTED = ("cat", "coffee", "rocket", "china", "camera", "coins", "text", "brick", "gravel", "retina", "hubble", "clock")
HELD_OUT = ("astronaut", "flower", "motorcycle", "portrait", "moon", "page", "cell", "grass", "tissue")
KINDS = ("easy", "hard", "harsh", "drawn", "drawn", "drawn", "drawn", "other")
NEAR = 0.05
"""A match this close to the true place, share of the side, is right."""
RIDGE = 0.1
"""Penalty on the weights of columns brought to unit deviation: the fit must not follow a few photographs too closely."""


def pairs(names) -> list[tuple[str, str, str, int, int]]:
    """Content, style, kind, seed and sign of every pair."""
    table = []
    for k, name in enumerate(names):
        for j, kind in enumerate(KINDS):
            other = names[(k + 1) % len(names)] if kind == "other" else name
            table.append((name, other, "easy" if kind == "other" else kind, 100 * k + j, 1 - 2 * (k % 2)))
    return table


def collect(names, encode, side: int) -> dict[str, np.ndarray]:
    """Every pair matched: the evidence for each match, (N, 8), whether it is right, (N,), and its photograph, (N,)."""
    parts, asked = {"evidence": [], "right": [], "photo": []}, []

    def numbered(evidence):
        """In place of confidences: numbers by which the matches that are left at the end are known again."""
        asked.append(evidence)
        return np.arange(len(evidence)) / 2**20

    for name, other, kind, seed, sign in pairs(names):
        _, style, forward = synthetic(other, kind, seed, side, sign)
        found = match(tensor(photo(name, side)), tensor(style), encode, confidence=numbered)
        if len(found) == 0:
            continue
        error = np.linalg.norm(forward(found.content) - found.style, axis=1) / side
        right = (error < NEAR) & (name == other)
        parts["evidence"].append(asked[-1][np.round(found.scores * 2**20).astype(int)])
        parts["right"].append(right)
        parts["photo"].append(np.repeat(name, len(found)))
        print(f"{name:10} {kind if name == other else other:10} {right.mean():.2f} right of {len(found)}", flush=True)
    return {key: np.concatenate(values) for key, values in parts.items()}


def logistic(columns: np.ndarray, right: np.ndarray, ridge: float) -> np.ndarray:
    """A constant, and weights >= 0 of columns (N, k) -> (k + 1,)."""
    wanted = right.astype(float)

    def loss(p):
        line = columns @ p[1:] + p[0]
        apart = 1 / (1 + np.exp(-np.clip(line, -500, 500))) - wanted
        value = (np.logaddexp(0, line) - wanted * line).mean() + ridge * (p[1:] ** 2).sum()
        return value, np.r_[apart.mean(), columns.T @ apart / len(wanted) + 2 * ridge * p[1:]]

    bounds = [(None, None)] + [(0, None)] * columns.shape[1]
    return minimize(loss, np.zeros(len(bounds)), jac=True, bounds=bounds, method="L-BFGS-B").x


def shrunk(rows: dict[str, np.ndarray]) -> np.ndarray:
    """Constants whose weights the penalty has made too small: the order of matches is right, the confidences too modest."""
    middle, spread = rows["evidence"].mean(axis=0), rows["evidence"].std(axis=0) + 1e-9
    found = logistic((rows["evidence"] - middle) / spread, rows["right"], RIDGE)
    weights = found[1:] / spread
    return np.r_[found[0] - weights @ middle, weights]


def left_out(rows: dict[str, np.ndarray], fit) -> np.ndarray:
    """Log odds of every match by constants fitted on the other photographs: (N,)."""
    odds = np.zeros(len(rows["right"]))
    for name in np.unique(rows["photo"]):
        here = rows["photo"] == name
        constant, *weights = fit({key: value[~here] for key, value in rows.items()})
        odds[here] = constant + rows["evidence"][here] @ weights
    return odds


def fit(rows: dict[str, np.ndarray]) -> np.ndarray:
    """Constant and weights >= 0 of the logistic: (9,).

    What the penalty took from the weights is given back by one factor, found on photographs left out (Platt 1999).
    """
    constants = shrunk(rows)
    constant, factor = logistic(left_out(rows, shrunk)[:, None], rows["right"], 0.0)
    return np.r_[constant + factor * constants[0], factor * constants[1:]]


def calibrate(encode, side: int, cache: Path | None, sha256: str) -> None:
    """Collect, fit, print the constants and the tables. What was collected is kept in `cache` for the same weights."""
    parts = {}
    if cache is not None and cache.exists():
        stored = dict(np.load(cache))
        parts = stored if stored.pop("sha256") == sha256 else {}
    if not parts:
        for part, names in (("fitted", FITTED), ("held_out", HELD_OUT)):
            parts |= {f"{part}_{key}": value for key, value in collect(names, encode, side).items()}
        if cache is not None:
            np.savez_compressed(cache, sha256=sha256, **parts)
    fitted, held_out = (
        {key: parts[f"{part}_{key}"] for key in ("evidence", "right", "photo")} for part in ("fitted", "held_out")
    )
    both = {key: np.concatenate([fitted[key], held_out[key]]) for key in fitted}
    constants = tuple(round(float(v), 3) for v in fit(both))
    print("CALIBRATION =", constants)
    shares = both["evidence"].std(axis=0) * constants[1:]
    print("  weights times the deviation of their columns:", " ".join(f"{v:.2f}" for v in shares))
    table("each photograph by a fit on all others", 1 / (1 + np.exp(-left_out(both, fit))), both["right"])
    confidence = match_confidence(held_out["evidence"], fit(fitted))
    table(f"{len(HELD_OUT)} photographs by a fit on the other {len(FITTED)}", confidence, held_out["right"])
    now = match_confidence(both["evidence"])
    table("all photographs, by the constants in place", now, both["right"])


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="compact")
    parser.add_argument("--weights", help="file of weights")
    parser.add_argument("--side", type=int, default=256, help="long side in pixels")
    parser.add_argument("--cache", type=Path, help="file that keeps what was matched, for the same weights")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder, options.weights)
    calibrate(encode_with(encoder), options.side, options.cache, encoder.sha256)


if __name__ == "__main__":
    main()
