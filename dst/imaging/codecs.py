"""Image files to arrays: Pillow reads 8 bits; OpenCV and tifffile 16.

What comes out is what a viewer shows: EXIF orientation applied, ICC profile converted to sRGB, alpha straight.
The rest of the project reads and writes images through `dst.imaging`.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from correspondence.common import open_regular
from dst.config import InputError
from dst.imaging import deep
from dst.imaging.deep import ORIENTATION
from dst.imaging.icc import BrokenProfile, to_srgb_8, to_srgb_16
from dst.imaging.quiet import quiet
from dst.imaging.strips import TRANSPOSED, assemble, check_memory, reduced_size

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF")
READABLE = "JPEG, PNG, TIFF, WebP, BMP or GIF"
MAX_PIXELS = 178_956_970
"""Larger images are refused before they are unpacked (Pillow's own limit against decompression bombs)."""
MAX_BYTES = 2**40
"""What a file may hold of which the header alone is read: anything, for it may be large and still be reduced."""


class ImageWarning(UserWarning):
    """An image was read, but not all that its file says could be honoured."""


def too_many_pixels(name: str) -> InputError:
    """What is raised of an image with more than `MAX_PIXELS`."""
    return InputError(f"{name} has too many pixels: the limit is {MAX_PIXELS // 10**6} million; make it smaller")


class Decoded(NamedTuple):
    """What a file holds, as displayed.

    Attributes:
        rgb: (1, 3, h, w) float32 in [0, 1], sRGB.
        alpha: (1, 1, h, w) float32 in [0, 1], straight, or None.
        size: (W, H) of the image; larger than (w, h) where it was read at a reduced size.
        depth: bits a channel, 8 or 16.
    """

    rgb: torch.Tensor
    alpha: torch.Tensor | None
    size: tuple[int, int]
    depth: int


def displayed_size(path) -> tuple[int, int] | None:
    """(W, H) of an image file as displayed, from its header alone; None where that does not tell."""
    from PIL import Image

    try:
        with quiet(), open_regular(path, MAX_BYTES) as file, Image.open(file, formats=FORMATS) as image:
            turned = image.getexif().get(ORIENTATION, 1) in TRANSPOSED
            tags = getattr(image, "tag_v2", {})  # of a TIFF; Pillow's own size may have been turned already
            size = tags.get(256, image.width), tags.get(257, image.height)
            return size[::-1] if turned else size
    except Exception:  # whatever is wrong with it, `decode` says it
        return None


def decode(source, name: str, colour: bool = True, side: int | None = None) -> Decoded:
    """Decode a file or a Pillow image as displayed.

    Args:
        source: path of a file, or a `PIL.Image.Image`.
        name: how messages call it.
        colour: convert an embedded ICC profile to sRGB (off for masks, whose values are not colours).
        side: long side that is needed, pixels; a far larger image is read at a reduced size
            (`dst.imaging.strips.reduced_size`). None for all its pixels.

    Raises:
        InputError: not an image of a known format, truncated, damaged, larger than `MAX_PIXELS`, or too large for the
            memory that is free.
    """
    from PIL import Image, UnidentifiedImageError

    remarks: list[str] = []
    try:
        with quiet():
            with contextlib.ExitStack() as stack:
                image = source
                if isinstance(source, (str, Path)):
                    image = stack.enter_context(Image.open(source, formats=FORMATS))
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                decoded = _decode_open(image, source, name, colour, side, remarks)
    except UnidentifiedImageError:
        raise InputError(f"{name} is not an image that can be read: give a {READABLE} file (8 or 16 bits)") from None
    except Image.DecompressionBombError:
        raise too_many_pixels(name) from None
    except (InputError, MemoryError):
        raise
    except Exception as error:  # damaged data makes the codecs raise whatever they run into
        detail = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name} is truncated or damaged ({detail}): give a whole {READABLE} file") from error
    for remark in dict.fromkeys(remarks):
        warnings.warn(f"{name}: {remark}", ImageWarning, stacklevel=3)
    return decoded


class _Stored(NamedTuple):
    """An image as its file stores it.

    Its rows, how large they make it and how large it is, (W, H), and the rotation that is left to do.
    """

    rows: Callable[[int, int], np.ndarray]
    size: tuple[int, int]
    full: tuple[int, int]
    orientation: int
    depth: int


def _decode_open(image, source, name: str, colour: bool, side: int | None, remarks: list[str]) -> Decoded:
    path = source if isinstance(source, (str, Path)) else None
    profile = image.info.get("icc_profile") if colour else None
    target, is_deep = reduced_size(image.size, side), path is not None and deep.is_16_bit(image, path)
    # A large 16-bit PNG at a reduced size goes through Pillow, which cuts colours to 8 bits and takes half the memory.
    cut = is_deep and target is not None and image.format == "PNG" and "transparency" not in image.info
    check_memory(name, image.size, _bytes_needed(image, is_deep and not cut, target, path is not None))
    if path is not None and image.format == "TIFF":
        _check_tiff_is_whole(image, Path(path).stat().st_size)
        image.filename = ""  # or Pillow maps the file into memory, with width and height confused where it is rotated
    stored = None
    if is_deep and not cut:
        stored = _stored_deep(image, path, profile, remarks)
        if stored is None:
            remarks.append("this kind of 16-bit file is read at 8 bits")
    elif target is not None and _is_single_webp(image, path):
        stored = _stored_webp(image, path, profile, remarks)
    if stored is None:
        stored = _stored_by_pillow(image, target if path is not None else None, profile, remarks)
    rest = reduced_size(stored.full, side) if stored.size == stored.full else None
    rgb, alpha = assemble(stored.rows, stored.size, rest, stored.orientation)
    full = stored.full[::-1] if stored.orientation in TRANSPOSED else stored.full
    return Decoded(rgb, alpha, full, 16 if cut else stored.depth)


