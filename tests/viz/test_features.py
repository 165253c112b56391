"""Sheets of features: what is drawn is what the maps hold, where they hold it; and the command."""

import itertools

import numpy as np
import pytest
from conftest import blobs, full_after, refused
from matplotlib.figure import Figure
from PIL import Image
from skimage import data

import cli
import dst
from dst import losses
from dst.config import FeaturesConfig
from dst.features.networks import NETWORKS
from dst.viz import features, figures


@pytest.fixture(scope="module")
def maps():
    return dst.feature_maps(blobs((72, 56), 4), "relu1_1+relu3_1+relu4_1")


def recorded(monkeypatch, draw, *arguments):
    """What a sheet is made of: images, and the words under them."""
    asked = {}

    def table(images, down, across, captions, foot):
        asked.update(images=images, captions=captions, columns=len(across), foot=foot[0])
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(features, "table_sheet", table)
    draw(*arguments)
    cells = [
        (c.replace("\u00a0", " "), image) for c, image in zip(asked["captions"], asked["images"], strict=True) if c
    ]
    return cells, asked


def test_every_figure_is_drawn_and_changes_nothing(maps):
    before = {layer: values.copy() for layer, values in maps.items()}
    for draw in (figures.feature_maps, figures.crops, figures.gram_matrices, figures.activations):
        figure = draw(maps)
        figure.canvas.draw()
        assert isinstance(figure, Figure) and np.asarray(figure.canvas.buffer_rgba())[..., :3].std() > 5
    assert all(np.array_equal(maps[layer], before[layer]) for layer in maps)


@pytest.mark.parametrize("show", ["maps", "gram", "statistics", "crops"])
def test_a_sheet_is_the_same_every_time_and_for_every_shape(maps, show):
    config = FeaturesConfig(show=show)
    sheet = features.drawn(maps, config)
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3 and np.array_equal(sheet, features.drawn(maps, config))
    for shape in ((1, 1), (3, 200), (200, 3)):
        strip = dst.feature_maps(np.full((*shape, 3), 90, np.uint8), "relu1_1")
        assert features.drawn(strip, config).shape[0] > 20


def test_maps_are_labelled_with_layer_number_and_maximum_in_order(maps, monkeypatch):
    cells, asked = recorded(monkeypatch, features.maps_sheet, maps, "strongest", 5)
    words = [caption for caption, _ in cells]
    assert [w for w in words if "picture" in w] == ["the picture, 72 x 56"] * 3 and len(words) == 18
    for layer in maps:
        tops = maps[layer].max((1, 2))
        order = np.argsort(-tops, kind="stable")[:5]
        assert [w for w in words if w.startswith(layer)] == [f"{layer} / {k} max {tops[k]:.3g}" for k in order]
    assert len(asked["images"]) % asked["columns"] == 0  # each layer begins a row


def test_the_brightest_part_of_a_map_is_where_its_maximum_is(maps, monkeypatch):
    for layer in maps:
        one = dst.FeatureMaps(maps.image, maps.network, {layer: maps[layer]})
        cells, _ = recorded(monkeypatch, features.maps_sheet, one, "strongest", 3)
        (_, picture), *shown = cells
        for (_, image), channel in zip(shown, one.channels(layer, count=3), strict=True):
            assert image.shape == picture.shape
            values, stride = maps[layer][channel], 72 // maps[layer].shape[2]
            row, column = np.unravel_index(values.argmax(), values.shape)
            light = image.astype(int).sum(2)
            light[(image == 255).all(2)] = 0  # what pooling left over
            at = np.unravel_index(light.argmax(), light.shape)
            scale = picture.shape[1] / 72
            assert (
                abs(at[0] / scale - (row + 0.5) * stride) <= stride
                and abs(at[1] / scale - (column + 0.5) * stride) <= stride
            )


def test_what_pooling_left_over_is_white_below_and_to_the_right():
    shown = features.map_image(dst.feature_maps(np.full((15, 15, 3), 90, np.uint8), "relu4_1"), "relu4_1", 0)
    covered = round(features.MAP * 8 / 15)
    assert (
        shown.shape == (features.MAP, features.MAP, 3)
        and np.ptp(shown[:covered, :covered].reshape(-1, 3), 0).max() == 0
    )
    assert (
        (shown[:covered, :covered] != 255).any()
        and (shown[covered:] == 255).all()
        and (shown[:, covered:] == 255).all()
    )


def test_colours_run_from_black_to_white_with_even_steps():
    shown = features.colored(np.linspace(0, 7, 50)[None])[0].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert shown[0] < 5 and shown[-1] > 230 and (np.diff(shown) > 0).all()
    assert features.colored(np.zeros((2, 2))).max() < 10


