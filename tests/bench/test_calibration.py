"""The fit of the confidence: what is said is what is true, on draws of known odds."""

import numpy as np
import pytest

from bench.calibration import FITTED, HELD_OUT, KINDS, fit, pairs, table
from correspondence.confidence import match_confidence

TRUE = np.array([-0.5, 1.5, 0.8, 0.0, 0.4, 1.0, 0.0, 0.6, 0.2])


def drawn(seed, names, count=400):
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 1, (count * len(names), 8)) * (1, 2, 1, 1, 0.1, 1, 3, 1)
    chance = match_confidence(evidence, TRUE)
    return {"evidence": evidence, "right": rng.random(len(chance)) < chance, "photo": np.repeat(names, count)}


def test_what_is_said_is_true_of_draws_never_fitted(capsys):
    constants = fit(drawn(0, ["a", "b", "c", "d", "e"]))
    other = drawn(1, ["f", "g", "h", "i", "j"])
    confidence = match_confidence(other["evidence"], constants)
    bins = [(confidence >= low) & (confidence < low + 0.2) for low in np.arange(0, 1, 0.2)]
    full = [chosen for chosen in bins if chosen.sum() >= 50]
    assert len(full) >= 4
    for chosen in full:
        assert abs(confidence[chosen].mean() - other["right"][chosen].mean()) < 0.1
    table("draws", confidence, other["right"])
    assert float(capsys.readouterr().out.split()[-1]) < 0.06


def test_what_speaks_against_a_match_gets_no_weight():
    rows = drawn(2, ["a", "b", "c"])
    rows["evidence"][:, 0] *= -1
    constants = fit(rows)
    assert constants[1] == pytest.approx(0, abs=1e-6) and (constants[1:] >= -1e-12).all()


def test_no_photograph_is_both_fitted_and_held_out():
    assert not set(FITTED) & set(HELD_OUT)
    listed = pairs(FITTED)
    assert len(listed) == len(FITTED) * len(KINDS) == len(set(listed))
    assert all(kind != "other" for _, _, kind, _, _ in listed)
    assert sum(a != b for a, b, *_ in listed) == len(FITTED)
