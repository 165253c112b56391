"""A whole run on small images: what each keyword promises of the Result. Weights are random unless a test says why."""

import json

import numpy as np
import pytest
import torch
from conftest import blobs
from kornia.color import rgb_to_lab
from PIL import Image
from runs_of import POINTS, SMALL, run

import dst
from correspondence.matches import Matches
from dst import imaging
from dst.config import InputError
from dst.deform import pipeline
from dst.imaging import samples

GENTLE = 0.8 * POINTS[:, :2] + [[1, 0], [-1, 1], [0, 1.5], [1, -1], [-1, 0]]
"""Points of the style that the points of the content reach without a fold."""


@pytest.fixture(scope="module")
def pair():
    return blobs((80, 60), 0), blobs((72, 64), 1)


@pytest.fixture(scope="module")
def plain(pair, no_figures):
    return run(pair, metrics=True)


@pytest.mark.parametrize("preset", ["fast", "paper"])
@pytest.mark.parametrize("init", ["content", "noise"])
def test_a_content_of_one_colour_takes_the_colour_of_a_style_of_one_colour(preset, init):
    content, style = np.full((48, 64, 3), (200, 40, 30), np.uint8), np.full((64, 48, 3), (20, 60, 180), np.uint8)
    result = pipeline.stylize(content, style, preset=preset, init=init, size=64, steps=3, warp=False)
    assert not result.record["stopped"] and np.isfinite([row["total"] for row in result.history]).all()
    assert np.abs(result.image.astype(int) - (20, 60, 180)).max() <= 3
    assert result.record["metrics"]["style_distance"] < 0.05


def test_a_run_gives_images_of_the_contents_aspect_and_a_full_record(plain):
    for name in ("image", "unwarped", "warped_content", "content"):
        assert getattr(plain, name).shape == (48, 64, 3)
    assert plain.style.shape == (57, 64, 3)
    assert not np.array_equal(plain.image, plain.unwarped)
    assert len(plain.history) == 2
    record = json.loads(json.dumps(plain.record, allow_nan=False))
    assert record["size"] == [64, 48] and record["matches"]["count"] == 5
    assert record["warp"]["folded_share"] == 0 and len(record["warp"]["targets"]) == 5
    assert record["settings"]["size"] == 64 and record["content"]["size"] == [80, 60]
    assert set(record["seconds"]) == {"read", "match", "warp", "optimize", "finish"}
    assert record["metrics"]["crossing_share"] == 0


def test_the_same_seed_gives_the_same_bytes(pair, plain):
    assert np.array_equal(run(pair).image, plain.image)
    assert not np.array_equal(run(pair, seed=1).image, plain.image)


def test_stages_and_steps_are_reported_in_order(pair):
    seen = []
    run(pair, on_stage=lambda *event: seen.append(event), on_step=lambda step: seen.append(step.done))
    stages = ("read", "match", "warp", "optimize", "finish")
    expected = [(name, when) for name in stages for when in ("start", "end")]
    assert [event for event in seen if not isinstance(event, int)] == expected
    assert [event for event in seen if isinstance(event, int)] == [1, 2]


def test_a_stopped_run_still_gives_a_result_at_full_size(pair):
    result = run(pair, smallest_scale=32, on_step=lambda step: True)
    assert result.record["stopped"] == "stopped on request"
    assert result.image.shape == (48, 64, 3) and len(result.history) == 1


@pytest.mark.parametrize("options", [{"warp_strength": 0.0}, {"warp": False, "points": None}])
def test_no_strength_and_no_warp_leave_every_shape_where_it_is(pair, options):
    result = run(pair, **options)
    assert result.warp.is_identity
    assert np.array_equal(result.image, result.unwarped)
    assert np.array_equal(result.warped_content, result.content)
    assert result.record["matches"]["verdict"].endswith("plain style transfer")


def test_strength_exaggerates(pair):
    options = {"color_only": True, "points": np.column_stack([POINTS[:, :2], GENTLE])}
    reach = [np.abs(run(pair, warp_strength=s, **options).warp.moved).sum() for s in (0.5, 1.0, 1.5)]
    assert reach[0] < 0.8 * reach[1] and reach[1] < 0.8 * reach[2]


def test_poor_matches_give_plain_style_transfer_and_say_so(pair):
    flat = np.full((64, 72, 3), 90, np.uint8)
    result = run((pair[0], flat), points=None)
    assert result.warp.is_identity
    assert "plain style transfer" in result.record["matches"]["verdict"]
    assert len(result.matches) == 0


