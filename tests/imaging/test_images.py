"""Reading, writing and resizing: each codec and depth against pixels known beforehand, and bad input."""

import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image as Pillow
from PIL import ImageCms

from dst import imaging
from dst.config import InputError
from dst.files import EXTENSIONS, check_output, replacing
from dst.imaging import icc

SIZE = (50, 40)


@pytest.fixture(scope="module")
def scene():
    """A smooth colourful 16-bit RGBA picture whose four corners differ."""
    x, y = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    planes = [x, y, 0.5 + 0.4 * np.sin(3 * x + 2 * y), 0.2 + 0.8 * y]
    return np.rint(np.stack(planes, 2) * 65535).astype(np.uint16)


def eight(pixels):
    return np.rint(pixels / 257).astype(np.uint8)


def pixels_of(picture, depth=None):
    return imaging.to_array(picture.rgb, picture.alpha, depth or picture.depth)


def profile_bytes(colorants, gamma):
    """A minimal version 2 matrix/TRC display profile with one gamma for all channels."""
    s15 = lambda v: struct.pack(">i", round(v * 65536))  # noqa: E731
    xyz = lambda c: b"XYZ \0\0\0\0" + b"".join(map(s15, c))  # noqa: E731
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 83
    white = (0.9642, 1.0, 0.8249)
    tags = [(b"desc", text), (b"cprt", b"text\0\0\0\0none\0\0\0\0"), (b"wtpt", xyz(white))]
    tags += [(n, xyz(c)) for n, c in zip((b"rXYZ", b"gXYZ", b"bXYZ"), np.transpose(colorants), strict=True)]
    tags += [(n, curve) for n in (b"rTRC", b"gTRC", b"bTRC")]
    return assemble(tags, b"RGB ")


def assemble(tags, space):
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = struct.pack(">I", 0x02400000), b"mntr" + space + b"XYZ ", b"acsp"
    head[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    out = bytes(head) + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(out)) + out[4:]


P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def by_hand(pixels, colorants, gamma):
    """The textbook conversion of device values in [0, 1] to sRGB."""
    linear = np.clip(pixels**gamma @ (np.linalg.inv(SRGB) @ colorants).T, 0, 1)
    return np.where(linear < 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def png_16(pixels, kind, extra=b""):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(chunk(n, d) for n, d in extra or ())
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


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


def test_equal_pictures_make_equal_files(scene):
    rgb = imaging.read(scene).rgb
    for extension in EXTENSIONS:
        assert imaging.encode(rgb, extension=extension) == imaging.encode(rgb.clone(), extension=extension)


def test_rounds_half_to_even_and_clamps():
    values = torch.tensor([-0.5, 0.5 / 255, 1.5 / 255, 2.5 / 255, 1.7]).view(1, 1, 1, 5).expand(1, 3, 1, 5)
    assert imaging.to_array(values)[0, :, 0].tolist() == [0, 0, 2, 2, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "clear", "png16", "tiff16", "lzw16", "pil"])
