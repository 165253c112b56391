"""Images: all reading and writing of their files, and what is done to them besides matching, warping and painting.

Inside the project an image is a float32 tensor (1, 3, H, W), sRGB-encoded, in [0, 1], as a viewer shows it. Alpha is
straight (not premultiplied) and travels beside it.
"""

from dst.imaging.codecs import ImageWarning, displayed_size
from dst.imaging.io import Image, check_mask_shape, encode, read, read_mask, to_array, write
from dst.imaging.io import read as read_image
from dst.imaging.io import write as write_image
from dst.imaging.resample import cover, fit_size, flatten, resize

__all__ = [
    "Image",
    "ImageWarning",
    "check_mask_shape",
    "cover",
    "displayed_size",
    "encode",
    "fit_size",
    "flatten",
    "read",
    "read_image",
    "read_mask",
    "resize",
    "to_array",
    "write",
    "write_image",
]
