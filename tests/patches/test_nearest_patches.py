"""Nearest patches: the search against a full matrix, and what holds of every picture that is made."""

import itertools

import pytest
import torch
from conftest import blobs
from torch.nn import functional as F

from dst import imaging
from dst.config import InputError
from dst.patches import search
from dst.patches.gpnn import NearestPatches
from dst.patches.pyramid import Level, Walk, covered, enlarge, reduced, scales, walk


def picture(size=(48, 36), seed=0):
    """Blobs with grain, so that no two patches are alike."""
    smooth = imaging.read(blobs(size, seed)).rgb
    grain = torch.rand(smooth.shape, generator=torch.Generator().manual_seed(seed))
    return 0.8 * smooth + 0.2 * grain


def cloud(count, seed, size=20):
    return torch.rand(count, size, generator=torch.Generator().manual_seed(seed))


def full(queries, keys):
    return (queries.double()[:, None] - keys.double()[None]).square().sum(2)


@pytest.mark.parametrize("alpha", [None, 1e-3, 0.3, 1e3])
@pytest.mark.parametrize("block", [1, 40, 2**22])
def test_the_search_is_that_of_the_full_matrix(monkeypatch, alpha, block):
    monkeypatch.setattr(search, "BLOCK", block)
    queries, keys = cloud(37, 1), cloud(53, 2)
    apart = full(queries, keys)
    score = apart if alpha is None else apart / (alpha + apart.amin(0))
    index, cost = search.nearest(queries, keys, alpha)
    assert torch.equal(index, score.argmin(1))
    assert torch.allclose(cost.double(), apart.gather(1, index[:, None])[:, 0], atol=1e-5)
    assert torch.allclose(search.column_minima(queries, keys).double(), apart.amin(0), atol=1e-4)


def test_completeness_brings_in_what_the_nearest_leaves_out():
    keys = torch.cat([torch.zeros(1, 8), torch.ones(1, 8), torch.full((1, 8), 3.0)])
    queries = torch.cat([torch.full((3, 8), 0.1), torch.full((1, 8), 0.9), torch.full((2, 8), 1.2)])
    plain, _ = search.nearest(queries, keys)
    complete, _ = search.nearest(queries, keys, 1e-4)
    assert set(plain.tolist()) == {0, 1} and set(complete.tolist()) == {0, 1, 2}
    assert torch.equal(search.nearest(queries, keys, 1e6)[0], plain)


def test_patches_are_numbered_row_by_row_and_folding_undoes_it():
    image = picture((21, 16))[..., :14, :19] * 2 - 1
    rows = search.patches(image, 5)
    assert torch.equal(rows[1 * 15 + 3].view(3, 5, 5), image[0, :, 1:6, 3:8])
    same = torch.arange(len(rows))
    assert torch.allclose(search.folded(image, same, 5, (14, 19)), image, atol=1e-6)
    index = torch.randint(len(rows), (8 * 6,), generator=torch.Generator().manual_seed(0))
    built = F.fold(rows[index].T[None], (12, 10), 5) / F.fold(torch.ones(1, 75, 48), (12, 10), 5)
    assert torch.allclose(search.folded(image, index, 5, (12, 10)), built, atol=1e-6)


def test_neighbours_are_carried_to_a_larger_scale_as_they_lie():
    small, large = (20, 30), (26, 40)
    same = torch.arange((small[0] - 6) * (small[1] - 6))
    assert torch.equal(
        search.enlarged(same, 7, (small, small), (large, large)), torch.arange((large[0] - 6) * (large[1] - 6))
    )


def test_following_finds_what_a_shift_hides():
    rows = search.patches(imaging.read(blobs((60, 50))).rgb * 2 - 1, 7)
    grid = (44, 54)
    start = torch.arange(len(rows)).roll(5)
    generator, index = torch.Generator().manual_seed(0), start
    for _ in range(4):
        index, cost = search.follow(rows, rows, index, (grid, grid), None, generator)
    before = (rows - rows[start]).square().sum(1)
    assert bool((cost <= before).all()) and float(cost.mean()) < 0.3 * float(before.mean())
    assert torch.allclose(cost, (rows - rows[index]).square().sum(1))
    usable = torch.arange(len(rows)) % 54 > 20
    start = torch.full_like(start, 30)
    assert bool(
        usable[search.follow(rows, rows, start, (grid, grid), usable, torch.Generator().manual_seed(0))[0]].all()
    )


