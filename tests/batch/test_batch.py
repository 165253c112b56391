"""Batches and grids: every pair gets its folder and its row, whatever happens to another; a grid shows what it says."""

import csv
import os
import shutil

import numpy as np
import pytest
from conftest import blobs
from PIL import Image

import dst
from correspondence.matches import Matches
from dst.batch.grid import grid, label
from dst.batch.local import run_batch
from dst.batch.pairs import in_style, read_pairs
from dst.config import InputError
from dst.deform import matching, pipeline
from dst.methods.targets import StyleCache
from dst.viz.sheets import table_sheet

pytestmark = pytest.mark.usefixtures("no_figures", "no_metrics")
TINY = {
    "size": 32, "smallest_scale": 32, "steps": 1, "samples": 32, "style_samples": 32, "encoder": "vgg19-16x",
    "weights": "random", "warp": False, "splitting": 0, "layers": ("relu1_1", "relu2_1", "relu3_1"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for k in range(3):
        Image.fromarray(blobs((40, 32), k)).save(tmp_path / f"p{k}.png")
    (tmp_path / "pairs.csv").write_text(
        "content,style,name,alpha\np0.png,p1.png,,\np0.png,gone.png,bad,\np0.png,p2.png,last,2\n"
    )
    return tmp_path


def test_an_endless_cell_is_refused(tmp_path):
    (tmp_path / "pairs.csv").write_text("content,style\n" + "x" * 200_000 + ",y.png\n")
    with pytest.raises(InputError, match=r"pairs\.csv is no table of pairs \(field larger"):
        read_pairs(tmp_path / "pairs.csv")


@pytest.mark.parametrize("kind", ["pipe", "device", "not UTF-8", "no name"])
def test_a_table_is_read_from_an_ordinary_file_alone(kind, tmp_path):
    path = tmp_path / ("a\0b.csv" if kind == "no name" else "pairs.csv")
    {
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "not UTF-8": lambda: path.write_bytes(b"content,style\n\xe9.png,b.png\n"),
        "no name": lambda: None,
    }[kind]()
    why = {"not UTF-8": "not UTF-8 text", "no name": "null byte"}.get(kind, "not an ordinary file")
    with pytest.raises(InputError, match=rf"\.csv cannot be read \(.*{why}\): give a CSV file with the header"):
        read_pairs(path)


def test_a_column_may_be_called_as_a_flag_or_as_in_version_0_1(tmp_path):
    text = 'content,style,trunk,style-weights,--pin,\na.png,b.png,vgg16,"1,2","1,2,3,4",\n'
    (tmp_path / "pairs.csv").write_text(text)
    (row,) = read_pairs(tmp_path / "pairs.csv")
    assert row == {
        "content": str(tmp_path / "a.png"), "style": str(tmp_path / "b.png"), "name": "a-b", "encoder": "vgg16",
        "style_weights": (1, 2), "pins": ((1, 2, 3, 4),),
    }  # fmt: skip
    given = {"content": "a.png", "style": "b.png", "style-weights": (1, 2)}
    assert read_pairs([given])[0]["style_weights"] == (1, 2) and "style_weights" not in given
    with pytest.raises(InputError, match="pair 1: encoder is given twice, the second time as 'trunk'"):
        read_pairs([{"content": "a.png", "style": "b.png", "encoder": "vgg16", "trunk": "vgg19"}])


def test_a_bad_pair_is_reported_and_the_others_are_made(folder):
    seen = []
    rows = run_batch(folder / "pairs.csv", folder / "out", on_pair=lambda *event: seen.append(event[:2]), **TINY)
    assert [row["state"] for row in rows] == ["done", "failed", "done"]
    assert seen == [(0, 3), (1, 3), (2, 3)]
    assert "gone.png does not exist" in rows[1]["message"]
    assert dst.load_run(folder / "out" / "p0-p1").image.shape == (26, 32, 3)
    assert dst.load_run(folder / "out" / "last").record["settings"]["alpha"] == 2
    with open(folder / "out" / "report.csv", newline="") as file:
        report = list(csv.DictReader(file))
    assert [row["state"] for row in report] == ["done", "failed", "done"]

    stamp = (folder / "out" / "last" / "run.json").stat().st_mtime_ns
    Image.fromarray(blobs((40, 32), 7)).save(folder / "gone.png")
    rows = run_batch(folder / "pairs.csv", folder / "out", **TINY)
    assert [row["state"] for row in rows] == ["kept", "done", "kept"]
    assert (folder / "out" / "last" / "run.json").stat().st_mtime_ns == stamp

    Image.fromarray(blobs((40, 32), 8)).save(folder / "p2.png")
    rows = run_batch(folder / "pairs.csv", folder / "out", **TINY)
    assert rows[2]["state"] == "failed" and "made from another style" in rows[2]["message"]


def test_a_finished_run_of_other_options_is_kept_and_says_so(folder):
    table = [{"content": folder / "p0.png", "style": folder / "p1.png", "name": "p"}]
    run_batch(table, folder / "out", **TINY)
    (same,) = run_batch(table, folder / "out", **TINY)
    assert same["state"] == "kept" and "another" not in same["message"]
    (other,) = run_batch(table, folder / "out", **{**TINY, "seed": 5})
    assert other["state"] == "kept" and "made, with another seed: it is made anew with `resume` off" in other["message"]


def test_no_file_of_the_users_is_replaced_where_a_pairs_folder_would_be(folder):
    home = folder / "out" / "p"
    home.mkdir(parents=True)
    (home / "content.png").write_bytes((folder / "p0.png").read_bytes())
    (home / "points.csv").write_text("mine")
    before = {path: path.read_bytes() for path in home.iterdir()}
    for resume in (True, False):
        for content in (folder / "p0.png", home / "content.png"):
            table = [{"content": content, "style": folder / "p1.png", "name": "p"}]
            (row,) = run_batch(table, folder / "out", resume=resume, **TINY)
            assert row["state"] == "failed" and "holds files that are not a run's" in row["message"]
    assert before == {path: path.read_bytes() for path in home.iterdir()}


@pytest.mark.parametrize("unfinished", [False, True])
def test_an_input_that_its_pairs_run_would_replace_is_refused(folder, unfinished):
    table = [{"content": folder / "p0.png", "style": folder / "p1.png", "name": "p"}]
    run_batch(table, folder / "out", **TINY)
    home = folder / "out" / "p"
    if unfinished:  # as if it had been killed
        (home / "run.json").unlink()
    before = {path: path.read_bytes() for path in home.iterdir()}
    table[0]["content"] = str(home / "content.png")
    (row,) = run_batch(table, folder / "out", resume=unfinished, **TINY)
    assert row["state"] == "failed" and f"{home / 'content.png'} is an input" in row["message"]
    assert before == {path: path.read_bytes() for path in home.iterdir()}


def test_the_report_keeps_the_rows_of_other_batches(folder):
    def reported():
        with open(folder / "out" / "report.csv", newline="") as file:
            return [(row["name"], row["state"]) for row in csv.DictReader(file)]

    table = [{"content": folder / "p0.png", "style": folder / "p1.png", "name": name} for name in ("a", "b", "c")]
    run_batch(table, folder / "out", **TINY)
    assert reported() == [("a", "done"), ("b", "done"), ("c", "done")]
    assert len(run_batch(table[1:2], folder / "out", **TINY)) == 1
    assert reported() == [("a", "done"), ("b", "kept"), ("c", "done")]
    run_batch(table, folder / "out", on_pair=lambda *_: True, **TINY)  # ended after the first
    assert reported() == [("a", "kept"), ("b", "kept"), ("c", "done")]
    shutil.rmtree(folder / "out" / "c")
    run_batch([{**table[0], "name": "d"}], folder / "out", **TINY)
    assert reported() == [("a", "kept"), ("b", "kept"), ("d", "done")]


def test_an_interrupted_batch_goes_on_where_it_was(folder):
    table = [{"content": folder / "p0.png", "style": folder / f"p{k}.png"} for k in (1, 2)]
    options = {**TINY, "steps": 3}
    rows = run_batch(table, folder / "out", on_step=lambda step: step.done == 2, **options)
    assert [row["state"] for row in rows] == ["stopped"]
    rows = run_batch(table, folder / "out", **options)
    assert [row["state"] for row in rows] == ["done", "done"]
    whole = pipeline.stylize(folder / "p0.png", folder / "p1.png", **options)
    assert np.array_equal(dst.load_run(folder / "out" / "p0-p1").image, whole.image)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no table of pairs"),
        ("a,b\n1,2\n", "no table of pairs"),
        ("content,style\n", "is empty"),
        ("content,style\nx.png\n", "1 cell, but the header has 2"),
        ("content,style\nx.png,\n", "has no style"),
        ("content,style\nx.png,y.png\nx.png,y.png\n", "comes twice"),
        ("content,style,alpa\nx.png,y.png,3\n", "did you mean 'alpha'"),
        ("content,style,alpha,alpha\nx.png,y.png,1,2\n", r"pairs\.csv: alpha is given twice"),
        ("content,style,trunk,encoder\nx.png,y.png,,\n", "encoder is given twice, the second time as 'encoder'"),
        ("content,style,alpha\nx.png,y.png,much\n", "alpha is 'much'"),
        ("content,style,name\nx.png,y.png,../..\n", "makes no folder"),
        ("content,style,name\nx.png,y.png,Report.csv\n", "'Report.csv' is that of the batch's report"),
        ("content,style,name\nx.png,y.png,_report.csv\n", "is that of the batch's report"),
    ],
)
def test_bad_tables_are_refused_before_any_work(tmp_path, text, message):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        run_batch(tmp_path / "pairs.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_mixture_is_kept_only_for_the_same_styles(folder):
    images = [folder / f"p{k}.png" for k in range(3)]
    rows = run_batch(in_style(images[:1], images[1:]), folder / "out", **TINY)
    assert [(row["name"], row["state"]) for row in rows] == [("p0", "done")]
    assert rows[0]["style"] == f"{images[1]}; {images[2]}"
    assert run_batch(in_style(images[:1], images[1:]), folder / "out", **TINY)[0]["state"] == "kept"
    for other in (images[1], [images[1], images[0]]):
        row = run_batch(in_style(images[:1], other), folder / "out", **TINY)[0]
        assert row["state"] == "failed" and "made from another style" in row["message"]


def test_a_folder_that_cannot_be_made_is_refused_before_any_work(folder):
    (folder / "link").symlink_to(folder / "gone" / "out")
    for name, why in (("link", "it is a file"), ("gone/out", "gone does not exist"), ("x" * 300, "File name too long")):
        with pytest.raises(InputError, match=f"cannot be made .*{why}"):
            run_batch([{"content": folder / "p0.png", "style": folder / "p1.png"}], folder / name, **TINY)


def test_a_name_stays_inside_the_folder(tmp_path):
    rows = read_pairs([{"content": "a.png", "style": "b.png", "name": "../x/y z"}])
    assert rows[0]["name"] == "x_y_z"


def test_a_grid_has_a_cell_for_each_pair_of_values(monkeypatch):
    calls = []
    monkeypatch.setattr(matching, "find_matches", lambda *given: calls.append(given))
    cells = []
    sheet = grid(
        blobs((40, 32), 0), blobs((32, 32), 1), ("alpha", [1.0, 30.0]), ("seed", [0, 1, 2]), side=48,
        on_cell=lambda index, count, result: cells.append((index, count, result)), **TINY,
    )  # fmt: skip
    assert len(cells) == 6 and cells[0][1] == 6 and not calls
    assert [c[2].record["settings"]["seed"] for c in cells] == [0, 1, 2, 0, 1, 2]
    assert [c[2].record["settings"]["alpha"] for c in cells] == [1, 1, 1, 30, 30, 30]
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    assert sheet.shape[0] > 2 * 38 and sheet.shape[1] > 3 * 48
    assert (sheet[-1] == 255).all()


def test_a_grid_and_a_batch_vary_the_size_of_strokes(tmp_path):
    """Each cell and each row is what it is alone; what a style has not the pixels for is refused before the first cell."""
    styles = [tmp_path / "one.png", tmp_path / "two.png"]
    for k, path in enumerate([tmp_path / "c.png", *styles]):
        Image.fromarray(blobs((90, 70), k)).save(path)
    alone = [
        pipeline.stylize(tmp_path / "c.png", style, **TINY, stroke_size=k).image
        for style, k in ((styles[0], 0.5), (styles[0], 1), (styles[0], 2), (styles, (2, 0.5)))
    ]
    cells = []
    keep = {"on_cell": lambda index, count, result: cells.append(result.image), "side": 32, **TINY}
    grid(tmp_path / "c.png", styles[0], ("stroke_size", [0.5, 1, 2]), **keep)
    grid(tmp_path / "c.png", styles, ("stroke_size", [(2, 0.5)]), **keep)
    assert len({image.tobytes() for image in alone}) == 4 and np.array_equal(cells, alone)
    for style, values in ((styles[0], [1, 2]), (styles, [(1, 1), (0.5, 2)])):
        with pytest.raises(
            InputError, match="is 90 x 70 pixels, and a stroke_size of 2 at size 64 needs a long side of 103"
        ):
            grid(tmp_path / "c.png", style, ("stroke_size", values), **{**keep, "size": 64})
    assert len(cells) == 4
    table = "content,style,name,stroke-size\nc.png,one.png,a,0.5\nc.png,one.png,b,\nc.png,one.png,c,2\n"
    (tmp_path / "pairs.csv").write_text(table + 'c.png,one.png,d,"1,2"\n')
    rows = run_batch(tmp_path / "pairs.csv", tmp_path / "out", **TINY)
    assert [row["state"] for row in rows] == ["done"] * 3 + ["failed"]
    assert "2 values of stroke_size for 1 style image" in rows[3]["message"]
    pair = {"content": tmp_path / "c.png", "style": styles, "name": "d", "stroke_size": (2, 0.5)}
    run_batch([pair], tmp_path / "out", **TINY)
    assert np.array_equal([dst.load_run(tmp_path / "out" / name).image for name in "abcd"], alone)


def test_a_grid_is_matched_once(monkeypatch):
    corners, calls = np.array([[5, 5], [30, 6], [8, 25], [30, 24]]), []

    def find(*given):
        calls.append(given)
        return Matches(corners, corners + 1, None, (40, 32), (40, 32), 0.9)

    monkeypatch.setattr(matching, "find_matches", find)
    options = {k: v for k, v in TINY.items() if k != "warp"}
    seen = []
    grid(
        blobs((40, 32), 0), blobs((40, 32), 1), ("alpha", [1.0, 8.0]), gamma=0.0, **options,
        on_cell=lambda index, count, result: seen.append(len(result.matches)),
    )  # fmt: skip
    assert len(calls) == 1 and seen == [4, 4]


@pytest.mark.parametrize(
    ("rows", "more"),
    [(("warp_strength", [0.5, 1]), {}), (("alpha", [1, 2]), {"rigid_mask": blobs((40, 32), 3)})],
)
def test_a_grid_of_images_that_share_nothing_is_painted_without_a_warp(rows, more):
    """What asks for a warp is no mistake of whoever asked: each cell is what `stylize` makes of it."""
    images = blobs((40, 32), 0), np.full((32, 40, 3), 90, np.uint8)
    options = {**{name: value for name, value in TINY.items() if name != "warp"}, "match_size": 64, "faces": "off"}
    cells = []
    grid(*images, rows, **options, **more, on_cell=lambda index, count, result: cells.append(result.image))
    alone = [pipeline.stylize(*images, **options, **more, **{rows[0]: value}).image for value in rows[1]]
    assert np.array_equal(cells, alone)


@pytest.mark.parametrize(
    "rows, columns, message",
    [
        (("alpa", [1]), None, "did you mean 'alpha'"),
        (("alpha", []), None, "no value of alpha"),
        (("trunk", ["vgg16"]), ("encoder", ["vgg19"]), "both encoder"),
        (("alpha", [1]), ("alpha", [2]), "both alpha"),
        (("alpha", [1, -1]), None, "alpha is -1"),
    ],
)
def test_bad_grids_are_refused_before_any_work(rows, columns, message):
    with pytest.raises(InputError, match=message):
        grid(blobs((40, 32), 0), blobs((40, 32), 1), rows, columns, **TINY)


@pytest.mark.parametrize("side", [15, 4097, 20.5, "64", None])
def test_a_side_of_the_cells_out_of_range_is_refused_before_any_work(side, monkeypatch):
    monkeypatch.setattr(pipeline, "stylize", None)
    with pytest.raises(InputError, match=r"side is .*: it takes a whole number from 16 to 4096"):
        grid(blobs((40, 32), 0), blobs((40, 32), 1), ("alpha", [1]), side=side, **TINY)


def test_a_batch_encodes_a_style_once(folder, monkeypatch):
    """Runs of one style share what was encoded of it, and are byte for byte what they are alone."""
    encoded = []
    monkeypatch.setattr(StyleCache, "get", counted(StyleCache.get, encoded))
    pairs = [{"content": folder / f"p{k}.png", "style": folder / "p2.png"} for k in (0, 1)]
    assert [row["state"] for row in run_batch(pairs, folder / "out", **TINY)] == ["done", "done"]
    assert encoded == [True, False]
    alone = pipeline.stylize(folder / "p1.png", folder / "p2.png", **TINY)
    assert np.array_equal(dst.load_run(folder / "out" / "p1-p2").image, alone.image)


def counted(get, made: list):
    """`StyleCache.get`, noting whether each call made something."""

    def wrapper(self, key, make):
        before = self.misses
        found = get(self, key, make)
        made.append(self.misses > before)
        return found

    return wrapper


RED = (250, 10, 20)


def test_labels_of_a_grid_stay_within_their_columns_and_name_files_shortly():
    images = [np.full((40, 30, 3), RED, np.uint8)] * 4
    rows = [label("init", value) for value in ("noise", "/somewhere/else/a_image_with_a_long_name_indeed.png")]
    sheet = table_sheet(images, rows, [label("style_strength", value) for value in (0.5, 30)])
    columns = np.flatnonzero((sheet == RED).all(2).any(0))
    starts = columns[np.flatnonzero(np.diff(columns, prepend=-9) > 1)]
    assert len(starts) == 2 and starts[1] - starts[0] >= 90  # as wide as the words, not as the images
    head = (sheet[: int(np.flatnonzero((sheet == RED).all(2).any(1))[0])] < 128).any((0, 2))
    assert not head[(starts[0] + starts[1] + 30) // 2]  # white between the two labels
    assert label("init", "/somewhere/else/x.png") == "init x.png"
    assert len(label("init", "y" * 80)) < 32 and label("warp", False) == "warp no"


@pytest.mark.parametrize("kind", ["file", "dangling link", "folder"])
def test_a_report_of_something_else_is_never_replaced(folder, kind, monkeypatch):
    own = folder / "out" / "report.csv"
    own.parent.mkdir()
    {
        "file": lambda: own.write_text("month,income\n1,2\n"),
        "dangling link": lambda: own.symlink_to("nowhere.csv"),
        "folder": own.mkdir,
    }[kind]()
    monkeypatch.setattr(pipeline, "stylize", None)
    with pytest.raises(InputError, match=r"report\.csv is not the report of a batch: move it elsewhere"):
        run_batch(folder / "pairs.csv", folder / "out", **TINY)
    assert os.listdir(own.parent) == ["report.csv"] and not (own.parent / "nowhere.csv").exists()


@pytest.mark.parametrize("cell", ["size", "9" * 40, "pins", "drop", "preset", "color_only"])
def test_a_bad_cell_is_told_with_its_table_and_row(tmp_path, cell):
    column, text = ("size", cell) if cell.isdigit() else (cell, "?")
    (tmp_path / "pairs.csv").write_text(f"content,style,{column}\na.png,b.png,\na.png,c.png,{text}\n")
    with pytest.raises(InputError, match=r"pairs\.csv, pair 2: ") as caught:
        read_pairs(tmp_path / "pairs.csv")
    assert "\n" not in str(caught.value)


def test_the_report_says_which_pairs_were_not_warped_though_they_were_to_be(folder):
    Image.new("RGB", (40, 32), (9, 90, 60)).save(folder / "p1.png")
    (folder / "pairs.csv").write_text("content,style,name,warp\np0.png,p1.png,weak,\np0.png,p1.png,none,no\n")
    options = {**{name: value for name, value in TINY.items() if name != "warp"}, "match_size": 64, "faces": "off"}
    weak, none = run_batch(folder / "pairs.csv", folder / "out", **options)
    assert "plain style transfer" in weak["message"] and none["message"] == "" and weak["state"] == "done"
