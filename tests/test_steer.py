"""The handles: each is held to what it promises, and contradictions are refused in one line."""

import numpy as np
import pytest
import torch
from kornia.color import rgb_to_lab

from correspondence.matches import Matches
from dst import steer
from dst.config import InputError, StylizeConfig
from dst.imaging import color, cover, histogram
from dst.imaging.masks import read_rigid_mask, read_segmentation
from dst.prepare import _confidence
from dst.warp import to_pixels
from dst.warp.fit import mend

SIZE = (200, 160)
SOURCE = np.array([[40, 40], [150, 40], [100, 80], [50, 120], [150, 120], [100, 30], [60, 70], [140, 75.0]])
TARGET = SOURCE + np.array([[12, 4], [-10, 6], [0, 14], [8, -9], [-12, -6], [3, 10], [-9, 2], [11, -7.0]])


def matches(count=8):
    return Matches(SOURCE[:count], TARGET[:count], np.linspace(1, 0.3, count), SIZE, SIZE)


def residual_from_similarity(points, moved):
    """Greatest distance of moved points from the similarity that fits them best, both as complex numbers."""
    a, b = points @ [1, 1j], moved @ [1, 1j]
    system = np.stack([a, np.ones_like(a)], 1)
    solution = np.linalg.lstsq(system, b, rcond=None)[0]
    return np.abs(system @ solution - b).max()


def test_a_protected_part_moves_as_a_similarity_to_half_a_pixel_also_after_free_points_moved():
    mask = np.zeros((160, 200), bool)
    mask[50:95, 70:130] = True
    inside = np.argwhere(mask)[::7, ::-1].astype(float)
    free = steer.fit_warp(SOURCE, TARGET, SIZE).warp
    assert residual_from_similarity(inside, free.map_points(inside)) > 2
    fitted = steer.fit_warp(SOURCE, TARGET, SIZE, mask=mask)
    assert residual_from_similarity(inside, fitted.warp.map_points(inside)) < 0.5
    assert fitted.held.sum() == (fitted.warp.rigid > 0).sum() > 0
    assert not fitted.warp.folds().folded

    warp = fitted.warp
    shift = np.where(warp.rigid[:, None] > 0, 0.0, np.random.default_rng(0).normal(0, 0.02, warp.source.shape))
    moved = type(warp)(warp.size, warp.source, warp.displacement + shift, rigid=warp.rigid)
    mended, _ = mend(moved, np.zeros(len(moved.source), bool), mask)
    assert residual_from_similarity(inside, mended.map_points(inside)) < 0.5


def test_pins_land_where_pinned_even_if_other_points_fold():
    crossed = TARGET.copy()
    crossed[[4, 5]] = crossed[[5, 4]]
    source, target = SOURCE, crossed
    fitted = steer.fit_warp(source, target, SIZE, pins=2)
    assert fitted.held.sum() == 2
    assert np.abs(fitted.warp.map_points(source[:2]) - target[:2]).max() < 0.5
    assert not fitted.warp.folds().folded


def test_strength_scales_every_displacement():
    whole, half, none = (steer.fit_warp(SOURCE, SOURCE + 0.3 * (TARGET - SOURCE), SIZE, s).warp for s in (1.0, 0.5, 0))
    assert np.allclose(half.moved, whole.moved / 2)
    assert none.is_identity


def test_a_pin_in_a_protected_part_is_refused():
    mask = np.zeros((160, 200), bool)
    mask[30:50, 30:50] = True
    with pytest.raises(InputError, match="pin 1 lies in a rigid part"):
        steer.fit_warp(SOURCE, TARGET, SIZE, pins=1, mask=mask)


def test_dropped_numbers_count_from_one():
    left = steer.drop_matches(matches(), steer.read_drop([3, 1, 3]))
    assert np.array_equal(left.content, SOURCE[[1, 3, 4, 5, 6, 7]])
    with pytest.raises(InputError, match="match 9, but there are 8"):
        steer.drop_matches(matches(), [2, 9])


