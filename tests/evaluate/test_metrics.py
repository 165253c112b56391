"""Metrics: each is held against images and warps whose answer is known."""

import json

import numpy as np
import pytest
import torch
from conftest import blobs
from skimage.metrics import structural_similarity

from dst import imaging
from dst.config import InputError
from dst.config.metrics import METRICS, QUALITY
from dst.evaluate.metrics import border_error, metrics
from dst.evaluate.quality import quality
from dst.evaluate.table import COLUMNS, evaluate_runs, metrics_table
from dst.features.encoder import load_encoder
from dst.warp import Warp


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("vgg19-16x", weights="random")


def test_the_content_itself_scores_perfectly_on_content(made_result, encoder):
    content, style = blobs((64, 48), 0), blobs((60, 60), 1)
    found = metrics(made_result(image=content, warped_content=content, style=style), encoder)
    assert found["content_distance"] == pytest.approx(0, abs=1e-5)
    assert found["ssim"] == pytest.approx(1)
    paler = (content * 0.8 + 20).astype(np.uint8)
    found = metrics(made_result(image=paler, warped_content=content, style=style), encoder)
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    wanted = structural_similarity(paler / 255, content / 255, channel_axis=2, data_range=1.0, **gaussian)
    assert found["ssim"] == pytest.approx(wanted, abs=1e-3)
    found = metrics(made_result(image=content, warped_content=content, style=style), encoder)
    other = metrics(made_result(image=style, warped_content=blobs((60, 60), 2), style=style), encoder)
    assert other["content_distance"] > 0.05 and other["ssim"] < 0.8
    assert other["style_distance"] < 0.5 * found["style_distance"]


@pytest.mark.parametrize("name", ["vgg19-16x", "compact"])
def test_images_of_one_colour_are_at_no_distance_from_themselves_and_at_a_small_one_from_others(made_result, name):
    encoder = load_encoder(name, weights="random" if name == "vgg19-16x" else None)
    colours = {
        "black": (0, 0, 0),
        "white": (255, 255, 255),
        "red": (255, 0, 0),
        "grey": (99, 99, 99),
    }
    flat = {k: np.full((48, 60, 3), colour, np.uint8) for k, colour in colours.items()}
    still = Warp.identity((120, 96))  # nothing here is of the warp
    names = list(flat)
    for k, first in enumerate(names):  # each beside itself and the next one, in both orders
        for second in (first, names[k - 1], names[(k + 1) % 4]):
            image, style = flat[first], flat[second]
            found = metrics(made_result(image=image, warped_content=image, style=style, warp=still), encoder)
            assert all(np.isfinite(value) for value in found.values() if value is not None)
            assert found["content_distance"] < 1e-6 and found["ssim"] == pytest.approx(1, abs=1e-3)
            assert abs(found["border_error"]) < 1e-3
            low, high = (0, 1e-6) if first == second else (0.1, 10)
            assert low <= found["style_distance"] <= high, (first, second, found["style_distance"])
    detailed = blobs((60, 48), 0)
    for image, style in ((detailed, flat["red"]), (flat["red"], detailed), (flat["black"], detailed)):
        found = metrics(made_result(image=image, warped_content=image, style=style, warp=still), encoder)
        assert 0.1 < found["style_distance"] < 10


def test_metrics_are_the_same_each_time_and_has_every_entry(made_result, encoder):
    found = [metrics(made_result(), encoder, 0.25) for _ in range(2)]
    assert found[0] == found[1]
    assert tuple(found[0]) == COLUMNS
    assert all(value is None or np.isfinite(value) for value in found[0].values())
    json.dumps(found[0], allow_nan=False)


def test_the_warps_entries_are_the_warps_own(made_result, encoder):
    result = made_result()
    folds = result.warp.folds()
    found = metrics(result, encoder)
    assert (found["min_jacobian"], found["max_jacobian"]) == (folds.min_jacobian, folds.max_jacobian)
    assert found["bending_energy"] == result.warp.bending_energy() > 0
    still = metrics(made_result(warp=Warp.identity((120, 96)), alpha=True), encoder)
    assert still["bending_energy"] == 0 and still["folded_share"] == 0 and still["crossing_share"] is None


def test_a_frame_of_another_colour_is_a_border_error(encoder):
    style = torch.from_numpy(blobs((96, 96), 1)).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        clean = border_error(style, style, encoder)
        framed = style.clone()
        framed[..., :3, :], framed[..., -3:, :], framed[..., :3], framed[..., -3:] = 1, 1, 0, 0
        spoilt = border_error(framed, style, encoder)
    assert abs(clean) < 1e-3 and spoilt > 0.03, (clean, spoilt)


