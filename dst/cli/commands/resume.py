"""`dst resume`: a run that was stopped, or a larger size."""

from __future__ import annotations

import time
from typing import Any

from dst.cli.progress import Progress
from dst.cli.rows import Argument, Command, image_output
from dst.cli.running import check_image, finish, rewrite, watched, write
from dst.config.kinds import File, Folder

MOVED = "originals, for a larger size, if they are no longer where they were"


def run(args: Any) -> int:
    """Go on with a run."""
    if args.output:
        check_image(args, *(path for path in (args.content, *(args.style or ())) if path))

    from dst.deform.resuming import resume
    from dst.runs import checkpoint

    args.animate = args.morph = None
    began, args.warp = time.perf_counter(), True
    size, config = args.options.get("size"), None
    if checkpoint.is_kept(args.run):
        config = checkpoint.read(args.run).job.config
        config = config if size is None else config.replace(size=size)
    style = args.style[0] if args.style and len(args.style) == 1 else args.style

    def work(progress: Progress, on_step: Any) -> Any:
        return resume(
            args.run, size=size, content=args.content, style=style, on_step=on_step, on_stage=progress.on_stage
        )

    result, stopped = watched(args, None, config, work)
    if args.output:
        write(args, result)
    else:
        rewrite(args, result)
    return finish(args, result, stopped, time.perf_counter() - began)


ROW = Command(
    "resume",
    "go on with a run that was stopped, or take a finished one to a larger size",
    "RUN [--size N] [-o FILE]",
    run,
    (
        Argument("run", "folder of a run that was made with --run", Folder()),
        image_output("write the image here too; unless given, where it was written before, if that is still the run's"),
        Argument("--content", "the photograph", File(), group=MOVED),
        Argument("--style", "the painting; once for each of several", File(), many=True, group=MOVED),
    ),
    options=("size",),
)
