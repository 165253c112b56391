"""The joint loop: what it promises whatever the network; weights are random, so that no file is needed."""

import math

import pytest
import torch

from dst.config import StylizeConfig
from dst.features.encoder import load_encoder
from dst.imaging.masks import Segment
from dst.methods.targets import Style
from dst.optimize import Optimization, Problem, State, schedule, smooth_displacements


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("vgg19-16x", weights="random")


def picture(height, width, seed):
    coarse = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)


def make_problem(points=True, style=None, **kw):
    source = torch.tensor([[0.3, 0.3], [0.7, 0.3], [0.5, 0.6], [0.3, 0.5]], dtype=torch.float64)
    target = torch.tensor([[0.05, 0.0], [-0.03, 0.02], [0.0, 0.06], [0.02, 0.0]], dtype=torch.float64)
    if not points:
        source = target = source[:0]
    styles = [Style(picture(30, 48, 1) if style is None else style, 1.0)]
    return Problem(picture(36, 48, 0), styles, None, source, target, beta=0.5, gamma=50.0, **kw)


def options(**kw):
    given = {"steps": 5, "smallest_scale": 24, "samples": 64, "style_samples": 64, **kw}
    return StylizeConfig.from_options(**given).optimize


@pytest.mark.parametrize("method", ["strotss", "gatys"])
@pytest.mark.parametrize("points", [True, False])
def test_the_objective_falls_at_every_scale(encoder, method, points):
    config = options(method=method, steps=15)
    history = Optimization(make_problem(points), encoder, config).run().history
    for scale in (0, 1):
        totals = [row["total"] for row in history if row["scale"] == scale]
        assert sum(totals[-4:]) < sum(totals[:4])
    assert all(math.isfinite(value) for row in history for value in row.values())


def test_the_total_is_the_weighted_sum_of_the_terms(encoder):
    config = options(alpha=3.0, alpha_growth=2.0, style_strength=0.5)
    for row in Optimization(make_problem(), encoder, config).run().history:
        alpha = 6.0 if row["scale"] == 0 else 3.0
        expected = (
            alpha * row["content"] + 0.5 * (row["style"] + row["style_warped"]) + 0.5 * row["warp"] + 50 * row["tv"]
        )
        assert row["total"] == pytest.approx(expected, rel=1e-5)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(encoder):
    runs = [Optimization(make_problem(), encoder, options(), seed).run() for seed in (0, 0, 1)]
    assert torch.equal(runs[0].image, runs[1].image)
    assert torch.equal(runs[0].displacement, runs[1].displacement)
    assert not torch.equal(runs[0].image, runs[2].image)


@pytest.mark.parametrize("method, stop_after", [("strotss", 3), ("strotss", 5), ("gatys", 7)])
def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(encoder, method, stop_after):
    config = options(method=method)
    whole = Optimization(make_problem(), encoder, config).run()
    first = Optimization(make_problem(), encoder, config).run(lambda step: step.done == stop_after)
    assert first.stopped and len(first.history) == stop_after
    names = ("displacement", "scale", "step", "bands", "optimizer", "generator", "history")
    state = State(**{name: getattr(first, name) for name in names})
    rest = Optimization(make_problem(), encoder, config, state=state).run()
    assert not rest.stopped
    assert torch.equal(rest.image, whole.image) and torch.equal(rest.displacement, whole.displacement)


def test_steps_report_what_is_done_and_left(encoder):
    seen = []
    Optimization(make_problem(), encoder, options()).run(seen.append)
    assert [step.done for step in seen] == list(range(1, seen[0].total_steps + 1))
    assert {step.size for step in seen} == {(24, 18), (48, 36)}
    assert seen[0].scales == 2


def test_a_loss_that_stops_being_finite_ends_the_run_with_the_last_good_image(encoder):
    problem = make_problem()

    def spoil(step):
        if step.done == 4:
            with torch.no_grad():
                step.state.bands[0].fill_(float("nan"))

    state = Optimization(problem, encoder, options()).run(spoil)
    assert "stopped being finite" in state.stopped
    assert state.image.isfinite().all()


def test_held_points_stay_on_their_targets(encoder):
    held = torch.tensor([True, False, False, False])
    problem = make_problem(held=held)
    state = Optimization(problem, encoder, options()).run()
    assert torch.equal(state.displacement.detach()[0], problem.target[0])
    assert not torch.equal(state.displacement.detach()[1], problem.target[1])


@pytest.mark.parametrize("method", ["strotss", "gatys"])
@pytest.mark.parametrize("level", [0.0, 0.5])
def test_a_one_colour_style_gives_a_finite_picture_of_about_that_colour(encoder, method, level):
    problem = make_problem(style=torch.full((1, 3, 40, 40), level))
    state = Optimization(problem, encoder, options(method=method, steps=15)).run()
    assert not state.stopped
    assert state.image.isfinite().all()
    if method == "strotss":
        assert (state.image.mean() - level).abs() < 0.25


@pytest.mark.parametrize("method", ["strotss", "gatys"])
def test_a_long_strip_is_painted_at_scales_where_it_is_a_few_pixels_wide(encoder, method):
    none = torch.zeros(0, 2, dtype=torch.float64)
    problem = Problem(picture(6, 96, 0), [Style(picture(90, 9, 1))], None, none, none, beta=0.5, gamma=50.0)
    state = Optimization(problem, encoder, options(method=method)).run()
    assert not state.stopped and state.image.shape == (1, 3, 6, 96) and state.image.isfinite().all()


def test_segments_keep_their_styles_apart(encoder):
    left = torch.zeros(1, 1, 36, 48)
    left[..., :24] = 1
    style = torch.cat([torch.zeros(1, 3, 64, 32), torch.ones(1, 3, 64, 32)], 3)
    dark, light = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    dark[..., :32], light[..., 32:] = 1, 1
    segments = [Segment(left, [light]), Segment(1 - left, [dark])]
    problem = make_problem(points=False, style=style, segments=segments)
    image = Optimization(problem, encoder, options(steps=20, alpha=0.5)).run().image
    assert image[..., :20].mean() > image[..., 28:].mean() + 0.2


def test_displacements_solved_alone_balance_reaching_against_smoothness():
    problem = make_problem()
    place = problem.source, problem.target, (48, 36)
    assert torch.equal(smooth_displacements(*place, beta=0.5, gamma=0.0), problem.target)
    default = smooth_displacements(*place, beta=0.5, gamma=50.0)
    stiff = smooth_displacements(*place, beta=0.5, gamma=1e4)
    assert stiff.norm() < 0.5 * default.norm() <= 0.5 * problem.target.norm() * 1.01
    held = torch.tensor([True, False, False, False])
    assert torch.equal(smooth_displacements(*place, 0.5, 1e4, held)[0], problem.target[0])


def test_schedule_takes_fewer_steps_at_fine_scales():
    config = options(steps=40, step_decay=0.5, smallest_scale=64, alpha=8.0, alpha_growth=2.0)
    fine = [(256, 40, 32.0), (512, 20, 16.0), (1024, 10, 8.0)]
    assert schedule(1024, config) == [(64, 40, 32.0), (128, 40, 32.0), *fine]
