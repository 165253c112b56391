"""The sample images: drawn alike every time, as committed, and fit to serve as styles."""

import cv2
import numpy as np
import pytest

from tools.samples import draw_samples
from tools.samples.brush import Brush, Sheet, curve, ellipse, pts, ribbon

FOLDER = draw_samples.ASSETS


@pytest.mark.parametrize("name", draw_samples.SAMPLES)
def test_drawing_is_repeatable_and_is_what_is_committed(name):
    """The committed image is the full-size one; a small one has the same composition, not the same strokes."""
    small = draw_samples.draw(name, 64)
    if name == "oval":
        assert np.array_equal(draw_samples.draw(name, 64), small)
    kept = cv2.cvtColor(cv2.imread(str(FOLDER / f"{name}.jpg")), cv2.COLOR_BGR2RGB)
    assert kept.shape[1] == draw_samples.SAMPLES[name][1] and 640 <= max(kept.shape) <= 800
    assert (FOLDER / f"{name}.jpg").stat().st_size < 500_000
    blur = lambda a: cv2.GaussianBlur(a.astype(np.float32), (0, 0), 2)  # noqa: E731
    same_size = cv2.resize(kept, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(blur(small) - blur(same_size)).mean() < 12


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["nowhere"], 2), (["a", "b"], 2)])
def test_the_program_says_what_it_takes_before_it_draws(arguments, status, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(draw_samples, "draw", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        draw_samples.main(arguments)
    assert ended.value.code == status and "folder" in "".join(capsys.readouterr())


def test_images_differ_and_are_listed():
    sources = (FOLDER / "SOURCES").read_text()
    means = []
    for name in draw_samples.SAMPLES:
        assert f"{name}.jpg" in sources
        kept = cv2.imread(str(FOLDER / f"{name}.jpg"))
        assert kept.std() > 30
        means.append(kept.mean((0, 1)))
    assert min(np.abs(a - b).max() for i, a in enumerate(means) for b in means[:i]) > 8


def test_curve_passes_through_its_points():
    points = np.array([(0.1, 0.1), (0.8, 0.2), (0.6, 0.9)])
    for closed in (True, False):
        line = curve(points, closed)
        assert np.abs(line[:, None] - points[None]).sum(-1).min(0).max() < 1e-12
    assert np.allclose(pts("250,310 480,120"), [(0.25, 0.31), (0.48, 0.12)])


def test_mask_covers_the_area_of_its_shape():
    sheet = Sheet(200, 160, "000000")
    assert sheet.mask(ellipse(0.5, 0.4, 0.2, 0.1)).sum() == pytest.approx(np.pi * 0.2 * 0.1 * 200**2, rel=0.02)
    assert sheet.mask(ellipse(5, 5, 0.1, 0.1)).sum() == 0
    line = np.stack([np.linspace(0.1, 0.9, 50), np.full(50, 0.4)], 1)
    assert sheet.mask(ribbon(line, 0.05, taper=0)).sum() == pytest.approx(0.8 * 0.05 * 200**2, rel=0.05)


def test_strokes_follow_the_sheet():
    """On a sheet of one colour and one direction, the paint varies across the strokes more than along them."""
    sheet = Sheet(160, 160, "888888")
    sheet.fill([(-1, -1), (2, -1), (2, 2), (-1, 2)], "888888", angle=90)
    brush = Brush(sheet, np.zeros((160, 160, 3)), np.random.default_rng(0))
    brush.layer(0.06, 0.30, spread=0.2, wander=2)
    grey = brush.canvas.mean(-1)[20:-20, 20:-20]
    assert np.abs(np.diff(grey, axis=1)).mean() > 2 * np.abs(np.diff(grey, axis=0)).mean()
    assert abs(grey.mean() - 0.53) < 0.05
