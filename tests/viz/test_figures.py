"""Figures: each is drawn from what the Result holds, and shows where the numbers say it should."""

import ast
import inspect

import numpy as np
import pytest
from matplotlib.figure import Figure

from dst.viz import figures, sheets
from dst.warp import Warp


def titles(result) -> list[list[str]]:
    """Those of the contact sheet, row by row."""
    return [[title for title, _ in row] for row in figures.contact_rows(result)]


def pixels(figure: Figure) -> np.ndarray:
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


@pytest.mark.parametrize("draw", [figures.losses, figures.matches, figures.arrows, figures.grid, figures.contact])
@pytest.mark.parametrize("kind", ["warps", "plain", "alpha"])
def test_every_figure_is_drawn_for_every_kind_of_run(made_result, draw, kind):
    result = made_result(warps=kind != "plain", alpha=kind == "alpha")
    before = [image.copy() for image in (result.image, result.content)]
    figure = draw(result)
    assert isinstance(figure, Figure)
    assert pixels(figure).std() > 5
    assert all(np.array_equal(a, b) for a, b in zip(before, (result.image, result.content), strict=True))


def test_no_figure_needs_pyplot():
    imported = [
        n for n in ast.walk(ast.parse(inspect.getsource(figures))) if isinstance(n, (ast.Import, ast.ImportFrom))
    ]
    assert not any("pyplot" in ast.unparse(node) for node in imported)


def test_a_figure_shows_itself_in_a_notebook(made_result):
    import io

    from PIL import Image

    figure = figures.losses(made_result())
    shown = np.asarray(Image.open(io.BytesIO(figure._repr_png_())).convert("RGB")).astype(int)
    assert np.array_equal(shown, pixels(figure))


def test_losses_mark_every_scale(made_result):
    figure = figures.losses(made_result())
    for axes in figure.axes:
        assert [text.get_text() for text in axes.texts] == ["30 px", "60 px"]
    curve = figure.axes[0].lines[0].get_ydata()
    assert np.allclose(curve, [row["total"] for row in made_result().history])


def test_losses_take_an_empty_history_and_zeros(made_result):
    assert len(figures.losses(made_result(history=[])).axes) == 6
    flat = [{**row, "warp": 0.0, "tv": 0.0} for row in made_result().history]
    figures.losses(made_result(history=flat)).canvas.draw()


def test_matches_are_shown_as_they_are_drawn_in_the_runs_folder(made_result):
    result = made_result()
    (axes,) = figures.matches(result).axes
    assert axes.get_title() == "matches (6)" and np.array_equal(axes.images[0].get_array(), result.matches_image)
    green = np.full((60, 70, 3), (10, 250, 20), np.uint8)
    none = made_result(warps=False, geometry=green)
    left, right = figures.matches(none).axes
    assert [left.get_title(), right.get_title()] == ["content (no matches)", "geometry"]
    assert np.array_equal(right.images[0].get_array(), green)
    assert titles(made_result(geometry=green))[0] == ["content", "style", "geometry", "matches (6)"]


def test_a_run_that_warped_nothing_says_so(made_result):
    result = made_result(warps=False, history=[])
    assert titles(result) == [["content", "style", "result"]]
    assert "nothing was warped" in figures.arrows(result).axes[0].get_title() and not figures.arrows(result).legends
    assert "nothing was warped" in figures.grid(result).axes[0].get_title()
    assert all("no step" in axes.texts[0].get_text() for axes in figures.losses(result).axes)


def test_several_styles_are_counted_on_the_contact_sheet(made_result):
    result = made_result()
    result.record["styles"] = [{"name": "a"}, {"name": "b"}]
    assert titles(result)[0][1] == "style, the first of 2"


def test_points_that_hold_a_part_in_shape_get_no_arrow(made_result):
    result = made_result()
    held = Warp(
        result.warp.size, np.concatenate([result.warp.source, [[0.3, 0.3], [0.35, 0.3]]]),
        np.concatenate([result.warp.displacement, np.zeros((2, 2))]), rigid=[1, 0, 0, 0, 0, 0, 2, 2],
        origin=[0, 1, 2, 3, 4, 5, -1, -1],
    )  # fmt: skip
    result = made_result(warp=held)
    result.record["warp"]["targets"] = None
    figure = figures.arrows(result)
    from matplotlib.quiver import Quiver

    (arrows,) = (c for c in figure.axes[0].collections if isinstance(c, Quiver))
    assert len(arrows.X) == 6  # the first point is a pin: rigid, and a keypoint
    assert "rigid, before" in [t.get_text() for t in figure.legends[0].get_texts()]


def test_arrows_go_from_the_source_to_what_was_reached(made_result):
    result = made_result()
    axes = figures.arrows(result).axes[0]
    from matplotlib.quiver import Quiver

    (arrows,) = (c for c in axes.collections if isinstance(c, Quiver))
    start = (result.warp.source) * 60 - 0.5
    assert np.allclose(np.column_stack([arrows.X, arrows.Y]), start)
    assert np.allclose(np.column_stack([arrows.U, arrows.V]), result.warp.moved * 60)


