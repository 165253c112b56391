"""Feature maps held against the network, statistics against NumPy by hand, receptive fields against gradients."""

import csv

import numpy as np
import pytest
import torch

import dst
from dst.config import FeaturesConfig, InputError
from dst.features.encoder import Encoder
from dst.features.maps import SPREAD
from dst.features.networks import NETWORKS, Network
from dst.features.receptive import field_side, receptive_field
from dst.features.statistics import NAMES, activation_statistics, sparseness, strongest_places
from dst.features.table import COLUMNS, write_statistics
from dst.features.weights import random_weights

TINY = Network("tiny", ((4, 5), (6,), (7, 4)), "reflect", "drawn", "none")


def encoder_of(network=TINY, positive=False, seed=0) -> Encoder:
    state = random_weights(network, seed)
    return Encoder(network, {name: value.abs() if positive else value for name, value in state.items()})


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (37, 45, 3), np.uint8)


def test_maps_are_what_the_network_gives_and_come_in_the_order_asked_for(picture):
    encoder = encoder_of()
    maps = dst.feature_maps(picture, ["relu3_1", "relu1_2"], encoder=encoder)
    assert isinstance(maps, dst.FeatureMaps) and list(maps) == ["relu3_1", "relu1_2"] and len(maps) == 2
    x = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    for name, values in encoder(x, list(maps)).items():
        assert np.array_equal(maps[name], values[0].numpy()) and maps[name].dtype == np.float32
    assert maps["relu3_1"].shape == (7, 37 // 4, 45 // 4) and np.array_equal(maps.image, picture)
    again = dst.feature_maps(picture, "relu3_1+relu1_2", encoder=encoder)
    assert all(np.array_equal(maps[name], again[name]) for name in maps)


def test_a_large_picture_is_looked_at_smaller_and_a_small_one_as_it_is(picture):
    maps = dst.feature_maps(picture, "relu1_1", encoder=encoder_of(), size=16)
    assert maps.image.shape == (13, 16, 3) and maps["relu1_1"].shape == (4, 13, 16)
    assert dst.feature_maps(picture, "relu1_1", encoder=encoder_of(), size=64).image.shape == picture.shape


def test_grey_16_bits_and_alpha_are_seen_as_a_viewer_shows_them(picture):
    encoder, clear = encoder_of(), np.full((*picture.shape[:2], 1), 255, np.uint8)
    clear[:20] = 0

    def look(image):
        return dst.feature_maps(image, "relu2_1", encoder=encoder)["relu2_1"]

    over_white = np.where(clear == 0, 255, picture).astype(np.uint8)
    assert np.allclose(look(np.concatenate([picture, clear], 2)), look(over_white), atol=1e-5)
    assert np.allclose(look(picture.astype(np.uint16) * 257), look(picture), atol=1e-5)
    grey = picture[..., 0]
    assert np.allclose(look(grey), look(np.repeat(grey[..., None], 3, 2)), atol=1e-5)


def test_statistics_are_those_of_numpy_by_hand(picture):
    maps = dst.feature_maps(picture, "relu1_1+relu3_2", encoder=encoder_of())
    for layer, found in maps.statistics().items():
        assert tuple(found) == NAMES
        for channel, values in enumerate(maps[layer].astype(float)):
            r, n = values.ravel().tolist(), values.size
            mean = sum(r) / n
            sparse = (1 - mean**2 / (sum(x * x for x in r) / n)) / (1 - 1 / n) if any(r) else 0
            by_hand = mean, (sum((x - mean) ** 2 for x in r) / n) ** 0.5, max(r), sum(x > 0 for x in r) / n, sparse
            assert np.allclose([found[name][channel] for name in NAMES], by_hand, rtol=1e-9, atol=1e-12)


def test_selectivity_is_0_for_an_even_response_and_1_for_a_single_one():
    maps = np.zeros((4, 5, 6), np.float32)
    maps[0], maps[1, 2, 3], maps[2, :, :3] = 0.7, 3, 2
    found = sparseness(maps)
    assert np.allclose(found, [0, 1, 0.5 / (1 - 1 / 30), 0], atol=1e-12)
    assert np.allclose(sparseness(100 * maps), found) and sparseness(maps[:, :1, :1]).tolist() == [0] * 4
    assert activation_statistics(maps)["active_share"].tolist() == [1, 1 / 30, 0.5, 0]


@pytest.mark.parametrize("padding", ["reflect", "zeros"])
@pytest.mark.parametrize("layer", ["relu1_1", "relu1_2", "relu2_1", "relu3_1", "relu3_2"])
def test_the_receptive_field_is_where_the_gradient_is(layer, padding):
    """With positive weights nothing cancels; a maximum takes one pixel of four, so that several pictures are needed."""
    encoder = encoder_of(Network("tiny", TINY.widths, padding, "drawn", "none"), positive=True)
    images = torch.rand(24, 3, 39, 30, generator=torch.Generator().manual_seed(1)).requires_grad_()
    maps = encoder(images, [layer])[layer]
    height, width = maps.shape[2:]
    for place in ((0, 0), (height // 2, width // 2), (height - 1, width - 1), (height - 1, 1)):
        (grad,) = torch.autograd.grad(maps[:, 0, place[0], place[1]].sum(), images, retain_graph=True)
        rows, columns = torch.nonzero(grad.abs().sum((0, 1)), as_tuple=True)
        field = receptive_field(encoder.network, layer, place, (39, 30))
        seen = int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1
        assert seen == tuple(field)


def test_the_receptive_field_of_vgg_is_that_of_araujo_norris_and_sim():
    sides = {
        "relu1_2": 5,
        "relu2_2": 14,
        "relu3_3": 40,
        "relu4_3": 92,
        "relu5_3": 196,
    }  # 196 + 16 are the 212 of pool5 there
    assert {layer: field_side(NETWORKS["vgg16"], layer) for layer in sides} == sides
    assert receptive_field(TINY, "relu1_1", (0, 4)) == (-1, 2, 3, 6)


def test_channels_come_by_their_maximum_or_sparseness_or_as_they_are_named(picture):
    maps = dst.feature_maps(picture, "relu3_1", encoder=encoder_of())
    found = maps.statistics()["relu3_1"]
    strongest = maps.channels("relu3_1")
    assert (np.diff(found["maximum"][strongest]) <= 0).all() and sorted(strongest) == list(range(7))
    assert maps.channels("relu3_1", "strongest", 2) == strongest[:2]
    assert maps.channels("relu3_1", [5, 0]) == [5, 0] == maps.channels("relu3_1", "5+0")
    made = dst.FeatureMaps(picture, TINY, {"relu1_1": np.ones((4, 9, 9), np.float32)})
    made["relu1_1"][1, 1:] = 0.5  # uneven
    made["relu1_1"][2] = 0
    made["relu1_1"][2, 4, 4] = 0.04  # a trace at a single position
    made["relu1_1"][3] = 0
    assert made.channels("relu1_1", "selective") == [1, 0, 2, 3] and made.channels("relu1_1") == [0, 1, 2, 3]


def test_a_white_dot_is_found_by_its_strongest_channel():
    image = np.zeros((64, 80, 3), np.uint8)
    image[40, 23] = 255
    for layer in ("relu1_1", "relu2_1"):
        maps = dst.feature_maps(image, layer)
        (channel,) = maps.channels(layer, count=1)
        (place,) = maps.places(layer, channel, 1)
        field = maps.field(layer, place)
        assert field.top <= 40 < field.bottom and field.left <= 23 < field.right


def test_the_strongest_places_are_apart():
    values = np.zeros((9, 12))
    values[4, 4], values[4, 5], values[0, 0], values[8, 11] = 5, 4, 3, 2
    assert strongest_places(values, 9, 2) == [(4, 4), (0, 0), (8, 11)]
    assert strongest_places(values, 2, 1) == [(4, 4), (4, 5)]
    assert strongest_places(np.zeros((3, 3)), 4, 1) == []
    values[2, 4] = values[6, 4] = 3.5  # just far enough
    assert strongest_places(values, 3, 2) == [(4, 4), (2, 4), (6, 4)]
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    found = np.array(dst.feature_maps(noise, "relu1_1", encoder=encoder_of()).places("relu1_1", 0, 9))
    gaps = np.abs(found[:, None] - found).max(2) + 99 * np.eye(len(found))
    assert len(found) == 9 and gaps.min() >= 64 / SPREAD


def test_the_table_holds_a_row_for_each_channel(picture, tmp_path):
    maps = dst.feature_maps(picture, "relu1_1+relu3_1", encoder=encoder_of())
    write_statistics(tmp_path / "t.csv", maps)
    with (tmp_path / "t.csv").open() as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS and [(r[0], int(r[1])) for r in rows] == [
        (layer, k) for layer in maps for k in range(len(maps[layer]))
    ]
    found = maps.statistics()["relu3_1"]
    assert np.allclose([[float(x) for x in r[2:]] for r in rows[4:]], np.array([found[n] for n in NAMES]).T, rtol=1e-8)


@pytest.mark.parametrize(
    ("shape", "layers", "message"),
    [
        ((3, 90, 3), "relu3_1", "is 90 x 3 pixels, and relu3_1 needs 4 on each side.* is relu2_1$"),
        ((8, 800, 3), "relu1_1+relu3_1", "looked at as 100 x 1 pixels, and relu3_1.* is relu1_2, and a larger size"),
        ((20, 20, 3), "relu3_9", "'relu3_9' is not known: choose one of relu1_1.*did you mean"),
        ((20, 20, 3), [], "names of layers"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(shape, layers, message):
    with pytest.raises(InputError, match=message):
        dst.feature_maps(np.zeros(shape, np.uint8), layers, encoder=encoder_of(), size=100)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 40), (40, 3), (5, 5)])
def test_every_shape_has_shallow_maps(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    maps = dst.feature_maps(image, "relu1_1+relu1_2", encoder=encoder_of())
    for layer in maps:
        assert maps[layer].shape[1:] == shape and np.isfinite(maps.statistics()[layer]["selectivity"]).all()
        field = maps.field(layer, maps.places(layer, maps.channels(layer)[0], 1)[0])
        assert 0 <= field.top < field.bottom <= shape[0] and 0 <= field.left < field.right <= shape[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": "strongst"}, "did you mean 'strongest'"),
        ({"channels": "3+x"}, "it takes strongest, selective, or numbers"),
        ({"channels": [1, 1]}, "each channel once"),
        ({"channels": -1}, "0 or more"),
        ({"channels": []}, "it takes strongest"),
        ({"channels": {3}}, "0 or more"),
        ({"channels": (3,), "count": 5}, "leave out one of the two"),
        ({"show": "gram", "count": 5}, "has no use for it"),
        ({"cluster": True}, "show gram"),
        ({"layers": "relu1_1+relu1_1"}, "each once"),
        ({"size": 8}, "from 16 to 2048"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        FeaturesConfig(**options)
    with pytest.raises(InputError, match="channel 7 of relu3_1 does not exist: it has 7, from 0 to 6"):
        dst.feature_maps(np.zeros((9, 9, 3), np.uint8), "relu3_1", encoder=encoder_of()).channels("relu3_1", [7])
