"""Moving pictures: the steps of a run, and the morph from the photograph to the bent, painted result.

A run that is kept in a folder keeps small pictures of its steps in its checkpoint, so that its film can be made
afterwards (`dst.pipeline.run_frames`).
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch.nn import functional as F

from dst import imaging
from dst.config import InputError, check_number
from dst.files import check_output, replacing
from dst.imaging import color
from dst.result import Result, Step

EXTENSIONS = (".gif", ".mp4")
SIDE = 480
"""Long side of a film's frames, pixels, where the picture is larger."""
KEPT_SIDE, KEPT_COUNT, KEPT_QUALITY = 256, 60, 90
"""Long side, greatest number and JPEG quality of the pictures of its steps that a run's checkpoint keeps."""


class Recorder:
    """Collects the steps of a run: give it as `on_step`, then ask for `frames`.

    At most `limit` pictures are held; when there are more, every second one is let go and only every second step is taken
    from then on, so that memory stays bounded and the pictures evenly spread.
    """

    def __init__(self, side: int = SIDE, limit: int = 120, on_step: Any = None) -> None:
        """`side` is the long side of the pictures in pixels; `on_step` is called as well, and its answer passed on."""
        check_number("side", side, 16, 4096, whole=True)
        check_number("limit", limit, 2, 10000, whole=True)
        self.side, self.limit, self.on_step = side, limit, on_step
        self.every, self.seen = 1, 0
        self.shots: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, step: Step) -> object:
        stop = self.on_step(step) if self.on_step is not None else None
        if self.seen % self.every == 0:
            picture = _shrunk(step.state.image, self.side)
            moved = step.state.displacement.detach().cpu().double().numpy().copy()
            self.shots.append((self._held(imaging.to_array(picture)), moved))
        self.seen += 1
        if len(self.shots) > self.limit:
            self.shots, self.every = self.shots[::2], 2 * self.every
        return stop

    def _held(self, picture: np.ndarray) -> np.ndarray:
        """What is held of a picture (H, W, 3) uint8: itself."""
        return picture

    def frames(
        self, result: Result, bent: bool = True, hold: int = 12, source: np.ndarray | None = None
    ) -> Iterator[np.ndarray]:
        """The frames, all of one size, (H, W, 3) uint8; the last one is the result and stays for `hold` frames.

        Args:
            result: what the run ended with.
            bent: show each picture under the warp as far as it was reached then.
            hold: how often the last frame comes.
            source: (k, 2) the keypoints that the steps moved, unit coordinates; None for those of the result's warp,
                which may be fewer, since some are dropped where the map would fold.
        """
        last = _opaque(_shrunk(_tensor(result.image), self.side))
        height, width = last.shape[:2]
        source = result.warp.source if source is None else source
        grey = result.record.get("settings", {}).get("preserve_color") == "luminance"
        content = _shrunk(_tensor(result.content), self.side) if grey else None
        for picture, moved in self.shots:
            kept = picture if picture.ndim == 3 else PIL.Image.open(io.BytesIO(picture.tobytes()))
            shown = imaging.read(kept, min_side=1).rgb
            shown = F.interpolate(shown, size=(height, width), mode="bicubic", align_corners=False).clamp(0, 1)
            if content is not None:
                shown = color.keep_chroma(shown, content)
            if bent and len(moved) == len(source) and len(moved):
                warp = dataclasses.replace(result.warp, source=source, displacement=moved, strength=1.0, rigid=None)
                shown = warp.apply(shown, "bilinear").clamp(0, 1)
            yield imaging.to_array(shown)
        for _ in range(max(1, hold)):
            yield last


class Kept(Recorder):
    """The recorder of a run that is kept in a folder: few small pictures, as JPEG, that a checkpoint takes."""

    def __init__(self, packed: dict[str, Any] | None = None) -> None:
        """Begin, or go on from what `packed` returned."""
        super().__init__(KEPT_SIDE, KEPT_COUNT)
        if packed is not None:
            self.every, self.seen = packed["every"], packed["seen"]
            self.shots = [(picture.numpy(), moved.numpy()) for picture, moved in packed["shots"]]

    def _held(self, picture: np.ndarray) -> np.ndarray:
        """The picture's JPEG: bytes as (n,) uint8."""
        return np.frombuffer(imaging.encode(picture, extension=".jpg", quality=KEPT_QUALITY), np.uint8).copy()

    def packed(self) -> dict[str, Any]:
        """All that there is, in types that a checkpoint holds."""
        shots = [[torch.from_numpy(picture), torch.from_numpy(moved)] for picture, moved in self.shots]
        return {"every": self.every, "seen": self.seen, "shots": shots}


