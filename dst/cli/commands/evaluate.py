"""`dst evaluate`: the metrics of several runs in a table."""

from __future__ import annotations

from typing import Any

from dst.cli.rows import Argument, Command
from dst.cli.streams import put
from dst.config.kinds import Folder


def run(args: Any) -> int:
    """Print the metrics of some runs."""
    from dst.evaluate.table import evaluate_runs, metrics_table
    from dst.runs.record import record_text

    rows = evaluate_runs(args.runs)
    put((record_text({"runs": rows}) if args.json else metrics_table(rows)) + "\n")
    return 0


ROW = Command(
    "evaluate",
    "compare runs in a table of metrics",
    "RUN [RUN ...]",
    run,
    (Argument("runs", "folder of a finished run", Folder(), many=True, dest="run"),),
)