def test_the_grid_of_a_still_warp_is_straight_and_regular(made_result):
    axes = figures.grid(made_result(warps=False), lines=6).axes[0]
    gap = 10
    for lines, axis, count in ((axes.collections[0], 0, 6), (axes.collections[1], 1, 5)):
        places = [path.vertices[:, axis] for path in lines.get_paths() if len(path.vertices)]
        assert len(places) == count
        for k, place in enumerate(places):
            assert np.allclose(place, (k + 0.5) * gap - 0.5, atol=1e-6)


def test_the_grid_line_through_a_keypoint_goes_where_the_keypoint_went(made_result):
    # The keypoint stands at the image's x = 29.5, on the third of six lines, and moves right by 6.
    warp = Warp.fit([[59.5, 47.5], [20, 20], [20, 76]], [[71.5, 47.5], [20, 20], [20, 76]], (120, 96))
    axes = figures.grid(made_result(warp=warp), lines=5).axes[0]
    lines = [path.vertices for path in axes.collections[0].get_paths()]
    middle = lines[2]
    at = middle[np.abs(middle[:, 1] - 23.5).argmin()]
    assert abs(at[0] - 35.5) < 0.3


def test_folds_are_marked_where_there_are_any(made_result):
    folding = Warp.fit([[40, 48], [60, 48], [50, 20]], [[66, 48], [40, 48], [50, 20]], (120, 96))
    assert folding.folds().share > 0
    pink = np.array([255, 0, 200])
    near = [
        np.abs(pixels(figures.grid(made_result(warp=w))) - pink).sum(-1) < 150 for w in (folding, made_result().warp)
    ]
    assert near[0].sum() > 50 and near[1].sum() == 0


def test_the_contact_sheet_shows_the_result_itself(made_result):
    result = made_result(image=np.full((48, 60, 3), (250, 10, 20), np.uint8))
    sheet = figures.contact(result, height=96)
    below = ["content, warped", "painted, not warped", "result"]
    assert titles(result) == [["content", "style", "matches (6)"], below]
    red = (np.abs(pixels(sheet) - (250, 10, 20)).sum(-1) < 6).nonzero()
    height, width = np.ptp(red[0]) + 1, np.ptp(red[1]) + 1
    assert abs(width / height - 60 / 48) < 0.03 and height >= 94


def test_words_are_wrapped_to_a_width_and_none_is_lost():
    path = "/a/long/path/" * 20 + "b\udce9.jpg"  # a file's name need not be valid Unicode
    for text in ("", "a", "some words that do not fit", f"dst stylize {path} -o x.png"):
        for width in (60, 150, 4000):
            lines = sheets.wrapped(text, width)
            assert all(sheets.font().getlength(line) <= width + 1 for line in lines)
            assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert sheets.wrapped("some words that do not fit", 4000) == ["some words that do not fit"]
    assert sheets.wrapped("some words", 60) == ["some", "words"]


def test_captions_and_a_foot_move_images_apart_and_stay_off_them():
    black = [np.zeros((30, 90, 3), np.uint8)] * 4
    bare = sheets.table_sheet(black, ["a", "b"], ["c", "d"])
    sheet = sheets.table_sheet(black, ["a", "b"], ["c", "d"], ["two words that go on"] * 4, ["below " * 40])
    assert sheet.shape[1] == bare.shape[1] and sheet.shape[0] > bare.shape[0] + 2 * 2 * sheets.LINE
    solid = [(image == 0).all(2) for image in (bare, sheet)]
    whole = [sum(row[k : k + 90].all() for row in mask for k in range(mask.shape[1] - 89)) for mask in solid]
    assert whole == [4 * 30, 4 * 30]  # every row of every image, and nothing over it
    assert (sheet[-sheets.LINE :] < 128).any()
    wide = "two\u00a0words\u00a0that\u00a0stay\u00a0together"  # a column is widened rather than a word cut
    across = sheets.table_sheet(black, ["a", "b"], ["c", "d"], [wide] * 4).shape[1] - bare.shape[1]
    assert abs(across - 2 * (sheets.font().getlength(wide) - 90)) <= 2


def test_the_contact_sheet_carries_the_metrics_within_its_width(made_result):
    result = made_result()
    found = {"style_distance": 1.234, "ssim": 0.5, "folded_share": 0.0, "max_jacobian": 3.0, "border_error": -0.04}
    result.record["metrics"] = {**found, "crossing_share": None}
    words = figures._metrics(result.record["metrics"])
    assert "style distance 1.23" in words and "border error -4%" in words and not any("crossing" in w for w in words)
    bare = made_result()
    bare.record["metrics"] = {}
    for height in (96, 320):
        sheet, without = (pixels(figures.contact(r, height=height)) for r in (result, bare))
        lines = sheets.joined(words, sheet.shape[1])
        assert " \u00b7 ".join(lines) == " \u00b7 ".join(words)
        assert all(sheets.font().getlength(line) <= sheet.shape[1] for line in lines)
        assert sheet.shape[0] == without.shape[0] + sheets.LINE * len(lines)
        assert (sheet[: without.shape[0] - sheets.GAP] == without[: -sheets.GAP]).all()
        assert (sheet[without.shape[0] :] < 100).any() and (sheet[:, 0] > 250).all() and (sheet[:, -1] > 250).all()
