"""The metrics of several runs, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dst.runs.record import read_record

COLUMNS = (
    "style_distance", "content_distance", "ssim", "folded_share", "min_jacobian", "max_jacobian", "bending_energy",
    "crossing_share", "border_error",
)  # fmt: skip
"""Names of the metrics, in the order of a table."""


def evaluate_runs(folders: list) -> list[dict[str, Any]]:
    """The metrics of several runs, one row each: `run`, `encoder` and the entries of `dst.evaluate.metrics.metrics`.

    Raises:
        InputError: no run there, a damaged one, or one made by a newer version.
    """
    rows = []
    for folder in folders:
        record = read_record(folder)
        found = record.get("metrics") if isinstance(record.get("metrics"), dict) else {}
        encoder = record.get("encoder") if isinstance(record.get("encoder"), dict) else {}
        rows.append(
            {"run": str(Path(folder)), "encoder": encoder.get("name"), **{name: found.get(name) for name in COLUMNS}}
        )
    return rows


def metrics_table(rows: list[dict[str, Any]]) -> str:
    """Rows of `evaluate_runs` as lines of aligned columns, the best of a column marked with `*`."""
    better = {"style_distance": min, "content_distance": min, "ssim": max, "border_error": min}
    cells = [["run", *COLUMNS]]
    for row in rows:
        line = [row["run"]]
        for name in COLUMNS:
            value = row[name]
            known = [r[name] for r in rows if r[name] is not None]
            best = name in better and len(known) > 1 and value is not None and value == better[name](known)
            line.append("-" if value is None else f"{value:.4g}" + ("*" if best else ""))
        cells.append(line)
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in cells)
