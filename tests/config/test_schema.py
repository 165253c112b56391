"""Kinds of the parts of a file: what fits passes through, what does not is named with its place."""

import pytest

from dst.config import InputError
from dst.config.kinds import Number, whole
from dst.config.schema import DEPTH, Every, Free, Items, Maybe, Row, Table, Words

KIND = Table(
    {"size": Row(whole(1, 9), whole(1, 9)), "points": Items(Row(Number(0, 1), Number(0, 1)), 3)},
    {"seconds": Every(Number(0, 99)), "name": Maybe(Words()), "styles": Items(Words(), 2, min_count=1)},
)
GOOD = {"size": [3, 4], "points": [[0, 1], (0.5, 0.25)], "seconds": {"read": 1.5}, "name": None, "styles": ["a"]}


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def test_what_fits_is_returned_as_it_is():
    assert KIND.check("", GOOD) is GOOD
    assert KIND.check("", {"size": (1, 9), "points": []})
    assert KIND.check("", {**GOOD, "later": {"a": [1, "b", None, True, 2.5]}})


@pytest.mark.parametrize(
    "part, value, message",
    [
        ("size", None, "size is None: it takes a list of 2"),
        ("size", [3], r"size is \[3\]: it takes a list of 2"),
        ("size", [3, 0], r"size\[1\] is 0: it takes a whole number from 1 to 9"),
        ("size", [3, "4"], r"size\[1\] is '4'"),
        ("size", [True, 4], r"size\[0\] is True"),
        ("points", [[0, 1], [0, float("nan")]], r"points\[1\]\[1\] is nan"),
        ("points", [[0, 1]] * 4, "points is list of 4: it takes a list of 0 to 3"),
        ("points", {}, r"points is \{\}"),
        ("seconds", {"read": None}, r"seconds\.read is None"),
        ("seconds", {1: 2}, "seconds is .*: it takes parts by name"),
        ("seconds", {"a b": "x"}, r"seconds\.'a b' is 'x'"),
        ("name", 5, "name is 5: it takes text"),
        ("name", "x" * 20_000, "name is 'xx.*: it takes text"),
        ("styles", [], r"styles is \[\]: it takes a list of 1 to 2"),
        ("later", nested(DEPTH + 5), "later is .*not nested too deeply"),
        ("later", {"a": {1, 2}}, "later is .*: it takes text, numbers"),
    ],
)
def test_what_does_not_fit_is_named(part, value, message):
    with pytest.raises(InputError, match=message) as caught:
        KIND.check("", {**GOOD, part: value})
    assert len(str(caught.value)) < 300


def test_a_missing_part_and_no_parts_at_all():
    with pytest.raises(InputError, match="points is missing"):
        KIND.check("", {"size": [1, 1]})
    with pytest.raises(InputError, match=r"inner\.points is missing"):
        Table({"inner": KIND}).check("", {"inner": {"size": [1, 1]}})
    for value in (None, [], "x", {1: 2}):
        with pytest.raises(InputError, match=r"the whole is .*: it takes parts by name"):
            KIND.check("", value)


def test_what_is_free_is_still_bounded():
    assert Free().check("notes", nested(DEPTH - 2))
    for value in (nested(100_000), {1: 2}, object(), b"x"):
        with pytest.raises(InputError, match="notes is"):
            Free().check("notes", value)
