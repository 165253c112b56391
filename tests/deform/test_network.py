"""A run that a trained network paints: warped by its matches, not optimised; what it refuses."""

import dataclasses
import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from models import untrained

import cli
import dst
from dst.batch.networks import apply_network
from dst.config import InputError, TrainConfig
from dst.imaging import to_array
from dst.networks.feedforward import folder as folders
from dst.networks.feedforward.model import Model
from dst.networks.feedforward.table import NETWORKS
from dst.networks.feedforward.train import begun
from tests.conftest import blobs

pytestmark = pytest.mark.usefixtures("no_figures", "no_metrics")
POINTS = np.array([[10, 10, 14, 12], [60, 12, 60, 18], [12, 50, 12, 44], [65, 48, 70, 50], [40, 30, 44, 33]])
CONTENT, STYLE = blobs((80, 60), 0), blobs((72, 64), 1)


def model(network="johnson", names=("a", "b")):
    config = TrainConfig(network=network, width=0.125, crop=32, seed=1)
    built = NETWORKS[config.network].build(config, len(names))
    with torch.no_grad():
        for part in built.modules():
            if hasattr(part, "scale"):
                part.scale.add_(torch.rand(part.scale.shape, generator=torch.Generator().manual_seed(len(part.scale))))
    return Model(config, built.requires_grad_(False).eval(), tuple(names))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder of a trained model of one style."""
    return untrained(tmp_path_factory.mktemp("models") / "model")


def near(one, other):
    """Whether two images are the same but for the rounding to bytes: the threads' shares of a layer can move its last bits."""
    return np.abs(one.astype(int) - other).max() <= 1 and (one != other).mean() < 0.01


def test_it_is_the_network_and_then_the_warp(kept, tmp_path):
    options = {"method": "network", "model": kept, "size": 80}
    result = dst.stylize(CONTENT, STYLE, points=POINTS, run_dir=tmp_path / "run", **options)
    (alone,) = apply_network(kept, CONTENT)
    assert near(result.unwarped, alone) and not result.history
    assert len(result.warp.source) and not np.array_equal(result.image, alone)
    assert near(dst.stylize(CONTENT, STYLE, warp=False, model=kept, size=80).image, alone)  # it says what paints
    again = dst.load_run(tmp_path / "run")
    assert np.array_equal(again.image, result.image)
    assert again.record["settings"]["method"] == "network" and again.record["settings"]["model"] == str(kept)
    digest = hashlib.sha256((kept / "weights.safetensors").read_bytes()).hexdigest()
    assert again.record["model"] == {"name": str(kept), "sha256": digest}
    larger = dst.resume(tmp_path / "run", size=128, content=CONTENT, style=STYLE)
    assert larger.image.shape == (96, 128, 3)


def test_a_run_is_taken_to_a_larger_size_by_its_own_network_alone(kept, tmp_path):
    home = tmp_path / "model"
    shutil.copytree(kept, home)
    dst.stylize(CONTENT, STYLE, warp=False, model=home, size=80, run_dir=tmp_path / "run")
    record = json.loads((home / "model.json").read_text())
    at = begun(TrainConfig(width=0.125, crop=32, steps=1, seed=9), 1)
    folders.write_finished(home, at, record)
    with pytest.raises(InputError, match="has changed since the run was made"):
        dst.resume(tmp_path / "run", size=128, content=CONTENT, style=STYLE)


def test_strength_goes_back_to_the_photograph_and_transparent_parts_stay(kept):
    options = {"method": "network", "model": kept, "size": 80, "warp": False}
    none = dst.stylize(CONTENT, STYLE, style_strength=0, **options).image
    assert np.abs(none.astype(int) - CONTENT).max() <= 1
    clear = np.dstack([CONTENT, np.full(CONTENT.shape[:2], 255, np.uint8)])
    clear[:, :20, 3] = 0
    found = dst.stylize(clear, STYLE, **options).image
    assert found.shape == (60, 80, 4) and found[30, 5, 3] == 0 and found[30, 60, 3] == 255


