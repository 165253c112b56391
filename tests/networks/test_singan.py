"""SinGAN: its pyramid, its networks, its training and what a folder keeps, on tiny models."""

import hashlib
import itertools
import json
import shutil

import numpy as np
import pytest
import torch
from conftest import blobs
from PIL import Image

import cli
import dst
from dst import imaging
from dst.config import InputError, SinganConfig
from dst.imaging import strips
from dst.networks.singan import folder as folders
from dst.networks.singan import tasks
from dst.networks.singan.layers import Frozen, Patches, gradient_penalty
from dst.networks.singan.model import below, reconstruction
from dst.networks.singan.pyramid import scale_sizes, sizes_for
from dst.networks.singan.train import begun, epoch, under_of, untrained

TINY = {"side": 32, "coarsest": 14, "layers": 3, "channels": 4, "epochs": 4, "threads": 1, "factor": 0.7}
FLAGS = [word for name, value in TINY.items() for word in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def picture():
    return blobs((32, 24), 5)


@pytest.fixture(scope="module")
def folder(picture, tmp_path_factory):
    """The folder of a small model."""
    home = tmp_path_factory.mktemp("singan") / "model"
    dst.train_singan(picture, home, **TINY)
    return home


@pytest.fixture(scope="module")
def model(folder):
    return dst.load_singan(folder)


def picture_size(path):
    with Image.open(path) as image:
        return image.size


def contents(home):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in home.iterdir()}


@pytest.mark.parametrize(
    "size, changes, sizes",
    [
        ((1000, 500), {}, [(50, 25), (65, 33), (85, 43), (111, 56), (146, 73), (191, 95), (250, 125)]),
        ((100, 100), {"factor": 0.5}, [(25, 25), (50, 50), (100, 100)]),
        ((25, 40), {}, [(25, 40)]),
        ((20, 30), {}, [(20, 30)]),
        ((400, 200), {"side": 100, "factor": 0.75}, [(50, 25), (63, 31), (79, 40), (100, 50)]),
    ],
)
def test_scales_run_from_the_coarsest_to_the_finest(size, changes, sizes):
    config = SinganConfig(**changes)
    found = scale_sizes(size, config)
    assert [tuple(np.abs(np.subtract(a, b)) <= 1) for a, b in zip(found, sizes, strict=True)] == [(True, True)] * len(
        sizes
    )
    assert found[-1] == sizes[-1]
    steps = [a[0] / b[0] for a, b in itertools.pairwise(found)]
    assert all(config.factor - 0.03 < step < 1 for step in steps)


def test_channels_double_every_four_scales_up_to_the_most():
    assert [SinganConfig().width(k) for k in range(10)] == [32] * 4 + [64] * 4 + [128] * 2
    config = SinganConfig.made(quick=True, purpose="super-resolve", epochs=7)
    assert (config.epochs, config.reconstruction, config.side) == (7, 100.0, 128)
    assert config.factor == pytest.approx(0.5 ** (1 / 3), abs=1e-4)


def test_a_networks_output_is_made_of_two_n_and_one_pixels():
    net = Patches(6, 5, 1, True, torch.Generator().manual_seed(1)).eval()
    x = torch.zeros(1, 3, 21, 25, requires_grad=True)
    y = net(x)
    assert y.shape == (1, 1, 11, 15)
    y[0, 0, 4, 7].backward()
    seen = x.grad.abs().sum((0, 1)) > 0
    rows, columns = (torch.nonzero(seen.any(k)).flatten() for k in (1, 0))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 14, 7, 17)