def test_runs_are_compared_in_a_table(made_result, tmp_path):
    for name, value in (("one", 0.5), ("two", 0.25)):
        result = made_result()
        result.record["metrics"] = {**dict.fromkeys(COLUMNS), "style_distance": value, "ssim": 0.4}
        result.save(tmp_path / name)
    rows = evaluate_runs([tmp_path / "one", tmp_path / "two"])
    assert [row["style_distance"] for row in rows] == [0.5, 0.25]
    lines = metrics_table(rows).splitlines()
    assert len(lines) == 3 and lines[0].split() == ["run", *COLUMNS, *QUALITY, "scored_by"]
    assert "0.25*" in lines[2] and "0.5*" not in lines[1]
    with pytest.raises(InputError, match="does not exist"):
        evaluate_runs([tmp_path / "three"])


def tensors(*images):
    return [imaging.read(np.ascontiguousarray(image[..., :3])).rgb for image in images]


def test_the_quality_of_a_run_is_that_of_the_images_in_its_folder(made_result, tmp_path):
    result = made_result(alpha=True)
    result.save(tmp_path / "run")
    (row,) = evaluate_runs([tmp_path / "run"])
    images = tensors(result.image, result.warped_content, result.style)
    assert {name: row[name] for name in QUALITY} == quality(*images, load_encoder())
    result.image = result.style
    result.save(tmp_path / "style")
    (row,) = evaluate_runs([tmp_path / "style"])
    assert row["patch_distance"] == row["feature_distance"] == row["palette_distance"] == 0
    json.dumps(row, allow_nan=False)


def test_a_run_without_its_images_still_shows_what_its_record_holds(made_result, tmp_path, caplog):
    for name in ("whole", "bare"):
        result = made_result()
        result.record["metrics"] = {"style_distance": 0.5}
        result.save(tmp_path / name)
    (tmp_path / "bare" / "warped_content.png").unlink()
    whole, bare = evaluate_runs([tmp_path / "whole", tmp_path / "bare"])
    assert "warped_content.png" in caplog.text and "not measured" in caplog.text
    assert all(bare[name] is None for name in (*QUALITY, "scored_by")) and bare["style_distance"] == 0.5
    line = metrics_table([whole, bare]).splitlines()[2].split()
    assert line[1] == "0.5*" and line[-7:] == ["-"] * 7
    old = {name: value for name, value in bare.items() if name not in QUALITY}  # as an earlier version made it
    assert metrics_table([old]).splitlines()[1].split()[-7:] == ["-"] * 7


def test_a_runs_own_encoder_scores_it_where_it_can_be_had(made_result, encoder, tmp_path):
    from dst.features.weights import random_weights

    weights = tmp_path / "weights.pt"
    torch.save(random_weights("vgg19-16x", 3), weights)
    own = load_encoder("vgg19-16x", weights)
    result = made_result()
    result.record["encoder"] = {"name": own.name, "sha256": own.sha256}
    result.record["settings"]["weights"] = str(weights)
    result.save(tmp_path / "run")
    images = tensors(result.image, result.warped_content, result.style)

    def scored(**given):
        (row,) = evaluate_runs([tmp_path / "run"], **given)
        assert row["encoder"] == "vgg19-16x"
        return row["scored_by"], row["feature_distance"]

    with_own, with_compact = (quality(*images, e)["feature_distance"] for e in (own, load_encoder()))
    assert scored() == ("vgg19-16x", with_own) and scored(encoder="compact") == ("compact", with_compact)
    assert scored(encoder="vgg19-16x", weights=weights) == ("vgg19-16x", with_own)
    torch.save(random_weights("vgg19-16x", 4), weights)
    assert scored() == ("compact", with_compact)  # other weights are not its own
    weights.unlink()
    assert scored() == ("compact", with_compact)
    for broken in ([1], 7, "a\0b"):
        result.record["settings"]["weights"] = broken
        result.save(tmp_path / "run", force=True)
        assert scored() == ("compact", with_compact)
    with pytest.raises(InputError, match="weights file"):
        scored(weights=weights)


def test_the_best_is_marked_only_among_what_can_be_compared():
    metrics = {name: value for value, name in enumerate({**METRICS, **QUALITY})}
    first = {"run": "a", **metrics, "encoder_sha256": "1", "scored_by": "x", "scored_by_sha256": "1"}
    second = {**{name: metrics[name] + 1 for name in metrics}, "run": "b", "encoder_sha256": "1", "scored_by": "x"}

    def marked(**changes):
        head, *lines = (line.split() for line in metrics_table([first, {**second, **changes}]).splitlines())
        return [{name for name, cell in zip(head, line, strict=True) if cell.endswith("*")} for line in lines]

    lower = {name for name, metric in {**METRICS, **QUALITY}.items() if metric.better == "lower"}
    assert marked(scored_by_sha256="1") == [lower, {"ssim"}]
    features = {"feature_distance", "self_similarity_distance"}
    assert marked(scored_by_sha256="2") == [lower - features, {"ssim"}]
    own = {"style_distance", "content_distance", "border_error"}
    assert marked(scored_by_sha256="1", encoder_sha256="2") == [lower - own, {"ssim"}]
    assert "*" not in metrics_table([first])
