"""The size of strokes: a style is painted from at that many times the size it would have, at every scale of the schedule."""

import math

import numpy as np
import pytest
import torch
from conftest import blobs, refused
from PIL import Image
from runs_of import BARE, POINTS, run

import dst
from dst import imaging
from dst.config import InputError, StylizeConfig
from dst.deform import objective, pipeline
from dst.deform.guidance import check_strokes
from dst.deform.inputs import make_scene, read_inputs
from dst.deform.strokes import finest_side, scale_side
from dst.methods.gatys import Gatys
from dst.methods.targets import StyleCache
from dst.optim.init import guide_image

CONTENT = blobs((128, 96), 0)
PLAIN = {"points": None, "warp": False, "method": "gatys", "steps": 1}


@pytest.fixture
def painted_from(monkeypatch):
    """The styles that a method is given at each scale of the runs that are made: lists of images (1, 3, h, w)."""
    found = []

    class Spy(Gatys):
        def __init__(self, encoder, content, styles, config, generator, segments=None, cache=None):
            found.append([style.image for style in styles])
            for segment in segments or ():
                assert [mask.shape[-2:] for mask in segment.styles] == [style.image.shape[-2:] for style in styles]
            super().__init__(encoder, content, styles, config, generator, segments, cache)

    monkeypatch.setattr(objective, "method_class", lambda name, last_pass=False, details=False: Spy)
    return found


def sides(images):
    return [tuple(max(image.shape[-2:]) for image in scale) for scale in images]


STRIPES = np.repeat((127 + 100 * np.sin(np.arange(256) * 2 * np.pi / 32))[None, :, None], 256, 0).repeat(3, 2)
"""Stripes of a period of 8 pixels where the style is as large as a result of 64."""
METHOD_OPTIONS = {
    "gatys": {"steps": 40, "lr": 0.03},
    "strotss": {
        "steps": 25, "lr": 0.05, "layers": ("relu1_1", "relu2_1", "relu3_1"), "samples": 512, "style_samples": 512,
    },
}  # fmt: skip


