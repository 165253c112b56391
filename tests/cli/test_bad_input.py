"""What is bad gets one line and an exit code, and leaves nothing behind."""

from pathlib import Path

import pytest
from conftest import refused
from PIL import Image as Pillow

import cli
from dst.cli.main import _short_warnings
from dst.config import InputError
from dst.deform import pipeline


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
        (["stylize", "a", "b", "-o", "o.png", "--stroke-size", "3"], "--stroke-size is 3.0: it takes a finite number"),
        (["stylize", "a", "b", "-o", "o.png", "--stroke-size", "1,x"], "--stroke-size is 'x': it takes a finite"),
        (["match", "a", "b", "--save-points", "p.txt"], "it takes one of .csv, .json"),
        (["warp", "a", "-o", "o.png"], "one of the two"),
        (["warp", "a", "-o", "o.png", "--run", "r", "--points", "p"], "one of the two"),
        (["warp", "a", "-o", "o.png", "--run", "r", "--strength", "7"], "--strength is 7"),
        (["resume", "none"], "does not exist"),
        (["stylize", "a", "b", "--animate", "f.avi"], "it takes one of .gif, .mp4"),
        (["stylize", "a", "b", "-o", "o.png", "--morph", "none/m.gif"], "does not exist: create it"),
        (["stylize", "a", "b", "--animate", "f.gif", "--morph", "./f.gif"], "a file of its own"),
        (["stylize", "a", "b", "--run", "s.png", "-o", "./s.png"], "-o and --run are both s.png"),
        (["stylize", "a", "b", "--run", "s.gif", "--animate", "s.gif"], "--run and --animate are both s.gif"),
        (["stylize", "a", "b", "--run", "s.toml", "--save-config", "s.toml"], "--run and --save-config are both"),
        (["stylize", "a", "b", "-o", "s.png", "--save-config", "s.png"], "s.png ends in .png: it takes one of .toml"),
        (["demo", "-o", "s.toml", "--save-config", "s.toml"], "-o and --save-config are both s.toml"),
        (["batch", "a.csv", "-o", "s.toml", "--save-config", "s.toml"], "-o and --save-config are both s.toml"),
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