@pytest.mark.parametrize("init", ["noise", "style"])
def test_the_first_guess_shows_in_the_first_step(pair, init):
    first = []
    run(pair, init=init, on_step=lambda step: first.append(step.state.image.clone()) or True)
    run(pair, on_step=lambda step: first.append(step.state.image.clone()) or True)
    assert (first[0] - first[1]).abs().mean() > 0.05


def test_alpha_is_warped_with_the_image(pair):
    alpha = np.zeros((60, 80, 1), np.uint8)
    alpha[10:50, 20:60] = 255
    result = run((np.concatenate([pair[0], alpha], 2), pair[1]))
    assert result.image.shape == (48, 64, 4)
    held = imaging.resize(torch.from_numpy(alpha).permute(2, 0, 1)[None] / 255, 64)
    warped = result.warp.apply(held)[0, 0].numpy()
    assert np.abs(result.image[..., 3] / 255 - warped).max() < 0.01
    assert np.array_equal(result.image[..., 3], result.warped_content[..., 3])


def test_points_come_from_csv_json_arrays_and_matches_alike(pair, tmp_path):
    matches = Matches(POINTS[:, :2], POINTS[:, 2:4], POINTS[:, 4], (80, 60), (72, 64))
    matches.to_csv(tmp_path / "points.csv")
    matches.to_json(tmp_path / "points.json")
    images_ = [
        run(pair, points=given, color_only=True).image
        for given in (POINTS, tmp_path / "points.csv", str(tmp_path / "points.json"), matches)
    ]
    assert all(np.array_equal(image, images_[0]) for image in images_)


def test_matches_keep_their_pins_and_confidence_and_follow_the_images_to_other_sizes(pair, tmp_path, no_figures):
    pinned = [False, True, False, False, True]
    found = Matches(POINTS[:, :2], GENTLE, POINTS[:, 4], (80, 60), (72, 64), 0.6, pinned)
    small = found.resized((40, 30), (36, 32))
    small.to_json(tmp_path / "small.json")
    whole = run(pair, points=found, color_only=True)
    assert whole.matches == found and whole.matches.confidence == 0.6
    for given in (small, tmp_path / "small.json"):
        again = run(pair, points=given, color_only=True)
        assert np.allclose(again.matches.table(), found.table()) and again.matches.confidence == 0.6
        assert again.matches.pinned.tolist() == pinned and np.abs(again.image.astype(int) - whole.image).max() <= 1
    whole.save(tmp_path / "run")
    assert dst.load_run(tmp_path / "run").matches == found
    assert dst.warp_image(pair[0], points=small)[1] == dst.warp_image(pair[0], points=found)[1]
    with pytest.raises(InputError, match="content image of 80 x 60 pixels, and this one is 72 x 64"):
        run(pair[::-1], points=found)


@pytest.mark.parametrize(
    "points, message",
    [
        ([[1, 2, 3]], "shape"),
        ([[1, 1, 1, 1], [500, 2, 3, 4], [9, 9, 9, 5]], "outside the image"),
        ([[1, 1, 1, 1], [5, 2, 3, 4]], "2 matches"),
        ([[1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]], "one line"),
        ([["a", 1, 1, 1]], "not numbers"),
        ("missing.csv", "cannot be read"),
    ],
)
def test_bad_points_are_input_errors_of_one_line(pair, points, message):
    with pytest.raises(InputError, match=message) as caught:
        run(pair, points=points)
    assert "\n" not in str(caught.value)


def test_a_saved_run_is_read_back(plain, tmp_path):
    plain.save(tmp_path / "run")
    again = dst.load_run(tmp_path / "run")
    assert np.array_equal(again.image, plain.image)
    assert again.matches == plain.matches
    assert again.record == json.loads(json.dumps(plain.record))


def test_a_run_warps_any_image_at_its_own_size_and_depth(plain, tmp_path):
    plain.save(tmp_path / "run")
    deep = (np.random.default_rng(0).random((120, 160, 4)) * 65535).astype(np.uint16)
    warped, factor = dst.warp_image(deep, run=tmp_path / "run")
    assert warped.size == (160, 120) and warped.depth == 16 and warped.alpha is not None and factor == 1
    expected = plain.warp.apply(imaging.read(deep).rgb).clamp(0, 1)
    assert torch.equal(warped.rgb, expected)
    still, _ = dst.warp_image(deep, run=tmp_path / "run", strength=0.0)
    assert torch.equal(still.rgb, imaging.read(deep).rgb)


def test_keypoints_warp_an_image_without_a_run(pair):
    warped, _ = dst.warp_image(pair[0], points=POINTS, style_size=(72, 64))
    same = pipeline.stylize(*pair, points=POINTS, color_only=True, size=80)  # the very warp that a run would begin with
    assert torch.equal(warped.rgb, same.warp.apply(imaging.read(pair[0]).rgb).clamp(0, 1))
    assert np.array_equal(imaging.to_array(warped.rgb), same.warped_content)
    for options in ({}, {"run": "x", "points": POINTS}):
        with pytest.raises(InputError, match="a run or points to warp by"):
            dst.warp_image(pair[0], **options)