def test_a_frozen_generator_is_the_trained_one_also_in_strips(monkeypatch):
    net = Patches(6, 3, 3, True, torch.Generator().manual_seed(2))
    for _ in range(3):
        net(torch.randn(1, 3, 20, 20, generator=torch.Generator().manual_seed(3)) * 2 + 1)
    frozen, x = Frozen(net), torch.randn(1, 3, 60, 33, generator=torch.Generator().manual_seed(4))
    whole = frozen(x)
    bare = Patches(6, 3, 3, False, torch.Generator().manual_seed(2))
    torch.testing.assert_close(Frozen(bare)(x), bare(x).detach(), rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        torch.testing.assert_close(whole, net.eval()(x), rtol=1e-4, atol=1e-5)
    monkeypatch.setattr("dst.networks.singan.layers.VALUES", 1)
    torch.testing.assert_close(frozen(x), whole, rtol=1e-4, atol=1e-6)


def test_the_gradient_penalty_is_that_of_finite_differences():
    net = Patches(4, 3, 1, True, torch.Generator().manual_seed(5)).double()
    draw = torch.Generator().manual_seed(6)
    real, fake = (torch.randn(1, 3, 9, 8, generator=draw, dtype=torch.float64) for _ in (0, 1))
    found = gradient_penalty(net, real, fake, 0.3)
    mixed, step = 0.3 * real + 0.7 * fake, 1e-6
    slope = torch.zeros_like(mixed)
    for place in np.ndindex(*mixed.shape):
        moved = [mixed.clone(), mixed.clone()]
        moved[0][place] += step
        moved[1][place] -= step
        with torch.no_grad():
            slope[place] = (net(moved[0]).sum() - net(moved[1]).sum()) / (2 * step)
    assert float(found.detach()) == pytest.approx(float((slope.square().sum(1).sqrt() - 1).square().mean()), rel=1e-5)
    found.backward()
    assert all(float(conv.weight.grad.abs().sum()) > 0 for conv in net.convs)


def test_the_critic_tells_and_the_generator_learns():
    config = SinganConfig(**{**TINY, "side": 18, "coarsest": 18, "channels": 8, "epochs": 60, "lr": 2e-3})
    source = imaging.read(blobs((18, 18), 3)).rgb
    model = untrained(source, config)
    at, real = begun(model, None), model.real(0)
    under = under_of(model, 0, None)
    rows = [{k: float(v) for k, v in epoch(model, at, real, under).items()} for _ in range(60)]
    assert rows[-1]["reconstruction"] < 0.4 * rows[0]["reconstruction"]
    assert np.mean([row["critic_real"] - row["critic_fake"] for row in rows[5:]]) > 0
    assert at.optimizers[0].param_groups[0]["lr"] == pytest.approx(2e-4)  # after four fifths


def test_the_fixed_noise_and_none_else_gives_what_the_training_kept(model):
    assert len(model.scales) == 3 and model.finished
    for k, scale in enumerate(model.scales):
        made = reconstruction(model, k + 1)
        assert made.shape[-2:] == scale.size[::-1] == model.sizes[k][::-1]
        torch.testing.assert_close(made, scale.reconstruction, rtol=0, atol=1e-6)
        if k:
            under = below(model, model.sizes, k, reconstruction(model, k))
            rmse = float((model.real(k) - under).square().mean().sqrt())
            assert scale.amplitude == pytest.approx(0.1 * rmse, rel=1e-4)
    assert model.scales[0].amplitude == 1.0


def test_noise_of_nothing_from_the_coarsest_up_gives_one_picture(model):
    one, two = (tasks.sample(model, seed=seed, amount=0.0) for seed in (0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(tasks.sample(model, seed=0), tasks.sample(model, seed=1))
    assert torch.equal(tasks.sample(model, seed=1), tasks.sample(model, seed=1))


@pytest.mark.parametrize("size", [(32, 24), (75, 24), (40, 131), (33, 47)])
def test_pictures_of_any_size(model, size):
    (made,) = dst.singan("sample", model, size=size)
    assert made.shape == (size[1], size[0], 3) and made.dtype == np.uint8 and made.std() > 1


@pytest.mark.parametrize("norm", ["generator", "neither"])
def test_a_model_with_less_normalisation_goes_on_too(norm, picture, tmp_path):
    few = {**TINY, "epochs": 2, "norm": norm}
    whole = dst.train_singan(picture, tmp_path / "whole", **few)
    dst.train_singan(picture, tmp_path / "stopped", **few, on_step=lambda step: step.scale == 1)
    dst.train_singan(picture, tmp_path / "stopped", **few)
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")
    assert len(whole.scales[0].generator.norms) == (2 if norm == "generator" else 0)


def test_noise_in_the_margin_is_the_same_size(picture, tmp_path):
    dst.train_singan(picture, tmp_path / "m", purpose="animate", **{**TINY, "epochs": 1})
    model = dst.load_singan(tmp_path / "m")
    assert model.config.padding == "noise" and float(model.star[..., 0, :].abs().min()) > 0
    noise = model.draws(torch.Generator().manual_seed(0))(1, model.sizes[1])
    assert noise.shape[-1] == model.sizes[1][0] + 6 and float(noise[..., 0, :].abs().min()) > 0
    assert len(dst.singan("animate", model, frames=3)) == 3


@pytest.mark.parametrize("task", ["paint-to-image", "style"])
def test_a_picture_is_drawn_again_and_the_later_the_less(model, picture, task):
    other = blobs((32, 24), 6)
    made = [dst.singan(task, model, other, start=k, amount=0.0)[0].astype(float) for k in (1, 2)]
    assert [one.shape for one in made] == [other.shape] * 2
    early, late = (np.abs(one - other).mean() for one in made)
    assert late < early


def test_outside_the_mask_nothing_changes(model, picture):
    mask = np.zeros((24, 32), np.uint8)
    mask[2:6, 2:6] = 255
    (made,) = dst.singan("harmonise", model, picture, mask=mask, start=1)
    assert np.array_equal(made[:, -3:], picture[:, -3:]) and not np.array_equal(made[:8, :8], picture[:8, :8])
    for some, words in ((np.full((24, 32), 255, np.uint8), "everything"), (np.full((24, 32), 40, np.uint8), "nothing")):
        with pytest.raises(InputError, match=words):
            dst.singan("edit", model, picture, mask=some)


def test_a_mask_is_widened_by_a_disc():
    mask = torch.zeros(1, 1, 101, 101)
    mask[..., 50, 50] = 1
    for task, reach in (("harmonise", 7), ("edit", 20)):
        soft = tasks.softened(mask, task)[0, 0]
        assert float(soft[50, 50]) == 1 and float(soft.min()) == 0
        cut = soft[50] >= 0.5 * float(soft[50, 50])
        assert abs(int(cut.sum()) - (2 * reach + 1)) <= 4


def test_super_resolution_enlarges_by_any_factor(model):
    for factor, size in ((2.0, (64, 48)), (1.5, (48, 36))):
        (made,) = dst.singan("super-resolve", model, enlarge=factor, amount=0.0)
        assert made.shape == (size[1], size[0], 3)


def test_a_model_of_one_scale_draws_anew_alone(tmp_path):
    model = dst.train_singan(blobs((16, 16), 2), tmp_path / "m", **{**TINY, "coarsest": 16, "epochs": 1})
    assert dst.singan("sample", model, size=(20, 40))[0].shape == (40, 20, 3)
    for task, given in (("super-resolve", None), ("style", blobs((16, 16), 3))):
        with pytest.raises(InputError, match="a single trained scale"):
            dst.singan(task, model, given)


def test_a_loop_closes_and_follows_its_equation(model):
    draw = torch.Generator().manual_seed(3)
    alpha, beta, count = 0.1, 0.9, 12
    x = tasks.walk(model, 1, (9, 8), count, alpha, beta, draw).double()
    fresh = model.draws(torch.Generator().manual_seed(3))
    u = torch.stack([fresh(1, (9, 8)) for _ in range(count)]).double()
    for t in range(count):
        step = beta * (x[t - 1] - x[t - 2]) + (1 - beta) * u[t]
        torch.testing.assert_close(x[t], (1 - alpha) * (x[t - 1] + step), rtol=0, atol=1e-5)
    frames = dst.singan("animate", model, frames=5, start=0)
    assert len(frames) == 5 and not np.array_equal(frames[0], frames[2])


def test_a_stopped_training_goes_on_to_the_same_bytes(picture, folder, tmp_path):
    home = tmp_path / "stopped"
    model, stops = None, 0
    while model is None or not model.finished:
        seen = []
        model = dst.train_singan(picture, home, **TINY, on_step=lambda step, s=seen: s.append(step) or len(s) == 3)
        assert len(seen) <= 3 and (model.finished or (home / folders.STATE).exists())
        stops += 1
    assert stops == 4
    assert contents(home) == contents(folder)
    assert {path.name for path in home.iterdir()} <= folders.names()


def test_a_killed_training_goes_on_from_what_was_kept(picture, folder, tmp_path):
    """A process that is killed between any two writings: the folder as it was then."""
    home, kills, left = tmp_path / "killed", 0, [0]

    class Killed(BaseException):
        pass

    real = folders.put

    def put(where, name, data):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return real(where, name, data)

    for left[0] in range(1, 60, 2):
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(folders, "put", put)
                model = dst.train_singan(picture, home, **TINY, every=0.0)
        except Killed:
            kills += 1
            continue
        break
    assert kills > 3 and model.finished and contents(home) == contents(folder)


def test_what_training_shows(folder, model):
    rows = (folder / folders.LOG).read_text().splitlines()
    assert rows[0].startswith("scale,epoch,critic_real") and len(rows) == 1 + len(model.scales)
    for name in (folders.PLOT, *(folders.sheet(k) for k in range(len(model.scales)))):
        assert min(picture_size(folder / name)) > 60


def test_steps_tell_of_the_work(picture, tmp_path):
    seen = []
    dst.train_singan(picture, tmp_path / "m", **TINY, on_step=seen.append)
    assert (
        len(seen) == 12 and seen[-1].done == pytest.approx(seen[-1].total_steps) and seen[-1].left == pytest.approx(0)
    )
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert seen[8].scale == 2 and seen[8].step == 0 and seen[8].steps == 4 and seen[8].scales == 3


DAMAGE = {
    "a foreign folder": (lambda home: (home / "model.json").write_text('{"kind": "other"}'), "no model of"),
    "no JSON": (lambda home: (home / "model.json").write_text("{"), "damaged"),
    "no record": (lambda home: (home / "model.json").unlink(), "holds no model.json"),
    "newer": (lambda home: rewrite(home, format=2, dst="9.9"), "newer version (dst 9.9, format 2"),
    "a bad setting": (lambda home: rewrite(home, settings={"epochs": 3}), "settings"),
    "sizes": (lambda home: rewrite(home, sizes=[[1, 2]]), "sizes"),
    "too many scales": (lambda home: rewrite(home, scales=[{"amplitude": 1.0, "sha256": "0" * 64}] * 9), "scales"),
    "amplitude": (lambda home: rewrite_scale(home, amplitude="../x"), "amplitude"),
    "no sha256": (lambda home: rewrite_scale(home, sha256=4), "sha256"),
    "a scale exchanged": (lambda home: (home / "scale-1.safetensors").write_bytes(b"x" * 50), "not the file"),
    "a scale gone": (lambda home: (home / "scale-1.safetensors").unlink(), "cannot be read"),
    "a scale's link": (lambda home: device(home / "scale-0.safetensors"), "cannot be read"),
    "the picture": (lambda home: (home / "source.png").write_bytes(b"PNG"), "not the file"),
    "no tensors": (lambda home: swap(home, b"x" * 50), "damaged"),
    "other tensors": (lambda home: swap(home, {"x": torch.zeros(2)}), "damaged"),
    "not finite": (lambda home: spoil(home), "damaged"),
}


def rewrite(home, **changes):
    path = home / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def rewrite_scale(home, **changes):
    record = json.loads((home / "model.json").read_text())
    rewrite(home, scales=[{**record["scales"][0], **changes}, *record["scales"][1:]])


def device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def swap(home, data):
    """Exchange a scale for other content of the right sha256."""
    from safetensors.torch import save

    data = data if isinstance(data, bytes) else save(data)
    (home / "scale-0.safetensors").write_bytes(data)
    rewrite_scale(home, sha256=hashlib.sha256(data).hexdigest())


def spoil(home):
    from safetensors.torch import load_file

    found = load_file(home / "scale-0.safetensors")
    found["generator.convs.0.bias"] = torch.full_like(found["generator.convs.0.bias"], torch.nan)
    swap(home, found)


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_folder_is_one_line(name, folder, tmp_path, capsys):
    home, (damage, words) = tmp_path / "m", DAMAGE[name]
    shutil.copytree(folder, home)
    damage(home)
    out = tmp_path / "o.png"
    assert cli.main(["singan", "sample", str(home), "-o", str(out)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and words in said[0] and not out.exists()


def test_a_damaged_state_is_one_line(picture, tmp_path):
    home = tmp_path / "m"
    dst.train_singan(picture, home, **TINY, on_step=lambda step: step.scale == 1)
    whole = (home / folders.STATE).read_bytes()
    for data in (b"", whole[:500], whole[:-3] + b"abc"):
        (home / folders.STATE).write_bytes(data)
        try:
            model = dst.train_singan(picture, home, **TINY, on_step=lambda _: True)
            assert data[-3:] == b"abc" and not model.finished  # other numbers, of which nobody can tell
        except InputError as error:
            assert "damaged" in str(error)
    dst.train_singan(picture, home, **TINY, force=True, on_step=lambda _: True)


def test_what_a_folder_holds_is_kept(picture, folder, tmp_path, capsys):
    before = contents(folder)
    for options, words in (
        ({}, "a finished model"),
        ({"epochs": 5}, "epochs 4, and 5"),
        ({"seed": 1}, "seed"),
    ):
        with pytest.raises(InputError, match=words):
            dst.train_singan(picture, folder, **{**TINY, **options})
    with pytest.raises(InputError, match="another image"):
        dst.train_singan(blobs((32, 24), 8), folder, **TINY)
    assert contents(folder) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    for force in (False, True):
        with pytest.raises(InputError, match="files that are not a model's"):
            dst.train_singan(picture, tmp_path / "mine", **TINY, force=force)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        dst.train_singan(picture, tmp_path / "file", **TINY)
    with pytest.raises(InputError, match="does not exist"):
        dst.train_singan(picture, tmp_path / "a" / "b", **TINY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]


@pytest.mark.parametrize(
    "image, options, words",
    [
        (np.full((40, 40, 3), 90, np.uint8), {}, "one colour"),
        (blobs((400, 20)), {"side": 64}, "400 x 20, so that its short side has 3 pixels"),
        (blobs((40, 40)), {"layers": 7, "coarsest": 14}, "see 15 pixels"),
        (blobs((40, 40)), {"channels": 200}, "channels"),
        (blobs((40, 40)), {"epochs": 0}, "epochs"),
        (blobs((40, 40)), {"purpose": "x"}, "purpose"),
        (blobs((40, 40)), {"colour": 1}, "option"),
    ],
)
def test_bad_input_of_training_leaves_nothing(image, options, words, tmp_path):
    with pytest.raises(InputError, match=words):
        dst.train_singan(image, tmp_path / "m", **options)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "task, given, options, words",
    [
        ("inpaint", None, {}, "take another method"),
        ("smaple", None, {}, "did you mean 'sample'"),
        ("edit", None, {}, "begins with a picture"),
        ("sample", "picture", {}, "needs the model alone"),
        ("edit", "picture", {}, "needs a mask"),
        ("style", "picture", {"mask": "picture"}, "mask is given"),
        ("style", "picture", {"start": 0}, "nothing of the picture is left"),
        ("sample", None, {"start": 3}, "3 trained scales"),
        ("sample", None, {"frames": 5}, "frames is given"),
        ("super-resolve", None, {"size": (64, 64)}, "size is given"),
        ("sample", None, {"size": (400, 12)}, "size"),
        ("sample", None, {"size": 32, "amount": -1}, "amount"),
    ],
)
def test_bad_input_of_a_task(model, picture, task, given, options, words):
    named = {name: picture if value == "picture" else value for name, value in options.items()}
    with pytest.raises(InputError, match=words):
        dst.singan(task, model, picture if given else None, **named)


def test_the_command_trains_and_draws(image_file, tmp_path, capsys):
    picture, home = str(image_file("p.png", (32, 24))), str(tmp_path / "model")
    assert cli.main(["singan", "train", picture, "-o", home, *FLAGS, "--epochs", "1"]) == 0
    said = capsys.readouterr().err
    assert "scale 2 of 0 to 2 is trained" in said and "a model of 3 scales" in said
    out = tmp_path / "o.png"
    assert cli.main(["singan", "sample", home, "-o", str(out), "--size", "50x40", "--count", "3", "--quiet"]) == 0
    assert picture_size(out)[0] > 50
    assert cli.main(["singan", "animate", home, "-o", str(tmp_path / "o.gif"), "--frames", "3"]) == 0
    with Image.open(tmp_path / "o.gif") as loop:
        assert loop.n_frames == 3
    capsys.readouterr()
    for words, said in (
        (["sample", home, "-o", str(out), "--epochs", "3"], "--epochs is given"),
        (["sample", home, "-o", str(out), "--quick"], "--quick is given"),
        (["train", picture, "-o", home, "--count", "3"], "--count is given"),
        (["train", picture, "-o", "-"], "standard output"),
        (["animate", home, "-o", str(out)], ".gif"),
        (["train", picture, "-o", home, *FLAGS], "--force"),
        (["edit", home, picture, "-o", picture, "--mask", picture], "is an input"),
        (["sample", home, "-o", f"{home}/source.png"], "lies in the model's folder"),
    ):
        assert cli.main(["singan", *words]) == 2
        assert said in capsys.readouterr().err


def test_what_does_not_fit_into_memory_is_refused_before_it_is_drawn(model, monkeypatch):
    monkeypatch.setattr(strips, "free_memory", lambda: 5e8)
    for task, options in (("sample", {"size": (2000, 1000)}), ("animate", {"size": (1200, 1000), "frames": 200})):
        with pytest.raises(InputError, match=r"needs about \d\.\d GB to be drawn, 0.5 GB are free: make it smaller"):
            dst.singan(task, model, **options)


def test_sizes_of_another_picture_keep_their_ratio():
    own = [(37, 25), (49, 33), (64, 43)]
    assert sizes_for((128, 43), own) == [(74, 25), (98, 33), (128, 43)]
