"""`dst variants`: the sheet, and commands that a shell and the parser read back as what they say."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from conftest import POINTS, blobs, refused, write_points
from PIL import Image as Pillow

import cli
from dst.cli.commands import COMMANDS
from dst.cli.parsing import parse
from dst.cli.typed import command, flags
from dst.config import VARIED, flag_of, option_fields, option_kinds
from dst.config.kinds import Choice, Each, File, Files, Named, Names, Number, Numbers, Rows, Switch, Text
from dst.config.matching import Places

TINY = {
    "smallest_scale": 32, "steps": 1, "samples": 32, "style_samples": 32, "encoder": "vgg19-16x", "weights": "random",
    "match_size": 64, "threads": 1, "gamma": 0.0,
}  # fmt: skip
SMALL = [word for name, value in TINY.items() for word in flags(name, value)]
BRIEF = ["--splitting", "0"]
"""Without the last pass, which takes half of the time, for methods that have one."""
ALL = [(strength, look) for strength in (0, 0.5, 1) for look in ("photo", "balanced", "painting")]


@pytest.fixture(autouse=True)
def no_drawing(no_figures, no_metrics):
    """Figures are drawn when a run is saved, which takes longer than the run; nor is it measured."""


@pytest.fixture
def asked(image_file, tmp_path):
    """Arguments of a sheet that is made in a second, of files whose names a shell would take apart."""
    photo = tmp_path / "it's me; $HOME.png"
    Pillow.fromarray(blobs((48, 40), 1)).save(photo)
    points = write_points(tmp_path / "p q.csv", POINTS)
    return [
        "variants",
        str(photo),
        str(image_file("painting.png", (48, 52), 2)),
        "--points",
        str(points),
        *SMALL,
        "--cell",
        "32",
    ]


def size(path) -> tuple[int, int]:
    with Pillow.open(path) as image:
        return image.size


def printed(capsys) -> list[list[str]]:
    """The commands on standard output, without their first word."""
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert all(words[0] == "dst" for words in lines)
    return [words[1:] for words in lines]


def test_each_command_paints_what_the_sheet_shows(asked, pair, tmp_path, capsys):
    out = tmp_path / "a sheet.png"
    given = ["--seed", "3", "--size", "48", "--pin", "5,30,7,33", "--pin", "20,34,22,40.5", "--method", "strotss"]
    mixed = ["--style", pair[0], "--style-weights", "3,1", "--stroke-size", "0.5,1"]
    assert cli.main([*asked, "-o", str(out), "--quiet", *given, *mixed]) == 0
    commands = printed(capsys)
    width, height = size(out)
    assert width > 3 * 32 and height > 3 * 26
    wanted = {**TINY, "seed": 3, "size": 48, "method": "strotss", "style_weights": (3, 1), "stroke_size": (0.5, 1)}
    wanted |= {"pins": ((5, 30, 7, 33), (20, 34, 22, 40.5))}
    for (strength, look), words in zip(ALL, commands, strict=True):
        args = parse(words, COMMANDS)
        assert (args.content, args.style, args.styles) == (asked[1], asked[2], [pair[0]])
        assert args.output == str(tmp_path / f"a sheet-{look}-{strength}.png") and args.points == asked[4]
        value = {"photo": 0, "balanced": 0.5, "painting": 1}[look]
        assert args.options == {**wanted, "look": value, "warp_strength": strength} and args.preset == "default"
    assert cli.main([*commands[5], "--quiet"]) == 0
    assert size(tmp_path / "a sheet-painting-0.5.png") == (48, 40)
    told = subprocess.run(["sh", "-c", f'printf "%s\\n" {shlex.join(commands[5])}'], capture_output=True, text=True)
    assert told.stdout.splitlines() == commands[5]


def test_options_of_a_file_stand_in_the_commands_and_needless_ones_do_not(asked, tmp_path, capsys):
    (tmp_path / "o.toml").write_text(
        'preset = "fast"\npalette = 0.5\nlook = 1\nwarp = false\nalpha = 3\nseed = 0\nlr = 0.017'
    )
    kept = tmp_path / "kept.toml"
    out = ["-o", str(tmp_path / "s.png"), "--config", str(tmp_path / "o.toml"), "--save-config", str(kept), "--quiet"]
    assert cli.main([*asked, *out]) == 0
    for words in printed(capsys):
        args = parse(words, COMMANDS)
        assert args.preset == "fast" and args.options["palette"] == 0.5
        assert not {"alpha", "seed", "lr"} & set(args.options) and args.warp is True
    assert "look" not in kept.read_text() and "palette = 0.5" in kept.read_text()


def test_the_commands_as_json_and_beside_a_sheet_on_standard_output(asked, tmp_path, capsysbinary):
    asked += BRIEF
    assert cli.main([*asked, "-o", str(tmp_path / "s.jpg"), "--json", "--quiet"]) == 0
    said = json.loads(capsysbinary.readouterr().out)
    assert [(row["warp_strength"], row["look"]) for row in said["variants"]] == ALL and said[
        "verdict"
    ] == "5 points given"
    assert shlex.split(said["variants"][1]["command"])[5] == str(tmp_path / "s-balanced-0.jpg")
    sheet = size(tmp_path / "s.jpg")
    assert cli.main([*asked, "-o", "-"]) == 0
    said = capsysbinary.readouterr()
    (tmp_path / "t.png").write_bytes(said.out)
    assert size(tmp_path / "t.png") == sheet
    assert said.err.count(b"dst: dst stylize") == 9 and b"variant-photo-0.5.png" in said.err


def test_without_matches_the_sheet_has_one_row_and_says_why(pair, tmp_path, capsys):
    flat = tmp_path / "flat.png"
    Pillow.new("RGB", (48, 40), (9, 90, 60)).save(flat)
    out = ["-o", str(tmp_path / "s.png"), "--cell", "32", "--quiet", *SMALL, *BRIEF]
    assert cli.main(["variants", pair[0], str(flat), *out]) == 0
    said = capsys.readouterr()
    assert "plain style transfer" in said.err and len(said.err.splitlines()) == 1
    commands = [parse(shlex.split(line)[1:], COMMANDS) for line in said.out.splitlines()]
    assert [args.options["look"] for args in commands] == [0, 0.5, 1]
    assert not any("warp_strength" in args.options for args in commands)
    assert commands[0].output == str(tmp_path / "s-photo.png")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a", "b"], "required: -o/--output"),
        (["a", "b", "c", "-o", "s.png"], "by --style FILE, once for each"),
        (["a", "b", "-o", "s.png"], "a does not exist"),
        (["a", "b", "-o", "none/s.png"], "does not exist: create it"),
        (["a", "b", "-o", "s.gif"], "it takes one of .png"),
        (["a", "b", "-o", "-", "--json"], "both take standard output"),
        (["a", "b", "-o", "s.png", "--cell", "31"], "--cell is 31: it takes a whole number from 32 to 2048"),
        (["a", "b", "-o", "s.png", "--look", "photo"], "takes no --look, for its columns are the looks: leave it out"),
        (["a", "b", "-o", "s.png", "--look=0"], "takes no --look, for"),
        (["a", "b", "-o", "s.png", "--no-warp"], "takes no --no-warp, for its rows are strengths of the warp"),
        (["a", "b", "-o", "s.png", "--warp-strength", "1"], "takes no --warp-strength, for its rows"),
        (["a", "b", "-o", "s.png", "--alpha", "1"], "a look is an alpha by another name"),
        (["a", "b", "-o", "s.png", "--color-only"], "all the same where nothing is painted"),
        (["a", "b", "-o", "s.png", "--style-strength", "0"], "--style-strength 0 paints nothing"),
        (["a", "b", "-o", "s.png", "--content-mask", "m.png"], "--content-mask is given without --style-mask"),
        (["a", "b", "-o", "s.png", "--sede", "1"], "did you mean '--seed'"),
    ],
)
def test_bad_arguments_get_one_line(arguments, words, capsys):
    assert words in refused(capsys, "variants", *arguments)


def test_a_sheet_is_never_written_over_an_input(asked, capsys):
    before = Path(asked[2]).read_bytes()
    assert "is an input" in refused(capsys, *asked, "-o", asked[2])
    assert Path(asked[2]).read_bytes() == before


def examples(name: str) -> list:
    """Values of an option, as the parser gives them."""
    kind = option_kinds()[name]
    return {
        Number: lambda: [kind.low + 2 if kind.whole else (kind.low + kind.high) / 7, kind.high],
        Switch: lambda: [True, False],
        Choice: lambda: list(kind.names),
        File: lambda: ["-it's a; $file.png", "noise"],
        Files: lambda: [("m 1.png",), ("m1.png", "-m2.png")],
        Text: lambda: ["cuda:1"],
        Names: lambda: [("relu1_1",), ("relu1_1", "relu3_1")],
        Each: lambda: [0.5, (kind.low, 1.25)],
        Named: lambda: [0.0, 1 / 3],
        Numbers: lambda: [(1, 3)],
        Places: lambda: [(2, 1)],
        Rows: lambda: [((-0.5, 2.0, 3.0, 4.25), (0.1, 1e-7, 3e9, 1.0))],
    }[type(kind)]()


@pytest.mark.parametrize("name", option_kinds())
def test_every_option_is_read_back_from_how_it_is_typed(name):
    for value in examples(name):
        args = parse(command("a.png", ["b.png", "c d.png"], "o.png", {name: value})[1:], COMMANDS)
        assert (
            args.styles == ["c d.png"]
            and (args.options[name] if name in option_fields() else getattr(args, name)) == value
        )


def test_the_command_takes_every_option_that_it_does_not_vary(capsys):
    assert cli.main(["variants", "--help"]) == 0
    shown = capsys.readouterr().out
    for name, f in option_fields().items():
        flag = f"--no-{flag_of(f)[2:]}" if f.default is True else flag_of(f)
        assert (f" {flag} " in shown) is (name not in VARIED), name
    assert "looks photo, balanced, painting from left to right" in shown and "paper: " in shown
