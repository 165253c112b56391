"""`dst animate`: a finished run step by step."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dst.cli.rows import Argument, Command, argument_of, output
from dst.cli.streams import say
from dst.config import ANIMATIONS, AnimationConfig
from dst.config.kinds import Folder
from dst.files import check_animation

OPTIONS = {f.name: argument_of(f) for f in fields(AnimationConfig)}
FILE = output(f"the animation; {' or '.join(ANIMATIONS)}", required=True)


def run(args: Any) -> int:
    """Write the animation of a run's steps."""
    check_animation(args.output)

    from dst.viz.animation import run_frames, write_animation

    write_animation(args.output, run_frames(args.run), args.fps)
    if not args.quiet:
        say(f"wrote {args.output}")
    return 0


ROW = Command(
    "animate",
    "animate a finished run step by step",
    "RUN -o FILE [--fps X]",
    run,
    (Argument("run", "folder of a finished run; it keeps small images of its steps", Folder()), FILE, OPTIONS["fps"]),
    record=False,
)