def test_masks_of_patches():
    flags = torch.zeros(9, 9, dtype=torch.bool)
    flags[4, 4] = True
    touched = search.touching(flags, 3).view(7, 7)
    assert int(touched.sum()) == 9 and bool(touched[3, 3])
    assert torch.equal(search.whole(~flags, 3).view(7, 7), ~touched)
    assert int(search.touching(flags, 3, mirrored=True).sum()) == 9
    assert bool(covered(flags, (2, 2)).any()) and search.whole(None, 3) is None


@pytest.mark.parametrize("size", [(48, 36), (37, 53), (100, 17)])
@pytest.mark.parametrize("exact", [1e9, 2e4])
def test_the_source_without_noise_gives_the_source_back(size, exact):
    source = picture(size)
    engine = NearestPatches(first=10, exact=exact)
    made = walk(engine, Walk(source, size[::-1]))
    assert torch.allclose(made, source, atol=2e-5)
    assert torch.equal(engine.index, torch.arange(len(engine.index)))


@pytest.mark.parametrize("size", [(36, 48), (61, 33), (25, 70)])
def test_every_patch_that_is_laid_is_one_of_the_source(size):
    source = picture()
    engine = NearestPatches()
    made = walk(engine, Walk(source, size, noise=2.0, seed=3))
    assert made.shape[-2:] == size
    assert engine.sizes == (size, (36, 48)) and 0 <= int(engine.index.min()) and int(engine.index.max()) < 30 * 42
    rebuilt = search.folded(source * 2 - 1, engine.index, 7, size) / 2 + 0.5
    assert torch.allclose(made, rebuilt.clamp(0, 1), atol=1e-5)


def test_a_seed_gives_one_picture_and_another_seed_another():
    made = [walk(NearestPatches(), Walk(picture(), (36, 48), noise=2.0, seed=seed)) for seed in (3, 3, 4)]
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


@pytest.mark.parametrize("exact", [1e9, 2e5])
def test_a_hole_is_never_taken_from_and_the_rest_stays(exact):
    source = picture((64, 48))
    hole = torch.zeros(48, 64, dtype=torch.bool)
    hole[18:30, 25:40] = True
    painted = source.clone()
    painted[..., hole] = 1.0 - painted[..., hole].round()
    kept = NearestPatches(alpha=None, exact=exact)
    work = Walk(source, (48, 64), source, usable=~hole, made=hole, smallest=24)
    first = walk(NearestPatches(alpha=None, exact=exact), work)
    second = walk(kept, work.replace(source=painted))
    assert torch.equal(first, second), "what is in the hole must not matter"
    assert torch.allclose(first[..., ~hole], source[..., ~hole], atol=1e-6)
    used = kept.index[search.touching(hole, 7)]
    assert bool(search.whole(~hole, 7)[used].all())


def test_scales_shrink_alike_and_come_out_even():
    plan = scales((100, 200), (150, 60), 14, 4 / 3)
    assert plan[-1] == ((100, 200), (150, 60)) and min(min(pair) for pair in plan[0]) == 14
    short = [target[1] for _, target in plan]
    assert all(1 < b / a < 1.45 for a, b in itertools.pairwise(short))
    assert scales((16, 16), (20, 20), 21, 1.5) == [((16, 16), (20, 20))]


def test_a_flat_enlargement_keeps_the_image_that_it_came_from():
    source = picture((40, 30))
    made = enlarge(NearestPatches(alpha=None), source, 2)
    assert made.shape[-2:] == (60, 80)
    assert float((reduced(made, (30, 40)) - source).abs().mean()) < 4e-3


def test_a_stop_gives_a_picture_of_the_full_size():
    source, seen = picture(), []
    made = walk(NearestPatches(), Walk(source, (36, 48), noise=1.0), lambda step: seen.append(step) or len(seen) == 3)
    assert made.shape == source.shape and len(seen) == 3
    assert [step.done for step in seen] == [1, 2, 3] and seen[0].total_steps == seen[2].total_steps


def test_too_small_for_a_patch():
    with pytest.raises(InputError, match=r"a side has 14 pixels .* patches have 15"):
        walk(NearestPatches(patch=15), Walk(picture((20, 16)), (20, 30)))


def test_an_engine_alone_replaces_patches():
    source = picture((30, 30)) * 2 - 1
    level = Level(source, source)
    engine = NearestPatches(alpha=None)
    made = engine.refine(level, source + 0.05)
    assert torch.allclose(made, search.folded(source, engine.index, 7, (30, 30)))
