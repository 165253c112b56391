"""Checkpoints: a run that was stopped or killed goes on to the same bytes, and no moment leaves a folder unreadable."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import blobs
from runs_of import POINTS, SMALL

import dst
from dst.config import InputError
from dst.deform import pipeline
from dst.runs import checkpoint
from dst.viz.animation import run_frames

pytestmark = pytest.mark.usefixtures("no_figures", "no_metrics")
OPTIONS = {**SMALL, "smallest_scale": 32, "points": POINTS}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    from PIL import Image

    home = tmp_path_factory.mktemp("pair")
    paths = home / "content.png", home / "style.png"
    Image.fromarray(blobs((80, 60), 0)).save(paths[0])
    Image.fromarray(blobs((72, 64), 1)).save(paths[1])
    return paths


@pytest.fixture(scope="module")
def whole(pair):
    return pipeline.stylize(*pair, **OPTIONS)


@pytest.fixture(scope="module")
def finished(pair, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    pipeline.stylize(*pair, run_dir=folder, **OPTIONS)
    return folder


def same(one, other):
    assert np.array_equal(one.image, other.image)
    assert np.array_equal(one.unwarped, other.unwarped)
    assert np.array_equal(one.warp.displacement, other.warp.displacement)
    assert [row["total"] for row in one.history] == [row["total"] for row in other.history]


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_a_stopped_run_goes_on_to_the_same_bytes_without_its_inputs(pair, whole, tmp_path, stop_after):
    copies = [tmp_path / path.name for path in pair]
    for path, copy in zip(pair, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    run = tmp_path / "run"
    stopped = pipeline.stylize(*copies, run_dir=run, on_step=lambda step: step.done == stop_after, **OPTIONS)
    assert stopped.record["stopped"] and dst.load_run(run).record["stopped"]
    for copy in copies:
        copy.unlink()
    again = dst.resume(run)
    same(again, whole)
    assert not again.record["stopped"]
    same(dst.load_run(run), whole)


def test_a_resumed_run_has_the_frames_of_one_that_never_stopped(pair, finished, tmp_path):
    run = tmp_path / "run"
    pipeline.stylize(*pair, run_dir=run, on_step=lambda step: step.done == 2, **OPTIONS)
    dst.resume(run)
    animations = [list(run_frames(folder, hold=1)) for folder in (run, finished)]
    assert len(animations[0]) == 4 + 1 and all(np.array_equal(a, b) for a, b in zip(*animations, strict=True))
    assert np.array_equal(animations[0][-1], dst.load_run(run).image)


def test_no_frames_of_a_run_that_kept_none(finished, whole, tmp_path):
    whole.save(tmp_path / "saved")
    with pytest.raises(InputError, match="kept no images of its steps"):
        run_frames(tmp_path / "saved")
    older = tmp_path / "older"
    whole.save(older)
    data = torch.load(finished / checkpoint.NAME, weights_only=True)
    del data["frames"]
    torch.save(data, older / checkpoint.NAME)
    with pytest.raises(InputError, match="holds no images of its steps"):
        run_frames(older)
    same(dst.resume(older), whole)


KILLED = """
import sys, numpy as np
from dst.deform import pipeline
points = np.array({points})
def on_step(step):
    print(step.done, flush=True)
    if step.done == 3:
        sys.stdin.read()
