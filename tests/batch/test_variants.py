"""Variants: looks by warp strengths on one sheet, each look painted once, and the keywords that paint each large."""

import numpy as np
import pytest
from conftest import blobs
from PIL import Image
from runs_of import POINTS

from dst import imaging
from dst.batch.variants import variants
from dst.config import LOOKS, STRENGTHS, VARIED, InputError
from dst.deform import matching, pipeline
from dst.viz.sheets import GAP

pytestmark = pytest.mark.usefixtures("no_figures", "no_metrics")
TINY = {
    "smallest_scale": 32, "steps": 2, "samples": 32, "style_samples": 32, "encoder": "vgg19-16x", "weights": "random",
    "match_size": 64, "faces": "off", "splitting": 0,
    "layers": ("relu1_1", "relu2_1", "relu3_1"),
}  # fmt: skip
ALL = [(strength, look) for strength in STRENGTHS for look in LOOKS]


@pytest.fixture(scope="module")
def images():
    """Of which the points of `runs_of` are matches."""
    return blobs((80, 60), 0), blobs((72, 64), 1)


@pytest.fixture
def painted(monkeypatch):
    """The runs that are made from now on, as (keywords, Result)."""
    made, before = [], pipeline.stylize

    def stylize(*given, **options):
        made.append((options, before(*given, **options)))
        return made[-1][1]

    monkeypatch.setattr(pipeline, "stylize", stylize)
    return made


def places(sheet: np.ndarray, image: np.ndarray) -> list[tuple[int, int]]:
    """The rows and columns at which an image stands on a sheet, pixel for pixel."""
    height, width = image.shape[:2]
    starts = np.argwhere((sheet[: 1 - height or None, : 1 - width or None] == image[0, 0]).all(2))
    return [(y, x) for y, x in starts.tolist() if np.array_equal(sheet[y : y + height, x : x + width], image)]


def test_each_look_is_painted_once_and_warped_to_each_strength(images, painted):
    given = {**TINY, "points": POINTS, "seed": 3, "size": 40, "gamma": 0.0}
    sheet, choices, verdict = variants(*images, side=32, **given)
    assert len(painted) == 3 and verdict == "5 points given"
    assert [(choice["warp_strength"], choice["look"]) for choice in choices] == ALL
    assert all(
        {**given, "look": choice["look"], "warp_strength": choice["warp_strength"]} == choice for choice in choices
    )
    # the first row is what its keywords make at the sheet's size
    del painted[:]
    first = [pipeline.stylize(*images, **{**choice, "size": 32}).image for choice in choices[:3]]
    rows, columns = zip(*(place for image in first for place in places(sheet, image)), strict=True)
    assert len(rows) == 3 and len(set(rows)) == 1 and columns == tuple(sorted(columns))
    # the others are it under the warp of a run of their strength, which here keeps the one that it starts from
    tops = [rows[0]]
    for strength, look in ALL[3:]:
        own = {**given, "look": look, "warp_strength": strength, "size": 32, "steps": 1, "warp_lr": 0}
        warped = pipeline.stylize(*images, **own).warp.apply(first[list(LOOKS).index(look)])
        ((top, left),) = places(sheet, warped)
        assert left == columns[list(LOOKS).index(look)] and not np.array_equal(warped, first[list(LOOKS).index(look)])
        tops.append(top)
    assert tops[0] < tops[1] == tops[2] == tops[3] < tops[4] == tops[5] == tops[6]
    assert np.array_equal(sheet, variants(*images, side=32, **given)[0])


def test_images_are_matched_once_whatever_guides_the_warp(images, painted, monkeypatch):
    calls, found = [], matching.read_points(POINTS, (80, 60), (72, 64))
    monkeypatch.setattr(matching, "find_matches", lambda *given: (calls.append(given), found)[1])
    monkeypatch.setattr(matching, "judge", lambda *given: (True, "5 matches"))
    mask = np.zeros((60, 80), np.uint8)
    mask[50:, :10] = 255
    given = {**TINY, "pins": [(70, 10, 60, 12)], "drop": (5,), "rigid_mask": mask, "geometry": images[1]}
    _, choices, verdict = variants(*images, side=32, **given)
    assert len(calls) == 1 and len(painted) == 3 and len(choices) == 9
    assert verdict == "5 matches (1 dropped, 1 pinned by hand)" and choices[4]["pins"] == given["pins"]


