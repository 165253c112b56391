"""Best buddies against a search written out, and invariants of the features' normalisation."""

import itertools

import pytest
import torch

from correspondence.belief import belief_buddies, cell_scores, peaks, propagate
from correspondence.best_buddies import mutual, reverse, window_buddies, window_scores
from correspondence.features import activation, normalise, patches


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.functional.normalize(torch.randn(1, 6, 7, 9, generator=generator), dim=1) for _ in range(2)]


def test_mutual_neighbours_are_those_of_the_definition():
    table = torch.randn(12, 9, generator=torch.Generator().manual_seed(1))
    expected = {
        (i, j)
        for i, j in itertools.product(range(12), range(9))
        if table[i, j] == table[i].max() and table[i, j] == table[:, j].max()
    }
    i, j, value = mutual(table)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
    assert torch.equal(value, table[i, j])


def test_window_scores_are_patch_means_of_cosines(features):
    a, b = features
    table = window_scores(a, b, 2, 1)
    assert table[3, 0, 4, 5] == pytest.approx(float(a[0, :, 4, 5] @ b[0, :, 5, 3]), abs=1e-6)
    wide = window_scores(a, b, 1, 3)
    here = [float(a[0, :, y, x] @ b[0, :, y, x + 1]) for y in (2, 3, 4) for x in (3, 4, 5)]
    assert wide[1, 2, 3, 4] == pytest.approx(sum(here) / 9, abs=1e-6)
    assert table[0, 0, 0, 0] == -torch.inf


def test_reverse_is_the_search_from_the_other_side(features):
    a, b = features
    assert torch.allclose(reverse(window_scores(a, b, 2, 3)), window_scores(b, a, 2, 3), atol=1e-6)


def test_both_score_tables_agree_away_from_the_border(features):
    a, b = features
    inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    near, deep = window_scores(a, b, 1, 1), cell_scores(a, b, 1, 1)
    assert torch.allclose(near[inner], deep[inner], atol=1e-6)


def test_a_shifted_map_is_found_at_its_shift(features):
    a = features[0]
    b = torch.roll(a, (1, -2), (2, 3))
    at, move, value = window_buddies(window_scores(a, b, 2, 1))
    inside = (at[:, 0] >= 2) & (at[:, 1] < 6)
    assert inside.sum() == 7 * 6 and (move[inside] == torch.tensor([-2, 1])).all()
    assert torch.allclose(value[inside], torch.ones(42), atol=1e-5)


def test_ties_go_to_the_shorter_way():
    flat = torch.ones(1, 4, 6, 6) / 2
    at, move, _ = window_buddies(window_scores(flat, flat, 2, 3))
    assert len(at) == 36 and (move == 0).all()


def test_normalising_divides_contrast_and_tint_out():
    features = torch.rand(1, 5, 8, 8, generator=torch.Generator().manual_seed(2))
    mask = torch.ones(1, 1, 8, 8)
    scale = torch.tensor([1.0, 2.0, 0.5, 3.0, 1.5]).view(1, 5, 1, 1)
    changed = normalise(features * scale, mask)
    assert torch.allclose(normalise(features, mask), changed, atol=1e-4)
    assert torch.allclose(changed.square().sum(1), torch.ones(1, 8, 8), atol=0.05)


def test_flat_and_empty_maps_give_zeros():
    flat, mask = torch.full((1, 3, 4, 4), 0.7), torch.ones(1, 1, 4, 4)
    for values in (
        normalise(flat, mask),
        activation(flat, mask),
        normalise(flat, mask * 0),
        activation(flat, mask * 0),
    ):
        assert torch.isfinite(values).all() and values.abs().max() < 0.02
    assert torch.isfinite(patches(flat * 0, 3)).all()


def test_activation_spans_zero_to_one():
    energy = activation(torch.rand(1, 5, 8, 8, generator=torch.Generator().manual_seed(3)), torch.ones(1, 1, 8, 8))
    assert energy.min() == 0 and energy.max() == 1


def test_neighbours_overrule_a_cell_that_is_deceived():
    table = torch.zeros(7, 7, 8, 8)
    table[3, 5] = 0.5  # everywhere two cells to the right ...
    table[:, :, 4, 4] = 0
    table[0, 0, 4, 4] = 0.6  # ... but one cell sees itself elsewhere
    belief = propagate(table, torch.ones(8, 8), 0.7)
    assert torch.allclose(belief.sum((0, 1)), torch.ones(8, 8), atol=1e-4)
    move, mass = peaks(belief)
    assert torch.allclose(move[:, 4, 4], torch.tensor([2.0, 0.0]), atol=0.3)
    assert torch.allclose(move[0, 2, 2], torch.tensor(2.0), atol=0.2) and mass[2, 2] > 0.8


def test_belief_buddies_of_a_map_with_itself_stay_in_place(features):
    scores = cell_scores(features[0], features[0], 3, 3)
    ones = torch.ones(7, 9)
    at, move, weight = belief_buddies(scores, scores, ones, ones, 0.7)
    assert len(at) > 50 and move.abs().max() < 0.5 and (weight > 0).all() and (weight <= 1.001).all()
