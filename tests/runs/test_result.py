"""A run's folder: written whole, read back equal, and never at the cost of what it did not make."""

import json
import os
import time

import numpy as np
import pytest

from dst.config import InputError
from dst.runs.folder import FILES, IMAGES, check_folder
from dst.runs.record import read_record, record_text
from dst.runs.result import Result

SAVED = {
    "image.png", "unwarped.png", "warped_content.png", "content.png", "style.png", "matches.png",
    "points.csv", "warp.json", "history.csv", "run.json",
}  # fmt: skip


def note(figure_text="x"):
    from matplotlib.figure import Figure

    return lambda result: Figure(figsize=(1, 1))


@pytest.mark.parametrize("alpha", [False, True])
def test_what_is_saved_is_read_back_equal(made_result, tmp_path, alpha):
    made = made_result(alpha=alpha)
    made.save(tmp_path / "run")
    read = Result.load(tmp_path / "run")
    for name in IMAGES:
        assert np.array_equal(getattr(read, name), getattr(made, name)), name
    assert np.array_equal(read.matches_image, made.matches_image)
    assert read.history == made.history
    assert read.record == json.loads(record_text(made.record))
    assert np.array_equal(read.warp.displacement, made.warp.displacement)


def test_the_image_that_shapes_came_from_is_kept(made_result, tmp_path):
    made = made_result(geometry=np.full((20, 30, 3), (1, 2, 3), np.uint8))
    made.save(tmp_path / "run")
    assert np.array_equal(Result.load(tmp_path / "run").geometry, made.geometry)
    made_result().save(tmp_path / "run", force=True)
    assert Result.load(tmp_path / "run").geometry is None


def test_the_folder_holds_what_it_should_and_nothing_else(made_result, tmp_path):
    made = made_result(figures={"losses.png": note()})
    made.save(tmp_path / "run")
    assert set(os.listdir(tmp_path)) == {"run"}
    names = set(os.listdir(tmp_path / "run"))
    assert names == SAVED | {"losses.png"} and names <= set(FILES)


def test_points_are_in_the_record_and_the_csv_alike(made_result, tmp_path):
    from correspondence.matches import Matches

    made = made_result()
    made.save(tmp_path / "run")
    table = Matches.from_csv(tmp_path / "run" / "points.csv")
    listed = np.array(read_record(tmp_path / "run")["matches"]["points"])
    assert np.allclose(np.column_stack([table.content, table.style, table.scores]), listed, atol=1e-3)


def test_a_run_without_a_warp_is_saved_and_read_too(made_result, tmp_path):
    made_result(warps=False).save(tmp_path / "run")
    read = Result.load(tmp_path / "run")
    assert read.warp.is_identity and read.matches_image is None
    assert not (tmp_path / "run" / "points.csv").exists()


def test_an_empty_folder_is_taken_and_stays_the_same_folder(made_result, tmp_path):
    (tmp_path / "run").mkdir()
    before = (tmp_path / "run").stat().st_ino
    made_result().save(tmp_path / "run")
    assert (tmp_path / "run").stat().st_ino == before
    assert read_record(tmp_path / "run")


