"""The command line: what it passes on, what it writes, what it says, and how it ends. Runs are stood in for, except one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import POINTS, refused, write_points
from PIL import Image as Pillow

import cli
from dst.cli.commands import COMMANDS, demo
from dst.cli.commands import match as match_command
from dst.cli.main import _short_warnings
from dst.cli.parsing import build
from dst.cli.progress import Progress
from dst.config import InputError, StylizeConfig, option_fields
from dst.deform import pipeline, stages
from dst.runs import estimate
from dst.viz import animation

# What is passed on.


def test_options_arrive_as_given_and_only_those(stand_in, pair, tmp_path):
    out = tmp_path / "out.png"
    flags = ["--size", "64", "--alpha", "3", "--method", "gatys", "--preset", "fast", "--no-warp", "--color-only"]
    assert cli.main(["stylize", *pair, "-o", str(out), *flags]) == 0
    (call,) = stand_in
    assert call["size"] == 64 and call["alpha"] == 3.0 and call["method"] == "gatys" and call["color_only"] is True
    assert call["preset"] == "fast" and call["warp"] is False and (call["content"], call["style"]) == pair
    assert not {"beta", "seed", "max_points"} & set(call)
    assert np.asarray(Pillow.open(out)).shape == (48, 60, 3)


def test_lists_are_read(stand_in, pair, tmp_path):
    flags = [
        "--pin",
        "1,2,3,4",
        "--pin=-5,6.5,7,8",
        "--drop",
        "3,7",
        "--style-weights",
        "2,1",
        "--style-mask",
        "m.png",
    ]
    assert cli.main(["stylize", *pair, "--style", pair[0], "-o", str(tmp_path / "o.png"), *flags]) == 0
    (call,) = stand_in
    assert call["pins"] == ((1, 2, 3, 4), (-5, 6.5, 7, 8)) and call["drop"] == (3, 7)
    assert call["style_weights"] == (2, 1) and call["style_mask"] == ("m.png",)
    assert call["style"] == [pair[1], pair[0]]


def test_every_option_has_a_flag_that_is_understood():
    _, commands = build(COMMANDS)
    flags = {action.dest for action in commands["stylize"]._actions}
    assert set(StylizeConfig().flat()) <= flags


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_is_readable(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert cli.main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: dst " + command) and max(map(len, shown.splitlines())) <= 130
    for line in shown.splitlines():
        assert not line.startswith("  --") or len(line.split()) > 2, line


def test_help_shows_ranges_and_defaults(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "130")
    cli.main(["stylize", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for name, f in option_fields().items():
        assert f.metadata["help"] in shown, name
    assert (
        "[32 to 8192; default 512]" in shown
        and "[0 to 2147483647; default 0]" in shown
        and "[strotss, gatys; default strotss]" in shown
    )


def test_the_demo_offers_the_samples_that_there_are():
    from dst.imaging.samples import sample_styles

    assert {path.stem for path in sample_styles()} == set(demo.SAMPLES)


def test_version(capsys):
    import dst

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"dst {dst.__version__}\n"


# What is said and written.


def test_standard_output_holds_the_record_alone(stand_in, pair, tmp_path, capsys):
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["kind"] == "dst run"
    assert "painting" in said.err and "wrote" in said.err and "1.0 GB" in said.err


def test_quiet_says_nothing_when_all_is_well(stand_in, pair, tmp_path, capsys):
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet"]) == 0
    said = capsys.readouterr()
    assert said.out == said.err == ""


def test_a_run_is_written_and_protected(stand_in, pair, tmp_path, capsys):
    arguments = ["stylize", *pair, "--run", str(tmp_path / "run"), "--quiet"]
    assert cli.main(arguments) == 0
    assert (tmp_path / "run" / "run.json").exists()
    assert "give --force" in refused(capsys, *arguments)
    assert len(stand_in) == 1  # refused before any work
    assert cli.main([*arguments, "--force"]) == 0


def test_the_demo_replaces_itself_when_it_is_told_to_and_nothing_else(stand_in, pair, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo"]) == 0
    assert json.loads((tmp_path / "demo" / "run.json").read_text())["demo"] is True
    assert "wrote demo" in capsys.readouterr().err
    before = {path: path.read_bytes() for path in (tmp_path / "demo").iterdir()}
    assert "--force to replace it" in refused(capsys, "demo", "--style", "ink")
    assert before == {path: path.read_bytes() for path in (tmp_path / "demo").iterdir()}
    assert cli.main(["demo", "--style", "ink", "--force", "--quiet"]) == 0
    assert [call["style"].stem for call in stand_in] == ["oval", "ink"]
    assert cli.main(["stylize", *pair, "--run", str(tmp_path / "mine"), "--quiet"]) == 0
    assert "--force" in refused(capsys, "demo", "-o", tmp_path / "mine")
    assert "not the demo's" in refused(capsys, "demo", "-o", tmp_path / "mine", "--force")
    (tmp_path / "demo" / "run.json").unlink()  # what a demo that was stopped leaves
    assert cli.main(["demo", "--force", "--quiet"]) == 0


def test_a_loss_that_stops_being_finite_ends_with_one_and_the_last_good_picture(
    stand_in, pair, tmp_path, capsys, monkeypatch
):
    before = pipeline.stylize

    def broken(*args, **kwargs):
        result = before(*args, **kwargs)
        result.record["stopped"] = "the loss stopped being finite at 64 pixels"
        return result

    monkeypatch.setattr(pipeline, "stylize", broken)
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png")]) == 1
    assert "stopped being finite" in capsys.readouterr().err and (tmp_path / "o.png").exists()


def test_where_memory_is_short_the_size_that_fits_is_named_and_taken(stand_in, pair, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(estimate, "estimate", lambda *_: estimate.Estimate((512, 400), 3.0, 9e9, 8e9))
    monkeypatch.setattr(estimate, "largest_size", lambda *_: 320)
    out = str(tmp_path / "o.png")
    assert cli.main(["stylize", *pair, "-o", out]) == 0
    assert "--size 320 would fit" in capsys.readouterr().err
    assert cli.main(["stylize", *pair, "-o", out, "--fit"]) == 0
    assert [call["size"] for call in stand_in] == [512, 320]


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no command was given"),
        (["styliz"], "did you mean 'stylize'"),
        (["stylize", "a", "b", "--sise", "3"], "did you mean '--size'"),
        (["stylize", "a", "b"], "say where to write"),
        (["stylize", "a", "-o", "o.png"], "required: style"),
        (["match", "a", "b"], "say where to write"),
        (["match", "a", "b", "c", "-o", "o.png"], "one argument too many"),
        (["stylize", "a", "b", "c", "d", "-o", "o.png"], "'c' is one argument too many: several styles"),
        (["stylize", "a", "b", "c", "-o", "o.png"], "by --style FILE, once for each"),
        (["stylize", "a", "b", "c", "-o", "o.png"], "`dst batch --style FILE IMAGE ... -o DIR`"),
        (["grid", "a", "b", "c", "-o", "o.png", "--rows", "alpha=1"], "are given by --style FILE"),
        (["stylize", "a", "b", "-o", "o.png", "--size", "7"], "--size is 7: it takes a whole number from 32 to 8192"),
        (["stylize", "a", "b", "-o", "o.png", "--size", "1.5"], "--size is '1.5'"),
        (["stylize", "a", "b", "-o", "o.png", "--size", "9" * 5000], "--size"),
        (["stylize", "a", "b", "-o", "o.png", "--alpha", "nan"], "--alpha is nan: it takes a finite number"),
        (["stylize", "a", "b", "-o", "o.png", "--beta=-inf"], "--beta is -inf"),
        (["stylize", "a", "b", "-o", "o.png", "--gamma", "-1"], "--gamma is -1"),
        (["stylize", "a", "b", "-o", "o.png", "--seed"], "expected one argument"),
        (["stylize", "a", "b", "-o", "o.png", "--method", "strots"], "did you mean 'strotss'"),
        (["stylize", "a", "b", "-o", "o.png", "--encoder", "vgg91"], "did you mean 'vgg19'"),
        (["stylize", "a", "b", "-o", "o.png", "--preset", "papr"], "did you mean 'paper'"),
        (["stylize", "a", "b", "-o", "o.gif"], "it takes one of .png"),
        (["stylize", "a", "b", "-o", "none/o.png"], "does not exist: create it"),
        (["stylize", "a", "b", "-o", "."], ""),
        (["stylize", "a", "b", "--run", "none/run"], "does not exist: create it"),
        (["stylize", "a", "b", "-o", "o.png", "--pin", "1,2,3"], "four finite numbers"),
        (["stylize", "a", "b", "-o", "o.png", "--drop", "1,x"], "whole numbers"),
        (["match", "a", "b", "--save-points", "p.txt"], "it takes one of .csv, .json"),
        (["warp", "a", "-o", "o.png"], "one of the two"),
        (["warp", "a", "-o", "o.png", "--run", "r", "--points", "p"], "one of the two"),
        (["warp", "a", "-o", "o.png", "--run", "r", "--strength", "7"], "--strength is 7"),
        (["resume", "none"], "does not exist"),
        (["stylize", "a", "b", "--animate", "f.avi"], "it takes one of .gif, .mp4"),
        (["stylize", "a", "b", "-o", "o.png", "--morph", "none/m.gif"], "does not exist: create it"),
        (["stylize", "a", "b", "--animate", "f.gif", "--morph", "./f.gif"], "a file of its own"),
        (["morph", "none", "-o", "m.gif"], "does not exist"),
        (["animate", "none", "-o", "m.gif"], "does not exist"),
        (["morph", "none", "-o", "m.png"], "it takes one of .gif, .mp4"),
        (["morph", "none", "-o", "m.gif", "--fps", "0"], "--fps is 0"),
        (["grid", "a", "b", "-o", "g.png"], "required: --rows"),
        (["grid", "a", "b", "-o", "g.png", "--rows", "alhpa=1"], "did you mean 'alpha'"),
        (["grid", "a", "b", "-o", "g.png", "--rows", "alpha"], "an option and its values"),
        (["grid", "a", "b", "-o", "g.png", "--rows", "alpha=1,"], "an option and its values"),
        (["grid", "a", "b", "-o", "g.png", "--rows", "alpha=1,x"], "--rows: alpha is 'x'"),
        (["grid", "a", "b", "-o", "g.png", "--rows", "preset=papr"], "did you mean 'paper'"),
        (["grid", "a", "b", "-o", "g.png", "--rows", "alpha=1", "--columns", "alpha=2"], "choose two options"),
        (["batch", "none.csv", "-o", "d"], "cannot be read"),
        (["batch", "a.jpg", "b.jpg", "-o", "d"], "2 files are given, but no style: give one table"),
        (["batch", "a.csv", "--style", "s.jpg", "-o", "d"], "a.csv is a table"),
        (
            ["batch", "x/a.jpg", "y/a.png", "--style", "s.jpg", "-o", "d"],
            "x/a.jpg and y/a.png would both be kept as 'a'",
        ),
        (["batch", "a.jpg", "--style", "s.jpg", "-o", "none/d"], "none does not exist"),
        (["match", "a", "b", "--save-points", "a" * 300 + ".csv"], "is no usable file name (File name too long)"),
        (["evaluate", "none"], "does not exist"),
        (["demo", "--style", "ovl"], "did you mean 'oval'"),
        (["demo", "-o", "none/demo"], "does not exist: create it"),
        (["--vresion"], "did you mean '--version'"),
    ],
)
def test_bad_arguments_get_one_line(arguments, words, capsys):
    assert words in refused(capsys, *arguments)


def test_bad_files_get_one_line_and_leave_nothing(pair, tmp_path, capsys):
    torn = tmp_path / "torn.png"
    torn.write_bytes(Path(pair[0]).read_bytes()[:300])
    (tmp_path / "text.jpg").write_text("not a picture")
    Pillow.new("RGB", (8, 40)).save(tmp_path / "tiny.png")
    out = tmp_path / "out.png"
    for bad in (torn, tmp_path / "text.jpg", tmp_path / "tiny.png", tmp_path / "none.png", tmp_path):
        refused(capsys, "stylize", bad, pair[1], "-o", out, "--quiet")
        refused(capsys, "match", pair[0], bad, "-o", out, "--quiet")
        refused(capsys, "warp", bad, "--points", "p.csv", "-o", out)
        assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["stylize", "-o", "link.png"],
        ["stylize", "--animate", "link.gif"],
        ["match", "-o", "link.png"],
        ["match", "--save-points", "link.csv"],
    ],
)
def test_a_link_into_a_folder_that_is_not_there_is_refused_before_any_work(arguments, stand_in, pair, tmp_path, capsys):
    command, flag, name = arguments
    link = tmp_path / name
    link.symlink_to(tmp_path / "gone" / name)
    assert f"the folder {tmp_path / 'gone'} does not exist" in refused(capsys, command, *pair, flag, link)
    assert link.is_symlink() and not stand_in
    (tmp_path / "gone").mkdir()  # a link to a file that is still to be made is followed
    if command == "stylize":
        assert cli.main([command, *pair, flag, str(link), "--quiet"]) == 0
        assert link.is_symlink() and (tmp_path / "gone" / name).stat().st_size > 0


def test_an_input_is_never_overwritten(pair, capsys):
    before = Path(pair[0]).read_bytes()
    assert "would destroy it" in refused(capsys, "stylize", *pair, "-o", pair[0])
    assert "would destroy it" in refused(
        capsys, "stylize", *pair, "--style", "x.png", "--style", pair[0], "-o", pair[0]
    )
    assert "would destroy it" in refused(capsys, "resume", "run", "--content", pair[0], "-o", pair[0])
    assert "would destroy it" in refused(capsys, "warp", pair[0], "--points", "p.csv", "-o", pair[0])
    common = ["stylize", "c.png", pair[1], "-o", pair[0]]
    assert "would destroy it" in refused(capsys, *common, "--rigid-mask", pair[0])
    assert "would destroy it" in refused(capsys, *common, "--style-mask", "x.png", "--style-mask", pair[0])
    moving = Path(pair[0]).with_suffix(".gif")
    Pillow.open(pair[0]).save(moving)
    assert "would destroy it" in refused(capsys, "stylize", moving, pair[1], "--animate", moving)
    assert Path(pair[0]).read_bytes() == before


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("one\ntwo"), 2, "one two"),
        (OSError(28, "No space left on device", "/x/y.png"), 1, "/x/y.png: No space left on device"),
        (MemoryError(), 1, "smaller --size"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), 1, "smaller --size"),
        (ZeroDivisionError("division by zero\nmore"), 1, "--debug"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_every_error_is_one_line_and_a_code(error, code, words, stand_in, pair, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(pipeline, "stylize", fail)
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet"]) == code
    said = capsys.readouterr().err
    assert words in said and len(said.splitlines()) == 1 and "Traceback" not in said
    if code == 1:
        cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet", "--debug"])
        assert "Traceback" in capsys.readouterr().err


def test_a_matching_error_counts_as_bad_input(stand_in, pair, tmp_path, monkeypatch, capsys):
    from correspondence.common import MatchError

    def fail(*_, **__):
        raise MatchError("two points in one place")

    monkeypatch.setattr(pipeline, "stylize", fail)
    assert "two points" in refused(capsys, "stylize", *pair, "-o", tmp_path / "o.png", "--quiet")


def test_a_warning_is_one_line(capsys):
    import warnings

    with _short_warnings():
        warnings.simplefilter("default")
        warnings.warn("the profile is broken", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "dst: note: the profile is broken\n"


# Ctrl-C, SIGTERM and a reader that has gone.

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
        monkeypatch.setattr(pipeline, "encoder_of", lambda config: signal.raise_signal(signal.SIGTERM))
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


# The other commands.


def test_warp_by_points_warps_and_keeps_size_depth_and_alpha(tmp_path):
    points = write_points(tmp_path / "points.csv", POINTS)
    rng = np.random.default_rng(0)
    import cv2

    deep = rng.integers(0, 65536, (40, 48, 4)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    common = ["warp", str(tmp_path / "deep.png"), "--points", str(points), "--quiet", "-o"]
    assert cli.main([*common, str(tmp_path / "bent.png")]) == 0
    bent = cv2.imread(str(tmp_path / "bent.png"), cv2.IMREAD_UNCHANGED)
    assert bent.shape == deep.shape and bent.dtype == np.uint16 and (bent != deep).any()
    assert cli.main([*common, str(tmp_path / "same.png"), "--strength", "0"]) == 0
    assert np.array_equal(cv2.imread(str(tmp_path / "same.png"), cv2.IMREAD_UNCHANGED), deep)


def test_warp_by_a_run(made_result, pair, tmp_path, capsys):
    made_result().save(tmp_path / "run")
    made_result(warps=False).save(tmp_path / "plain")
    for run in ("run", "plain"):
        assert cli.main(["warp", pair[0], "--run", str(tmp_path / run), "-o", str(tmp_path / f"{run}.png")]) == 0
    before, bent, same = (np.asarray(Pillow.open(p)) for p in (pair[0], tmp_path / "run.png", tmp_path / "plain.png"))
    assert (bent != before).any() and np.array_equal(same, before)
    assert "warped nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (POINTS[:2], "at least 3"),
        ([*POINTS, POINTS[0]], "given twice"),
        ([(5 * k, 5 * k, 5 * k, 7, 1) for k in range(1, 5)], "one line"),
        ([*POINTS, (480, 10, 3, 3, 1)], "outside"),
        ([*POINTS, (1, 2, 3)], "columns"),
        ([*POINTS, ("x", 2, 3, 4, 1)], "finite number"),
    ],
)
def test_points_that_cannot_be_used_get_one_line(rows, words, pair, tmp_path, capsys):
    points = write_points(tmp_path / "points.csv", rows)
    out = tmp_path / "o.png"
    assert words in refused(capsys, "warp", pair[0], "--points", points, "-o", out, "--quiet")
    assert not out.exists()


def test_match_draws_and_saves(pair, tmp_path, monkeypatch, capsys):
    from correspondence.matches import Matches

    rows = np.array(POINTS)
    found = Matches(rows[:, :2], rows[:, 2:4], rows[:, 4], (48, 40), (48, 52), 0.7)
    asked = {}

    def match(content, style, **options):
        asked.update(options)
        return found, "5 matches"

    monkeypatch.setattr(stages, "match", match)
    csv, js, out = tmp_path / "p.csv", tmp_path / "p.json", tmp_path / "m.png"
    assert cli.main(["match", *pair, "-o", str(out), "--save-points", str(csv), "--size", "128", "--json"]) == 0
    said = capsys.readouterr()
    assert asked == {"match_size": 128} and "confidence in the pair 70%" in said.err
    record = json.loads(said.out)
    assert record["count"] == 5 and record["confidence"] == 0.7 and record["content"] == found.content.tolist()
    assert np.allclose(Matches.from_csv(csv).style, found.style) and out.exists()
    assert cli.main(["match", *pair, "--save-points", str(js), "--quiet"]) == 0
    assert Matches.from_json(js) == found


def test_match_says_its_confidence_in_the_pair_and_what_was_edited():
    rows = np.array(POINTS)
    from correspondence.matches import Matches

    found = Matches(rows[:, :2], rows[:, 2:4], rows[:, 4], (48, 40), (48, 52), 0.83)
    assert match_command._sentence(found, "5 matches") == "5 matches; confidence in the pair 83%"
    assert "6 matches; 5 after --drop" in match_command._sentence(found, "6 matches")


def test_animations_of_a_run(stand_in, pair, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(animation, "morph", lambda result: iter([result.content, result.image]))
    files = tmp_path / "steps.gif", tmp_path / "morph.gif"
    assert cli.main(["stylize", *pair, "--animate", str(files[0]), "--morph", str(files[1])]) == 0
    assert "steps.gif" in capsys.readouterr().err
    for path in files:
        with Pillow.open(path) as shown:
            assert shown.n_frames > 1 and shown.size == (60, 48)


def test_the_animation_of_a_finished_run(tmp_path, monkeypatch, capsys):
    frames = [np.full((16, 24, 3), level, np.uint8) for level in (0, 90, 200)]
    monkeypatch.setattr(animation, "run_frames", lambda run: iter(frames) if run == "made" else None)
    assert cli.main(["animate", "made", "-o", str(tmp_path / "f.gif"), "--fps", "10"]) == 0
    assert "wrote" in capsys.readouterr().err
    with Pillow.open(tmp_path / "f.gif") as shown:
        assert shown.n_frames == 3 and shown.size == (24, 16)


def test_a_morph_of_a_finished_run(made_result, tmp_path):
    made_result().save(tmp_path / "run")
    out = tmp_path / "m.gif"
    assert cli.main(["morph", str(tmp_path / "run"), "-o", str(out), "--frames", "3", "--side", "32", "--quiet"]) == 0
    with Pillow.open(out) as shown:
        assert max(shown.size) == 32


def test_grid_varies_what_it_is_told(stand_in, pair, tmp_path, capsys):
    out = tmp_path / "grid.png"
    given = ["--rows", "alpha=2,8", "--columns", "warp-strength=0,1.5,2", "--no-warp", "--size", "64", "--cell", "32"]
    assert cli.main(["grid", *pair, "-o", str(out), *given]) == 0
    assert [(c["alpha"], c["warp_strength"]) for c in stand_in] == [(a, w) for a in (2, 8) for w in (0, 1.5, 2)]
    assert all(c["warp"] is False and c["size"] == 64 for c in stand_in)
    assert "6 of 6" in capsys.readouterr().err and np.asarray(Pillow.open(out)).shape[1] > 3 * 32


def test_batch_reports_what_failed_and_goes_on(stand_in, pair, tmp_path, monkeypatch, capsys):
    before = pipeline.stylize

    def picky(content, style, **options):
        if "none" in str(content):
            raise InputError(f"{content} does not exist")
        return before(content, style, **options)

    monkeypatch.setattr(pipeline, "stylize", picky)
    (tmp_path / "pairs.csv").write_text("content,style,name\ncontent.png,style.png,a\nnone.png,style.png,b\n")
    arguments = ["batch", str(tmp_path / "pairs.csv"), "-o", str(tmp_path / "many"), "--size", "64", "--json"]
    assert cli.main(arguments) == 1
    said = capsys.readouterr()
    assert [row["state"] for row in json.loads(said.out)["pairs"]] == ["done", "failed"]
    assert "error: b: " in said.err and "1 done, 1 failed" in said.err
    assert (tmp_path / "many" / "report.csv").exists() and (tmp_path / "many" / "a" / "image.png").exists()


def test_batch_paints_many_images_in_one_style(stand_in, pair, picture_file, tmp_path, capsys):
    images = [pair[0], str(picture_file("other photo.png", seed=3)), str(tmp_path / "none.png")]
    arguments = ["batch", "--style", pair[1], *images, "-o", str(tmp_path / "many"), "--alpha", "3", "--no-warp"]
    assert cli.main(arguments) == 0 and "3 of 3" in capsys.readouterr().err
    assert [(call["content"], call["style"]) for call in stand_in] == [(image, pair[1]) for image in images]
    assert all(call["alpha"] == 3 and call["warp"] is False for call in stand_in)
    made = {path.name for path in (tmp_path / "many").iterdir()}
    assert made == {"content", "other_photo", "none", "report.csv"}
    assert cli.main(["batch", *images, "--style", pair[1], "--style", pair[0], "-o", str(tmp_path / "mixed")]) == 0
    assert stand_in[-1]["style"] == [pair[1], pair[0]]


def test_grid_mixes_styles(stand_in, pair, tmp_path):
    given = ["--rows", "alpha=2", "--no-warp", "--style", pair[0], "--cell", "32"]
    assert cli.main(["grid", *pair, "-o", str(tmp_path / "g.png"), *given]) == 0
    assert stand_in[0]["style"] == [pair[1], pair[0]]


def test_evaluate_compares_runs(made_result, tmp_path, capsys):
    for name in ("a", "b"):
        made_result().save(tmp_path / name)
    assert cli.main(["evaluate", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("run")
    assert cli.main(["evaluate", str(tmp_path / "a"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 1


@pytest.mark.slow
def test_a_real_run_from_end_to_end(pair, tmp_path, capsys):
    flags = ["--size", "32", "--steps", "2", "--samples", "64", "--style-samples", "64", "--match-size", "64"]
    points = write_points(tmp_path / "points.csv", [(x, y, min(u, 39), v, s) for x, y, u, v, s in POINTS])
    run, out = tmp_path / "run", tmp_path / "out.png"
    assert cli.main(["stylize", *pair, *flags, "--points", str(points), "--run", str(run), "-o", str(out)]) == 0
    names = "image unwarped warped_content content style matches losses arrows grid contact".split()
    files = {f"{name}.png" for name in names} | {"points.csv", "warp.json", "history.csv", "run.json"}
    assert files <= {p.name for p in run.iterdir()}
    record = json.loads((run / "run.json").read_text())
    assert record["size"] == [32, 27] and record["warp"]["folded_share"] == 0 and record["warp"]["points"] == 5
    assert np.array_equal(np.asarray(Pillow.open(out)), np.asarray(Pillow.open(run / "image.png")))
    assert cli.main(["resume", str(run), "--quiet"]) == 0
    again = tmp_path / "again.png"
    assert cli.main(["stylize", *pair, *flags, "--points", str(points), "-o", str(again), "--quiet"]) == 0
    assert again.read_bytes() == out.read_bytes()


# Names that version 0.1 had and its README showed.


def test_old_names_are_understood_and_no_longer_shown(stand_in, made_result, pair, tmp_path, capsys):
    files = tmp_path / "steps.gif", tmp_path / "o.png"
    old = ["--trunk", "vgg19", "--protect=mask.png", "--film", str(files[0])]
    assert cli.main(["stylize", *pair, "-o", str(files[1]), "--quiet", *old]) == 0
    (call,) = stand_in
    assert call["encoder"] == "vgg19" and call["rigid_mask"] == "mask.png" and files[0].exists()
    made_result().save(tmp_path / "run")
    assert cli.main(["score", str(tmp_path / "run")]) == 0 and capsys.readouterr().out.startswith("run")
    assert "kept no images" in refused(capsys, "film", tmp_path / "run", "-o", files[0])
    for command in ([], ["stylize"]):
        cli.main([*command, "--help"])
        shown = capsys.readouterr().out
        assert not any(word in shown for word in ("--trunk", "--protect", "--film", " film ", " score "))
