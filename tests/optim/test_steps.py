"""Steps of the optimisers against those of torch.optim."""

import pytest
import torch

from dst.optim.steps import ADAM_BETAS, MOMENTUM, RMSPROP_DECAY, Descent

ORACLES = {
    "adam": lambda groups: torch.optim.Adam(groups, betas=ADAM_BETAS),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, alpha=RMSPROP_DECAY),
    "sgd": lambda groups: torch.optim.SGD(groups, momentum=MOMENTUM),
}


def start():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(3, 4, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2)]


def value(a, b):
    return ((a * b).sin() + a.square() * 0.3).sum()


@pytest.mark.parametrize("kind", list(ORACLES))
def test_steps_equal_those_of_torch_optim(kind):
    mine, theirs = start(), start()
    descent = Descent(kind, [(mine[:1], 0.02), (mine[1:], 0.005)])
    oracle = ORACLES[kind]([{"params": theirs[:1], "lr": 0.02}, {"params": theirs[1:], "lr": 0.005}])
    for _ in range(12):
        for tensors, optimiser in ((mine, descent), (theirs, oracle)):
            optimiser.zero_grad()
            value(*tensors).backward()
            optimiser.step()
    assert all(torch.allclose(a, b, rtol=1e-10) for a, b in zip(mine, theirs, strict=True))


def test_a_state_goes_on_where_it_was():
    whole, parts = start(), start()
    run = Descent("adam", [(whole, 0.02)])
    first = Descent("adam", [(parts, 0.02)])
    for count in range(6):
        for tensors, descent in ((whole, run), (parts, first)):
            descent.zero_grad()
            value(*tensors).backward()
            descent.step()
        if count == 2:
            first = Descent("adam", [(parts, 0.02)], first.state)
    assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))
