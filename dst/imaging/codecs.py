"""Image files to arrays and back: `decode` and `encode_pixels`. Pillow handles 8 bits; OpenCV and tifffile 16.

What comes out is what a viewer shows: EXIF orientation applied, ICC profile converted to sRGB, alpha straight.
`dst.imaging` is the door that the rest of the project uses.
"""

from __future__ import annotations

import contextlib
import io
import logging
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np

from dst.config import InputError
from dst.imaging.icc import BrokenProfile, srgb_profile, to_srgb_8, to_srgb_16

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF")
READABLE = "JPEG, PNG, TIFF, WebP, BMP or GIF"
MAX_PIXELS = 178_956_970
"""Larger images are refused before they are unpacked (Pillow's own limit against decompression bombs)."""
ORIENTATION = 274


class ImageWarning(UserWarning):
    """An image was read, but not all that its file says could be honoured."""


@contextlib.contextmanager
def quiet():
    """Keep the codecs' own remarks about odd files off the terminal; what matters is raised or warned by us."""
    import cv2

    logger = logging.getLogger("tifffile")
    levels = logger.level, cv2.utils.logging.getLogLevel()
    logger.setLevel(logging.CRITICAL + 1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(levels[0])
        cv2.utils.logging.setLogLevel(levels[1])


def too_many_pixels(name: str) -> InputError:
    """What is raised of an image with more than `MAX_PIXELS`."""
    return InputError(f"{name} has too many pixels: the limit is {MAX_PIXELS // 10**6} million; make it smaller")


def decode(source, name: str, colour: bool = True) -> np.ndarray:
    """Decode a file or a Pillow image as displayed.

    Args:
        source: path of a file, or a `PIL.Image.Image`.
        name: how messages call it.
        colour: convert an embedded ICC profile to sRGB (off for masks, whose values are not colours).

    Returns:
        (H, W, 1 | 3 | 4) uint8 or uint16: grey, RGB or RGBA with straight alpha.

    Raises:
        InputError: not an image of a known format, truncated, damaged, or larger than `MAX_PIXELS`.
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
                array = _decode_open(image, source, colour, remarks)
    except UnidentifiedImageError:
        raise InputError(f"{name} is not an image that can be read: give a {READABLE} file (8 or 16 bits)") from None
    except Image.DecompressionBombError:
        raise too_many_pixels(name) from None
    except InputError:
        raise
    except Exception as error:  # damaged data makes the codecs raise whatever they run into
        detail = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name} is truncated or damaged ({detail}): give a whole {READABLE} file") from error
    for remark in remarks:
        warnings.warn(f"{name}: {remark}", ImageWarning, stacklevel=3)
    return array


def _decode_open(image, source, colour: bool, remarks: list[str]) -> np.ndarray:
    profile = image.info.get("icc_profile") if colour else None
    orientation = image.getexif().get(
        ORIENTATION, 1
    )  # before loading: Pillow applies a TIFF's itself and forgets the tag
    array = None
    if isinstance(source, (str, Path)) and image.format == "TIFF":
        _check_tiff_is_whole(image, Path(source).stat().st_size)
    if isinstance(source, (str, Path)) and _is_16_bit(image, source):
        array = _decode_16(image, source)
        if array is None:
            remarks.append("this kind of 16-bit file is read at 8 bits")
    elif image.mode.startswith("I;16") or image.mode in ("I", "F"):
        array = _from_wide_mode(image)
    if array is None:
        return _decode_8(image, profile, remarks)
    array = _oriented(array, orientation)
    if profile:
        try:
            split = 3 if array.shape[2] >= 3 else 1
            array[..., :split] = to_srgb_16(np.ascontiguousarray(array[..., :split]), profile)
        except BrokenProfile as error:
            remarks.append(_ignored(error))
    return array


def _ignored(error: Exception) -> str:
    return f"its colour profile cannot be used and is ignored, colours are taken as sRGB ({error})"


def _decode_8(image, profile: bytes | None, remarks: list[str]) -> np.ndarray:
    """Any Pillow image to 8-bit grey, RGB or RGBA, oriented and in sRGB."""
    from PIL import Image, ImageCms, ImageOps

    image.load()
    image = ImageOps.exif_transpose(image)
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


def _from_wide_mode(image) -> np.ndarray:
    """Pillow's 16-bit, 32-bit and float grey modes to uint16."""
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


def _check_tiff_is_whole(image, length: int) -> None:
    """Every strip or tile must lie within the file; the codecs notice late, and some of them print."""
    tags = image.tag_v2
    for starts, sizes in ((273, 279), (324, 325)):
        pairs = zip(tags.get(starts, ()), tags.get(sizes, ()), strict=False)
        if any(start + size > length for start, size in pairs):
            raise OSError("it ends before its pixels do")


def _is_16_bit(image, path) -> bool:
    """Whether the file has 16 bits a channel (Pillow itself would cut RGB down to 8)."""
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (1,))) == 16 and image.tag_v2.get(339, (1,))[0] == 1
    if image.format != "PNG":
        return False
    with open(path, "rb") as file:
        return file.read(25)[24:] == b"\x10"