def test_pins_come_first_and_replace_found_matches_beside_them():
    edited = steer.add_pins(matches(), steer.read_pins((152, 41, 130, 60)))
    assert len(edited) == 8
    assert edited.content[0].tolist() == [152, 41] and edited.style[0].tolist() == [130, 60]
    assert not (edited.content[1:] == SOURCE[1]).all(1).any()


@pytest.mark.parametrize(
    "pins, message",
    [
        ([(10, 10, 300, 10)], "pin 1: its style point"),
        ([(10, 10, 20, 20), (10, 10, 40, 40)], "share one content point"),
        ([(1, 2, 3)], "four finite numbers"),
        ([(1, 2, 3, float("nan"))], "four finite numbers"),
        ("1,2,3,4", "four finite numbers"),
    ],
)
def test_bad_pins_are_refused(pins, message):
    with pytest.raises(InputError, match=message):
        steer.add_pins(matches(), steer.read_pins(pins))


@pytest.mark.parametrize(
    "options, styles, warp, points, message",
    [
        ({"protect": "m.png"}, 1, False, None, "protect is given, but no warp"),
        ({"pins": [(1, 2, 3, 4)]}, 1, False, None, "pins is given, but no warp"),
        ({"drop": [1]}, 1, False, None, "drop is given, but no warp"),
        ({"geometry": "g.png"}, 1, False, None, "geometry is given, but no warp"),
        ({}, 1, False, [[1, 2, 3, 4]], "points are given, but no warp"),
        ({"content_mask": "m.png"}, 1, True, None, "content_mask is given without style_mask"),
        ({"style_mask": "m.png"}, 1, True, None, "style_mask is given without content_mask"),
        ({"color_only": True, "preserve_color": "luminance"}, 1, True, None, "contradict"),
        ({"color_only": True, "init": "noise"}, 1, True, None, "init has no use"),
        ({"style_weights": [1]}, 2, True, None, "1 style_weights for 2 style pictures"),
        ({"style_weights": [1, 2]}, 1, True, None, "2 style_weights for 1 style picture:"),
        ({"style_weights": [1, -1]}, 2, True, None, "style weight is -1"),
        ({"style_weights": [0, 0]}, 2, True, None, "all 0"),
        ({"drop": [0]}, 1, True, None, "drop is 0"),
        ({"drop": ["x"]}, 1, True, None, "drop is 'x'"),
    ],
)
def test_contradictions_are_refused_in_one_line(options, styles, warp, points, message):
    config = StylizeConfig.from_options(**options)
    with pytest.raises(InputError, match=message) as caught:
        steer.check_handles(config, styles, warp, points)
    assert "\n" not in str(caught.value)


def test_empty_lists_are_no_handles():
    steer.check_handles(StylizeConfig.from_options(pins=[], drop=(), style_weights=[]), 2, False, None)


