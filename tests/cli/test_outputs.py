"""What a command writes: never over an input or another output, and told in one line where a disk is full."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import full_after, refused
from PIL import Image

import cli
from correspondence.matches import Matches
from dst.deform import resuming, stages
from dst.runs import checkpoint, keeper
from dst.runs.result import Result

STOPPED = Path(__file__).parents[1] / "runs" / "format_1" / "stopped"
SMALL = "--size 32 --smallest-scale 32 --steps 2 --samples 32 --style-samples 32 --no-warp --quiet".split()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def failed(capsys, *arguments) -> str:
    """Run a command line that must end with code 1 and one line; that line."""
    assert cli.main(list(map(str, arguments))) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if not line.startswith("dst: note: "))
    assert line.startswith("dst: error: ") and ".dst-" not in line and "Errno" not in line
    return line


# Never over an input.


def test_the_users_own_images_are_no_run(stand_in, pair, tmp_path, capsys, monkeypatch):
    before = contents(tmp_path)
    for more in ([], ["--force"]):
        assert "holds files that are not a run's" in refused(capsys, "stylize", *pair, "--run", tmp_path, *more)
        assert "holds files that are not a run's" in refused(capsys, "demo", "-o", tmp_path, *more)
    assert contents(tmp_path) == before and not stand_in


def test_an_input_in_a_runs_folder_is_refused_before_any_work(stand_in, made_result, pair, tmp_path, capsys):
    run = tmp_path / "run"
    made_result().save(run)
    before = contents(run)
    for given in (
        [run / "content.png", pair[1]],
        [pair[0], run / "style.png"],
        [*pair, "--style", run / "image.png"],
        [*pair, "--points", run / "points.csv"],
        [*pair, "--init", run / "unwarped.png"],
        [*pair, "--content-mask", "a.png", "--style-mask", run / "style.png"],
    ):
        assert "and the run would take its place" in refused(capsys, "stylize", *given, "--run", run, "--force")
    assert contents(run) == before and not stand_in


@pytest.mark.parametrize("axis", ["geometry={0}", "rigid_mask={0}", "init=noise,{0}", "style_mask=a.png,b.png;{0}"])
@pytest.mark.parametrize("flag", ["--rows", "--columns"])
def test_a_grid_is_never_written_over_an_image_of_its_axes(stand_in, pair, image_file, capsys, axis, flag):
    image = image_file("ink.png", seed=3)
    before, other = image.read_bytes(), "--rows" if flag == "--columns" else "--columns"
    given = ["grid", *pair, flag, axis.format(image), other, "alpha=2,8", "-o", image]
    assert "would destroy it" in refused(capsys, *given)
    assert image.read_bytes() == before and not stand_in


@pytest.mark.parametrize("home", ["killed", "finished", "saved"])
def test_a_resumed_run_is_never_written_over_an_image_that_it_was_made_from(
    made_result, pair, tmp_path, capsys, monkeypatch, home
):
    run = tmp_path / "run"
    named = {"path": pair[0], "size": [48, 40], "name": "content.png"}
    if home == "saved":
        result = made_result()
        result.record |= {"content": named, "style": {**named, "path": pair[1]}}
        result.save(run)
    else:
        shutil.copytree(STOPPED, run)
        data = torch.load(run / checkpoint.NAME, weights_only=True)
        data["job"]["inputs"] |= {"content": named, "style": {**named, "path": pair[1]}}
        torch.save(data, run / checkpoint.NAME)
        if home == "killed":
            (run / "run.json").unlink()
    monkeypatch.setattr(resuming, "resume", lambda *_, **__: pytest.fail("it went on"))
    before = [Path(path).read_bytes() for path in pair]
    for path in pair:
        assert "would destroy it" in refused(capsys, "resume", run, "-o", path)
    assert [Path(path).read_bytes() for path in pair] == before


@pytest.mark.parametrize("notes, code", [({"demo": True}, 0), ({}, 2), (None, 2)])
def test_the_demo_replaces_a_stopped_run_only_if_it_is_its_own(stand_in, tmp_path, capsys, notes, code):
    run = tmp_path / "mine"
    run.mkdir()
    data = torch.load(STOPPED / checkpoint.NAME, weights_only=True)
    data["job"]["notes"] = notes
    torch.save(data if notes is not None else {"kind": "dst checkpoint"}, run / checkpoint.NAME)
    before = contents(run)
    assert cli.main(["demo", "-o", str(run), "--force", "--quiet"]) == code
    said = capsys.readouterr().err
    assert (contents(run) == before) == bool(code) and ("not the demo's" in said) == bool(code)


def test_the_demo_does_not_replace_a_finished_run_that_cannot_be_read(stand_in, tmp_path, capsys):
    assert cli.main(["demo", "-o", str(tmp_path / "demo"), "--quiet"]) == 0
    (tmp_path / "demo" / "run.json").write_text("{ torn")
    assert "not the demo's, or a damaged one" in refused(capsys, "demo", "-o", tmp_path / "demo", "--force")


# A full disk.


def test_the_image_is_written_though_the_disk_of_the_run_is_full(pair, tmp_path, capsys, monkeypatch):
    def full(folder, *_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{folder}/.dst-half.pt")

    monkeypatch.setattr(keeper, "write", full)
    run, out = tmp_path / "run", tmp_path / "out.png"
    assert f"{run}: No space left on device" in failed(capsys, "stylize", *pair, "-o", out, "--run", run, *SMALL)
    with Image.open(out) as image:
        assert max(image.size) == 32 and not run.exists()
    assert f"{run}: No space left on device" in failed(capsys, "stylize", *pair, "--run", run, *SMALL)
    assert not run.exists()


@pytest.mark.parametrize("command", ["stylize", "resume"])
def test_the_image_is_written_though_the_disk_is_full_at_the_end(pair, tmp_path, capsys, monkeypatch, command):
    run, out = tmp_path / "run", tmp_path / "out.png"
    given = ["stylize", *pair, "-o", out, "--run", run, *SMALL]
    if command == "resume":
        shutil.copytree(STOPPED, run)
        given = ["resume", run, "-o", out, "--quiet"]

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "image.png")

    monkeypatch.setattr(Result, "write_files", full)
    said = failed(capsys, *given)
    assert said == f"dst: error: {run}: the run could not be kept (No space left on device)"
    assert out.exists() and checkpoint.is_kept(run)


@pytest.mark.parametrize("name", ["o.png", "o.jpg", "o.tif"])
def test_an_image_on_a_full_disk_is_a_failure_that_names_it(stand_in, pair, tmp_path, capsys, name):
    before = contents(tmp_path)
    with full_after(0):
        said = failed(capsys, "stylize", *pair, "-o", tmp_path / name, "--quiet")
    assert said == f"dst: error: {tmp_path / name}: File too large" and contents(tmp_path) == before


@pytest.mark.parametrize("name", ["p.csv", "p.json"])
def test_points_on_a_full_disk_are_a_failure_that_names_their_file(pair, tmp_path, capsys, monkeypatch, name):
    rows = np.array([[10.0, 10, 12, 10, 1], [38, 9, 40, 9, 1], [24, 20, 24, 24, 1]])
    found = Matches(rows[:, :2], rows[:, 2:4], rows[:, 4], (48, 40), (40, 52), 0.7)
    monkeypatch.setattr(stages, "matched", lambda *_, **__: (found, True, "3 matches"))
    with full_after(0):
        said = failed(capsys, "match", *pair, "--save-points", tmp_path / name, "--quiet")
    assert said == f"dst: error: {tmp_path / name}: File too large" and not (tmp_path / name).exists()


def test_options_on_a_full_disk_are_a_failure_that_names_their_file(stand_in, pair, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("dst.cli.commands.stylize.make", lambda *_: 0)
    given = ["stylize", *pair, "-o", tmp_path / "o.png", "--save-config", tmp_path / "c.toml", "--quiet"]
    with full_after(0):
        assert failed(capsys, *given) == f"dst: error: {tmp_path / 'c.toml'}: File too large"
    monkeypatch.setattr("dst.cli.commands.stylize.make", lambda *_: (tmp_path / "c.toml").mkdir() or 0)
    assert refused(capsys, *given).startswith(f"dst: error: {tmp_path / 'c.toml'} cannot be written (Is a directory)")
