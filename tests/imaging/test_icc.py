"""Colour profiles, against the textbook."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from pixels import P3, assemble, eight, pixels_of, profile_bytes

from dst import imaging
from dst.imaging import icc

ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def by_hand(pixels, colorants, gamma):
    """The textbook conversion of device values in [0, 1] to sRGB."""
    linear = np.clip(pixels**gamma @ (np.linalg.inv(SRGB) @ colorants).T, 0, 1)
    return np.where(linear < 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


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


def test_a_grey_image_with_an_rgb_profile(tmp_path):
    grey = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (16, 1))
    Pillow.fromarray(grey).save(tmp_path / "a.png", icc_profile=icc.srgb_profile())
    assert np.abs(pixels_of(imaging.read(tmp_path / "a.png"))[..., 0].astype(int) - grey).max() <= 1
