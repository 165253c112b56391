"""Neural neighbours: what a place is drawn to, how the painting is spread, turned copies, the last pass."""

import numpy as np
import pytest
import torch
from conftest import blobs
from runs_of import BARE

import dst
from dst import losses
from dst.config import OptimizeConfig
from dst.features.encoder import load_encoder
from dst.features.sampling import Places, draw_positions, sample
from dst.methods import nnst
from dst.methods.hypercolumns import _before, standardize
from dst.methods.nnst import Nnst
from dst.methods.targets import Style, apply_flow

BY_ITSELF = {"moments": 0.0, "palette": 0.0, "balance": 0.0}


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("vgg19-16x", weights="random")


def noise(height, width, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def made(encoder, content, style, **options):
    config = OptimizeConfig(method="nnst", **{"samples": 64, "style_samples": 256, **options})
    return Nnst(encoder, content, [Style(style)], config, torch.Generator().manual_seed(0))


def places(size, count=200, seed=5):
    return Places(draw_positions(count, size, torch.Generator().manual_seed(seed)))


def test_each_place_is_drawn_to_the_nearest_of_all_rows(encoder, monkeypatch):
    monkeypatch.setattr(nnst, "SEARCH_CHANNELS", 10**6)  # no component is left out
    content, style = noise(48, 64), noise(40, 72, 1)
    method = made(encoder, content, style, smallest_scale=64, **BY_ITSELF)
    (_, target), at = method.targets[0][0], places((48, 64))
    image = noise(48, 64, 2)
    values = sample(method.maps(image), at)[0]
    weights = torch.cat([torch.zeros(3), *(torch.full((n,), n**-0.5) for n in map(channels(encoder), method.layers))])
    wanted, rows, own = (x * weights for x in (method.content.rows(at), target.rows, standardize(values, target.norm)))
    closeness = np.array([[float(torch.cosine_similarity(a, b, 0)) for b in rows] for a in wanted[:40]])
    nearest = closeness.argmax(1)
    brute = np.mean([1 - float(torch.cosine_similarity(a, rows[k], 0)) for a, k in zip(own[:40], nearest, strict=True)])
    some = Places(at.positions[:40])
    found = method.style(values[:40], target, some, torch.Generator())
    assert float(found) == pytest.approx(brute, rel=1e-4)


def channels(encoder):
    return lambda name: encoder.layers[name].channels


def test_at_finer_scales_the_present_image_has_a_say(encoder, monkeypatch):
    asked = []
    monkeypatch.setattr(losses, "nearest", lambda closeness: asked.append(closeness) or closeness.argmax(1))
    content, style, at = noise(48, 64), noise(40, 72, 1), places((48, 64))
    for smallest in (64, 32):
        method = made(encoder, content, style, smallest_scale=smallest, **BY_ITSELF)
        values = [sample(method.maps(noise(48, 64, seed)), at)[0] for seed in (2, 3)]
        for rows in values:
            method.style(rows, method.targets[0][0][1], at, torch.Generator())
    coarsest, other, fine, differs = asked
    assert torch.equal(coarsest, other) and not torch.equal(fine, differs)


def test_balance_uses_more_of_the_painting(encoder, monkeypatch):
    chosen = []
    nearest = losses.nearest
    monkeypatch.setattr(losses, "nearest", lambda closeness: chosen.append(nearest(closeness)) or chosen[-1])
    content, style = torch.lerp(noise(1, 1).expand(1, 3, 64, 64), noise(64, 64, 4), 0.1), noise(64, 64, 1)
    for balance in (0.0, 1.0):
        method, at = made(encoder, content, style, **{**BY_ITSELF, "balance": balance}), places((64, 64))
        method.style(sample(method.maps(content), at)[0], method.targets[0][0][1], at, torch.Generator())
    alone, balanced = (len(index.unique()) for index in chosen)
    assert balanced > 1.2 * alone


def test_a_turned_painting_is_found_again_among_its_turned_copies(encoder):
    style, at = torch.from_numpy(blobs((64, 64), 3)).permute(2, 0, 1)[None].float() / 255, places((64, 64))
    stripes = style * (torch.arange(64) % 8 < 4)
    values = []
    for rotations in (False, True):
        content = torch.rot90(stripes, 1, (2, 3))
        method = made(encoder, content, stripes, rotations=rotations, style_samples=4096, **BY_ITSELF)
        rows = sample(method.maps(content), at)[0]
        values.append(float(method.style(rows, method.targets[0][0][1], at, torch.Generator())))
    assert values[1] < 0.7 * values[0]


def test_places_after_a_warp_are_looked_up_where_they_were_before():
    image = torch.linspace(0, 1, 64).expand(1, 1, 48, 64)
    x, y = torch.meshgrid((torch.arange(64) + 0.5) / 32 - 1, (torch.arange(48) + 0.5) / 24 - 1, indexing="xy")
    grid = torch.stack([x * 0.6 + 0.1, y * 0.8], 2)[None]
    at = places((48, 64))
    inside = (at.positions.abs() < 0.9).all(1)
    warped = sample([apply_flow(image, grid)], at)[0]
    before = sample([image], _before(at, grid))[0]
    assert torch.allclose(warped[inside], before[inside], atol=1e-3)
    assert _before(at, None) is at


def test_the_last_pass_adds_steps_at_the_finest_size_and_a_stop_within_it_changes_nothing(tmp_path, no_figures):
    content, style = blobs((80, 60), 0), blobs((72, 64), 1)
    options = {**BARE, "method": "nnst", "splitting": 4, "samples": 64, "style_samples": 256, "warp": False}
    options["layers"] = ("relu1_1", "relu2_1", "relu3_1")
    whole = dst.stylize(content, style, **options)
    plain = dst.stylize(content, style, **{**options, "splitting": 0})
    assert len(whole.history) == len(plain.history) + 4 and not np.array_equal(whole.image, plain.image)
    assert {row["side"] for row in whole.history[-4:]} == {whole.history[-5]["side"]}
    stop = len(whole.history) - 2
    dst.stylize(content, style, run_dir=tmp_path / "run", on_step=lambda step: step.done == stop, **options)
    assert np.array_equal(dst.resume(tmp_path / "run").image, whole.image)


def test_published_settings_are_a_preset_of_their_own():
    config = dst.StylizeConfig.from_options("paper", method="nnst").optimize
    assert (config.content_weight, config.moments, config.palette, config.balance) == (0, 0, 0, 0)
    assert config.rotations and config.splitting == config.steps == 200 and config.lr == 0.002
    assert dst.StylizeConfig.from_options("paper").optimize.method == "strotss"
