"""Matches: what they hold, and the files that they are written to and read from."""

import json
import os

import numpy as np
import pytest

from correspondence.common import MAX_POINTS, MatchError
from correspondence.io import HEADER
from correspondence.matches import Matches

CONTENT = np.array([[1.0, 2.0], [30.25, 5.5], [12.0, 28.125], [40.0, 31.0]])
STYLE = CONTENT[:, ::-1] + 3


@pytest.fixture
def matches():
    return Matches(CONTENT, STYLE, np.array([1.0, 0.5, 0.25, 0.0]), (48, 40), (50, 60), 0.75)


def test_swapping_twice_changes_nothing(matches):
    assert matches.swapped().swapped() == matches
    assert np.array_equal(matches.swapped().content, matches.style)
    assert matches.swapped().content_size == (50, 60)


def test_subset_takes_indices_and_masks(matches):
    assert np.array_equal(matches.subset([2, 0]).content, CONTENT[[2, 0]])
    assert matches.subset(np.array([True, False, False, True])).scores.tolist() == [1.0, 0.0]
    assert len(matches.subset([])) == 0


def test_values_cannot_be_changed(matches):
    with pytest.raises(ValueError, match="read-only"):
        matches.content[0, 0] = 5


def test_resizing_maps_pixel_areas(matches):
    double = matches.resized((96, 80), (100, 120))
    assert np.allclose(double.content, CONTENT * 2 + 0.5)
    assert np.allclose(double.resized((48, 40), (50, 60)).style, STYLE)
    with pytest.raises(MatchError, match="no image sizes"):
        Matches(CONTENT, STYLE).resized((1, 1), (1, 1))


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_file_reads_back_as_written(matches, form, tmp_path):
    path = tmp_path / f"points.{form}"
    getattr(matches, f"to_{form}")(path)
    sizes = ((48, 40), (50, 60)) if form == "csv" else (None, None)
    assert getattr(Matches, f"from_{form}")(path, *sizes) == matches
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_header_is_as_promised(matches, tmp_path):
    matches.to_csv(tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text().splitlines()[0] == "content_x,content_y,style_x,style_y,score"


def test_json_carries_sizes_and_confidence(matches, tmp_path):
    matches.to_json(tmp_path / "p.json")
    found = Matches.from_json(tmp_path / "p.json")
    assert (found.content_size, found.style_size, found.confidence) == ((48, 40), (50, 60), 0.75)


def test_score_may_be_left_out_and_spreadsheets_are_read(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(
        b"\xef\xbb\xbf" + b"content_x,content_y,style_x,style_y\r\n1,2,3,4\r\n5,9,7,8\r\n\r\n9, 1 ,2,2\r\n"
    )
    found = Matches.from_csv(path)
    assert len(found) == 3 and found.scores.tolist() == [1, 1, 1]
    path = tmp_path / "by_hand.csv"  # rows added to what was saved
    path.write_text(",".join(HEADER) + "\n1,2,3,4,0.5\n9,1,8,2,\n5,5,6,1\n")
    assert Matches.from_csv(path).scores.tolist() == [0.5, 1, 1]


HEAD = ",".join(HEADER) + "\n"
GOOD = "1,2,3,4,1\n5,9,7,8,1\n9,1,2,2,1\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("x,y,u,v\n1,2,3,4\n", "line 1: the header"),
        (HEAD, "0 matches: at least 3"),
        (HEAD + "1,2,3,4,1\n5,9,7,8,1\n", "2 matches: at least 3"),
        (HEAD + GOOD + "1,2,3\n", "line 5: 3 columns"),
        (HEAD + GOOD + "1,2,3,4,5,6\n", "line 5: 6 columns"),
        (HEAD + GOOD + "1,two,3,4,1\n", "line 5: content_y is 'two'"),
        (HEAD + GOOD + "1,nan,3,4,1\n", "line 5: content_y is 'nan'"),
        (HEAD + GOOD + "1,inf,3,4,1\n", "line 5: content_y is 'inf'"),
        (HEAD + GOOD + "3,2,3,4,1.5\n", "line 5: score is 1.5"),
        (HEAD + GOOD + "1,2,8,9,1\n", r"line 5: the content point \(1, 2\) is given twice"),
        (HEAD + GOOD + "4,4,3,4,1\n", r"line 5: the style point \(3, 4\) is given twice"),
        (HEAD + "1,1,3,4,1\n2,2,7,8,1\n3,3,2,2,1\n", "content points lie on one line"),
        (HEAD + GOOD + "99,2,8,9,1\n", r"line 5: the content point \(99, 2\) is outside"),
        (HEAD + GOOD + "2,2,8,-1,1\n", r"line 5: the style point \(8, -1\) is outside"),
    ],
)
def test_a_bad_file_is_named_with_its_line(text, words, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(MatchError, match=words) as caught:
        Matches.from_csv(path, (20, 20), (20, 20))
    assert "bad.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_file_of_points(tmp_path):
    with pytest.raises(MatchError, match="cannot be read"):
        Matches.from_csv(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\x89PNG\xff\xfe\x00")
    with pytest.raises(MatchError, match="not a text file"):
        Matches.from_csv(tmp_path / "binary.csv")
    (tmp_path / "other.json").write_text(json.dumps({"points": []}))
    with pytest.raises(MatchError, match="not a file of matches"):
        Matches.from_json(tmp_path / "other.json")
    (tmp_path / "nan.json").write_text('{"content": [[NaN, 1]], "style": [[1, 1]]}')
    with pytest.raises(MatchError, match=r"nan\.json.*NaN"):
        Matches.from_json(tmp_path / "nan.json")


POINTS_JSON = {"content": CONTENT.tolist(), "style": STYLE.tolist(), "scores": [1, 1, 1, 1], "confidence": 0.5}
ODD = (
    None,
    "x",
    "12",
    -1,
    True,
    [],
    {},
    1e30,
    float("nan"),
    float("inf"),
    [[]],
    ["1", "2"],
    [[[1]]],
    [1, [2]],
    [1e999, 5],
)


@pytest.mark.parametrize("key", ["content", "style", "scores", "content_size", "style_size", "confidence", ""])
def test_a_file_of_odd_values_is_read_or_refused_by_name(tmp_path, key):
    path = tmp_path / "points.json"
    deep = "[" * 100_000 + "]" * 100_000
    digits = "9" * 5000
    for value in (*(json.dumps(odd) for odd in ODD), deep, digits, f"[[{digits}, 1]]"):
        record = {k: json.dumps(v) for k, v in POINTS_JSON.items()} | ({key: value} if key else {})
        path.write_text("{" + ", ".join(f'"{k}": {v}' for k, v in record.items()) + "}" if key else value)
        try:
            found = Matches.from_json(path)
        except MatchError as error:
            assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < 500
        else:
            assert found.content.shape == (4, 2) and found.content_size in (None, (48, 40))


def test_numbers_as_text_are_no_points():
    with pytest.raises(MatchError, match="not numbers"):
        Matches([["1", "2"], ["3", "4"], ["5", "9"]], STYLE[:3])
    with pytest.raises(MatchError, match="image size"):
        Matches(CONTENT, STYLE, None, "48")


@pytest.mark.parametrize("cell", ["1" * 200_000, "9" * 5000, '"' + "x\n" * 100_000 + '"'])
def test_an_endless_cell_is_refused_in_one_line(tmp_path, cell):
    path = tmp_path / "p.csv"
    path.write_text(HEAD + GOOD + f"{cell},2,3,4,1\n")
    with pytest.raises(MatchError, match=r"p\.csv, line") as caught:
        Matches.from_csv(path)
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)


def test_no_more_points_are_taken_than_a_spline_can_go_through(tmp_path):
    points = np.random.default_rng(0).uniform(0, 500, (MAX_POINTS + 1, 4))
    few, many = (Matches(table[:, :2], table[:, 2:]) for table in (points[1:], points))
    few.to_csv(tmp_path / "few.csv")
    assert len(Matches.from_csv(tmp_path / "few.csv")) == MAX_POINTS
    many.to_csv(tmp_path / "many.csv")
    many.to_json(tmp_path / "many.json")
    with pytest.raises(MatchError, match=r"many\.csv: more than 2000 matches"):
        Matches.from_csv(tmp_path / "many.csv")
    with pytest.raises(MatchError, match=r"many\.json: 2001 matches: at most 2000"):
        Matches.from_json(tmp_path / "many.json")


def test_a_missing_folder_is_said(matches, tmp_path):
    with pytest.raises(MatchError, match="cannot be written"):
        matches.to_csv(tmp_path / "no" / "p.csv")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((CONTENT, STYLE[:2]), "in pairs"),
        ((CONTENT[:, :1], STYLE), "shape"),
        ((CONTENT, STYLE * np.nan), "NaN"),
        ((CONTENT, STYLE, [0.5]), "one each"),
        ((CONTENT, STYLE, [0, 0, 0, 2.0]), r"\[0, 1\]"),
        ((CONTENT, STYLE, None, (0, 4)), "not positive"),
        ((CONTENT, "words"), "numbers"),
    ],
)
def test_arrays_that_do_not_fit(arguments, words):
    with pytest.raises(MatchError, match=words):
        Matches(*arguments)


def test_no_matches_are_a_valid_set():
    assert len(Matches([], [])) == 0 and Matches([], []).content.shape == (0, 2)


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.json"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    read = Matches.from_json if name.endswith("json") else Matches.from_csv
    with pytest.raises(MatchError, match=r"cannot be read \(it is not an ordinary file") as caught:
        read(tmp_path / name)
    assert str(caught.value).count(name) == 1


def test_shifted_points_and_their_sources_are_read_back_from_a_file_even_at_the_border(tmp_path):
    content = np.array([[5, 5], [20, 8], [9, 25]], float)
    style = np.array([[1, 2], [29, 10], [12, 28]], float)
    shift = np.array([[-4, 1], [3, 0], [0, 0.5]])
    sizes = {"content_size": (30, 30), "style_size": (30, 30)}
    names = np.array(["mouth", "", "nose"])
    Matches(content, style, **sizes, source=names, shift=shift).to_csv(tmp_path / "points.csv")
    again = Matches.from_csv(tmp_path / "points.csv", *sizes.values())
    assert again.source.tolist() == names.tolist() and not again.shift.any()
    assert np.allclose(again.style, [[-0.5, 3], [29.5, 10], [12, 28.5]])
