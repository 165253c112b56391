"""A whole run on small pictures: what each keyword promises of the Result. Weights are random unless a test says why."""

import json

import numpy as np
import pytest
import torch
from conftest import blobs
from kornia.color import rgb_to_lab
from PIL import Image
from runs_of import BARE, POINTS, SMALL

import dst
from correspondence.matches import Matches
from dst import imaging
from dst.config import InputError
from dst.deform import pipeline
from dst.imaging import samples
from dst.viz import animation


@pytest.fixture(scope="module")
def pair():
    return blobs((80, 60), 0), blobs((72, 64), 1)


def run(pair, **options):
    options = {"points": POINTS, **(BARE if options.get("method") == "gatys" else SMALL), **options}
    if options["points"] is None:
        del options["points"]
    return pipeline.stylize(*pair, **options)


@pytest.fixture(scope="module")
def plain(pair):
    return run(pair)


@pytest.mark.parametrize("sides", [((200, 16), (60, 90)), ((60, 90), (240, 18))])
def test_a_long_strip_is_painted_saved_and_read_though_it_is_a_few_pixels_wide_by_then(sides, tmp_path):
    result = run([blobs(side, k) for k, side in enumerate(sides)], points=None)
    result.save(tmp_path / "run")
    width, height = imaging.fit_size(sides[0], 64)
    assert result.image.shape == (height, width, 3)
    assert np.array_equal(dst.load_run(tmp_path / "run").image, result.image)
    assert result._repr_png_() and all(frame.shape == (height, width, 3) for frame in animation.morph(result, count=4))


@pytest.mark.parametrize("strip", [(17, 2000), (2000, 17)])
@pytest.mark.parametrize("method", ["strotss", "gatys"])
@pytest.mark.parametrize("size", [32, 64, 117])
def test_a_strip_of_any_length_is_painted_and_painted_from_at_any_size(strip, method, size):
    """17 x 2000 is a single pixel wide up to a size of 176."""
    for sides in ((strip, (60, 90)), ((60, 90), strip), (strip, strip)):
        given = [blobs(side, k) for k, side in enumerate(sides)]
        result = run(given, points=None, method=method, size=size)
        width, height = imaging.fit_size(sides[0], size)
        assert result.image.shape == (height, width, 3) and len(result.history) == 2 and not result.record["stopped"]
        assert min(imaging.fit_size(strip, size)) == 1
        assert all(np.isfinite(value) for value in result.record["metrics"].values() if value is not None)
        assert "an image of {} x {} is 2 pixels wide at 256".format(*strip) in dst.match(*given, **RANDOM)[1]


RANDOM = {"encoder": "vgg19-16x", "weights": "random"}


def test_layers_that_a_strip_is_too_narrow_for_are_refused_with_the_sizes_that_work():
    strip, other = blobs((400, 40), 0), blobs((70, 90), 1)
    for content, style, sizes in ((strip, other, "75 and a size of 75"), (other, strip, "75 and a size of 75")):
        with pytest.raises(InputError) as caught:
            run((content, style), points=None, layers=("relu4_1", "relu5_1"))
        assert str(caught.value) == (
            "relu4_1+relu5_1 needs images 8 pixels wide, and at the coarsest scale one is 6: "
            f"give an earlier layer, such as relu1_1, or a smallest_scale of {sizes}"
        )
        wide = {"layers": ("relu4_1", "relu5_1"), "points": None}
        assert run((content, style), **wide, size=75, smallest_scale=75).history
        with pytest.raises(InputError, match="a smallest_scale of 75"):
            run((content, style), **wide, size=74, smallest_scale=74)
    with pytest.raises(InputError, match=r"such as relu1_1$"):
        run((blobs((6000, 17), 0), other), points=None, layers=("relu5_1",), size=64)


