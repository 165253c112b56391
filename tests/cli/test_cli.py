"""The command line: what it passes on, what it writes, what it says, and how it ends. Runs are stood in for, except one."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import refused
from PIL import Image as Pillow

import cli
from dst.cli.commands import COMMANDS
from dst.cli.parsing import build, parse
from dst.config import SAMPLES, StylizeConfig, option_fields
from dst.deform import pipeline
from dst.runs import estimate

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
        and "[nnst, strotss, gatys, network; default nnst]" in shown
        and "a named set of options: see below [paper, default, fast; default default]" in shown
    )


def test_the_demo_offers_the_samples_that_there_are():
    from dst.imaging.samples import demo_pair, sample_styles

    drawn = sorted(path for path in Path(cli.__file__).with_name("assets").iterdir() if path.suffix in (".jpg", ".png"))
    assert [path.name for path in sample_styles()] == [path.name for path in drawn]
    assert {path.stem for path in drawn} == set(SAMPLES)
    assert parse(["demo"], COMMANDS).style == demo_pair()[1].stem


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


def test_a_loss_that_stops_being_finite_ends_with_one_and_the_last_good_image(
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


def test_only_a_run_whose_record_is_kept_or_printed_is_measured(stand_in, pair, tmp_path, capsys):
    asked = ([], False), (["--run", str(tmp_path / "run")], True), (["--json"], True)
    for flags, measured in asked:
        assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), *flags]) == 0
        assert stand_in.pop()["metrics"] is measured


def test_where_memory_is_short_the_size_that_fits_is_named_and_taken(stand_in, pair, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(estimate, "estimate", lambda *_: estimate.Estimate((512, 400), 3.0, 9e9, 8e9))
    monkeypatch.setattr(estimate, "largest_size", lambda *_: 320)
    out = str(tmp_path / "o.png")
    assert cli.main(["stylize", *pair, "-o", out]) == 0
    assert "--size 320 would fit" in capsys.readouterr().err
    assert cli.main(["stylize", *pair, "-o", out, "--fit"]) == 0
    assert [call["size"] for call in stand_in] == [512, 320]


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
