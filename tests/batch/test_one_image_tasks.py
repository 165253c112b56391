"""Tasks of generation from one image, through the call and the command."""

import numpy as np
import pytest
import torch
from conftest import blobs, refused
from PIL import Image as Pillow

import cli
import dst
from dst import imaging
from dst.batch import one_image as calls
from dst.batch.problems import coarsest_for, prepare
from dst.config import TASKS, InputError, OneImageConfig
from dst.config.one_image import METHODS, NEEDED, SETTINGS, TAKEN
from dst.imaging import strips
from dst.patches.pyramid import filled

FAST = {"gpnn": {"steps": 2}, "gpdm": {"steps": 3, "projections": 4}}
IMAGE = blobs((56, 44), 1)
OTHER = blobs((56, 44), 2)


def spot(size=(56, 44), box=(15, 14, 31, 26)):
    """A mask (H, W) uint8 with a white box (left, top, right, bottom)."""
    mask = np.zeros(size[::-1], np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    return mask


def inputs(task):
    edited = IMAGE.copy()
    edited[4:16, 4:20] = IMAGE[20:32, 30:46]
    return {
        "harmonise": {"guide": np.where(spot()[..., None] > 0, OTHER, IMAGE), "mask": spot()},
        "edit": {"guide": edited},
        "inpaint": {"mask": spot()},
        "paint-to-image": {"guide": blobs((40, 60), 3)},
        "style": {"guide": blobs((40, 60), 3)},
    }.get(task, {})


SIZES = {"retarget": (84, 44), "super-resolve": (112, 88), "paint-to-image": (40, 60), "style": (40, 60)}
PAIRS = [(method, task) for method in ("gpnn", "gpdm") for task in TASKS if task not in calls.NOT[method]]


@pytest.mark.parametrize(("method", "task"), PAIRS)
def test_every_task_gives_its_size_and_the_same_bytes_again(method, task):
    first, second = (dst.one_image(task, IMAGE, method=method, seed=2, **inputs(task), **FAST[method]) for _ in "ab")
    assert len(first) == 1 and first[0].dtype == np.uint8
    assert first[0].shape == (*SIZES.get(task, (56, 44))[::-1], 3)
    assert np.array_equal(first[0], second[0])
    if "mask" in inputs(task):
        margin = spot(box=(0, 0, 56, 44)) if task == "inpaint" else spot(box=(11, 10, 35, 30))
        outside = (spot() == 0) if task == "inpaint" else (margin == 0)
        given = inputs(task).get("guide", IMAGE)
        assert np.array_equal(first[0][outside], given[outside])
        assert not np.array_equal(first[0][spot() > 0], given[spot() > 0])


def test_what_lies_in_a_hole_has_no_influence():
    painted = IMAGE.copy()
    painted[spot() > 0] = (255, 0, 255)
    for task in ("inpaint", "harmonise"):
        made = dst.one_image(task, painted, mask=spot(), **FAST["gpnn"])[0]
        pink = (made.astype(int) - (255, 0, 255)).__abs__().max(2) < 40
        assert not pink[spot() > 0].any(), task
    first, second = (dst.one_image("inpaint", x, mask=spot(), **FAST["gpnn"])[0] for x in (IMAGE, painted))
    assert np.array_equal(first, second)


def test_samples_differ_and_their_seeds_are_those_of_single_ones():
    made = dst.one_image("sample", IMAGE, size=(70, 31), count=3, seed=4, **FAST["gpnn"])
    assert [x.shape for x in made] == [(31, 70, 3)] * 3
    alone = dst.one_image("sample", IMAGE, size=(70, 31), seed=5, **FAST["gpnn"])[0]
    assert np.array_equal(made[1], alone) and not np.array_equal(made[0], made[1])
    assert calls.diversity_of(made, IMAGE, OneImageConfig()) > 0
    assert calls.diversity_of([made[0]] * 3, IMAGE, OneImageConfig()) == 0


def test_settings_named_published_are_the_papers():
    assert SETTINGS["gpdm"]["published"] == {
        "noise": 0.75, "coarsest": 21, "ratio": 1 / 0.85, "steps": 300, "projections": 64,
    }  # fmt: skip
    config = OneImageConfig(method="gpdm", settings="published", steps=7)
    assert (config.of("steps"), config.of("projections")) == (7, 64)
    for method, rows in SETTINGS.items():
        assert method in METHODS and rows["fast"].keys() == rows["published"].keys()
    assert set(NEEDED) <= set(TASKS) and set().union(*TAKEN.values()) <= set(TASKS)


def test_a_hole_is_filled_smoothly_and_the_coarsest_scale_thins_it():
    image = torch.full((1, 3, 40, 50), 0.25)
    hole = torch.zeros(40, 50, dtype=torch.bool)
    hole[5:35, 5:40] = True
    image[..., hole] = 1.0
    assert torch.allclose(filled(image, hole), torch.full_like(image, 0.25), atol=1e-5)
    assert coarsest_for(hole, 7, 7) > 7
    small = torch.zeros(200, 300, dtype=torch.bool)
    small[100:104, 100:104] = True
    assert coarsest_for(small, 7, 14) > 100
    with pytest.raises(InputError, match="hardly a patch"):
        coarsest_for(torch.ones(40, 50, dtype=torch.bool).index_fill_(0, torch.tensor([0]), False), 7, 14)


def test_an_edit_is_found_by_its_difference():
    problem = prepare("edit", IMAGE, inputs("edit")["guide"], None, OneImageConfig())
    assert bool(problem.area[4:16, 4:20].all()) and not bool(problem.area[:, 40:].any())
    with pytest.raises(InputError, match="edited image is the image itself"):
        dst.one_image("edit", IMAGE, guide=IMAGE)


def test_a_stop_leaves_what_there_is():
    seen = []
    made = dst.one_image("sample", IMAGE, count=3, on_step=lambda step: seen.append(step) or True, **FAST["gpnn"])
    assert len(seen) == len(made) == 1 and made[0].shape == IMAGE.shape
    assert seen[0].done == 1 and seen[0].total_steps % 3 == 0


@pytest.mark.parametrize(
    ("task", "options", "words"),
    [
        ("sampel", {}, "did you mean 'sample'"),
        ("sample", {"method": "gan"}, "method 'gan' is not known"),
        ("sample", {"mask": spot()}, "`mask` is given, but sample does not use it"),
        ("sample", {"stretch": 2.0}, "`stretch` is given, but sample"),
        ("sample", {"projections": 8}, "`projections` is given, but gpnn does not use it"),
        ("sample", {"method": "gpdm", "alpha": 0.1}, "`alpha` is given, but gpdm does not use it"),
        ("sample", {"patch": 6}, "it takes an odd number"),
        ("sample", {"size": (15, 40)}, "size is"),
        ("sample", {"size": (9000, 40)}, "size is"),
        ("sample", {"count": 0}, "count is 0"),
        ("sample", {"model": "m"}, "`model` is given, but gpnn"),
        ("sample", {"method": "singan"}, "singan needs a trained `model`"),
        ("retarget", {"size": (60, 60), "stretch": (2, 1)}, "size and stretch are both given"),
        ("retarget", {"stretch": (9, 1)}, "factors of width and height from 0.25 to 4"),
        ("harmonise", {}, "harmonise needs a mask"),
        ("edit", {}, "edit needs a picture to begin from"),
        ("inpaint", {"mask": spot() * 0}, "zero everywhere"),
        ("inpaint", {"mask": spot() * 0 + 100}, "marks nothing"),
        ("inpaint", {"mask": spot() * 0 + 255}, "marks everything"),
        ("inpaint", {"mask": spot((40, 90))}, "give a mask of the same shape"),
        ("inpaint", {"mask": spot(), "method": "gpdm"}, "gpdm does no inpaint: .*; choose gpnn"),
        ("animate", {}, "gpnn does no animate"),
        ("super-resolve", {"factor": 3}, "it takes 2 or 4"),
        ("sample", {"coarsest": 7, "patch": 15}, "give a larger image"),
    ],
)
def test_what_is_bad_is_refused(task, options, words):
    with pytest.raises(InputError, match=words):
        dst.one_image(task, IMAGE, **options)


def test_one_colour_and_too_small_are_refused():
    with pytest.raises(InputError, match="one colour alone"):
        dst.one_image("sample", np.full((40, 40, 3), 90, np.uint8))
    with pytest.raises(InputError, match="at least 16"):
        dst.one_image("sample", blobs((15, 40)))


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16"])
def test_any_kind_of_image_is_taken(tmp_path, mode):
    path = tmp_path / "image.png"
    if mode == "I;16":
        Pillow.fromarray(IMAGE[..., 0].astype(np.uint16) * 257).save(path)
    else:
        Pillow.fromarray(IMAGE).convert(mode).save(path)
    made = dst.one_image("sample", path, size=(33, 47), **FAST["gpnn"])[0]
    assert made.shape == (47, 33, 3)


def test_the_command(tmp_path, capsys):
    for name, pixels in (("a.png", IMAGE), ("m.png", spot())):
        Pillow.fromarray(pixels).save(tmp_path / name)
    image, mask, out = (str(tmp_path / name) for name in ("a.png", "m.png", "o.png"))
    assert cli.main(["one-image", "sample", image, "-o", out, "--count", "2", "--steps", "2", "--size", "60x40"]) == 0
    assert "diversity 0." in capsys.readouterr().err
    assert cli.main(["one-image", "inpaint", image, "--mask", mask, "-o", out, "--steps", "2", "--quiet"]) == 0
    assert imaging.read(out).size == (56, 44)


def test_the_methods_side_by_side(monkeypatch):
    monkeypatch.setitem(SETTINGS["gpdm"]["fast"], "steps", 4)
    sheet = calls.compare(IMAGE, side=32)
    assert sheet.ndim == 3 and sheet.shape[0] > 2 * 25
    with pytest.raises(InputError, match="`count` is given, but compare does not use it"):
        calls.compare(IMAGE, count=3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sample", "a.png"], "required"),
        (["animate", "a.png", "-o", "o.png"], "it takes one of .gif, .mp4"),
        (["sample", "a.png", "-o", "a.png"], "is an input"),
        (["sample", "a.png", "-o", "o.png", "--mask", "m.png"], "--mask is given, but sample does not use it"),
        (["inpaint", "a.png", "-o", "o.png"], "inpaint needs a mask, white where it may paint: give --mask"),
        (["super-resolve", "a.png", "-o", "o.png", "--factor", "3"], "--factor is 3: it takes 2 or 4"),
        (["retarget", "a.png", "-o", "o.png", "--stretch", "wide"], "--stretch is"),
        (["sample", "none.png", "-o", "o.png"], "does not exist"),
        (["compare", "a.png", "-o", "o.png", "--guide", "a.png"], "--guide is given, but compare does not use it"),
    ],
)
def test_the_command_refuses_in_one_line(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    Pillow.fromarray(IMAGE).save("a.png")
    assert words in refused(capsys, "one-image", *arguments)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("sample", {"size": (2000, 1000)}),
        ("sample", {"method": "gpdm", "size": (2000, 1000)}),
        ("sample", {"size": (1200, 1000), "count": 64}),
    ],
)
def test_what_does_not_fit_into_memory_is_refused_before_it_is_made(monkeypatch, task, options):
    monkeypatch.setattr(strips, "free_memory", lambda: 5e8)
    with pytest.raises(InputError, match=r"needs about \d\.\d GB to be made, 0.5 GB are free: make it smaller"):
        dst.one_image(task, IMAGE, **options)
