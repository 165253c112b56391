"""Measures of pictures made from one image: each against a closed form, brute force, or what must not change it."""

import numpy as np
import pytest
import torch
from conftest import blobs
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance
from sklearn.neighbors import NearestNeighbors

from dst.config import InputError
from dst.config.metrics import ONE_IMAGE
from dst.evaluate import one_image
from dst.evaluate.one_image import (
    Pieces,
    copied_pieces,
    coverage,
    diversity,
    frechet_distance,
    measures,
    nearest_patches,
    patch_share,
    patch_swd,
    sifid,
)
from dst.features import load_encoder


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


def noise(height, width, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def discs(size=(60, 52), seed=0):
    return torch.from_numpy(blobs(size, seed)).permute(2, 0, 1)[None].float() / 255


def gaussian(seed, rank=6):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(6, rank))
    return torch.from_numpy(rng.normal(size=6)), torch.from_numpy(rows @ rows.T)


def test_frechet_distance_is_the_closed_form():
    (m, a), (n, b) = gaussian(0), gaussian(1)
    expected = float(((m - n) ** 2).sum() + a.trace() + b.trace()) - 2 * np.trace(sqrtm((a @ b).numpy())).real
    assert frechet_distance(m, a, n, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(n, b, m, a) == pytest.approx(expected, rel=1e-9)
    wide, narrow = torch.tensor([4.0, 1, 9]), torch.tensor([1.0, 0, 4])  # of one axis each: (s - t)^2 along it
    assert frechet_distance(torch.zeros(3), wide.diag(), torch.ones(3), narrow.diag()) == pytest.approx(3 + 1 + 1 + 1)
    low = gaussian(2, rank=2)
    assert frechet_distance(*low, *low) == pytest.approx(0, abs=1e-6)


def test_sifid_is_none_of_the_same_features_and_more_of_others(encoder):
    image, other = discs(seed=1), discs(seed=2)
    assert sifid(image, image, encoder) == pytest.approx(0, abs=1e-6)
    slight = (image + 0.02 * (noise(52, 60) - 0.5)).clamp(0, 1)
    assert 0 < sifid(slight, image, encoder) < 0.3 * sifid(other, image, encoder)
    with pytest.raises(InputError, match="relu3_1 needs 4"):
        sifid(noise(3, 3), image, encoder)


@pytest.mark.parametrize("other", [(40, 31), (29, 37)])
def test_patch_swd_is_the_mean_over_directions_of_the_distance_of_projections(other):
    a, b = noise(40, 31), noise(*other, seed=1) ** 2
    drawn = torch.randn(5, 27, generator=torch.Generator().manual_seed(one_image.SEED))
    drawn = torch.nn.functional.normalize(drawn, dim=1)
    rows = [(drawn @ torch.nn.functional.unfold(x, 3)[0]).numpy() for x in (a, b)]
    expected = np.mean([wasserstein_distance(p, q) for p, q in zip(*rows, strict=True)])
    assert patch_swd(a, b, 3, 5) == pytest.approx(expected, rel=1e-5 if a.shape == b.shape else 0.01)


def test_patch_swd_knows_no_order_and_measures_a_shift():
    image = discs(seed=3) * 0.7
    assert patch_swd(image, image) == 0
    assert patch_swd(image.flip(3), image, size=1) == pytest.approx(0, abs=1e-7)
    assert patch_swd(image + 0.2, image) == pytest.approx(0.2 * patch_swd(image + 0.1, image) / 0.1, rel=1e-4)
    assert 0.05 < patch_swd(image + 0.1, image) < 0.12


def test_diversity_is_none_of_copies_and_that_of_noise_is_one():
    source = discs()
    assert diversity([source, source, source], source) == 0
    drawn, many = noise(200, 200)[:, :1], torch.cat([noise(200, 200, seed)[:, :1] for seed in range(8)])
    expected = float(many.double().std(0).mean() / drawn.double().std(correction=0))
    drawn, many = drawn.expand(-1, 3, -1, -1), many.expand(-1, 3, -1, -1)
    assert diversity(many, drawn) == pytest.approx(expected, rel=1e-6)
    assert 0.9 < diversity(many, drawn) < 1.05
    with pytest.raises(InputError, match="two samples or more of one size"):
        diversity([source, noise(20, 20)], source)
    with pytest.raises(InputError, match="one intensity alone"):
        diversity([source, source], torch.full((1, 3, 20, 20), 0.4))


def test_nearest_patches_are_those_of_another_library(monkeypatch):
    monkeypatch.setattr(one_image, "BAND", 200)  # several bands, and several blocks
    monkeypatch.setattr(one_image, "BLOCK", 200 * 64)
    image, source = discs((33, 28), 1), discs((40, 35), 2)
    found = nearest_patches(image, source, 5)
    rows, pool = (torch.nn.functional.unfold(x, 5)[0].T.numpy() for x in (image, source))
    distance, index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(pool).kneighbors(rows)
    assert np.allclose(found.distance, distance[:, 0] / 75**0.5, atol=1e-5)
    same = found.index.numpy() == index[:, 0]
    assert same.mean() > 0.9 and np.array_equal(found.query, np.arange(24 * 29))
    some = torch.tensor([3, 500, 77])
    assert torch.equal(nearest_patches(image, source, 5, some).distance, found.distance[some])
    with pytest.raises(InputError, match="20 x 4 pixels, smaller than a patch of 7"):
        nearest_patches(noise(4, 20), source)


def test_shares_of_patches_that_exist():
    source = noise(40, 60)
    assert patch_share(source, source) == coverage(source, source) == 1
    assert patch_share(noise(40, 60, 1), source) == 0
    part = source[..., 5:35, 10:40]
    assert patch_share(part, source) == 1
    assert coverage(part, source) == pytest.approx(24 * 24 / (34 * 54))
    both = torch.cat([source[..., :30], source[..., :30]], 3)  # patches over the seam are new
    assert patch_share(both, source) == pytest.approx((54 - 6) / 54)
    assert patch_share((source + 1 / 255).clamp(0, 1), source) == 1 and patch_share(source * 0.9, source) == 0


def test_copied_pieces_find_the_largest_piece():
    source = noise(50, 60)
    assert copied_pieces(source, source) == Pieces(1.0, 1.0, 3000)
    made = noise(70, 70, 1)
    made[..., 10:40, 5:45], made[..., 45:60, 30:60] = source[..., 12:42, 3:43], source[..., :15, 30:]
    found = copied_pieces(made, source)
    assert found.largest_pixels == 30 * 40 and found.largest == pytest.approx(0.4)
    assert 0 < found.typical < 0.2
    assert copied_pieces(noise(30, 30, 2), source) == Pieces(0.0, 0.0, 0)
    same_shift = noise(50, 60, 4)  # two pieces of one displacement are two
    same_shift[..., :20, :], same_shift[..., 30:, :] = source[..., :20, :], source[..., 30:, :]
    assert copied_pieces(same_shift, source).largest_pixels == 20 * 60


def test_all_measures_of_several_and_of_one(encoder):
    source = discs()
    found = measures([source, source.flip(3)], source, encoder)
    assert list(found) == list(ONE_IMAGE)
    assert found["patch_share"] > 0.5 and found["diversity"] > 0.1
    alone = measures(source, source, encoder)
    assert alone == {"sifid": alone["sifid"], "patch_swd": 0, "diversity": None, "patch_share": 1, "coverage": 1, "largest_piece": 1}  # fmt: skip
    assert measures(torch.cat([source, source.flip(3)]), source, encoder) == found
