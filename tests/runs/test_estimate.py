"""What a run is expected to cost."""

import pytest

from dst.config import StylizeConfig
from dst.features import load_encoder
from dst.runs import estimate


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("compact", weights="random")


@pytest.fixture
def tries(monkeypatch):
    """The precisions that were tried, each made out to take a microsecond a pixel."""
    found = []
    monkeypatch.setattr(estimate, "seconds_a_pixel", lambda encoder, *_: found.append(encoder.dtype) or 1e-6)
    return found


def test_a_run_that_fits_is_timed_only_where_that_is_asked_for(encoder, tries, monkeypatch):
    config = StylizeConfig.from_options(size=256, precision="float32")
    monkeypatch.setattr(estimate, "free_memory", lambda *_: 1e12)
    assert estimate.estimate(encoder, (300, 200), config, True, False).seconds == 0 and not tries
    assert estimate.estimate(encoder, (300, 200), config).seconds > 1 and len(tries) == 1
    monkeypatch.setattr(estimate, "free_memory", lambda *_: 1e6)
    assert estimate.estimate(encoder, (300, 200), config, True, False).seconds > 1 and len(tries) == 2


def test_a_run_in_bfloat16_is_tried_in_it_and_takes_less_memory(encoder, tries):
    costs = {}
    for precision, count in (("float32", 1), ("bfloat16", 3)):
        config = StylizeConfig.from_options(size=1024, precision=precision)
        costs[precision] = estimate.estimate(encoder, (1024, 768), config)
        assert len(tries) == count and len(set(tries)) == len(costs)
    assert 0.5 * costs["float32"].bytes < costs["bfloat16"].bytes < 0.95 * costs["float32"].bytes


def test_details_take_far_less_memory_than_images_optimised_whole(encoder):
    sizes = {512: (512, 384), 4096: (4096, 3072)}
    given = {
        above: StylizeConfig.from_options(size=4096, precision="float32", details_above=above) for above in (768, 8192)
    }
    found = {
        above: [estimate.memory_needed(encoder, size, config) for size in sizes.values()]
        for above, config in given.items()
    }
    assert found[768][0] == found[8192][0]
    assert 2e9 < found[768][1] < 8e9 < 0.5 * found[8192][1]
