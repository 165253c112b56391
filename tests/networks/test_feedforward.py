"""Feed-forward networks on tiny nets: their layers, their training, what a folder keeps, and what they paint."""

import csv
import hashlib
import itertools
import json
import shutil

import numpy as np
import pytest
import torch
from conftest import blobs
from torch.nn import functional as F

import cli
import dst
from dst import imaging
from dst.batch.networks import load_network
from dst.batch.training import train_network
from dst.config import FEEDFORWARD, InputError, TrainConfig
from dst.networks.feedforward import data, johnson, layers, noise, ulyanov
from dst.networks.feedforward import folder as folders
from dst.networks.feedforward.model import Model, mix_of, painted, shares
from dst.networks.feedforward.table import NETWORKS
from dst.networks.feedforward.train import adam, advance, begun, rate, seeded

TINY = {"width": 0.125, "crop": 48, "batch": 2, "steps": 12, "style_size": 64, "sheet_every": 10, "threads": 1}
TINY |= {"precision": "float32", "seed": 4}
STYLES = [blobs((64, 80), 1), blobs((72, 64), 2)]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of three pictures."""
    home = tmp_path_factory.mktemp("photographs")
    for k in range(3):
        imaging.write(home / f"{k}.png", blobs((64, 80), 10 + k))
    return home


@pytest.fixture(scope="module")
def folder(photographs, tmp_path_factory):
    """The folder of a small model of two styles."""
    home = tmp_path_factory.mktemp("networks") / "model"
    train_network(STYLES, home, images=photographs, **TINY)
    return home


@pytest.fixture(scope="module")
def model(folder):
    return load_network(folder)


def contents(home):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in home.iterdir()}


def small(network="johnson", **options):
    return TrainConfig.made(**{**TINY, "network": network, **options})


def image(seed=0, height=41, width=54):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_the_published_network_is_there_by_its_shapes():
    """Johnson et al. 2016, table 1 of the supplement, as everybody who has trained it counts its numbers: 1,679,235."""
    network = johnson.build(TrainConfig(), 1)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert sum(value.numel() for value in network.parameters()) == 1_679_235
    kernels = [shape for name, shape in shapes.items() if name.endswith("convolution.weight")]
    assert kernels[:3] == [(32, 3, 9, 9), (64, 32, 3, 3), (128, 64, 3, 3)]
    assert kernels[3:13] == [(128, 128, 3, 3)] * 10
    assert kernels[13:] == [(64, 128, 3, 3), (32, 64, 3, 3), (3, 32, 9, 9)]
    deck = johnson.build(TrainConfig(upsample="transposed"), 1).state_dict()
    assert deck["expand.0.convolution.weight"].shape == (128, 64, 3, 3)  # inputs first, as PyTorch has them


def test_the_pyramid_grows_by_eight_channels_a_scale():
    network = ulyanov.build(TrainConfig(), 1)
    assert [block.layers[0].convolution.weight.shape[:2] for block in network.pyramid] == [(8, 6)] * 6
    assert [block.layers[2].convolution.weight.shape for block in network.joined] == [
        (n, n, 1, 1) for n in (16, 24, 32, 40, 48)
    ]


@pytest.mark.parametrize("network", list(NETWORKS))
def test_weights_come_from_the_seed_and_from_nothing_else(network):
    before = torch.get_rng_state()
    one, same, other = (NETWORKS[network].build(small(network, seed=seed), 1).state_dict() for seed in (3, 3, 5))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[name], same[name]) and torch.isfinite(one[name]).all() for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_normalisation_is_pytorchs_with_its_gradients():
    draw = torch.Generator().manual_seed(1)
    normal = layers.drawn(lambda: layers.Normal(5, 3), draw).double()
    with torch.no_grad():
        normal.scale.normal_(1, 0.3, generator=draw)
        normal.shift.normal_(0, 0.3, generator=draw)
    x = torch.randn(2, 5, 7, 6, generator=draw, dtype=torch.float64, requires_grad=True)
    mix = torch.tensor([[0.2, 0.8, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    weights = torch.randn(2, 5, 7, 6, generator=draw, dtype=torch.float64)
    scale, shift = ((mix @ values)[:, :, None, None] for values in (normal.scale, normal.shift))
    wanted = F.instance_norm(x, eps=layers.EPSILON) * scale + shift
    found = normal(x, mix)
    torch.testing.assert_close(found, wanted)
    inputs = [x, normal.scale, normal.shift]
    for mine, theirs in zip(*(torch.autograd.grad((y * weights).sum(), inputs) for y in (found, wanted)), strict=True):
        torch.testing.assert_close(mine, theirs)
    with torch.no_grad():
        torch.testing.assert_close(normal.eval()(x.detach().clone(), mix), wanted)


def test_the_narrow_convolution_is_a_convolution_with_its_gradients():
    draw = torch.Generator().manual_seed(2)
    narrow = layers.drawn(lambda: layers.Narrow(4, 3, 9), draw).double()
    x = torch.randn(2, 4, 11, 13, generator=draw, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 3, 11, 13, generator=draw, dtype=torch.float64)
    wanted = narrow.convolution(F.pad(x, (4, 4, 4, 4), mode="reflect"))
    found = narrow(x)
    torch.testing.assert_close(found, wanted)
    inputs = [x, narrow.convolution.weight, narrow.convolution.bias]
    for mine, theirs in zip(*(torch.autograd.grad((y * weights).sum(), inputs) for y in (found, wanted)), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("network", ["johnson", "ulyanov", "multimodal"])
@pytest.mark.parametrize("upsample", ["nearest", "transposed"])
def test_a_picture_made_in_strips_is_the_one_made_at_once(network, upsample, monkeypatch):
    net = NETWORKS[network].build(small(network, upsample=upsample), 2).eval()
    mix = torch.tensor([[0.3, 0.7]])
    whole = NETWORKS[network].paint(net, image(), mix)
    cut = []
    monkeypatch.setattr(layers, "VALUES", 900)
    real = layers.strips
    monkeypatch.setattr(layers, "strips", lambda *args: cut.append(1) or real(*args))
    torch.testing.assert_close(NETWORKS[network].paint(net, image(), mix), whole, rtol=0, atol=1e-5)
    assert len(cut) > 5 and whole.shape == (1, 3, 41, 54) and float(whole.std()) > 0.01


@pytest.mark.parametrize("norm, invariant", [("instance", True), ("batch", False)])
def test_instance_normalisation_does_not_see_contrast(norm, invariant):
    """Ulyanov et al. 2017, equation 2: an image and the same at less contrast are painted alike, by the batch's statistics not."""
    net = johnson.build(small(norm=norm), 1).eval()
    one = torch.ones(1, 1)
    one, other = (johnson.paint(net, given, one) for given in (image(3), 0.5 * image(3) + 0.3))
    away = (one - other).abs().max() / one.std()
    assert bool(away < 0.01) is invariant and bool(away > 0.03) is not invariant


