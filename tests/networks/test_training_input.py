"""What `dst train` is given: no bad input costs the user what the folder held, and none is taken in silence."""

import contextlib
import hashlib
import json
import os
import re

import pytest
import torch
from conftest import blobs

import cli
import dst
from dst import imaging
from dst.batch import training
from dst.batch.training import train_network
from dst.config import InputError, TrainConfig
from dst.networks import folder as base
from dst.networks.feedforward import folder as folders
from dst.networks.feedforward import train as loop
from dst.networks.feedforward.data import photographs
from dst.networks.feedforward.model import Model, check_size
from dst.networks.feedforward.table import NETWORKS

TINY = {"width": 0.125, "crop": 32, "batch": 1, "steps": 3, "style_size": 64, "threads": 1, "precision": "float32"}
STYLE = blobs((64, 80), 1)


@pytest.fixture
def pictures(tmp_path):
    """A folder of one photograph."""
    home = tmp_path / "pictures"
    home.mkdir()
    imaging.write(home / "a.png", blobs((64, 80), 10))
    return home


def contents(home):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in home.iterdir()}


def begun(home, **options):
    """A training of one step, stopped there."""
    return train_network(STYLE, home, on_step=lambda _: True, **{**TINY, **options})


def test_a_pipe_among_the_photographs_is_left_out(pictures):
    os.mkfifo(pictures / "b.png")  # to open it would wait for a writer for ever
    found = photographs(pictures, 32)
    assert len(found) == 1 and found.skipped == 1


def test_hidden_files_are_no_styles(pictures):
    (pictures / "._a.png").write_bytes(b"\0\5\26\7")
    assert [name for name, _ in training._styles(pictures, 64)] == ["a"]


