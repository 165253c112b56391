"""Animations: what the frames show, and that files are whole and playable."""

import sys
from itertools import pairwise
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import full_after
from PIL import Image

import cli
import dst
from correspondence.common import FULL
from dst.config import InputError
from dst.runs.frames import KEPT_COUNT, KeptFrames, Recorder
from dst.viz.animation import morph, write_animation


def step(k, size=(48, 60), points=6):
    image = torch.full((1, 3, *size), (k % 100) / 100)
    return SimpleNamespace(state=SimpleNamespace(image=image, parameters={"displacement": [torch.zeros(points, 2)]}))


def test_a_morph_begins_with_the_photograph_and_ends_with_the_result(made_result):
    result = made_result()
    frames = list(morph(result, 9, hold=2))
    assert len(frames) == 9 + 4
    assert np.array_equal(frames[0], result.content) and np.array_equal(frames[-1], result.image)
    steps = [np.abs(a.astype(int) - b.astype(int)).mean() for a, b in pairwise(frames)]
    assert max(steps) < 0.5 * np.abs(frames[0].astype(int) - frames[-1]).mean()


def test_a_morphs_middle_is_half_warped_and_half_painted(made_result):
    result = made_result()
    middle = list(morph(result, 5, hold=0))[2]
    blend = (result.content.astype(np.float32) + result.unwarped) / 510
    half = result.warp.with_strength(0.5).apply(torch.from_numpy(blend).permute(2, 0, 1)[None], "bilinear")
    assert np.abs(middle - half[0].permute(1, 2, 0).numpy() * 255).max() <= 1


def test_alpha_is_laid_over_white(made_result):
    first = next(morph(made_result(alpha=True), 3))
    result = made_result(alpha=True)
    clear = result.content[..., 3] < 3
    assert clear.any() and (first[clear] > 245).all()


def test_a_recorder_holds_a_bounded_evenly_spread_choice():
    recorder = Recorder(side=32, limit=10)
    for k in range(99):
        assert not recorder(step(k))
    assert 5 <= len(recorder.shots) <= 10
    levels = [int(frame[0, 0, 0]) for frame, _ in recorder.shots]
    gaps = np.diff(levels)
    assert levels[0] == 0 and gaps.max() - gaps.min() <= 2
    assert recorder.shots[0][0].shape == (26, 32, 3)


def test_a_recorder_passes_the_answer_of_another_callback_on():
    assert Recorder(on_step=lambda step: "stop")(step(0)) == "stop"


def test_frames_of_a_run_have_one_size_and_end_with_the_result(made_result):
    result = made_result()
    recorder = Recorder(side=480)
    recorder(step(10, (24, 30)))
    recorder(step(20))
    frames = list(recorder.frames(result, hold=3))
    assert len(frames) == 5 and {frame.shape for frame in frames} == {(48, 60, 3)}
    assert np.array_equal(frames[-1], result.image)
    assert abs(int(frames[0][20, 20, 0]) - 26) <= 1


