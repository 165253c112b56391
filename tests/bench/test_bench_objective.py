"""The fixed objective of `bench/run.py`: of any run, one with a last pass too."""

from conftest import blobs
from runs_of import run

from bench.objective import evaluate
from dst.features import load_encoder


def test_a_run_that_ends_with_a_pass_of_strokes_alone_has_the_terms_of_the_step_before():
    result = run([blobs((80, 60), 0), blobs((72, 64), 1)], splitting=1)
    assert "warp" not in result.history[-1]
    terms = evaluate(result, load_encoder("vgg19-16x", weights="random"))
    assert terms["warp"] == result.history[-2]["warp"] and terms["total"] > terms["style"] > 0
