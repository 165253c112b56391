"""The joint objective in the loop: what it promises whatever the network; weights are random, so no file is needed."""

import math

import numpy as np
import pytest
import torch

from dst.config import StylizeConfig
from dst.deform.objective import DeformProblem, smooth_displacements
from dst.features.encoder import load_encoder
from dst.imaging.masks import Segment
from dst.methods.targets import Style
from dst.optim.loop import Loop
from dst.optim.state import State
from dst.runs.job import Scene
from dst.warp import Warp


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("vgg19-16x", weights="random")


def image(height, width, seed):
    coarse = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)


SOURCE = np.array([[0.3, 0.3], [0.7, 0.3], [0.5, 0.6], [0.3, 0.5]])
TARGET = np.array([[0.05, 0.0], [-0.03, 0.02], [0.0, 0.06], [0.02, 0.0]])


def scene(points=True, style=None, pinned=None, **kw):
    warp = Warp((48, 36), SOURCE, TARGET, pinned=pinned) if points else None
    styles = [Style(image(30, 48, 1) if style is None else style, 1.0)]
    return Scene(image(36, 48, 0), styles, None, warp, None, beta=0.5, gamma=50.0, **kw)


def loop(given, encoder, config, seed=0, state=None):
    return Loop(DeformProblem(given, encoder, config, seed), config, seed, state)


def moved(state):
    return state.parameters["displacement"][0].detach()


def options(**kw):
    few = {"splitting": 2, "layers": ("relu1_1", "relu2_1", "relu3_1")} if kw.get("method", "nnst") == "nnst" else {}
    given = {"steps": 5, "smallest_scale": 24, "samples": 64, "style_samples": 64, **few, **kw}
    return StylizeConfig.from_options(**given).optimize


@pytest.mark.parametrize("method", ["nnst", "strotss", "gatys"])
@pytest.mark.parametrize("points", [True, False])
def test_the_objective_falls_at_every_scale(encoder, method, points):
    config = options(method=method, steps=10)
    history = loop(scene(points), encoder, config).run().history
    for scale in (0, 1):
        totals = [row["total"] for row in history if row["scale"] == scale]
        assert sum(totals[-4:]) < sum(totals[:4])
    assert all(math.isfinite(value) for row in history for value in row.values())


def test_the_total_is_the_weighted_sum_of_the_terms(encoder):
    config = options(alpha=3.0, alpha_growth=2.0, style_strength=0.5)
    history = loop(scene(), encoder, config).run().history
    for row in history:
        alpha = 6.0 if row["scale"] == 0 else 3.0
        content, warp, variation = (row.get(name, 0.0) for name in ("content", "warp", "tv"))
        expected = alpha * content + 0.5 * (row["style"] + row["style_warped"]) + 0.5 * warp + 50 * variation
        assert row["total"] == pytest.approx(expected, rel=1e-5)
        assert ("content" in row) == (row["scale"] < 2)  # the last pass compares strokes alone
    assert history[-1]["scale"] == 2


def test_two_steps_in_turn_have_twice_the_gradient_of_one_that_compares_both(encoder):
    found = []
    for alternate in (False, True):
        problem = DeformProblem(scene(), encoder, options(method="gatys", alternate=alternate))
        objective, parameters = problem.objective(0), problem.begin(0, {})
        every = [x.requires_grad_() for group in parameters.values() for x in group]
        last, total = None, None
        for step in range(2):
            terms = objective.terms(parameters, torch.Generator(), last)
            gradients = torch.autograd.grad(terms["total"], every)
            total = gradients if total is None else [a + b for a, b in zip(total, gradients, strict=True)]
            last = {"step": step, **{name: float(value.detach()) for name, value in terms.items()}}
        found.append((total, last))
    for plain, turns in zip(found[0][0], found[1][0], strict=True):
        assert torch.allclose(plain, turns, rtol=1e-3, atol=1e-4 * float(plain.abs().max()))
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-4)  # and after both every term is known


def test_a_displacement_that_runs_away_stays_bounded_and_can_be_written(encoder):
    state = loop(scene(), encoder, options(optimizer="sgd", warp_lr=1.0, alpha=1e6, steps=8)).run()
    assert moved(state).abs().max() <= 2 and state.image.isfinite().all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(encoder):
    runs = [loop(scene(), encoder, options(steps=3), seed).run() for seed in (0, 0, 1)]
    assert torch.equal(runs[0].image, runs[1].image)
    assert torch.equal(moved(runs[0]), moved(runs[1]))
    assert not torch.equal(runs[0].image, runs[2].image)