def test_another_run_is_replaced_only_by_force(made_result, tmp_path):
    made_result(seed=1).save(tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(InputError, match=r"holds a run already.*`force`"):
        made_result(seed=2).save(tmp_path / "run")
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    made_result(seed=2, warps=False).save(tmp_path / "run", force=True)
    assert not (tmp_path / "run" / "points.csv").exists()  # nothing of the old run is left to mislead


def test_force_keeps_the_files_that_are_not_the_runs(made_result, tmp_path):
    made_result().save(tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    made_result(seed=3).save(tmp_path / "run", force=True)
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("names", [["holiday.jpg"], ["image.png", "thesis.tex"]])
def test_a_folder_of_other_files_is_refused_even_by_force(made_result, tmp_path, names):
    (tmp_path / "run").mkdir()
    for name in names:
        (tmp_path / "run" / name).write_text("mine")
    for force in (False, True):
        with pytest.raises(InputError, match="files that are not a run's"):
            made_result().save(tmp_path / "run", force=force)
    assert sorted(os.listdir(tmp_path / "run")) == sorted(names)


def test_a_run_json_of_another_program_is_refused_even_by_force(made_result, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"scripts": {"start": "node"}}')
    with pytest.raises(InputError, match="not a run's"):
        made_result().save(tmp_path / "run", force=True)


def test_what_is_left_of_a_run_can_be_replaced_by_force(made_result, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{ torn")
    (tmp_path / "run" / "image.png").write_text("torn")
    with pytest.raises(InputError, match="`force`"):
        check_folder(tmp_path / "run")
    made_result().save(tmp_path / "run", force=True)
    assert Result.load(tmp_path / "run")


def test_what_a_killed_process_left_neither_blocks_nor_counts_as_a_run_and_goes_with_the_next_save(
    made_result, tmp_path
):
    run = tmp_path / "run"
    run.mkdir()
    (run / ".dst-ab12.pt").write_bytes(b"half a checkpoint")
    check_folder(run)
    with pytest.raises(InputError, match="holds no run"):
        read_record(run)
    made_result().save(run)
    assert set(os.listdir(run)) == SAVED
    (run / ".dst-ab12.pt").write_bytes(b"half a checkpoint")
    made_result(seed=1).save(run, force=True)
    assert set(os.listdir(run)) == SAVED


def test_a_folder_left_half_filled_goes_with_the_first_save_a_day_later(made_result, tmp_path):
    old, young, other = tmp_path / ".dst-run-old", tmp_path / ".dst-run-young", tmp_path / "dst-run-mine"
    for folder in (old, young, other):
        folder.mkdir()
        (folder / "image.png").write_bytes(b"half")
    for folder in (old, other):
        os.utime(folder, (time.time() - 90000,) * 2)
    made_result().save(tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dst-run-young", "dst-run-mine", "run"]


def test_bad_places_are_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        check_folder(tmp_path / "file")
    with pytest.raises(InputError, match="does not exist: create it"):
        check_folder(tmp_path / "missing" / "run")
    with pytest.raises(InputError, match="cannot be used"):
        check_folder("x" * 5000)
    assert check_folder(tmp_path / "new") == tmp_path / "new"
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_save_leaves_what_was_there(made_result, tmp_path, monkeypatch):
    made_result(seed=1).save(tmp_path / "run")
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}

    def full(result):
        raise OSError(28, "No space left on device")

    for folder, force in (("run", True), ("new", False)):
        with pytest.raises(OSError, match="No space left") as caught:
            made_result(seed=2, figures={"losses.png": full}).save(tmp_path / folder, force)
        assert caught.value.filename == str(tmp_path / folder)
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == before
    assert os.listdir(tmp_path) == ["run"]


def test_a_folder_that_is_no_run_is_told_from_a_damaged_and_a_newer_one(made_result, tmp_path):
    def say(folder):
        with pytest.raises(InputError) as caught:
            Result.load(folder)
        return str(caught.value)

    assert "does not exist" in say(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "holds no run" in say(tmp_path / "empty")
    made_result().save(tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    assert "not a folder" in say(path)
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "format": 99}))
    assert "newer version" in say(tmp_path / "run")
    path.write_text(json.dumps(record)[:-20])
    assert "damaged" in say(tmp_path / "run")
    for other in ("[]", '"text"', '{"kind": "other", "format": 1}', '{"kind": "dst run"}'):
        path.write_text(other)
        assert "not the record of a run" in say(tmp_path / "run")
    path.write_text(json.dumps(record))
    (tmp_path / "run" / "history.csv").write_text("scale,total\n0,abc\n")
    assert "history.csv is damaged" in say(tmp_path / "run")
    (tmp_path / "run" / "history.csv").unlink()
    assert "history.csv is missing" in say(tmp_path / "run")
    (tmp_path / "run" / "image.png").unlink()
    assert "image.png does not exist" in say(tmp_path / "run")


def test_numbers_that_are_not_finite_become_null():
    text = record_text({"a": float("nan"), "b": [np.float64(1.5), np.int64(2), True], "c": (float("inf"), "x", None)})
    assert json.loads(text) == {"a": None, "b": [1.5, 2, True], "c": [None, "x", None]}


def test_it_shows_itself_in_a_notebook(made_result):
    import io

    from PIL import Image

    made = made_result()
    shown = np.asarray(Image.open(io.BytesIO(made._repr_png_())))
    assert np.array_equal(shown, made.image)
    for channels, mode in ((3, "RGB"), (4, "RGBA")):
        large = made_result(image=np.full((700, 1400, channels), 90, np.uint8))
        shown = Image.open(io.BytesIO(large._repr_png_()))
        assert shown.size == (1024, 512) and shown.mode == mode
    assert repr(made) == "Result(60 x 48 pixels, 6 matches, 10 steps)"
