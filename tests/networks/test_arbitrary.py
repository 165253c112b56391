"""Any style at once: the networks against the released ones, sizes, mixtures, and what is made of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import blobs
from golden.make_arbitrary import blocks as block_means
from golden.make_arbitrary import drawn, run

import cli
import dst
from dst.config import InputError
from dst.networks import arbitrary

HOME = Path(__file__).parent
RELEASED = HOME.parents[2] / "shared" / "weights" / "arbitrary"


def tensor(pixels):
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def compared(code, painted):
    """How far the network is from what the released ones gave, for the drawings."""
    network = arbitrary.load()
    own = network.predictor(tensor(drawn(256, 1.0)))
    image = network.painter(tensor(drawn(384, 2.5)), torch.tensor(code).view(1, 100).float())
    blocks = block_means(image[0].permute(1, 2, 0).numpy())
    return np.abs(own.numpy().ravel() - code).max(), np.abs(blocks - painted).mean()


def test_the_networks_give_what_the_released_ones_gave_up_to_their_eight_bits():
    golden = json.loads((HOME / "golden" / "arbitrary.json").read_text())
    code, blocks = np.array(golden["code"]), np.array(golden["blocks"]).reshape(8, 8, 3)
    assert np.abs(code).max() > 1 and blocks.std() > 0.1
    far = compared(code, blocks)
    assert far[0] < 0.1 and far[1] < 0.03


def test_the_networks_against_the_released_files():
    pytest.importorskip("onnxruntime")
    if not RELEASED.is_dir():
        pytest.skip("the released files are not here")
    code = run(str(RELEASED / "arbitrary_predict.onnx"), drawn(256, 1.0)[None])
    painted = run(str(RELEASED / "arbitrary_transform.onnx"), drawn(384, 2.5)[None], code)[0]
    far = compared(code.ravel(), block_means(painted))
    assert far[0] < 0.1 and far[1] < 0.03


@pytest.mark.parametrize("size", [(16, 16), (3, 90), (41, 30), (64, 48)])
def test_any_size_comes_out_as_it_went_in_and_within_range(size):
    content, style = torch.rand(2, 1, 3, *size, generator=torch.Generator().manual_seed(0))
    found = arbitrary.painted_at_once(content, [style])
    assert found.shape == content.shape and found.min() >= 0 and found.max() <= 1
    assert torch.equal(found, arbitrary.painted_at_once(content, [style]))


def test_mixtures_go_from_one_style_to_another_and_strength_from_the_photographs_own_manner():
    shown = [tensor(blobs((48, 64), k).astype(np.float32) / 255) for k in range(3)]
    content, *styles = shown
    paint = arbitrary.painted_at_once
    first, second, half = (paint(content, styles, weights) for weights in ((1, 0), (0, 3), (1, 1)))
    assert torch.allclose(first, paint(content, styles[:1]), atol=1e-5)
    assert torch.allclose(second, paint(content, styles[1:]), atol=1e-5)
    apart = (first - second).abs().mean()
    assert (half - first).abs().mean() < apart and (half - second).abs().mean() < apart
    own = paint(content, [content])
    away = [(paint(content, styles[:1], None, strength) - own).abs().mean() for strength in (0, 0.5, 1)]
    assert away[0] < 1e-5 and away[0] < away[1] < away[2]


def test_at_once_is_the_same_with_and_without_a_run(tmp_path):
    content, style = blobs((80, 60), 0), blobs((72, 64), 1)
    result = dst.stylize(content, style, instant=True, warp=False, size=80, run_dir=tmp_path / "run")
    assert np.array_equal(result.image, dst.instantly(content, style, size=80))
    assert not result.history and result.image.shape == (60, 80, 3)
    again = dst.load_run(tmp_path / "run")
    assert np.array_equal(again.image, result.image) and again.record["settings"]["instant"] is True
    larger = dst.resume(tmp_path / "run", size=128, content=content, style=style)
    assert larger.image.shape == (96, 128, 3)


def test_it_is_warped_by_the_matches_and_keeps_what_is_transparent():
    content, style = blobs((80, 60), 0), blobs((80, 60), 1)
    points = np.array([[10, 10, 14, 12], [60, 12, 60, 18], [12, 50, 12, 44], [65, 48, 70, 50], [40, 30, 44, 33]])
    result = dst.stylize(content, style, points=points, instant=True, size=80)
    assert len(result.warp.source) and not np.array_equal(result.image, result.unwarped)
    clear = np.dstack([content, np.full(content.shape[:2], 255, np.uint8)])
    clear[:, :20, 3] = 0
    found = dst.instantly(clear, style, size=80)
    assert found.shape == (60, 80, 4) and found[30, 5, 3] == 0 and found[30, 60, 3] == 255


def test_a_run_may_start_from_it():
    content, style = blobs((80, 60), 0), blobs((72, 64), 1)
    options = {"warp": False, "size": 64, "steps": 1, "splitting": 0, "raw_colors": True, "lr": 1e-6}
    begun = dst.stylize(content, style, init="instant", **options).image.astype(float)
    at_once = dst.instantly(content, style, size=64, raw_colors=True).astype(float)
    plain = dst.stylize(content, style, **options).image.astype(float)
    assert np.abs(begun - at_once).mean() < 0.2 * np.abs(plain - at_once).mean()


@pytest.mark.parametrize(
    "more, message",
    [
        (["--color-only"], "--instant and --color-only are both given"),
        (["--look", "photo"], "--look has no use"),
        (["--method", "gatys"], "--method has no use"),
        (["--init", "noise"], "so init has no use"),
        (["--style-strength", "2"], "--style-strength is 2.0: it takes a finite number from 0 to 1"),
    ],
)
def test_what_has_no_use_beside_it_is_refused_in_one_line(tmp_path, capsys, more, message):
    for k in range(2):
        dst.write_image(tmp_path / f"{k}.png", blobs((32, 32), k))
    given = ["stylize", *(str(tmp_path / f"{k}.png") for k in range(2)), "-o", str(tmp_path / "o.png"), "--quiet"]
    assert cli.main([*given, "--instant", *more]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and not (tmp_path / "o.png").exists()


def test_bad_calls_are_refused():
    image = blobs((32, 32), 0)
    for options, message in (
        ({"strength": 1.5}, "from 0 to 1"),
        ({"style_weights": (1, 2)}, "style_weights"),
        ({"size": 7}, "size is 7"),
        ({"device": "nowhere"}, "cannot be used"),
    ):
        with pytest.raises(InputError, match=message):
            dst.instantly(image, image, **options)


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "weights.safetensors").write_bytes(b"no weights")
    monkeypatch.setattr(arbitrary, "FILE", str(tmp_path / "weights.safetensors"))
    arbitrary.load.cache_clear()
    with pytest.raises(InputError, match="is not the file that this version was released with"):
        dst.instantly(blobs((32, 32), 0), blobs((32, 32), 1))
    monkeypatch.undo()
    arbitrary.load.cache_clear()
