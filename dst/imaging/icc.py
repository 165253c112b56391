"""ICC profiles to sRGB: 8-bit images through LittleCMS (Pillow), 16-bit RGB and grey without losing their depth.

LittleCMS as Pillow wraps it works on 8-bit pixels. A matrix profile (Adobe RGB, Display P3, ProPhoto, most scanners
and cameras) is three curves and a 3x3 matrix, so for 16-bit images it is read and worked out in floats
(ICC.1:2022, 10.6 `curveType`, 10.18 `parametricCurveType`, F.3 three-component matrix). A 16-bit image with a table
profile goes through an interpolated 52x52x52 lattice of LittleCMS's own answers, right to half of 1/255.
"""

from __future__ import annotations

import functools
import io
import struct

import numpy as np

STRIP = 1 << 20
"""Pixels converted at a time, so that a 24-megapixel image needs no second copy of itself in floats."""

# Linear sRGB from the profile connection space (XYZ, D50 white): the inverse of sRGB's colorants adapted by Bradford.
FROM_XYZ = np.linalg.inv(
    np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
)


class BrokenProfile(ValueError):
    """A profile that cannot be read or does not belong to this kind of image."""


@functools.lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """An sRGB profile to embed; its date is blanked so that equal images make equal files."""
    from PIL import ImageCms

    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return bytes(data)


def _transform(profile: bytes, mode: str):
    """LittleCMS transform from `profile` to 8-bit sRGB, relative colorimetric with black point compensation."""
    from PIL import ImageCms

    spaces = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != spaces[mode]:
            raise BrokenProfile(f"the profile is for {source.profile.xcolor_space.strip()}, the image is {mode}")
        return ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
        raise BrokenProfile(str(error)) from error


def _lattice(transform, steps: int = 52) -> np.ndarray:
    """The transform's answers on an even lattice: (steps, steps, steps, 3) uint8, first axis red."""
    from PIL import Image

    ticks = np.linspace(0, 255, steps).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1)
    image = Image.fromarray(cube.reshape(steps * steps, steps, 3))
    return np.asarray(transform.apply(image)).reshape(cube.shape)


def _changes_nothing(transform) -> bool:
    """Whether the profile is sRGB already; converting would then only add rounding."""
    ticks = np.arange(18, dtype=np.int16) * 15
    same = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1)
    return bool(np.abs(_lattice(transform, 18) - same).max() <= 1)


def to_srgb_8(image, profile: bytes):
    """Convert an 8-bit Pillow image of mode L, RGB, CMYK or LAB to sRGB (mode RGB).

    Raises:
        BrokenProfile: the profile cannot be used.
    """
    transform = _transform(profile, image.mode)
    return image if image.mode == "RGB" and _changes_nothing(transform) else transform.apply(image)


def to_srgb_16(array: np.ndarray, profile: bytes) -> np.ndarray:
    """Convert 16-bit RGB or grey to sRGB at 16 bits.

    Args:
        array: (H, W, 3) or (H, W, 1) uint16.

    Returns:
        (H, W, 3) uint16 for RGB; (H, W, 1) for grey.

    Raises:
        BrokenProfile: the profile cannot be used.
    """
    channels = array.shape[2]
    transform = _transform(profile, "RGB" if channels == 3 else "L")
    if channels == 3 and _changes_nothing(transform):
        return array
    shaper = _matrix_shaper(profile, channels)
    if shaper is None and channels == 1:
        raise BrokenProfile("a grey profile without a tone curve")
    convert = _through_matrix(*shaper) if shaper else _through_lattice(_lattice(transform))
    flat = array.reshape(-1, channels)
    out = np.empty_like(flat)
    for start in range(0, len(flat), STRIP):
        part = slice(start, start + STRIP)
        out[part] = np.rint(convert(flat[part]) * 65535).astype(np.uint16)
    return out.reshape(array.shape)


def _through_matrix(curves: list[np.ndarray], matrix: np.ndarray | None):
    """A function from (N, C) uint16 device values to (N, C) sRGB in [0, 1]; curves have 65536 entries each."""

    def convert(values: np.ndarray) -> np.ndarray:
        linear = np.stack([curve[values[:, i]] for i, curve in enumerate(curves)], 1)
        return _encode(linear if matrix is None else linear @ matrix.T)

    return convert


def _through_lattice(cube: np.ndarray):
    """A function from (N, 3) uint16 to (N, 3) in [0, 1] by trilinear interpolation in the lattice."""
    import torch

    nodes = torch.from_numpy(cube.astype(np.float32) / 255).permute(3, 0, 1, 2)[None]  # (1, 3, R, G, B)

    def convert(values: np.ndarray) -> np.ndarray:
        where = torch.from_numpy(values[:, ::-1].astype(np.float32)) * (2 / 65535) - 1  # grid order: B, G, R
        grid = where.reshape(1, 1, 1, -1, 3)
        found = torch.nn.functional.grid_sample(nodes, grid, mode="bilinear", padding_mode="border", align_corners=True)
        return found[0, :, 0, 0].T.numpy().clip(0, 1)

    return convert


def _encode(linear: np.ndarray) -> np.ndarray:
    """Linear light to sRGB's encoding (IEC 61966-2-1), clipped to [0, 1]."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055)


def _matrix_shaper(profile: bytes, channels: int) -> tuple[list[np.ndarray], np.ndarray | None] | None:
    """Read curves (65536 floats each) and the matrix to linear sRGB; None where the profile works by tables."""
    try:
        count = struct.unpack_from(">I", profile, 128)[0]
        entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 200))]
        tags = {name: profile[start : start + size] for name, start, size in entries}
        if channels == 1:
            return ([_curve(tags[b"kTRC"])], None) if b"kTRC" in tags else None
        if b"A2B0" in tags or b"A2B1" in tags or b"rXYZ" not in tags or b"rTRC" not in tags:
            return None
        colorants = [np.array(struct.unpack_from(">3i", tags[name], 8)) / 65536 for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
        return curves, FROM_XYZ @ np.stack(colorants, 1)
    except (struct.error, KeyError, IndexError) as error:
        raise BrokenProfile(f"unreadable tag: {error}") from error


def _curve(tag: bytes) -> np.ndarray:
    """A tone curve tag at 65536 evenly spaced device values, in [0, 1]."""
    x = np.linspace(0, 1, 65536)
    if tag[:4] == b"curv":
        count = struct.unpack_from(">I", tag, 8)[0]
        if count == 0:
            return x
        table = np.array(struct.unpack_from(f">{count}H", tag, 12), np.float64)
        return x ** (table[0] / 256) if count == 1 else np.interp(x, np.linspace(0, 1, count), table / 65535)
    if tag[:4] != b"para":
        raise BrokenProfile(f"unknown curve {tag[:4]!r}")
    kind = struct.unpack_from(">H", tag, 8)[0]
    sizes = (1, 3, 4, 5, 7)
    if kind >= len(sizes):
        raise BrokenProfile(f"unknown parametric curve {kind}")
    given = [v / 65536 for v in struct.unpack_from(f">{sizes[kind]}i", tag, 12)]
    g, a, b, c, d, e, f = given + [0.0] * (7 - len(given))
    if kind == 0:
        return x**g
    if kind in (1, 2):  # (ax + b)^g + c above -b/a, else c
        return np.clip(np.maximum(a * x + b, 0) ** g + c, 0, 1)
    return np.clip(np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f), 0, 1)
