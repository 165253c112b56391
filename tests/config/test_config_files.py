"""Options in a file: TOML and the record of an earlier run give what the command line would, and are refused alike."""

import json
import os
import shutil
import tomllib
from pathlib import Path

import pytest

import dst
from dst.config import InputError, StylizeConfig, option_fields, option_kinds, read_settings
from dst.config.files import toml_text
from dst.config.kinds import Choice, Each, File, Files, Named, Names, Number, Numbers, Rows, Switch, Text
from dst.config.matching import Places
from dst.runs.record import read_record

OLD_RUN = Path(__file__).parent.parent / "runs" / "format_1" / "finished"


@pytest.fixture
def file(tmp_path):
    """A function that writes a file and returns its path."""

    def write(text: str, name: str = "recipe.toml") -> Path:
        (tmp_path / name).write_bytes(text.encode("utf-8"))
        return tmp_path / name

    return write


def test_an_empty_file_changes_nothing(file):
    assert read_settings(file("# nothing\n")) == {} and StylizeConfig.from_file(file("")) == StylizeConfig()


def test_values_of_every_type_come_out_as_options_hold_them(file):
    found = read_settings(
        file(
            'alpha = 4\nsize = 256\nseed = "7"\nwarp-strength = 1.5\npins = [[1, 2, 3, 4], [5, 6.5, 7, 8]]\ndrop = [2, 1]\n'
            'style_weights = [1, 0.5]\nlayers = ["relu1_1", "relu2_1"]\ncolor_only = true\nmethod = "gatys"\n'
            'preset = "fast"\nwarp = false\nlr = 1e-3\nstroke_size = [0.5, 2]\n'
        )
    )
    assert found == {
        "alpha": 4.0, "size": 256, "seed": 7, "warp_strength": 1.5, "pins": ((1, 2, 3, 4), (5, 6.5, 7, 8)),
        "drop": (1, 2), "style_weights": (1.0, 0.5), "layers": ("relu1_1", "relu2_1"), "color_only": True,
        "method": "gatys", "preset": "fast", "warp": False, "lr": 0.001, "stroke_size": (0.5, 2),
    }  # fmt: skip


def test_the_texts_of_the_command_line_are_understood(file):
    found = read_settings(
        file(
            'alpha = "4"\npins = "1,2,3,4;5,6,7,8"\ndrop = "3,1"\nlayers = "relu1_1+relu2_1"\ncolor_only = "yes"\n'
            'style_weights = "1,0.5"\nwarp = "off"\nstroke_size = "0.5,2"\n'
        )
    )
    kinds = option_kinds()
    assert found == {
        name: kinds[name].parse(name, text)
        for name, text in (
            ("alpha", "4"), ("pins", "1,2,3,4;5,6,7,8"), ("drop", "3,1"), ("layers", "relu1_1+relu2_1"),
            ("color_only", "yes"), ("style_weights", "1,0.5"), ("warp", "off"),
            ("stroke_size", "0.5,2"),
        )
    }  # fmt: skip
    assert read_settings(file('pins = ["1,2,3,4", "5,6,7,8"]')) == {"pins": found["pins"]}  # one text a flag


def test_files_are_relative_to_the_file_and_words_are_words(file, tmp_path):
    found = read_settings(
        file(
            'geometry = "shapes/a.png"\nstyle_mask = ["m;1.png", "/tmp/m2.png"]\npoints = "p.csv"\ninit = "noise"\n'
            'weights = "/w/x.pt"\n'
        )
    )
    assert found == {
        "geometry": str(tmp_path / "shapes" / "a.png"), "points": str(tmp_path / "p.csv"), "init": "noise",
        "style_mask": (str(tmp_path / "m;1.png"), "/tmp/m2.png"), "weights": "/w/x.pt",
    }  # fmt: skip
    assert read_settings(file('style_mask = "m.png"'))["style_mask"] == (str(tmp_path / "m.png"),)


def test_a_name_may_be_the_flags(file):
    assert read_settings(file('pin = "1,2,3,4"\n--style-weights = "1,2"')) == {
        "pins": ((1, 2, 3, 4),), "style_weights": (1, 2),
    }  # fmt: skip


