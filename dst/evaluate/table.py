"""The metrics of several runs, side by side."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from dst import runtime
from dst.config import InputError
from dst.config.metrics import METRICS, QUALITY
from dst.evaluate.quality import quality
from dst.features import Encoder, cached_encoder
from dst.runs.record import read_record
from dst.runs.result import stored_image

log = logging.getLogger(__name__)
COLUMNS = tuple(METRICS)
"""Names of the metrics that a run's record holds, in the order of a table."""
BEST = {"lower": min, "higher": max}


def evaluate_runs(
    folders: list, encoder: str | None = None, weights: Any = None, device: str = "cpu"
) -> list[dict[str, Any]]:
    """The metrics of several runs, one row each: those that its record holds, and those measured now from its images.

    Args:
        folders: of finished runs; only runs of one pair of images can be compared.
        encoder: the feature network that measures the quality. None for that of each run, with the weights that it had,
            and for `compact` where those cannot be had.
        weights: a file of weights for `encoder`, or for `compact` where none is given.
        device: where to compute.

    Returns:
        Rows of `run`; the metrics of the record by the names of `dst.config.metrics.METRICS`, and `encoder`, the name of
        the network that measured them; the quality by the names of `QUALITY` there, and `scored_by`, likewise. Each
        network's name has its `_sha256` beside it. None stands for what is not known: where an image is missing, for
        all of the quality.

    Raises:
        InputError: no run there, a damaged one, or one made by a newer version; an encoder that cannot be had.
    """
    with runtime.computing():
        given = cached_encoder(encoder or "compact", weights, device) if encoder or weights else None
        return [_row(folder, given, device) for folder in folders]


def _row(folder: Any, given: Encoder | None, device: str) -> dict[str, Any]:
    record = read_record(folder)
    found, own = ((record.get(name) if isinstance(record.get(name), dict) else {}) for name in ("metrics", "encoder"))
    row = {"run": str(Path(folder)), "encoder": own.get("name"), "encoder_sha256": own.get("sha256")}
    row |= {name: found.get(name) for name in COLUMNS}
    scorer = given or _encoder_of(record, device)
    measured = _quality(folder, scorer)
    row |= {name: measured.get(name) for name in QUALITY}
    names = (scorer.name, scorer.sha256) if measured else (None, None)
    return row | dict(zip(("scored_by", "scored_by_sha256"), names, strict=True))


def _encoder_of(record: dict[str, Any], device: str) -> Encoder:
    """The encoder that a run was made with, if it can be had; else the compact one."""
    own, weights = record.get("encoder") or {}, (record.get("settings") or {}).get("weights")
    if isinstance(own.get("name"), str) and isinstance(weights, str | None):
        try:
            encoder = cached_encoder(own["name"], weights, device)
            if encoder.sha256 == own.get("sha256"):
                return encoder
            why = "its weights have changed"
        except InputError as error:
            why = error
        log.info("the encoder %s of the run cannot be had: %s", own["name"], why)
    return cached_encoder("compact", device=device)


def _quality(folder: Any, encoder: Encoder) -> dict[str, float]:
    """The quality of a run's image; nothing where one of the images that it takes cannot be read."""
    try:
        image, content, style = (stored_image(folder, name).rgb for name in ("image", "warped_content", "style"))
    except InputError as error:
        log.warning("the quality of %s is not measured: %s", folder, error)
        return {}
    return quality(image, content, style, encoder)


def metrics_table(rows: list[dict[str, Any]]) -> str:
    """Rows of `evaluate_runs` as lines of aligned columns.

    `*` marks the best of a column, where several runs are known and either high or low is better; distances of features
    are compared only where one encoder measured them all. `-` stands for what is not known.
    """
    columns = {**METRICS, **QUALITY}
    best = {name: _best(name, rows) for name in columns}
    cells = [["run", *columns, "scored_by"]]
    for row in rows:
        line = [row["run"]]
        for name in columns:
            value = row.get(name)
            mark = "*" if best[name] is not None and value == best[name] else ""
            line.append("-" if value is None else f"{value:.4g}{mark}")
        cells.append([*line, row.get("scored_by") or "-"])
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def _best(name: str, rows: list[dict[str, Any]]) -> Any:
    """The best value of a column; None where there is none to be marked."""
    metric = {**METRICS, **QUALITY}[name]
    rows = [row for row in rows if row.get(name) is not None]
    by = "encoder_sha256" if name in METRICS else "scored_by_sha256"
    alike = not metric.encoder or len({row.get(by) for row in rows}) == 1
    return BEST[metric.better](row[name] for row in rows) if metric.better and alike and len(rows) > 1 else None
