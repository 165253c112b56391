"""Standard output and standard error: what was asked for arrives whole or its loss is told; no loss changes the rest."""

import io
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import POINTS, refused, write_points
from PIL import Image as Pillow

import cli
from dst.cli import streams
from dst.deform import resuming, stages
from dst.viz import animation

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
posix = pytest.mark.skipif(shutil.which("sh") is None, reason="no shell here")


def shell(redirection: str, *arguments, **environment: str) -> subprocess.CompletedProcess:
    """Run a command line under a shell's redirection, with both streams read."""
    line = ["sh", "-c", f'"$0" "$@" {redirection}', sys.executable, cli.__file__, *map(str, arguments)]
    return subprocess.run(
        line, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )


def warping(image_file, tmp_path) -> list[str]:
    points = write_points(tmp_path / "points.csv", POINTS)
    return ["warp", str(image_file("content.png", seed=1)), "--points", str(points), "-o"]


def is_png(data: bytes) -> np.ndarray:
    image = Pillow.open(io.BytesIO(data))
    assert image.format == "PNG"
    return np.asarray(image)


# Streams that are closed, full, or have no reader.


@posix
@pytest.mark.parametrize("redirection", [">&-", pytest.param("> /dev/full", marks=needs_full)])
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["evaluate", "--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_was_asked_for_and_is_lost_is_a_failure(redirection, arguments, unbuffered):
    done = shell(redirection, *arguments, PYTHONUNBUFFERED=unbuffered)
    said = done.stderr.decode()
    assert done.returncode == 1 and said.startswith("dst: error: standard output: ") and said.count("\n") == 1, said


@posix
@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2> /dev/full", marks=needs_full)])
def test_standard_error_that_is_lost_changes_no_exit_code(redirection):
    shown = shell(redirection, "--help")
    assert shown.returncode == 0 and shown.stdout.startswith(b"usage: dst")
    refusal = shell(redirection, "stylize")
    assert refusal.returncode == 2 and refusal.stdout == b""


@posix
@needs_full
def test_both_lost_is_a_failure_without_noise():
    done = shell("> /dev/full 2>&-", "--help")
    assert done.returncode == 1 and done.stdout == done.stderr == b""


@posix
@pytest.mark.parametrize("redirection", [">&- 2>&- <&-", pytest.param("> /dev/full 2> /dev/full", marks=needs_full)])
def test_a_file_is_written_whatever_becomes_of_the_streams(redirection, image_file, tmp_path):
    out = tmp_path / "out.png"
    done = shell(redirection, *warping(image_file, tmp_path), out)
    assert done.returncode == 0 and done.stdout == done.stderr == b""
    assert is_png(out.read_bytes()).shape == (40, 48, 3)


@posix
@pytest.mark.parametrize("lost", [1, 2])
def test_a_reader_that_has_gone(lost, image_file, tmp_path):
    """Of standard output, when that was asked for: 141, silently. Of standard error: nothing changes."""
    reading, writing = os.pipe()
    os.close(reading)
    streams_of = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, ("stdout", "stderr")[lost - 1]: writing}
    line = [sys.executable, cli.__file__, *(["--help"] if lost == 1 else ["stylize", "--sise"])]
    child = subprocess.Popen(line, stdin=subprocess.DEVNULL, **streams_of)
    os.close(writing)
    assert child.communicate(timeout=60)[2 - lost] == b""
    assert child.returncode == (141 if lost == 1 else 2)