def test_without_matches_there_is_one_row_in_half_the_steps(images, painted):
    flat = np.full((60, 80, 3), 90, np.uint8)
    sheet, choices, verdict = variants(images[0], flat, side=32, **{**TINY, "steps": 7, "min_matches": 5})
    assert [choice["look"] for choice in choices] == list(LOOKS) and "warp_strength" not in choices[0]
    assert "plain style transfer" in verdict and choices[0]["steps"] == 7
    assert [len(result.history) for _, result in painted] == [4, 4, 4]
    tall = variants(*images, side=32, **TINY, points=POINTS)[0]
    assert sheet.shape[0] < tall.shape[0] and (sheet[-1] == 255).all()


def test_alpha_and_kept_colours_stay_as_a_run_leaves_them(images):
    """Seen over white; after so few steps a run that paints for its warp differs little from the cell."""
    alpha = np.concatenate([images[0], np.full((60, 80, 1), 128, np.uint8)], 2)
    given = {**TINY, "points": POINTS, "preserve_color": "luminance", "gamma": 0.0}
    seen = []
    sheet, choices, _ = variants(alpha, images[1], side=32, **given, on_look=lambda *event: seen.append(event))
    assert [event[:2] for event in seen] == [(0, 3), (1, 3), (2, 3)] and seen[0][2].image.shape == (24, 32, 4)
    ((top, left),) = places(sheet, imaging.flatten(seen[0][2].image))
    shown = sheet[top + 2 * (24 + GAP) :, left : left + 32][:24].astype(float)
    whole = pipeline.stylize(alpha, images[1], **{**choices[6], "size": 32})
    still = imaging.flatten(whole.unwarped).astype(float)
    assert abs(shown - imaging.flatten(whole.image)).mean() < 2 < 6 < abs(shown - still).mean()


def test_a_stop_leaves_the_looks_that_are_painted(images, painted):
    _, choices, _ = variants(*images, side=32, **TINY, points=POINTS, on_look=lambda index, *_: index == 1)
    assert len(painted) == 2
    assert [choice["look"] for choice in choices] == ["photo", "balanced"] * 3


def test_words_stand_beneath_each_image_and_below_all(images):
    given = {**TINY, "points": POINTS, "side": 32}
    told = []
    plain = variants(*images, **given)[0]
    worded = variants(*images, **given, caption=lambda choice: (told.append(choice), "a b")[1], foot="w " * 200)[0]
    assert [(choice["warp_strength"], choice["look"]) for choice in told] == ALL
    assert worded.shape[1] == plain.shape[1] and worded.shape[0] > plain.shape[0] + 3 * 15


@pytest.mark.parametrize("name", VARIED)
def test_what_the_sheet_varies_is_refused(images, name, monkeypatch):
    monkeypatch.setattr(matching, "plan_warp", None)
    with pytest.raises(InputError, match=f"{name} is given, but variants takes none, for its .*: leave it out"):
        variants(*images, **TINY, **{name: True})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 31}, "side is 31: it takes a whole number from 32 to 2048"),
        ({"style_strength": 0}, "style_strength 0 paints nothing, so that all looks are the same"),
        ({"method": "gatys"}, "samples is given, but the method gatys does not use it"),
        ({"sise": 3}, "did you mean 'size'"),
        ({"trunk": "vgg16"}, "encoder is given twice"),
        ({"size": 7}, "size is 7"),
        ({"content_mask": "m.png"}, "content_mask is given without style_mask"),
        ({"stroke_size": 2, "size": 400}, "a stroke_size of 2 at size 400 needs"),
        ({"pins": [(300, 1, 1, 1)]}, "pin 1: its content point .* is outside"),
        ({"points": "none.csv"}, "none.csv"),
    ],
)
def test_bad_options_are_refused_before_any_work(images, options, message, monkeypatch):
    monkeypatch.setattr(matching, "plan_warp", None)
    with pytest.raises(InputError, match=message):
        variants(*images, **{**TINY, **({} if "size" in options else {"size": 40}), **options})


def test_a_missing_image_is_refused(images, tmp_path):
    Image.fromarray(images[0]).save(tmp_path / "c.png")
    with pytest.raises(InputError, match=r"none\.png does not exist"):
        variants(tmp_path / "c.png", tmp_path / "none.png", **TINY)
