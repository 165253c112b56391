"""The commands beside `dst stylize`."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import POINTS, refused, write_points
from PIL import Image as Pillow

import cli
from correspondence.matches import Matches
from dst.config import InputError
from dst.deform import pipeline, stages
from dst.viz import animation


def test_warp_by_points_warps_and_keeps_size_depth_and_alpha(tmp_path):
    points = write_points(tmp_path / "points.csv", POINTS)
    rng = np.random.default_rng(0)
    import cv2

    deep = rng.integers(0, 65536, (40, 48, 4)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    common = ["warp", str(tmp_path / "deep.png"), "--points", str(points), "--quiet", "-o"]
    assert cli.main([*common, str(tmp_path / "warped.png")]) == 0
    warped = cv2.imread(str(tmp_path / "warped.png"), cv2.IMREAD_UNCHANGED)
    assert warped.shape == deep.shape and warped.dtype == np.uint16 and (warped != deep).any()
    assert cli.main([*common, str(tmp_path / "same.png"), "--strength", "0"]) == 0
    assert np.array_equal(cv2.imread(str(tmp_path / "same.png"), cv2.IMREAD_UNCHANGED), deep)


def test_warp_by_a_run(made_result, pair, tmp_path, capsys):
    made_result().save(tmp_path / "run")
    made_result(warps=False).save(tmp_path / "plain")
    for run in ("run", "plain"):
        assert cli.main(["warp", pair[0], "--run", str(tmp_path / run), "-o", str(tmp_path / f"{run}.png")]) == 0
    before, warped, same = (np.asarray(Pillow.open(p)) for p in (pair[0], tmp_path / "run.png", tmp_path / "plain.png"))
    assert (warped != before).any() and np.array_equal(same, before)
    assert "warped nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (POINTS[:2], "at least 3"),
        ([*POINTS, POINTS[0]], "given twice"),
        ([(5 * k, 5 * k, 5 * k, 7, 1) for k in range(1, 5)], "one line"),
        ([*POINTS, (480, 10, 3, 3, 1)], "outside"),
        ([*POINTS, (1, 2, 3)], "columns"),
        ([*POINTS, ("x", 2, 3, 4, 1)], "finite number"),
    ],
)
def test_points_that_cannot_be_used_get_one_line(rows, words, pair, tmp_path, capsys):
    points = write_points(tmp_path / "points.csv", rows)
    out = tmp_path / "o.png"
    assert words in refused(capsys, "warp", pair[0], "--points", points, "-o", out, "--quiet")
    assert not out.exists()


def test_match_draws_and_saves(pair, tmp_path, monkeypatch, capsys):
    rows = np.array(POINTS)
    found = Matches(rows[:, :2], rows[:, 2:4], rows[:, 4], (48, 40), (48, 52), 0.7)
    asked = {}

    def match(content, style, **options):
        asked.update(options)
        return found, True, "5 matches"

    monkeypatch.setattr(stages, "matched", match)
    csv, js, out = tmp_path / "p.csv", tmp_path / "p.json", tmp_path / "m.png"
    assert cli.main(["match", *pair, "-o", str(out), "--save-points", str(csv), "--size", "128", "--json"]) == 0
    said = capsys.readouterr()
    assert asked == {"match_size": 128} and "confidence in the pair 70%" in said.err
    record = json.loads(said.out)
    assert record["count"] == 5 and record["confidence"] == 0.7 and record["content"] == found.content.tolist()
    assert np.allclose(Matches.from_csv(csv).style, found.style) and out.exists()
    assert cli.main(["match", *pair, "--save-points", str(js), "--quiet"]) == 0
    assert Matches.from_json(js) == found


def test_match_says_what_it_found_and_what_was_edited_once(tmp_path, capsys):
    flat = tmp_path / "flat.png"
    Pillow.new("RGB", (60, 50), (90, 60, 30)).save(flat)
    pins = [flag for pin in ("5,5,6,5", "50,8,47,9", "30,40,28,44") for flag in ("--pin", pin)]
    arguments = ["match", str(flat), str(flat), "--save-points", str(tmp_path / "m.json"), "--size", "64", *pins]
    assert cli.main([*arguments, "--quiet"]) == 0 and capsys.readouterr().err == ""  # three pins can be relied on
    assert cli.main(arguments) == 0
    said = capsys.readouterr().err
    assert "only the 3 pins are used (3 pinned by hand)" in said and said.count("pinned") == 1
    assert Matches.from_json(tmp_path / "m.json").pinned.tolist() == [True] * 3


def test_animations_of_a_run(stand_in, pair, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(animation, "morph", lambda result: iter([result.content, result.image]))
    files = tmp_path / "steps.gif", tmp_path / "morph.gif"
    assert cli.main(["stylize", *pair, "--animate", str(files[0]), "--morph", str(files[1])]) == 0
    assert "steps.gif" in capsys.readouterr().err
    for path in files:
        with Pillow.open(path) as shown:
            assert shown.n_frames > 1 and shown.size == (60, 48)


def test_the_animation_of_a_finished_run(tmp_path, monkeypatch, capsys):
    frames = [np.full((16, 24, 3), level, np.uint8) for level in (0, 90, 200)]
    monkeypatch.setattr(animation, "run_frames", lambda run: iter(frames) if run == "made" else None)
    assert cli.main(["animate", "made", "-o", str(tmp_path / "f.gif"), "--fps", "10"]) == 0
    assert "wrote" in capsys.readouterr().err
    with Pillow.open(tmp_path / "f.gif") as shown:
        assert shown.n_frames == 3 and shown.size == (24, 16)


def test_a_morph_of_a_finished_run(made_result, tmp_path):
    made_result().save(tmp_path / "run")
    out = tmp_path / "m.gif"
    assert cli.main(["morph", str(tmp_path / "run"), "-o", str(out), "--frames", "3", "--side", "32", "--quiet"]) == 0
    with Pillow.open(out) as shown:
        assert max(shown.size) == 32


def test_grid_varies_what_it_is_told(stand_in, pair, tmp_path, capsys):
    out = tmp_path / "grid.png"
    given = ["--rows", "alpha=2,8", "--columns", "warp-strength=0,1.5,2", "--no-warp", "--size", "64", "--cell", "32"]
    assert cli.main(["grid", *pair, "-o", str(out), *given]) == 0
    assert [(c["alpha"], c["warp_strength"]) for c in stand_in] == [(a, w) for a in (2, 8) for w in (0, 1.5, 2)]
    assert all(c["warp"] is False and c["size"] == 64 for c in stand_in)
    assert "6 of 6" in capsys.readouterr().err and np.asarray(Pillow.open(out)).shape[1] > 3 * 32


def test_batch_reports_what_failed_and_goes_on(stand_in, pair, tmp_path, monkeypatch, capsys):
    before = pipeline.stylize

    def picky(content, style, **options):
        if "none" in str(content):
            raise InputError(f"{content} does not exist")
        return before(content, style, **options)

    monkeypatch.setattr(pipeline, "stylize", picky)
    (tmp_path / "pairs.csv").write_text("content,style,name\ncontent.png,style.png,a\nnone.png,style.png,b\n")
    arguments = ["batch", str(tmp_path / "pairs.csv"), "-o", str(tmp_path / "many"), "--size", "64", "--json"]
    assert cli.main(arguments) == 1
    said = capsys.readouterr()
    assert [row["state"] for row in json.loads(said.out)["pairs"]] == ["done", "failed"]
    assert "error: b: " in said.err and "1 done, 1 failed" in said.err
    assert (tmp_path / "many" / "report.csv").exists() and (tmp_path / "many" / "a" / "image.png").exists()


def test_batch_paints_many_images_in_one_style(stand_in, pair, image_file, tmp_path, capsys):
    images = [pair[0], str(image_file("other photo.png", seed=3)), str(tmp_path / "none.png")]
    arguments = ["batch", "--style", pair[1], *images, "-o", str(tmp_path / "many"), "--alpha", "3", "--no-warp"]
    assert cli.main(arguments) == 0 and "3 of 3" in capsys.readouterr().err
    assert [(call["content"], call["style"]) for call in stand_in] == [(image, pair[1]) for image in images]
    assert all(call["alpha"] == 3 and call["warp"] is False for call in stand_in)
    made = {path.name for path in (tmp_path / "many").iterdir()}
    assert made == {"content", "other_photo", "none", "report.csv"}
    assert cli.main(["batch", *images, "--style", pair[1], "--style", pair[0], "-o", str(tmp_path / "mixed")]) == 0
    assert stand_in[-1]["style"] == [pair[1], pair[0]]


def test_grid_mixes_styles(stand_in, pair, tmp_path):
    given = ["--rows", "alpha=2", "--no-warp", "--style", pair[0], "--cell", "32"]
    assert cli.main(["grid", *pair, "-o", str(tmp_path / "g.png"), *given]) == 0
    assert [image.name for image in stand_in[0]["style"]] == [Path(path).name for path in (pair[1], pair[0])]


def test_evaluate_compares_runs(made_result, tmp_path, capsys):
    for name in ("a", "b"):
        made_result().save(tmp_path / name)
    assert cli.main(["evaluate", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("run")
    assert cli.main(["evaluate", str(tmp_path / "a"), "--json"]) == 0
    said = capsys.readouterr()
    (row,) = json.loads(said.out)["runs"]
    assert row["patch_distance"] > 0 and row["scored_by"] == "compact" and said.err == ""


def test_evaluate_says_what_marks_the_best_and_scores_by_the_encoder_that_is_asked_for(made_result, tmp_path, capsys):
    for name in ("a", "b"):
        made_result().save(tmp_path / name)
    (tmp_path / "b" / "style.png").unlink()
    runs = [str(tmp_path / name) for name in ("a", "b")]
    assert cli.main(["evaluate", *runs, "--encoder", "vgg19-16x", "--weights", "random"]) == 0
    said = capsys.readouterr()
    assert "dst help evaluate" in said.err and "warning: the quality of" in said.err
    lines = [line.split() for line in said.out.splitlines()]
    assert [line[-1] for line in lines] == ["scored_by", "vgg19-16x", "-"]
    assert cli.main(["evaluate", runs[0], "--quiet"]) == 0 and capsys.readouterr().err == ""
    assert "none.pt: No such file" in refused(capsys, "evaluate", *runs, "--weights", tmp_path / "none.pt")


@pytest.mark.slow
def test_a_real_run_from_end_to_end(pair, tmp_path, capsys):
    flags = ["--size", "32", "--steps", "2", "--samples", "64", "--style-samples", "64", "--match-size", "64"]
    points = write_points(tmp_path / "points.csv", [(x, y, min(u, 39), v, s) for x, y, u, v, s in POINTS])
    run, out = tmp_path / "run", tmp_path / "out.png"
    assert cli.main(["stylize", *pair, *flags, "--points", str(points), "--run", str(run), "-o", str(out)]) == 0
    names = "image unwarped warped_content content style matches losses arrows grid contact".split()
    files = {f"{name}.png" for name in names} | {"points.csv", "warp.json", "history.csv", "run.json"}
    assert files <= {p.name for p in run.iterdir()}
    record = json.loads((run / "run.json").read_text())
    assert record["size"] == [32, 27] and record["warp"]["folded_share"] == 0 and record["warp"]["points"] == 5
    assert np.array_equal(np.asarray(Pillow.open(out)), np.asarray(Pillow.open(run / "image.png")))
    assert cli.main(["resume", str(run), "--quiet"]) == 0
    again = tmp_path / "again.png"
    assert cli.main(["stylize", *pair, *flags, "--points", str(points), "-o", str(again), "--quiet"]) == 0
    assert again.read_bytes() == out.read_bytes()
