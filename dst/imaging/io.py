"""Image files, arrays and tensors that users hand in, read and written.

Codecs keep what they can: PNG and TIFF take 8 or 16 bits and alpha, WebP 8 bits and alpha, JPEG and BMP 8 bits over white.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from dst.config import MIN_IMAGE_SIDE, InputError, check_number, suggest
from dst.files import check_extension, check_output, replacing
from dst.imaging.codecs import MAX_PIXELS, READABLE, Decoded, decode, too_many_pixels
from dst.imaging.color import luminance
from dst.imaging.encoding import encode_pixels
from dst.imaging.quiet import quiet
from dst.imaging.resample import flatten
from dst.imaging.strips import ENOUGH, assemble, check_memory, reduced_size

DEEP = (".png", ".tif", ".tiff")
"""Extensions whose files can hold 16 bits a channel."""
CLEAR = (".png", ".tif", ".tiff", ".webp")
"""Extensions whose files can hold alpha."""


@dataclass(frozen=True, eq=False)
class Image:
    """An image as displayed.

    Attributes:
        rgb: (1, 3, H, W) float32 in [0, 1], sRGB.
        alpha: (1, 1, H, W) float32 in [0, 1], straight, or None where the source has none.
        depth: bits a channel of the source, 8 or 16 (8 for floats).
        name: file name, or `image`.
        full: (W, H) of the whole image, where it was read at a reduced size and `rgb` and `alpha` are smaller; else None.
    """

    rgb: torch.Tensor
    alpha: torch.Tensor | None = None
    depth: int = 8
    name: str = "image"
    full: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of the image as displayed, however large `rgb` is: what points refer to."""
        return self.full or (self.rgb.shape[3], self.rgb.shape[2])


def read(source, min_side: int = MIN_IMAGE_SIDE, side: int | None = None) -> Image:
    """Read an image from wherever it comes.

    Args:
        source: a path, a PIL image, an array (H, W[, 1 | 3 | 4]) of uint8, uint16 or floats in [0, 1], a tensor
            ([1, ]1 | 3 | 4, H, W) of uint8 or floats in [0, 1], or an `Image` (returned as it is).
        min_side: what each side must have, pixels. What is given to be matched or painted takes the default; what comes of
            it may be smaller, such as a long strip at a small size.
        side: long side that the image is needed at, pixels. From 16 million pixels and four times that side on, it is
            read at a reduced size, some three times that side, in a fraction of the memory. None for all its pixels.

    Raises:
        InputError: missing, unreadable, truncated, not an image, too small or too large, or too large for the memory that
            is free; an array of another shape or type, or with values outside its range; an `Image` that was read at a
            smaller size than is needed.
    """
    if isinstance(source, Image):
        return _check_reduced(source, side)
    if isinstance(source, (str, os.PathLike)):
        path = _check_source(source)
        return _from_decoded(decode(path, str(source), side=side), path.name, str(source), min_side)
    if isinstance(source, torch.Tensor):
        return _from_pixels(_check_array(_tensor_to_array(source)), "the tensor", min_side, side)
    if isinstance(source, np.ndarray):
        return _from_pixels(_check_array(source), "the array", min_side, side)
    if is_pillow(source):
        name = Path(getattr(source, "filename", "") or "image").name
        return _from_decoded(decode(source, name, side=side), name, name, min_side)
    kind = type(source).__name__
    raise InputError(f"an image was given as {kind}: give a path, a PIL image, a numpy array or a tensor")


def read_mask(source, size: tuple[int, int] | None = None, min_side: int = MIN_IMAGE_SIDE) -> torch.Tensor:
    """Read a mask: the alpha channel where there is one that varies, else the brightness.

    Args:
        source: as `read` takes. A colour profile is not applied: a mask's values are not colours.
        size: (W, H) to bring the mask to; its aspect must be the same, within a pixel's rounding.
        min_side: as `read`.

    Returns:
        (1, 1, H, W) float32 in [0, 1].

    Raises:
        InputError: as `read`; a mask that is zero everywhere; a mask of another aspect than `size`.
    """
    if isinstance(source, (str, os.PathLike)):
        path = _check_source(source)
        side = None if size is None else max(size)
        decoded = decode(path, str(source), colour=False, side=side)
        image = _from_decoded(decoded, path.name, str(source), min_side)
    else:
        image = read(source, min_side)
    if image.alpha is not None and image.alpha.min() < image.alpha.max():
        mask = image.alpha
    else:
        mask = luminance(image.rgb).clamp(0, 1)
    if not bool(mask.any()):
        raise InputError(f"the mask {image.name} is zero everywhere: paint white where it should act")
    if size is None or tuple(size) == image.size:
        return mask
    check_mask_shape(image.name, image.size, size)
    mask = functional.interpolate(mask, size=size[::-1], mode="bilinear", antialias=True, align_corners=False)
    return mask.clamp(0, 1)


