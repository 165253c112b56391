"""Details of large images: the gradient through windows, what they may change, stops, segments."""

import numpy as np
import pytest
import torch
from conftest import blobs
from runs_of import SMALL
from torch.nn import functional as F

import dst
from dst import imaging
from dst.config import OptimizeConfig, StylizeConfig
from dst.deform import pipeline
from dst.deform.objective import DeformProblem
from dst.features.encoder import load_encoder
from dst.features.sampling import draw_positions
from dst.features.windows import Windows
from dst.imaging.masks import Segment
from dst.methods.details import Details
from dst.methods.targets import Style
from dst.optim.loop import DETAIL_BANDS, Loop
from dst.optim.pixels import compose_image
from dst.runs.job import Scene

OPTIONS = {**SMALL, "size": 160, "smallest_scale": 80, "details_above": 100, "splitting": None, "layers": None}


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


def refined(**options):
    """The bands that a scale of details begins and ends with, and the state at the end."""
    given = {**OPTIONS, "steps": 12, "samples": 512, "style_samples": 512, **options}
    given.pop("metrics")
    config = StylizeConfig.from_options(**given).optimize
    scene = Scene(image(120, 160, 0), [Style(image(120, 160, 1))], None, None, None, beta=0.5, gamma=0.0)
    problem, began = DeformProblem(scene, load_encoder(), config), {}
    assert [scale.details for scale in problem.scales] == [False, True]

    def on_step(step):
        began.setdefault(step.scale, [band.detach().clone() for band in step.state.parameters["pixels"]])

    state = Loop(problem, config).run(on_step)
    return began[1], [band.detach() for band in state.parameters["pixels"]], state


@pytest.mark.parametrize("levels", [1, 5])
def test_steps_bring_the_mixture_nearer_and_leave_tones_as_they_were(levels):
    before, after, state = refined(pyramid_levels=levels)
    pairs = list(zip(before, after, strict=True))
    assert len(pairs) == max(levels, DETAIL_BANDS + 1)
    assert all(torch.equal(*bands) for bands in pairs[DETAIL_BANDS:])
    assert not any(torch.equal(*bands) for bands in pairs[:DETAIL_BANDS])
    tones = [F.avg_pool2d(compose_image(bands), 32) for bands in (before, after)]
    assert (tones[0] - tones[1]).abs().max() < 0.05
    fine = [row["style"] for row in state.history if row["scale"] == 1]
    assert np.mean(fine[-3:]) < 0.9 * fine[0]


def test_details_keep_to_the_photograph_where_the_rest_does():
    changes = []
    for options in ({}, {"alpha": 1000.0}, {"look": 0.0}, {"style_strength": 0.1}):
        before, after, _ = refined(steps=6, samples=256, style_samples=256, **options)
        changes.append(float((compose_image(before) - compose_image(after)).abs().mean()))
    assert max(changes[1:]) < 0.3 * changes[0], changes


def test_a_run_is_taken_to_a_size_whose_details_are_refined(tmp_path, no_figures):
    content, style = tmp_path / "content.png", tmp_path / "style.png"
    for path, size, seed in ((content, (160, 120), 0), (style, (140, 160), 1)):
        imaging.write(path, blobs(size, seed))
    given = {**OPTIONS, "size": 80, "warp": False, "steps": 3, "splitting": 2}
    pipeline.stylize(content, style, run_dir=tmp_path / "run", **given)
    seen = []
    larger = dst.resume(tmp_path / "run", size=160, on_step=seen.append)
    # three steps, and two of the last pass; then three through windows, and again two
    assert [(row["side"], row["steps"]) for row in larger.record["terms"]] == [(80, 3), (80, 2), (160, 3), (160, 2)]
    assert seen[-1].done == seen[-1].total_steps == 10 and larger.image.shape == (120, 160, 3)


def test_a_stop_within_the_details_changes_nothing(tmp_path, no_figures):
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
    seen = {}
    pipeline.stylize(
        content,
        style,
        on_step=lambda step: seen.update({step.scale: seen.get(step.scale, ()) + (step.state.image,)}) and None,
        **given,
    )
    changes = []
    for half in (slice(8, 72), slice(88, 152)):
        first, last = (shown[0, :, :, half].mean(0).diff(dim=1).abs().mean() for shown in (seen[1][0], seen[1][-1]))
        changes.append(float(last - first))
    assert changes[0] > 0.02 and changes[0] > 2 * changes[1]