def morph(result: Result, count: int = 48, side: int = SIDE, hold: int = 8) -> Iterator[np.ndarray]:
    """Frames that lead from the photograph to the result: shapes bend and paint comes in together.

    Args:
        result: of a run.
        count: frames of the way, 2 or more; the first is the content, the last the result.
        side: long side of the frames, pixels, where the picture is larger.
        hold: how often the first and the last frame come in addition.

    Returns:
        (H, W, 3) uint8 each; alpha is laid over white.

    Raises:
        InputError: a count or a side out of range.
    """
    check_number("count", count, 2, 10000, whole=True)
    check_number("side", side, 16, 4096, whole=True)
    return _morph(result, count, side, hold)


def _morph(result: Result, count: int, side: int, hold: int) -> Iterator[np.ndarray]:
    content, painted, image = (_shrunk(_tensor(p), side) for p in (result.content, result.unwarped, result.image))
    first, last = _opaque(content), _opaque(image)
    yield from [first] * (hold + 1)
    for k in range(1, count - 1):
        t = k / (count - 1)
        share = t * t * (3 - 2 * t)
        warp = result.warp.with_strength(share * result.warp.strength)
        yield _opaque(warp.apply(torch.lerp(content, painted, share), "bilinear").clamp(0, 1))
    yield from [last] * (hold + 1)


def write_film(path: Any, frames: Iterable[np.ndarray], fps: float = 12.0) -> Path:
    """Write frames as a film, whole or not at all; the extension decides: GIF, or MP4 (MPEG-4 part 2).

    Args:
        path: ends in .gif or .mp4.
        frames: (H, W, 3) uint8, all of one size; at least one.
        fps: frames a second, 1 to 60.

    Raises:
        InputError: a path that cannot be written, no frame, frames of unequal sizes, no codec for MP4.
    """
    path = check_film(path)
    check_number("fps", fps, 1, 60)
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError("there is no frame to write: a film takes one or more")
    with replacing(path) as temporary:
        write = _write_gif if path.suffix.lower() == ".gif" else _write_mp4
        write(temporary, _same_size(first, frames), fps)
    return path


def check_film(path: Any) -> Path:
    """Make sure, before any work, that a film can be written there.

    Raises:
        InputError: another extension, a missing or unwritable folder.
    """
    return check_output(path, EXTENSIONS)


def _same_size(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    for frame in rest:
        if frame.shape != first.shape:
            raise InputError(f"a frame is {frame.shape}, the first one {first.shape}: a film takes one size")
        yield frame


def _write_gif(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    pictures = (PIL.Image.fromarray(frame).quantize(256, method=PIL.Image.Quantize.MEDIANCUT) for frame in frames)
    first = next(pictures)
    duration = max(20, round(100 / fps) * 10)
    first.save(path, format="GIF", save_all=True, append_images=pictures, duration=duration, loop=0)


def _write_mp4(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    import cv2

    writer = None
    for frame in frames:
        even = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")
        if writer is None:
            size = even.shape[1], even.shape[0]
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, size)
            if not writer.isOpened():
                raise InputError("this installation of OpenCV cannot write MP4: use a .gif, or install its full build")
        writer.write(np.ascontiguousarray(even[..., ::-1]))
    writer.release()
    if path.stat().st_size == 0:
        raise InputError("this installation of OpenCV wrote an empty MP4: use a .gif")


def _tensor(picture: np.ndarray) -> torch.Tensor:
    """Pixels (H, W, 3 | 4) as (1, 3, H, W) over white."""
    rgb = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 255
    return rgb[:, :3] if rgb.shape[1] == 3 else rgb[:, :3] * rgb[:, 3:] + 1 - rgb[:, 3:]


def _shrunk(image: torch.Tensor, side: int) -> torch.Tensor:
    return imaging.resize(image.cpu(), min(side, max(image.shape[-2:])))


def _opaque(image: torch.Tensor) -> np.ndarray:
    return imaging.to_array(image)
