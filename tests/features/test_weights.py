"""Weights files: accepted in every naming, refused with a reason; the shipped file against its own claims."""

import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from dst.config import InputError
from dst.features import weights
from dst.features.networks import NETWORKS
from dst.features.weights import load_weights, load_with_hash, random_weights


@pytest.fixture(scope="module")
def vgg16():
    return random_weights("vgg16", 1)


def torchvision_style(state, prefix="features."):
    """The same tensors as torchvision names them: counting every ReLU and pooling."""
    named, place = {}, 0
    for level in range(1, 6):
        for i in range(1, 6):
            if f"conv{level}_{i}.weight" in state:
                for kind in ("weight", "bias"):
                    named[f"{prefix}{place}.{kind}"] = state[f"conv{level}_{i}.{kind}"]
                place += 2
        place += 1
    return named


def same(found, expected):
    return list(found) == list(expected) and all(torch.equal(found[key], expected[key]) for key in expected)


def test_torchvision_places():
    assert NETWORKS["vgg19"].torchvision_names()["features.28"] == "conv5_1"
    assert NETWORKS["vgg16"].torchvision_names()["features.24"] == "conv5_1"
    assert len(NETWORKS["vgg19"].torchvision_names()) == 16
    assert len(NETWORKS["vgg16"].torchvision_names()) == 13


def test_torchvision_state_dict(tmp_path, vgg16):
    whole = torchvision_style(vgg16) | {"classifier.0.weight": torch.zeros(2, 2), "classifier.0.bias": torch.zeros(2)}
    torch.save(whole, tmp_path / "vgg16.pth")
    assert same(load_weights("vgg16", tmp_path / "vgg16.pth"), vgg16)


def test_state_dict_of_the_features_alone(tmp_path, vgg16):
    save_file(torchvision_style(vgg16, prefix=""), tmp_path / "features.safetensors")
    assert same(load_weights("vgg16", tmp_path / "features.safetensors"), vgg16)


def test_wrapped_state_dict_and_own_names(tmp_path):
    state = random_weights("compact", 2)
    wrapped = {"state_dict": {f"module.{key}": value for key, value in state.items()}}
    torch.save(wrapped, tmp_path / "wrapped.pt")
    assert same(load_weights("compact", str(tmp_path / "wrapped.pt")), state)


def test_half_precision_becomes_single(tmp_path):
    state = random_weights("compact", 2)
    save_file({key: value.half() for key, value in state.items()}, tmp_path / "half.safetensors")
    found = load_weights("compact", tmp_path / "half.safetensors")
    assert all(
        found[key].dtype == torch.float32 and torch.equal(found[key], state[key].half().float()) for key in state
    )


def test_projections_beside_an_encoder_are_ignored(tmp_path):
    state = random_weights("vgg19-16x", 2)
    save_file(state | {"vgg1_1.weight": torch.zeros(64, 16, 1, 1)}, tmp_path / "encoder.safetensors")
    assert same(load_weights("vgg19-16x", tmp_path / "encoder.safetensors"), state)


def test_missing_tensor_is_named(tmp_path):
    state = random_weights("compact")
    del state["conv3_1.bias"]
    save_file(state, tmp_path / "part.safetensors")
    with pytest.raises(InputError, match=r"conv3_1\.bias is missing"):
        load_weights("compact", tmp_path / "part.safetensors")


def test_wrong_shape_is_told(tmp_path):
    state = random_weights("compact") | {"conv1_1.weight": torch.zeros(16, 1, 3, 3)}
    save_file(state, tmp_path / "grey.safetensors")
    with pytest.raises(InputError, match=r"conv1_1\.weight has shape \(16, 1, 3, 3\) where \(16, 3, 3, 3\) is needed"):
        load_weights("compact", tmp_path / "grey.safetensors")


def test_another_networks_weights_are_recognised(tmp_path):
    save_file(random_weights("vgg19-16x"), tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="it fits 'vgg19-16x'"):
        load_weights("vgg19", tmp_path / "other.safetensors")


def test_a_deeper_network_is_not_taken_for_a_shallower(tmp_path):
    state = random_weights("compact") | {"conv5_2.weight": torch.zeros(96, 96, 3, 3)}
    save_file(state, tmp_path / "deeper.safetensors")
    with pytest.raises(InputError, match=r"conv5_2\.weight belongs to no layer"):
        load_weights("compact", tmp_path / "deeper.safetensors")


def test_values_that_are_not_finite(tmp_path):
    state = random_weights("compact")
    state["conv2_1.weight"][0, 0, 0, 0] = float("nan")
    save_file(state, tmp_path / "nan.safetensors")
    with pytest.raises(InputError, match=r"conv2_1\.weight holds values that are not finite"):
        load_weights("compact", tmp_path / "nan.safetensors")


class Other:
    """Something that a weights file has no business to hold."""


@pytest.mark.parametrize("name", ["noise.safetensors", "noise.pth", "object.pth", "list.pth", "empty.pth"])
def test_files_that_are_no_weights(tmp_path, name):
    path = tmp_path / name
    if name.startswith("noise"):
        path.write_bytes(b"not weights at all")
    else:
        torch.save({"object": {"a": Other()}, "list": [1, 2], "empty": {}}[path.stem], path)
    with pytest.raises(InputError, match=r"weights file .*it takes"):
        load_weights("compact", path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        load_weights("compact", tmp_path / "absent.safetensors")
    with pytest.raises(InputError, match="directory"):
        load_weights("compact", tmp_path)


def test_a_network_that_comes_from_a_file_only():
    with pytest.raises(InputError, match="`weights`"):
        load_weights("vgg19-16x")


@pytest.mark.parametrize("error", [ImportError("No module"), RuntimeError("operator torchvision::nms does not exist")])
def test_torchvision_that_cannot_be_imported(monkeypatch, error):
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == "torchvision":
                raise error

    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    with pytest.raises(InputError, match="encoder `compact`") as caught:
        load_weights("vgg19")
    assert "nms" in str(caught.value) or "not installed" in str(caught.value)


def test_random_weights_keep_the_scale():
    state = random_weights("vgg16", 4)
    assert state["conv3_2.weight"].std().item() == pytest.approx((2 / (9 * 256)) ** 0.5, rel=0.02)
    assert not state["conv3_2.bias"].any()


def test_shipped_file_is_small_half_precision_and_complete():
    assert weights.COMPACT_FILE.stat().st_size <= 1_500_000
    with safe_open(weights.COMPACT_FILE, "pt") as file:
        assert {key: tuple(file.get_tensor(key).shape) for key in file.keys()} == NETWORKS["compact"].shapes()
        assert all(file.get_tensor(key).dtype == torch.float16 for key in file.keys())
        notes = file.metadata()
    assert notes["network"] == "compact" and notes["padding"] == NETWORKS["compact"].padding
    assert "RGB in [0, 1]" in notes["input"]


def test_shipped_file_has_its_hash():
    assert load_with_hash("compact")[1] == weights.COMPACT_SHA256


def test_a_damaged_shipped_file_is_refused(tmp_path, monkeypatch):
    data = bytearray(weights.COMPACT_FILE.read_bytes())
    data[-1] ^= 1
    (tmp_path / "compact.safetensors").write_bytes(data)
    monkeypatch.setattr(weights, "COMPACT_FILE", tmp_path / "compact.safetensors")
    with pytest.raises(InputError, match="reinstall"):
        load_weights("compact")