def test_an_image_too_narrow_to_be_matched_is_told_with_the_size_that_would_do():
    narrow, other = blobs((400, 20), 0), blobs((70, 90), 1)
    verdict = dst.match(narrow, other, match_size=64, **RANDOM)[1]
    assert verdict == (
        "an image of 400 x 20 is 3 pixels wide at 64, and matching needs 16: a matching size of 310 would do"
    )
    assert "wide at 309" in dst.match(other, narrow, match_size=309, **RANDOM)[1]
    assert "pixels wide" not in dst.match(other, narrow, match_size=310, **RANDOM)[1]
    assert run((narrow, other), points=None).record["matches"]["verdict"] == f"{verdict}: plain style transfer"
    assert dst.match(blobs((2000, 17), 0), other, **RANDOM)[1].endswith("crop it")


@pytest.mark.parametrize("preset", ["fast", "paper"])
@pytest.mark.parametrize("init", ["content", "noise"])
def test_a_content_of_one_colour_takes_the_colour_of_a_style_of_one_colour(preset, init):
    content, style = np.full((48, 64, 3), (200, 40, 30), np.uint8), np.full((64, 48, 3), (20, 60, 180), np.uint8)
    result = pipeline.stylize(content, style, preset=preset, init=init, size=64, steps=3, warp=False)
    assert not result.record["stopped"] and np.isfinite([row["total"] for row in result.history]).all()
    assert np.abs(result.image.astype(int) - (20, 60, 180)).max() <= 3
    assert result.record["metrics"]["style_distance"] < 0.05


def lab(picture):
    return rgb_to_lab(imaging.read(np.ascontiguousarray(picture[..., :3])).rgb)


def test_a_run_gives_pictures_of_the_contents_aspect_and_a_full_record(plain):
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
    gentle = 0.8 * POINTS[:, :2] + [[1, 0], [-1, 1], [0, 1.5], [1, -1], [-1, 0]]
    options = {"color_only": True, "points": np.column_stack([POINTS[:, :2], gentle])}
    reach = [np.abs(run(pair, warp_strength=s, **options).warp.moved).sum() for s in (0.5, 1.0, 1.5)]
    assert reach[0] < 0.8 * reach[1] and reach[1] < 0.8 * reach[2]


def test_poor_matches_give_plain_style_transfer_and_say_so(pair):
    flat = np.full((64, 72, 3), 90, np.uint8)
    result = run((pair[0], flat), points=None)
    assert result.warp.is_identity
    assert "plain style transfer" in result.record["matches"]["verdict"]
    assert len(result.matches) == 0


def test_a_pin_lands_where_its_style_point_is_in_the_contents_frame(pair):
    pin = (40, 25, 45, 30)
    result = run(pair, pins=[pin], gamma=50.0)
    base = Matches(POINTS[:, :2], POINTS[:, 2:4], None, (80, 60), (72, 64))
    from correspondence import align

    wanted = align(
        Matches(
            np.concatenate([[pin[:2]], base.content]),
            np.concatenate([[pin[2:]], base.style]),
            np.concatenate([[1.0], POINTS[:, 4]]), (80, 60), (72, 64), pinned=[True] + 5 * [False],
        )
    )[0]  # fmt: skip
    assert np.abs(result.warp.map_points(np.array([pin[:2]], float)) - wanted).max() < 0.5
    assert result.matches.content[0].tolist() == [40, 25]
    assert "1 pinned" in result.record["matches"]["verdict"]


def test_dropped_matches_are_left_out(pair):
    result = run(pair, drop=[2, 5])
    assert np.array_equal(result.matches.content, POINTS[[0, 2, 3], :2])
    result = run(pair, drop=[1, 2, 3])
    assert len(result.matches) == 2
    assert (
        "3 dropped and 0 pinned by hand), fewer than the 3" in result.record["matches"]["verdict"]
        and result.warp.is_identity
    )
    with pytest.raises(InputError, match="there are 5"):
        run(pair, drop=[6])