def test_of_several_styles_some_are_named():
    own = model()
    options = {"method": "network", "model": own, "size": 80, "warp": False}
    first, second, both = (
        dst.stylize(CONTENT, STYLE, model_style=names, **options).image for names in ("a", "b", ["a", "b"])
    )
    assert not np.array_equal(first, second) and np.array_equal(both, dst.stylize(CONTENT, STYLE, **options).image)
    assert np.abs(first.astype(int) - apply_network(own, CONTENT, styles=["a"])[0]).max() <= 1


def test_a_shipped_style_goes_by_its_name():
    name = next(iter(dst.shipped_styles()))
    found = dst.stylize(CONTENT, STYLE, method="network", model=name, warp=False, size=80).image
    assert np.abs(found.astype(int) - apply_network(name, CONTENT)[0]).max() <= 1


def test_a_network_of_any_style_paints_by_the_style_images(image_file, tmp_path):
    own = model("adain")
    other = blobs((64, 64), 3)
    options = {"method": "network", "model": own, "size": 80, "warp": False, "raw_colors": True}
    one = dst.stylize(CONTENT, STYLE, **options).image
    two = dst.stylize(CONTENT, [STYLE, other], style_weights=(1, 3), **options).image
    assert not np.array_equal(one, two)
    assert np.array_equal(dst.stylize(CONTENT, [STYLE, other], style_weights=(1, 0), **options).image, one)
    halves = np.zeros((60, 80, 3), np.uint8)
    halves[:, 40:] = 255
    parts = np.zeros((64, 72, 3), np.uint8)
    parts[32:] = 255
    masked = dst.stylize(CONTENT, STYLE, content_mask=halves, style_mask=parts, **options).image
    assert not np.array_equal(masked, one)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "network"}, "none is given"),
        ({"model": "m", "method": "gatys"}, "a model goes with method network"),
        ({"method": "network", "model": "nowhere"}, "does not exist"),
        ({"model_style": "a"}, "model_style is given, but no network paints"),
        ({"method": "network", "model": model(), "model_style": "c"}, "style 'c' is not known"),
        ({"method": "network", "model": model(), "steps": 5}, "`steps` has no use"),
        ({"method": "network", "model": model(), "instant": True}, "`instant` and `model` are both given"),
        ({"method": "network", "model": model(), "color_only": True}, "`color_only` and `model` are both given"),
        ({"method": "network", "model": model(), "init": "noise"}, "so init has no use"),
        ({"method": "network", "model": model(), "style_weights": (1.0,)}, "style_weights has no use"),
        ({"method": "network", "model": model("adain"), "model_style": "a"}, "model_style has no use"),
    ],
)
def test_what_does_not_go_together(options, message):
    with pytest.raises(InputError, match=message):
        dst.stylize(CONTENT, STYLE, warp=False, size=64, **options)


def test_a_second_style_image_has_no_use_for_learnt_styles():
    with pytest.raises(InputError, match="give one"):
        dst.stylize(CONTENT, [STYLE, STYLE], warp=False, size=64, method="network", model=model())


def test_by_command(kept, image_file, tmp_path, capsys):
    content, style = str(image_file("c.png", (60, 80), seed=1)), str(image_file("s.png", (60, 70), seed=2))
    out = tmp_path / "o.png"
    given = ["stylize", content, style, "-o", str(out), "--size", "64", "--no-warp", "--quiet"]
    assert cli.main([*given, "--method", "network", "--model", str(kept)]) == 0
    painted = to_array(dst.read_image(out).rgb)
    wanted = apply_network(kept, content, size=64)[0]
    assert np.abs(painted.astype(int) - wanted).max() <= 1
    assert cli.main([*given, "--method", "network"]) == 2
    assert "none is given" in capsys.readouterr().err


def test_a_model_that_was_trained_again_is_read_again(kept):
    first = dst.stylize(CONTENT, STYLE, method="network", model=kept, warp=False, size=64).image
    record = folders.read_record(kept)
    config = dataclasses.replace(folders.config_of(record), seed=9)
    folders.write_finished(kept, begun(config, 1), record)
    second = dst.stylize(CONTENT, STYLE, method="network", model=kept, warp=False, size=64).image
    assert not np.array_equal(first, second)