def test_matching_an_image_with_itself_keeps_it(pair):
    matches, verdict = dst.match(pair[0], pair[0], **{k: SMALL[k] for k in ("encoder", "weights", "match_size")})
    assert len(matches) >= 4 and str(len(matches)) in verdict
    assert np.abs(matches.content - matches.style).max() < 2


def test_the_demo_pair_is_there():
    content, style = samples.demo_pair()
    assert min(content.size) >= 200
    with Image.open(style) as image:
        assert min(image.size) >= 256


def test_each_optimiser_paints_about_as_well_by_its_own_learning_rate():
    def measured(**options):
        return pipeline.stylize(*samples.demo_pair(), size=72, warp=False, splitting=0, **options).record["metrics"]

    adam = measured()
    for name in ("rmsprop", "sgd"):
        other = measured(optimizer=name)
        assert other["style_distance"] < 1.15 * adam["style_distance"], name
        assert other["content_distance"] < 1.2 * adam["content_distance"], name
        assert other["ssim"] > 0.85 * adam["ssim"], name


def test_no_strength_of_style_is_the_photograph_warped_and_little_is_close_to_it(pair):
    def changed(strength):
        result = run(pair, style_strength=strength)
        assert result.warp.displacement.any()
        return np.abs(result.unwarped.astype(float) - result.content), result

    none, result = changed(0)
    assert none.max() == 0 and np.abs(result.image.astype(int) - result.warped_content).max() <= 1
    assert changed(0.1)[0].mean() < 0.5 * changed(1)[0].mean()
    with pytest.raises(InputError, match="style_strength 0 paints nothing"):
        run(pair, style_strength=0, init="noise")


def test_the_fast_preset_keeps_the_colours_of_the_default():
    def dress(preset):
        image = pipeline.stylize(
            *samples.demo_pair(), size=128, warp=False, preset=preset, splitting=0, metrics=False
        ).image
        lower = torch.from_numpy(image[len(image) * 4 // 5 :]).permute(2, 0, 1)[None].float() / 255
        return rgb_to_lab(lower).mean((0, 2, 3))

    assert (dress("fast") - dress("default")).norm() < 2.5  # 3.3 where the fast one begins at 128 pixels


def test_a_start_from_the_style_does_not_end_as_the_painting():
    content, style = samples.demo_pair()
    found = pipeline.stylize(content, style, size=96, warp=False, init="style", metrics=False).unwarped
    painting = imaging.to_array(imaging.cover(imaging.read(style).rgb, found.shape[:2]))
    assert np.corrcoef(found.mean(2).ravel(), painting.mean(2).ravel())[0, 1] < 0.6


@pytest.mark.parametrize(
    "options, message",
    [
        ({"rigid_msk": "x"}, "did you mean 'rigid_mask'"),
        ({"size": 5}, "size is 5"),
        ({"warp_strength": 9.0}, "warp_strength is 9.0"),
        ({"style_strength": -1.0}, "style_strength is -1.0"),
        ({"preserve_color": "luma"}, "did you mean"),
        ({"rigid_mask": "none.png"}, "does not exist"),
        ({"geometry": "none.png"}, "does not exist"),
        ({"checkpoint_every": -1}, "checkpoint_every is -1"),
        ({"run_dir": "no/such/run"}, "does not exist"),
    ],
)
def test_bad_options_are_refused_before_any_work(pair, options, message):
    stages = []
    with pytest.raises(InputError, match=message) as caught:
        run(pair, on_stage=lambda *event: stages.append(event), **options)
    assert "\n" not in str(caught.value)
    assert ("match", "start") not in stages


def test_layers_are_those_asked_for(pair):
    plain = pipeline.stylize(*pair, warp=False, **SMALL)
    few = pipeline.stylize(*pair, warp=False, **{**SMALL, "layers": "relu1_1+relu2_1"})
    assert few.record["settings"]["layers"] == ["relu1_1", "relu2_1"]
    assert not np.array_equal(few.image, plain.image)
    listed = pipeline.stylize(*pair, warp=False, **{**SMALL, "layers": ("relu1_1", "relu2_1")})
    assert np.array_equal(few.image, listed.image)
    for bad, message in (
        ("relu9_1", "did you mean"),
        ("relu1_1+relu1_1", "each once"),
        (3, "names of layers"),
        ("", "names"),
    ):
        with pytest.raises(InputError, match=message):
            pipeline.stylize(*pair, **{**SMALL, "layers": bad})
