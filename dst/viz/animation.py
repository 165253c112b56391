"""Moving images: the way from the photograph to the warped, painted result, and a finished run step by step."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch

from dst import imaging
from dst.config import AnimationConfig, InputError
from dst.files import check_animation, replacing
from dst.imaging.codecs import quiet
from dst.runs import checkpoint
from dst.runs.frames import opaque, shrunk
from dst.runs.result import Result

H264 = {"crf": "18", "flags": "+bitexact", "x264-params": "cpu-independent=1"}
"""Visually lossless. Without the last one x264 gave files of several lengths for the same frames, on a processor with AVX-512."""
INSTEAD = "install PyAV by `pip install '.[video]'`, or use a .gif"


def run_frames(folder: Any, hold: int = 12) -> Iterator[np.ndarray]:
    """The frames of a finished run's animation, step by step: `write_animation` takes them.

    The folder keeps at most 60 images, evenly spread over the steps, of at most 256 pixels.

    Args:
        folder: of a run that was made with `run_dir`.
        hold: how often the last frame, the result, comes.

    Returns:
        (H, W, 3) uint8 each.

    Raises:
        InputError: as `dst.load_run`; a run that kept no images of its steps, or whose images are damaged.
    """
    result = Result.load(folder)
    if not checkpoint.is_kept(folder):
        raise InputError(f"{folder} kept no images of its steps: give the folder of a run that was made with --run")
    kept = checkpoint.read(folder)
    if not kept.frames.shots:
        raise InputError(f"{folder} holds no images of its steps: `dst morph` animates the way to any result")
    return _kept_frames(folder, result, kept, hold)


def _kept_frames(folder: Any, result: Result, kept: checkpoint.Kept, hold: int) -> Iterator[np.ndarray]:
    warp = kept.job.scene.warp
    try:
        yield from kept.frames.frames(result, hold=hold, source=None if warp is None else warp.source)
    except InputError as error:
        raise InputError(f"{folder}/{checkpoint.NAME} is damaged ({error}): make the run again") from error


def morph(
    result: Result, count: int = AnimationConfig.count, side: int = AnimationConfig.side, hold: int = 8
) -> Iterator[np.ndarray]:
    """Frames that lead from the photograph to the result: shapes and paint come in together.

    Args:
        result: of a run.
        count: frames of the way, 2 or more; the first is the content, the last the result.
        side: long side of the frames, pixels, where the image is larger.
        hold: how often the first and the last frame come in addition.

    Returns:
        (H, W, 3) uint8 each; alpha is laid over white.

    Raises:
        InputError: a count or a side out of range.
    """
    asked = AnimationConfig(count=count, side=side)
    return _morph(result, asked.count, asked.side, hold)


def _morph(result: Result, count: int, side: int, hold: int) -> Iterator[np.ndarray]:
    content, painted, image = (shrunk(opaque(p), side) for p in (result.content, result.unwarped, result.image))
    first, last = imaging.to_array(content), imaging.to_array(image)
    yield from [first] * (hold + 1)
    for k in range(1, count - 1):
        t = k / (count - 1)
        share = t * t * (3 - 2 * t)
        warp = result.warp.with_strength(share * result.warp.strength)
        yield imaging.to_array(warp.apply(torch.lerp(content, painted, share), "bilinear").clamp(0, 1))
    yield from [last] * (hold + 1)


def write_animation(path: Any, frames: Iterable[np.ndarray], fps: float = AnimationConfig.fps) -> Path:
    """Write frames as an animation, whole or not at all; the extension decides: GIF or MP4.

    An MP4 is H.264 where PyAV is installed (`pip install '.[video]'`), which every player shows; else MPEG-4 part 2 by OpenCV,
    read back to make sure that all of it arrived. The same frames give the same bytes on one machine.

    Args:
        path: ends in .gif or .mp4.
        frames: (H, W, 3) uint8, all of one size; at least one.
        fps: frames a second, 1 to 60.

    Raises:
        InputError: a path that cannot be written, no frame, frames of unequal sizes, no codec for MP4.
        OSError: the disk is full or fails.
    """
    path = check_animation(path)
    fps = AnimationConfig(fps=fps).fps
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError("there is no frame to write: an animation takes one or more")
    with replacing(path) as temporary:
        write = _write_gif if path.suffix.lower() == ".gif" else _write_mp4
        write(temporary, _same_size(first, frames), fps)
    return path


def _same_size(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    for frame in rest:
        if frame.shape != first.shape:
            raise InputError(f"a frame is {frame.shape}, the first one {first.shape}: an animation takes one size")
        yield frame


def _write_gif(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    images = (PIL.Image.fromarray(frame).quantize(256, method=PIL.Image.Quantize.MEDIANCUT) for frame in frames)
    first = next(images)
    duration = max(20, round(100 / fps) * 10)
    with path.open("wb") as file:
        first.save(file, format="GIF", save_all=True, append_images=images, duration=duration, loop=0)


def _write_mp4(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    even = (np.pad(f, ((0, f.shape[0] % 2), (0, f.shape[1] % 2), (0, 0)), mode="edge") for f in frames)
    try:
        import av

        write = _write_h264 if "libx264" in av.codecs_available else _write_mpeg4
    except ImportError:
        write = _write_mpeg4
    write(path, even, fps)


def _write_h264(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    """By PyAV, which tells of every write that fails; in 4:2:0 of BT.709, on one thread so that it repeats itself."""
    import av

    first = next(frames)
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    try:
        with av.open(str(path), "w", format="mp4", options=options) as file:
            rate = Fraction(fps).limit_denominator(1001)
            stream = file.add_stream("libx264", rate=rate, options=H264)
            stream.height, stream.width, stream.pix_fmt = *first.shape[:2], "yuv420p"
            codec = stream.codec_context
            codec.thread_count = 1
            codec.colorspace = codec.color_primaries = codec.color_trc = codec.color_range = 1  # BT.709, 16 to 235
            for frame in chain([first], frames):
                image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                file.mux(stream.encode(image.reformat(format="yuv420p", dst_colorspace="ITU709")))
            file.mux(stream.encode())
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _write_mpeg4(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    """By OpenCV, which tells of no fault: what it wrote is read back."""
    import cv2

    first, count = next(frames), 0
    size = first.shape[1::-1]
    with quiet():
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, size)
    if not writer.isOpened():
        path.write_bytes(bytes(4096))  # a full disk says so
        raise OSError(errno.ENOTSUP, f"this installation of OpenCV cannot write MP4: {INSTEAD}")
    for frame in chain([first], frames):
        with quiet():
            writer.write(np.ascontiguousarray(frame[..., ::-1]))
        count += 1
    with quiet():
        writer.release()
        whole = _is_whole(path) and _count_frames(path, size) == count
    if not whole:
        raise OSError(errno.EIO, f"not all of it arrived: the disk may be full; otherwise {INSTEAD}")


def _is_whole(path: Path) -> bool:
    """Whether an MP4's boxes (ISO/IEC 14496-12, section 4.2) fill its file to the last byte, an index among them."""
    names, at, end = set(), 0, path.stat().st_size
    with path.open("rb") as file:
        while at < end:
            file.seek(at)
            length, name, long = struct.unpack(">I4sQ", file.read(16).ljust(16, b"\0"))
            names.add(name)
            at += max(8, long if length == 1 else length)
    return at == end and b"moov" in names


def _count_frames(path: Path, size: tuple[int, int]) -> int:
    import cv2

    reader, count = cv2.VideoCapture(str(path)), 0
    while (image := reader.read()[1]) is not None and image.shape[1::-1] == size:
        count += 1
    reader.release()
    return count