@pytest.mark.parametrize("method, stop_after", [("nnst", 3), ("nnst", 5), ("strotss", 5), ("gatys", 7)])
def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(encoder, method, stop_after):
    config = options(method=method)
    whole = loop(scene(), encoder, config).run()
    first = loop(scene(), encoder, config).run(lambda step: step.done == stop_after)
    assert first.stopped and len(first.history) == stop_after
    names = ("parameters", "scale", "step", "optimizer", "generator", "history")
    state = State(**{name: getattr(first, name) for name in names})
    rest = loop(scene(), encoder, config, state=state).run()
    assert not rest.stopped
    assert torch.equal(rest.image, whole.image) and torch.equal(moved(rest), moved(whole))


def test_steps_report_what_is_done_and_left(encoder):
    seen = []
    loop(scene(), encoder, options()).run(seen.append)
    assert [step.done for step in seen] == list(range(1, seen[0].total_steps + 1))
    assert {step.size for step in seen} == {(24, 18), (48, 36)}
    assert seen[0].scales == 3  # the last pass among them


def test_a_loss_that_stops_being_finite_ends_the_run_with_the_last_good_image(encoder):
    def spoil(step):
        if step.done == 4:
            with torch.no_grad():
                step.state.parameters["pixels"][0].fill_(float("nan"))

    state = loop(scene(), encoder, options()).run(spoil)
    assert "stopped being finite" in state.stopped
    assert state.image.isfinite().all()


def test_pinned_points_stay_on_their_targets(encoder):
    state = loop(scene(pinned=[True, False, False, False]), encoder, options()).run()
    assert torch.equal(moved(state)[0], torch.tensor(TARGET[0]))
    assert not torch.equal(moved(state)[1], torch.tensor(TARGET[1]))


@pytest.mark.parametrize("method", ["nnst", "strotss", "gatys"])
@pytest.mark.parametrize("level", [0.0, 0.5])
def test_a_one_colour_style_gives_a_finite_image_of_about_that_colour(encoder, method, level):
    problem = scene(style=torch.full((1, 3, 40, 40), level))
    state = loop(problem, encoder, options(method=method, steps=15 if method == "strotss" else 6, layers=None)).run()
    assert not state.stopped
    assert state.image.isfinite().all()
    if method == "strotss":
        assert (state.image.mean() - level).abs() < 0.25


@pytest.mark.parametrize("method", ["nnst", "strotss", "gatys"])
def test_a_long_strip_is_painted_at_scales_where_it_is_a_few_pixels_wide(encoder, method):
    strip = Scene(image(6, 96, 0), [Style(image(90, 9, 1))], None, None, None, beta=0.5, gamma=50.0)
    state = loop(strip, encoder, options(method=method, layers=None)).run()
    assert not state.stopped and state.image.shape == (1, 3, 6, 96) and state.image.isfinite().all()


def test_segments_keep_their_styles_apart(encoder):
    left = torch.zeros(1, 1, 36, 48)
    left[..., :24] = 1
    style = torch.cat([torch.zeros(1, 3, 64, 32), torch.ones(1, 3, 64, 32)], 3)
    dark, light = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    dark[..., :32], light[..., 32:] = 1, 1
    segments = [Segment(left, [light]), Segment(1 - left, [dark])]
    problem = scene(points=False, style=style, segments=segments)
    image = loop(problem, encoder, options(steps=20, alpha=0.5, splitting=0)).run().image
    assert image[..., :20].mean() > image[..., 28:].mean() + 0.2


def test_displacements_solved_alone_balance_reaching_against_smoothness():
    source, target = torch.tensor(SOURCE), torch.tensor(TARGET)
    place = source, target, (48, 36)
    assert torch.equal(smooth_displacements(*place, beta=0.5, gamma=0.0), target)
    default = smooth_displacements(*place, beta=0.5, gamma=50.0)
    stiff = smooth_displacements(*place, beta=0.5, gamma=1e4)
    assert stiff.norm() < 0.5 * default.norm() <= 0.5 * target.norm() * 1.01
    fixed = torch.tensor([True, False, False, False])
    assert torch.equal(smooth_displacements(*place, 0.5, 1e4, fixed)[0], target[0])
