"""Reading, writing and resizing: each codec and depth against pixels known beforehand, and bad input."""

import io
import os

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from pixels import P3, SIZE, eight, pixels_of, profile_bytes

from dst import imaging
from dst.config import InputError
from dst.files import EXTENSIONS, check_output, replacing


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("clear", [False, True])
def test_round_trip(tmp_path, scene, extension, depth, clear):
    given = imaging.read(scene if clear else scene[..., :3])
    path = tmp_path / f"a{extension}"
    imaging.write(path, given.rgb, given.alpha, depth=depth)
    found = imaging.read(path)
    assert found.size == SIZE and found.name == path.name and found.rgb.dtype == torch.float32
    assert found.depth == (depth if extension in (".png", ".tif", ".tiff") else 8)
    assert (found.alpha is not None) == (clear and extension not in (".jpg", ".jpeg", ".bmp"))
    expected = given.rgb
    if clear and found.alpha is None:
        expected = given.rgb * given.alpha + 1 - given.alpha
    lossy = {".jpg": 0.03, ".jpeg": 0.03, ".webp": 0.05, ".bmp": 0.006}.get(extension, 0.51 / (2**found.depth - 1) * 2)
    assert (found.rgb - expected).abs().max() <= lossy
    if found.alpha is not None:
        assert (found.alpha - given.alpha).abs().max() <= 0.51 / (2**found.depth - 1)
    assert os.listdir(tmp_path) == [path.name]


def test_16_bits_come_back_exactly(tmp_path):
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = np.stack([every, every[::-1], every.T], 2)
    for name in ("a.png", "a.tif"):
        imaging.write(tmp_path / name, imaging.read(pixels).rgb, depth=16)
        assert np.array_equal(pixels_of(imaging.read(tmp_path / name)), pixels)


def test_equal_images_make_equal_files(scene):
    rgb = imaging.read(scene).rgb
    for extension in EXTENSIONS:
        assert imaging.encode(rgb, extension=extension) == imaging.encode(rgb.clone(), extension=extension)


def test_rounds_half_to_even_and_clamps():
    values = torch.tensor([-0.5, 0.5 / 255, 1.5 / 255, 2.5 / 255, 1.7]).view(1, 1, 1, 5).expand(1, 3, 1, 5)
    assert imaging.to_array(values)[0, :, 0].tolist() == [0, 0, 2, 2, 255]


def test_too_small(tmp_path):
    Pillow.new("RGB", (100, 15)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png is 100 x 15 pixels: each side must be at least 16"):
        imaging.read(tmp_path / "a.png")
    Pillow.new("RGB", (16, 16)).save(tmp_path / "b.png")
    assert imaging.read(tmp_path / "b.png").size == (16, 16)


def test_arrays_and_tensors(scene):
    small = eight(scene[..., :3])
    expected = torch.from_numpy(small).permute(2, 0, 1)[None] / 255
    for given in (
        small,
        Pillow.fromarray(small),
        expected,
        expected[0],
        expected.double(),
        small / 255.0,
        small[:, ::1],
    ):
        found = imaging.read(given)
        assert (found.rgb - expected).abs().max() < 1e-6 and found.depth == 8 and found.alpha is None
    assert imaging.read(found) is found
    assert imaging.read(torch.from_numpy(small).permute(2, 0, 1)).rgb.max() <= 1
    assert imaging.read(scene).alpha.shape == (1, 1, 40, 50) and imaging.read(scene).depth == 16
    assert torch.equal(imaging.read(small[..., :1]).rgb, imaging.read(small[..., 0]).rgb)
    given = small / 255.0
    imaging.read(given).rgb.zero_()
    assert given.max() > 0  # the caller's array is not shared


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.full((20, 20, 3), 255.0), "from 255 to 255"),
        (np.full((20, 20, 3), -0.1), "from -0.1"),
        (np.full((20, 20, 3), np.nan), "NaN"),
        (np.full((20, 20), np.inf), "infinite"),
        (np.zeros((20, 20, 2)), "shape"),
        (np.zeros((0, 20, 3)), "0 pixels|each side"),
        (np.zeros((2, 20, 20, 3)), "shape"),
        (np.zeros((20, 20, 3), np.int64), "int64"),
        (torch.zeros(2, 3, 20, 20), "shape"),
        (torch.full((3, 20, 20), 2.0), "from 2 to 2"),
        (12, "given as int"),
        (None, "given as NoneType"),
    ],
)
def test_bad_arrays(given, message):
    with pytest.raises(InputError, match=message):
        imaging.read(given)


def test_bad_outputs(tmp_path):
    (tmp_path / "folder.png").mkdir()
    cases = {
        "a.gif": "ends in .gif: it takes one of",
        "a": "no extension",
        "a.pgn": r"did you mean '\.png'",
        "folder.png": "is a folder",
        "no/such/a.png": "does not exist: create it first",
        "x" * 300 + ".png": "no usable file name",
        "a\0.png": "no usable file name",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=message):
            check_output(tmp_path / name)
    assert check_output(tmp_path / "points.csv", None) == tmp_path / "points.csv"
    if os.path.exists("/dev/null"):
        with pytest.raises(InputError, match="not an ordinary file"):
            check_output("/dev/null", None)
    assert sorted(os.listdir(tmp_path)) == ["folder.png"]


