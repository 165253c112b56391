"""Runs that version 0.1 left: the two in format_1 were made by it, of 40 x 32 pixels at size 32, with a pin and a mask."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import dst
from dst.config import InputError
from dst.deform import painting
from dst.evaluate.table import evaluate_runs
from dst.runs import checkpoint
from dst.viz.animation import run_frames

HOME = Path(__file__).with_name("format_1")


@pytest.fixture
def old(tmp_path):
    shutil.copytree(HOME, tmp_path / "old")
    return tmp_path / "old"


def test_a_stopped_run_of_the_old_version_goes_on_to_what_it_would_have_become(old, monkeypatch):
    monkeypatch.setattr(painting, "figures", dict)
    whole, rest = dst.load_run(old / "finished"), dst.resume(old / "stopped")
    assert len(rest.history) == len(whole.history) == 4 and not rest.record["stopped"]
    apart = np.abs(rest.image.astype(int) - whole.image)
    assert apart.mean() < 3 and apart.max() < 48  # steps are no longer the same, draws are others
    assert rest.record["format"] == 2 and rest.record["matches"]["pins"] == 1
    assert np.abs(rest.warp.displacement - whole.warp.displacement).max() < 1e-3
    assert (rest.warp.origin < 0).any() and (rest.warp.origin >= 0).any()
    assert checkpoint.read(old / "stopped").job.matches.pinned.tolist() == [True, *4 * [False]]


def test_a_finished_run_of_the_old_version_is_read(old):
    result = dst.load_run(old / "finished")
    assert result.record["settings"]["encoder"] == "compact" and "trunk" not in result.record
    assert result.matches.pinned.sum() == 1 and len(result.matches) == 5
    (row,) = evaluate_runs([old / "finished"])
    assert row["encoder"] == "compact" and row["style_distance"] > 0
    assert len(list(run_frames(old / "finished", hold=1))) == 5
    assert dst.resume(old / "finished").image.shape == result.image.shape


def test_a_run_of_a_later_version_is_refused_with_advice(old):
    path = old / "finished" / "run.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 3'))
    with pytest.raises(InputError, match=r"newer version.*reads up to 2\): update dst"):
        dst.load_run(old / "finished")
