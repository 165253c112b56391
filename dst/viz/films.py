"""Films read frame by frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dst.config import InputError
from dst.imaging.codecs import quiet


def film_frames(path: Any) -> tuple[Iterator[np.ndarray], float]:
    """The frames of a film, (H, W, 3) uint8 each as displayed, one at a time, and how many there are a second.

    Raises:
        InputError: no such file, PyAV is not installed, or the file is no film that it reads; while frames are read, a damaged one.
    """
    if not os.path.isfile(path):
        raise InputError(f"{path} does not exist: give a film's file")
    try:
        import av
    except ImportError as error:
        raise InputError(
            f"{path} is a film, and PyAV, which reads films, is not installed: pip install '.[video]'"
        ) from error
    try:
        with quiet(), av.open(str(path)) as file:
            rate = float(file.streams.video[0].average_rate or 25)
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise InputError(f"{path} is no film that can be read ({error}): give an MP4, for example") from error
    return _frames(Path(path)), rate


def _frames(path: Path) -> Iterator[np.ndarray]:
    import av

    try:
        with av.open(str(path)) as file:
            for frame in file.decode(video=0):
                pixels = frame.to_ndarray(format="rgb24")
                turns = round(getattr(frame, "rotation", 0) / 90) % 4  # counter-clockwise, as displayed
                yield np.ascontiguousarray(np.rot90(pixels, turns))
    except av.error.FFmpegError as error:
        raise InputError(f"{path} is damaged ({error}): give a whole film") from error
