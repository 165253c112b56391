"""Ctrl-C, SIGTERM and a reader that has gone."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

import cli
from dst.cli.progress import Progress
from dst.deform import inputs, pipeline
from dst.viz import animation


@pytest.fixture(autouse=True)
def heard():
    """A process that was begun in the background ignores Ctrl-C, and so would these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


SIGNALS = pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@SIGNALS
def test_the_first_signal_stops_at_the_next_step_and_writes(stand_in, pair, tmp_path, monkeypatch, capfd, number, code):
    seen = []
    before = Progress.on_step

    def interrupted(self, step):
        before(self, step)
        seen.append(step.step)
        if step.step == 1:
            signal.raise_signal(number)

    monkeypatch.setattr(Progress, "on_step", interrupted)
    old = signal.getsignal(number)
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet"]) == code
    assert seen == [0, 1] and (tmp_path / "o.png").exists()
    assert signal.getsignal(number) is old
    assert "stopping at the next step" in capfd.readouterr().err


@SIGNALS
def test_a_stopped_run_says_how_to_go_on(stand_in, pair, tmp_path, monkeypatch, capsys, number, code):
    monkeypatch.setattr(Progress, "on_step", lambda self, step: signal.raise_signal(number))
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--run", str(tmp_path / "run")]) == code
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"dst: stopped before its end: `dst resume {tmp_path / 'run'}` goes on from here"


@SIGNALS
def test_the_second_signal_stops_at_once(stand_in, pair, tmp_path, monkeypatch, capsys, number, code):
    def interrupted(self, step):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(number)

    monkeypatch.setattr(Progress, "on_step", interrupted)
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet"]) == code
    assert not (tmp_path / "o.png").exists()
    assert "Traceback" not in capsys.readouterr().err


@SIGNALS
def test_a_signal_while_something_is_written_leaves_nothing_half_done(
    made_result, tmp_path, monkeypatch, capsys, number, code
):
    made_result().save(tmp_path / "run")

    def halfway(result, *_):
        yield result.image
        signal.raise_signal(number)
        yield result.image

    monkeypatch.setattr(animation, "morph", halfway)
    assert cli.main(["morph", str(tmp_path / "run"), "-o", str(tmp_path / "m.gif")]) == code
    assert os.listdir(tmp_path) == ["run"] and capsys.readouterr().err == "dst: stopped\n"


@SIGNALS
def test_a_signal_ends_a_batch_and_a_grid_after_the_image_at_hand(
    stand_in, pair, tmp_path, monkeypatch, capsys, number, code
):
    before = pipeline.stylize
    monkeypatch.setattr(pipeline, "stylize", lambda *a, **b: (signal.raise_signal(number), before(*a, **b))[1])
    (tmp_path / "pairs.csv").write_text("content,style,name\ncontent.png,style.png,a\ncontent.png,style.png,b\n")
    assert cli.main(["batch", str(tmp_path / "pairs.csv"), "-o", str(tmp_path / "many"), "--quiet"]) == code
    given = ["--rows", "alpha=2,8", "--no-warp", "--quiet"]
    assert cli.main(["grid", *pair, "-o", str(tmp_path / "grid.png"), *given]) == code
    assert len(stand_in) == 2 and (tmp_path / "grid.png").exists()


def test_whoever_calls_and_handles_sigterm_goes_on_to_do_so(stand_in, pair, tmp_path, monkeypatch):
    told = []
    before = signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    try:
        monkeypatch.setattr(inputs, "encoder_of", lambda config: signal.raise_signal(signal.SIGTERM))
        assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet"]) == 0 and told == [1]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_closed_pipe_is_no_error():
    home = os.path.dirname(os.path.abspath(cli.__file__))
    code = "import sys, cli; sys.exit(cli.main(['stylize', '--help']))"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": home},
    )  # fmt: skip
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert child.wait(60) in (0, 141) and said == b""


def test_the_bar_shows_each_stage_and_the_time_left(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = Progress(schedule=[(64, 3), (128, 2)])
    for name in ("match", "optimize"):
        progress.on_stage(name, "start")
        for side, steps in ((64, 3), (128, 2)) if name == "optimize" else ():
            for _ in range(steps):
                time.sleep(0.02)
                progress.on_step(SimpleNamespace(size=(side, 50), steps=steps, terms={"total": 2.5}))
        progress.on_stage(name, "end")
    said = capsys.readouterr().err
    assert "matching" in said and "painting" in said and "left" in said and "128 px, loss 2.5" in said
    assert said.count("100%") >= 2