pipeline.stylize(*sys.argv[1:3], run_dir=sys.argv[3], checkpoint_every=0, on_step=on_step, points=points, **{options})
"""


def test_kill_nine_loses_no_more_than_the_interval(pair, whole, tmp_path):
    code = KILLED.format(points=POINTS.tolist(), options={**SMALL, "smallest_scale": 32})
    run = tmp_path / "run"
    path = os.pathsep.join(p for p in (str(Path(pipeline.__file__).parents[2]), os.environ.get("PYTHONPATH")) if p)
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, pair), str(run)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
    ) as process:  # fmt: skip
        for line in process.stdout:
            if line.strip() == "3":
                break
        process.send_signal(signal.SIGKILL)
    assert len(checkpoint.read(run).state.history) == 2
    with pytest.raises(InputError, match="not finished"):
        dst.load_run(run)
    (run / ".dst-left.pt").write_bytes(b"half a checkpoint")
    same(dst.resume(run), whole)
    assert not list(run.glob(".dst-*"))


def test_a_kill_while_the_run_is_put_in_place_leaves_it_resumable(pair, whole, tmp_path, monkeypatch):
    run = tmp_path / "run"
    real, calls = os.replace, []

    def replace(source, target):
        if Path(target).parent == run and Path(target).name != checkpoint.NAME:
            calls.append(target)
            if len(calls) == 3:
                raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        pipeline.stylize(*pair, run_dir=run, **OPTIONS)
    monkeypatch.undo()
    assert not (run / "run.json").exists()
    same(dst.resume(run), whole)
    same(dst.load_run(run), whole)


def test_a_finished_run_is_read_back(finished, whole):
    same(dst.resume(finished), whole)


def test_a_finished_run_goes_on_at_a_larger_size(finished, whole, tmp_path):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(finished, run)
    seen = []
    larger = dst.resume(run, size=128, on_step=lambda step: seen.append(step.size))
    assert larger.image.shape == (96, 128, 3)
    assert set(seen) == {(128, 96)}
    assert larger.record["settings"]["size"] == 128
    assert larger.history[: len(whole.history)] == dst.load_run(finished).history
    small = np.asarray(larger.warp.moved)
    assert np.abs(small - whole.warp.moved).max() < 0.02
    assert dst.load_run(run).image.shape == (96, 128, 3)
    with pytest.raises(InputError, match="give a larger one"):
        dst.resume(run, size=64)


def test_a_larger_size_needs_the_originals(finished, pair, tmp_path):
    import shutil

    data = torch.load(finished / checkpoint.NAME, weights_only=True)
    for change, message in (({"path": "/no/such/file.png"}, "no longer at"), ({"sha256": "0"}, "has changed")):
        run = tmp_path / message.replace(" ", "-")
        shutil.copytree(finished, run)
        job = {**data["job"], "inputs": {**data["job"]["inputs"]}}
        job["inputs"]["content"] = {**job["inputs"]["content"], **change}
        torch.save({**data, "job": job}, run / checkpoint.NAME)
        with pytest.raises(InputError, match=message):
            dst.resume(run, size=128)
    with pytest.raises(InputError, match="give the same image as content="):
        dst.resume(finished, size=128, content=np.zeros((20, 20, 3), np.uint8))


def test_an_unfinished_run_is_finished_before_it_grows(pair, tmp_path):
    run = tmp_path / "run"
    pipeline.stylize(*pair, run_dir=run, on_step=lambda step: True, **OPTIONS)
    with pytest.raises(InputError, match="resume it without a size first"):
        dst.resume(run, size=128)


def test_a_folder_that_holds_a_run_is_not_touched_without_force(finished, pair):
    before = (finished / "run.json").read_bytes()
    with pytest.raises(InputError, match="holds a run"):
        pipeline.stylize(*pair, run_dir=finished, **OPTIONS)
    assert (finished / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda data: b"", "damaged"),
        (lambda data: b"not a checkpoint", "damaged"),
        (lambda data: data[: len(data) // 2], "damaged"),
        ({"kind": "other"}, "not a checkpoint of dst"),
        ({"format": 99}, "newer version"),
        ({"job": {}}, "damaged"),
        ({"state": {"bands": None}}, "damaged"),
        ({"frames": {"every": 1}}, "damaged"),
        ({"encoder": {"name": "compact", "sha256": "0"}}, "other weights"),
    ],
)
def test_a_damaged_foreign_or_newer_checkpoint_is_refused_in_one_line(finished, tmp_path, spoil, message):
    run = tmp_path / "run"
    run.mkdir()
    if callable(spoil):
        (run / checkpoint.NAME).write_bytes(spoil((finished / checkpoint.NAME).read_bytes()))
    else:
        torch.save({**torch.load(finished / checkpoint.NAME, weights_only=True), **spoil}, run / checkpoint.NAME)
    with pytest.raises(InputError, match=message) as caught:
        dst.resume(run)
    assert "\n" not in str(caught.value) and "Errno" not in str(caught.value) and "torch" not in str(caught.value)


def test_a_checkpoint_with_code_in_it_is_not_run(tmp_path):
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "boom"),)

    run = tmp_path / "run"
    run.mkdir()
    torch.save({"kind": checkpoint.KIND, "bomb": Bomb()}, run / checkpoint.NAME, pickle_module=pickle)
    with pytest.raises(InputError, match="damaged"):
        dst.resume(run)
    assert not (tmp_path / "boom").exists()


def test_no_run_and_no_checkpoint_are_told_apart(tmp_path, whole):
    with pytest.raises(InputError, match="does not exist"):
        dst.resume(tmp_path / "none")
    with pytest.raises(InputError, match="it holds no run"):
        dst.resume(tmp_path)


def test_a_finished_run_that_was_saved_without_a_checkpoint_is_read_back(whole, pair, tmp_path):
    whole.save(tmp_path / "saved")
    for size in (None, 64):
        same(dst.resume(tmp_path / "saved", size=size), whole)
    with pytest.raises(InputError, match=r"has no checkpoint, which another size needs: make it again with run_dir="):
        dst.resume(tmp_path / "saved", size=128)
    stopped = pipeline.stylize(*pair, on_step=lambda step: True, **OPTIONS)
    stopped.save(tmp_path / "stopped")
    with pytest.raises(InputError, match=r"was stopped and has no checkpoint to go on from: make it again"):
        dst.resume(tmp_path / "stopped")


def test_masks_and_held_points_survive_a_checkpoint(pair, tmp_path):
    mask = np.zeros((60, 80), np.uint8)
    mask[20:30, 30:50] = 255
    areas = np.zeros((60, 80), np.uint8)
    areas[:, 40:] = 255
    style_areas = np.zeros((64, 72), np.uint8)
    style_areas[:32] = 255
    given = {"rigid_mask": mask, "content_mask": areas, "style_mask": style_areas}
    run = tmp_path / "run"
    first = pipeline.stylize(*pair, run_dir=run, on_step=lambda step: step.done == 3, **OPTIONS, **given)
    job = checkpoint.read(run).job
    assert np.array_equal(job.mask, mask > 0)
    assert len(job.scene.segments) == 2 and (job.scene.warp.rigid > 0).any()
    assert len(first.warp.source) == len(job.scene.warp.source)
    whole = dst.resume(run)
    assert len(whole.history) == 4
