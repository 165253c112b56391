"""Large images: read at a reduced size where no more is needed, in little memory, or refused before they are unpacked."""

import tracemalloc

import numpy as np
import pytest
import tifffile
import torch
from conftest import blobs
from PIL import Image as Pillow
from pixels import P3, png_16, profile_bytes

import cli
import dst
from dst import imaging
from dst.config import InputError
from dst.deform import pipeline
from dst.imaging import codecs, strips
from dst.optim.init import first_guess

SIZE, SIDE = (900, 1201), 96
"""Of the large image as displayed, and what it is needed at."""


@pytest.fixture
def bounds(monkeypatch):
    """Images of a megapixel count as large, and strips are of a third of one."""
    monkeypatch.setattr(strips, "LARGE", 500_000)
    monkeypatch.setattr(strips, "STRIP", 300_000)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of one image, tagged as Display P3 and, where the format can say so, stored on its side."""
    folder = tmp_path_factory.mktemp("large")
    shown = blobs(SIZE, 3)
    x = np.linspace(0, 255, SIZE[0])[None].repeat(SIZE[1], 0).round().astype(np.uint8)
    stored = np.ascontiguousarray(np.rot90(np.dstack([shown, x])))
    profile, exif = profile_bytes(P3, 2.2), Pillow.Exif()
    exif[274] = 6
    kept = {"exif": exif, "icc_profile": profile}
    rgb, rgba = Pillow.fromarray(stored[..., :3]), Pillow.fromarray(stored)
    rgb.save(folder / "rgb.jpg", quality=95, **kept)
    rgb.save(folder / "progressive.jpg", quality=95, progressive=True, **kept)
    rgb.convert("CMYK").save(folder / "cmyk.jpg", quality=95, exif=exif)
    rgba.save(folder / "rgba.webp", lossless=True, method=0, **kept)
    rgba.save(folder / "rgba.png", **kept)
    rgb.convert("P").save(folder / "palette.png", exif=exif)
    rgba.save(folder / "rgba.tif", **kept)
    (folder / "deep.png").write_bytes(png_16(stored.astype(np.uint16) * 257, 6, [(b"eXIf", exif.tobytes()[6:])]))
    (folder / "grey.png").write_bytes(png_16(stored[..., 1].astype(np.uint16) * 257, 0))
    tag = {"metadata": None, "extratags": [(274, "H", 1, 6, True)], "iccprofile": profile, "compression": "zlib"}
    tifffile.imwrite(folder / "deep.tif", stored[..., :3].astype(np.uint16) * 257, photometric="rgb", **tag)
    return folder


KINDS = ("rgb.jpg", "progressive.jpg", "cmyk.jpg", "rgba.webp", "rgba.png", "palette.png", "rgba.tif")
DEEP = ("deep.png", "grey.png", "deep.tif")


@pytest.mark.parametrize("name", [*KINDS, *DEEP])
def test_a_reduced_image_is_the_full_one_resized(files, bounds, name):
    full, reduced = imaging.read(files / name), imaging.read(files / name, side=SIDE)
    assert reduced.size == full.size == (SIZE if name != "grey.png" else SIZE[::-1]) and reduced.full == full.size
    assert 3 * SIDE <= max(reduced.rgb.shape) < 4 * SIDE
    assert reduced.depth == full.depth == (16 if name in DEEP else 8)
    planes = [(reduced.rgb, full.rgb)]
    assert (reduced.alpha is None) == (full.alpha is None) == (not name.startswith("rgba") and name != "deep.png")
    if full.alpha is not None:
        planes.append((reduced.alpha, full.alpha))
    for small, large in planes:
        given, wanted = imaging.resize(small, SIDE, reduced.size), imaging.resize(large, SIDE)
        assert given.shape == wanted.shape
        away = (given - wanted).abs() * 255
        assert away.max() < 10 and away.quantile(0.999) < 6 and away.mean() < 0.3


def test_arrays_and_pillow_images_are_reduced_too(bounds):
    pixels = blobs(SIZE, 3)
    wanted = imaging.resize(imaging.read(pixels).rgb, SIDE)
    for given in (pixels, pixels / 255.0, pixels.astype(np.uint16) * 257, Pillow.fromarray(pixels)):
        reduced = imaging.read(given, side=SIDE)
        assert reduced.full == reduced.size == SIZE and max(reduced.rgb.shape) < 4 * SIDE
        assert (imaging.resize(reduced.rgb, SIDE, SIZE) - wanted).abs().max() * 255 < 8


def test_only_images_far_larger_than_is_needed_are_reduced(files, bounds):
    full = imaging.read(files / "rgba.png")
    for side in (301, 1201, 4000):
        same = imaging.read(files / "rgba.png", side=side)
        assert same.full is None and torch.equal(same.rgb, full.rgb) and torch.equal(same.alpha, full.alpha)
    strips.LARGE = SIZE[0] * SIZE[1] + 1
    assert torch.equal(imaging.read(files / "rgba.png", side=16).rgb, full.rgb)


@pytest.mark.parametrize("name", [*KINDS, *DEEP])
def test_no_copy_of_a_large_image_is_made_on_the_way(files, bounds, name, monkeypatch):
    """Beside what a codec itself unpacks only strips of it are held; a JPEG is not even unpacked whole."""
    unpacked = []

    def assemble(rows, size, *others):
        unpacked.append(size[0] * size[1])
        return strips.assemble(rows, size, *others)

    monkeypatch.setattr(codecs, "assemble", assemble)
    monkeypatch.setattr(strips, "STRIP", 30_000)
    imaging.read(files / name, side=SIDE)  # libraries are loaded, tables made
    tracemalloc.start()
    imaging.read(files / name, side=SIDE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    pixels = SIZE[0] * SIZE[1]
    assert peak < (16 if name == "deep.tif" else 4.5) * pixels  # tifffile holds the packed strips too, up to a limit
    if name.endswith(".jpg"):
        assert max(unpacked) < pixels / 10


def test_the_pixels_of_a_full_read_are_converted_in_strips(files, monkeypatch):
    """Floats are all that a full read needs beside the codec's pixels: no second copy, no copy to rotate it."""
    monkeypatch.setattr(strips, "STRIP", 30_000)
    imaging.read(files / "rgba.png")
    tracemalloc.start()
    imaging.read(files / "rgba.png")
    peak = tracemalloc.get_traced_memory()[1]  # PyTorch's floats and Pillow's pixels are not counted
    tracemalloc.stop()
    assert peak < SIZE[0] * SIZE[1]


