"""Image quilting: cuts and errors against brute force, what is laid, texture transfer, and the command."""

import itertools

import cv2
import numpy as np
import pytest
import torch
from conftest import blobs, refused

import cli
import dst
from dst import imaging
from dst.config import InputError, QuiltConfig
from dst.config.quilting import overlap_of
from dst.patches import blocks
from dst.patches.blocks import Search, Term, fast
from dst.patches.cuts import new_pixels, path_costs, path_down
from dst.patches.layout import Plan, _Quilt, reach_onto
from dst.patches.likeness import SPREAD, likeness_maps, luminance, orientation, tones
from dst.patches.quilting import quilted, transfer_plans
from dst.viz.patches import CUT, cut_lines, cuts


def grain(height=60, width=70, seed=0):
    """A texture (H, W, 3) uint8: smoothed noise, in which hardly two pixels are equal."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return (128 + 55 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)


def made(sample, target=None, **options):
    images = [None if x is None else imaging.read(x) for x in (sample, target)]
    return quilted(*images, QuiltConfig(**options))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# Cuts.


def paths(rows, columns, start):
    """Every path down from a column, one step to the side at the most."""
    if rows == 1:
        return [(start,)]
    near = [k for k in (start - 1, start, start + 1) if 0 <= k < columns]
    return [(start, *rest) for k in near for rest in paths(rows - 1, columns, k)]


def test_the_cheapest_path_is_that_of_every_path():
    error = np.random.default_rng(0).random((6, 4))
    costs = path_costs(error)
    for start in range(4):
        every = {path: sum(error[k, column] for k, column in enumerate(path)) for path in paths(6, 4, start)}
        best = min(every, key=every.get)
        assert costs[0, start] == pytest.approx(every[best]) and tuple(path_down(costs, 0, start)) == best


def cut_by_force(left, top, b):
    """The cheapest L of all, and what it makes new: every corner, every path down and every path to the right from there."""
    over, found = left.shape[1], (np.inf, None)
    for y, x in itertools.product(range(over), range(over)):
        for down, right in itertools.product(paths(b - y, over, x), paths(b - x, over, y)):
            cost = sum(left[y + k, c] for k, c in enumerate(down)) + sum(top[r, x + k] for k, r in enumerate(right))
            cost -= left[y, x]
            if cost >= found[0]:
                continue
            new = np.zeros((b, b), bool)
            for row, column in itertools.product(range(b), range(b)):
                beside = row >= y and column >= down[row - y] if row >= y else None
                beneath = column >= x and row >= right[column - x] if column >= x else None
                known = [side for side in (beside, beneath) if side is not None]
                new[row, column] = bool(known) and all(known)
            found = cost, new
    return found[1]


@pytest.mark.parametrize("seed", range(12))
def test_the_cut_is_the_cheapest_of_every_l(seed):
    error = np.random.default_rng(seed).random((5, 5)) ** 3
    assert np.array_equal(new_pixels(error[:, :2], error[:2], 5), cut_by_force(error[:, :2], error[:2], 5))


def test_cuts_run_where_both_agree():
    error = np.ones((8, 3))
    error[:, 1] = 0
    assert np.array_equal(new_pixels(error, None, 8), np.arange(8) >= np.ones((8, 1)))
    assert np.array_equal(new_pixels(None, error.T, 8), (np.arange(8) >= np.ones((8, 1))).T)
    assert new_pixels(None, None, 8).all()
    error = np.ones((8, 8))
    error[1:, 1] = error[1, 1:] = 0
    both = new_pixels(error[:, :3], error[:3], 8)
    assert not both[0].any() and not both[:, 0].any() and both[1:, 1:].all()


# Which block fits.


@pytest.mark.parametrize("searched", [512, 12])
def test_errors_are_those_of_every_block_by_force(searched, monkeypatch):
    monkeypatch.setattr(blocks, "SEARCHED", searched)
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(3, 23, 31)).astype(np.float32), rng.normal(size=(2, 23, 31)).astype(np.float32)]
    terms = [
        [Term(rng.normal(size=(3, 6, 6)).astype(np.float32), (0, 0, 6, 2), 0.7),
         Term(rng.normal(size=(3, 6, 6)).astype(np.float32), (0, 0, 6, 6), 0.2)],
        [Term(rng.normal(size=(2, 6, 6)).astype(np.float32), (0, 2, 2, 6), 1.5)],
    ]  # fmt: skip
    found = Search(parts, 6).errors(terms, generator())
    assert found.values.shape == ((18, 26) if searched == 512 else (7, 7))
    for y, x in np.ndindex(found.values.shape):
        expected = 0.0
        for part, some in zip(parts, terms, strict=True):
            block = part[:, found.top + y : found.top + y + 6, found.left + x : found.left + x + 6]
            for values, (y0, x0, y1, x1), weight in some:
                expected += weight * np.square(block - values)[:, y0:y1, x0:x1].sum()
        assert found.values[y, x] == pytest.approx(expected, rel=1e-4)
    assert found.floor < 1e-3 * found.values.min()


def test_lengths_of_transforms_have_small_factors():
    assert [fast(n) for n in (1, 7, 97, 192, 509)] == [1, 8, 100, 192, 512]


def test_blocks_are_drawn_from_those_that_fit_nearly_as_well_as_the_best():
    sample = imaging.read(grain()).rgb[0].numpy()
    search = Search([sample], 12)
    quilt = _Quilt(search, Plan((100, 12), 3, 0.3, 1), 2)
    quilt.put(0, 0, (20, 25))
    wanted = [quilt.wanted(0, 9, None)]
    errors = search.errors(wanted, generator())
    drawn = {quilt.chosen(0, 1, errors, generator(seed)) for seed in range(200)}
    allowed = errors.values.copy()
    allowed[20 - 3 : 20 + 4, 34 - 3 : 34 + 4] = np.inf  # how the sample goes on, and near it
    allowed[20 - 3 : 20 + 4, 25 - 3 : 25 + 4] = np.inf  # the same place again
    good = {tuple(map(int, place)) for place in np.argwhere(allowed <= 1.3 * allowed.min())}
    assert errors.values[20, 34] < errors.floor and drawn == good and len(good) > 2
    quilt = _Quilt(search, Plan((100, 12), 3, 0.3, 2), 2)
    quilt.put(0, 0, (20, 25))
    assert {quilt.chosen(0, 1, errors, generator(seed)) for seed in range(200)} == good | {(20, 34)}


# What is laid.


@pytest.mark.parametrize("size", [(101, 77), (64, 130), (32, 32)])
def test_a_quilt_has_its_size_and_every_pixel_is_one_of_the_sample(size):
    sample = grain()
    quilt = made(sample, size=size, block=16)
    pixels = imaging.to_array(quilt.image.rgb)
    assert pixels.shape == (size[1], size[0], 3)
    assert np.array_equal(pixels, sample.reshape(-1, 3)[quilt.index])
    assert quilt.block.max() + 1 <= -(-(size[0] - 3) // 13) * -(-(size[1] - 3) // 13)
    known = {tuple(colour) for colour in sample.reshape(-1, 3)}
    assert {tuple(colour) for colour in pixels.reshape(-1, 3)} <= known


def test_one_seed_one_quilt():
    images = [imaging.to_array(dst.quilt(grain(), size=(80, 64), block=16, seed=seed).rgb) for seed in (0, 0, 1)]
    assert np.array_equal(images[0], images[1]) and (images[0] != images[2]).mean() > 0.5


def test_cuts_are_better_than_straight_edges_and_the_best_fit_better_than_any():
    sample = grain(90, 90)

    def roughness(quilt):
        """Mean difference of pixels side by side over a cut."""
        pixels = imaging.to_array(quilt.image.rgb).astype(float)
        beside = (quilt.block[:, 1:] != quilt.block[:, :-1])[..., None] * np.abs(pixels[:, 1:] - pixels[:, :-1])
        return beside.sum() / (quilt.block[:, 1:] != quilt.block[:, :-1]).sum()

    own = np.abs(np.diff(sample.astype(float), axis=1)).sum(2).mean()
    fitting, any_block = (roughness(made(sample, size=(160, 160), block=18, tolerance=t, piece=1)) for t in (0.0, 10.0))
    assert fitting < 0.7 * any_block and fitting < 2 * own


def offsets(quilt):
    """How far each pixel is from its place in the sample, (H, W, 2)."""
    width = quilt.sample.size[0]
    rows, columns = np.indices(quilt.index.shape)
    return np.stack([quilt.index // width - rows, quilt.index % width - columns], 2)


@pytest.mark.parametrize("piece", [1, 2, 4])
def test_no_run_is_longer_than_allowed(piece):
    size, block, step = (300, 120), 12, 10
    quilt = made(grain(80, 100), size=size, block=block, piece=piece, tolerance=0.5)
    middles = offsets(quilt)[block // 2 :: step, block // 2 :: step]
    longest = 1
    for lines in (middles, middles.swapaxes(0, 1)):
        for line in lines:
            same = [bool((a == b).all()) for a, b in itertools.pairwise(line)]
            longest = max(longest, *(1 + len(list(run)) for key, run in itertools.groupby(same) if key), 1)
    assert longest == piece
    made_onto = made(grain(80, 100), grain(80, 100, 1), block=12, piece=piece, passes=1)
    same = (np.diff(offsets(made_onto)[block // 2 :: step, block // 2 :: step], axis=1) == 0).all(2)
    assert piece > 1 or not same.any()


def test_no_two_neighbours_are_the_same_block():
    quilt = made(grain(), size=(200, 200), block=12, tolerance=1.0, piece=1)
    places = offsets(quilt)[6::10, 6::10] + 10 * np.indices(quilt.index[6::10, 6::10].shape).transpose(1, 2, 0)
    for down, right in ((0, 1), (0, 2), (1, 0), (1, 1), (2, 0)):
        far = np.abs(places[down:, right:] - places[: len(places) - down, : places.shape[1] - right]).max(2)
        assert far.min() > 3


def test_a_sample_of_a_single_block_is_laid_too():
    sample = grain(16, 16)
    quilt = made(sample, size=(60, 50), block=16)
    assert np.array_equal(imaging.to_array(quilt.image.rgb), sample.reshape(-1, 3)[quilt.index])


def test_16_bits_and_alpha_come_along():
    deep = np.random.default_rng(0).integers(0, 65536, (40, 48, 4)).astype(np.uint16)
    image = dst.quilt(deep, size=(70, 50), block=12)
    pixels = imaging.to_array(image.rgb, image.alpha, image.depth)
    assert pixels.dtype == np.uint16 and pixels.shape == (50, 70, 4)
    known = {tuple(pixel) for pixel in deep.reshape(-1, 4)}
    assert {tuple(pixel) for pixel in pixels.reshape(-1, 4)} <= known


def test_what_is_transparent_agrees_whatever_its_colour():
    clear = np.dstack([grain(), np.full((60, 70), 255, np.uint8)])
    clear[:, :30, 3] = 0
    other = clear.copy()
    other[:, :30, :3] = 255 - other[:, :30, :3]
    first, second = (made(x, size=(90, 80), block=12) for x in (clear, other))
    assert np.array_equal(first.index, second.index)
    first, second = (made(x, halves(), block=12) for x in (clear, other))
    assert np.array_equal(first.index, second.index)


# Texture transfer.


def halves(height=72, width=96):
    """A picture, dark at the left and light at the right."""
    picture = np.full((height, width, 3), 60, np.uint8)
    picture[:, width // 2 :] = 200
    return picture


def test_a_texture_follows_lights_and_darks():
    quilt = made(grain(80, 80), halves(), block=12)
    pixels = imaging.to_array(quilt.image.rgb).astype(float)
    assert pixels.shape == (72, 96, 3)
    assert pixels[:, :44].mean() + 40 < pixels[:, -44:].mean()
    assert np.array_equal(pixels.astype(np.uint8), grain(80, 80).reshape(-1, 3)[quilt.index])


def test_a_picture_of_another_size_is_covered():
    pixels = imaging.to_array(dst.quilt(grain(80, 80), halves(), block=12, size=(64, 100)).rgb).astype(float)
    assert pixels.shape == (100, 64, 3) and pixels[:, :26].mean() + 20 < pixels[:, -26:].mean()


def test_onto_an_even_picture_no_block_comes_back_within_four():
    even = np.full((120, 120, 3), 128, np.uint8)
    quilt = made(grain(100, 100), even, size=(120, 120), block=12, passes=1, tolerance=0.5)
    places = offsets(quilt)[6::10, 6::10] + 10 * np.indices(quilt.index[6::10, 6::10].shape).transpose(1, 2, 0)
    for down, right in itertools.product(range(5), range(5)):
        if down or right:
            far = np.abs(places[down:, right:] - places[: len(places) - down, : places.shape[1] - right]).max(2)
            assert far.min() > 3
    assert [reach_onto((100, 100), block) for block in (12, 16, 24)] == [
        4,
        3,
        2,
    ]  # less where the sample is soon used up


def stripes(upright, height=64, width=64, low=70, high=190):
    lines = np.arange(width if upright else height) // 3 % 2
    plane = np.broadcast_to(lines[None, :] if upright else lines[:, None], (height, width))
    return np.where(plane[..., None], np.uint8(high), np.uint8(low)).repeat(3, 2)


@pytest.mark.parametrize("by", ["orientation", "features"])
def test_a_texture_follows_lines(by):
    sample = np.concatenate([stripes(True), stripes(False)], 1)
    target = np.concatenate(
        [stripes(False, low=20, high=120), stripes(True, low=20, high=120)], 0
    )  # the one above the other
    made_ = dst.quilt(sample, target, by=(by,), block=12)
    way = orientation(made_.rgb)[0, 0]
    assert float(way[6:54].mean()) < -0.5 < 0.5 < float(way[74:122].mean())


def test_orientation_is_that_of_lines_and_not_of_their_sides():
    image = imaging.read(blobs((50, 44), 2)).rgb
    way = orientation(image)
    assert float(way.norm(dim=1).max()) <= 1 + 1e-5
    assert torch.allclose(orientation(1 - image), way, atol=1e-4)
    turned = orientation(image.transpose(2, 3)).transpose(2, 3)
    assert torch.allclose(turned, way * torch.tensor([-1.0, 1]).view(1, 2, 1, 1), atol=1e-4)
    assert float(orientation(torch.full((1, 3, 20, 20), 0.3)).abs().max()) < 1e-6


def test_tones_of_the_target_are_those_of_the_sample():
    sample, target = (imaging.read(x).rgb for x in (grain(), blobs((64, 40), 3)))
    own, other = tones(sample, target)
    at = torch.linspace(0.02, 0.98, 30)
    assert torch.allclose(own.flatten().quantile(at), other.flatten().quantile(at), atol=0.03)
    assert float(own.std()) == pytest.approx(float(luminance(sample).std()), rel=1e-4)


def test_maps_that_are_followed_together_count_alike():
    sample, target = (imaging.read(x).rgb for x in (grain(), blobs((64, 40), 3)))
    alone = [likeness_maps(sample, target, (name,)) for name in ("luminance", "orientation")]
    both = likeness_maps(sample, target, ("luminance", "orientation"))
    for k in (0, 1):
        assert np.allclose(both[k] * 2**0.5, np.concatenate([pair[k] for pair in alone]), atol=1e-6)


def test_features_have_one_deviation_however_many_they_are():
    sample, target = (imaging.read(x).rgb for x in (grain(), blobs((64, 40), 3)))
    own, other = likeness_maps(sample, target, ("features",))
    assert own.shape[1:] == (60, 70) and other.shape[1:] == (40, 64) and len(own) == len(other)
    assert np.square(own).sum(0).mean() ** 0.5 == pytest.approx(SPREAD, rel=1e-3)


def test_passes_are_those_published():
    plans = transfer_plans((300, 200), QuiltConfig(block=36, passes=4))
    assert [block for block, _ in plans] == [36, 24, 16, 11]
    assert [plan.alpha for _, plan in plans] == pytest.approx([0.1, 0.1 + 0.8 / 3, 0.1 + 1.6 / 3, 0.9])
    assert [plan.over for _, plan in plans] == [6, 4, 3, 2]
    assert transfer_plans((300, 200), QuiltConfig(block=8, passes=5))[-1][0] == 4
    assert overlap_of(4, 0.01) == 1 and overlap_of(5, 0.5) == 2


# Cuts drawn.


def test_cuts_are_drawn_where_pixels_do_not_stand_so_in_the_sample():
    index = np.arange(6)[:, None] * 10 + np.arange(8)
    assert not cut_lines(index, 10).any()
    index[:, 5:] += 1
    assert np.array_equal(np.argwhere(cut_lines(index, 10)), [[row, 4] for row in range(6)])
    assert cut_lines(index, 10, 2).sum() == 12 and cut_lines(index, 10, 2)[:, 9].all()
    quilt = made(grain(), size=(64, 64), block=16)
    sheet = cuts(quilt)
    assert (sheet == CUT).all(2).sum() == cut_lines(quilt.index, 70, 2).sum()


# What is refused.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": grain(20, 60)}, "the sample image is 60 x 20 pixels, smaller than a block of 32: give a larger sample"),
        ({"block": 64}, "smaller than a block of 64"),
        ({"block": 2}, "block is 2: it takes a whole number from 4 to 512"),
        ({"overlap": 1.0}, "overlap is 1.0: it takes a finite number from 0.01 to 0.5"),
        ({"overlap": 0}, "overlap is 0"),
        ({"size": (16, 16)}, "size is .*16, 16.*: it takes a width and a height from 32 to 4096"),
        ({"size": (100, 40), "block": 48}, "size is 100 x 40, smaller than a block of 48"),
        ({"sample": np.full((60, 60, 3), 9, np.uint8)}, "has one colour alone"),
        ({"sample": np.dstack([grain(), np.zeros((60, 70), np.uint8)])}, "wholly transparent"),
        ({"onto": halves(20, 40), "block": 24}, "image is 40 x 20 pixels, smaller than a block of 24"),
        ({"onto": halves(20, 4100)}, "image is 4100 x 20 pixels, a quilt at most 4096 on each side"),
        ({"onto": halves(), "by": ("tone",)}, "by 'tone' is not known: choose one of luminance, orientation, features"),
        ({"onto": halves(), "by": "luminance+luminance"}, "each of luminance, orientation, features once"),
        ({"by": ("orientation",)}, "by is given, and no picture to lay the quilt onto: give onto"),
        ({"onto": halves(), "passes": 9}, "passes is 9"),
        ({"piece": 0}, "piece is 0"),
        ({"sized": 3}, "did you mean 'size'"),
        ({"sample": "none.png"}, "none.png does not exist"),
    ],
)  # fmt: skip
def test_what_no_quilt_can_be_made_of_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        dst.quilt(**{"sample": grain(), **options})


# The command.


@pytest.fixture
def files(tmp_path):
    paths_ = [str(tmp_path / name) for name in ("grain.png", "halves.png", "out.png", "cuts.png")]
    imaging.write(paths_[0], grain())
    imaging.write(paths_[1], halves())
    return paths_


def test_the_command(files, capsys):
    sample, target, out, drawn = files
    given = ["quilt", sample, "-o", out, "--block", "16", "--overlap", "1/4", "--seed", "3"]
    assert cli.main([*given, "--size", "70x50", "--cuts", drawn]) == 0
    assert "out.png, " in (said := capsys.readouterr().err) and "(70 x 50 pixels)" in said
    expected = dst.quilt(sample, size=(70, 50), block=16, overlap=0.25, seed=3)
    assert torch.equal(imaging.read(out).rgb, expected.rgb) and imaging.read(drawn).size[0] > 140
    assert cli.main([*given, "--onto", target, "--by", "luminance+orientation", "--passes", "2", "--quiet"]) == 0
    assert imaging.read(out).size == (96, 72) and not capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{0}"], "required: -o"),
        (["{0}", "-o", "{0}"], "is an input"),
        (["{0}", "-o", "{2}", "--onto", "{1}", "--cuts", "{1}"], "is an input"),
        (["{0}", "-o", "{2}", "--cuts", "{2}"], "are both"),
        (["{0}", "{1}", "-o", "{2}"], "one sample is taken"),
        (["{0}", "-o", "{2}", "--overlap", "1/0"], "--overlap is '1/0': it takes a finite number from 0.01 to 0.5"),
        (["{0}", "-o", "{2}", "--overlap", "4/5"], "--overlap is '4/5': it takes"),
        (["{0}", "-o", "{2}", "--size", "9x9"], "--size is"),
        (["{0}", "-o", "{2}", "--block", "64"], "smaller than a block of 64"),
        (["{0}", "-o", "{2}", "--by", "orientation"], "no picture to lay the quilt onto"),
        (["{0}", "-o", "{2}", "--onto", "none.png"], "none.png does not exist"),
    ],
)
def test_the_command_refuses_in_one_line(files, capsys, tmp_path, arguments, words):
    before = sorted(path.name for path in tmp_path.iterdir())
    assert words in refused(capsys, "quilt", *(word.format(*files) for word in arguments))
    assert sorted(path.name for path in tmp_path.iterdir()) == before
