"""Options that contradict one another are refused when a run begins, in one line."""

import pytest

from dst.config import InputError, StylizeConfig
from dst.deform.guidance import check_guidance


@pytest.mark.parametrize(
    "options, styles, warp, points, message",
    [
        ({"rigid_mask": "m.png"}, 1, False, None, "rigid_mask is given, but no warp"),
        ({"pins": [(1, 2, 3, 4)]}, 1, False, None, "pins is given, but no warp"),
        ({"drop": [1]}, 1, False, None, "drop is given, but no warp"),
        ({"geometry": "g.png"}, 1, False, None, "geometry is given, but no warp"),
        ({}, 1, False, [[1, 2, 3, 4]], "points are given, but no warp"),
        ({"content_mask": "m.png"}, 1, True, None, "content_mask is given without style_mask"),
        ({"style_mask": "m.png"}, 1, True, None, "style_mask is given without content_mask"),
        ({"color_only": True, "preserve_color": "luminance"}, 1, True, None, "contradict"),
        ({"color_only": True, "init": "noise"}, 1, True, None, "init has no use"),
        ({"style_weights": [1]}, 2, True, None, "1 style_weights for 2 style images"),
        ({"style_weights": [1, 2]}, 1, True, None, "2 style_weights for 1 style image:"),
        ({"style_weights": [1, -1]}, 2, True, None, "style_weights is -1"),
        ({"style_weights": [0, 0]}, 2, True, None, "all 0"),
        ({"color_only": True, "stroke_size": 0.5}, 1, True, None, "color_only paints nothing, so stroke_size has no"),
        ({"style_strength": 0, "stroke_size": (1, 2)}, 2, True, None, "style_strength 0 paints nothing, so stroke_"),
        ({"stroke_size": (1, 2)}, 1, True, None, "2 values of stroke_size for 1 style image: give one each, or one"),
        ({"stroke_size": 2.5}, 1, True, None, "stroke_size is 2.5: it takes a finite number from 0.5 to 2"),
        ({"drop": [0]}, 1, True, None, "drop is 0"),
        ({"drop": ["x"]}, 1, True, None, "drop is 'x'"),
    ],
)
def test_contradictions_are_refused_in_one_line(options, styles, warp, points, message):
    with pytest.raises(InputError, match=message) as caught:
        check_guidance(StylizeConfig.from_options(**options), styles, warp, points)
    assert "\n" not in str(caught.value)


def test_empty_lists_are_nothing_given():
    check_guidance(StylizeConfig.from_options(pins=[], drop=(), style_weights=[]), 2, False, None)


def test_what_is_given_as_it_is_anyway_is_not_idle():
    check_guidance(StylizeConfig.from_options(color_only=True, init="content", stroke_size=(1, 1.0)), 2, True, None)


def test_a_first_guess_that_is_nothing_known_is_refused_when_the_run_begins_with_one_suggestion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sty.png").write_bytes(b"")
    for given, advice in (
        ("stlye", "did you mean 'style'"),
        ("styl.png", "did you mean 'sty.png'"),
        ("sty.png", "init:"),
    ):
        with pytest.raises(InputError, match=advice) as caught:
            check_guidance(StylizeConfig.from_options(init=given), 1, True, None)
        assert str(caught.value).count("did you mean") == (advice != "init:")