@pytest.mark.parametrize("method", ["gatys", "strotss"])
def test_the_period_of_stripes_follows_the_size_of_strokes(method):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    shares = []
    for stroke in (0.5, 1, 2):
        image = pipeline.stylize(
            np.full((64, 64, 3), 127, np.uint8), STRIPES.astype(np.uint8), warp=False, method=method, size=64,
            smallest_scale=64, alpha=0, init=noise, stroke_size=stroke, metrics=False, **METHOD_OPTIONS[method],
        ).image.mean(2)  # fmt: skip
        power = np.square(np.abs(np.fft.rfft(image - image.mean(), axis=1))).mean(0)
        power /= power.sum()
        # the share of each period of 4, 8 and 16 pixels, an eighth to either side
        shares.append([power[k - k // 8 - 1 : k + k // 8 + 2].sum() for k in (16, 8, 4)])
    assert np.argmax(shares, 0).tolist() == np.argmax(shares, 1).tolist() == [0, 1, 2], shares


@pytest.mark.parametrize(
    ("size", "stroke", "wanted"),
    [
        ((300, 200), 1, [32, 64, 128]),
        ((300, 200), 2, [64, 128, 256]),
        ((300, 200), 1.5, [48, 96, 192]),
        ((300, 200), 0.5, [24, 32, 64]),  # 24 x 16 at the coarsest scale: no narrower
        ((200, 300), 0.75, [24, 48, 96]),
        ((100, 80), 1, [32, 64, 100]),  # never enlarged
        ((100, 80), 1.25, [40, 80, 125]),
        ((100, 80), 0.5, [20, 32, 50]),
        ((300, 20), 0.5, [32, 64, 128]),  # narrower than 16 pixels as it is
    ],
)
def test_a_style_is_that_many_times_as_large_at_every_scale(painted_from, size, stroke, wanted):
    result = run((CONTENT, blobs(size, 1)), size=128, smallest_scale=32, stroke_size=stroke, **PLAIN)
    assert [side for (side,) in sides(painted_from)] == wanted
    assert {image.shape[3] > image.shape[2] for (image,) in painted_from} == {size[0] > size[1]}
    assert result.record["settings"]["stroke_size"] == stroke
    assert result.style.shape[:2] == imaging.fit_size(size, 128)[::-1]  # as shown beside the result


def test_a_result_larger_than_its_style_is_painted_from_the_styles_own_pixels(painted_from):
    """Beyond the resolution of the style its strokes stay as sharp as they are: it is not enlarged."""
    style = blobs((60, 50), 1)
    run((CONTENT, style), size=256, smallest_scale=64, **PLAIN)
    own = imaging.read(style).rgb
    assert len(painted_from) == 3 and all(torch.equal(image, own) for (image,) in painted_from)


@pytest.mark.parametrize("options", [{}, {"method": "gatys", "preserve_color": "luminance"}])
def test_strokes_of_size_1_are_those_of_a_run_that_does_not_name_them(options):
    pair, two = (CONTENT, blobs((72, 64), 1)), [blobs((72, 64), 1), blobs((40, 50), 2)]
    assert np.array_equal(run(pair, stroke_size=1, **options).image, run(pair, **options).image)
    several = {**options, "points": None, "warp": False}
    given = run((CONTENT, two), stroke_size=(1, 1.0), **several).image
    assert np.array_equal(given, run((CONTENT, two), **several).image)


def test_a_style_is_never_narrower_than_a_cell_of_the_deepest_layers_unless_it_is_so_without():
    rng = np.random.default_rng(0)
    for _ in range(400):
        size = tuple(int(side) for side in np.exp(rng.uniform(math.log(16), math.log(3000), 2)))
        whole, stroke = int(rng.integers(32, 1024)), float(rng.uniform(0.5, 2))
        finest = imaging.fit_size(size, finest_side(size, whole, stroke))
        side = int(rng.integers(16, whole + 1))
        here = imaging.fit_size(finest, scale_side(finest, side, stroke))
        plain = imaging.fit_size(size, min(side, max(size)))
        assert min(here) >= min(16, min(plain) - 1), (size, whole, side, stroke)  # of a strip, rounded twice
        plain = imaging.fit_size(size, min(whole, max(size)))
        assert finest_side(size, whole, 1) == max(plain) and scale_side(plain, side, 1) == min(side, max(plain))


@pytest.mark.parametrize("method", ["strotss", "gatys"])
@pytest.mark.parametrize("stroke", [0.5, 1.25])
@pytest.mark.parametrize("style", [(17, 2000), (2000, 17), (16, 16)])
def test_strips_and_tiny_styles_are_painted_from_at_any_size_of_strokes(style, stroke, method):
    options = {"points": None, "warp": False, "size": 32, "smallest_scale": 16, "stroke_size": stroke}
    result = run((CONTENT, blobs(style, 1)), method=method, **options)
    assert result.history and all(np.isfinite(row["total"]) for row in result.history)


def test_layers_that_can_be_had_without_smaller_strokes_can_be_had_with_them(painted_from):
    deep = {"layers": ("relu5_1",), "size": 96, "smallest_scale": 24}
    run((CONTENT, blobs((60, 45), 1)), stroke_size=0.5, **{**PLAIN, **deep})
    assert min(min(image.shape[-2:]) for (image,) in painted_from) == 16
    with pytest.raises(InputError, match="needs images 16 pixels wide, and at the coarsest scale one is 15"):
        run((CONTENT, blobs((80, 50), 1)), stroke_size=0.5, **{**PLAIN, **deep})


def asked(size, stroke, *styles, weights=None):
    config = StylizeConfig.from_options(size=size, stroke_size=stroke, style_weights=weights)
    check_strokes(config, [(f"{k}.png", style) for k, style in enumerate(styles)])


def test_strokes_that_a_style_has_not_the_pixels_for_are_refused_and_each_advice_holds():
    with pytest.raises(InputError) as caught:
        asked(512, 2, (600, 400))
    assert str(caught.value) == (
        "the style 0.png is 600 x 400 pixels, and a stroke_size of 2 at size 512 needs a long side of 820 or more: "
        "give a larger image of it, or a stroke_size of 1.46 or less, or give a size of 375 or less"
    )
    for good, bad in (
        ((512, 2, (820, 400)), (512, 2, (819, 400))),
        ((512, 1.46, (600, 400)), (512, 1.47, (600, 400))),
        ((375, 2, (600, 400)), (376, 2, (600, 400))),
        ((2000, 1.25, (60, 40)), (2000, 1.26, (60, 40))),  # enlarged a little, and no more
        ((512, (0.5, 1), (60, 40), (30, 30)), (512, (0.5, 2), (60, 40), (30, 30))),
        ((512, (0.5, 2), (60, 40), (900, 30)), (512, (2, 0.5), (60, 40), (900, 30))),
    ):
        asked(*good)
        with pytest.raises(InputError, match="or more: give a larger image"):
            asked(*bad)
    asked(512, (2, 1), (60, 40), (900, 30), weights=(0, 1))  # nothing is painted from the first
    with pytest.raises(InputError, match=r"image of it, or a stroke_size of 1\.25 or less$"):
        asked(512, 2, (51, 16))  # of 31 pixels at most
    with pytest.raises(InputError, match=r", or give a size of 32 or less$"):
        asked(512, 2, (52, 16))


def test_the_command_line_refuses_them_in_one_line_before_any_work(image_file, tmp_path, capsys):
    pair = image_file("content.png"), image_file("style.png", (100, 80))
    said = refused(capsys, "stylize", *pair, "-o", tmp_path / "o.png", "--stroke-size", "2", "--size", "90", "--quiet")
    assert said == (
        "dst: error: the style style.png is 100 x 80 pixels, and a --stroke-size of 2 at size 90 needs a long side of 144 or "
        "more: give a larger image of it, or a --stroke-size of 1.38 or less, or give a size of 62 or less"
    )
    assert not (tmp_path / "o.png").exists()


def test_each_style_has_its_own_and_one_value_counts_for_all(painted_from):
    styles, options = [blobs((300, 200), 1), blobs((260, 300), 2)], {**PLAIN, "size": 64, "smallest_scale": 64}
    run((CONTENT, styles), stroke_size=(0.5, 2), **options)
    run((CONTENT, styles), stroke_size=1.5, **options)
    run((CONTENT, [*styles, blobs((40, 40), 3)]), stroke_size=(2, 0.5, 1), style_weights=(0, 3, 1), **options)
    assert sides(painted_from) == [(32, 128), (96, 96), (32, 40)]
    with pytest.raises(InputError, match="3 values of stroke_size for 2 style images: give one each, or one for all"):
        run((CONTENT, styles), stroke_size=(1, 2, 1), **options)


def test_segments_follow_their_style_to_its_size(painted_from):
    mask, style = np.zeros((96, 128), np.uint8), np.zeros((200, 200, 3), np.uint8)
    mask[:, 64:], style[:, 100:] = 255, 255
    options = {**PLAIN, "content_mask": mask, "style_mask": 255 - style, "steps": 12, "lr": 0.05, "alpha": 0.1}
    for stroke in (0.5, 2):
        image = run((CONTENT, style), stroke_size=stroke, **options).image
        assert image[:, :28].mean() > image[:, 36:].mean() + 40
    assert sides(painted_from) == [(32,), (128,)]  # and the masks with them


def scene_of(stroke, style, **options):
    config = StylizeConfig.from_options(size=64, stroke_size=stroke, **options)
    return make_scene(read_inputs(CONTENT, style, config), config, None, None)


def test_a_mask_is_as_fine_as_the_larger_style_that_it_lies_over():
    mask = np.zeros((192, 256), np.uint8)
    mask[:, 128:] = 255
    for stroke, wanted in ((0.5, 64), (1, 64), (2, 128)):
        (segment, _) = scene_of(stroke, blobs((256, 192), 1), content_mask=mask, style_mask=mask).segments
        assert max(segment.content.shape) == 64 and max(segment.styles[0].shape) == wanted


@pytest.mark.parametrize("init", ["content", "noise", "style"])
@pytest.mark.parametrize("keep", ["none", "luminance", "histogram"])
def test_the_first_guess_and_the_colours_do_not_depend_on_the_size_of_strokes(init, keep):
    style = blobs((300, 200), 1)
    small, plain, large = (scene_of(k, style, init=init, preserve_color=keep) for k in (0.5, 1, 2))
    for scene in (small, large):
        assert (scene.start is None) == (plain.start is None)
        assert scene.start is None or torch.equal(scene.start, plain.start)
        assert torch.equal(scene.content, plain.content)
        assert (scene.styles[0].image.mean((2, 3)) - plain.styles[0].image.mean((2, 3))).abs().max() < 0.01
        guides = [guide_image(s.content, [s.styles[0].image], [1.0]) for s in (scene, plain)]
        assert (guides[0] - guides[1]).abs().max() < 0.05
    assert [max(s.styles[0].image.shape) for s in (small, plain, large)] == [32, 64, 128]


def test_shapes_come_from_the_geometry_whatever_the_size_of_strokes(painted_from):
    pair, shapes = (blobs((80, 60), 0), blobs((300, 200), 1)), blobs((72, 64), 5)
    runs = [run(pair, geometry=shapes, method="gatys", stroke_size=k) for k in (1, 2)]
    assert sides(painted_from) == [(64,), (128,)]
    assert runs[0].matches.style_size == runs[1].matches.style_size == (72, 64)
    assert np.array_equal(runs[0].geometry, runs[1].geometry) and np.array_equal(runs[0].style, runs[1].style)
    assert np.array_equal(runs[0].matches.style, POINTS[:, 2:4]) and not runs[1].warp.is_identity


def test_a_cache_of_styles_keeps_sizes_apart():
    pair, cache, options = (CONTENT, blobs((300, 200), 1)), StyleCache(), {"points": None, "warp": False}
    for stroke in (1, 2, 0.5, 2):
        cached = run(pair, stroke_size=stroke, style_cache=cache, **options).image
        assert np.array_equal(cached, run(pair, stroke_size=stroke, **options).image)
    assert (cache.hits, cache.misses) == (1, 3)


def test_a_large_file_is_read_at_the_size_that_its_strokes_need(monkeypatch):
    read, asked_for = imaging.read, []
    monkeypatch.setattr(
        imaging, "read", lambda s, side=None, **more: asked_for.append(side) or read(s, side=side, **more)
    )
    styles = [blobs((600, 500), 1), blobs((600, 500), 2)]
    options = {**PLAIN, "stroke_size": (2, 0.5)}
    run((CONTENT, styles), **{**options, "size": 128, "smallest_scale": 128})
    assert asked_for[:3] == [128, 256, 128]


RESUMED = {**BARE, "method": "gatys", "warp": False, "stroke_size": (0.5, 2), "steps": 4}


@pytest.fixture
def files(tmp_path, no_figures):
    """The paths of a photograph and of two paintings of 300 x 200 pixels."""
    for k, (name, size) in enumerate((("content", (128, 96)), ("one", (300, 200)), ("two", (300, 200)))):
        Image.fromarray(blobs(size, k)).save(tmp_path / f"{name}.png")
    return tmp_path / "content.png", [tmp_path / "one.png", tmp_path / "two.png"]


def test_a_run_that_is_resumed_is_the_one_that_never_stopped(files, tmp_path):
    whole = pipeline.stylize(*files, **RESUMED)
    pipeline.stylize(*files, run_dir=tmp_path / "run", on_step=lambda step: step.done == 2, **RESUMED)
    resumed = dst.resume(tmp_path / "run")
    assert len(resumed.history) == 4 and np.array_equal(resumed.image, whole.image)
    assert resumed.record["settings"]["stroke_size"] == [0.5, 2]
    assert not np.array_equal(whole.image, pipeline.stylize(*files, **{**RESUMED, "stroke_size": 1}).image)


def test_a_checkpoint_that_says_nothing_of_strokes_has_those_of_the_style(files, tmp_path):
    options = {**RESUMED, "stroke_size": 1}
    whole = pipeline.stylize(*files, **options)
    pipeline.stylize(*files, run_dir=tmp_path / "run", on_step=lambda step: step.done == 2, **options)
    data = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    del data["job"]["scene"]["strokes"], data["job"]["config"]["stroke_size"]
    torch.save(data, tmp_path / "run" / "checkpoint.pt")
    assert np.array_equal(dst.resume(tmp_path / "run").image, whole.image)


def test_a_larger_size_keeps_strokes_as_far_as_the_style_has_the_pixels(files, tmp_path, painted_from):
    run_dir = tmp_path / "run"
    pipeline.stylize(*files, run_dir=run_dir, **RESUMED)
    before = (run_dir / "run.json").read_bytes()
    for size in (256, 188):
        with pytest.raises(InputError) as caught:
            dst.resume(run_dir, size=size)
        assert str(caught.value) == (
            f"{run_dir}: the style two.png is 300 x 200 pixels, and a stroke_size of 2 at size {size} needs a long side of "
            f"{math.ceil(size * 1.6)} or more: make a new run with smaller strokes, or give a size of 187 or less"
        )
    assert (run_dir / "run.json").read_bytes() == before
    dst.resume(run_dir, size=187)
    assert sides(painted_from) == [(32, 128), (47, 188), (94, 374)]  # 94 and 187 pixels after 64
    with pytest.raises(InputError, match=r"or more: make a new run with smaller strokes$"):
        dst.resume(run_dir, size=188)
