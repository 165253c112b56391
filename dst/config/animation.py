"""Options of animations, and the endings of their file names."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import Number, whole

ANIMATIONS = (".gif", ".mp4")
"""What an animation's file name may end in."""


@dataclass(frozen=True)
class AnimationConfig(Checked):
    """An animation of a run: of the way from its photograph to its result, or of its steps."""

    count: int = option(48, "number of frames", whole(2, 10000), "", flag="--frames")
    side: int = option(480, "max long side of the frames, pixels", whole(16, 4096), "")
    fps: float = option(12.0, "frames per second", Number(1, 60), "")
