"""The bench of quality: what it scores, keeps, prints, writes and draws, on a pair of a few pixels."""

import csv
import json
import shutil

import numpy as np
import pytest
from conftest import blobs
from PIL import Image

from bench import quality as bench
from dst.config import METHODS

QUICK = ["--size", "32", "--no-warp", "--set", "steps=1", "smallest_scale=32", "samples=32", "style_samples=32"]


@pytest.fixture
def files(tmp_path):
    for seed, name in enumerate(("content", "style")):
        Image.fromarray(blobs((40, 32), seed)).save(tmp_path / f"{name}.png")
    (tmp_path / "pairs.csv").write_text("name,content,style\none,content.png,style.png\n")
    return tmp_path


def arguments(files, *more):
    return [*QUICK, "--pairs", str(files / "pairs.csv"), "--cache", str(files / "cache"), *map(str, more)]


def test_a_stopped_bench_goes_on_and_another_plot_paints_nothing(files, monkeypatch, capsys):
    stylize, calls = bench.dst.stylize, []

    def stopped(*sources, **options):
        calls.append((options["method"], options["alpha"], options["warp"], options["steps"]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return stylize(*sources, **options)

    monkeypatch.setattr(bench.dst, "stylize", stopped)
    out, plot = files / "rows.json", files / "plot.png"
    given = arguments(files, "--methods", "strotss", "gatys", "--alphas", "2", "--out", out, "--plot", plot, "--each")
    with pytest.raises(KeyboardInterrupt):
        bench.main(given)
    assert not out.exists() and bench.main(given) == 0
    assert calls == [("strotss", 2, False, 1), ("gatys", 2, False, 1), ("gatys", 2, False, 1)]
    report = json.loads(out.read_text())
    assert [(row["method"], row["alpha"]) for row in report["rows"]] == [("strotss", 2), ("gatys", 2)]
    assert set(report["columns"]) == set(bench.SCORES) and report["scored_by"]["name"] == "compact"
    with Image.open(plot) as drawn:
        assert drawn.size[0] > 500
    monkeypatch.setattr(bench.dst, "stylize", None)
    monkeypatch.setattr(bench, "score", None)
    plot.unlink()
    assert bench.main(given) == 0 and plot.exists() and json.loads(out.read_text()) == report
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1 and lines[-1].startswith("| mean of 1 | gatys | 2 |")


def test_looks_are_each_methods_own_alphas(files):
    out = files / "rows.json"
    given = ("--methods", "nnst", "gatys", "--looks", "0", "0.5", "--out", out)
    assert bench.main(arguments(files, *given)) == 0
    found = [(row["method"], row["alpha"]) for row in json.loads(out.read_text())["rows"]]
    assert found == [(name, alpha) for name in ("nnst", "gatys") for alpha in METHODS[name].looks[:2]]


def test_images_made_elsewhere_are_scored_beside(files, capsys):
    for name in ("content", "style"):
        (files / name).mkdir()
        shutil.copy(files / f"{name}.png", files / name / "one.png")
    (files / "empty").mkdir()
    folders = [files / name for name in ("content", "style", "empty")]
    out = files / "rows.csv"
    assert bench.main(arguments(files, "--methods", "gatys", "--alphas", "1", "--images", *folders, "--out", out)) == 0
    assert "holds no image called one" in capsys.readouterr().err
    rows = {row["method"]: row for row in csv.DictReader(out.read_text().splitlines()) if row["pair"] == "one"}
    assert list(rows) == ["gatys", *map(str, folders[:2])]
    content, style = (rows[str(folder)] for folder in folders[:2])
    assert float(content["self_similarity_distance"]) == 0 < float(style["self_similarity_distance"])
    assert float(style["patch_distance"]) == float(style["feature_distance"]) == 0 < float(content["patch_distance"])
    assert content["alpha"] == content["seconds"] == "" and float(rows["gatys"]["seconds"]) > 0


def test_other_options_and_other_images_are_other_results(files):
    assert bench.main(arguments(files, "--methods", "gatys", "--alphas", "1")) == 0
    made = {path.name for path in (files / "cache").iterdir() if path.is_dir()}
    assert bench.main(arguments(files, "--methods", "gatys", "--alphas", "1", "--set", "seed=1")) == 0
    Image.fromarray(blobs((40, 32), 7)).save(files / "style.png")
    assert bench.main(arguments(files, "--methods", "gatys", "--alphas", "1")) == 0
    assert len(made) == 1 and len([path for path in (files / "cache").iterdir() if path.is_dir()]) == 3


def test_means_are_of_the_pairs_that_are_there():
    rows = [
        {"pair": pair, "method": method, "alpha": alpha, "seconds": None if alpha is None else value}
        | dict.fromkeys(bench.SCORES, value)
        for pair, method, alpha, value in (
            ("a", "x", 1, 2.0),
            ("b", "x", 1, 4.0),
            ("a", "x", 2, 1.0),
            ("a", "y", None, 5.0),
        )
    ]
    found = [(row["pair"], row["method"], row["seconds"], row["patch_distance"]) for row in bench.means(rows)]
    assert found == [("mean of 2", "x", 3, 3), ("mean of 1", "x", 1, 1), ("mean of 1", "y", None, 5)]
    left, right = bench.draw(rows).axes
    assert [list(line.get_ydata()) for line in left.lines] == [[3, 1], [5]] and len(right.lines) == 2
    assert [text.get_text() for text in left.texts] == ["1", "2"]
    assert np.all(left.lines[0].get_xdata() == left.lines[0].get_ydata())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--set", "seeed=1"], "did you mean 'seed'"),
        (["--set", "steps=many"], "steps"),
        (["--out", "rows.txt"], "takes one of .csv, .json"),
        (["--pairs", "none.csv"], "none.csv cannot be read"),
        (["--encoder", "none"], "encoder 'none' is not known"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(more, words, files):
    with pytest.raises(SystemExit, match="^error: .*" + words.replace(".", r"\.")):
        bench.main(arguments(files, *more))
