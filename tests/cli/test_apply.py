"""`dst apply` as its user types it."""

import pytest
from conftest import blobs
from models import untrained

import cli
from dst import imaging

STYLE, PICTURE = blobs((64, 72), 1), blobs((32, 40), 2)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    home = tmp_path_factory.mktemp("models")
    return {network: str(untrained(home / network, network, style_size=64)) for network in ("johnson", "adain")}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with a picture and a style, to work in."""
    monkeypatch.chdir(tmp_path)
    imaging.write("a.png", PICTURE)
    imaging.write("style.png", STYLE)
    return tmp_path


def refused(words, line, capsys):
    """A command that ends with 2 and one line, in which some words are."""
    assert cli.main(line) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1, said


def test_pictures_may_stand_behind_an_option(models, here):
    imaging.write("b.png", PICTURE)
    line = ["apply", models["johnson"], "--size", "32", "a.png", "-o", "out", "b.png", "--quiet"]
    assert cli.main(line) == 0
    assert {path.name for path in (here / "out").iterdir()} == {"a.png", "b.png"}


def test_it_is_bad_input_where_no_picture_at_all_is_painted(models, here, capsys):
    for name in ("c.png", "d.png"):
        (here / name).write_text("no picture")
    line = ["apply", models["johnson"], "-o", "out", "--quiet"]
    assert cli.main([*line, "c.png", "d.png"]) == 2
    assert "2 of 2 pictures could not be painted" in capsys.readouterr().err
    assert not (here / "out").exists()
    assert cli.main([*line, "c.png", "a.png"]) == 1
    assert [path.name for path in (here / "out").iterdir()] == ["a.png"]


def test_a_picture_that_cannot_be_read_is_said_in_one_line(models, here, capsys):
    refused("c.png does not exist", ["apply", models["johnson"], "c.png", "-o", "out"], capsys)
    refused("empty name", ["apply", models["johnson"], "", "-o", "out"], capsys)
    assert not (here / "out").exists()


def test_names_that_differ_in_their_extension_are_two(models, here, capsys):
    imaging.write("a.bmp", PICTURE)
    assert cli.main(["apply", models["johnson"], "a.png", "a.bmp", "-o", "out", "--quiet"]) == 0
    assert {path.name for path in (here / "out").iterdir()} == {"a.png", "a.bmp"}
    (here / "b").mkdir()
    imaging.write("b/A.png", PICTURE)
    refused("both be painted into", ["apply", models["johnson"], "a.png", "b/A.png", "-o", "other"], capsys)


def test_nothing_that_is_given_is_painted_over(models, here, capsys):
    (here / "out").mkdir()
    (here / "out" / "a.png").symlink_to(here / "a.png")
    before = (here / "a.png").read_bytes()
    refused("painted over", ["apply", models["johnson"], "a.png", "-o", "out"], capsys)
    assert (here / "a.png").read_bytes() == before
    (here / "styles").mkdir()
    imaging.write("styles/a.png", STYLE)
    flags = ["--style", "styles/a.png"]
    refused("painted over", ["apply", models["adain"], "a.png", "-o", "styles", *flags], capsys)


def test_hidden_files_of_a_folder_are_left_out(models, here):
    (here / "in").mkdir()
    imaging.write("in/a.png", PICTURE)
    (here / "in" / "._a.png").write_bytes(b"\0\5\26\7")
    assert cli.main(["apply", models["johnson"], "in", "-o", "out", "--quiet"]) == 0


def test_masks_have_the_pictures_shape(models, here, capsys):
    imaging.write("tall.png", PICTURE.transpose(1, 0, 2))
    line = ["apply", models["adain"], "a.png", "-o", "out", "--size", "17", "--style", "style.png", "--mask"]
    refused("same shape", [*line, "tall.png"], capsys)
    assert cli.main([*line, "a.png", "--quiet"]) == 0  # of the picture itself, not of its rounded size


def test_a_size_that_memory_does_not_suffice_for_is_refused_before_it_is_made(models, here, capsys, monkeypatch):
    monkeypatch.setattr("dst.runtime.free_memory", lambda _: 10**6)
    monkeypatch.setattr("dst.imaging.resize", lambda *_: pytest.fail("made"))
    refused("give a size of", ["apply", models["johnson"], "a.png", "-o", "out", "--size", "2000"], capsys)


@pytest.mark.parametrize("flags", [["--strength", "0.5"], ["--show"], ["--mask", "a.png"], ["--threads", "1"]])
def test_what_an_onnx_file_does_not_hold_is_refused(flags, models, here, capsys):
    refused("nothing to --onnx", ["apply", models["johnson"], "--onnx", "a.onnx", *flags], capsys)
    refused("--list", ["apply", "--list", *flags], capsys)