def test_a_protected_part_is_rigid_in_the_result(pair):
    mask = np.zeros((60, 80), np.uint8)
    mask[15:35, 30:55] = 255
    result = run(pair, rigid_mask=mask)
    points = np.argwhere(mask)[::5, ::-1].astype(float)
    a, b = points @ [1, 1j], result.warp.map_points(points) @ [1, 1j]
    system = np.stack([a, np.ones_like(a)], 1)
    assert np.abs(system @ np.linalg.lstsq(system, b, rcond=None)[0] - b).max() < 0.5


def test_geometry_gives_the_shapes_and_style_the_strokes(pair):
    seen = blobs((90, 50), 5)
    points = [[10, 10, 12, 9], [70, 12, 80, 10], [40, 50, 44, 41], [20, 40, 30, 30]]
    result = run(pair, geometry=seen, points=points)
    assert result.matches.style_size == (90, 50)
    assert result.record["geometry"]["size"] == [90, 50]
    assert result.style.shape == (57, 64, 3)
    with pytest.raises(InputError, match="outside the image"):
        run(pair, points=points)


def test_the_weight_of_a_style_decides_how_much_of_it_is_seen(pair):
    black, white = (np.full((40, 40, 3), level, np.uint8) for level in (0, 255))
    options = {"points": None, "warp": False, "steps": 10, "lr": 0.05, "alpha": 0.1}
    means = [run((pair[0], [black, white]), style_weights=w, **options).image.mean() for w in ([1, 0], [1, 1], [0, 1])]
    assert means[0] + 20 < means[1] < means[2] - 20
    assert len(run((pair[0], [black, white]), points=None, warp=False).record["styles"]) == 2


def test_luminance_keeps_the_colours_of_the_warped_content(pair):
    result = run(pair, preserve_color="luminance")
    apart = (lab(result.image) - lab(result.warped_content))[:, 1:].abs()
    assert apart.mean() < 0.7 and apart.max() < 4  # what rounding both to 8 bits does
    apart = (lab(result.unwarped) - lab(result.content))[:, 1:].abs()
    assert apart.mean() < 0.7 and apart.max() < 4
    assert not np.array_equal(result.image, result.warped_content)


def test_histogram_brings_the_style_to_the_contents_colours(pair):
    style = np.clip(pair[1] * 0.2, 0, 255).astype(np.uint8)
    options = {"points": None, "warp": False, "steps": 10, "lr": 0.05, "alpha": 0.5}
    dark, kept = (run((pair[0], style), preserve_color=p, **options).image.mean() for p in ("none", "histogram"))
    assert abs(kept - pair[0].mean()) < abs(dark - pair[0].mean()) / 2


def test_color_only_bends_and_recolours_without_a_step(pair):
    result = run(pair, color_only=True)
    assert result.history == [] and result.record["terms"] == []
    assert not result.warp.is_identity
    means = [picture.reshape(-1, 3).mean(0) for picture in (result.unwarped, result.content, result.style)]
    assert np.linalg.norm(means[0] - means[2]) < 0.5 * np.linalg.norm(means[1] - means[2])


def test_areas_are_painted_apart(pair):
    mask = np.zeros((60, 80), np.uint8)
    mask[:, 40:] = 255
    style = np.zeros((40, 40, 3), np.uint8)
    style[:, 20:] = 255
    options = {"points": None, "warp": False, "steps": 12, "lr": 0.05, "alpha": 0.1}
    masks = {"content_mask": mask, "style_mask": 255 - style}
    image = run((pair[0], style), **options, **masks).image
    assert image[:, :28].mean() > image[:, 36:].mean() + 60


@pytest.mark.parametrize("init", ["noise", "style"])
def test_the_first_guess_shows_in_the_first_step(pair, init):
    first = []
    run(pair, init=init, on_step=lambda step: first.append(step.state.image.clone()) or True)
    run(pair, on_step=lambda step: first.append(step.state.image.clone()) or True)
    assert (first[0] - first[1]).abs().mean() > 0.05


