"""Runs that are guided: pins, dropped matches, rigid parts, segments, colours and several styles."""

import numpy as np
import pytest
import torch
from conftest import blobs
from kornia.color import rgb_to_lab
from runs_of import POINTS, run

from correspondence.matches import Matches
from dst import imaging
from dst.config import InputError


@pytest.fixture(scope="module")
def pair():
    return blobs((80, 60), 0), blobs((72, 64), 1)


def lab(image):
    return rgb_to_lab(imaging.read(np.ascontiguousarray(image[..., :3])).rgb)


def test_a_pin_lands_where_its_style_point_is_in_the_contents_frame(pair):
    pin = (40, 25, 45, 30)
    result = run(pair, pins=[pin], gamma=50.0)
    base = Matches(POINTS[:, :2], POINTS[:, 2:4], None, (80, 60), (72, 64))
    from correspondence import align

    wanted = align(
        Matches(
            np.concatenate([[pin[:2]], base.content]),
            np.concatenate([[pin[2:]], base.style]),
            np.concatenate([[1.0], POINTS[:, 4]]), (80, 60), (72, 64), pinned=[True] + 5 * [False],
        )
    )[0]  # fmt: skip
    assert np.abs(result.warp.map_points(np.array([pin[:2]], float)) - wanted).max() < 0.5
    assert result.matches.content[0].tolist() == [40, 25]
    assert "1 pinned" in result.record["matches"]["verdict"]


def test_dropped_matches_are_left_out(pair):
    result = run(pair, drop=[2, 5])
    assert np.array_equal(result.matches.content, POINTS[[0, 2, 3], :2])
    result = run(pair, drop=[1, 2, 3])
    assert len(result.matches) == 2
    assert "(3 dropped by hand), fewer than the 3" in result.record["matches"]["verdict"] and result.warp.is_identity
    with pytest.raises(InputError, match="there are 5"):
        run(pair, drop=[6])


def test_a_protected_part_is_rigid_in_the_result(pair):
    mask = np.zeros((60, 80), np.uint8)
    mask[15:35, 30:55] = 255
    result = run(pair, rigid_mask=mask)
    points = np.argwhere(mask)[::5, ::-1].astype(float)
    a, b = points @ [1, 1j], result.warp.map_points(points) @ [1, 1j]
    system = np.stack([a, np.ones_like(a)], 1)
    assert np.abs(system @ np.linalg.lstsq(system, b, rcond=None)[0] - b).max() < 0.5


def test_geometry_gives_the_shapes_and_style_the_strokes(pair):
    seen = blobs((90, 50), 5)
    points = [[10, 10, 12, 9], [70, 12, 80, 10], [40, 50, 44, 41], [20, 40, 30, 30]]
    result = run(pair, geometry=seen, points=points)
    assert result.matches.style_size == (90, 50)
    assert result.record["geometry"]["size"] == [90, 50]
    assert result.style.shape == (57, 64, 3)
    with pytest.raises(InputError, match="outside the image"):
        run(pair, points=points)


def test_the_weight_of_a_style_decides_how_much_of_it_is_seen(pair):
    black, white = (np.full((40, 40, 3), level, np.uint8) for level in (0, 255))
    options = {"points": None, "warp": False, "steps": 10, "lr": 0.05, "alpha": 0.1}
    means = [run((pair[0], [black, white]), style_weights=w, **options).image.mean() for w in ([1, 0], [1, 1], [0, 1])]
    assert means[0] + 20 < means[1] < means[2] - 20
    assert len(run((pair[0], [black, white]), points=None, warp=False).record["styles"]) == 2


def test_luminance_keeps_the_colours_of_the_warped_content(pair):
    result = run(pair, preserve_color="luminance")
    apart = (lab(result.image) - lab(result.warped_content))[:, 1:].abs()
    assert apart.mean() < 0.7 and apart.max() < 4  # what rounding both to 8 bits does
    apart = (lab(result.unwarped) - lab(result.content))[:, 1:].abs()
    assert apart.mean() < 0.7 and apart.max() < 4
    assert not np.array_equal(result.image, result.warped_content)


def test_histogram_brings_the_style_to_the_contents_colours(pair):
    style = np.clip(pair[1] * 0.2, 0, 255).astype(np.uint8)
    options = {"points": None, "warp": False, "steps": 10, "lr": 0.05, "alpha": 0.5}
    dark, kept = (run((pair[0], style), preserve_color=p, **options).image.mean() for p in ("none", "histogram"))
    assert abs(kept - pair[0].mean()) < abs(dark - pair[0].mean()) / 2


def test_color_only_warps_and_recolours_without_a_step(pair):
    result = run(pair, color_only=True)
    assert result.history == [] and result.record["terms"] == []
    assert not result.warp.is_identity
    means = [image.reshape(-1, 3).mean(0) for image in (result.unwarped, result.content, result.style)]
    assert np.linalg.norm(means[0] - means[2]) < 0.5 * np.linalg.norm(means[1] - means[2])


def test_areas_are_painted_apart(pair):
    mask = np.zeros((60, 80), np.uint8)
    mask[:, 40:] = 255
    style = np.zeros((40, 40, 3), np.uint8)
    style[:, 20:] = 255
    options = {"points": None, "warp": False, "steps": 12, "lr": 0.05, "alpha": 0.1}
    masks = {"content_mask": mask, "style_mask": 255 - style}
    image = run((pair[0], style), **options, **masks).image
    assert image[:, :28].mean() > image[:, 36:].mean() + 60


def test_the_colour_pass_gives_the_painting_its_chroma_and_can_be_left_out():
    from dst.evaluate.quality import chroma_noise

    content, style = blobs((64, 80), 0), np.repeat(blobs((72, 64), 1).mean(2, keepdims=True), 3, 2).astype(np.uint8)
    raw, settled = (run((content, style), raw_colors=raw, points=None, warp=False) for raw in (True, False))
    spread = [np.ptp(r.image.astype(int), 2).mean() for r in (raw, settled)]
    assert spread[1] < 0.5 * spread[0] and spread[1] < 3
    noise = [
        chroma_noise(*(torch.from_numpy(x).permute(2, 0, 1)[None] / 255 for x in (r.image, r.content)))
        for r in (raw, settled)
    ]
    assert noise[1] < noise[0]
    kept = [run((content, style), raw_colors=raw, preserve_color="luminance").image for raw in (True, False)]
    assert np.array_equal(*kept)
