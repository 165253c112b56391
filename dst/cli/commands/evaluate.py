"""`dst evaluate`: the metrics of several runs in a table."""

from __future__ import annotations

from typing import Any

from dst.cli.rows import Argument, Command
from dst.cli.streams import put, say
from dst.config.kinds import Folder
from dst.config.metrics import METRICS, QUALITY

SCORED_BY = "the encoder that measured feature_distance and self_similarity_distance"


def run(args: Any) -> int:
    """Print the metrics of some runs."""
    from dst.evaluate.table import evaluate_runs, metrics_table
    from dst.runs.record import record_text

    rows = evaluate_runs(args.runs, **args.options)
    put((record_text({"runs": rows}) if args.json else metrics_table(rows)) + "\n")
    if not (args.json or args.quiet):
        say(
            "* marks the best of a column; `dst help evaluate` says what each column means and which direction is better"
        )
        if len({row["scored_by_sha256"] for row in rows} - {None}) > 1:
            say("the runs were scored by different encoders: --encoder NAME scores all of them by one")
    return 0


ROW = Command(
    "evaluate",
    "compare runs in a table of metrics",
    "RUN [RUN ...] [--encoder NAME] [--weights FILE]",
    run,
    (Argument("runs", "folder of a finished run", Folder(), many=True, dest="run"),),
    options=("encoder", "weights", "device"),
    defaults={"encoder": "the run's own, or compact where that cannot be had"},
    epilog="Compare runs of one content and one style (of several styles, the first counts).\n"
    "The columns up to border_error were measured when a run ended, by its own encoder. Those from patch_distance on are\n"
    "minimised by no method; they are measured now, from the images in the folder, by the encoder that scored_by names.\n"
    "A run looks better to the encoder that it was made with than to another one: --encoder gives all runs one judge.\n"
    "A * marks the best of a column where several runs are known; of features, only where one encoder measured them all.\n"
    "A - stands for what is not known, such as where the images are missing.",
    glossary={name: row.sentence for name, row in {**METRICS, **QUALITY}.items()} | {"scored_by": SCORED_BY},
)