def two_halves(width, height, swap=False):
    mask = np.zeros((height, width, 3), np.uint8)
    mask[:, : width // 2] = (250, 10, 0)
    mask[:, width // 2 :] = (0, 0, 255)
    return mask[:, ::-1].copy() if swap else mask


def test_areas_are_paired_by_colour_whatever_their_place():
    areas = read_segmentation(two_halves(40, 30), two_halves(60, 24, swap=True), (40, 30), [(60, 24)], 64)
    assert areas.count == 2
    assert (areas.content[:, :20] == areas.styles[0][0, -1]).all()
    assert (areas.content[:, 20:] == areas.styles[0][0, 0]).all()
    segments = areas.segments()
    total = sum(segment.content for segment in segments)
    assert torch.equal(total, torch.ones_like(total))


def test_soft_edges_and_jpeg_noise_do_not_make_areas_of_their_own():
    mask = two_halves(64, 64).astype(float)
    mask[:, 31:33] = 128
    mask = np.clip(mask + np.random.default_rng(0).integers(-3, 4, mask.shape), 0, 255).astype(np.uint8)
    areas = read_segmentation(mask, two_halves(64, 64), (64, 64), [(64, 64)], 64)
    assert areas.count == 2
    assert (areas.content[:, :30] != areas.content[:, 34:][:, :30]).all()


def test_matches_between_different_areas_are_told_apart():
    areas = read_segmentation(two_halves(200, 160), two_halves(200, 160), SIZE, [SIZE], 64)
    found = Matches([[10, 10], [10, 20], [190, 20]], [[10, 10], [150, 20], [150, 9]], None, SIZE, SIZE)
    assert areas.agreeing(found).tolist() == [True, False, True]


@pytest.mark.parametrize(
    "content, style, message",
    [
        (np.zeros((30, 40), np.uint8), np.zeros((30, 40), np.uint8), "one flat colour"),
        (two_halves(40, 30), np.full((30, 40, 3), (0, 0, 255), np.uint8), "style_mask has no segment of the colour #f"),
        (two_halves(30, 40), two_halves(40, 30), "same shape"),
        (two_halves(40, 30), [two_halves(40, 30)] * 2, "2 style masks for 1 style"),
    ],
)
def test_masks_that_do_not_pair_are_refused(content, style, message):
    with pytest.raises(InputError, match=message):
        read_segmentation(content, style, (40, 30), [(40, 30)], 64)


def test_a_protect_mask_is_scaled_to_the_content_and_must_not_be_empty():
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 10:30] = 255
    assert abs(read_rigid_mask(mask, (100, 80)).mean() - (mask > 0).mean()) < 0.01
    with pytest.raises(InputError, match="zero everywhere"):
        read_rigid_mask(np.zeros((40, 50), np.uint8), (50, 40))
    with pytest.raises(InputError, match="no white part"):
        read_rigid_mask(np.full((40, 50), 40, np.uint8), (50, 40))
    with pytest.raises(InputError, match="same shape"):
        read_rigid_mask(mask, (40, 50))


def test_first_guesses():
    content, style = torch.rand(1, 3, 30, 40), torch.rand(1, 3, 20, 20)
    assert steer.first_guess("content", content, [style], 0) is None
    noise = [steer.first_guess("noise", content, [style], seed) for seed in (0, 0, 1)]
    assert torch.equal(noise[0], noise[1]) and not torch.equal(noise[0], noise[2])
    flat = torch.tensor([0.1, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 20, 20)
    assert torch.allclose(steer.first_guess("noise", content, [flat], 0), flat[..., :1, :1].expand_as(content))
    assert noise[0].std() < 0.5 * style.std() and (noise[0].mean() - style.mean()).abs() < 0.05
    assert steer.first_guess("style", content, [style], 0).shape == content.shape
    picture = steer.first_guess(np.full((50, 20, 3), 51, np.uint8), content, [style], 0)
    assert picture.shape == content.shape and torch.allclose(picture, torch.tensor(0.2), atol=1e-3)
    with pytest.raises(InputError, match="did you mean 'noise'"):
        steer.first_guess("noize", content, [style], 0)


def test_a_first_guess_that_is_nothing_known_is_refused_when_the_run_begins_with_one_suggestion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sty.png").write_bytes(b"")
    for given, advice in (
        ("stlye", "did you mean 'style'"),
        ("styl.png", "did you mean 'sty.png'"),
        ("sty.png", "init:"),
    ):
        with pytest.raises(InputError, match=advice) as caught:
            steer.check_handles(StylizeConfig.from_options(init=given), 1, True, None)
        assert str(caught.value).count("did you mean") == (advice != "init:")


def test_cover_keeps_the_aspect():
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 32, 64)
    covered = cover(ramp, (32, 32))
    assert torch.allclose(covered, ramp[..., 16:48], atol=1e-5)


def pictures():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 5, 6, generator=generator)
    both = torch.nn.functional.interpolate(coarse, size=(40, 48), mode="bilinear", align_corners=False)
    return both[:1], both[1:]


