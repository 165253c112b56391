"""The loop by itself: any parameters, any objective; it knows no image and no warp."""

import math

import pytest
import torch

from dst.config import OptimizeConfig
from dst.optim.loop import Loop, Scale, schedule
from dst.optim.state import State

TARGET = torch.tensor([2.0, -1.0])


class Quadratic:
    """Two numbers towards a target, and a third one that stays between 0 and 0.1, at two scales."""

    device = torch.device("cpu")
    scales = (Scale((8, 4), 60), Scale((16, 8), 30))
    begun: list  # the parameters that each scale was begun from

    def __init__(self):
        self.begun = []

    def begin(self, scale, finished):
        self.begun.append({name: [t.clone() for t in group] for name, group in finished.items()})
        return finished or {"numbers": [torch.zeros(2)], "held": [torch.tensor(0.05)], "still": [torch.ones(3)]}

    def learning_rates(self, scale):
        return {"numbers": 0.1, "held": 0.5}

    def objective(self, scale):
        return self

    def terms(self, parameters, generator, last):
        noise = 1e-3 * torch.rand((), generator=generator)
        near = (parameters["numbers"][0] - TARGET).square().sum()
        return {"near": near, "total": near * (1 + noise) - parameters["held"][0] + parameters["still"][0].sum()}

    def project(self, parameters):
        parameters["held"][0].clamp_(0, 0.1)


def values(state):
    return {name: group[0].detach() for name, group in state.parameters.items()}


def test_each_group_moves_at_its_own_rate_as_far_as_it_may():
    problem = Quadratic()
    state = Loop(problem, OptimizeConfig()).run()
    found = values(state)
    assert torch.allclose(found["numbers"], TARGET, atol=0.05)
    assert found["held"] == pytest.approx(0.1) and torch.equal(found["still"], torch.ones(3))
    assert not state.stopped and state.scale == 2 and len(state.history) == 90
    assert problem.begun[0] == {} and torch.allclose(problem.begun[1]["numbers"][0], TARGET, atol=0.3)
    assert {row["side"] for row in state.history} == {8, 16}
    assert all(set(row) == {"scale", "side", "step", "near", "total", "seconds"} for row in state.history)


@pytest.mark.parametrize("stop_after", [1, 59, 60, 75])
def test_a_loop_that_was_stopped_goes_on_as_if_it_never_was(stop_after):
    whole = Loop(Quadratic(), OptimizeConfig(), seed=3).run()
    first = Loop(Quadratic(), OptimizeConfig(), seed=3).run(lambda step: step.done == stop_after)
    assert first.stopped == "stopped on request"
    names = ("parameters", "scale", "step", "optimizer", "generator", "history")
    again = State(**{name: getattr(first, name) for name in names})
    rest = Loop(Quadratic(), OptimizeConfig(), seed=3, state=again).run()
    assert all(torch.equal(a, b) for a, b in zip(values(whole).values(), values(rest).values(), strict=True))
    assert [row["total"] for row in whole.history] == [row["total"] for row in rest.history]


def test_a_loss_that_stops_being_finite_leaves_the_last_good_parameters():
    class Breaking(Quadratic):
        def terms(self, parameters, generator, last):
            found = super().terms(parameters, generator, last)
            self.count = getattr(self, "count", 0) + 1
            return {**found, "total": found["total"] * math.nan} if self.count == 25 else found

    state = Loop(Breaking(), OptimizeConfig()).run()
    assert "stopped being finite at 8 pixels, step 24 (total)" in state.stopped
    assert all(value.isfinite().all() for value in values(state).values()) and len(state.history) == 24


def test_schedule_takes_fewer_steps_at_fine_scales():
    config = OptimizeConfig(steps=40, step_decay=0.5, smallest_scale=64)
    scales = schedule((1024, 512), config)
    whole = [(64, 40), (128, 40), (256, 40), (512, 20)]
    assert [(scale.side, scale.steps) for scale in scales[:-1]] == whole and not any(s.details for s in scales[:-1])
    # above, through windows, as many steps as at the limit: 40 / 2 ** log2(768 / 256)
    assert scales[-1] == Scale((1024, 512), 13, details=True) and scales[0].size == (64, 32)
    once = schedule((1024, 512), OptimizeConfig(steps=40, step_decay=0.5, details_above=8192, splitting=0))
    assert once[-1] == Scale((1024, 512), 10)


def test_a_last_pass_refines_details_where_no_scale_did():
    look = [schedule((256, 256), OptimizeConfig(look=look))[-1] for look in (0, 0.5, 1)]
    assert look[0] == Scale((256, 256), 30)
    assert look[1:] == [Scale((256, 256), steps, last_pass=True, details=True) for steps in (6, 12)]
    assert [s.last_pass for s in schedule((1024, 1024), OptimizeConfig())] == [False] * 5
    assert not schedule((256, 256), OptimizeConfig(splitting=4, details_above=8192))[-1].details
    assert not any(s.details or s.last_pass for s in schedule((1024, 1024), OptimizeConfig(method="gatys")))