def check_mask_shape(name: str, mask: tuple[int, int], size: tuple[int, int]) -> None:
    """Refuse a mask (width, height) of another aspect than its image's.

    Raises:
        InputError: it is by more than a pixel of rounding.
    """
    (w, h), (mask_w, mask_h) = size, mask
    if abs(round(mask_w * h / w) - mask_h) > 1 and abs(round(mask_h * w / h) - mask_w) > 1:
        raise InputError(
            f"the mask {name} is {mask_w} x {mask_h}, the image is {w} x {h}: give a mask of the same shape"
        )


def to_array(rgb: torch.Tensor, alpha: torch.Tensor | None = None, depth: int = 8) -> np.ndarray:
    """Round a tensor to pixels.

    Args:
        rgb: ([1, ]3, H, W); values outside [0, 1] are clamped.
        alpha: ([1, ]1, H, W) or None.
        depth: 8 or 16 bits.

    Returns:
        (H, W, 3) or, with alpha, (H, W, 4); uint8 or uint16, rounded half to even.

    Raises:
        InputError: another shape, another depth, or a value that is not finite.
    """
    if depth not in (8, 16):
        raise InputError(f"depth is {depth!r}: it takes 8 or 16")
    planes = []
    for what, given, channels in (("rgb", rgb, 3), ("alpha", alpha, 1)):
        if given is None:
            continue
        given = given[None] if given.ndim == 3 else given
        if given.ndim != 4 or tuple(given.shape[:2]) != (1, channels):
            raise InputError(f"{what} has shape {tuple(given.shape)}: it takes (1, {channels}, H, W)")
        planes.extend(given[0].detach().cpu())
    if len({tuple(plane.shape) for plane in planes}) > 1:
        raise InputError(f"rgb and alpha differ in size: {tuple(planes[0].shape)} and {tuple(planes[-1].shape)}")
    top = 255 if depth == 8 else 65535
    out = np.empty((*planes[0].shape, len(planes)), np.uint8 if depth == 8 else np.uint16)
    for i, plane in enumerate(planes):  # one channel at a time keeps a 24-megapixel image lean
        values = plane.to(torch.float32)
        if not bool(torch.isfinite(values).all()):
            raise InputError("the image holds values that are not finite: there is nothing to save")
        out[..., i] = values.clamp(0, 1).mul_(top).round_().numpy()
    return out


def encode(rgb, alpha: torch.Tensor | None = None, extension: str = ".png", depth: int = 8, quality: int = 95) -> bytes:
    """Encode an image as a file's bytes, tagged as sRGB.

    Args:
        rgb: (1, 3, H, W) in [0, 1]; or pixels (H, W, 3 | 4) uint8 or uint16, taken as they are.
        alpha: (1, 1, H, W) or None. JPEG and BMP have none: the image is laid over white.
        extension: one of `EXTENSIONS`.
        depth: 8 or 16 bits; formats without 16 bits (JPEG, WebP, BMP) get 8.
        quality: of JPEG and WebP, 1 to 100. JPEG keeps colour at full resolution (4:4:4).

    Raises:
        InputError: an unknown extension, depth or quality, or an image that the format cannot hold.
    """
    extension = check_extension(f"an image{extension}")
    check_number("quality", quality, 1, 100, whole=True)
    pixels = rgb if isinstance(rgb, np.ndarray) else to_array(rgb, alpha, depth)
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(f"pixels are {pixels.dtype} {pixels.shape}: give uint8 or uint16 (H, W, 3 | 4)")
    if pixels.dtype == np.uint16 and extension not in DEEP:
        pixels = ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if extension not in CLEAR:
        pixels = flatten(pixels)
    try:
        with quiet():
            return encode_pixels(np.ascontiguousarray(pixels), extension, quality)
    except (OSError, ValueError) as error:
        height, width = pixels.shape[:2]
        raise InputError(f"{width} x {height} cannot be saved as {extension} ({error}): use .png or .tif") from error


