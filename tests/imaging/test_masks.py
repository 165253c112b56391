"""Masks: segments paired by colour, rigid parts."""

import numpy as np
import pytest
import torch

from correspondence.matches import Matches
from dst.config import InputError
from dst.imaging.masks import read_rigid_mask, read_segmentation

SIZE = (200, 160)
SOURCE = np.array([[40, 40], [150, 40], [100, 80], [50, 120], [150, 120], [100, 30], [60, 70], [140, 75.0]])
TARGET = SOURCE + np.array([[12, 4], [-10, 6], [0, 14], [8, -9], [-12, -6], [3, 10], [-9, 2], [11, -7.0]])


def matches(count=8):
    return Matches(SOURCE[:count], TARGET[:count], np.linspace(1, 0.3, count), SIZE, SIZE)


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


def test_masks_are_kept_at_the_size_that_each_image_is_needed_at():
    masks = two_halves(400, 300), [two_halves(400, 200), two_halves(40, 30)]
    areas = read_segmentation(*masks, (400, 300), [(400, 200), (40, 30)], [64, 128, 128])
    assert [labels.shape for labels in (areas.content, *areas.styles)] == [(48, 64), (64, 128), (30, 40)]


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
