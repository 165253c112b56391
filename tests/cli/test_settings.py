"""`--config` and `--save-config`: flags win over the file, the file over the preset; what is kept makes the same run again."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from conftest import POINTS, refused, write_points
from runs_of import BARE

import cli
import dst
from dst.cli.commands import COMMANDS
from dst.cli.parsing import build
from dst.config import StylizeConfig
from dst.deform import stages


@pytest.fixture
def recipe(tmp_path):
    """A function that writes recipe.toml in a folder of its own and returns its path."""

    def write(text: str) -> str:
        folder = tmp_path / "kept"
        folder.mkdir(exist_ok=True)
        (folder / "recipe.toml").write_text(text, encoding="utf-8")
        return str(folder / "recipe.toml")

    return write


def test_flags_win_over_the_file_and_the_file_over_the_preset(stand_in, pair, recipe, tmp_path):
    path = recipe('preset = "fast"\nalpha = 3\nsteps = 9\npins = [[1, 2, 3, 4]]\nwarp = false\npoints = "p.csv"\n')
    common = ["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet", "--config", path]
    assert cli.main([*common, "--alpha", "5", "--pin", "9,9,9,9"]) == 0
    (call,) = stand_in
    assert call["preset"] == "fast" and call["alpha"] == 5 and call["steps"] == 9 and call["warp"] is False
    assert call["pins"] == ((9, 9, 9, 9),) and call["points"] is None  # of no use without a warp
    assert cli.main([*common, "--warp"]) == 0
    assert stand_in.pop()["points"] == str(tmp_path / "kept" / "p.csv")
    assert cli.main([*common, "--preset", "default", "--points", "mine.csv"]) == 0
    assert stand_in[1]["preset"] == "default" and stand_in[1]["steps"] == 9 and stand_in[1]["points"] == "mine.csv"


def test_a_flag_takes_the_place_of_its_other_name_in_the_file(stand_in, pair, recipe, tmp_path):
    common = ["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet", "--config"]
    assert cli.main([*common, recipe("look = 0.3"), "--alpha", "2"]) == 0
    assert cli.main([*common, recipe("alpha = 2"), "--look", "painting"]) == 0
    assert [("look" in call, "alpha" in call) for call in stand_in] == [(False, True), (True, False)]


def test_what_a_file_turns_on_or_off_can_be_turned_back(stand_in, pair, recipe, tmp_path):
    path = recipe("color_only = true\nwarp = false")
    common = ["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet", "--config", path]
    assert cli.main([*common, "--warp", "--no-color-only"]) == 0
    assert stand_in[0]["warp"] is True and stand_in[0]["color_only"] is False
    for parser in build(COMMANDS)[1].values():
        assert "--no-color-only" not in parser.format_help() and "--warp " not in parser.format_help()


def test_every_command_that_takes_options_takes_them_from_a_file(stand_in, pair, recipe, tmp_path, monkeypatch):
    taking = {name for name, parser in build(COMMANDS)[1].items() if "--config" in parser.format_help()}
    assert taking == {"demo", "stylize", "variants", "match", "grid", "batch"}
    path = recipe('alpha = 3\nmatch_size = 128\nwarp = false\npreset = "fast"\nsize = 64\npoints = "p.csv"')
    config = ["--quiet", "--config", path]
    assert cli.main(["demo", "-o", str(tmp_path / "demo"), *config]) == 0
    (tmp_path / "pairs.csv").write_text("content,style,alpha\ncontent.png,style.png,7\n")
    assert cli.main(["batch", str(tmp_path / "pairs.csv"), "-o", str(tmp_path / "many"), *config]) == 0
    given = ["--rows", "size=32,64", "--cell", "32"]
    assert cli.main(["grid", *pair, "-o", str(tmp_path / "g.png"), *given, *config]) == 0
    demo, batch, *cells = stand_in
    assert demo["alpha"] == 3 and demo["preset"] == "fast" and demo["size"] == 64
    assert demo["points"] is None and demo["warp"] is True  # the sample pair's are its own
    assert batch["alpha"] == 7 and batch["warp"] is False and "points" not in batch
    assert [cell["size"] for cell in cells] == [32, 64] and cells[0]["alpha"] == 3
    asked = {}

    def match(content, style, **options):
        from dst.config import InputError

        asked.update(options)
        raise InputError("enough")

    monkeypatch.setattr(stages, "matched", match)
    assert cli.main(["match", *pair, "-o", str(tmp_path / "m.png"), *config]) == 2
    assert asked == {"match_size": 128}


def test_what_is_kept_is_what_differs_and_makes_the_same_run(stand_in, pair, recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    write_points(tmp_path / "points.csv", POINTS)
    flags = ["--preset", "fast", "--alpha", "3", "--steps", "18", "--size", "512", "--init", "noise"]
    flags += [
        "--geometry",
        "style.png",
        "--rigid-mask",
        str(tmp_path / "m.png"),
        "--pin",
        "1,2,3,4",
        "--pin",
        "5,6,7,8",
    ]
    flags += ["--points", "points.csv", "--save-config", "kept/recipe.toml"]
    assert cli.main(["stylize", *pair, "-o", "o.png", *flags]) == 0
    assert "wrote kept/recipe.toml" in capsys.readouterr().err
    text = Path("kept/recipe.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {
        "preset": "fast", "points": "../points.csv", "alpha": 3.0, "geometry": "../style.png",
        "rigid_mask": str(tmp_path / "m.png"), "init": "noise", "pins": [[1, 2, 3, 4], [5, 6, 7, 8]],
    }  # fmt: skip
    assert "# a named set of options\npreset =" in text  # and not where else they are listed
    assert "# weight of the content term; default: what the look is with this method\nalpha = 3.0\n" in text
    assert cli.main(["stylize", *pair, "-o", "o.png", "--config", "kept/recipe.toml", "--quiet"]) == 0
    first, second = ({k: v for k, v in call.items() if k not in ("geometry", "points")} for call in stand_in)
    options = [{k: v for k, v in call.items() if k in StylizeConfig().flat()} for call in (first, second)]
    made = [StylizeConfig.from_options("fast", **given) for given in options]
    assert made[0] == made[1] and first["warp"] is second["warp"] is True
    for name in ("geometry", "points"):
        assert Path(stand_in[0][name]).samefile(stand_in[1][name])
    for path in tmp_path.glob("*.png"):
        path.unlink()


def test_every_command_keeps_what_it_takes(stand_in, pair, tmp_path, monkeypatch):
    from correspondence.matches import Matches

    rows = np.array(POINTS)
    found = Matches(rows[:, :2], rows[:, 2:4], rows[:, 4], (48, 40), (48, 52), 0.7)
    monkeypatch.setattr(stages, "matched", lambda *_, **__: (found, True, "5 matches"))
    kept = tmp_path / "r.toml"
    given = {
        "match": ([*pair, "-o", "m.png", "--size", "128"], {"match_size": 128}),
        "demo": (["-o", "demo", "--size", "64"], {"preset": "default", "size": 64}),
        "grid": ([*pair, "-o", "g.png", "--rows", "alpha=2", "--no-warp"], {"preset": "default", "warp": False}),
        "batch": ([pair[0], "--style", pair[1], "-o", "many", "--preset", "paper"], {"preset": "paper"}),
    }
    (tmp_path / "made").mkdir()
    monkeypatch.chdir(tmp_path / "made")
    for command, (arguments, values) in given.items():
        assert cli.main([command, *arguments, "--save-config", str(kept), "--quiet"]) == 0
        assert tomllib.loads(kept.read_text()) == values, command


def test_a_value_of_the_default_that_a_preset_would_change_is_kept(stand_in, pair, tmp_path):
    kept = tmp_path / "r.toml"
    steps = StylizeConfig().flat()["steps"]
    flags = ["--preset", "fast", "--steps", str(steps), "--save-config", str(kept), "--quiet"]
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), *flags]) == 0
    assert tomllib.loads(kept.read_text()) == {"preset": "fast", "steps": steps}


def test_the_size_that_was_taken_is_kept(stand_in, pair, tmp_path, monkeypatch):
    from dst.runs import estimate

    monkeypatch.setattr(estimate, "estimate", lambda *_: estimate.Estimate((512, 400), 3.0, 9e9, 8e9))
    monkeypatch.setattr(estimate, "largest_size", lambda *_: 320)
    kept = tmp_path / "r.toml"
    flags = ["--fit", "--save-config", str(kept), "--quiet"]
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), *flags]) == 0
    assert tomllib.loads(kept.read_text()) == {"preset": "default", "size": 320}


def test_a_run_is_made_again_from_its_folder(stand_in, pair, made_result, tmp_path):
    config = StylizeConfig.from_options("fast", size=64, alpha=3, pins=((1, 2, 3, 4),), threads=1)
    result = made_result()
    result.record = {**result.record, "preset": "fast", "settings": config.flat()}
    result.save(tmp_path / "run")
    out = ["-o", str(tmp_path / "o.png"), "--quiet"]
    kept = tmp_path / "r.toml"
    for path in (tmp_path / "run", tmp_path / "run" / "run.json"):
        assert cli.main(["stylize", *pair, *out, "--config", str(path), "--save-config", str(kept)]) == 0
        options = {k: v for k, v in stand_in[-1].items() if k in config.flat()}
        assert StylizeConfig.from_options(stand_in[-1]["preset"], **options) == config
    assert tomllib.loads(kept.read_text()) == {
            "preset": "fast", "size": 64, "threads": 1, "alpha": 3.0, "pins": [[1, 2, 3, 4]],
        }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config", "none.toml"], "none.toml cannot be read (No such file or directory)"),
        (["--save-config", "r.txt"], "it takes one of .toml"),
        (["--save-config", "none/r.toml"], "the folder none does not exist"),
        (["--save-config", "-"], "it takes one of .toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_before_any_work(arguments, words, stand_in, pair, tmp_path, capsys):
    assert words in refused(capsys, "stylize", *pair, "-o", tmp_path / "o.png", *arguments)
    assert not stand_in


def test_a_bad_value_names_the_file_and_nothing_is_done(stand_in, pair, recipe, tmp_path, capsys):
    for text, words in (("alhpa = 3", "did you mean 'alpha'"), ("size = 7", "size is 7: it takes a whole number")):
        path = recipe(text)
        said = refused(capsys, "stylize", *pair, "-o", tmp_path / "o.png", "--config", path)
        assert said.startswith(f"dst: error: {path}: ") and words in said and not stand_in


def test_the_file_that_is_read_is_not_written_and_a_refusal_keeps_nothing(stand_in, pair, recipe, tmp_path, capsys):
    path = recipe("alpha = 3")
    out = ["stylize", *pair, "-o", tmp_path / "o.png"]
    assert "is what --config reads" in refused(capsys, *out, "--config", path, "--save-config", path)
    assert Path(path).read_text() == "alpha = 3"
    refused(
        capsys, "stylize", pair[0], "none.png", "--run", tmp_path / "gone" / "run", "--save-config", tmp_path / "r.toml"
    )
    assert not (tmp_path / "r.toml").exists()


def test_what_a_file_holds_and_this_run_has_no_use_for_is_left_out_but_not_what_is_typed(
    stand_in, pair, recipe, tmp_path
):
    arguments = ["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet", "--no-warp", "--config"]
    path = recipe('warp_strength = 2\npalette = 3\nalpha = 4\nmethod = "gatys"\npoints = "p.csv"')
    assert cli.main([*arguments, path]) == 0
    (call,) = stand_in
    assert call["warp"] is False and call["points"] is None and call["alpha"] == 4
    assert not {"warp_strength", "palette"} & set(call)
    assert cli.main([*arguments, path, "--warp-strength", "2"]) == 0
    assert stand_in[1]["warp_strength"] == 2  # so that the run refuses it


def test_a_run_fed_back_is_the_same_run(pair, tmp_path, capsys, no_figures, no_metrics):
    write_points(tmp_path / "p.csv", [(x, y, u * 0.9, v * 0.9, s) for x, y, u, v, s in POINTS])
    small = ["--size", "32", "--smallest-scale", "32", "--steps", "1", "--encoder", "vgg19-16x", "--weights", "random"]
    small += ["--samples", "64", "--style-samples", "64", "--splitting", "0", "--gamma", "0"]
    for name, own in (("plain", ["--no-warp"]), ("points", ["--points", str(tmp_path / "p.csv"), "--threads", "1"])):
        run, first, again = (str(tmp_path / f"{name}{end}") for end in ("", ".png", "2.png"))
        assert cli.main(["stylize", *pair, "-o", first, "--run", run, "--quiet", *small, *own]) == 0
        assert cli.main(["stylize", *pair, "-o", again, "--config", run, "--quiet"]) == 0
        assert Path(first).read_bytes() == Path(again).read_bytes()
    assert StylizeConfig.from_file(tmp_path / "points").threads == 1
    out = str(tmp_path / "o.png")
    dst.stylize(*pair, points=np.array(POINTS) * 0.9, run_dir=tmp_path / "array", **{**BARE, "steps": 1})
    assert "points was no file" in refused(capsys, "stylize", *pair, "-o", out, "--config", tmp_path / "array")
