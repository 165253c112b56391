"""Calls from Python: whatever the caller has set, the same result; whatever is wrong, one line before any work."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import blobs
from runs_of import BARE, POINTS, SMALL

import dst
from dst import imaging, runtime
from dst.config import InputError
from dst.deform import matching, painting, pipeline
from dst.methods.targets import StyleCache
from dst.runs import checkpoint, progress

CYCLE: list = []
CYCLE.append(CYCLE)


@pytest.fixture(scope="module")
def pair():
    return blobs((80, 60), 0), blobs((72, 64), 1)


def run(pair, **options):
    return pipeline.stylize(*pair, **{"points": POINTS, **SMALL, **options})


@pytest.fixture(scope="module")
def plain(pair):
    return run(pair, metrics=True)


def test_a_run_inside_no_grad_or_inference_mode_is_the_same(pair, plain):
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            assert np.array_equal(run(pair).image, plain.image)


def test_a_run_inside_autocast_or_with_another_default_device_is_the_same(pair, plain, tmp_path, no_figures):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert np.array_equal(run(pair, run_dir=tmp_path / "run").image, plain.image)
    options = {"match_size": 64, "faces": "off", "encoder": "vgg19-16x", "weights": "random"}
    found = dst.match(*pair, **options)
    torch.set_default_device("meta")
    try:
        assert np.array_equal(run(pair).image, plain.image)
        assert dst.match(*pair, **options) == found
        assert dst.read_image(pair[0]).rgb.device.type == "cpu"
        warp = dst.load_run(tmp_path / "run").warp
        warped = dst.warp_image(pair[0], run=tmp_path / "run")[0]
        assert np.abs(imaging.to_array(warped.rgb).astype(int) - warp.apply(pair[0])).max() <= 1  # rounded elsewhere
    finally:
        torch.set_default_device(None)  # any device, even the processor, would slow down every call from now on


def test_a_run_with_another_default_type_is_the_same_and_leaves_it(pair, plain, tmp_path):
    torch.set_default_dtype(torch.float64)
    try:
        result = run(pair, run_dir=tmp_path / "run")
        assert torch.get_default_dtype() == torch.float64
        assert dst.read_image(result.image).rgb.dtype == torch.float32
        assert next(dst.morph(dst.load_run(tmp_path / "run"), 3)).dtype == np.uint8
        warped, _ = dst.warp_image(pair[0], run=tmp_path / "run")
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.array_equal(result.image, plain.image) and warped.rgb.dtype == torch.float32


def test_no_call_moves_the_global_generators(pair):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    dst.load_encoder("vgg19-16x", weights="random")
    run(pair)
    dst.match(*pair, match_size=64, encoder="vgg19-16x", weights="random", clusters=3)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_numbers_of_numpy_are_numbers(pair, plain):
    result = run(pair, size=np.int64(64), alpha=np.float32(1), warp=np.True_, color_only=np.False_)
    assert np.array_equal(result.image, plain.image) and type(result.record["settings"]["size"]) is int


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warp": "no"}, "warp is 'no': it takes True or False"),
        ({"warp": 0}, "warp is 0"),
        ({"run_dir": 3}, "the run folder is 3: it takes a path"),
        ({"force": "yes"}, "force is 'yes'"),
        ({"on_step": 3}, "on_step is 3: it takes a function"),
        ({"on_stage": "x"}, "on_stage is 'x'"),
        ({"progress": "yes"}, "progress is 'yes'"),
        ({"notes": [1]}, "notes are"),
        ({"notes": {1: 2}}, "notes are"),
        ({"notes": {"x": np.arange(3)}}, r"notes\['x'\] is ndarray"),
        ({"notes": {"x": [{"y": {1, 2}}]}}, r"notes\['x'\] is \{1, 2\}: it takes text, numbers"),
        ({"notes": {"x": {1: 2}}}, r"notes\['x'\] is \{1: 2\}"),
        ({"notes": {"x": CYCLE}}, r"notes\['x'\] is .*not nested too deeply"),
        ({"notes": {"x": 10**5000}}, r"notes\['x'\] is a number of very many digits"),
        ({"notes": {"format": 99, "kind": "x"}}, "notes hold 'format', which the record of every run says itself"),
        ({"notes": {"geometry": 1}}, "notes hold 'geometry'"),
        ({"checkpoint_every": "5"}, "checkpoint_every is '5'"),
        ({"init": "foo"}, "init 'foo' is not known"),
        ({"content_mask": "m.png"}, "content_mask is given without style_mask"),
        ({"pins": [(500, 1, 2, 3)]}, "pin 1: its content point"),
        ({"drop": [999]}, "there are at most 80"),
        ({"warp": False, "warp_strength": 2}, "warp_strength is given, but no warp"),
        ({"method": "gatys", "palette": 5}, "palette is given, but the method gatys does not use it"),
        ({"method": "gatys", "samples": 64}, "samples is given, but the method gatys"),
        ({"max_points": 3, "min_matches": 4}, "max_points is 3, but min_matches is 4"),
        ({"max_points": 3}, "max_points is 3, but min_matches is 4"),
        ({"max_points": 3, "min_matches": 3}, "max_points is 3, and a warp takes 4 matches or more"),
        ({"pins": [(40, 30, 20, 20)], "rigid_mask": np.ones((60, 80))}, "pin 1 lies in a rigid part"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_matched(pair, monkeypatch, options, message):
    def never(*_):
        raise AssertionError("matched")

    monkeypatch.setattr(matching, "find_matches", never)
    with pytest.raises(InputError, match=message) as caught:
        pipeline.stylize(*pair, **{"encoder": "vgg19-16x", "weights": "random", **options})
    assert "\n" not in str(caught.value) and "--" not in str(caught.value)


def test_notes_of_numpy_and_of_paths_are_kept_as_plain_values(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(painting, "figures", dict)
    notes = {"x": np.float32(0.5), "n": (np.int64(3), True), "p": Path("a"), "t": {"s": np.str_("b"), "none": None}}
    plain = {"x": 0.5, "n": [3, True], "p": "a", "t": {"s": "b", "none": None}}
    run(pair, run_dir=tmp_path / "run", notes=notes, on_step=lambda step: True)
    assert checkpoint.read(tmp_path / "run").job.notes == plain
    assert plain.items() <= dst.resume(tmp_path / "run").record.items()


def test_notes_never_stand_where_the_record_says_something_itself(plain):
    from dst.runs.record import OWN

    assert set(plain.record) | {"styles", "geometry", "model"} == set(OWN)


def test_a_preset_may_hold_what_a_method_does_not_use(pair):
    result = pipeline.stylize(*pair, preset="paper", method="gatys", warp=False, **{**BARE, "steps": 1})
    assert len(result.history) == 1


def test_the_number_of_threads_is_recorded_and_taken_up_again(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(painting, "figures", dict)
    mine = torch.get_num_threads()
    first = run(pair, threads=3, run_dir=tmp_path / "run", on_step=lambda step: True)
    assert first.record["threads"] == 3 and torch.get_num_threads() == mine
    assert checkpoint.read(tmp_path / "run").job.threads == 3
    seen = []
    rest = dst.resume(tmp_path / "run", on_step=lambda step: seen.append(torch.get_num_threads()))
    assert set(seen) == {3} and rest.record["threads"] == 3 and torch.get_num_threads() == mine
    whole = run(pair, threads=3)
    assert np.array_equal(rest.image, whole.image)


def test_the_precision_is_recorded_and_taken_up_again(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(painting, "figures", dict)
    wholes = {}
    for has, auto in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(runtime, "has_matrix_units", lambda has=has: has)
        folder = tmp_path / auto
        first = run(pair, run_dir=folder, on_step=lambda step: True)
        assert first.record["precision"] == checkpoint.read(folder).job.precision == auto
        monkeypatch.setattr(runtime, "has_matrix_units", lambda has=has: not has)  # as on another machine
        rest, wholes[auto] = dst.resume(folder), run(pair, precision=auto)
        assert rest.record["precision"] == dst.load_run(folder).record["precision"] == auto
        assert np.array_equal(rest.image, wholes[auto].image)
        assert [row["total"] for row in rest.history] == [row["total"] for row in wholes[auto].history]
    assert wholes["bfloat16"].history[0]["total"] != wholes["float32"].history[0]["total"]
    assert wholes["bfloat16"].history[0]["total"] == pytest.approx(wholes["float32"].history[0]["total"], rel=0.01)


def test_matches_do_not_depend_on_the_precision(pair):
    options = {"match_size": 64, "faces": "off", "encoder": "vgg19-16x", "weights": "random"}
    assert dst.match(*pair, precision="bfloat16", **options) == dst.match(*pair, precision="float32", **options)


def test_styles_that_were_encoded_in_another_precision_are_not_taken(pair):
    cache = StyleCache()
    for precision, misses in (("float32", 1), ("bfloat16", 2), ("bfloat16", 2)):
        found = run(pair, precision=precision, style_cache=cache)
        assert cache.misses == misses
        assert np.array_equal(found.image, run(pair, precision=precision).image)


def test_a_run_in_a_precision_that_the_processor_is_not_made_for_says_so(pair, monkeypatch, caplog):
    monkeypatch.setattr(runtime, "has_matrix_units", lambda: False)
    run(pair, precision="bfloat16")
    assert "no matrix units" in caplog.text


def test_a_context_of_computing_gives_everything_back_even_after_an_error():
    before = torch.get_num_threads(), torch.get_default_dtype()
    with pytest.raises(ValueError, match="x"), torch.no_grad(), runtime.computing(1) as threads:
        assert threads == torch.get_num_threads() == 1 and torch.is_grad_enabled()
        raise ValueError("x")
    assert (torch.get_num_threads(), torch.get_default_dtype()) == before


def test_what_a_process_needs_is_set_once_and_said(python):
    code = (
        "import os; os.environ.pop('MKL_CBWR', None); from dst import runtime; a = runtime.prepare(); b = runtime.prepare();"
        "print(len(a), 'MKL_CBWR=AUTO' in a[0], b, os.environ['MKL_CBWR'])"
    )
    assert python("-c", code).stdout.split() in (["2", "True", "[]", "AUTO"], ["1", "True", "[]", "AUTO"])


def test_stylize_prepares_its_process(pair, monkeypatch):
    monkeypatch.delenv("MKL_CBWR", raising=False)
    run(pair, steps=1)
    assert os.environ["MKL_CBWR"] == "AUTO"


def test_a_run_that_is_not_measured_is_the_same_without_metrics(pair, plain, tmp_path):
    found = run(pair)
    assert found.record["metrics"] is None and plain.record["metrics"]["ssim"] is not None
    assert np.array_equal(found.image, plain.image)
    assert {**found.record, "metrics": 0, "seconds": 0} == {**plain.record, "metrics": 0, "seconds": 0}
    found.save(tmp_path / "run")
    assert dst.load_run(tmp_path / "run").record["metrics"] is None
    (row,) = dst.evaluate_runs([tmp_path / "run"])
    assert row["style_distance"] is None and row["patch_distance"] > 0
    with pytest.raises(InputError, match="metrics is 3: it takes True or False"):
        run(pair, metrics=3)


def test_a_bar_is_shown_where_it_is_wanted(pair, capsys, monkeypatch):
    run(pair)
    assert capsys.readouterr().err == ""
    run(pair, progress=True)
    shown = capsys.readouterr().err
    assert "matching" in shown and "painting" in shown and "64 px, loss" in shown
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    run(pair)
    assert "painting" in capsys.readouterr().err
    run(pair, progress=False)
    assert capsys.readouterr().err == ""


def test_a_long_thing_shows_itself_in_a_line(plain):
    assert repr(plain.matches) == "Matches(5 points, 80 x 60 to 72 x 64 pixels)"
    assert repr(plain.warp) == "Warp(80 x 60 pixels, 5 points)"
    assert len(repr(plain)) < 100
