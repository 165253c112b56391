"""`dst resume` as people use it: what it brings up to date beside the run's folder, and what it leaves alone."""

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cli
import dst
from dst.cli.progress import Progress
from dst.deform import pipeline
from dst.runs import checkpoint

pytestmark = pytest.mark.usefixtures("no_figures", "no_metrics")
FLAGS = "--size 32 --smallest-scale 32 --steps 2 --samples 32 --style-samples 32 --no-warp --quiet".split()


def tool(*arguments) -> int:
    return cli.main([str(argument) for argument in arguments])


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def noted(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())["output"]


@pytest.fixture
def stopped(image_file, tmp_path, monkeypatch):
    """The folder of a run that was stopped after its first step, and the image that it wrote beside it."""
    pair = image_file("content.png", seed=1), image_file("style.png", (40, 52), seed=2)
    run, out = tmp_path / "run", tmp_path / "out.png"
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_step", lambda *_: signal.raise_signal(signal.SIGTERM))
        assert tool("stylize", *pair, "-o", out, "--run", run, *FLAGS) == 143
    assert np.array_equal(pixels(out), pixels(run / "image.png"))
    return run, out


def test_the_image_beside_the_folder_is_brought_up_to_date(stopped, capsys, monkeypatch):
    run, out = stopped
    assert noted(run) == {"path": str(out), "sha256": hashlib.sha256(out.read_bytes()).hexdigest()}
    assert checkpoint.read(run).job.notes["output"]["path"] == str(out)
    before, elsewhere = pixels(out), run.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert tool("resume", run) == 0
    assert np.array_equal(pixels(out), pixels(run / "image.png")) and not np.array_equal(pixels(out), before)
    assert noted(run)["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert f"wrote {out}, {run}/" in capsys.readouterr().err.splitlines()[-1]
    assert tool("resume", run, "--size", 48, "--quiet") == 0
    assert pixels(out).shape == pixels(run / "image.png").shape and max(pixels(out).shape) == 48


@pytest.mark.parametrize("change", ["changed", "gone", "a folder", "a pipe", "no image's name"])
def test_an_image_that_is_no_longer_the_runs_is_left_alone(stopped, capsys, change):
    run, out = stopped
    if change == "changed":
        Image.fromarray(255 - pixels(out)).save(out)
    elif change == "no image's name":
        out.rename(out.with_suffix(".txt"))
        for name in ("run.json",):
            (run / name).write_text((run / name).read_text().replace("out.png", "out.txt"))
        out = out.with_suffix(".txt")
    else:
        out.unlink()
        {"gone": lambda: None, "a folder": out.mkdir, "a pipe": lambda: os.mkfifo(out)}[change]()
    before = out.read_bytes() if out.is_file() else out.exists()
    assert tool("resume", run) == 0
    said = capsys.readouterr().err.splitlines()
    assert (out.read_bytes() if out.is_file() else out.exists()) == before
    (note,) = (line for line in said if line.startswith("dst: note:"))
    assert str(out) in note and "-o FILE writes the new one" in note
    assert str(out) not in said[-1] and f"wrote {run}/" in said[-1]


def test_another_name_is_remembered_from_then_on(stopped, tmp_path):
    run, out = stopped
    before = out.read_bytes()
    assert tool("resume", run, "-o", tmp_path / "new.png", "--quiet") == 0
    assert out.read_bytes() == before and noted(run)["path"] == str(tmp_path / "new.png")
    assert tool("resume", run, "--size", 48, "--quiet") == 0
    assert max(pixels(tmp_path / "new.png").shape) == 48 and out.read_bytes() == before


def test_a_killed_run_that_wrote_no_image_makes_none_appear(stopped, capsys):
    run, out = stopped
    (run / "run.json").unlink()  # as if it had been killed: the checkpoint alone is there
    out.write_bytes(b"mine")
    assert tool("resume", run, "--quiet") == 0
    assert out.read_bytes() == b"mine" and "stays as it is" in capsys.readouterr().err


def test_the_image_of_a_killed_run_is_written_in_the_end(stopped, tmp_path, capsys):
    run, out = stopped
    (run / "run.json").unlink()
    out.unlink()
    assert tool("resume", run, "--quiet") == 0
    assert np.array_equal(pixels(out), pixels(run / "image.png")) and "note" not in capsys.readouterr().err
    assert noted(run)["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()


def test_notes_of_that_name_are_the_callers_own(stopped, tmp_path, image_file):
    pair = image_file("content.png", seed=1), image_file("style.png", (40, 52), seed=2)
    options = {"size": 32, "smallest_scale": 32, "steps": 1, "samples": 32, "style_samples": 32, "warp": False}
    pipeline.stylize(*pair, run_dir=tmp_path / "own", notes={"output": 5}, **options)
    assert dst.load_run(tmp_path / "own").record["output"] == 5
    assert tool("resume", tmp_path / "own", "--quiet") == 0


def test_a_saved_run_is_written_again_and_a_folder_that_cannot_be_written_is_no_hindrance(
    made_result, tmp_path, monkeypatch, capsys
):
    run, out = tmp_path / "run", tmp_path / "out.png"
    made_result().save(run)
    assert tool("resume", run, "-o", out, "--quiet") == 0
    assert np.array_equal(pixels(out), pixels(run / "image.png")) and noted(run)["path"] == str(out)
    shutil.copytree(run, tmp_path / "copy")
    link = tmp_path / "copy" / "run.json"
    link.unlink()
    link.symlink_to(run / "run.json")
    before = (run / "run.json").read_bytes()
    assert tool("resume", tmp_path / "copy", "-o", tmp_path / "b.png", "--quiet") == 0
    assert (run / "run.json").read_bytes() == before and not link.is_symlink()
    capsys.readouterr()
    monkeypatch.setattr("dst.runs.record.replacing", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "no")))
    assert tool("resume", run, "-o", tmp_path / "c.png", "--quiet") == 0 and (tmp_path / "c.png").exists()
    assert "does not say where the image was written" in capsys.readouterr().err
