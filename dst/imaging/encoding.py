"""Arrays to image files: Pillow writes 8 bits; OpenCV and tifffile 16."""

from __future__ import annotations

import io
import zlib

import numpy as np

from dst.imaging.icc import srgb_profile


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
