"""Image files of every kind, whole and damaged, against what was written into them by hand."""

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
from pixels import SIZE, eight, pixels_of, png_16

from dst import imaging
from dst.config import InputError


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
    assert imaging.displayed_size(path) == SIZE  # from the header alone
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


def test_cmyk_and_lab(tmp_path, scene):
    image = Pillow.fromarray(eight(scene[..., :3]))
    image.convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    found = pixels_of(imaging.read(tmp_path / "a.jpg")).astype(int)
    assert np.abs(found - eight(scene[..., :3])).mean() < 3
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    image = Pillow.new("RGB", SIZE, (180, 90, 60))
    to_lab.apply(image).save(tmp_path / "lab.tif")
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


def test_files_that_are_no_images(tmp_path):
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


def test_odd_files_say_nothing_on_the_terminal(tmp_path, capfd):
    """Unknown tags and a long palette make codecs talk; a user should only hear what matters."""
    pixels = np.zeros((20, 20, 3), np.uint16)
    tag = [(65001, "s", 0, "private", True)]
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extratags=tag, metadata=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        imaging.read(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")