@pytest.mark.parametrize("broken", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device")])
def test_a_run_goes_on_when_nobody_listens(broken, stand_in, pair, tmp_path, monkeypatch):
    class Lost(io.StringIO):
        def write(self, text):
            raise broken

    monkeypatch.setattr(sys, "stderr", Lost())
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--run", str(tmp_path / "run")]) == 0
    assert (tmp_path / "o.png").exists() and (tmp_path / "run" / "run.json").exists()
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--debug", "--run", str(tmp_path / "run")]) == 2


def test_nothing_is_said_on_standard_output_where_there_is_no_standard_error(
    stand_in, pair, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png")]) == 0
    assert capsys.readouterr().out == "" and sys.stderr is None


@needs_full
@pytest.mark.parametrize("command", ["evaluate", "match", "stylize", "batch"])
def test_a_record_that_is_lost_is_a_failure_after_the_files(
    command, stand_in, made_result, pair, tmp_path, monkeypatch, capsys
):
    from correspondence.matches import Matches

    rows, out = np.array(POINTS), tmp_path / "out.png"
    found = Matches(rows[:, :2], rows[:, 2:4], rows[:, 4], (48, 40), (48, 52), 0.7)
    monkeypatch.setattr(stages, "matched", lambda *_, **__: (found, True, "5 matches"))
    made_result().save(tmp_path / "run")
    (tmp_path / "pairs.csv").write_text("content,style\ncontent.png,style.png\n")
    given = {
        "evaluate": [str(tmp_path / "run")],
        "match": [*pair, "-o", str(out), "--json"],
        "stylize": [*pair, "-o", str(out), "--json"],
        "batch": [str(tmp_path / "pairs.csv"), "-o", str(tmp_path / "many"), "--json"],
    }
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.main([command, *given[command], "--quiet"]) == 1
    said = capsys.readouterr().err
    assert said == "dst: error: standard output: No space left on device\n"
    assert out.exists() == (command in ("match", "stylize"))


def test_a_record_for_a_closed_output_is_refused_before_any_work(stand_in, pair, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", None)
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--json"]) == 1
    assert "standard output: it is closed" in capsys.readouterr().err and not stand_in


def test_no_file_takes_the_number_of_a_closed_stream(python):
    code = """
import os, sys
from dst.cli.streams import guarded
os.close(0), os.close(2)
with guarded():
    print(os.open(os.devnull, os.O_RDONLY))
"""
    assert int(python("-c", code).stdout) > 2


def test_ctrl_c_is_heard_where_nobody_listens(monkeypatch):
    from dst.cli.progress import Interrupt

    def write(*_):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(os, "write", write)
    interrupt = Interrupt()
    interrupt._handle(signal.SIGINT, None)
    assert interrupt.asked


# An image on standard output.


def test_a_warped_image_goes_to_standard_output(image_file, tmp_path, capsysbinary):
    arguments, out = warping(image_file, tmp_path), tmp_path / "out.png"
    assert cli.main([*arguments, "-"]) == 0
    said = capsysbinary.readouterr()
    assert b"wrote to standard output (48 x 40 pixels)" in said.err
    assert cli.main([*arguments, str(out), "--quiet"]) == 0
    assert said.out == out.read_bytes() and is_png(said.out).shape == (40, 48, 3)


def test_a_painted_image_goes_to_standard_output_and_the_rest_to_files(
    stand_in, made_result, pair, tmp_path, monkeypatch, capsysbinary
):
    monkeypatch.setattr(animation, "morph", lambda result: iter([result.content, result.image]))
    run = tmp_path / "run"
    assert cli.main(["stylize", *pair, "-o", "-", "--run", str(run), "--morph", str(tmp_path / "m.gif")]) == 0
    said = capsysbinary.readouterr()
    assert np.array_equal(is_png(said.out), made_result().image) and b"painting" in said.err
    assert (run / "run.json").exists() and (tmp_path / "m.gif").exists()
    assert cli.main(["grid", *pair, "-o", "-", "--rows", "alpha=2,8", "--cell", "32", "--quiet", "--no-warp"]) == 0
    said = capsysbinary.readouterr()
    assert said.err == b"" and is_png(said.out).shape[0] > 2 * 25


def test_matches_go_to_standard_output(pair, tmp_path, monkeypatch, capsysbinary):
    from correspondence.matches import Matches

    rows = np.array(POINTS)
    found = Matches(rows[:, :2], rows[:, 2:4], rows[:, 4], (48, 40), (48, 52), 0.7)
    monkeypatch.setattr(stages, "matched", lambda *_, **__: (found, True, "5 matches"))
    assert cli.main(["match", *pair, "-o", "-", "--save-points", str(tmp_path / "p.csv")]) == 0
    assert is_png(capsysbinary.readouterr().out).ndim == 3 and (tmp_path / "p.csv").exists()


def test_a_resumed_run_goes_to_standard_output(made_result, tmp_path, monkeypatch, capsysbinary):
    from types import SimpleNamespace

    from dst.config import StylizeConfig
    from dst.runs import checkpoint

    kept = SimpleNamespace(job=SimpleNamespace(config=StylizeConfig(), inputs={}))
    monkeypatch.setattr(checkpoint, "read", lambda run: kept)
    monkeypatch.setattr(resuming, "resume", lambda run, **_: made_result())
    assert cli.main(["resume", "run", "-o", "-", "--quiet"]) == 0
    said = capsysbinary.readouterr()
    assert np.array_equal(is_png(said.out), made_result().image) and said.err == b""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["stylize", "a", "b", "-o", "-", "--json"], "both take standard output"),
        (["match", "a", "b", "-o", "-", "--json"], "both take standard output"),
        (["resume", "a", "-o", "-", "--json"], "both take standard output"),
        (["stylize", "a", "b", "--animate", "-"], "name a file that ends in .gif or .mp4"),
        (["stylize", "a", "b", "-o", "o.png", "--morph", "-"], "cannot go to standard output"),
        (["animate", "a", "-o", "-"], "cannot go to standard output"),
        (["morph", "a", "-o", "-"], "cannot go to standard output"),
        (["demo", "-o", "-"], "takes a folder, which cannot go to standard output"),
        (["batch", "a.csv", "-o", "-"], "takes a folder"),
        (["stylize", "a", "b", "--run", "-"], "takes a folder"),
    ],
)
def test_what_cannot_go_to_standard_output_is_refused(arguments, words, capsys):
    assert words in refused(capsys, *arguments)


@pytest.mark.parametrize("command", ["stylize", "match", "grid", "variants", "warp", "resume"])
def test_no_image_goes_to_a_terminal(command, monkeypatch, capsys):
    given = {"grid": ["a", "b", "--rows", "alpha=1"], "warp": ["a", "--run", "r"], "resume": ["r"]}
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "redirect it" in refused(capsys, command, *given.get(command, ["a", "b"]), "-o", streams.STDOUT)