@pytest.mark.parametrize("name", ["rgb.jpg", "rgba.png", "deep.png", "deep.tif", "rgba.webp"])
@pytest.mark.parametrize("side", [None, SIDE])
def test_an_image_beyond_the_free_memory_is_refused_before_it_is_unpacked(
    tmp_path, files, bounds, name, side, monkeypatch
):
    data = (files / name).read_bytes()
    short = tmp_path / name
    short.write_bytes(data if name.endswith((".tif", ".webp")) else data[: len(data) // 2 + 2048])
    monkeypatch.setattr(strips, "free_memory", lambda: 1e5)
    size = "1201 x 900" if name != "deep.tif" else "900 x 1201"
    with pytest.raises(InputError) as caught:
        imaging.read(short, side=side)
    assert str(caught.value).startswith(f"{short} is {size} pixels and needs about 0.0")
    assert str(caught.value).endswith("GB to be read, 0.0 GB are free: make it smaller")


def test_what_is_needed_is_told_rightly(files, bounds, monkeypatch):
    """Floats of 12 bytes a pixel, 16 with alpha, and what the codec holds."""
    pixels, asked = SIZE[0] * SIZE[1], []
    monkeypatch.setattr(codecs, "check_memory", lambda name, size, needed: asked.append(needed / pixels))
    for name in ("rgb.jpg", "rgba.png", "deep.png", "deep.tif"):
        imaging.read(files / name)
        imaging.read(files / name, side=SIDE)
    assert asked[::2] == pytest.approx([16, 20, 28, 18])
    assert asked[1::2] == pytest.approx([1.75, 5, 5, 6.75], rel=0.01)


def test_a_file_is_not_called_damaged_where_memory_ends(files, monkeypatch, capsys):
    def assemble(*_):
        raise MemoryError

    monkeypatch.setattr(codecs, "assemble", assemble)
    paths = [str(files / "rgb.jpg"), str(files / "rgba.png")]
    assert cli.main(["match", *paths, "-o", str(files / "out.png")]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "dst: error: there is not enough memory: take a smaller --size"


def test_one_line_and_no_work_where_memory_would_not_do(tmp_path, monkeypatch, capsys):
    for name in ("a.png", "b.png"):
        Pillow.new("L", (1300, 1300), 90).save(tmp_path / name)
    monkeypatch.setattr(strips, "free_memory", lambda: 1e6)
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for command in (["match"], ["stylize", "--quiet"]):
        assert cli.main([*command, *paths, "-o", str(tmp_path / "out.png")]) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if "reading" not in line]
        assert lines[0].startswith("dst: error: ") and "a.png is 1300 x 1300 pixels and needs about" in lines[0]
        assert len(lines) == 1 and not (tmp_path / "out.png").exists()


def test_points_and_sizes_are_those_of_the_whole_file(tmp_path, bounds):
    content, style = tmp_path / "content.png", tmp_path / "style.jpg"
    Pillow.fromarray(blobs((1111, 803), 1)).save(content)
    Pillow.fromarray(blobs((803, 1111), 2)).save(style)
    found, _ = dst.match(content, style, match_size=64)
    assert (found.content_size, found.style_size) == ((1111, 803), (803, 1111))
    points = np.array([[200, 200], [900, 200], [200, 600], [900, 600], [500, 400.0]])
    table = np.hstack([points, points * [0.7, 1.3]])
    options = {"size": 81, "match_size": 64, "steps": 1, "splitting": 0, "samples": 64, "style_samples": 64}
    result = pipeline.stylize(content, style, points=table, geometry=style, init=style, metrics=False, **options)
    assert result.record["content"]["size"] == [1111, 803] and result.record["size"] == [81, 59]
    assert result.image.shape[:2] == imaging.fit_size((1111, 803), 81)[::-1]
    full = imaging.to_array(imaging.resize(imaging.read(content).rgb, 81))
    assert np.abs(result.content.astype(int) - full).max() < 8
    assert found.content[:, 0].max(initial=0) <= 1111


def test_a_reduced_image_is_not_taken_for_a_whole_one(files, bounds):
    reduced = imaging.read(files / "rgb.jpg", side=SIDE)
    assert imaging.read(reduced, side=SIDE) is reduced
    for side in (None, 2 * SIDE):
        with pytest.raises(InputError, match=r"rgb\.jpg was read at a reduced size, 225 x 300, and .* needed"):
            imaging.read(reduced, side=side)
    with pytest.raises(InputError, match="all its pixels are needed"):
        dst.warp_image(reduced, points=np.zeros((4, 4)))


def test_an_init_of_another_shape_keeps_what_is_needed_of_it(tmp_path, bounds):
    """Of a strip, a small part covers a square content: it must not come from a few pixels."""
    Pillow.fromarray(np.tile(blobs((400, 300), 5), (1, 20, 1))).save(tmp_path / "strip.png")
    content = torch.zeros(1, 3, 64, 64)
    given = first_guess(str(tmp_path / "strip.png"), content, [content], 0)
    wanted = imaging.cover(imaging.read(tmp_path / "strip.png").rgb, (64, 64))
    assert (given - wanted).abs().max() * 255 < 8


@pytest.mark.parametrize("orientation", [3, 6])
def test_wide_grey_tiffs_are_turned_once(tmp_path, orientation):
    ramp = np.linspace(0, 1, 40 * 30, dtype=np.float32).reshape(30, 40)
    tifffile.imwrite(tmp_path / "a.tif", ramp, metadata=None, extratags=[(274, "H", 1, orientation, True)])
    shown = np.rot90(ramp, 2 if orientation == 3 else -1)
    for given in (tmp_path / "a.tif", Pillow.open(tmp_path / "a.tif")):
        assert np.abs(imaging.read(given).rgb[0, 0].numpy() - shown).max() < 1e-4


def test_a_mask_far_larger_than_its_image_is_read_at_a_reduced_size(tmp_path, bounds, monkeypatch):
    disc = np.hypot(*np.mgrid[-600:600, -450:450]) < 300
    Pillow.fromarray((disc * 255).astype(np.uint8)).save(tmp_path / "mask.png")
    seen = []

    def assemble(rows, size, target, *others):
        seen.append(target)
        return strips.assemble(rows, size, target, *others)

    monkeypatch.setattr(codecs, "assemble", assemble)
    small = imaging.read_mask(tmp_path / "mask.png", (75, 100))
    assert seen[0] is not None and max(seen[0]) < 600
    monkeypatch.setattr(strips, "LARGE", 10**9)
    whole = imaging.read_mask(tmp_path / "mask.png", (75, 100))
    assert seen[1] is None and ((small >= 0.5) != (whole >= 0.5)).float().mean() < 0.01


def test_an_image_that_cannot_be_warped_in_the_free_memory_is_refused_before_it_is(files, bounds, monkeypatch):
    free = iter([10**9, 10**6])  # when it is read, when it is warped
    monkeypatch.setattr(strips, "free_memory", lambda: next(free))
    monkeypatch.setattr(strips, "ASKED_FROM", 1)
    points = np.array([[10, 10, 12, 11], [200, 30, 190, 40], [90, 200, 95, 210], [150, 150, 150, 160]])
    with pytest.raises(InputError, match=r"needs about .* GB to be warped, 0\.0 GB are free: make it smaller"):
        dst.warp_image(files / "rgba.png", points=points)