def test_every_exif_orientation(tmp_path, scene, orientation, kind):
    stored = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: np.rot90,
        7: lambda a: np.swapaxes(np.rot90(a, 2), 0, 1),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    shown = scene[..., :3]
    pixels = np.ascontiguousarray(stored(shown))
    exif = Pillow.Exif()
    exif[274] = orientation
    path = tmp_path / "a"
    tag = [(274, "H", 1, orientation, True)]
    if kind == "png16":
        path.write_bytes(png_16(pixels, 2, [(b"eXIf", exif.tobytes()[6:])]))
    elif kind == "tiff16":
        tifffile.imwrite(path, pixels, photometric="rgb", extratags=tag, metadata=None)
    elif kind == "lzw16":
        import cv2

        data = cv2.imencode(".tif", pixels[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()
        path.write_bytes(with_orientation(data, orientation))
    elif kind == "clear":
        clear = {"extrasamples": ["unassalpha"], "extratags": tag, "metadata": None}
        tifffile.imwrite(path, eight(np.ascontiguousarray(stored(scene))), photometric="rgb", **clear)
    elif kind == "tiff":
        tifffile.imwrite(path, eight(pixels), photometric="rgb", extratags=tag, metadata=None)
    else:
        form = "png" if kind == "pil" else kind
        lossless = {"lossless": True} if kind == "webp" else {}
        Pillow.fromarray(eight(pixels)).save(path, form, exif=exif, **lossless)
    found = imaging.read(Pillow.open(path) if kind == "pil" else path)
    assert found.size == SIZE
    assert found.depth == (16 if kind.endswith("16") else 8)
    assert np.abs(found.rgb[0].permute(1, 2, 0).numpy() - shown / 65535).max() < (0.1 if kind == "jpeg" else 0.003)


def with_orientation(data, orientation):
    """Append a new directory with the orientation added to a little-endian TIFF."""
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    entries = [data[start + 2 + 12 * i :][:12] for i in range(count)]
    entries = [e for e in entries if struct.unpack_from("<H", e)[0] != 274]
    entries = sorted([*entries, struct.pack("<HHIHH", 274, 3, 1, orientation, 0)], key=lambda e: e[:2][::-1])
    data += b"\0" * (len(data) % 2)
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + directory


@pytest.mark.parametrize(("colorants", "gamma"), [(P3, 2.2), (ADOBE, 2.19921875), (SRGB, 1.0)])
def test_matrix_profiles_against_the_textbook(tmp_path, scene, colorants, gamma):
    profile = profile_bytes(colorants, gamma)
    pixels = scene[..., :3]
    expected = by_hand(pixels / 65535, colorants, gamma)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", iccprofile=profile, metadata=None)
    deep = imaging.read(tmp_path / "a.tif")
    found = deep.rgb[0].permute(1, 2, 0).numpy()
    away = np.abs(found - expected)  # near black the curve is steep, and colorants differ in their last digit
    assert deep.depth == 16 and np.quantile(away, 0.98) < 1e-3 and away.max() < 6e-3
    Pillow.fromarray(eight(pixels)).save(tmp_path / "a.png", icc_profile=profile)
    found = pixels_of(imaging.read(tmp_path / "a.png"))
    assert np.abs(found - 255 * by_hand(eight(pixels) / 255, colorants, gamma)).max() < 2


def test_16_bits_stay_fine_through_a_profile(tmp_path):
    ramp = np.tile(np.linspace(20000, 24000, 4000).astype(np.uint16), (16, 1))
    pixels = np.stack([ramp] * 3, 2)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", iccprofile=profile_bytes(P3, 2.2), metadata=None)
    found = pixels_of(imaging.read(tmp_path / "a.tif"))
    assert len(np.unique(found[0, :, 1])) > 3500


def test_a_table_profile_agrees_with_the_matrix_path(scene, monkeypatch):
    pixels, profile = np.ascontiguousarray(scene[..., :3]), profile_bytes(P3, 2.2)
    exact = icc.to_srgb_16(pixels, profile).astype(float)
    monkeypatch.setattr(icc, "_matrix_shaper", lambda *_: None)
    near = icc.to_srgb_16(pixels, profile).astype(float)
    away = np.abs(near - exact) / 65535
    assert np.median(away) < 0.5 / 255 and away.max() < 9 / 255


@pytest.mark.parametrize("kind", range(5))
def test_parametric_curves(kind):
    """Each kind, given the numbers that make it sRGB's curve (or a plain power), gives that curve."""
    g, a, b, c, d = 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045
    x = np.linspace(0, 1, 65536)
    given, expected = {
        0: ([2.2], x**2.2),
        1: ([2.0, 1.25, -0.25], np.maximum(1.25 * x - 0.25, 0) ** 2),
        2: ([2.0, 1.0, -0.25, 0.125], np.maximum(x - 0.25, 0) ** 2 + 0.125),
        3: ([g, a, b, c, d], np.where(x >= d, (a * x + b) ** g, c * x)),
        4: ([g, a, b, c, d, 0.01, 0.02], np.where(x >= d, (a * x + b) ** g + 0.01, c * x + 0.02).clip(0, 1)),
    }[kind]
    tag = b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(struct.pack(">i", round(v * 65536)) for v in given)
    assert np.abs(icc._curve(tag) - expected).max() < 1e-3


def test_grey_profile(tmp_path):
    grey = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (16, 1))
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 256) + b"\0\0"  # linear light
    tags = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 83),
        (b"wtpt", b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)),
        (b"kTRC", curve),
    ]
    profile = assemble(tags, b"GRAY")
    expected = by_hand(np.repeat(grey[..., None] / 65535, 3, 2), SRGB, 1.0)
    tifffile.imwrite(tmp_path / "a.tif", grey, iccprofile=profile, metadata=None)
    found = imaging.read(tmp_path / "a.tif").rgb[0].permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() < 1e-4
    Pillow.fromarray(eight(grey)).save(tmp_path / "a.png", icc_profile=profile)
    found = imaging.read(tmp_path / "a.png").rgb[0].permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() < 0.05


