"""Details of large images: the gradient through windows, what they may change, stops, segments."""

import numpy as np
import pytest
import torch
from conftest import blobs
from runs_of import SMALL

import dst
from dst.config import OptimizeConfig, StylizeConfig
from dst.deform import pipeline
from dst.deform.objective import DETAIL_BANDS, DeformProblem
from dst.features.encoder import load_encoder
from dst.features.sampling import draw_positions
from dst.features.windows import Windows
from dst.imaging.masks import Segment
from dst.methods.details import Details
from dst.methods.targets import Style
from dst.optim.loop import Loop
from dst.runs.job import Scene

OPTIONS = {**SMALL, "size": 160, "smallest_scale": 80, "details_above": 100, "splitting": None}


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("vgg19-16x", weights="random")


def image(height, width, seed):
    return torch.from_numpy(blobs((width, height), seed)).permute(2, 0, 1)[None].float() / 255


def details(encoder, size, **options):
    content, style = image(*size, 0), image(60, 90, 1)
    config = OptimizeConfig(**{"samples": 256, "style_samples": 256, **options})
    half = torch.zeros(1, 1, *size)
    half[..., size[1] // 2 :] = 1
    segments = [Segment(half, [None]), Segment(1 - half, [None])]
    return Details(encoder, content, [Style(style)], config, torch.Generator().manual_seed(0), segments)


@pytest.mark.parametrize("size", [(48, 64), (60, 800)])
def test_the_gradient_through_windows_is_that_of_the_whole(encoder, size):
    method, generator = details(encoder, size), torch.Generator().manual_seed(1)
    shown = image(*size, 3).requires_grad_(True)
    value = method.terms(shown, None, None, generator)["style"]
    (gradient,) = torch.autograd.grad(3 * value, shown)

    generator.manual_seed(1)
    sets = [draw_positions(256, size, generator, segment.content) for segment in method.segments]
    windows, wanted = Windows(size), torch.zeros(())
    for group in windows.groups(sets, generator):
        crops = windows.crops(windows.padded(shown), group.corners)
        wanted = wanted + method._group(crops, group.places, sets, generator)
    assert float(value.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    (expected,) = torch.autograd.grad(3 * wanted, shown)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))  # what goes on beyond the border has no gradient
    assert torch.allclose(gradient[inner], expected[inner], atol=1e-6) and expected.abs().max() > 1e-4


def test_steps_bring_the_mixture_nearer_and_leave_tones_as_they_were():
    config = StylizeConfig.from_options(**OPTIONS | {"steps": 12, "samples": 512, "style_samples": 512}).optimize
    scene = Scene(image(120, 160, 0), [Style(image(120, 160, 1))], None, None, None, beta=0.5, gamma=0.0)
    problem, began = DeformProblem(scene, load_encoder(), config), {}
    loop = Loop(problem, config)
    state = loop.run(
        lambda step: (
            began.setdefault(step.scale, [band.detach().clone() for band in step.state.parameters["pixels"]]) and None
        )
    )
    assert [scale.details for scale in problem.scales] == [False, True]
    pairs = list(zip(began[1], state.parameters["pixels"], strict=True))
    assert all(torch.equal(*bands) for bands in pairs[DETAIL_BANDS:])
    assert not any(torch.equal(*bands) for bands in pairs[:DETAIL_BANDS])
    low = [
        torch.nn.functional.avg_pool2d(dst.optim.pixels.compose_image([b.detach() for b in bands]), 32)
        for bands in zip(*pairs, strict=True)
    ]
    assert (low[0] - low[1]).abs().max() < 0.05
    fine = [row["style"] for row in state.history if row["scale"] == 1]
    assert np.mean(fine[-3:]) < 0.9 * fine[0]


def test_a_stop_within_the_details_changes_nothing(tmp_path):
    content, style = blobs((160, 120), 0), blobs((140, 160), 1)
    given = {**OPTIONS, "warp": False, "steps": 3}
    whole = pipeline.stylize(content, style, **given)
    stop = len(whole.history) - 1
    assert whole.history[-1]["side"] == 160 > whole.history[0]["side"]
    pipeline.stylize(content, style, run_dir=tmp_path / "run", on_step=lambda step: step.done == stop, **given)
    assert np.array_equal(dst.resume(tmp_path / "run").image, whole.image)


def test_segments_are_refined_from_their_own_styles():
    content = np.full((120, 160, 3), 128, np.uint8)
    stripes, plain = np.full((100, 100, 3), 128, np.uint8), np.full((100, 100, 3), 128, np.uint8)
    stripes[:, ::4] = stripes[:, 1::4] = 255
    stripes[:, 2::4] = stripes[:, 3::4] = 0
    style, masks = np.concatenate([stripes, plain + blobs((100, 100), 0) // 64], 1), []
    for height, width in ((120, 160), (100, 200)):
        masks.append(np.zeros((height, width), np.uint8))
        masks[-1][:, width // 2 :] = 255
    given = {**OPTIONS, "warp": False, "steps": 8, "content_mask": masks[0], "style_mask": masks[1]}
    given |= {"encoder": "compact", "weights": None, "samples": 512, "style_samples": 1024, "raw_colors": True}
    found = pipeline.stylize(content, style, **given).image.astype(float).mean(2)
    left, right = (np.abs(np.diff(half, axis=1)).mean() for half in (found[:, 8:72], found[:, 88:152]))
    assert left > 2 * right
