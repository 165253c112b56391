"""`dst resume`: a run that was stopped, or a larger size."""

from __future__ import annotations

import time
from typing import Any

from dst.cli.progress import Progress
from dst.cli.rows import Argument, Command, image_output
from dst.cli.running import check_image, finish, kept, rewrite, spare, write
from dst.cli.streams import STDOUT
from dst.config.kinds import File, Folder

MOVED = "originals, for a larger size, if they are no longer where they were"


def run(args: Any) -> int:
    """Go on with a run."""
    if args.output:
        check_image(args, *(path for path in (args.content, *(args.style or ())) if path))

    from dst.deform.resuming import resume
    from dst.runs import checkpoint
    from dst.runs.record import input_files, read_record

    args.animate = args.morph = None
    began, args.warp = time.perf_counter(), True
    size, config, record = args.options.get("size"), None, {}
    if checkpoint.is_kept(args.run):
        job = checkpoint.read(args.run).job
        config = job.config if size is None else job.config.replace(size=size)
        record = {**job.inputs, "settings": job.config.flat()}
    elif args.output and args.output != STDOUT:
        record = read_record(args.run)
    if args.output and args.output != STDOUT:
        spare(args.output, args, *input_files(record))
    style = args.style[0] if args.style and len(args.style) == 1 else args.style

    def work(progress: Progress, on_step: Any) -> Any:
        return resume(
            args.run, size=size, content=args.content, style=style, on_step=on_step, on_stage=progress.on_stage
        )

    result, stopped, lost = kept(args, None, config, work)
    if args.output:
        write(args, result)
    elif lost is None:
        rewrite(args, result)
    return finish(args, result, stopped, time.perf_counter() - began, lost)


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
    defaults={"size": "the run's own"},
    epilog="Animations of the run that were written before stay as they are: `dst animate` and `dst morph` make them anew.",
)
