"""What commands that draw pictures of their own share: one, a sheet of several, or the frames of a loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dst.cli.running import check_image, output_name, spare, write_image
from dst.cli.streams import STDOUT, say
from dst.config import InputError
from dst.files import check_animation

LOOP = "animate"
"""The task whose pictures are the frames of a loop."""


def check_drawn(args: Any, *inputs: str, model: str | None = None) -> None:
    """Refuse an output that cannot hold what `args.task` draws, is an input, or lies in the folder of the model that draws."""
    if model and args.output != STDOUT and Path(args.output).resolve().parent == Path(model).resolve():
        raise InputError(f"{args.output} lies in the model's folder, which holds the model alone: choose another place")
    if args.task == LOOP:
        check_animation(args.output)
        spare(args.output, args, *inputs)
    else:
        check_image(args, *inputs)


def write_drawn(args: Any, made: list, config: Any) -> None:
    """Write the pictures of a task."""
    from dst.batch.singan import sheet_of

    if args.task == LOOP:
        from dst.viz.animation import write_animation

        write_animation(args.output, made, config.fps)
    else:
        write_image(args.output, made[0] if len(made) == 1 else sheet_of(made, config.seed))


def say_drawn(args: Any, made: list) -> None:
    """Say what was written."""
    what = f"{len(made)} {'frames' if args.task == LOOP else 'pictures'} of " if len(made) > 1 else ""
    say(f"wrote {output_name(args.output)} ({what}{made[0].shape[1]} x {made[0].shape[0]} pixels)")