def _decode_16(image, path) -> np.ndarray | None:
    """A 16-bit PNG or TIFF, not yet oriented: (H, W, 1 | 3 | 4) uint16; None for a layout that nobody reads."""
    data = np.fromfile(path, np.uint8)
    if image.format == "PNG":
        return _through_opencv(data, grey=image.mode in ("I;16", "I"))
    array = _decode_tiff_16(image, data)
    if array is not None and array.shape[2] == 4 and image.tag_v2.get(338, (2,))[0] == 1:  # colour was premultiplied
        alpha = np.maximum(array[..., 3:], 1).astype(np.float64)
        array[..., :3] = np.rint(np.minimum(array[..., :3] / alpha, 1) * 65535)
    return array


def _through_opencv(data: np.ndarray, grey: bool) -> np.ndarray:
    import cv2

    array = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16:
        raise OSError("its pixels cannot be unpacked")
    if array.ndim == 2:
        return array[..., None]
    if array.shape[2] == 4:
        return cv2.cvtColor(array, cv2.COLOR_BGRA2RGBA)
    return array[..., :1].copy() if grey else cv2.cvtColor(array, cv2.COLOR_BGR2RGB)


def _decode_tiff_16(image, data: np.ndarray) -> np.ndarray | None:
    import tifffile

    tags = image.tag_v2
    if tags.get(262) not in (0, 1, 2):  # CMYK, Lab and the like
        return None
    with tifffile.TiffFile(io.BytesIO(data.tobytes())) as file:
        page = file.pages[0]
        tag = page.tags.get(ORIENTATION)
        try:
            array = page.asarray()
        except ValueError:  # a compression that needs more than tifffile alone has, such as LZW
            if tags.get(284, 1) != 1:
                return None
            if tag is not None:  # OpenCV may apply it, as versions differ in doing; we do it ourselves
                data[tag.valueoffset : tag.valueoffset + 2] = np.frombuffer(
                    struct.pack(file.byteorder + "H", 1), np.uint8
                )
            array = _through_opencv(data, grey=False)
        else:
            array = array[..., None] if array.ndim == 2 else array
            if tags.get(284, 1) == 2 and array.shape[2] != tags.get(277, 1):
                array = np.moveaxis(array, 0, 2)
    array = np.array(array, np.uint16)
    if tags.get(262) == 0:
        array[..., 0] = 65535 - array[..., 0]
    extra = tags.get(277, 1) - (3 if tags.get(262) == 2 else 1)
    if array.shape[2] == 2:  # grey and alpha
        array = array[..., [0, 0, 0, 1]]
    elif extra > 1 or (extra == 1 and not tags.get(338)):
        array = array[..., : 3 if tags.get(262) == 2 else 1]
    return np.ascontiguousarray(array)


def _oriented(array: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1 to 8) to (H, W, C)."""
    if orientation in (5, 6, 7, 8):
        array = array.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)


def encode_pixels(pixels: np.ndarray, extension: str, quality: int) -> bytes:
    """Encode (H, W, 3 | 4) pixels that the format can hold; all but BMP say that they are sRGB."""
    if extension == ".png":
        return _encode_png(pixels)
    out = io.BytesIO()
    if extension in (".tif", ".tiff"):
        import tifffile

        extra = ["unassalpha"] if pixels.shape[2] == 4 else None
        plain = {
            "metadata": None,
            "software": False,
            "compression": "zlib",
            "predictor": True,
            "compressionargs": {"level": 1},
        }
        tifffile.imwrite(out, pixels, photometric="rgb", extrasamples=extra, iccprofile=srgb_profile(), **plain)
        return out.getvalue()
    from PIL import Image as Pillow

    image = Pillow.fromarray(pixels)
    if extension in (".jpg", ".jpeg"):
        image.save(out, "JPEG", quality=quality, subsampling=0, icc_profile=srgb_profile())
    elif extension == ".webp":
        image.save(out, "WEBP", quality=quality, exact=True, method=2, icc_profile=srgb_profile())
    else:
        image.save(out, "BMP")
    return out.getvalue()


def _encode_png(pixels: np.ndarray) -> bytes:
    """PNG through OpenCV (faster than Pillow, and 16 bits), with the chunk that says sRGB put after the header."""
    import cv2

    order = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(pixels, order))
    if not done:
        raise ValueError("OpenCV's encoder failed")
    data = data.tobytes()
    body = b"sRGB\x00"
    chunk = (1).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return data[:33] + chunk + data[33:]
