"""Matches edited by hand: dropped by number, pinned in place."""

import numpy as np
import pytest

from correspondence.matches import Matches
from dst.config import GuidanceConfig, InputError
from dst.deform.edits import add_pins, check_pins, drop_matches

SIZE = (200, 160)
SOURCE = np.array([[40, 40], [150, 40], [100, 80], [50, 120], [150, 120], [100, 30], [60, 70], [140, 75.0]])
TARGET = SOURCE + np.array([[12, 4], [-10, 6], [0, 14], [8, -9], [-12, -6], [3, 10], [-9, 2], [11, -7.0]])


def matches(count=8):
    return Matches(SOURCE[:count], TARGET[:count], np.linspace(1, 0.3, count), SIZE, SIZE)


def test_dropped_numbers_count_from_one():
    left = drop_matches(matches(), GuidanceConfig(drop=[3, 1, 3]).drop)
    assert np.array_equal(left.content, SOURCE[[1, 3, 4, 5, 6, 7]])
    with pytest.raises(InputError, match="match 9, but there are 8"):
        drop_matches(matches(), (2, 9))


def test_pins_come_first_and_replace_found_matches_beside_them():
    edited = add_pins(matches(), np.array([[152, 41, 130, 60]]))
    assert len(edited) == 8
    assert edited.pinned.tolist() == [True] + 7 * [False]
    assert edited.content[0].tolist() == [152, 41] and edited.style[0].tolist() == [130, 60]
    assert not (edited.content[1:] == SOURCE[1]).all(1).any()


@pytest.mark.parametrize(
    "pins, message",
    [
        ([(10, 10, 300, 10)], "pin 1: its style point"),
        ([(10, 10, 20, 20), (10, 10, 40, 40)], "share one content point"),
        ([(1, 2, 3)], "four finite numbers"),
        ([(1, 2, 3, float("nan"))], "four finite numbers"),
        ("1,2,3,4", "four finite numbers"),
    ],
)
def test_bad_pins_are_refused(pins, message):
    with pytest.raises(InputError, match=message):
        check_pins(np.array(GuidanceConfig(pins=pins).pins), SIZE, SIZE)
