"""The program that trains the compact encoder: its parts against known answers, its resuming against not stopping."""

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

TOOLS = Path(__file__).resolve().parents[2] / "tools"
if not TOOLS.exists():
    pytest.skip("the training program is not here", allow_module_level=True)
sys.path.insert(0, str(TOOLS))

import train_compact  # noqa: E402
from encoder_errors import LEVELS, level_errors  # noqa: E402
from regression import Regression  # noqa: E402
from soap import Soap  # noqa: E402
from student import Student  # noqa: E402
from training_images import Crops, read_folder, split  # noqa: E402

from dst.features.encoder import Encoder, load_encoder  # noqa: E402
from dst.features.networks import NETWORKS  # noqa: E402


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for i in range(24):
        small = draw.integers(0, 256, (8, 6 + i % 5, 3), dtype=np.uint8)
        size = (60, 48) if i % 2 else (48, 52)
        Image.fromarray(small).resize(size, Image.BICUBIC).save(tmp_path / f"{i:02}.png")
    return tmp_path


def test_regression_recovers_a_layer():
    truth, learner = torch.nn.Conv2d(4, 5, 3), torch.nn.Conv2d(4, 5, 3)
    with torch.no_grad():
        for conv, seed in ((truth, 1), (learner, 2)):
            conv.weight.normal_(std=0.2, generator=generator(seed))
            conv.bias.normal_(std=0.1, generator=generator(seed + 10))
    regression, draw = Regression(learner, samples=1024), generator(3)
    mixing = torch.eye(4) + 0.9  # strongly correlated channels
    for _ in range(40):
        x = torch.einsum("ij,njhw->nihw", mixing, torch.randn(2, 4, 18, 18, generator=draw))
        with torch.no_grad():
            regression.observe(x, draw)
            error = regression.step(x, learner(x), F.relu(truth(x)), 0.7)
    assert error < 1e-3
    assert torch.allclose(learner.weight, truth.weight, atol=0.05)


def test_soap_descends_a_narrow_valley():
    target = torch.randn(4, 6, generator=generator(0))
    scales = torch.logspace(0, -2, 6)
    basis = torch.linalg.qr(torch.randn(6, 6, generator=generator(1)))[0]
    weight = torch.zeros(4, 6, requires_grad=True)
    optimiser = Soap([weight], lr=0.05, every=5)
    for step in range(200):
        optimiser.param_groups[0]["lr"] = 0.05 * (1 - step / 200)
        optimiser.zero_grad()
        loss = (((weight - target) @ basis) * scales).square().sum()
        loss.backward()
        optimiser.step()
    assert torch.allclose(weight, target, atol=0.05)


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("seed", range(6))
def test_soap_takes_no_giant_step_from_a_null_space(rank, seed):
    direction = torch.randn(8, rank, generator=generator(seed)) @ torch.randn(rank, 12, generator=generator(seed + 100))
    weight = torch.zeros(8, 12, requires_grad=True)
    optimiser, reach = (
        Soap([weight], lr=1.0),
        weight.numel() ** 0.5,
    )  # Adam, in any basis, moves each coordinate by about lr
    for step in range(25):
        before = weight.detach().clone()
        weight.grad = direction * (1 + 0.1 * step)
        optimiser.step()
        assert (weight - before).norm() < (1.01 if step == 0 else 2) * reach, step


def test_crops_are_in_range_and_repeat(folder):
    images = read_folder(folder)
    assert len(images) == 24 and all(image.dtype == torch.uint8 for image in images)
    first, again, other = (Crops(images, generator(seed)).batch(6, 32) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == (6, 3, 32, 32) and first.min() >= 0 and first.max() <= 1


def test_split_keeps_every_image_once():
    kept, held = split(list(range(50)), 0.1, generator(0))
    assert len(held) == 5 and sorted(kept + held) == list(range(50))


def test_errors_see_through_a_linear_map():
    teacher = load_encoder("compact", weights="random", seed=1)
    crops = [torch.rand(1, 3, 64, 64, generator=generator(i)) for i in range(4)]

    class Mixed:
        layers = teacher.layers

        def __call__(self, images, layers):
            found = teacher(images, layers)
            for name, feature in found.items():
                count = feature.shape[1]
                mix = torch.eye(count) + 0.1 * torch.randn(count, count, generator=generator(count)) / count**0.5
                found[name] = torch.einsum("ij,njhw->nihw", mix, feature) + 3
            return found

    assert max(level_errors(teacher, teacher, crops, LEVELS[:4]).values()) < 1e-3
    assert max(level_errors(teacher, Mixed(), crops, LEVELS[:3]).values()) < 1e-3
    other = load_encoder("compact", weights="random", seed=2)
    assert level_errors(teacher, other, crops, LEVELS[:3])["relu3_1"] > 0.05


def test_what_is_trained_is_what_is_shipped():
    network = NETWORKS["compact"]
    student = Student(network, generator(1))
    images = torch.rand(2, 3, 50, 67, generator=generator(2))
    with torch.no_grad():
        trained = student(images, front=[])
    encoder = Encoder(network, student.folded())
    for name, feature in encoder(images, list(encoder.layers)).items():
        assert torch.allclose(F.relu(trained[name]), feature, atol=1e-4 * feature.max().item()), name


def test_an_interrupted_training_ends_where_an_unbroken_one_does(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(train_compact, "SHAPES", ((2, 32), (1, 48)))
    monkeypatch.setattr(train_compact, "SAMPLE", (4, 48))
    given = dict(teacher="vgg19-16x", weights="random", images=str(folder), steps=4, regress=2, regress_to="relu4_1")
    given |= dict(front="relu4_3", lr=3e-3, held_out=0.1, every=2, seed=4, device="cpu", threads=1, iterates_from=None)

    def started(name):
        return train_compact.Training(argparse.Namespace(out=str(tmp_path / name), **given))

    def go(training, until):
        while training.step < until:
            losses = training.learn(*training.lesson(training.step))
            assert all(np.isfinite(value) for value in losses.values())

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the program does: sums over two threads do not repeat to the last bit
    whole, broken = started("whole"), started("broken")
    go(whole, 4)
    go(broken, 1)
    broken.save()
    broken = started("broken")
    assert broken.step == 1
    go(broken, 3)
    broken.save()
    broken = started("broken")
    go(broken, 4)
    torch.set_num_threads(threads)
    for key, value in whole.student.folded().items():
        assert torch.equal(value, broken.student.folded()[key]), key
    assert whole.evaluate().keys() == set(LEVELS)
    exported = load_encoder("compact", tmp_path / "whole" / "compact.safetensors")
    assert exported(torch.rand(1, 3, 32, 32), LEVELS).keys() == set(LEVELS)