def test_luminance_keeps_a_and_b_of_the_content():
    content, painted = pictures()
    kept = color.keep_chroma(painted, content)
    own, wanted, given = (rgb_to_lab(x) for x in (kept, content, painted))
    assert (own - wanted)[:, 1:].abs().max() < 0.5
    assert (own - given)[:, 0].abs().mean() < (wanted - given)[:, 0].abs().mean() / 2
    assert torch.allclose(color.keep_chroma(content, content), content, atol=1e-3)


def test_grey_has_the_same_lightness_and_no_colour():
    content, _ = pictures()
    lab = rgb_to_lab(color.grey(content))
    assert lab[:, 1:].abs().max() < 0.1
    assert (lab - rgb_to_lab(content))[:, 0].abs().max() < 0.1


def test_matched_colours_have_the_quantiles_along_the_palettes_axes():
    content, style = (0.3 * x + 0.3 for x in pictures())
    matched = histogram.match_colors(style, [content])
    axes = torch.linalg.eigh(torch.cov(content.flatten(2)[0])).eigenvectors
    have, want = (axes.T @ x.flatten(2)[0] for x in (matched, content))
    for q in (0.125, 0.5, 0.875):
        assert torch.allclose(have.quantile(q, 1), want.quantile(q, 1), atol=0.02)


def test_matching_colours_invents_none():
    content, style = pictures()
    ramp = content.mean(1, keepdim=True) * torch.tensor([0.9, 0.5, 0.2]).view(1, 3, 1, 1)  # browns, dark to light
    matched = histogram.match_colors(style, [ramp])
    direction = torch.tensor([0.9, 0.5, 0.2]) / torch.tensor([0.9, 0.5, 0.2]).norm()
    along = torch.einsum("c,nchw->nhw", direction, matched)
    assert (matched - direction.view(1, 3, 1, 1) * along[:, None]).abs().max() < 0.03


def test_the_grain_of_a_flat_picture_is_not_blown_up():
    grain = 0.5 + 0.001 * torch.randn(1, 3, 40, 48, generator=torch.Generator().manual_seed(1))
    content, _ = pictures()
    matched = histogram.match_colors(grain, [content])
    assert matched.isfinite().all() and matched.std((2, 3)).max() < 0.1 < content.std((2, 3)).min()


def test_shares_decide_how_much_each_palette_counts():
    content, _ = pictures()
    dark, light = content * 0.2, content * 0.2 + 0.8
    means = [histogram.match_colors(content, [dark, light], s).mean() for s in ([1.0, 0.0], [1.0, 1.0], [0.0, 1.0])]
    assert abs(means[0] - dark.mean()) < 0.02 and abs(means[2] - light.mean()) < 0.02
    assert means[0] + 0.2 < means[1] < means[2] - 0.2


def test_recolouring_carries_the_palette_and_areas_apart():
    content, style = pictures()
    whole = histogram.recolor(content * 0.2 + 0.4, [style * 0.2 + 0.4], [1.0], None)
    assert torch.allclose(whole.mean((2, 3)), (style * 0.2 + 0.4).mean((2, 3)), atol=0.01)
    assert torch.equal(histogram.recolor(content, [style], [1.0], None, strength=0.0), content)
    areas = read_segmentation(two_halves(48, 40), two_halves(48, 40, swap=True), (48, 40), [(48, 40)], 64)
    black_white = torch.cat([torch.zeros(1, 3, 40, 24), torch.ones(1, 3, 40, 24)], 3)
    apart = histogram.recolor(content, [black_white], [1.0], areas.segments())
    assert apart[..., :24].min() > 0.9 and apart[..., 24:].max() < 0.1