@pytest.mark.parametrize("deep", [False, True])
def test_a_broken_profile_is_ignored_with_a_warning(tmp_path, scene, deep):
    pixels = scene[..., :3] if deep else eight(scene[..., :3])
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", iccprofile=b"no profile at all" * 20, metadata=None)
    with pytest.warns(imaging.ImageWarning, match=r"a\.tif: its colour profile cannot be used"):
        found = imaging.read(path)
    assert np.array_equal(pixels_of(found), pixels)


def test_a_grey_picture_with_an_rgb_profile(tmp_path):
    grey = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (16, 1))
    Pillow.fromarray(grey).save(tmp_path / "a.png", icc_profile=icc.srgb_profile())
    assert np.abs(pixels_of(imaging.read(tmp_path / "a.png"))[..., 0].astype(int) - grey).max() <= 1


def test_cmyk_and_lab(tmp_path, scene):
    picture = Pillow.fromarray(eight(scene[..., :3]))
    picture.convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    found = pixels_of(imaging.read(tmp_path / "a.jpg")).astype(int)
    assert np.abs(found - eight(scene[..., :3])).mean() < 3
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    picture = Pillow.new("RGB", SIZE, (180, 90, 60))
    to_lab.apply(picture).save(tmp_path / "lab.tif")
    found = pixels_of(imaging.read(tmp_path / "lab.tif")).astype(int)
    assert np.abs(found - (180, 90, 60)).max() <= 3


def test_palette_grey_and_transparency(tmp_path):
    flat = Pillow.new("P", SIZE, 1)
    flat.putpalette([10, 20, 30, 200, 100, 50])
    flat.paste(0, (0, 0, 25, 40))
    flat.save(tmp_path / "a.png", transparency=0)
    found = pixels_of(imaging.read(tmp_path / "a.png"))
    assert found[0, 0, 3] == 0 and found[0, -1].tolist() == [200, 100, 50, 255]
    flat.save(tmp_path / "plain.gif")
    assert imaging.read(tmp_path / "plain.gif").alpha is None
    flat.convert("RGB").save(tmp_path / "key.png", transparency=(200, 100, 50))
    assert pixels_of(imaging.read(tmp_path / "key.png"))[0, [0, -1], 3].tolist() == [255, 0]
    for mode, value in (("1", 1), ("L", 255), ("LA", (255, 128))):
        Pillow.new(mode, SIZE, value).save(tmp_path / "g.png")
        found = imaging.read(tmp_path / "g.png")
        assert torch.all(found.rgb == 1) and (found.alpha is not None) == (mode == "LA")


def test_first_frame_of_a_gif(tmp_path):
    red, blue = Pillow.new("RGB", SIZE, (255, 0, 0)), Pillow.new("RGB", SIZE, (0, 0, 255))
    red.save(tmp_path / "a.gif", save_all=True, append_images=[blue])
    assert pixels_of(imaging.read(tmp_path / "a.gif"))[5, 5].tolist() == [255, 0, 0]


def test_16_bit_layouts(tmp_path, scene):
    grey = np.ascontiguousarray(scene[..., 1])
    clear = np.ascontiguousarray(scene[..., [1, 3]])
    cases = {
        "grey.png": (png_16(grey, 0), np.stack([grey] * 3, 2)),
        "clear.png": (png_16(clear, 4), np.stack([grey] * 3 + [scene[..., 3]], 2)),
        "rgba.png": (png_16(scene, 6), scene),
    }
    for name, (data, expected) in cases.items():
        (tmp_path / name).write_bytes(data)
        found = imaging.read(tmp_path / name)
        assert found.depth == 16 and np.array_equal(pixels_of(found), expected), name
    rgb = np.ascontiguousarray(scene[..., :3])
    tiffs = {
        "grey": (grey, dict(photometric="minisblack"), np.stack([grey] * 3, 2)),
        "white": (65535 - grey, dict(photometric="miniswhite"), np.stack([grey] * 3, 2)),
        "planar": (np.moveaxis(rgb, 2, 0), dict(photometric="rgb", planarconfig="separate"), rgb),
        "clear": (scene, dict(photometric="rgb", extrasamples=["unassalpha"], byteorder=">"), scene),
        "tiles": (rgb, dict(photometric="rgb", tile=(16, 16), compression="zlib"), rgb),
    }
    for name, (pixels, options, expected) in tiffs.items():
        tifffile.imwrite(tmp_path / "a.tif", pixels, metadata=None, **options)
        found = imaging.read(tmp_path / "a.tif")
        assert found.depth == 16 and np.array_equal(pixels_of(found), expected), name
    multiplied = scene.copy()
    multiplied[..., :3] = np.rint(scene[..., :3] * (scene[..., 3:] / 65535))
    tifffile.imwrite(tmp_path / "a.tif", multiplied, photometric="rgb", extrasamples=["assocalpha"], metadata=None)
    assert np.abs(pixels_of(imaging.read(tmp_path / "a.tif")).astype(int) - scene).max() <= 3