def _bytes_needed(image, is_deep: bool, target: tuple[int, int] | None, is_file: bool) -> float:
    """About how much memory it takes to read an open image: what the codecs hold, and the floats that are made of it."""
    pixels, planes = image.width * image.height, 4 if image.has_transparency_data else 3
    held = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    if is_deep:
        held = 2 * (4 if image.mode == "LA" else len(image.getbands())) + (held if image.format == "PNG" else 0)
    elif image.format == "WEBP":
        held = 7 if target is not None and is_file else 16  # Pillow's decoder keeps two frames and hands out a third
    elif image.format in ("JPEG", "MPO"):
        if target is not None and is_file:
            held /= 4  # unpacked at half its size or less
        if "progressive" in image.info:  # the coefficients of all its blocks, 16 bits each
            most = max(h * v for _, h, v, _ in image.layer)
            held += 2 * sum(h * v for _, h, v, _ in image.layer) / most
    floats = pixels if target is None else target[0] * target[1]
    return pixels * held + 4 * planes * floats


def _stored_deep(image, path, profile: bytes | None, remarks: list[str]) -> _Stored | None:
    """A file of 16 bits a channel; None for a layout that nobody reads."""
    orientation = image.getexif().get(ORIENTATION, 1)  # before loading: Pillow applies a TIFF's and forgets the tag
    if image.format == "PNG":
        image.close()  # a tag may stand behind the pixels, which were unpacked on the way to it
    found = deep.rows_of_file(image, path)
    if found is None:
        return None
    read, size = found

    def rows(top: int, bottom: int) -> np.ndarray:
        return _managed(read(top, bottom), profile, remarks)

    return _Stored(rows, size, size, orientation, 16)


def _is_single_webp(image, path) -> bool:
    return path is not None and image.format == "WEBP" and getattr(image, "n_frames", 1) == 1


def _stored_webp(image, path, profile: bytes | None, remarks: list[str]) -> _Stored:
    """A WebP through OpenCV, which takes less than half the memory that Pillow does."""
    from PIL import Image

    read, size = deep.rows_of_webp(path)

    def rows(top: int, bottom: int) -> np.ndarray:
        return _rows_8(Image.fromarray(read(top, bottom)), profile, remarks)

    return _Stored(rows, size, size, image.getexif().get(ORIENTATION, 1), 8)


def _stored_by_pillow(image, target: tuple[int, int] | None, profile: bytes | None, remarks: list[str]) -> _Stored:
    """A Pillow image; a JPEG is unpacked at a reduced size, where there is a `target` (W, H)."""
    from PIL import Image

    full = image.size
    draft = None if target is None else image.draft(None, target)
    image.load()
    orientation = image.getexif().get(ORIENTATION, 1)  # a TIFF is rotated by now, and its tag gone
    if draft is None:
        full = image.size
    else:
        image = image.resize(target, Image.Resampling.BICUBIC, box=draft[1])
    is_wide = deep.is_wide(image)

    def rows(top: int, bottom: int) -> np.ndarray:
        part = image if bottom - top == image.height else image.crop((0, top, image.width, bottom))
        return _managed(deep.from_wide_mode(part), profile, remarks) if is_wide else _rows_8(part, profile, remarks)

    return _Stored(rows, image.size, full, orientation, 16 if is_wide else 8)


def _managed(part: np.ndarray, profile: bytes | None, remarks: list[str]) -> np.ndarray:
    """Rows (H, W, 1 | 3 | 4) of uint16 in sRGB; alpha stays."""
    if not profile:
        return part
    split = 3 if part.shape[2] >= 3 else 1
    try:
        colour = to_srgb_16(np.ascontiguousarray(part[..., :split]), profile)
    except BrokenProfile as error:
        remarks.append(_ignored(error))
        return part
    return np.concatenate([colour, part[..., split:]], 2)


def _ignored(error: Exception) -> str:
    return f"its colour profile cannot be used and is ignored, colours are taken as sRGB ({error})"


def _rows_8(image, profile: bytes | None, remarks: list[str]) -> np.ndarray:
    """A loaded Pillow image of any mode to grey, RGB or RGBA in sRGB: (H, W, 1 | 3 | 4) uint8."""
    from PIL import Image, ImageCms

    alpha = None
    if image.has_transparency_data:
        clear = image.convert("RGBA") if image.mode != "RGBA" else image
        alpha = clear.getchannel("A")
        image = clear.convert("L" if image.mode in ("L", "LA", "La", "1") else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    if image.mode == "LAB" and not profile:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    if profile:
        try:
            image = to_srgb_8(image, profile)
        except BrokenProfile as first:
            try:  # a grey image may carry the RGB profile of the program that made it
                if image.mode != "L":
                    raise
                image = to_srgb_8(image.convert("RGB"), profile)
            except BrokenProfile:
                remarks.append(_ignored(first))
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    if alpha is not None:
        image = Image.merge("RGBA", (*image.convert("RGB").split(), alpha))
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array


def _check_tiff_is_whole(image, length: int) -> None:
    """Every strip or tile must lie within the file; the codecs notice late, and some of them print."""
    tags = image.tag_v2
    for starts, sizes in ((273, 279), (324, 325)):
        pairs = zip(tags.get(starts, ()), tags.get(sizes, ()), strict=False)
        if any(start + size > length for start, size in pairs):
            raise OSError("it ends before its pixels do")
