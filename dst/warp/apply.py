"""A warp applied to images of every kind that users hold: tensors, arrays, PIL images, and what `dst.read_image` gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from dst.config import InputError, check_choice
from dst.imaging.io import Image, is_pillow
from dst.imaging.resample import sample_at

DTYPES = (np.uint8, np.uint16, np.float16, np.float32, np.float64)
"""Types of the arrays that a warp takes."""


def warped(warp: Any, image: Any, mode: str) -> Any:
    """An image of any kind, by way of a tensor and back; as `Warp.apply` says.

    Args:
        warp: a `Warp` or its inverse: what has `is_identity` and `field`.
        image, mode: as for `Warp.apply`.

    Raises:
        InputError: another shape or type, or an unknown mode.
    """
    check_choice("sampling mode", mode, ("bicubic", "bilinear"))
    if isinstance(image, torch.Tensor):
        return _warped_tensor(warp, image, mode)
    if isinstance(image, Image):
        rgb, alpha = (
            None if x is None else _warped_tensor(warp, x, mode).clamp_(0, 1) for x in (image.rgb, image.alpha)
        )
        return replace(image, rgb=rgb, alpha=alpha)
    if is_pillow(image):
        from PIL import Image as Pillow

        known = (
            image
            if image.mode in ("L", "RGB", "RGBA", "F", "I;16")
            else image.convert("RGBA" if image.has_transparency_data else "RGB")
        )
        return Pillow.fromarray(warped(warp, np.asarray(known), mode))
    if not (isinstance(image, np.ndarray) and image.ndim in (2, 3) and image.dtype in DTYPES and image.size):
        shown = (
            f"array of shape {image.shape}, {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        )
        raise InputError(
            f"image is a {shown}: a warp takes a tensor (N, C, H, W), an array (H, W) or (H, W, C) of uint8, uint16 or "
            "floats, or a PIL image"
        )
    planes = torch.from_numpy(np.ascontiguousarray(np.atleast_3d(image)).astype(_working(image.dtype)))
    moved = _warped_tensor(warp, planes.permute(2, 0, 1)[None], mode)[0].permute(1, 2, 0).numpy().reshape(image.shape)
    if np.issubdtype(image.dtype, np.integer):
        moved = np.rint(moved).clip(0, np.iinfo(image.dtype).max)
    return moved.astype(image.dtype)


def _working(dtype: np.dtype) -> type:
    return np.float64 if dtype == np.float64 else np.float32


def _warped_tensor(warp: Any, image: torch.Tensor, mode: str) -> torch.Tensor:
    if not (image.ndim == 4 and image.is_floating_point() and image.numel()):
        raise InputError(
            f"image is a tensor of shape {tuple(image.shape)}, {image.dtype}: "
            "a warp takes a floating point tensor of shape (N, C, H, W)"
        )
    if warp.is_identity:
        return image.clone()
    with torch.device("cpu"):
        field = warp.field((image.shape[3], image.shape[2]))
        return sample_at(image.cpu(), field, mode).to(image.device)
