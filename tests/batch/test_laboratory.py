"""The laboratory as its user meets it: sheets, what they show, what is kept, and bad input."""

import csv

import numpy as np
import pytest
from conftest import blobs
from PIL import Image

import cli
import dst
from dst.config import InputError

SMALL = {"size": 48, "steps": 4, "coarse_steps": 0, "precision": "float32"}


@pytest.fixture(scope="module")
def pair():
    return blobs((64, 48), 1), blobs((60, 50), 2)


@pytest.fixture
def files(pair, tmp_path):
    paths = [str(tmp_path / name) for name in ("content.png", "style.png")]
    for path, pixels in zip(paths, pair, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def test_a_larger_ratio_keeps_more_of_the_content(pair):
    sheet = dst.laboratory("ratio", *pair, **{**SMALL, "size": 32, "steps": 12, "style_layers": ("relu1_1", "relu2_1")})
    assert not sheet.stopped and len(sheet.rows) == 8 and sheet.image.shape[0] > 2 * 24
    for name in ("relu1_1", "up to relu2_1"):
        rows = [row for row in sheet.rows if row["row"] == name]
        content = [row["content"] / float(row["column"]) for row in rows]
        assert content[0] > content[1] > content[2] and content[0] > 1.5 * content[-1]
        assert rows[0]["style"] < rows[-1]["style"]


@pytest.mark.parametrize(
    "experiment, count", [("layers", 5), ("init", 6), ("photo", 4), ("style-scale", 3), ("pooling", 8)]
)
def test_every_experiment_makes_a_labelled_sheet_of_different_pictures(pair, experiment, count):
    sheet = dst.laboratory(
        experiment, *pair, **{**SMALL, "steps": 2, "size": 64 if experiment == "style-scale" else 32}
    )
    assert len(sheet.pictures) == len(sheet.rows) >= count
    assert len({picture.tobytes() for picture in sheet.pictures}) == len(sheet.pictures)
    assert sheet.image.dtype == np.uint8 and sheet.image.shape[2] == 3 and not sheet.stopped


def test_first_guesses_differ_and_seeds_are_kept(pair):
    once, again = (dst.laboratory("picture", *pair, **SMALL, seed=3) for _ in (0, 1))
    other = dst.laboratory("picture", *pair, **SMALL, seed=4)
    assert np.array_equal(once.image, again.image) and not np.array_equal(once.image, other.image)
    kept = dst.laboratory("picture", *pair, **{**SMALL, "steps": 1, "size": 64}, init="content", ratio=1.0)
    assert np.abs(kept.image.astype(float) - pair[0]).mean() < 16 and kept.image.shape == (48, 64, 3)


def test_optimisers_have_an_equal_time(pair):
    sheet = dst.laboratory("optimizers", *pair, size=32, seconds=0.5, precision="float32")
    assert [row["column"] for row in sheet.rows] == ["adam", "lbfgs"] and all(row["steps"] >= 1 for row in sheet.rows)


def test_what_is_finished_is_kept_and_a_stop_goes_on_to_the_same_sheet(files, tmp_path):
    plain = dst.laboratory("style-scale", *files, **SMALL)
    keep = tmp_path / "kept"
    stopped = dst.laboratory("style-scale", *files, **SMALL, keep=keep, on_step=lambda n, of, step: step.done == 2)
    assert stopped.stopped and list(keep.glob("unfinished-*.pt"))
    steps = []
    whole = dst.laboratory(
        "style-scale", *files, **SMALL, keep=keep, on_step=lambda n, of, step: steps.append(step.done)
    )
    assert steps == [3, 4] and not list(keep.glob("unfinished*"))
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(whole.pictures, plain.pictures, strict=True))
    again = dst.laboratory("style-scale", *files, **SMALL, keep=keep, on_step=lambda n, of, step: steps.append(0))
    assert 0 not in steps and np.array_equal(again.image, whole.image) and again.rows == whole.rows
    dst.laboratory(
        "style-scale", *files, **{**SMALL, "seed": 1}, keep=keep, on_step=lambda n, of, step: steps.append(0)
    )
    assert 0 in steps  # another seed is another picture


