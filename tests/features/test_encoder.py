"""The encoder against networks built another way, and its declared layers against real tensors."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dst.config import InputError
from dst.features.encoder import LEVELS, ReluReflect, load_encoder, plain_relu_reflect
from dst.features.networks import NETWORKS
from dst.features.weights import random_weights

# Configurations D and E of Simonyan & Zisserman, table 1: channels of each convolution, M for a pooling.
PUBLISHED = {
    "vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


def published_features(name):
    modules, before = [], 3
    for word in PUBLISHED[name].split():
        if word == "M":
            modules.append(nn.MaxPool2d(2, 2))
        else:
            modules += [nn.Conv2d(before, int(word), 3, padding=1), nn.ReLU()]
            before = int(word)
    return nn.Sequential(*modules)


def agree_with_features(name, features):
    """Every ReLU's output of `features`, in order, equals the encoder's layer of that place."""
    encoder = load_encoder(name, weights="random", seed=3)
    state = dict(zip(features.state_dict(), random_weights(name, 3).values(), strict=True))
    features.load_state_dict(state)
    images = torch.rand(1, 3, 32, 35, generator=torch.Generator().manual_seed(0))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x, expected = (images - mean) / std, []
    with torch.no_grad():
        for module in features:
            x = module(x)
            if isinstance(module, nn.ReLU):
                expected.append(x.clone())
        found = encoder(images, list(encoder.layers))
    assert len(found) == len(expected)
    for (layer, ours), theirs in zip(found.items(), expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item()), layer


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_vgg_is_the_published_network(name):
    agree_with_features(name, published_features(name))


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_vgg_is_torchvisions(name):
    try:
        from torchvision import models
    except Exception as error:
        pytest.skip(f"torchvision cannot be imported: {error}")
    agree_with_features(name, getattr(models, name)(weights=None).features)


@pytest.mark.parametrize("name", ["compact", "vgg19-16x"])
def test_reflecting_encoder_is_pad_convolve_relu(name):
    encoder = load_encoder(name, weights="random", seed=1)
    images = torch.rand(2, 3, 37, 50, generator=torch.Generator().manual_seed(0))
    found, level, x = encoder(images, list(encoder.layers)), "1", images
    for layer in encoder.layers:
        if layer[4] != level:
            x, level = F.max_pool2d(x, 2), layer[4]
        conv = getattr(encoder, layer.replace("relu", "conv"))
        x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), conv.weight, conv.bias))
        assert torch.allclose(found[layer], x, rtol=1e-5, atol=1e-5 * x.max().item()), layer


@pytest.mark.parametrize("name", list(NETWORKS))
def test_declared_layers_are_the_real_ones(name):
    encoder = load_encoder(name, weights="random")
    assert [encoder.layers[layer].stride for layer in LEVELS] == [1, 2, 4, 8, 16]
    for size in ((32, 32), (33, 70)):
        found = encoder(torch.rand(1, 3, *size), list(encoder.layers))
        for layer, feature in found.items():
            declared = encoder.layers[layer]
            assert feature.shape == (1, declared.channels, *(side // declared.stride for side in size))
            assert feature.min() >= 0


def test_the_smallest_image_reaches_the_last_level():
    encoder = load_encoder("compact", weights="random")
    for size in ((16, 16), (16, 40), (31, 17)):
        images = torch.rand(1, 3, *size, requires_grad=True)
        feature = encoder(images, ["relu5_1"])["relu5_1"]
        assert feature.shape[2:] == (size[0] // 16, size[1] // 16)
        feature.sum().backward()
        assert torch.isfinite(images.grad).all()


def test_any_selection_gives_the_same_values_in_the_order_asked_for():
    encoder = load_encoder("compact", weights="random")
    images = torch.rand(1, 3, 40, 32)
    everything = encoder(images, list(encoder.layers))
    some = encoder(images, ["relu4_1", "relu1_2", "relu2_1"])
    assert list(some) == ["relu4_1", "relu1_2", "relu2_1"]
    for layer, feature in some.items():
        assert torch.allclose(feature, everything[layer], atol=1e-6)


def test_nothing_deeper_than_asked_for_is_computed():
    encoder, ran = load_encoder("compact", weights="random"), []
    for name, module in encoder.named_children():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    encoder(torch.rand(1, 3, 32, 32), ["relu2_1", "relu1_1"])
    assert ran == ["conv1_1", "conv1_2", "conv2_1"]


def test_each_image_of_a_batch_is_by_itself():
    encoder = load_encoder("compact", weights="random")
    images = torch.rand(3, 3, 32, 48)
    together = encoder(images, ["relu3_1"])["relu3_1"]
    alone = torch.cat([encoder(image[None], ["relu3_1"])["relu3_1"] for image in images])
    assert torch.allclose(together, alone, atol=1e-5)


def test_parameters_are_frozen_and_the_pixels_are_not():
    encoder = load_encoder("compact", weights="random")
    assert not encoder.training and not any(p.requires_grad for p in encoder.parameters())
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    sum(feature.sum() for feature in encoder(images, LEVELS).values()).backward()
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("size", [(2, 2), (2, 5), (3, 3), (5, 4)])
def test_relu_with_reflected_border(size):
    x = torch.randn(1, 2, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    pulls = [
        torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1)) for y in plain_relu_reflect(x)
    ]
    for ours, plain in zip(ReluReflect.apply(x), plain_relu_reflect(x), strict=True):
        assert torch.equal(ours, plain)
    for used in ((0,), (1,), (0, 1)):
        found = [
            torch.autograd.grad([f(x)[k] for k in used], x, [pulls[k] for k in used])[0]
            for f in (ReluReflect.apply, plain_relu_reflect)
        ]
        assert torch.allclose(*found, rtol=1e-12, atol=1e-12)
    for used in (
        ReluReflect.apply,
        lambda value: ReluReflect.apply(value)[0],
        lambda value: ReluReflect.apply(value)[1],
    ):
        assert torch.autograd.gradcheck(used, (x,))


def test_the_pixels_gradient_is_that_of_the_plain_network():
    encoder = load_encoder("vgg19-16x", weights="random")
    images = torch.rand(1, 3, 24, 20, generator=torch.Generator().manual_seed(0))

    def plain(x):
        total, level = 0.0, "1"
        for layer in list(encoder.layers)[: list(encoder.layers).index("relu3_2") + 1]:
            if layer[4] != level:
                x, level = F.max_pool2d(x, 2), layer[4]
            conv = getattr(encoder, layer.replace("relu", "conv"))
            x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), conv.weight, conv.bias))
            if layer in ("relu1_1", "relu2_2", "relu3_2"):
                total = total + x.square().mean()
        return total

    def ours(x):
        return sum(f.square().mean() for f in encoder(x, ["relu1_1", "relu2_2", "relu3_2"]).values())

    gradients = []
    for value in (plain, ours):
        pixels = images.clone().requires_grad_()
        value(pixels).backward()
        gradients.append(pixels.grad)
    assert torch.allclose(*gradients, rtol=1e-4, atol=1e-5 * gradients[0].abs().max().item())


@pytest.mark.parametrize("size", [(33, 50), (160, 210)])  # small maps in plain steps, large ones in fused steps
def test_bfloat16_is_float32_up_to_its_rounding(size):
    encoder = load_encoder()
    half = encoder.in_precision("bfloat16")
    coarse = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    images = F.interpolate(coarse, size, mode="bicubic", align_corners=False).clamp(0, 1)
    found, gradients = [], []
    as_in_a_file = (255 * images).round() / 255
    for network, pixels in ((encoder, images), (half, images), (half, images), (encoder, as_in_a_file)):
        pixels = pixels.clone().requires_grad_()
        found.append(network(pixels, LEVELS))
        sum((feature - feature.detach().mean()).square().mean() for feature in found[-1].values()).backward()
        gradients.append(pixels.grad)
    for layer in LEVELS:
        exact, rounded = (features[layer].detach() for features in found[:2])
        assert rounded.dtype == torch.float32 and rounded.shape == exact.shape
        assert not torch.equal(rounded, exact)
        assert (rounded - exact).norm() < 0.01 * exact.norm()
    exact, rounded, again, of_file = (gradient.flatten() for gradient in gradients)
    assert rounded.dtype == torch.float32 and torch.equal(rounded, again)
    assert abs(float(rounded.norm() / exact.norm()) - 1) < 0.02
    # no worse than what rounding the image to 8 bits does to it, which moves the places of largest activations as well
    near, near_file = (torch.cosine_similarity(exact, other, 0) for other in (rounded, of_file))
    assert near > 0.9 and near > near_file - 0.02


def test_a_network_in_another_precision_is_another_and_leaves_the_first_as_it_was():
    encoder = load_encoder("vgg19-16x", weights="random")
    before = encoder(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)), LEVELS)
    half = encoder.in_precision("bfloat16")
    assert half.sha256 != encoder.sha256 and half.layers == encoder.layers and half.name == encoder.name
    assert encoder.in_precision("float32") is encoder and half.in_precision("bfloat16") is half
    after = encoder(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)), LEVELS)
    assert all(torch.equal(before[layer], after[layer]) for layer in LEVELS)
    with pytest.raises(InputError, match="choose one of float32, bfloat16"):
        encoder.in_precision("float16")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_made_of_an_activation_is_made_in_its_own_type(precision):
    encoder = load_encoder("vgg19-16x", weights="random").in_precision(precision)
    images, seen = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0)), []

    def reduce(x):
        seen.append(x.dtype)
        return x[:, :, ::2]

    found, whole = encoder(images, LEVELS, reduce), encoder(images, LEVELS)
    assert set(seen) == {getattr(torch, precision)}
    for layer in LEVELS:
        assert found[layer].dtype == torch.float32 and torch.equal(found[layer], whole[layer][:, :, ::2])


def test_relu_with_reflected_border_in_bfloat16():
    x = torch.randn(2, 3, 7, 9, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    pulls = [torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).bfloat16() for y in plain_relu_reflect(x)]
    assert all(torch.equal(*pair) for pair in zip(ReluReflect.apply(x), plain_relu_reflect(x), strict=True))
    found = [torch.autograd.grad(f(x), x, pulls)[0].float() for f in (ReluReflect.apply, plain_relu_reflect)]
    assert torch.allclose(*found, rtol=2**-6, atol=2**-6)


def test_unknown_layer_gets_a_suggestion():
    encoder = load_encoder("compact", weights="random")
    with pytest.raises(InputError, match="did you mean 'relu4_1'"):
        encoder(torch.rand(1, 3, 32, 32), ["rleu4_1"])
    with pytest.raises(InputError, match="no layer"):
        encoder(torch.rand(1, 3, 32, 32), [])


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 4, 32, 32)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match="takes \\(N, 3, H, W\\)"):
        load_encoder("compact", weights="random")(torch.rand(shape), ["relu1_1"])


def test_an_image_too_small_for_the_layer_is_refused():
    encoder = load_encoder("compact", weights="random")
    with pytest.raises(InputError, match="relu5_1 needs 16"):
        encoder(torch.rand(1, 3, 15, 40), ["relu5_1"])
    assert encoder(torch.rand(1, 3, 15, 40), ["relu4_1"])["relu4_1"].shape[2:] == (1, 5)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="choose one that is there"):
        load_encoder("compact", weights="random", device="nonsense")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="cuda"):
            load_encoder("compact", weights="random", device="cuda")


def test_unknown_encoder_gets_a_suggestion():
    with pytest.raises(InputError, match="did you mean 'vgg19'"):
        load_encoder("vgg18")


def test_seeds_of_random_weights():
    first, again, other = (load_encoder("compact", weights="random", seed=seed) for seed in (5, 5, 6))
    assert first.sha256 == again.sha256 != other.sha256


def test_shipped_encoder_gives_the_same_bytes_twice():
    images = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    first, again = (load_encoder()(images, LEVELS) for _ in range(2))
    for layer in LEVELS:
        assert torch.equal(first[layer], again[layer])


def test_shipped_encoder_on_a_common_scale():
    from skimage import data

    photograph = torch.from_numpy(data.astronaut()[::2, ::2]).permute(2, 0, 1)[None].float() / 255
    encoder = load_encoder()
    for layer, feature in encoder(photograph, list(encoder.layers)).items():
        assert 0.25 < feature.square().mean().sqrt() < 4, layer


def test_shipped_encoder_reproduces_stored_activations():
    from pathlib import Path

    from skimage import data

    stored = np.load(Path(__file__).parent / "golden" / "encoder_activations.npz")
    photograph = torch.from_numpy(data.astronaut()[:256, :256].copy()).permute(2, 0, 1)[None].float() / 255
    for layer, feature in load_encoder()(photograph, list(LEVELS)).items():
        found = feature[0].flatten()[torch.from_numpy(stored[f"{layer}_places"])].numpy()
        assert np.abs(found - stored[f"{layer}_values"]).max() < 1e-3, layer