def test_protected_outputs(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="cannot be written to"):
        check_output(tmp_path / "a.png")
    (tmp_path / "a.png").touch()
    with pytest.raises(InputError, match="write-protected"):
        check_output(tmp_path / "a.png")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.png"
    imaging.write(path, torch.zeros(1, 3, 20, 20))
    old = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".png"
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    with pytest.raises(InputError, match="not finite"):
        imaging.write(path, torch.full((1, 3, 20, 20), float("nan")))
    with pytest.raises(InputError, match="cannot be saved as"):
        imaging.write(tmp_path / "wide.jpg", torch.zeros(1, 3, 16, 70_000))
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["a.png"]


def test_replacing_keeps_links_and_permissions(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new" and link.is_symlink() and path.stat().st_mode & 0o777 == 0o640
    with replacing(tmp_path / "c.txt") as temporary:
        temporary.write_text("fresh")
    plain = tmp_path / "d.txt"
    plain.touch()
    assert (tmp_path / "c.txt").stat().st_mode == plain.stat().st_mode


def test_encode():
    rgb = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    data = imaging.encode(rgb)
    image = Pillow.open(io.BytesIO(data))
    assert image.size == (30, 20) and image.info["srgb"] == 0
    image.verify()
    assert np.array_equal(np.asarray(Pillow.open(io.BytesIO(data))), imaging.to_array(rgb))
    assert imaging.encode(imaging.to_array(rgb)) == data
    for bad in (dict(quality=0), dict(depth=12), dict(extension=".gif"), dict(extension="png")):
        with pytest.raises(InputError):
            imaging.encode(rgb, **bad)
    with pytest.raises(InputError, match="uint8 or uint16"):
        imaging.encode(np.zeros((20, 20), np.uint8))
    with pytest.raises(InputError, match="differ in size"):
        imaging.to_array(rgb, torch.ones(1, 1, 20, 31))
    with pytest.raises(InputError, match="it takes"):
        imaging.to_array(rgb[0, 0])


def test_fit_size():
    assert imaging.fit_size((6000, 4000), 512) == (512, 341)
    assert imaging.fit_size((300, 400), 800) == (600, 800)
    assert imaging.fit_size((10_000, 16), 64) == (64, 1)
    for bad in (0, 2.5, float("nan"), "512"):
        with pytest.raises(InputError):
            imaging.fit_size((10, 10), bad)


@pytest.mark.parametrize("long_side", [64, 97, 200, 333])
def test_resize_keeps_places_and_means(long_side):
    """A smooth image stays where it was: each pixel's value is the function at its centre."""

    def draw(width, height):
        x = (np.arange(width) + 0.5) / width
        y = (np.arange(height) + 0.5) / height
        return torch.tensor(0.5 + 0.3 * np.sin(5 * x)[None] * np.cos(4 * y)[:, None], dtype=torch.float32)

    given = draw(200, 150).expand(1, 3, -1, -1)
    found = imaging.resize(given, long_side)
    width, height = imaging.fit_size((200, 150), long_side)
    assert found.shape == (1, 3, height, width)
    away = (found - draw(width, height)).abs()
    assert away.max() < 0.01 and away[..., 3:-3, 3:-3].max() < 2e-3


def test_resize_is_antialiased_clamped_and_differentiable():
    stripes = (torch.arange(256) % 2).float().expand(1, 3, 256, 256)
    assert (imaging.resize(stripes, 60)[..., 4:-4] - 0.5).abs().max() < 0.02
    edge = (torch.arange(64) > 31).float().expand(1, 3, 64, 64)
    large = imaging.resize(edge, 200)
    assert large.min() >= 0 and large.max() <= 1
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    imaging.resize(x, 20).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert imaging.resize(edge, 64) is edge


def test_masks(tmp_path):
    half = np.zeros((40, 60), np.uint8)
    half[:, 30:] = 255
    Pillow.fromarray(half).save(tmp_path / "grey.png")
    clear = np.full((40, 60, 4), 90, np.uint8)
    clear[..., 3] = half
    Pillow.fromarray(clear).save(tmp_path / "clear.png")
    for name in ("grey.png", "clear.png"):
        mask = imaging.read_mask(tmp_path / name)
        assert mask.shape == (1, 1, 40, 60) and np.array_equal(mask[0, 0].numpy() * 255, half)
        large = imaging.read_mask(tmp_path / name, (601, 400))
        assert large.shape == (1, 1, 400, 601) and large.min() >= 0 and large.max() <= 1
        assert large[..., :280].max() == 0 and large[..., 320:].min() == 1
        with pytest.raises(InputError, match="is 60 x 40, the image is 60 x 50"):
            imaging.read_mask(tmp_path / name, (60, 50))
    assert imaging.read_mask(half, (30, 20)).shape == (1, 1, 20, 30)
    with pytest.raises(InputError, match="zero everywhere"):
        imaging.read_mask(np.zeros((20, 20)))
    Pillow.fromarray(half // 2).save(tmp_path / "p.png", icc_profile=profile_bytes(P3, 1.0))
    assert imaging.read_mask(tmp_path / "p.png").max() == pytest.approx(127 / 255, abs=1e-6)