def test_bad_photographs_and_styles_cost_no_model(pictures, tmp_path):
    home = tmp_path / "model"
    begun(home, images=pictures)
    before = contents(home)
    data = (pictures / "a.png").read_bytes()
    for path in [*pictures.iterdir(), pictures / "b.png"]:
        path.write_bytes(data[: len(data) // 2])  # whole headers: what is wrong is seen when one is drawn
    small = blobs((63, 80), 1)
    for styles, images in ((STYLE, pictures), (small, None)):
        with pytest.raises(InputError):
            train_network(styles, home, images=images, force=True, **TINY)
        with pytest.raises(InputError):
            train_network(styles, tmp_path / "new", images=images, **TINY)
    assert contents(home) == before and not (tmp_path / "new").exists()


@pytest.mark.parametrize("network", NETWORKS)
def test_a_long_thin_style_is_seen_wide_enough(network, pictures, tmp_path):
    band = blobs((64, 1500), 1)
    [(_, seen)] = training._styles(band, 128)
    assert sorted(seen.shape[2:]) == [32, 750]
    made = train_network(band, tmp_path / "model", images=pictures, **{**TINY, "network": network, "steps": 1})
    assert made.finished


def test_squares_that_memory_does_not_suffice_for_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("dst.runtime.free_memory", lambda *_: 2e9)
    for network, batch in (("johnson", 64), ("multimodal", 32), ("ulyanov", 64), ("adain", 64)):
        with pytest.raises(
            InputError, match=r"need about [\d.]+ GB.*and 2.0 are free: give a crop of (\d+)"
        ) as refused:
            train_network(STYLE, tmp_path / "new", **{**TINY, "network": network, "batch": batch, "crop": 512})
        config = TrainConfig(network=network, width=0.125, batch=batch)
        fits = int(re.search(r"crop of (\d+)", str(refused.value))[1])
        loop.check_memory(config.replace(crop=fits), dst.load_encoder())
        with pytest.raises(InputError):
            loop.check_memory(config.replace(crop=fits + 4), dst.load_encoder())
    with pytest.raises(InputError, match="free: give a smaller batch"):
        monkeypatch.setattr("dst.runtime.free_memory", lambda *_: 1e6)
        train_network(STYLE, tmp_path / "new", **TINY)
    assert not (tmp_path / "new").exists()


def test_a_full_disk_costs_no_training(pictures, tmp_path, monkeypatch):
    home = tmp_path / "model"
    begun(home, images=pictures)
    before = contents(home)
    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr("pathlib.Path.write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        begun(home, images=pictures, force=True)
    assert contents(home) == before


def test_a_style_of_the_greatest_weight_trains_to_its_end(pictures, tmp_path):
    for network in ("johnson", "multimodal"):
        made = train_network(STYLE, tmp_path / network, images=pictures, network=network, style=1e9, **TINY)
        assert made.finished


def test_late_in_a_training_the_style_counts_for_more(monkeypatch):
    config = TrainConfig.made(**{**TINY, "lr": 1e-7})
    squares = photographs(None, config.crop)
    at = loop.begun(config, 1)
    encoder = training.load_encoder(config.encoder, None, "cpu")
    targets = NETWORKS["johnson"].prepare([torch.from_numpy(STYLE).permute(2, 0, 1)[None] / 255], encoder, config)
    monkeypatch.setattr(loop, "LATE", 2.0)
    plain = loop.advance(at, squares, targets, config)
    monkeypatch.setattr(loop, "LATE", 0.0)
    late = loop.advance(loop.begun(config, 1), squares, targets, config)
    assert torch.equal(late["style"], NETWORKS["johnson"].late_style * plain["style"])
    assert torch.equal(late["content"], plain["content"])


def test_a_licence_is_not_dropped_in_silence(pictures, tmp_path):
    begun(tmp_path / "model", images=pictures)
    with pytest.raises(InputError, match="licence is 'not stated', and 'MIT'"):
        begun(tmp_path / "model", images=pictures, licence="MIT")


def test_going_on_is_said(pictures, tmp_path, capsys):
    begun(tmp_path / "model", images=pictures)
    imaging.write(tmp_path / "style 1.png", STYLE)
    flags = [word for name, value in TINY.items() for word in ("--" + name.replace("_", "-"), str(value))]
    line = ["train", str(tmp_path / "style 1.png"), "--images", str(pictures), "-o", str(tmp_path / "model"), *flags]
    assert cli.main(line) == 0
    assert "going on after step 1\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["norm", "colors", "tv"])
def test_what_a_network_does_not_use_is_refused(name):
    value = {"norm": "batch"}.get(name, 2.0)
    with pytest.raises(InputError, match=f"{name}.*adain has no use"):
        TrainConfig.made(network="adain", **{name: value})
    assert getattr(TrainConfig.made(network="ulyanov", **{name: value}), name) == value


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--quick", "--full"], "both given"),
        (["--images", ""], "--images is ''"),
        (["--network", "adain", "--tv", "2"], "--tv is given"),
    ],
)
def test_bad_flags_are_refused_in_one_line(flags, words, tmp_path, capsys):
    imaging.write(tmp_path / "a.png", STYLE)
    small = ["--width", "0.125", "--crop", "32", "--steps", "1", "--style-size", "64"]
    assert cli.main(["train", str(tmp_path / "a.png"), "-o", str(tmp_path / "model"), *small, *flags]) == 2
    line = capsys.readouterr().err
    assert words in line and line.count("\n") == 1 and not (tmp_path / "model").exists()


@pytest.mark.parametrize("change", [{"steps": None}, {"steps": -1}, {"steps_before": "x"}])
def test_a_card_whose_steps_are_none_is_damaged(change, pictures, tmp_path):
    home = tmp_path / "model"
    begun(home, images=pictures)
    card = json.loads((home / base.RECORD).read_text())
    (home / base.RECORD).write_text(json.dumps({**card, **change}))
    with pytest.raises(InputError, match="damaged"):
        begun(tmp_path / "next", images=pictures, start=home)


def test_columns_that_are_nested_too_deeply_are_damaged(pictures, tmp_path):
    home = tmp_path / "model"
    begun(home, images=pictures)
    found = base.read_tensors(home, folders.STATE, (home / folders.STATE).read_bytes())
    base.put(home, folders.STATE, base.packed({**found, "columns": torch.full((50_000,), ord("["), dtype=torch.uint8)}))
    with pytest.raises(InputError, match="history"):
        begun(home, images=pictures)


@pytest.mark.parametrize("folder", [None, 3, b"model", "", "x" * 5000])
def test_what_is_no_folders_name_is_refused(folder):
    with pytest.raises(InputError):
        dst.load_network(folder)


def test_an_export_takes_the_shares_that_a_picture_does(pictures, tmp_path):
    train_network([STYLE, STYLE], tmp_path / "model", images=pictures, **{**TINY, "steps": 1})
    for weights in ((float("nan"), 1), (-1, 2), (0, 0)):
        with pytest.raises(InputError, match="weights"):
            dst.export_network(tmp_path / "model", tmp_path / "a.onnx", weights=weights)


def test_parts_of_a_size_that_memory_does_not_suffice_for_are_refused(pictures, tmp_path, monkeypatch):
    train_network(STYLE, tmp_path / "model", images=pictures, network="multimodal", **{**TINY, "steps": 1})
    monkeypatch.setattr("dst.runtime.free_memory", lambda _: 10**5)
    with pytest.raises(InputError, match="give a size of"):
        dst.network_parts(tmp_path / "model", STYLE, size=200)


@pytest.mark.parametrize("change", [{"images": 3}, {"licence": 3}, {"styles": "x" * 5000}])
def test_what_is_of_another_type_is_refused(change, tmp_path):
    with pytest.raises(InputError):
        train_network(**{"styles": STYLE, "folder": tmp_path / "model", **TINY, **change})
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("network", "measured"),
    [
        ("johnson", (185, 161, 263)),
        ("ulyanov", (448, 445, 760)),
        ("multimodal", (156, 230, 360)),
        ("adain", (200, 331, 607)),
    ],
)
def test_the_memory_that_is_asked_for_covers_what_was_measured(network, measured, monkeypatch):
    """Bytes a pixel that the process held more at its peak, at 2,400 x 2,400 pixels and these widths."""
    for width, wanted in zip((0.125, 0.5, 1.0), measured, strict=True):
        config = TrainConfig(network=network, width=width)
        own = Model(config, NETWORKS[network].build(config, 1), ("a",))
        for share, refused in ((1.0, True), (1.8, False)):
            monkeypatch.setattr("dst.runtime.free_memory", lambda _, n=share * wanted * 2400**2: n)
            with pytest.raises(InputError) if refused else contextlib.nullcontext():
                check_size(own, 2400, 2400)


def test_an_export_that_memory_does_not_suffice_for_is_refused(pictures, tmp_path, monkeypatch):
    train_network(STYLE, tmp_path / "model", images=pictures, network="ulyanov", **{**TINY, "steps": 1})
    monkeypatch.setattr("dst.runtime.free_memory", lambda _: 10**5)
    with pytest.raises(InputError, match="give a size of"):
        dst.export_network(tmp_path / "model", tmp_path / "a.onnx", size=200)
