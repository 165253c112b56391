"""`dst animate`: a finished run step by step."""

from __future__ import annotations

from typing import Any

from dst.cli.rows import Argument, Command, output
from dst.cli.running import check_animation
from dst.cli.streams import say
from dst.config.kinds import Folder, Number

FPS = Argument("--fps", "frames a second", Number(1, 60), 12.0)
FILE = output("the animation; .gif or .mp4", required=True)


def run(args: Any) -> int:
    """Write the animation of a run's steps."""
    check_animation(args.output, args)

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
    (Argument("run", "folder of a finished run; it keeps small images of its steps", Folder()), FILE, FPS),
    record=False,
)