def test_a_transposed_convolution_leaves_a_checkerboard_and_a_resize_does_not():
    """A flat map: what an untrained layer makes of it alternates from pixel to pixel only where kernels overlap unevenly."""
    flat = torch.ones(1, 8, 16, 16)
    spread = {}
    for how in ("nearest", "bilinear", "transposed"):
        layer = layers.drawn(lambda how=how: layers.Enlarged(8, 8, how), torch.Generator().manual_seed(0))
        with torch.no_grad():
            spread[how] = float(layer(flat)[:, :, 4:-4, 4:-4].std((2, 3)).max())
    assert spread["nearest"] < 1e-6 and spread["bilinear"] < 1e-6 and spread["transposed"] > 0.05


def test_squares_are_those_of_the_seed_and_bad_files_are_counted(photographs, tmp_path):
    home = tmp_path / "mixed"
    shutil.copytree(photographs, home)
    (home / "text.jpg").write_text("no picture")
    (home / "notes.txt").write_text("not looked at")
    imaging.write(home / "cut.jpg", blobs((64, 80), 3))
    whole = (home / "cut.jpg").read_bytes()
    (home / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    found = data.photographs(home, 32)
    assert (len(found), found.skipped) == (4, 1)
    made = [found.batch(3, torch.Generator().manual_seed(k)) for k in range(8)]
    assert found.skipped == 2  # the damaged one, once it was drawn
    again = data.photographs(home, 32)
    assert torch.equal(again.batch(3, torch.Generator().manual_seed(5)), made[5])
    assert all(square.shape == (3, 3, 32, 32) and -1e-5 < square.min() and square.max() < 1 + 1e-5 for square in made)
    assert not torch.equal(made[0], made[1])


def test_a_flat_square_gives_way_to_another(tmp_path):
    half = blobs((128, 64), 1)
    half[:, :96] = 90  # three quarters of it are of one colour
    imaging.write(tmp_path / "half.png", half)
    found = data.photographs(tmp_path, 32)
    made = [found.batch(4, torch.Generator().manual_seed(k)) for k in range(6)]
    assert min(float(square.std()) for batch in made for square in batch) >= data.FLAT
    imaging.write(tmp_path / "half.png", np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(dst.InputError, match="show one colour and nothing else"):
        data.photographs(tmp_path, 32).batch(1, torch.Generator().manual_seed(0))


def test_recolouring_leaves_no_flat_square():
    bright = (blobs((64, 64), 1) // 12 + 234).astype(np.uint8)  # what is made lighter still is white all over
    found = data.Photographs([bright], imaging.read, 32, "one", "", True)
    draws = torch.Generator().manual_seed(0)
    assert any(float(data._recoloured(found._cut(draws), draws).std()) < data.FLAT for _ in range(40))
    made = torch.cat([found.batch(8, torch.Generator().manual_seed(k)) for k in range(8)])
    assert min(float(square.std()) for square in made) >= data.FLAT


@pytest.mark.parametrize("network", ["johnson", "ulyanov", "multimodal"])
def test_the_loss_falls(network, photographs):
    config = small(network, steps=40, lr=3e-3, crop=32)
    encoder = dst.load_encoder()
    targets = NETWORKS[network].prepare([imaging.read(STYLES[0]).rgb], encoder, config)
    at, squares = begun(config, 1), data.photographs(photographs, config.crop)
    losses = [float(advance(at, squares, targets, config)["total"]) for _ in range(16)]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])


def test_rates_rise_at_first_and_fall_in_the_end():
    config = small(steps=1000)
    assert rate(config, 0) == pytest.approx(config.lr / 20)
    assert rate(config, 500) == config.lr and rate(config, 900) == pytest.approx(config.lr / 10)


def test_each_image_of_a_batch_is_held_to_its_own_style():
    encoder, config = dst.load_encoder(), small()
    seen = [imaging.resize(imaging.read(style).rgb, 64) for style in STYLES]
    targets = johnson.prepare(seen, encoder, config)
    right, wrong = (
        johnson.objective(seen[0], seen[0], torch.tensor([k]), targets, config)["style"].item() for k in (0, 1)
    )
    assert right < 1e-6 < 0.01 < wrong


def test_a_training_that_is_stopped_gives_the_same_bytes(folder, photographs, tmp_path):
    home, parts = tmp_path / "model", 0
    while True:
        count = itertools.count(1)
        model = train_network(STYLES, home, images=photographs, on_step=lambda _, n=count: next(n) >= 5, **TINY)
        parts += 1
        if model.finished:
            break
        assert (home / folders.STATE).exists() and load_network(home).card["steps"] == 5 * parts
    assert parts == 3 and contents(home) == contents(folder)
    assert {path.name for path in home.iterdir()} == folders.MODEL.names() - {folders.STATE}


def test_a_training_that_is_killed_loses_one_interval(photographs, tmp_path):
    home = tmp_path / "model"

    class Killed(BaseException):
        pass

    def kill(step):
        if step.done == 8:
            raise Killed

    with pytest.raises(Killed):
        train_network(STYLES, home, images=photographs, every=0, on_step=kill, **TINY)
    assert load_network(home).card["steps"] == 7


def test_a_training_may_start_from_another(folder, model, photographs, tmp_path):
    """With a learning rate of next to nothing, what comes out is what it started from; other shapes are refused."""
    own = {**TINY, "steps": 1, "lr": 1e-7}
    made = train_network(STYLES, tmp_path / "next", images=photographs, start=folder, **own)
    for name, value in model.network.state_dict().items():
        torch.testing.assert_close(made.network.state_dict()[name], value, rtol=0, atol=1e-6)
    assert made.card["start"] == model.card["weights"] and made.card["steps_before"] == 12
    with pytest.raises(InputError, match="other shapes"):
        train_network(STYLES[0], tmp_path / "one", images=photographs, start=folder, **own)
    assert not (tmp_path / "one").exists()


def test_the_log_and_the_card_say_what_was_done(folder, model):
    rows = list(csv.DictReader((folder / folders.LOG).read_text().splitlines()))
    assert [row["step"] for row in rows] == ["10", "12"]
    assert float(rows[-1]["total"]) == pytest.approx(
        sum(float(rows[-1][n]) for n in ("content", "style", "colors", "tv"))
    )
    card = json.loads((folder / "model.json").read_text())
    assert card["data"]["photographs"] == "3 photographs" and card["steps"] == 12 and card["licence"] == "not stated"
    assert card["losses"]["total"] == pytest.approx(float(rows[-1]["total"]), abs=1e-5)
    assert model.names == ("style 1", "style 2") and model.finished
    for name in (folders.PLOT, folders.SHEET):
        assert min(imaging.read(folder / name).size) > 100


def test_styles_are_mixed_and_strength_leads_to_the_photograph(model):
    mixes = [mix_of(model, styles, weights, None) for styles, weights in
             ((["style 2"], None), ([], None), (["style 2", "style 1"], (3, 1)))]  # fmt: skip
    assert [mix.tolist() for mix in mixes] == [[[0, 1]], [[0.5, 0.5]], [[0.25, 0.75]]]
    given = image(5)
    whole, half, none = (painted(model, given, mixes[0], strength) for strength in (1.0, 0.5, 0.0))
    torch.testing.assert_close(half, (whole + given) / 2)
    assert torch.equal(none, given) and not torch.equal(whole, painted(model, given, mixes[1]))
    assert shares(2, None).tolist() == [[0.5, 0.5]]


def test_frames_come_as_pictures_do(model):
    frames = [blobs((50, 40), seed) for seed in (1, 2)]
    made = dst.apply_network(model, frames, styles=["style 1"])
    assert [frame.shape for frame in made] == [(40, 50, 3)] * 2 and made[0].dtype == np.uint8
    assert np.array_equal(made[1], dst.apply_network(model, frames[1], styles=["style 1"])[0])
    assert dst.apply_network(model, frames[0], size=24)[0].shape == (19, 24, 3)


def small_model(network, **options):
    """An untrained model of two styles."""
    config = small(network, **options)
    built = NETWORKS[network].build(config, 2).requires_grad_(False).eval()
    return Model(config, built, ("one", "two"))


@pytest.mark.parametrize("network", list(FEEDFORWARD))
def test_onnx_gives_the_same(network, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    own = small_model(network, crop=96)
    styles = [blobs((70, 64), 3)] if network == "adain" else ["two"]
    sized = NETWORKS[network].paint_sized is not None  # smaller than half of it are what multimodal paints first
    sizes = [(133, 120)] if sized else [(64, 64), (54, 41)]
    dst.export_network(own, tmp_path / "net.onnx", styles=styles, size=sizes[0] if sized else None)
    session = runtime.InferenceSession(tmp_path / "net.onnx")
    mix = mix_of(own, styles, None, lambda one: imaging.resize(imaging.read(one).rgb, own.config.style_size))
    for width, height in sizes:
        given = image(1, height, width)
        (found,) = session.run(None, {"image": given.numpy()})
        wanted = painted(own, given, mix)
        assert wanted.std() > 0.01
        np.testing.assert_allclose(found.clip(0, 1), wanted.numpy(), atol=1e-4)


def test_onnx_gives_the_same_of_a_photograph(tmp_path):
    """A trained network, whose normalisations stand in a row and multiply what rounding there is."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from skimage import data as photographs

    noise.tiles.cache_clear()  # as in a fresh process
    own = small_model("johnson", noise=0.25)
    dst.export_network(own, tmp_path / "net.onnx", styles=["one"])
    dst.export_network("woodcut", tmp_path / "net.onnx")
    given = imaging.resize(imaging.read(photographs.chelsea()).rgb, 448)
    (found,) = runtime.InferenceSession(tmp_path / "net.onnx").run(None, {"image": given.numpy()})
    own = dst.load_network("woodcut")
    np.testing.assert_allclose(found, painted(own, given, mix_of(own, ["woodcut"], None, None)).numpy(), atol=1e-4)


def test_statistics_of_a_large_map_are_exact():
    draws = torch.Generator().manual_seed(0)
    maps = 2 + torch.randn(2, 8, 600, 700, generator=draws)
    mean, variance = layers.statistics(maps.contiguous(memory_format=torch.channels_last))
    wanted = torch.var_mean(maps.double(), (2, 3), correction=0)
    torch.testing.assert_close((variance.double(), mean.double()), wanted, rtol=1e-5, atol=0)


def test_an_onnx_file_has_a_size_where_it_needs_one(tmp_path):
    pytest.importorskip("onnx")
    for network, size, said in (("johnson", 64, "give none"), ("ulyanov", None, "give a size"), ("ulyanov", 7, "16")):
        with pytest.raises(InputError, match=said):
            dst.export_network(small_model(network), tmp_path / "net.onnx", size=size)
    with pytest.raises(InputError, match="width, height"):
        dst.export_network(small_model("ulyanov"), tmp_path / "net.onnx", size=(64, 64, 64))
    assert not list(tmp_path.iterdir())


def test_without_the_extra_onnx_is_asked_for_in_one_line(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    assert cli.main(["apply", str(folder), "--onnx", str(tmp_path / "net.onnx")]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not list(tmp_path.iterdir())


def damaged(home, what):
    path = home / "model.json"
    record = json.loads(path.read_text())
    if what == "newer":
        path.write_text(json.dumps({**record, "format": 2}))
    elif what == "foreign":
        path.write_text(json.dumps({**record, "kind": "dst singan"}))
    elif what == "settings":
        path.write_text(json.dumps({**record, "settings": {**record["settings"], "width": 7}}))
    elif what == "json":
        path.write_text("{")
    elif what == "weights":
        weights = home / folders.WEIGHTS
        weights.write_bytes(weights.read_bytes()[:-4] + b"abcd")
    elif what == "gone":
        (home / folders.WEIGHTS).unlink()


def test_a_model_of_before_a_setting_goes_on_as_it_was(folder, tmp_path, photographs):
    home = tmp_path / "model"
    shutil.copytree(folder, home)
    record = json.loads((home / "model.json").read_text())
    del record["settings"]["colors"], record["settings"]["noise"]
    (home / "model.json").write_text(json.dumps(record))
    assert load_network(home).config.colors == load_network(home).config.noise == 0
    for given, words in (({}, r"noise 0\.0, and 0\.25"), ({"noise": 0}, r"colors 0\.0, and 1\.0")):
        with pytest.raises(InputError, match=f"trained with {words} is asked for"):
            train_network(STYLES, home, images=photographs, **TINY, **given)
    with pytest.raises(InputError, match="holds a finished model"):
        train_network(STYLES, home, images=photographs, **TINY, colors=0, noise=0)


def test_washes_are_what_no_affine_map_of_the_colours_gives():
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 4, 6, generator=draw).repeat_interleave(16, 2).repeat_interleave(16, 3)
    maps = torch.rand(2, 3, 3, generator=draw) - 0.5
    recoloured = torch.einsum("nij,njhw->nihw", maps, images) + torch.rand(2, 3, 1, 1, generator=draw)
    assert johnson.washes(recoloured, images) < 1e-6  # but for the ridge
    strokes = torch.tensor([0.3, -0.3]).repeat(48)  # finer than a cell
    assert johnson.washes(recoloured + strokes, images) < 1e-6
    flat = torch.full((1, 3, 96, 96), 0.6)
    glow = torch.linspace(-0.2, 0.2, 96).expand(1, 3, 96, 96)
    wanted = F.avg_pool1d(glow[0, :1, 0], 16).square().mean()  # of what is flat the mean alone is explained
    assert johnson.washes(flat + glow, flat).item() == pytest.approx(wanted.item(), rel=1e-3)


@pytest.mark.parametrize("what", ["newer", "foreign", "settings", "json", "weights", "gone"])
def test_a_model_that_is_none_is_refused_in_one_line(what, folder, photographs, tmp_path, capsys):
    home, out = tmp_path / "model", tmp_path / "out"
    shutil.copytree(folder, home)
    damaged(home, what)
    assert cli.main(["apply", str(home), str(photographs / "0.png"), "-o", str(out)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and str(home) in message and not out.exists()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"images": "empty"}, "no picture"),
        ({"images": "bad"}, "none of which can be read"),
        ({"images": "missing"}, "does not exist"),
        ({"styles": blobs((40, 90), 1)}, "64"),
        ({"styles": []}, "no style"),
        ({"network": "jonson"}, "johnson"),
        ({"width": 9.0}, "width"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_a_folder_is_made(change, words, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.jpg").write_text("x")
    given = {"styles": STYLES, "images": None, **TINY, **change}
    images = given.pop("images")
    with pytest.raises(InputError, match=words):
        train_network(given.pop("styles"), tmp_path / "model", images=images and tmp_path / images, **given)
    assert not (tmp_path / "model").exists()


def test_a_finished_model_is_not_trained_over(folder, photographs, tmp_path):
    before = contents(folder)
    with pytest.raises(InputError, match="finished"):
        train_network(STYLES, folder, images=photographs, **TINY)
    with pytest.raises(InputError, match="style_size"):
        train_network(STYLES, folder, images=photographs, **{**TINY, "style_size": 65})
    with pytest.raises(InputError, match="other photographs"):
        train_network(STYLES, folder, images=None, **TINY)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not a model's"):
        train_network(STYLES, tmp_path, images=photographs, **TINY)
    assert contents(folder) == before


def test_the_command_paints_folders_and_tells_of_bad_files(folder, photographs, tmp_path, capsys):
    home = tmp_path / "in"
    shutil.copytree(photographs, home)
    (home / "bad.jpg").write_text("x")
    flags = ["--style", "style 1", "--strength", "0.5", "--size", "40"]
    assert cli.main(["apply", str(folder), str(home), "-o", str(tmp_path / "out"), *flags]) == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"0.png", "1.png", "2.png"}
    assert "bad.jpg" in capsys.readouterr().err
    assert cli.main(["apply", str(folder), str(home), "-o", str(home)]) == 2


def test_the_command_paints_films(folder, tmp_path):
    pytest.importorskip("av")
    film = tmp_path / "film.mp4"
    dst.write_animation(film, [blobs((64, 48), seed) for seed in range(3)], 12)
    assert cli.main(["apply", str(folder), str(film), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    from dst.viz.films import film_frames

    frames, rate = film_frames(tmp_path / "out" / "film.mp4")
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3 and rate == pytest.approx(12)


def test_seeds_and_networks_have_a_row_each():
    assert seeded(small(), 1).initial_seed() != seeded(small(), 2).initial_seed()
    assert set(NETWORKS) <= set(FEEDFORWARD)
    assert len(adam(johnson.build(small(), 1), small()).param_groups) == 1


def test_every_drawn_sample_is_a_shipped_style():
    """Each paints a photograph nearer to its drawing's colours than to those of the others, on the mean, and small in all."""
    from dst.config import SAMPLES
    from dst.networks import shipped

    known = dst.shipped_styles()
    assert set(known) == set(SAMPLES)
    assert all(
        card["licence"] == "Apache-2.0" and card["steps"] > 1000 and "/" not in json.dumps(card["data"])
        for card in known.values()
    )
    assert (shipped.HOME / shipped.FILE).stat().st_size < 6e6
    drawn = {path.stem: imaging.resize(imaging.read(path).rgb, 96) for path in dst.sample_styles()}
    photograph = imaging.resize(data.built_in("coffee").rgb, 96)
    right = []
    for name in known:
        made = imaging.read(dst.apply_network(name, imaging.to_array(photograph))[0]).rgb
        away = {other: float((made.mean((2, 3)) - image.mean((2, 3))).norm()) for other, image in drawn.items()}
        right.append(sorted(away.values()).index(away[name]))
    assert sum(rank <= 2 for rank in right) >= 8


def test_the_shipped_styles_are_listed_and_checked(capsys, tmp_path, monkeypatch):
    from dst.networks import shipped

    assert cli.main(["apply", "--list"]) == 0
    assert capsys.readouterr().out.count("Apache-2.0") == 12
    monkeypatch.setitem(shipped.SHA256, shipped.FILE, "0" * 64)
    shipped.load.cache_clear()
    imaging.write(tmp_path / "a.png", blobs((48, 40), 1))
    assert cli.main(["apply", "woodcut", str(tmp_path / "a.png"), "-o", str(tmp_path / "out")]) == 2
    assert "reinstall" in capsys.readouterr().err
    shipped.load.cache_clear()


def test_a_folder_of_painted_pictures_may_have_a_styles_name(image_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = image_file()
    for _ in range(2):
        assert cli.main(["apply", "woodcut", str(given), "-o", "woodcut", "--quiet"]) == 0
    assert [path.name for path in (tmp_path / "woodcut").iterdir()] == [given.name]
