"""What the parser's rows give besides the parser."""

import pytest

from dst.cli.parsing import Axis, as_flags


def test_messages_name_options_by_their_flags():
    assert as_flags("raise `warp_lr`, give `force` or `points`") == "raise --warp-lr, give --force or --points"
    assert as_flags("`pins` or `rigid_mask`") == "--pin or --rigid-mask"
    assert as_flags("the encoder `compact`, a column `name`") == "the encoder `compact`, a column `name`"


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("trunk=compact,vgg16", ("encoder", ["compact", "vgg16"])),
        ("style-weights=1,2;2,1", ("style_weights", [(1, 2), (2, 1)])),
        ("stroke_size=0.5,1,2", ("stroke_size", [0.5, 1, 2])),
        ("stroke-size=0.5,1;2", ("stroke_size", [(0.5, 1), 2])),
        ("--pin=1,2,3,4;5,6,7,8", ("pins", [((1, 2, 3, 4),), ((5, 6, 7, 8),)])),
    ],
)
def test_an_axis_knows_an_option_by_any_of_its_names(text, axis):
    assert Axis().parse("--rows", text) == axis
    assert as_flags("max_points is 3, but min_matches is 4") == "--max-points is 3, but --min-matches is 4"
    assert as_flags("pins is given, but no warp") == "--pin is given, but no warp"
    for untouched in (
        "my_max_points.csv is no table",
        "max_points.csv is no table",
        "layer 'max_points'",
        "style is given",
    ):
        assert as_flags(untouched) == untouched