def test_one_stray_point_does_not_undo_the_whole_bend():
    x, y = np.meshgrid(np.linspace(30, 170, 6), np.linspace(30, 170, 6))
    source = np.column_stack([x.ravel(), y.ravel()])
    target = source + 6 * np.column_stack([np.sin(source[:, 1] / 40), np.cos(source[:, 0] / 40)])
    target[14] += (60, -45)
    fitted = steer.fit_warp(source, target, (200, 200))
    kept = [int(np.linalg.norm(source - p, axis=1).argmin()) for p in to_pixels(fitted.warp.source, (200, 200))]
    assert 14 not in kept and len(kept) >= 33
    assert fitted.kept > 0.99 and not fitted.warp.folds().folded


BALANCE = (0.5, 50.0)
"""The default weights of reaching the targets and of smoothness."""


def bent_grid(stray):
    """Points of a grid that move along a smooth bend, all but one of them, which goes elsewhere."""
    x, y = np.meshgrid(np.linspace(30, 170, 6), np.linspace(30, 170, 6))
    source = np.column_stack([x.ravel(), y.ravel()])
    target = source + 6 * np.column_stack([np.sin(source[:, 1] / 40), np.cos(source[:, 0] / 40)])
    smooth = target[stray].copy()
    target[stray] += (9, -7)
    return source, target, smooth


def reached(source, target, stray, **kw):
    warp = steer.fit_warp(source, target, (200, 200), weights=BALANCE, **kw).warp
    return warp.map_points(source[stray : stray + 1])[0]


def test_an_unsure_match_follows_its_neighbours_and_a_sure_one_its_target():
    source, target, smooth = bent_grid(stray=14)
    landed = {}
    for score in (1.0, 0.05):
        confidence = np.where(np.arange(36) == 14, score, 1.0)
        landed[score] = reached(source, target, 14, confidence=confidence)
    missed = {score: np.linalg.norm(place - target[14]) for score, place in landed.items()}
    assert missed[1.0] < 3 and missed[0.05] > 7
    assert np.linalg.norm(landed[0.05] - smooth) < 4.5


def test_a_pin_counts_fully_whatever_its_score():
    source, target, _ = bent_grid(stray=0)
    place = reached(source, target, 0, pins=1, confidence=np.full(36, 0.05))
    assert np.abs(place - target[0]).max() < 0.5


def test_a_set_of_which_nothing_is_sure_bends_less():
    source, target, _ = bent_grid(stray=14)
    bend = {}
    for score in (None, 1.0, 0.8, 0.05):
        confidence = None if score is None else np.full(36, score)
        fitted = steer.fit_warp(source, target, (200, 200), weights=BALANCE, confidence=confidence)
        bend[score] = np.linalg.norm(fitted.warp.moved)
    assert bend[None] == bend[1.0] and bend[0.8] > 0.9 * bend[1.0]
    assert bend[0.05] < 0.6 * bend[1.0]


def test_a_protected_part_does_not_weaken_the_pull_of_the_matches():
    mask = np.zeros((160, 200), bool)
    mask[85:110, 70:130] = True
    fitted = steer.fit_warp(SOURCE, TARGET, SIZE, mask=mask)
    weights = _confidence(fitted, np.column_stack([SOURCE, TARGET, np.full(8, 0.15)]), SIZE)
    free = fitted.warp.rigid == 0
    assert (weights[~free] == 0).all() and 0 < free.sum() < len(free)
    assert weights.mean() == pytest.approx(0.5) and np.ptp(weights[free]) == 0


def test_the_surest_pull_fully_and_the_others_in_proportion():
    scores = np.array([0.6, 0.6, 0.3, 0.06, 0.0])
    assert np.allclose(steer.pull(scores), [1, 1, 0.5, 0.1, 0])
    assert np.allclose(steer.pull(np.full(5, 0.03)), 0.1)  # nobody is sure: the whole bends less
    assert len(steer.pull(np.zeros(0))) == 0
