"""Small images of a run's steps, for an animation of it: collected while it goes, kept in its checkpoint."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch.nn import functional as F

from dst import imaging
from dst.config import AnimationConfig, InputError, check_number
from dst.imaging import color
from dst.optim.state import Step
from dst.runs.result import Result

KEPT_SIDE, KEPT_COUNT, KEPT_QUALITY = 256, 60, 90
"""Long side, max number and JPEG quality of the images of its steps that a run's checkpoint keeps."""


class Recorder:
    """Collects the steps of a run: give it as `on_step`, then ask for `frames`.

    At most `limit` images are kept; when there are more, every second one is let go and only every second step is taken
    from then on, so that memory stays bounded and the images evenly spread.
    """

    def __init__(self, side: int = AnimationConfig.side, limit: int = 120, on_step: Any = None) -> None:
        """`side` is the long side of the images in pixels; `on_step` is called as well, and its answer passed on."""
        self.side = AnimationConfig(side=side).side
        self.limit = check_number("limit", limit, 2, 10000, whole=True)
        self.on_step, self.every, self.seen = on_step, 1, 0
        self.shots: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, step: Step) -> object:
        stop = self.on_step(step) if self.on_step is not None else None
        if self.seen % self.every == 0:
            image = shrunk(step.state.image, self.side)
            moved = step.state.parameters.get("displacement", [torch.zeros(0, 2)])[0]
            self.shots.append((self._stored(imaging.to_array(image)), moved.detach().cpu().double().numpy().copy()))
        self.seen += 1
        if len(self.shots) > self.limit:
            self.shots, self.every = self.shots[::2], 2 * self.every
        return stop

    def _stored(self, image: np.ndarray) -> np.ndarray:
        """What is kept of an image (H, W, 3) uint8: itself."""
        return image

    def frames(
        self, result: Result, warped: bool = True, hold: int = 12, source: np.ndarray | None = None
    ) -> Iterator[np.ndarray]:
        """The frames, all of one size, (H, W, 3) uint8; the last one is the result and stays for `hold` frames.

        Args:
            result: what the run ended with.
            warped: show each image under the warp as far as it was reached then.
            hold: how often the last frame comes.
            source: (k, 2) the keypoints that the steps moved, unit coordinates; None for those of the result's warp,
                which may be fewer, since some are dropped where the map would fold.

        Raises:
            InputError: an image that was kept is damaged.
        """
        last = imaging.to_array(shrunk(opaque(result.image), self.side))
        height, width = last.shape[:2]
        source = result.warp.source if source is None else source
        grey = result.record.get("settings", {}).get("preserve_color") == "luminance"
        content = shrunk(opaque(result.content), self.side) if grey else None
        for image, moved in self.shots:
            shown = imaging.read(image if image.ndim == 3 else _jpeg(image), min_side=1).rgb
            shown = F.interpolate(shown, size=(height, width), mode="bicubic", align_corners=False).clamp(0, 1)
            if content is not None:
                shown = color.keep_chroma(shown, content)
            if warped and len(moved) == len(source) and len(moved):
                points = {"source": source, "displacement": moved, "rigid": None, "origin": None, "pinned": None}
                warp = dataclasses.replace(result.warp, strength=1.0, **points)
                shown = warp.apply(shown, "bilinear").clamp(0, 1)
            yield imaging.to_array(shown)
        for _ in range(max(1, hold)):
            yield last


class KeptFrames(Recorder):
    """The recorder of a run that is kept in a folder: few small images, as JPEG, that a checkpoint takes."""

    def __init__(self, packed: dict[str, Any] | None = None) -> None:
        """Begin, or go on from what `packed` returned."""
        super().__init__(KEPT_SIDE, KEPT_COUNT)
        if packed is not None:
            self.every, self.seen = packed["every"], packed["seen"]
            self.shots = [(image.numpy(), moved.numpy()) for image, moved in packed["shots"]]

    def _stored(self, image: np.ndarray) -> np.ndarray:
        """The image's JPEG: bytes as (n,) uint8."""
        return np.frombuffer(imaging.encode(image, extension=".jpg", quality=KEPT_QUALITY), np.uint8).copy()

    def packed(self) -> dict[str, Any]:
        """All that there is, in types that a checkpoint holds."""
        shots = [[torch.from_numpy(image), torch.from_numpy(moved)] for image, moved in self.shots]
        return {"every": self.every, "seen": self.seen, "shots": shots}


def _jpeg(data: np.ndarray) -> PIL.Image.Image:
    """The image of a JPEG's bytes (n,) uint8; no other format is tried, since some of them start other programs.

    Raises:
        InputError: it is no JPEG, or larger than any that is kept.
    """
    try:
        image = PIL.Image.open(io.BytesIO(data.tobytes()), formats=("JPEG",))
    except (OSError, ValueError, PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise InputError(f"one of the {KEPT_SIDE}-pixel images of its steps is no JPEG") from error
    if max(image.size) > KEPT_SIDE:
        raise InputError(f"an image of its steps is {image.width} x {image.height}, and {KEPT_SIDE} at most is kept")
    return image


def opaque(pixels: np.ndarray) -> torch.Tensor:
    """Pixels (H, W, 3 | 4) of uint8 as (1, 3, H, W), laid over white."""
    return torch.from_numpy(imaging.flatten(np.ascontiguousarray(pixels))).permute(2, 0, 1)[None].float() / 255


def shrunk(image: torch.Tensor, side: int) -> torch.Tensor:
    """An image (1, 3, H, W), its long side at `side` where it is longer, on the CPU."""
    return imaging.resize(image.cpu(), min(side, max(image.shape[-2:])))
