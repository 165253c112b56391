"""Options: every one has a sentence and a range that its default keeps to; what is wrong is refused and named."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest

from dst.config import (
    METHODS,
    PRESET_NAMES,
    PRESETS,
    AnimationConfig,
    GridConfig,
    GuidanceConfig,
    InputError,
    MatchConfig,
    OptimizeConfig,
    StylizeConfig,
    WarpConfig,
    check_choice,
    check_number,
    flag_of,
    option_fields,
    option_name,
    suggest,
)
from dst.config.kinds import Files, Names, Number, Numbers, Rows, Switch
from dst.config.optim import OPTIMIZERS

STAGES = (MatchConfig, WarpConfig, OptimizeConfig, GuidanceConfig)
FIELDS = [(kind, f) for kind in (StylizeConfig, *STAGES) for f in dataclasses.fields(kind) if f.metadata]
BESIDE = [(kind, f) for kind in (AnimationConfig, GridConfig) for f in dataclasses.fields(kind)]
NUMBERS = [(kind, f) for kind, f in FIELDS + BESIDE if isinstance(f.metadata["kind"], Number)]


def named(pairs):
    return [pytest.param(kind, f, id=f.name) for kind, f in pairs]


@pytest.mark.parametrize(("kind", "f"), named(FIELDS))
def test_every_option_explains_itself(kind, f):
    meta = f.metadata
    assert meta["help"] and meta["group"]
    assert meta["looks"]
    if f.default is not None:
        assert meta["kind"].check(f.name, f.default) == f.default


@pytest.mark.parametrize(("kind", "f"), named(NUMBERS))
def test_every_number_has_a_range_and_keeps_to_it(kind, f):
    low, high = f.metadata["kind"].low, f.metadata["kind"].high
    default = low if f.default is None else f.default
    assert low <= default <= high
    for good in (low, high, default):
        assert getattr(kind(**{f.name: type(default)(good)}), f.name) == good


@pytest.mark.parametrize(("kind", "f"), named(NUMBERS))
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "7", None, True, "below", "above"])
def test_a_bad_number_is_refused_with_its_name_and_range(kind, f, bad):
    low, high = f.metadata["kind"].low, f.metadata["kind"].high
    if bad is None and f.default is None:
        pytest.skip("left out, it is told by another option")
    bad = {"below": low - 1, "above": high + 1}.get(bad, bad)
    with pytest.raises(InputError, match=f"{f.name} is .* takes"):
        kind(**{f.name: bad})


@pytest.mark.parametrize(("kind", "f"), named([p for p in NUMBERS if isinstance(p[1].default, int)]))
def test_a_fraction_is_no_whole_number(kind, f):
    with pytest.raises(InputError, match="whole number"):
        kind(**{f.name: f.default + 0.5})


def test_no_two_options_share_a_name():
    names = [f.name for _, f in FIELDS]
    assert len(names) == len(set(names))


def test_options_reach_their_stage_on_top_of_the_preset():
    config = StylizeConfig.from_options("fast", size=300, alpha=3.0, beta=0.1, max_points=12)
    assert (config.size, config.optimize.alpha, config.warp.beta, config.match.max_points) == (300, 3.0, 0.1, 12)
    assert config.optimize.steps == PRESETS["fast"]["steps"]
    assert StylizeConfig.from_options("fast", steps=7).optimize.steps == 7


def test_presets_are_valid_and_named():
    assert tuple(PRESETS) == PRESET_NAMES
    for name in PRESET_NAMES:
        StylizeConfig.from_options(name)
    assert StylizeConfig.from_options() == StylizeConfig()


def test_learning_rates_are_the_optimisers_own_unless_given():
    def rates(preset="default", **options):
        return StylizeConfig.from_options(preset, **options).optimize.rates

    assert rates() == OPTIMIZERS["adam"] and rates("paper") == rates(optimizer="sgd") == OPTIMIZERS["sgd"]
    assert rates(optimizer="sgd", lr=0.3) == (0.3, OPTIMIZERS["sgd"][1])
    assert rates("fast")[0] == PRESETS["fast"]["lr"]
    assert rates("fast", optimizer="rmsprop") == OPTIMIZERS["rmsprop"]


def test_flat_goes_back_to_the_same_config():
    config = StylizeConfig.from_options("paper", size=99, method="gatys", clusters=5)
    flat = config.flat()
    assert set(flat) == {f.name for _, f in FIELDS}
    assert StylizeConfig.from_options(**flat) == config


@pytest.mark.parametrize(
    ("options", "guess"),
    [
        ({"alhpa": 1}, "alpha"),
        ({"max_point": 3}, "max_points"),
        ({"method": "strots"}, "strotss"),
        ({"encoder": "vgg_19"}, "vgg19"),
        ({"preset": "defualt"}, "default"),
    ],
)
def test_a_misspelt_name_gets_the_right_one(options, guess):
    with pytest.raises(InputError, match=f"did you mean '{guess}'"):
        StylizeConfig.from_options(**options)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("style-weights", "style_weights"),
        ("--style-weights", "style_weights"),
        (" alpha ", "alpha"),
        ("pin", "pins"),
        ("--pin", "pins"),
        ("pins", "pins"),
        ("trunk", "encoder"),
        ("--protect", "rigid_mask"),
        ("no-such-option", "no_such_option"),
    ],
)
def test_an_option_is_known_however_its_name_is_typed(typed, name):
    assert option_name(typed) == name


@pytest.mark.parametrize("name", option_fields())
def test_every_option_is_known_by_its_name_and_its_flag(name):
    assert option_name(name) == option_name(flag_of(option_fields()[name])) == name


def test_an_option_by_its_old_name_and_its_new_one_is_given_twice():
    assert StylizeConfig.from_options(trunk="vgg16", pin=((1, 2, 3, 4),)).flat()["pins"] == [[1, 2, 3, 4]]
    with pytest.raises(InputError, match="encoder is given twice, the second time as 'trunk'"):
        StylizeConfig.from_options(encoder="vgg19", trunk="vgg16")


def test_what_is_far_from_any_name_gets_the_list_alone():
    with pytest.raises(InputError) as caught:
        check_choice("method", "qqqq", ("strotss", "gatys"))
    assert "strotss, gatys" in str(caught.value) and "did you mean" not in str(caught.value)
    assert suggest("qqqq", ("strotss",)) == ""


def test_replace_checks_names_and_ranges():
    config = OptimizeConfig()
    assert config.replace(steps=3).steps == 3 and config.steps == OptimizeConfig().steps
    with pytest.raises(InputError, match="did you mean 'steps'"):
        config.replace(step=3)
    with pytest.raises(InputError, match="steps is -1"):
        config.replace(steps=-1)


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MatchConfig().max_points = 3


def test_check_number_words():
    with pytest.raises(InputError, match=r"size is 3: it takes a whole number, 16 or more"):
        check_number("size", 3, 16, None, whole=True)
    check_number("share", 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Numbers(1, None, whole=True), "3,1,3", (1, 3)),
        (Numbers(0, 1e6), "1,0.5", (1.0, 0.5)),
        (Rows("XYXY", "four numbers"), "1,2,3,4", ((1.0, 2.0, 3.0, 4.0),)),
        (Rows("XYXY", "four numbers"), "1,2,3,4;5,6,7,8.5", ((1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.5))),
        (Names(), "relu1_1+relu3_1", ("relu1_1", "relu3_1")),
        (Switch(), "No", False),
        (Files(), "a.png;b.png", ("a.png", "b.png")),
    ],
)
def test_a_text_and_a_value_from_python_come_out_alike(kind, text, value):
    assert kind.parse("x", text) == value
    assert kind.check("x", value) == value


@pytest.mark.parametrize(
    ("kind", "bad", "message"),
    [
        (Numbers(1, None, whole=True), "1,x", "x is '1,x': it takes whole numbers"),
        (Numbers(1, None, whole=True), "0", "x is 0: it takes a whole number, 1 or more"),
        (Numbers(0, 1e6, positive=True), "0,0", "all 0"),
        (Rows("XYXY", "four numbers"), "1,2,3", "each takes four numbers"),
        (Rows("XYXY", "four numbers"), "1,2,3,nan", "each takes four numbers"),
        (Number(0, 1, whole=True), "9" * 5000, "it takes a whole number from 0 to 1"),
        (Number(0, 1), "1e999", "x is inf"),
        (Names(), "a++b", "each once"),
        (Switch(), "perhaps", "it takes yes or no"),
    ],
)
def test_a_bad_text_is_refused_in_one_short_line(kind, bad, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        kind.parse("x", bad)
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


def test_options_take_what_numpy_and_pathlib_give():
    config = StylizeConfig.from_options(
        size=np.int64(64),
        alpha=np.float32(0.5),
        pins=np.array([1, 2, 3, 4]),
        drop=np.array([2, 1]),
        geometry=Path("a.png"),
    )
    assert (config.size, type(config.size), config.optimize.alpha) == (64, int, 0.5)
    assert config.guidance.pins == ((1.0, 2.0, 3.0, 4.0),) and config.guidance.drop == (1, 2)
    assert config.flat()["geometry"] == "a.png"


def test_an_empty_list_is_nothing_given():
    guidance = StylizeConfig.from_options(pins=[], drop=(), style_weights=[]).guidance
    assert guidance.pins is guidance.drop is guidance.style_weights is None


def test_the_size_of_strokes_is_one_number_or_one_for_each_style():
    kind = option_fields()["stroke_size"].metadata["kind"]
    for given, value in (
        (1, 1),
        ([2], 2),
        ((0.5, 2), (0.5, 2)),
        (np.array([0.5, 1.5]), (0.5, 1.5)),
        (np.float32(2), 2),
    ):
        assert StylizeConfig.from_options(stroke_size=given).guidance.stroke_size == value
    for text, value in (("0.5", 0.5), ("0.5,2", (0.5, 2)), ("2, 1", (2, 1))):
        assert kind.parse("stroke_size", text) == value
    for text, wrong in (("0.5,x", "'x'"), ("2.1", "2.1"), ("1,0.4", "0.4"), ("1,", "''"), ("", "''"), ("nan", "nan")):
        with pytest.raises(InputError, match=f"stroke_size is {wrong}: it takes a finite number from 0.5 to 2"):
            kind.parse("stroke_size", text)
    for wrong in ([], [[1, 2]], ["1"], {}):
        with pytest.raises(InputError, match=r"stroke_size is .*: it takes a finite number"):
            StylizeConfig.from_options(stroke_size=wrong)


def test_every_method_has_a_class():
    from dst.methods.table import CLASSES

    assert set(CLASSES) == set(METHODS)
