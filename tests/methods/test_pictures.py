"""Pictures optimised side by side: published terms against hand-written formulas, and each picture as it would be alone."""

import numpy as np
import pytest
import torch

from dst import losses
from dst.config import InputError
from dst.features import load_encoder
from dst.imaging.resample import resample_torus
from dst.methods.pictures import Picture, Pictures, Plan, image_start, white_noise
from dst.methods.published import activation_scales, gatys_targets
from dst.methods.statistics import Target
from dst.optim.loop import Loop


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("compact")


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def by_hand(f, p, a):
    """Equations 1 and 4 in float64, entry by entry: features f, content's p, style's a, each (C, M)."""
    content = 0.5 * ((f - p) ** 2).sum()
    count, positions = f.shape
    gram = np.array([[(f[i] * f[j]).sum() for j in range(count)] for i in range(count)])
    other = np.array([[(a[i] * a[j]).sum() for j in range(count)] for i in range(count)])
    style = ((gram - other) ** 2).sum() / (4 * count**2 * positions**2)
    return content, style


def test_published_terms_are_the_papers_and_so_are_their_gradients():
    maps = [drawn(1, 5, 3, 4, seed=k).double() for k in range(3)]
    f = maps[0].clone().requires_grad_(True)
    content = losses.published_content(f, maps[1])
    style = losses.published_gram(losses.gram(f), losses.gram(maps[2]))
    expected = by_hand(*(x.numpy().reshape(5, 12) for x in maps))
    assert content.item() == pytest.approx(expected[0], rel=1e-12) and style.item() == pytest.approx(
        expected[1], rel=1e-12
    )
    (content + 3 * style).sum().backward()
    flat, a = maps[0].numpy().reshape(5, 12), maps[2].numpy().reshape(5, 12)
    gradient = (flat - maps[1].numpy().reshape(5, 12)) + 3 * (flat @ flat.T - a @ a.T) @ flat / (
        5**2 * 12**2
    )  # equations 2, 6
    assert np.allclose(f.grad.numpy().reshape(5, 12), gradient, rtol=1e-10, atol=1e-14)


def test_with_vgg_19_terms_are_the_papers_over_blocks_of_8_by_8_pixels():
    vgg = load_encoder("vgg19", "random", seed=1)
    images = [drawn(1, 3, 32, 32, seed=k) for k in range(3)]
    layers, ratio = ("relu1_1", "relu2_1"), 1e-3
    scales = activation_scales(vgg, images[:2], [*layers, "relu3_1"])
    targets = gatys_targets(vgg, scales, ratio, ("relu3_1",), layers)
    problem = Pictures(
        vgg, images[:2], [Picture(targets, image_start(images[2]))], Plan((32, 32), coarse_steps=0, levels=1)
    )
    terms = problem.objective(0).terms(problem.begin(0, {}), torch.Generator(), None)
    features = [
        {n: v[0].flatten(1).double().numpy() / scales[n] for n, v in vgg(i, [*layers, "relu3_1"]).items()}
        for i in images
    ]
    content = by_hand(features[2]["relu3_1"], features[0]["relu3_1"], features[1]["relu3_1"])[0] / (32 / 8) ** 2
    style = np.mean([by_hand(features[2][n], features[0][n], features[1][n])[1] for n in layers])
    assert float(terms["content 0"]) == pytest.approx(ratio * content, rel=1e-3)
    assert float(terms["style 0"]) == pytest.approx(style, rel=1e-3)


@pytest.mark.parametrize("optimizer, rate", [("adam", 0.03), ("lbfgs", 1.0)])
def test_pictures_side_by_side_are_as_they_would_be_alone(encoder, optimizer, rate):
    images = [drawn(1, 3, 40, 48, seed=k) for k in (1, 2)]
    targets = [
        (Target("content", "relu2_1", 0, 1.0), Target("gram", "relu1_1", 1, 5.0)),
        (Target("gram", "relu3_1", 1, 1.0),),
        (Target("representation", "relu1_2", 0, 1.0),),
    ]
    levels = 5 if optimizer == "adam" else 1
    plan = Plan((48, 40), 6, 4, 16, optimizer, rate, 1.0, levels)

    def made(pictures):
        problem = Pictures(encoder, images, pictures, plan)
        return problem.compose(Loop(problem, plan).run().parameters).detach()

    pictures = [Picture(some, white_noise(k), tv=1e-5 * k) for k, some in enumerate(targets)]
    together = made(pictures)
    for k, picture in enumerate(pictures):
        if k == 1 and optimizer == "adam":
            continue  # alone it has no content, and is moved about
        assert torch.allclose(together[k], made([picture])[0], atol=2e-3), k
    assert (together - torch.cat([white_noise(k)((48, 40)) for k in range(3)])).abs().mean() > 0.02


def test_a_target_is_reached_and_both_optimisers_go_downhill(encoder):
    image = torch.nn.functional.avg_pool2d(drawn(1, 3, 96, 96, seed=4), 5, 1, 2)[..., :48, :48]
    ends = {}
    for optimizer, rate in (("adam", 0.03), ("lbfgs", 1.0)):
        plan = Plan((48, 48), 80, 0, 16, optimizer, rate, 0.1 if optimizer == "adam" else 1.0, 1)
        problem = Pictures(
            encoder, [image], [Picture((Target("representation", "relu1_1", 0, 1.0),), white_noise(0))], plan
        )
        state = Loop(problem, plan).run()
        ends[optimizer] = state.history[-1]["total"] / state.history[0]["total"]
        found = problem.compose(state.parameters).detach()
        assert found.min() >= -1e-6 and found.max() <= 1 + 1e-6
        assert (found - image).abs().mean() < 0.6 * (white_noise(0)((48, 48)) - image).abs().mean()
    assert ends["adam"] < 0.03 and ends["lbfgs"] < ends["adam"]


