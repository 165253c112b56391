"""Pictures painted by networks of any style, each region by its own, and what the parts of a multimodal network make."""

import numpy as np
import pytest
from models import untrained

import cli
import dst
from dst.config import InputError, TrainConfig
from dst.networks.feedforward.model import Model
from dst.networks.feedforward.table import NETWORKS
from tests.conftest import blobs

PICTURE, FIRST, SECOND = blobs((128, 64), 0), blobs((64, 72), 1), blobs((80, 64), 2)


def model(network, names=("a",)):
    config = TrainConfig(network=network, width=0.125, crop=32, style_size=64)
    return Model(config, NETWORKS[network].build(config, len(names)).requires_grad_(False).eval(), tuple(names))


def halves():
    left = np.zeros((64, 128), np.uint8)
    left[:, :64] = 255
    return left, 255 - left


def test_each_style_paints_its_region():
    own = model("adain")
    (made,) = dst.apply_network(own, PICTURE, styles=[FIRST, SECOND], masks=halves())
    (other,) = dst.apply_network(own, PICTURE, styles=[FIRST, FIRST], masks=halves())
    (mixed,) = dst.apply_network(own, PICTURE, styles=[FIRST, SECOND])
    assert made.shape == PICTURE.shape
    assert np.array_equal(made[:, :16], other[:, :16]) and not np.array_equal(made[:, 72:], other[:, 72:])
    assert not np.array_equal(made, mixed)
    weak = dst.apply_network(own, PICTURE, styles=[FIRST, SECOND], masks=halves(), strength=0.0)[0]
    assert np.array_equal(weak, dst.apply_network(own, PICTURE, styles=[SECOND], strength=0.0)[0])


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        ("adain", {"styles": [FIRST], "masks": halves()}, "2 masks for 1 style: give one mask"),
        (
            "adain",
            {"styles": [FIRST, SECOND], "masks": halves(), "weights": (1, 2)},
            "weights and masks are both given",
        ),
        ("adain", {}, "give a style's image"),
        ("johnson", {"masks": halves()[:1]}, "styles of its own: leave them out"),
    ],
)
def test_what_does_not_go_together(network, options, message):
    with pytest.raises(InputError, match=message):
        dst.apply_network(model(network), PICTURE, **options)


def test_the_parts_of_a_network():
    own = model("multimodal")
    found = dst.network_parts(own, PICTURE)
    assert list(found) == ["style", "enhance", "refine"]
    assert [x.shape for x in found.values()] == [(16, 32, 3), (32, 64, 3), (64, 128, 3)]
    assert np.array_equal(found["refine"], dst.apply_network(own, PICTURE)[0])
    with pytest.raises(InputError, match="no parts"):
        dst.network_parts(model("johnson"), PICTURE)


def test_by_command(tmp_path, image_file, capsys):
    picture, style = str(image_file("p.png", (64, 128), seed=1)), str(image_file("s.png", (64, 72), seed=2))
    given = [
        "apply",
        str(untrained(tmp_path / "m", "multimodal", style_size=64)),
        picture,
        "-o",
        str(tmp_path / "out"),
        "--quiet",
    ]
    assert cli.main([*given, "--show"]) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["p-enhance.png", "p-refine.png", "p-style.png", "p.png"]
    any_style = str(untrained(tmp_path / "a", "adain", style_size=64))
    given = ["apply", any_style, picture, "-o", str(tmp_path / "out"), "--quiet", "--style", style]
    assert cli.main([*given, "--style", style, "--mask", picture, "--mask", picture]) == 0
    assert cli.main([*given, "--mask", picture, "--mask", picture]) == 2
    assert cli.main([*given, "--show"]) == 2
    assert "no parts that could be shown" in capsys.readouterr().err
