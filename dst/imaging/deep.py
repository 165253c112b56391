"""Pixels that Pillow cuts to 8 bits or takes much memory for: 16-bit PNG and large WebP through OpenCV, 16-bit TIFF through tifffile.

Also what Pillow holds in its own modes of wide grey values.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from dst.config import InputError

PACKED = 1 << 24
"""Bytes of a TIFF's packed strips that are read ahead."""
ORIENTATION = 274
"""Number of the tag that says how an image is rotated."""


def is_16_bit(image, path) -> bool:
    """Whether a file has 16 bits a channel (Pillow itself would cut RGB down to 8)."""
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (1,))) == 16 and image.tag_v2.get(339, (1,))[0] == 1
    if image.format != "PNG":
        return False
    with open(path, "rb") as file:
        return file.read(25)[24:] == b"\x10"


def is_wide(image) -> bool:
    """Whether Pillow holds grey values of more than 8 bits."""
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def from_wide_mode(image) -> np.ndarray:
    """Pillow's 16-bit, 32-bit and float grey modes to (H, W, 1) uint16."""
    values = np.asarray(image)
    if image.mode == "F":
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise InputError(
                f"a float image holds values from {values.min():g} to {values.max():g}: scale it to 0 ... 1"
            )
        values = np.rint(values * 65535)
    elif values.min() < 0 or values.max() > 65535:
        raise InputError(f"a 32-bit grey image holds values up to {values.max()}: save it with 16 bits")
    return values.astype(np.uint16)[..., None]


def rows_of_file(image, path) -> tuple[Callable[[int, int], np.ndarray], tuple[int, int]] | None:
    """The rows of a 16-bit PNG or TIFF, as stored.

    Returns:
        Function (top, bottom) -> (bottom - top, W, 1 | 3 | 4) uint16, and (W, H); None for a layout that nobody reads.
    """
    if image.format == "PNG":
        array = _through_opencv(np.fromfile(path, np.uint8), np.uint16)
        if array.shape[2] == 3 and image.mode in ("I;16", "I"):
            array = array[..., :1]
        return lambda top, bottom: _from_bgr(array[top:bottom]), array.shape[1::-1]
    array, tags = _decode_tiff(image, path), image.tag_v2
    if array is None:
        return None
    return lambda top, bottom: _from_tiff(array[top:bottom], tags), array.shape[1::-1]


def rows_of_webp(path) -> tuple[Callable[[int, int], np.ndarray], tuple[int, int]]:
    """The rows of a WebP of one frame, as stored: (top, bottom) -> (bottom - top, W, 3 | 4) uint8, and (W, H)."""
    array = _through_opencv(np.fromfile(path, np.uint8), np.uint8)
    return lambda top, bottom: _from_bgr(array[top:bottom]), array.shape[1::-1]


def _through_opencv(data: np.ndarray, kind: type) -> np.ndarray:
    """The pixels of an encoded image in OpenCV's order: (H, W, 1 | 3 | 4) of a kind, grey or blue first."""
    import cv2

    array = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != kind:
        raise OSError("its pixels cannot be unpacked")
    return array[..., None] if array.ndim == 2 else array


def _from_bgr(part: np.ndarray) -> np.ndarray:
    import cv2

    if part.shape[2] == 1:
        return part
    return cv2.cvtColor(part, cv2.COLOR_BGR2RGB if part.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def _decode_tiff(image, path) -> np.ndarray | None:
    """The samples of a 16-bit TIFF as they are, (H, W, C); None for what neither library reads."""
    import tifffile

    tags = image.tag_v2
    if tags.get(262) not in (0, 1, 2):  # CMYK, Lab and the like
        return None
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        try:
            array = page.asarray(buffersize=PACKED)
        except ValueError:  # a compression that needs more than tifffile alone has, such as LZW
            if tags.get(284, 1) != 1:
                return None
            data, tag = np.fromfile(path, np.uint8), page.tags.get(ORIENTATION)
            if tag is not None:  # OpenCV may apply it, as versions differ in doing; we do it ourselves
                data[tag.valueoffset : tag.valueoffset + 2] = np.frombuffer(
                    struct.pack(file.byteorder + "H", 1), np.uint8
                )
            array = _through_opencv(data, np.uint16)
            return array if array.shape[2] == 1 else array[..., [2, 1, 0, 3][: array.shape[2]]]
    array = array[..., None] if array.ndim == 2 else array
    if tags.get(284, 1) == 2 and array.shape[2] != tags.get(277, 1):
        array = np.moveaxis(array, 0, 2)
    return array


def _from_tiff(part: np.ndarray, tags) -> np.ndarray:
    """Samples to (H, W, 1 | 3 | 4) uint16: black is zero, grey with alpha becomes RGBA, alpha is straight."""
    part = np.array(part, np.uint16)
    if tags.get(262) == 0:
        part[..., 0] = 65535 - part[..., 0]
    extra = tags.get(277, 1) - (3 if tags.get(262) == 2 else 1)
    if part.shape[2] == 2:  # grey and alpha
        part = part[..., [0, 0, 0, 1]]
    elif extra > 1 or (extra == 1 and not tags.get(338)):
        part = part[..., : 3 if tags.get(262) == 2 else 1]
    if part.shape[2] == 4 and tags.get(338, (2,))[0] == 1:  # colour was premultiplied
        alpha = np.maximum(part[..., 3:], 1).astype(np.float64)
        part[..., :3] = np.rint(np.minimum(part[..., :3] / alpha, 1) * 65535)
    return np.ascontiguousarray(part)
