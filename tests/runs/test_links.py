"""Links, pipes and devices in a run's folder: nothing is written through a link, and nothing is read that might never end."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import torch

import cli
import dst
from dst.config import InputError
from dst.deform import inputs, painting
from dst.features import weights
from dst.files import replacing
from dst.runs import checkpoint
from dst.runs.folder import FILES
from dst.runs.result import Result
from dst.viz.animation import run_frames
from dst.warp import Warp

FINISHED = Path(__file__).with_name("format_1") / "finished"
READ = ("run.json", "warp.json", "history.csv", "image.png", "checkpoint.pt")


@pytest.fixture(autouse=True)
def in_time():
    """A read that waits for a pipe fails, and does not hold the suite up."""

    def late(*_):
        raise TimeoutError("it waited")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def run(tmp_path):
    """A finished run."""
    shutil.copytree(FINISHED, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def precious(tmp_path):
    """A file of the user's, elsewhere."""
    path = tmp_path / "elsewhere" / "thesis.txt"
    path.parent.mkdir()
    path.write_text("mine")
    return path


def link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def refusal(act) -> str:
    """The one line with which something is refused."""
    with pytest.raises(InputError) as caught:
        act()
    assert "\n" not in str(caught.value) and "Errno" not in str(caught.value)
    return str(caught.value)


def test_a_file_replaces_a_link_and_leaves_its_target_unless_it_is_to_be_followed(tmp_path, precious):
    link(tmp_path / "a", precious)
    with replacing(tmp_path / "a", follow=False) as part:
        part.write_text("new")
    assert precious.read_text() == "mine" and not (tmp_path / "a").is_symlink()
    assert (tmp_path / "a").read_text() == "new"
    link(tmp_path / "a", precious)
    with replacing(tmp_path / "a") as part:
        part.write_text("new")
    assert precious.read_text() == "new" and (tmp_path / "a").is_symlink()


def test_a_checkpoint_is_never_written_through_a_link(run, precious):
    kept = checkpoint.read(run)
    encoder = inputs.encoder_of(kept.job.config)
    (run / checkpoint.NAME).unlink()
    for target in (precious, precious.with_name("none"), Path("/dev/null")):
        link(run / checkpoint.NAME, target)
        checkpoint.write(run, kept.job, kept.state, encoder, kept.seconds, kept.frames)
        assert not (run / checkpoint.NAME).is_symlink()
        checkpoint.read(run)
    assert precious.read_text() == "mine" and os.listdir(precious.parent) == [precious.name]


def test_a_save_over_a_folder_of_links_leaves_their_targets(made_result, tmp_path, precious):
    run = tmp_path / "run"
    made_result().save(run)
    for name in FILES:
        if name != "run.json":
            link(run / name, precious)
    made_result(seed=2).save(run, force=True)
    assert precious.read_text() == "mine" and not any(path.is_symlink() for path in run.iterdir())
    assert Result.load(run).warp is not None


def test_resume_leaves_what_the_links_in_its_folder_point_to(tmp_path, precious, monkeypatch):
    monkeypatch.setattr(painting, "figures", dict)
    run = tmp_path / "run"
    shutil.copytree(FINISHED.with_name("stopped"), run)
    (precious.parent / checkpoint.NAME).write_bytes((run / checkpoint.NAME).read_bytes())
    before = (precious.parent / checkpoint.NAME).read_bytes()
    for name in READ:
        link(run / name, precious)
    link(run / checkpoint.NAME, precious.parent / checkpoint.NAME)
    assert not dst.resume(run, checkpoint_every=0).record["stopped"]
    assert precious.read_text() == "mine" and (precious.parent / checkpoint.NAME).read_bytes() == before
    assert dst.load_run(run) and not any(path.is_symlink() for path in run.iterdir())


def test_a_folder_of_the_name_of_a_file_is_refused_before_any_work(made_result, tmp_path):
    made_result().save(tmp_path / "run")
    (tmp_path / "run" / "checkpoint.pt").mkdir()
    assert "a folder called checkpoint.pt" in refusal(lambda: made_result().save(tmp_path / "run", force=True))


def odd(path: Path, kind: str) -> None:
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a pipe":
        os.mkfifo(path.parent.parent / "pipe")
        path.symlink_to(path.parent.parent / "pipe")
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "link to a device"])
@pytest.mark.parametrize("name", READ)
def test_a_pipe_or_a_device_in_place_of_a_file_is_refused(run, name, kind):
    odd(run / name, kind)
    act = dst.resume if name == checkpoint.NAME else dst.load_run
    said = refusal(lambda: act(run))
    assert f"{run}/{name}" in said and "not an ordinary file" in said


def test_a_link_to_a_file_is_read(run, tmp_path):
    for name in READ:
        (run / name).rename(tmp_path / name)
        (run / name).symlink_to(tmp_path / name)
    assert dst.resume(run).image.shape == (26, 32, 3) and list(run_frames(run))


def test_a_file_beyond_all_bounds_is_refused_unread(run, tmp_path):
    for name in ("warp.json", "history.csv", "run.json"):
        with open(run / name, "wb") as file:
            file.truncate(10**10)
        assert "more than 64 million bytes" in refusal(lambda: dst.load_run(run))
        shutil.copy(FINISHED / name, run / name)
    for name, act in (("image.png", dst.load_run), (checkpoint.NAME, dst.resume)):
        with open(run / name, "r+b") as file, contextlib.suppress(OSError):
            file.truncate(10**11)
        assert "more than" in refusal(lambda act=act: act(run))
        shutil.copy(FINISHED / name, run / name)


def test_a_pipe_where_an_original_or_the_weights_were_is_refused(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    data = torch.load(run / checkpoint.NAME, weights_only=True)
    for place in (str(tmp_path / "pipe"), "/dev/zero"):
        data["job"]["inputs"]["content"] |= {"path": place, "sha256": "0"}
        torch.save(data, run / checkpoint.NAME)
        assert "not an ordinary file" in refusal(lambda: dst.resume(run, size=64))
    assert "not an ordinary file" in refusal(lambda: weights.load_weights("compact", tmp_path / "pipe"))


def test_a_table_of_points_without_end_is_refused(run, capsys):
    given = ["warp", str(run / "image.png"), "--points", "/dev/zero", "-o", str(run / "o.png")]
    assert cli.main(given) == 2
    assert "not an ordinary file" in capsys.readouterr().err


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 26\n%%EndComments\n0 0 moveto\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("image", [EPS, b"", b"\xff\xd8\xff", b"GIF89a\x20\x00\x1a\x00\x00\x00\x00;"])
def test_an_image_of_the_steps_that_is_no_jpeg_is_refused_and_starts_no_program(run, monkeypatch, image):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *given, **_: started.append(given))
    data = torch.load(run / checkpoint.NAME, weights_only=True)
    data["film"]["shots"][1][0] = torch.frombuffer(bytearray(image or b"\0"), dtype=torch.uint8)
    torch.save(data, run / checkpoint.NAME)
    said = refusal(lambda: list(run_frames(run)))
    assert f"{run}/{checkpoint.NAME} is damaged" in said and not started


def test_a_warp_is_read_from_an_ordinary_file_alone(tmp_path):
    os.mkfifo(tmp_path / "warp.json")
    assert "not an ordinary file" in refusal(lambda: Warp.load(tmp_path / "warp.json"))