def test_float_tiff(tmp_path):
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (16, 1))
    tifffile.imwrite(tmp_path / "a.tif", ramp, metadata=None)
    found = imaging.read(tmp_path / "a.tif")
    assert found.depth == 16 and np.abs(found.rgb[0, 0].numpy() - ramp).max() < 1e-5
    tifffile.imwrite(tmp_path / "b.tif", ramp * 300, metadata=None)
    with pytest.raises(InputError, match=r"values from 0 to 300: scale it"):
        imaging.read(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "c.tif", np.stack([ramp] * 3, 2), photometric="rgb", metadata=None)
    with pytest.raises(InputError, match=r"c\.tif"):
        imaging.read(tmp_path / "c.tif")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "deep.png", "a.tif", "deep.tif", "a.webp", "a.bmp", "a.gif"])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_truncated_files(tmp_path, name, share, capfd):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 65536, (64, 64, 3), dtype=np.uint16)
    path = tmp_path / name
    if name == "a.gif":
        Pillow.fromarray(eight(pixels)).save(path)
    else:
        imaging.write(path, imaging.read(pixels).rgb, depth=16 if "deep" in name else 8)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
        imaging.read(path)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore::dst.imaging.ImageWarning")
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "deep.png", "a.tif", "deep.tif", "a.webp", "a.bmp"])
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path, name):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 65536, (40, 40, 3), dtype=np.uint16)
    whole = imaging.encode(imaging.read(pixels).rgb, None, "." + name.split(".")[1], 16 if "deep" in name else 8)
    for trial in range(25):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(min(len(data), 600 if trial % 2 else len(data)))] = rng.integers(256)
        (tmp_path / name).write_bytes(data)
        try:
            found = imaging.read(tmp_path / name)
        except InputError as error:
            assert "\n" not in str(error) and name in str(error)
        else:
            assert 0 <= found.rgb.min() and found.rgb.max() <= 1


def test_files_that_are_no_pictures(tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(InputError, match=r"text\.png is not an image that can be read: give a JPEG"):
        imaging.read(tmp_path / "text.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(InputError, match="is empty"):
        imaging.read(str(tmp_path / "empty.png"))
    with pytest.raises(InputError, match="is a folder"):
        imaging.read(tmp_path)
    with pytest.raises(InputError, match=r"does not exist; did you mean 'text\.png'"):
        imaging.read(tmp_path / "test.png")
    with pytest.raises(InputError, match="does not exist"):
        imaging.read(tmp_path / "nowhere" / "a.png")
    with pytest.raises(InputError, match="cannot be opened"):
        imaging.read("a\0b.png")
    if os.path.exists("/dev/null"):
        with pytest.raises(InputError, match="not an ordinary file"):
            imaging.read("/dev/null")


@pytest.mark.parametrize("side", [14_000, 60_000])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    data = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    with pytest.raises(InputError, match="too many pixels: the limit is 178 million"):
        imaging.read(tmp_path / "a.png")


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
    picture = Pillow.open(io.BytesIO(data))
    assert picture.size == (30, 20) and picture.info["srgb"] == 0
    picture.verify()
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
    """A smooth picture stays where it was: each pixel's value is the function at its centre."""

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


def test_odd_files_say_nothing_on_the_terminal(tmp_path, capfd):
    """Unknown tags and a long palette make codecs talk; a user should only hear what matters."""
    pixels = np.zeros((20, 20, 3), np.uint16)
    tag = [(65001, "s", 0, "private", True)]
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extratags=tag, metadata=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        imaging.read(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")