def test_alpha_is_bent_with_the_picture(pair):
    alpha = np.zeros((60, 80, 1), np.uint8)
    alpha[10:50, 20:60] = 255
    result = run((np.concatenate([pair[0], alpha], 2), pair[1]))
    assert result.image.shape == (48, 64, 4)
    held = imaging.resize(torch.from_numpy(alpha).permute(2, 0, 1)[None] / 255, 64)
    bent = result.warp.apply(held)[0, 0].numpy()
    assert np.abs(result.image[..., 3] / 255 - bent).max() < 0.01
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


def test_a_run_bends_any_picture_at_its_own_size_and_depth(plain, tmp_path):
    plain.save(tmp_path / "run")
    deep = (np.random.default_rng(0).random((120, 160, 4)) * 65535).astype(np.uint16)
    bent, factor = dst.warp_image(deep, run=tmp_path / "run")
    assert bent.size == (160, 120) and bent.depth == 16 and bent.alpha is not None and factor == 1
    expected = plain.warp.apply(imaging.read(deep).rgb).clamp(0, 1)
    assert torch.equal(bent.rgb, expected)
    still, _ = dst.warp_image(deep, run=tmp_path / "run", strength=0.0)
    assert torch.equal(still.rgb, imaging.read(deep).rgb)


def test_keypoints_bend_a_picture_without_a_run(pair):
    bent, _ = dst.warp_image(pair[0], points=POINTS, style_size=(72, 64))
    same = pipeline.stylize(*pair, points=POINTS, color_only=True, size=80)  # the very warp that a run would begin with
    assert torch.equal(bent.rgb, same.warp.apply(imaging.read(pair[0]).rgb).clamp(0, 1))
    assert np.array_equal(imaging.to_array(bent.rgb), same.warped_content)
    for options in ({}, {"run": "x", "points": POINTS}):
        with pytest.raises(InputError, match="a run or points to warp by"):
            dst.warp_image(pair[0], **options)


def test_matching_a_picture_with_itself_keeps_it(pair):
    matches, verdict = dst.match(pair[0], pair[0], **{k: SMALL[k] for k in ("encoder", "weights", "match_size")})
    assert len(matches) >= 4 and str(len(matches)) in verdict
    assert np.abs(matches.content - matches.style).max() < 2


def test_the_demo_pair_is_there():
    content, style = samples.demo_pair()
    assert min(content.size) >= 200
    with Image.open(style) as picture:
        assert min(picture.size) >= 256


def test_each_optimiser_paints_about_as_well_by_its_own_learning_rate():
    def measured(**options):
        return pipeline.stylize(*samples.demo_pair(), size=96, warp=False, **options).record["metrics"]

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
        image = pipeline.stylize(*samples.demo_pair(), size=200, warp=False, preset=preset).image
        lower = torch.from_numpy(image[len(image) * 4 // 5 :]).permute(2, 0, 1)[None].float() / 255
        return rgb_to_lab(lower).mean((0, 2, 3))

    assert (dress("fast") - dress("default")).norm() < 5


def test_a_start_from_the_style_does_not_end_as_the_painting():
    content, style = samples.demo_pair()
    found = pipeline.stylize(content, style, size=96, warp=False, init="style").unwarped
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
    few = pipeline.stylize(*pair, warp=False, layers="relu1_1+relu2_1", **SMALL)
    assert few.record["settings"]["layers"] == ["relu1_1", "relu2_1"]
    assert not np.array_equal(few.image, plain.image)
    assert np.array_equal(few.image, pipeline.stylize(*pair, warp=False, layers=("relu1_1", "relu2_1"), **SMALL).image)
    for bad, message in (
        ("relu9_1", "did you mean"),
        ("relu1_1+relu1_1", "each once"),
        (3, "names of layers"),
        ("", "names"),
    ):
        with pytest.raises(InputError, match=message):
            pipeline.stylize(*pair, layers=bad, **SMALL)