def test_the_command_writes_a_sheet_and_a_table(files, tmp_path, capsys):
    sheet, table = tmp_path / "sheet.png", tmp_path / "terms.csv"
    given = [
        "lab",
        "pooling",
        *files,
        "-o",
        str(sheet),
        "--csv",
        str(table),
        "--size",
        "32",
        "--steps",
        "1",
        "--coarse-steps",
        "0",
    ]
    assert cli.main(given) == 0 and "wrote" in capsys.readouterr().err
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 8 and {row["row"] for row in rows} == {"max", "average"} and float(rows[0]["content"]) > 0
    assert dst.read_image(sheet).size[0] > 4 * 32


@pytest.mark.parametrize(
    "more, message",
    [
        (["--content-at", "relu4_9"], "relu4_9"),
        (["--style-at", "relu1"], "relu1"),
        (["--ratio", "0"], "ratio is 0"),
        (["--ratio", "inf"], "ratio"),
        (["--layer-weights", "1,2"], "2 --layer-weights for 5 --style-at"),
        (["--layer-weights", "0,0,0,0,0"], "at least one must count"),
        (["--init", "nothing"], "it takes noise"),
        (["--size", "32", "--coarse-steps", "0", "--content-at", "relu5_1", "--init", "no.png"], "no.png"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(files, tmp_path, capsys, more, message):
    out = tmp_path / "out.png"
    assert cli.main(["lab", "picture", *files, "-o", str(out), "--quiet", *more]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and not out.exists()


def test_outputs_do_not_replace_inputs(files, tmp_path, capsys):
    assert cli.main(["lab", "picture", *files, "-o", files[0]]) == 2 and "is an input" in capsys.readouterr().err
    assert cli.main(["invert", files[0], "-o", files[0]]) == 2 and "is an input" in capsys.readouterr().err
    assert cli.main(["texture", files[0], "-o", files[0]]) == 2 and "is an input" in capsys.readouterr().err


def test_a_stop_at_a_coarse_scale_gives_pictures_of_the_full_size(pair):
    stop = lambda *given: True  # noqa: E731
    sheet = dst.laboratory("pooling", *pair, size=64, coarse_steps=5, steps=5, on_step=stop)
    assert sheet.stopped and {picture.shape for picture in sheet.pictures} == {(48, 64, 3)}
    sheet = dst.invert(blobs((96, 96)), size=96, layers=("relu1_1",), seeds=1, on_step=stop)
    assert sheet.stopped and all(picture.shape == (96, 96, 3) for picture in sheet.pictures)
    for tile in (False, True):
        made = dst.texture(blobs((96, 96)), size=(200, 150), layers=("relu1_1",), tile=tile, on_step=stop)
        assert made.shape == (150, 200, 3)


def test_kept_pictures_are_read_with_care_and_nothing_else_is_touched(files, tmp_path, capsys):
    keep = tmp_path / "kept"
    keep.mkdir()
    (keep / "unfinished.pt").write_text("precious")
    whole = dst.laboratory("picture", *files, **SMALL, keep=keep)
    assert (keep / "unfinished.pt").read_text() == "precious"
    (kept,) = keep.glob("*.json")
    for damage in ("{", '{"style": null}', '{"style": NaN}', "{}", "[" * 9999, '{"else": 1}'):
        kept.write_text(damage)
        again = dst.laboratory("picture", *files, **SMALL, keep=keep)
        assert np.array_equal(again.image, whole.image) and again.rows == whole.rows
    Image.fromarray(blobs((30, 30))).save(kept.with_suffix(".png"))
    assert np.array_equal(dst.laboratory("picture", *files, **SMALL, keep=keep).image, whole.image)
    given = ["lab", "picture", *files, "-o", str(kept.with_suffix(".png")), "--keep", str(keep)]
    assert cli.main(given) == 2 and "among its pictures" in capsys.readouterr().err
    for bad in ("", 5, b"x", "a\0b", str(files[0])):
        with pytest.raises(InputError, match=r"keep|kept"):
            dst.laboratory("picture", *files, **SMALL, keep=bad)


def test_narrow_images_are_looked_at_or_refused_in_one_line(pair, capsys):
    narrow = blobs((160, 20), 7)
    assert dst.laboratory("picture", pair[0], narrow, **SMALL).image.shape == (36, 48, 3)
    with pytest.raises(InputError, match="relu4_1 needs 8 pixels on each side, but there are 6"):
        dst.laboratory("picture", narrow, pair[1], **SMALL)


@pytest.mark.parametrize(
    "experiment, option",
    [("photo", {"init": "noise2.png"}), ("ratio", {"ratio": 1.0}), ("layers", {"content_layers": ("relu1_1",)}),
     ("optimizers", {"steps": 3}), ("picture", {"seeds": 5}), ("pooling", {"pooling": "max"})],
)  # fmt: skip
def test_options_that_an_experiment_sets_itself_are_refused(pair, experiment, option):
    with pytest.raises(InputError, match=f"the experiment {experiment} does not use it"):
        dst.laboratory(experiment, *pair, **option)


def test_what_is_on_is_turned_off_by_name(files, tmp_path):
    out = str(tmp_path / "o.png")
    assert (
        cli.main(["lab", "picture", *files, "-o", out, "--quiet", "--size", "32", "--steps", "2", "--no-published"])
        == 0
    )
    made = dst.laboratory("picture", *files, size=32, steps=2, published=False).image
    assert np.array_equal(np.asarray(dst.read_image(out).rgb[0].permute(1, 2, 0) * 255).round(), made)


def test_a_picture_of_a_sheet_is_the_same_whatever_stands_beside_it(tmp_path):
    image, options = blobs((64, 64), 3), {"size": 64, "steps": 6, "seeds": 1, "precision": "float32"}
    whole = dst.invert(image, layers=("relu3_1",), keep=tmp_path / "k", **options)
    gram = next(path for path in (tmp_path / "k").glob("*.json") if "style" in path.read_text())
    gram.unlink()
    again = dst.invert(image, layers=("relu3_1",), keep=tmp_path / "k", **options)
    assert np.abs(again.pictures[1].astype(int) - whole.pictures[1]).max() <= 2 and again.rows[0] == whole.rows[0]


# Inversion.


def test_deeper_layers_keep_less_of_the_image():
    image = blobs((64, 64), 5)
    options = {"size": 64, "steps": 80, "seeds": 1, "precision": "float32"}
    sheet = dst.invert(image, layers=("relu1_1", "relu4_1"), gram=False, **options)
    away = [np.abs(picture.astype(float) - image).mean() for picture in sheet.pictures]
    assert away[0] < 18 and away[1] > 1.5 * away[0] and sheet.rows[0]["error"] < 0.05
    gram = dst.invert(image, layers=("relu1_1",), gram=True, **options)
    assert gram.rows[1]["from"] == "Gram matrix" and gram.rows[1]["error"] > 5 * gram.rows[0]["error"]


def test_inversion_refuses_what_it_cannot_do(tmp_path, capsys):
    with pytest.raises(InputError, match="one colour"):
        dst.invert(np.full((40, 40, 3), 90, np.uint8), size=40)
    with pytest.raises(InputError, match="relu9_9"):
        dst.invert(blobs((40, 40)), layers=("relu9_9",))
    Image.fromarray(blobs((40, 40))).save(tmp_path / "a.png")
    given = ["invert", str(tmp_path / "a.png"), "-o", str(tmp_path / "o.png"), "--layers", "relu1_1+relu1_2+relu2_1+relu2_2+relu3_1+relu3_2+relu3_3+relu4_1+relu4_2"]  # fmt: skip
    assert cli.main([*given, "--seeds", "50"]) == 2 and "more than 400" in capsys.readouterr().err


# Textures.


def wavy(height, width):
    y, x = np.mgrid[:height, :width]
    rng = np.random.default_rng(0)
    values = 128 + 60 * np.sin(x / 2.3) + 40 * np.sin(y / 3.1 + x / 5) + rng.normal(0, 12, (height, width))
    return values.clip(0, 255).astype(np.uint8)


QUICK = {"steps": 12, "coarse_steps": 12, "layers": ("relu1_1", "relu2_1", "relu3_1"), "precision": "float32"}


def test_a_texture_has_the_size_asked_for_and_is_another_one_with_another_seed():
    sample = blobs((80, 72), 3)
    made = [dst.texture(sample, size=(101, 77), seed=seed, **QUICK) for seed in (0, 0, 1)]
    assert made[0].shape == (77, 101, 3) and np.array_equal(made[0], made[1]) and not np.array_equal(made[0], made[2])
    low, high = sample.min((0, 1)).astype(int), sample.max((0, 1)).astype(int)
    assert (made[0] >= low - 2).all() and (made[0] <= high + 2).all()


def test_a_grey_sample_gives_a_grey_texture_of_its_tones():
    sample = np.repeat(wavy(72, 72)[..., None], 3, 2)
    made = dst.texture(sample, size=(72, 72), **QUICK).astype(float)
    assert np.abs(made - made.mean(2, keepdims=True)).max() < 4
    assert abs(made.mean() - sample.mean()) < 4 and abs(made.std() - sample.std()) < 0.2 * sample.std()


def test_a_tile_has_no_seam_and_another_texture_has():
    sample = np.repeat(wavy(96, 96)[..., None], 3, 2)

    def seam(tile, size):
        found = dst.texture(sample, size=size, tile=tile, **{**QUICK, "steps": 24}).astype(float)
        steps = [np.abs(found - np.roll(found, 1, axis)).mean((1 - axis, 2)) for axis in (0, 1)]
        lattice = max(step[0::2].mean() / step[1::2].mean() for step in steps)
        return max(step[0] / step[1:].mean() for step in steps), lattice

    (joined, lattice), (cut, _) = seam(True, (96, 75)), seam(False, (96, 72))
    assert joined < 1.35 < cut and 0.85 < lattice < 1.18


def test_a_mixture_begins_as_the_one_and_ends_as_the_other():
    dark, light = (np.clip(blobs((72, 72), k) * 0.4 + add, 0, 255).astype(np.uint8) for k, add in ((1, 0), (2, 140)))
    made = dst.texture(dark, light, size=(128, 64), **QUICK).astype(float)
    assert made[:, :25].mean() + 60 < made[:, -25:].mean()
    made = dst.texture(dark, light, size=(64, 128), along="y", **QUICK).astype(float)
    assert made[:25].mean() + 60 < made[-25:].mean()


def test_a_texture_is_painted_into_a_mask_and_nowhere_else():
    ground, mask = blobs((64, 56), 4), np.zeros((56, 64), np.uint8)
    mask[10:40, 20:50] = 255
    made = dst.texture(blobs((80, 80), 6), into=ground, mask=mask, **QUICK)
    outside = mask == 0
    assert np.array_equal(made[outside], ground[outside]) and (made[~outside] != ground[~outside]).mean() > 0.8


@pytest.mark.parametrize(
    "options, message",
    [
        ({"size": (8, 64)}, "from 32 to 4096"),
        ({"statistics": ("grams",)}, "statistics 'grams' is not known"),
        ({"layers": ("relu7_1",)}, "relu7_1"),
        ({"mask": np.ones((40, 40), np.uint8)}, "go together"),
        ({"second": blobs((60, 60)), "tile": True}, "sides can't fit"),
        ({"second": blobs((60, 60)), "statistics": ("shift",)}, "Gram matrices alone"),
        ({"layers": ("relu5_1",), "scale": 0.4}, "needs 32"),
        ({"sized": 3}, "did you mean 'size'"),
    ],
)
def test_textures_refuse_what_they_cannot_do(options, message):
    with pytest.raises(InputError, match=message):
        dst.texture(blobs((60, 60)), **options)


def test_a_sample_of_one_colour_and_a_mask_of_another_size_are_refused():
    with pytest.raises(InputError, match="one colour"):
        dst.texture(np.full((60, 60, 3), 7, np.uint8))
    with pytest.raises(InputError, match="mask"):
        dst.texture(blobs((60, 60)), into=blobs((64, 40)), mask=np.ones((40, 40), np.uint8))


def test_the_texture_command(tmp_path, capsys):
    sample, out = tmp_path / "s.png", tmp_path / "t.png"
    Image.fromarray(blobs((60, 60))).save(sample)
    given = ["texture", str(sample), "-o", str(out), "--steps", "1", "--coarse-steps", "1", "--layers", "relu1_1"]
    assert cli.main([*given, "--size", "70x50"]) == 0 and dst.read_image(out).size == (70, 50)
    assert "(70 x 50 pixels)" in capsys.readouterr().err
    for bad in ("0x5", "axb", "10", "5000x40", "40x40x40"):
        assert cli.main([*given, "--size", bad]) == 2 and "--size is" in capsys.readouterr().err


def test_what_memory_does_not_hold_is_refused_beforehand_with_its_size(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("dst.runs.estimate.free_memory", lambda device: 0.2e9)
    out = tmp_path / "out.png"
    assert cli.main(["lab", "picture", *files, "-o", str(out), "--size", "768", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "would take about" in said and "0.2 GB are free" in said and not out.exists()
    assert cli.main(["texture", files[1], "-o", str(out), "--size", "1536", "--quiet"]) == 2
    assert "1560 x 1560 pixels would take" in capsys.readouterr().err and not out.exists()
