"""Images that are a few pixels wide where they are painted or matched."""

import numpy as np
import pytest
from conftest import blobs
from runs_of import run

import dst
from dst import imaging
from dst.config import InputError
from dst.viz import animation


@pytest.mark.parametrize("sides", [((200, 16), (60, 90)), ((60, 90), (240, 18))])
def test_a_long_strip_is_painted_saved_and_read_though_it_is_a_few_pixels_wide_by_then(sides, tmp_path):
    result = run([blobs(side, k) for k, side in enumerate(sides)], points=None)
    result.save(tmp_path / "run")
    width, height = imaging.fit_size(sides[0], 64)
    assert result.image.shape == (height, width, 3)
    assert np.array_equal(dst.load_run(tmp_path / "run").image, result.image)
    assert result._repr_png_() and all(frame.shape == (height, width, 3) for frame in animation.morph(result, count=4))


@pytest.mark.parametrize("strip", [(17, 2000), (2000, 17)])
@pytest.mark.parametrize("method", ["nnst", "strotss", "gatys"])
@pytest.mark.parametrize("size", [32, 64, 117])
def test_a_strip_of_any_length_is_painted_and_painted_from_at_any_size(strip, method, size):
    """17 x 2000 is a single pixel wide up to a size of 176."""
    assert min(imaging.fit_size(strip, size)) == 1
    for sides in beside(strip):
        given = [blobs(side, k) for k, side in enumerate(sides)]
        result = run(given, points=None, method=method, size=size, metrics=True, faces="off", layers=None)
        width, height = imaging.fit_size(sides[0], size)
        assert result.image.shape == (height, width, 3) and len(result.history) == 2 and not result.record["stopped"]
        assert all(np.isfinite(value) for value in result.record["metrics"].values() if value is not None)


def beside(strip):
    """The sizes of pairs of which one image is a strip, or both are."""
    return (strip, (60, 90)), ((60, 90), strip), (strip, strip)


@pytest.mark.parametrize("strip", [(17, 2000), (2000, 17)])
def test_a_strip_is_looked_at_for_faces_and_not_matched(strip):
    for sides in beside(strip):
        verdict = dst.match(*(blobs(side, k) for k, side in enumerate(sides)), **RANDOM)[1]
        assert "an image of {} x {} is 2 pixels wide at 256".format(*strip) in verdict


@pytest.mark.parametrize("side", [(16, 640), (640, 16)])
def test_a_strip_three_pixels_wide_has_a_last_pass_too(side):
    result = run(
        [blobs(side, 0), blobs((60, 90), 1)], points=None, size=100, splitting=2, pyramid_levels=5, layers=None
    )
    assert min(result.image.shape[:2]) <= 3 and len(result.history) == 4 and not result.record["stopped"]


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