def test_each_frame_is_warped_as_far_as_its_step_was(made_result):
    result = made_result()
    image = torch.from_numpy(result.unwarped).permute(2, 0, 1)[None].float() / 255
    moved = torch.from_numpy(np.array(result.warp.moved))
    recorder = Recorder()
    for share in (0.0, 1.0):
        recorder(SimpleNamespace(state=SimpleNamespace(image=image, parameters={"displacement": [share * moved]})))
    still, warped, _ = recorder.frames(result, hold=1)
    assert np.array_equal(still, result.unwarped)
    expected = result.warp.apply(image, "bilinear")[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(warped - expected).max() <= 1
    assert np.array_equal(list(recorder.frames(result, warped=False))[1], result.unwarped)


def test_what_a_run_keeps_is_small_and_goes_on_after_a_stop(made_result):
    noise = torch.rand(1, 3, 96, 120, generator=torch.Generator().manual_seed(0))
    image = torch.nn.functional.interpolate(noise[..., :8, :10], (480, 600), mode="bicubic", align_corners=False)
    event = SimpleNamespace(
        state=SimpleNamespace(image=image.clamp(0, 1), parameters={"displacement": [torch.zeros(6, 2)]})
    )
    whole, first = KeptFrames(), KeptFrames()
    for _ in range(100):
        whole(event)
    for _ in range(70):
        first(event)
    second = KeptFrames(first.packed())
    for _ in range(30):
        second(event)
    assert len(whole.shots) == len(second.shots) <= KEPT_COUNT and whole.every == second.every == 2
    assert sum(frame.nbytes for frame, _ in whole.shots) < 1e6
    shown = [list(kept.frames(made_result(), hold=1)) for kept in (whole, second)]
    assert all(np.array_equal(a, b) for a, b in zip(*shown, strict=True))


def test_frames_under_kept_colours_have_the_contents_colours(made_result):
    result = made_result()
    result.record["settings"]["preserve_color"] = "luminance"
    grey = torch.full((1, 3, 48, 60), 0.5)
    recorder = Recorder()
    recorder(SimpleNamespace(state=SimpleNamespace(image=grey, parameters={})))
    shown = next(recorder.frames(result, warped=False)).astype(int)
    assert np.abs(shown[..., 0] - shown[..., 2]).max() > 20


def test_a_gif_has_every_frame_and_its_pace(made_result, tmp_path):
    write_animation(tmp_path / "a.gif", morph(made_result(), 6, hold=0), fps=10)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 6 and image.size == (60, 48)
        assert image.info["duration"] == 100 and image.info["loop"] == 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.gif"]


@pytest.fixture(params=["PyAV", "OpenCV"])
def writer(request, monkeypatch):
    """Each of the two libraries that write MP4."""
    if request.param == "PyAV":
        pytest.importorskip("av")
    else:
        monkeypatch.setitem(sys.modules, "av", None)
    return request.param


def played(path) -> list[np.ndarray]:
    """The frames that a player shows, (H, W, 3) RGB."""
    reader, seen = cv2.VideoCapture(str(path)), []
    while (frame := reader.read()[1]) is not None:
        seen.append(frame[..., ::-1])
    return seen


def test_an_mp4_plays_with_odd_sides_made_even(tmp_path, writer):
    colors = [(0, 0, 255), (120, 200, 40), (250, 0, 5)]
    write_animation(tmp_path / "a.mp4", [np.full((49, 61, 3), color, np.uint8) for color in colors], fps=12)
    seen = played(tmp_path / "a.mp4")
    assert len(seen) == 3 and seen[0].shape == (50, 62, 3)
    for frame, color in zip(seen, colors, strict=True):
        assert np.abs(frame[20, 20].astype(int) - color).max() < 20


def test_an_mp4_is_one_that_every_player_knows(tmp_path):
    av = pytest.importorskip("av")
    write_animation(tmp_path / "a.mp4", [np.full((32, 48, 3), 10 * k, np.uint8) for k in range(9)], fps=12.5)
    with av.open(str(tmp_path / "a.mp4")) as file:
        (stream,) = file.streams
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 12.5 and stream.frames == 9
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # it plays before all of it has come over a network


def test_the_same_frames_give_the_same_mp4(tmp_path, writer, made_result):
    frames, seen = list(morph(made_result(), 5)), set()
    for _ in range(12):
        write_animation(tmp_path / "a.mp4", frames)
        seen.add((tmp_path / "a.mp4").read_bytes())
    assert len(seen) == 1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, writer, share, capfd):
    rng = np.random.default_rng(0)
    frames = list(rng.integers(0, 256, (8, 64, 96, 3), np.uint8))
    write_animation(tmp_path / "a.mp4", frames)
    size = (tmp_path / "a.mp4").stat().st_size
    with full_after(size):
        write_animation(tmp_path / "a.mp4", frames)
    before = (tmp_path / "a.mp4").read_bytes()
    with full_after(max(0, round(share * size) - 1)), pytest.raises(OSError) as caught:
        write_animation(tmp_path / "a.mp4", frames)
    assert caught.value.filename == str(tmp_path / "a.mp4") and caught.value.errno in FULL
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"] and (tmp_path / "a.mp4").read_bytes() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["m.mp4", "m.gif"])
def test_the_command_line_says_of_a_full_disk_what_was_not_written(made_result, tmp_path, name, writer, capfd):
    made_result(warps=False).save(tmp_path / "run")
    with full_after(4000):
        code = cli.main(["morph", str(tmp_path / "run"), "-o", str(tmp_path / name), "--frames", "20", "--quiet"])
    said = capfd.readouterr().err.splitlines()
    assert code == 1 and len(said) == 1 and said[0].startswith(f"dst: error: {tmp_path / name}: ")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    "name, frames, fps, message",
    [
        ("a.avi", [np.zeros((16, 16, 3), np.uint8)], 10, "takes one of .gif, .mp4"),
        ("-", [np.zeros((16, 16, 3), np.uint8)], 10, "cannot go to standard output"),
        ("no/a.gif", [np.zeros((16, 16, 3), np.uint8)], 10, "does not exist"),
        ("a.gif", [], 10, "no frame"),
        ("a.gif", [np.zeros((16, 16, 3), np.uint8)], 0, "fps is 0"),
        ("a.gif", [np.zeros((16, 16, 3), np.uint8)], 60.5, "fps is 60.5"),
        ("a.gif", [np.zeros((16, 16, 3), np.uint8), np.zeros((16, 18, 3), np.uint8)], 10, "one size"),
        ("a.mp4", [np.zeros((16, 16, 3), np.uint8), np.zeros((16, 18, 3), np.uint8)], 10, "one size"),
    ],
)
def test_what_no_animation_can_be_made_of_leaves_nothing(tmp_path, name, frames, fps, message):
    with pytest.raises(InputError, match=message):
        write_animation(name if name == "-" else tmp_path / name, frames, fps)
    assert not list(tmp_path.iterdir())


def test_no_codec_is_said_in_one_line(tmp_path, monkeypatch):
    class Deaf:
        def __init__(self, *arguments):
            pass

        def isOpened(self):
            return False

    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(cv2, "VideoWriter", Deaf)
    with pytest.raises(InputError, match=r"cannot write MP4.*pip install '\.\[video\]'"):
        write_animation(tmp_path / "a.mp4", [np.zeros((16, 16, 3), np.uint8)])
    assert not list(tmp_path.iterdir())


def test_the_command_line_makes_what_the_functions_make(made_result, tmp_path):
    """The same frames at the same pace where nothing is asked for."""
    made_result(warps=False).save(tmp_path / "run")
    assert cli.main(["morph", str(tmp_path / "run"), "-o", str(tmp_path / "a.gif"), "--quiet"]) == 0
    write_animation(tmp_path / "b.gif", morph(dst.load_run(tmp_path / "run")))
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_a_morph_takes_two_frames_or_more(made_result):
    with pytest.raises(InputError, match="count is 1"):
        morph(made_result(), 1)
