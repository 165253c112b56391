"""The scorecard: each entry is held against pictures and warps whose answer is known."""

import json

import numpy as np
import pytest
import torch
from conftest import blobs
from skimage.metrics import structural_similarity

from correspondence.filtering import crossings
from dst import score
from dst.config import InputError
from dst.features.encoder import load_encoder
from dst.warp import Warp


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("vgg19-16x", weights="random")


def test_the_content_itself_scores_perfectly_on_content(made_result, encoder):
    content, style = blobs((64, 48), 0), blobs((60, 60), 1)
    card = score.scorecard(made_result(image=content, warped_content=content, style=style), encoder)
    assert card["content_distance"] == pytest.approx(0, abs=1e-5)
    assert card["ssim"] == pytest.approx(1)
    paler = (content * 0.8 + 20).astype(np.uint8)
    card = score.scorecard(made_result(image=paler, warped_content=content, style=style), encoder)
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    wanted = structural_similarity(paler / 255, content / 255, channel_axis=2, data_range=1.0, **gaussian)
    assert card["ssim"] == pytest.approx(wanted, abs=1e-3)
    card = score.scorecard(made_result(image=content, warped_content=content, style=style), encoder)
    other = score.scorecard(made_result(image=style, warped_content=blobs((60, 60), 2), style=style), encoder)
    assert other["content_distance"] > 0.05 and other["ssim"] < 0.8
    assert other["style_distance"] < 0.5 * card["style_distance"]


def test_a_scorecard_is_the_same_each_time_and_has_every_entry(made_result, encoder):
    cards = [score.scorecard(made_result(), encoder, np.random.default_rng(0).random((6, 4))) for _ in range(2)]
    assert cards[0] == cards[1]
    assert tuple(cards[0]) == score.COLUMNS
    assert all(value is None or np.isfinite(value) for value in cards[0].values())
    json.dumps(cards[0], allow_nan=False)


def test_the_warps_entries_are_the_warps_own(made_result, encoder):
    result = made_result()
    folds = result.warp.folds()
    card = score.scorecard(result, encoder)
    assert (card["min_jacobian"], card["max_jacobian"]) == (folds.min_jacobian, folds.max_jacobian)
    assert card["bending_energy"] == result.warp.bending_energy() > 0
    still = score.scorecard(made_result(warp=Warp.identity((120, 96)), alpha=True), encoder)
    assert still["bending_energy"] == 0 and still["folded_share"] == 0 and still["crossing_share"] is None


def test_crossing_pairs_are_counted():
    source = np.array([[0, 0], [10, 0], [0, 10.0]])
    assert score.crossing_share(source, source + 1) == 0
    crossed = np.array([[10, 1], [0, 1], [0, 11.0]])
    assert score.crossing_share(source, np.array([[10, 5], [0, 5], [0, 11.0]])) == pytest.approx(1 / 3)
    assert score.crossing_share(source, crossed) == pytest.approx(1 / 3)
    rng = np.random.default_rng(0)
    source, target = rng.random((20, 2)), rng.random((20, 2))
    expected = crossings(source, target).sum() / (20 * 19)
    assert score.crossing_share(source, target) == pytest.approx(expected)


def test_a_frame_of_another_colour_is_a_border_error(encoder):
    style = torch.from_numpy(blobs((96, 96), 1)).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        clean = score.border_error(style, style, encoder)
        framed = style.clone()
        framed[..., :3, :], framed[..., -3:, :], framed[..., :3], framed[..., -3:] = 1, 1, 0, 0
        spoilt = score.border_error(framed, style, encoder)
    assert abs(clean) < 1e-3 and spoilt > 0.03, (clean, spoilt)


def test_runs_are_compared_in_a_table(made_result, tmp_path):
    for name, value in (("one", 0.5), ("two", 0.25)):
        result = made_result()
        result.record["score"] = {**dict.fromkeys(score.COLUMNS), "style_distance": value, "ssim": 0.4}
        result.save(tmp_path / name)
    rows = score.score_runs([tmp_path / "one", tmp_path / "two"])
    assert [row["style_distance"] for row in rows] == [0.5, 0.25]
    lines = score.table(rows).splitlines()
    assert len(lines) == 3 and lines[0].split() == ["run", *score.COLUMNS]
    assert "0.25*" in lines[2] and "0.5*" not in lines[1]
    with pytest.raises(InputError, match="does not exist"):
        score.score_runs([tmp_path / "three"])