def test_a_stopped_batch_goes_on_to_the_same_bytes(encoder):
    image = drawn(1, 3, 40, 40)
    for optimizer, rate in (("adam", 0.03), ("lbfgs", 1.0)):
        plan = Plan((40, 40), 8, 0, 16, optimizer, rate)
        problem = Pictures(encoder, [image], [Picture((Target("sliced", "relu1_1", 0, 1.0),), white_noise(0))], plan)
        whole = Loop(problem, plan).run()
        stopped = Loop(problem, plan).run(lambda step: step.done == 3)
        assert stopped.stopped and len(stopped.history) == 3
        went_on = Loop(problem, plan, state=stopped).run()
        assert torch.equal(problem.compose(whole.parameters), problem.compose(went_on.parameters))


def test_a_window_is_compared_alone(encoder):
    """What lies outside a window has no gradient from it, but for what the network sees across its border."""
    images = [drawn(1, 3, 32, 64, seed=k) for k in (0, 1)]
    window = torch.zeros(1, 1, 32, 64)
    window[..., :20] = 1
    problem = Pictures(
        encoder, images, [Picture((Target("gram", "relu1_1", 1, 1.0, 0),), image_start(images[0]))],
        Plan((64, 32), coarse_steps=0, levels=1, optimizer="lbfgs"), [window],
    )  # fmt: skip
    parameters = problem.begin(0, {})
    pixels = parameters["picture 0"][0].requires_grad_(True)
    problem.objective(0).terms(parameters, torch.Generator(), None)["total"].backward()
    assert pixels.grad[..., :20].abs().max() > 0 and pixels.grad[..., 22:].abs().max() == 0


def test_shifted_gram_and_sliced_distance_against_their_definitions():
    maps = drawn(2, 3, 5, 7).double()
    found = losses.shift_gram(maps, 2)
    expected = np.einsum("nkyx,nlyx->nkl", maps[..., :-2].numpy(), maps[..., 2:].numpy()) / (5 * 5)
    assert np.allclose(found[:, 0], expected)
    expected = np.einsum("nkyx,nlyx->nkl", maps[:, :, :-2].numpy(), maps[:, :, 2:].numpy()) / (3 * 7)
    assert np.allclose(found[:, 1], expected)
    directions = torch.eye(3, dtype=torch.float64)
    moved = maps[:1].flatten(2)[..., torch.randperm(35, generator=torch.Generator().manual_seed(0))].view(1, 3, 5, 7)
    assert losses.sliced_wasserstein(maps[:1], moved, directions).item() == pytest.approx(0, abs=1e-15)
    assert losses.sliced_wasserstein(maps[:1], maps[:1] + 0.5, directions).item() == pytest.approx(0.25)


def test_total_variation_and_power_norm_of_known_images():
    ramp = torch.arange(5.0).view(1, 1, 1, 5).expand(1, 3, 4, 5).double()
    assert losses.total_variation(ramp).item() == pytest.approx(3 * 4 * 4)
    assert losses.total_variation(2 * ramp, 1.0).item() == pytest.approx(2 * 3 * 4 * 4, rel=1e-4)
    assert losses.power_norm(torch.full((1, 3, 2, 2), 0.5), 6).item() == pytest.approx(12 * 0.5**6)


def test_a_torus_is_resampled_alike_wherever_it_begins():
    image = torch.nn.functional.avg_pool2d(drawn(1, 3, 24, 32).repeat(1, 1, 3, 3), 5, 1, 2)[..., 24:48, 32:64]
    once = resample_torus(image, (48, 64))
    moved = resample_torus(image.roll((5, 9), (2, 3)), (48, 64)).roll((-10, -18), (2, 3))
    assert torch.allclose(once, moved, atol=1e-5) and torch.allclose(resample_torus(image, (24, 32)), image, atol=1e-5)


def test_another_pooling_and_border_against_plain_pytorch():
    vgg = load_encoder("vgg16", "random", seed=3)
    image = drawn(1, 3, 16, 24)
    found = vgg.changed("average", "circular")(image, ["relu1_2", "relu2_1"])
    x = (image - vgg.mean) / vgg.std
    for name in ("conv1_1", "conv1_2"):
        conv = getattr(vgg, name)
        x = torch.relu(
            torch.nn.functional.conv2d(
                torch.nn.functional.pad(x, (1, 1, 1, 1), mode="circular"), conv.weight, conv.bias
            )
        )
    assert torch.allclose(found["relu1_2"], x, atol=1e-4)
    x = torch.nn.functional.pad(torch.nn.functional.avg_pool2d(x, 2), (1, 1, 1, 1), mode="circular")
    x = torch.relu(torch.nn.functional.conv2d(x, vgg.conv2_1.weight, vgg.conv2_1.bias))
    assert torch.allclose(found["relu2_1"], x, atol=1e-4)
    assert vgg.changed("max", "zeros") is vgg
    with pytest.raises(InputError, match="pooling 'mean' is not known"):
        vgg.changed("mean")
    compact = load_encoder("compact").changed(padding="circular")
    maps, moved = (compact(i, ["relu3_1"])["relu3_1"] for i in (image, image.roll((4, 8), (2, 3))))
    assert torch.allclose(maps.roll((1, 2), (2, 3)), moved, atol=1e-4)


def test_a_layer_too_deep_for_the_size_is_refused(encoder):
    with pytest.raises(InputError, match="relu5_1 needs 16 pixels on each side, but there are 12"):
        Pictures(
            encoder,
            [drawn(1, 3, 12, 12)],
            [Picture((Target("gram", "relu5_1", 0, 1.0),), white_noise(0))],
            Plan((12, 12)),
        )
