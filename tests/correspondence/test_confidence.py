"""Margin and cycle error of matches: what it says of maps whose displacement is known."""

import numpy as np
import pytest
import torch

from correspondence.confidence import RADIUS, margin_and_cycle
from correspondence.features import normalise


def features(seed, height=18, width=22):
    map_ = torch.randn(1, 24, height, width, generator=torch.Generator().manual_seed(seed))
    return normalise(map_, torch.ones(1, 1, height, width))


@pytest.fixture
def cells():
    return np.array([[8, 8], [10, 9], [13, 7], [9.3, 10.2]], dtype=float)


def test_what_stands_in_place_returns_and_leads(cells):
    margin, cycle = margin_and_cycle(features(0), features(0), cells).T
    assert (cycle == 0).all() and (margin > 0.5).all()


@pytest.mark.parametrize("dx, dy", [(3, 0), (-2, 4)])
def test_the_cycle_error_is_how_far_the_match_is_off(cells, dx, dy):
    a = features(0)
    margin, cycle = margin_and_cycle(a, torch.roll(a, (dy, dx), (2, 3)), cells).T
    assert cycle == pytest.approx(np.hypot(dx, dy)) and (margin < 0).all()


def test_exchanging_the_maps_changes_nothing(cells):
    a, b = features(0), features(0) + 0.2 * features(1)
    assert np.array_equal(margin_and_cycle(a, b, cells), margin_and_cycle(b, a, cells))


def test_what_has_no_counterpart_neither_leads_nor_returns(cells):
    margin, cycle = margin_and_cycle(features(0), features(1), cells).T
    assert margin.mean() < 0 and cycle.mean() > 2
    assert cycle.max() <= RADIUS * 2**0.5 + 1e-9


def test_edges_and_no_places_at_all():
    a = features(0)
    corners = np.array([[-0.4, -0.4], [21.4, 17.4]])
    assert np.isfinite(margin_and_cycle(a, a, corners)).all()
    assert margin_and_cycle(a, a, np.zeros((0, 2))).shape == (0, 2)