def write(path, rgb, alpha: torch.Tensor | None = None, depth: int = 8, quality: int = 95) -> None:
    """Write an image; the extension decides the format. Whole or not at all: an old file stays until the new is done.

    Arguments as for `encode`.

    Raises:
        InputError: as `check_output` and `encode`.
        OSError: the disk is full or fails.
    """
    target = check_output(path)
    data = encode(rgb, alpha, target.suffix, depth, quality)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _check_source(source) -> Path:
    """The path of an existing, readable, non-empty file."""
    path = Path(source)
    try:
        kind = path.stat()
    except FileNotFoundError:
        near = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        raise InputError(f"{source} does not exist{suggest(path.name, near)}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{str(source)!r} cannot be opened ({error}): give the path of an image") from error
    if not stat.S_ISREG(kind.st_mode):
        what = "a folder" if stat.S_ISDIR(kind.st_mode) else "not an ordinary file"
        raise InputError(f"{source} is {what}: give a {READABLE} file")
    if kind.st_size == 0:
        raise InputError(f"{source} is empty: give a {READABLE} file")
    if not os.access(path, os.R_OK):
        raise InputError(f"{source} may not be read: check its permissions")
    return path


def is_pillow(source: object) -> bool:
    """Whether something is a PIL image, told without loading Pillow."""
    return any(c.__module__.startswith("PIL.") and c.__name__ == "Image" for c in type(source).__mro__)


def _tensor_to_array(x: torch.Tensor) -> np.ndarray:
    shape = tuple(x.shape)
    if x.ndim == 4 and shape[0] == 1:
        x = x[0]
    if x.ndim != 3 or x.shape[0] not in (1, 3, 4):
        raise InputError(f"the tensor has shape {shape}: it takes ([1, ]3, H, W)")
    x = x.detach().cpu().permute(1, 2, 0)
    return x.numpy() if x.dtype == torch.uint8 else x.to(torch.float32).numpy()


def _check_array(array: np.ndarray) -> np.ndarray:
    """(H, W, 1 | 3 | 4), uint8, uint16 or float32 in [0, 1]."""
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4):
        raise InputError(f"the array has shape {array.shape}: it takes (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    if pixels.size == 0 or pixels.dtype in (np.uint8, np.uint16):
        return pixels
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if not np.issubdtype(pixels.dtype, np.floating):
        raise InputError(f"the array holds {array.dtype}: it takes uint8, uint16 or floats from 0 to 1")
    low, high = pixels.min(), pixels.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("the image holds NaN or infinite values: it takes floats from 0 to 1")
    if low < -1e-5 or high > 1 + 1e-5:
        raise InputError(f"the image holds values from {low:g} to {high:g}: it takes floats from 0 to 1 (or uint8)")
    return np.clip(pixels, 0, 1).astype(np.float32)


def _check_reduced(image: Image, side: int | None) -> Image:
    """An image that was read before, if it is large enough to be needed at `side`."""
    height, width = image.rgb.shape[-2:]
    if image.full is not None and (side is None or ENOUGH * side > max(width, height)):
        wanted = "all its pixels are" if side is None else f"{side} pixels are"
        raise InputError(
            f"{image.name} was read at a reduced size, {width} x {height}, and {wanted} needed: give its file"
        )
    return image


def _from_decoded(found: Decoded, name: str, label: str, min_side: int) -> Image:
    _check_side(found.size, label, min_side)
    full = None if found.size == (found.rgb.shape[3], found.rgb.shape[2]) else found.size
    return Image(found.rgb, found.alpha, found.depth, name, full)


def _from_pixels(pixels: np.ndarray, label: str, min_side: int, side: int | None) -> Image:
    """An array (H, W, 1 | 3 | 4) of uint8, uint16 or floats in [0, 1] as an image."""
    height, width, channels = pixels.shape
    _check_side((width, height), label, min_side)
    if height * width > MAX_PIXELS:
        raise too_many_pixels(label)
    target = reduced_size((width, height), side)
    columns, lines = target or (width, height)
    check_memory(label, (width, height), columns * lines * 4 * max(3, channels))
    rgb, alpha = assemble(lambda top, bottom: np.ascontiguousarray(pixels[top:bottom]), (width, height), target)
    return Image(
        rgb, alpha, 16 if pixels.dtype == np.uint16 else 8, "image", None if target is None else (width, height)
    )


def _check_side(size: tuple[int, int], label: str, min_side: int) -> None:
    if min(size) < min_side:
        raise InputError(f"{label} is {size[0]} x {size[1]} pixels: each side must be at least {min_side}")
