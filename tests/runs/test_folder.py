"""The folder of a run: what it may replace, who may write to it at a time, and what a full disk leaves."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from conftest import full_after
from runs_of import run as small_run

import dst
from correspondence import common
from dst.config import InputError
from dst.deform import pipeline
from dst.runs import checkpoint, keeper
from dst.runs.folder import check_folder, check_inputs, claimed

pytestmark = pytest.mark.usefixtures("no_figures", "no_metrics")
FORMAT_1 = Path(__file__).with_name("format_1")


@pytest.fixture
def pair(image_file):
    return image_file("content.png", (80, 60)), image_file("style.png", (72, 64), 1)


@pytest.fixture
def disk(monkeypatch):
    """A function that lets a checkpoint be written while it answers True, and else finds the disk full."""
    whole, free = checkpoint.write, [lambda folder: True]

    def write(folder, *given):
        if not free[0](Path(folder)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{folder}/.dst-half")
        whole(folder, *given)

    monkeypatch.setattr(keeper, "write", write)
    return lambda answer: free.__setitem__(0, answer)


# What may be replaced.


@pytest.mark.parametrize("names", [["content.png", "style.png"], ["points.csv"], ["image.png", "checkpoint.pt"]])
@pytest.mark.parametrize("force", [False, True])
def test_a_folder_without_a_record_and_a_checkpoint_is_no_run(tmp_path, image_file, names, force):
    home = tmp_path / "pics"
    home.mkdir()
    for name in names:
        (home / name).write_bytes(b"mine")
    if "checkpoint.pt" in names:  # of another program
        torch.save({"kind": "model", "weights": torch.zeros(3)}, home / "checkpoint.pt")
    before = {path: path.read_bytes() for path in home.iterdir()}
    with pytest.raises(InputError, match="holds files that are not a run's"):
        dst.stylize(image_file("a.png"), image_file("b.png"), run_dir=home, force=force)
    assert before == {path: path.read_bytes() for path in home.iterdir()}


@pytest.mark.parametrize("home", ["stopped", "finished"])
def test_a_checkpoint_alone_is_a_run_of_any_version(tmp_path, home):
    shutil.copy(FORMAT_1 / home / checkpoint.NAME, tmp_path)
    with pytest.raises(InputError, match="holds a run already"):
        check_folder(tmp_path)
    check_folder(tmp_path, force=True)


def test_no_input_is_replaced_in_a_runs_own_folder_either(tmp_path):
    run = tmp_path / "run"
    shutil.copytree(FORMAT_1 / "finished", run)
    (tmp_path / "link.png").symlink_to(run / "content.png")
    (tmp_path / "shortcut").symlink_to(run)
    (run / "mine.png").symlink_to(tmp_path / "elsewhere.png")
    mask = run / "geometry.png"
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.exists()}
    with PIL.Image.open(run / "style.png") as opened:
        for name, call in {
            "content.png": {"content": run / "content.png", "style": "s.png"},
            "link.png": {"content": str(tmp_path / "link.png"), "style": "s.png"},
            "style.png": {"content": "c.png", "style": ["s.png", tmp_path / "shortcut" / "style.png"]},
            "/run/style.png": {"content": opened, "style": "s.png"},
            "points.csv": {"content": "c.png", "style": "s.png", "points": run / "points.csv"},
            "image.png": {"content": "c.png", "style": "s.png", "init": run / "image.png"},
            "geometry.png": {"content": "c.png", "style": "s.png", "content_mask": mask, "style_mask": [mask]},
        }.items():
            with pytest.raises(InputError, match=rf"{name} is an input, and the run would take its place"):
                dst.stylize(**call, run_dir=run, force=True)
    check_inputs(run, [run / "mine.png", tmp_path / "content.png", np.zeros(3), None, "a\0b"])
    assert before == {path.name: path.read_bytes() for path in run.iterdir() if path.exists()}


# One process at a time.


def test_a_living_run_is_neither_replaced_nor_gone_on_with(pair, tmp_path, made_result):
    refusals, run = [], tmp_path / "run"

    def on_step(step):
        for act in (
            lambda: small_run(pair, run_dir=run, force=True),
            lambda: dst.resume(run),
            lambda: made_result().save(run, force=True),
        ):
            with pytest.raises(InputError, match=f"another process is making the run in {run}") as caught:
                act()
            refusals.append(caught.value)
        return True

    small_run(pair, run_dir=run, on_step=on_step)
    assert len(refusals) == 3 and dst.load_run(run).record["stopped"]
    assert not [path.name for path in run.iterdir() if path.name.startswith(".") or "lock" in path.name]
    assert not dst.resume(run).record["stopped"]
    small_run(pair, run_dir=run, force=True)


CLAIMER = """
import sys
from dst.runs.folder import claimed
with claimed(sys.argv[1], False):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_was_killed(tmp_path):
    home = os.pathsep.join(p for p in (str(Path(dst.__file__).parents[1]), os.environ.get("PYTHONPATH")) if p)
    with subprocess.Popen(
        [sys.executable, "-c", CLAIMER, str(tmp_path / "run")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": home},
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "mine\n"
        with pytest.raises(InputError, match="another process"), claimed(tmp_path / "run", True):
            pass
        process.kill()
        process.wait()
    with claimed(tmp_path / "run", False):
        pass
    assert os.listdir(tmp_path / "run") == []


def test_where_there_are_no_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "fcntl", None)
    with claimed(tmp_path / "run", False), claimed(tmp_path / "run", False):
        pass


def test_a_run_that_comes_to_nothing_leaves_no_folder(pair, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        small_run((pair[0], tmp_path / "none.png"), run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="does not exist"):
        small_run((pair[0], tmp_path / "none.png"), run_dir=tmp_path / "mine")
    assert (tmp_path / "mine").is_dir()


# A full disk.


def test_a_disk_that_is_full_before_the_first_step_is_said_and_leaves_nothing(pair, tmp_path, disk):
    disk(lambda folder: False)
    with pytest.raises(OSError, match="No space left") as caught:
        small_run(pair, run_dir=tmp_path / "run")
    assert caught.value.filename == str(tmp_path / "run") and not (tmp_path / "run").exists()


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_run(pair, tmp_path, disk, caplog):
    calls = []
    disk(lambda folder: calls.append(folder) or len(calls) not in (2, 3))
    result = small_run(pair, run_dir=tmp_path / "run", checkpoint_every=0)
    assert len(calls) == 4 and np.array_equal(dst.load_run(tmp_path / "run").image, result.image)
    (said,) = caplog.records
    assert f"no checkpoint in {tmp_path / 'run'} (No space left on device)" in said.getMessage()


def test_a_run_that_cannot_be_put_in_place_hands_its_result_over_and_can_be_gone_on_with(pair, tmp_path, disk):
    run = tmp_path / "run"
    disk(lambda folder: folder == run)
    with pytest.raises(OSError, match="could not be kept \\(No space left") as caught:
        small_run(pair, run_dir=run)
    assert caught.value.filename == str(run) and os.listdir(run) == [checkpoint.NAME]
    disk(lambda folder: True)
    assert np.array_equal(dst.resume(run).image, caught.value.result.image)


@pytest.mark.parametrize("size", [0, 100, 5000, 60_000])
def test_a_checkpoint_that_is_cut_short_says_what_the_disk_says(tmp_path, size):
    kept = checkpoint.read(FORMAT_1 / "finished")
    given = kept.job, kept.state, pipeline.encoder_of(kept.job.config), kept.seconds, kept.frames
    with full_after(size), pytest.raises(OSError) as caught:
        checkpoint.write(tmp_path, *given)
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(tmp_path / checkpoint.NAME)
    assert os.listdir(tmp_path) == []


def test_the_same_state_gives_the_same_bytes(tmp_path):
    kept = checkpoint.read(FORMAT_1 / "finished")
    seen = set()
    for _ in range(2):
        encoder = pipeline.encoder_of(kept.job.config)
        checkpoint.write(tmp_path, kept.job, kept.state, encoder, kept.seconds, kept.frames)
        seen.add((tmp_path / checkpoint.NAME).read_bytes())
    assert len(seen) == 1 and b".dst-" not in seen.pop()
    checkpoint.read(tmp_path)
