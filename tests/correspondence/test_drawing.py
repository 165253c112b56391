"""Drawing: colours, places and sizes of the marks."""

import numpy as np
import pytest

from correspondence.common import MatchError
from correspondence.drawing import MIN_HEIGHT, _free_places, colours, draw
from correspondence.matches import Matches


def pattern(width, height):
    return np.full((height, width, 3), 128, np.uint8)


def test_both_ends_have_the_same_colour_in_the_right_place():
    matches = Matches([[100, 300], [400, 100]], [[300, 50], [60, 400]], None, (500, 660), (400, 660))
    out = draw(pattern(500, 660), pattern(400, 660), matches, numbers=False, scale=False)
    assert out.dtype == np.uint8 and out.shape == (660, 500 + 11 + 400, 3)
    for k, colour in enumerate(colours(2)):
        x, y = matches.content[k].astype(int)
        u, v = matches.style[k].astype(int)
        assert np.array_equal(out[y, x], colour) and np.array_equal(out[v, u + 511], colour)


@pytest.mark.parametrize("size", [(16, 16), (30, 200), (700, 90), (1600, 1200)])
def test_any_size_stays_legible_and_untouched(size):
    image = pattern(*size)
    matches = Matches([[0, 0], [size[0] - 1, size[1] - 1]], [[3, 3], [8, 9]], None, size, (20, 25))
    out = draw(image, pattern(20, 25), matches, lines=True)
    assert out.shape[0] >= min(MIN_HEIGHT, 480) and (image == 128).all()
    assert not np.array_equal(out, draw(image, pattern(20, 25), matches, numbers=False))


def test_no_matches_give_both_images():
    out = draw(pattern(40, 30), pattern(20, 20), Matches([], []), scale=False)
    assert (out[:MIN_HEIGHT, :100] == 128).all()


GREEN = np.array([9, 200, 40], np.uint8)


def ticks(strip):
    """Where ticks stand on a ruler: middles of its runs of dark pixels."""
    dark = np.flatnonzero((strip < 128).all(-1))
    return [run.mean() for run in np.split(dark, np.flatnonzero(np.diff(dark) > 1) + 1)]


@pytest.mark.parametrize("drawn, file, step", [((500, 700), (500, 700), 100), ((500, 700), (2000, 2800), 500)])
def test_rulers_count_the_pixels_of_the_images_that_were_given(drawn, file, step):
    image = np.full((drawn[1], drawn[0], 3), GREEN)
    out = draw(image, image, Matches([], []), sizes=(file, file))
    inside = (out == GREEN).all(-1)
    top, left = np.argmax(inside.any(1)), np.argmax(inside.any(0))
    zoom = drawn[0] / file[0]
    for side, found in enumerate((ticks(out[top - 1, left:]), ticks(out[top:, left - 1]))):
        expected = (np.arange(0, file[side], step) + 0.5) * zoom - 0.5
        assert np.abs(np.array(found[: len(expected)]) - expected).max() <= 0.5


@pytest.mark.parametrize("size", [(16, 16), (17, 2000), (2000, 17), (4000, 3000)])
def test_rulers_stay_outside_of_the_images(size):
    images = np.full((size[1], size[0], 3), GREEN), np.full((20, 30, 3), GREEN)
    plain, ruled = (draw(*images, Matches([], []), scale=scale) for scale in (False, True))
    assert (plain == GREEN).all(-1).sum() == (ruled == GREEN).all(-1).sum()


def test_those_of_one_source_share_a_colour_and_have_no_numbers():
    points = np.array([[20, 20], [60, 30], [40, 70]], float)
    image = np.full((100, 100, 3), 250, np.uint8)
    one = Matches(points, points, None, (100, 100), (100, 100), source=np.array(["mouth"] * 3))
    assert np.array_equal(draw(image, image, one), draw(image, image, one, numbers=False))
    mixed = Matches(points, points, None, (100, 100), (100, 100), source=np.array(["mouth", "", "mouth"]))
    drawn = draw(image, image, mixed, numbers=False, scale=False)
    zoom = drawn.shape[0] / 100
    seen = [drawn[round((y + 0.5) * zoom), round((x + 0.5) * zoom)].tolist() for x, y in points]
    assert seen[0] == seen[2] != seen[1] and not np.array_equal(draw(image, image, mixed, scale=False), drawn)


def test_colours_differ():
    chosen = colours(80)
    assert len({tuple(c) for c in chosen.tolist()}) == 80 and len(colours(0)) == 0


def test_images_that_do_not_fit():
    matches = Matches([[1, 1]], [[2, 2]], None, (40, 30), (20, 20))
    with pytest.raises(MatchError, match="41 x 30"):
        draw(pattern(41, 30), pattern(20, 20), matches)
    with pytest.raises(MatchError, match="uint8"):
        draw(np.zeros((30, 40, 3)), pattern(20, 20), matches)


def test_numbers_of_crowded_points_do_not_cover_one_another():
    x, y = np.meshgrid(np.arange(40.0, 400, 45), np.arange(2.0, 300, 45))
    points, size = np.column_stack([x.ravel(), y.ravel()]), np.tile([22.0, 12.0], (x.size, 1))
    corners = _free_places(points, size, 7, (420, 300))
    assert (corners >= 0).all() and (corners + size <= (420, 300)).all()
    boxes = np.concatenate([np.concatenate([corners, corners + size], 1), np.concatenate([points - 7, points + 7], 1)])
    lapped = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    np.fill_diagonal(lapped[..., 0], 0)
    assert lapped.clip(0).prod(2).max() < 8  # a corner of a box at most