def test_a_dot_on_black_excites_where_it_is(monkeypatch):
    image = np.zeros((64, 80, 3), np.uint8)
    image[40, 23] = 255
    cells, _ = recorded(monkeypatch, features.crops_sheet, dst.feature_maps(image, "relu1_1"), "strongest", 1)
    ((caption, strip),) = cells
    side = len(strip)
    first = strip[:, features.GAP // 2 :][:, :side]
    assert caption.startswith("relu1_1 / ") and first.max() == 255 and (first == 255).all(2).sum() == (side // 3) ** 2


def test_crops_are_receptive_fields_grey_beyond_the_border(maps):
    whole = features._crop(maps, "relu3_1", (7, 9))
    field = maps.field("relu3_1", (7, 9))
    assert (field.bottom - field.top, field.right - field.left) == (24, 24) and whole.shape == (120, 120, 3)
    assert np.array_equal(whole[::5, ::5], maps.image[field.top : field.bottom, field.left : field.right])
    corner = features._crop(maps, "relu3_1", (0, 0))[::5, ::5]
    field = maps.field("relu3_1", (0, 0))
    assert (corner[: 24 - field.bottom] == features.BEYOND).all() and (
        corner[:, : 24 - field.right] == features.BEYOND
    ).all()
    assert np.array_equal(corner[24 - field.bottom :, 24 - field.right :], maps.image[: field.bottom, : field.right])


def test_gram_matrices_are_those_of_the_loss_and_keep_their_order(maps, monkeypatch):
    import torch

    for cluster in (False, True):
        cells, asked = recorded(monkeypatch, features.gram_sheet, maps, cluster)
        assert ("similarity" in asked["foot"]) == cluster and len(cells) == 4
        for (caption, shown), layer in zip(cells[1:], maps, strict=True):
            found = losses.gram(torch.from_numpy(maps[layer])[None])[0].numpy()
            assert caption == f"{layer}, {len(found)} x {len(found)} max {found.max():.3g}"
            order = features.similar_order(found) if cluster else np.arange(len(found))
            assert sorted(order) == list(range(len(found)))
            pixels = shown[features.MARGIN :, features.MARGIN :]
            factor = len(pixels) // len(found)
            assert np.array_equal(pixels[::factor, ::factor], features.colored(np.sqrt(found[np.ix_(order, order)])))


def test_similar_channels_stand_side_by_side():
    rng = np.random.default_rng(0)
    kinds, which = rng.uniform(0, 1, (3, 400)) ** 8, rng.permutation([0, 1, 2] * 4)
    values = kinds[which] * rng.uniform(0.5, 5, (12, 1)) + rng.uniform(0, 0.01, (12, 400))
    values[5] = 0  # silent
    order = features.similar_order(values @ values.T / 400)
    kept = [which[k] for k in order if k != 5]
    assert sorted(order) == list(range(12)) and sum(a != b for a, b in itertools.pairwise(kept)) == 2


def test_statistics_are_drawn_for_every_channel(maps):
    figure = features.statistics_figure(maps)
    assert [axes.get_title() for axes in figure.axes] == [title for title, _ in features.PANELS.values()]
    found = maps.statistics()
    for axes, name in zip(figure.axes, features.PANELS, strict=True):
        for dots, layer in zip(axes.collections, maps, strict=True):
            assert np.allclose(dots.get_offsets()[:, 1], np.sort(found[layer][name]))


# The command.


def test_the_command_writes_sheets_and_a_table(tmp_path, capsys):
    path, out, table = (str(tmp_path / name) for name in ("a.png", "sheet.png", "t.csv"))
    Image.fromarray(data.coffee()[::5, ::5].copy()).save(path)
    given = ["features", path, "-o", out, "--layer", "relu2_1+relu3_1", "--channels", "3+17", "--csv", table]
    assert cli.main(given) == 0 and "2 layers of 120 x 80 pixels; wrote " in capsys.readouterr().err
    with Image.open(out) as image:
        shown = np.array(image)
    maps = dst.feature_maps(path, "relu2_1+relu3_1")
    assert np.array_equal(shown, features.maps_sheet(maps, (3, 17)))
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1 + 32 + 64
    levels = sum(widths[0] for widths in NETWORKS["compact"].widths)
    assert cli.main(["features", path, "--csv", table, "--quiet"]) == 0 and capsys.readouterr().err == ""
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1 + levels


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["-o", "o.png", "--layer", "relu3_9"], "did you mean 'relu3_4'?"),
        (["-o", "o.png", "--layer", "relu5_1"], "16 x 9 pixels, and relu5_1 needs 16 on each side"),
        (["-o", "o.png", "--channels", "64"], "channel 64 of relu3_1 does not exist: it has 64, from 0 to 63"),
        (["-o", "o.png", "--channels", "3+x"], "--channels is '3+x': it takes strongest, selective, or numbers"),
        (["-o", "o.png", "--show", "grams"], "did you mean 'gram'?"),
        (["-o", "o.png", "--cluster"], "leave it out, or show gram"),
        (["-o", "o.png", "--csv", "o.txt"], "it takes one of .csv"),
        (["-o", "none/o.png"], "does not exist: create it"),
        (["-o", "o.csv", "--csv", "o.csv"], "-o and --csv are both"),
        ([], "nothing would be kept: say where to write with -o sheet.png or --csv channels.csv"),
    ],
)
def test_what_cannot_be_shown_gets_one_line_and_leaves_no_file(more, words, image_file, capsys):
    assert words in refused(capsys, "features", image_file(size=(16, 9)), *more)


def test_no_output_replaces_the_picture_and_a_full_disk_leaves_nothing(image_file, tmp_path, capsys):
    path = image_file()
    before = path.read_bytes()
    assert "is an input" in refused(capsys, "features", path, "-o", path)
    (tmp_path / "link.csv").symlink_to(path)
    assert "is an input" in refused(capsys, "features", path, "--csv", tmp_path / "link.csv")
    assert path.read_bytes() == before
    with full_after(1000):
        assert cli.main(["features", str(path), "--csv", str(tmp_path / "t.csv"), "--quiet"]) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.csv", path.name]
