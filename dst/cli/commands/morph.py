"""`dst morph`: the way from the photograph to the result."""

from __future__ import annotations

from typing import Any

from dst.cli.commands.animate import FILE, OPTIONS
from dst.cli.rows import Argument, Command
from dst.cli.streams import say
from dst.config.kinds import Folder
from dst.files import check_animation


def run(args: Any) -> int:
    """Write the animation from a run's photograph to its result."""
    check_animation(args.output)

    from dst.deform.resuming import load_run
    from dst.viz import animation

    frames = animation.morph(load_run(args.run), args.frames, args.side)
    animation.write_animation(args.output, frames, args.fps)
    if not args.quiet:
        say(f"wrote {args.output}")
    return 0


ROW = Command(
    "morph",
    "animate the way from the photograph to a finished run's result",
    "RUN -o FILE [--frames N] [--side N] [--fps X]",
    run,
    (
        Argument("run", "folder of a finished run", Folder()),
        FILE,
        *OPTIONS.values(),
    ),
    record=False,
)