def test_names_of_version_0_1_are_understood(file, tmp_path):
    found = read_settings(file('trunk = "vgg19"\nprotect = "m.png"'))
    assert found == {"encoder": "vgg19", "rigid_mask": str(tmp_path / "m.png")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alhpa = 4", "the option 'alhpa' is not known; did you mean 'alpha'?"),
        ("warp_strenght = 1", "did you mean 'warp_strength'?"),
        ("[match]\nspacing = 0.1", "the option 'match' is not known"),
        ("fit = true", "the option 'fit' is not known"),
        ("size = 7", "size is 7: it takes a whole number from 32 to 8192"),
        ("size = 64.5", "size is 64.5"),
        ("size = true", "size is True"),
        ("alpha = nan", "alpha is nan: it takes a finite number"),
        ("alpha = -inf", "alpha is -inf"),
        ('warp-strength = "x"', "warp-strength is 'x': it takes a finite number"),
        ("alpha = [1]", r"alpha is [1]"),
        ("alpha = 1979-05-27", "alpha is datetime"),
        ('method = "strots"', "did you mean 'strotss'"),
        ("method = 3", "method 3 is not known"),
        ('preset = "papr"', "preset 'papr' is not known: choose one of paper, default, fast; did you mean 'paper'?"),
        ("warp = 1", "warp is 1: it takes True or False"),
        ("geometry = 3", "geometry is 3: it takes a text in quotes"),
        ("device = 0", "device is 0: it takes a text in quotes"),
        ('style_mask = ["a.png", 3]', "style_mask is 3"),
        ("pins = [[1, 2, 3]]", "four finite numbers"),
        ('drop = ["a"]', "drop is 'a'"),
        ("layers = [1]", "layers is [1]: it takes names"),
        ("alpha = 1\nalpha = 2", "is not TOML"),
        ("size = 64\nwarp_strength = 1\nwarp-strength = 2", "warp_strength is given twice, the second time as 'warp-strength'"),
        ('encoder = "vgg19"\ntrunk = "vgg16"', "encoder is given twice, the second time as 'trunk'"),
        ("alpha = 4\nsize 3", "line 2"),
        ("a = " + "[" * 2000, "is not TOML"),
        ("size = " + "9" * 5000, "is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_the_file(text, words, file):
    path = file(text)
    with pytest.raises(InputError) as refusal:
        StylizeConfig.from_file(path)
    assert words in str(refusal.value) and str(refusal.value).startswith(str(path))
    assert len(str(refusal.value)) < 400


def test_a_file_that_cannot_be_read_is_refused(file, tmp_path):
    (tmp_path / "latin.toml").write_bytes(b'weights = "\xe9.pt"')
    (tmp_path / "empty").mkdir()
    bad = [
        (tmp_path / "none.toml", "No such file"),
        (tmp_path / "latin.toml", "not UTF-8"),
        (tmp_path / "empty", "run.json cannot be read"),
        (tmp_path / ("x" * 300), "File name too long"),
        ("a\0b.toml", "cannot be read"),
        (file("{", "run.json"), "is damaged"),
        (file("[1]", "list.json"), "is not the record of a run"),
        (file('{"kind": "dst run", "format": 1}', "bare.json"), "holds no settings of a run"),
        (file('{"kind": "dst run", "format": 99, "settings": {}}', "new.json"), "newer version"),
        (file('{"kind": "dst run", "format": 2, "settings": {"alhpa": 3}}', "odd.json"), "did you mean 'alpha'"),
    ]
    for path, words in bad:
        with pytest.raises(InputError, match=words):
            read_settings(path)


@pytest.mark.parametrize("name", ["pipe.toml", "pipe.json", "zero.toml"])
def test_a_pipe_or_a_device_is_refused_and_not_waited_for(name, tmp_path):
    path = tmp_path / name
    path.symlink_to("/dev/zero") if name == "zero.toml" else os.mkfifo(path)
    with pytest.raises(InputError, match=f"{name} cannot be read .it is not an ordinary file.: give a TOML file"):
        read_settings(path)


def test_a_file_beyond_all_bounds_is_refused_unread(tmp_path):
    with open(tmp_path / "a.toml", "wb") as large:
        large.truncate(10**10)
    with pytest.raises(InputError, match=r"a\.toml cannot be read .it holds more than 64 million bytes"):
        read_settings(tmp_path / "a.toml")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(end, file):
    assert read_settings(file(f"size = 64{end}seed = 3{end}")) == {"size": 64, "seed": 3}


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfsize = 64\r\n")
    assert read_settings(tmp_path / "a.toml") == {"size": 64}


def test_a_run_gives_its_settings_back(made_result, tmp_path):
    config = StylizeConfig.from_options("fast", size=60, pins=((1, 2, 3, 4),), geometry="g.png", layers=("relu1_1",))
    result = made_result()
    result.record = {**result.record, "preset": "fast", "settings": config.flat()}
    result.save(tmp_path / "run")
    for path in (tmp_path / "run", tmp_path / "run" / "run.json", str(tmp_path / "run")):
        assert StylizeConfig.from_file(path) == config.replace(threads=1)  # that it took, which decides the last bits
        assert read_settings(path)["preset"] == "fast"


def test_a_run_of_version_0_1_gives_its_settings_but_not_what_was_no_file(tmp_path):
    with pytest.raises(InputError, match=r"protect was no file \(<ndarray>\)"):
        read_settings(OLD_RUN)
    assert read_settings(OLD_RUN, anew={"rigid_mask"})["encoder"] == "compact"
    shutil.copy(OLD_RUN / "run.json", tmp_path / "run.json")
    record = json.loads((tmp_path / "run.json").read_text())
    record["settings"]["protect"] = None
    (tmp_path / "run.json").write_text(json.dumps(record))
    assert StylizeConfig.from_file(tmp_path).flat()["pins"] == [[20, 20, 19, 21]]


def example(kind):
    """A value of a kind that is no option's default."""
    values = {
        Number: lambda: kind.low + 2 if kind.whole else (kind.low + kind.high) / 7,
        Named: lambda: (kind.low + kind.high) / 7,
        Switch: lambda: True,
        Places: lambda: (2, 1),
        Choice: lambda: list(kind.names)[-1],
        File: lambda: 'a "quoted" \\ na\u00efve\tname\x7f.png',
        Files: lambda: ("sub/m1.png", "m2;.png"),
        Names: lambda: ("relu1_1", "relu3_1"),
        Each: lambda: (kind.low, 1.25),
        Numbers: lambda: (1, 3),
        Rows: lambda: ((1.5, 2.0, 3.0, 4.25), (0.1, 1e-7, 3e9, 1.0)),
        Text: lambda: "cuda:1",
    }
    return values[type(kind)]()


def test_every_option_that_is_written_is_read_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    kinds = option_kinds()
    given = {name: kinds[name].check(name, example(f.metadata["kind"])) for name, f in option_fields().items()}
    config = StylizeConfig.from_options(**given)
    changed = config.unlike_preset("default")
    # a model says its method, by which alternate is on in any case
    assert set(changed) == set(given) - {"method", "alternate"} and config.optimize.method == "network"
    text = toml_text(
        {n: kinds[n].write(v, tmp_path / "sub") for n, v in changed.items()}, dict.fromkeys(changed, "words"), "h"
    )
    (tmp_path / "sub" / "all.toml").write_text(text, encoding="utf-8")
    assert tomllib.loads(text)["geometry"] == "../" + example(File())
    again = StylizeConfig.from_file(tmp_path / "sub" / "all.toml").flat()
    for name, value in config.flat().items():
        if isinstance(kinds[name], File):  # another way to the same place
            paths = [value, again[name]] if isinstance(value, str) else zip(value, again[name], strict=True)
            for pair in [paths] if isinstance(value, str) else paths:
                assert len({str(Path(path).resolve()) for path in pair}) == 1, name
        else:
            assert again[name] == value, name


@pytest.mark.parametrize(
    "changes",
    [{"kind": "other"}, {"format": 99}, {"format": 99, "versions": {"dst": "9.9"}}, {"format": 0}, {"format": "2"}],
)
def test_a_record_is_refused_alike_by_every_reader(changes, made_result, tmp_path):
    made_result().save(tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    said = []
    for read in (read_record, read_settings):
        with pytest.raises(InputError) as refusal:
            read(tmp_path / "run")
        said.append(str(refusal.value))
    assert said[0] == said[1] and said[0].startswith(str(path))


def test_a_file_called_like_a_word_is_still_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kind = option_kinds()["init"]
    assert kind.write("noise", tmp_path) == "noise"
    assert kind.read("init", kind.write("./noise", tmp_path), tmp_path) == f"{tmp_path}/./noise"


def test_a_text_that_is_no_unicode_is_refused():
    with pytest.raises(InputError, match="cannot stand in TOML"):
        toml_text({"weights": "a\udce9.pt"}, {"weights": "words"}, "head")


def test_the_config_of_a_file_is_public(file):
    config = dst.StylizeConfig.from_file(file('size = 64\npreset = "paper"\npoints = "p.csv"\nwarp = false'))
    assert config == StylizeConfig.from_options("paper", size=64)
    assert config.unlike_preset("paper") == {"size": 64} and config.optimize.palette == 0.125


@pytest.mark.parametrize(
    ("preset", "options"),
    [
        ("default", {}),
        ("default", {"method": "strotss", "samples": 1024}),  # what the default method has
        ("default", {"pins": ((1, 2, 3, 4),), "layers": ("a", "b"), "stroke_size": (1, 2)}),
        ("fast", {"optimizer": "rmsprop", "lr": 0.015}),  # what the preset has for another optimiser
        ("fast", {"optimizer": "rmsprop"}),
        ("paper", {"look": 0.0}),  # has the preset's alpha left out
        ("paper", {"method": "nnst", "steps": 150, "look": 0.25}),
    ],
)
def test_what_differs_from_a_preset_brings_the_config_back(preset, options):
    config = StylizeConfig.from_options(preset, **options)
    kept = config.unlike_preset(preset)
    assert StylizeConfig.from_options(preset, **kept) == config
    assert set(kept) == set(options)
