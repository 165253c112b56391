"""Many pairs, each a run in a folder of its own; one that fails is reported and the others go on."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from correspondence.common import FULL, read_regular
from dst.batch.pairs import REPORT, read_pairs
from dst.config import InputError, named_options, plain, split_options, without_idle
from dst.deform import pipeline, resuming
from dst.files import csv_text, digest, replacing
from dst.methods.targets import StyleCache
from dst.runs.checkpoint import NAME
from dst.runs.folder import check_inputs
from dst.runs.record import read_record

ROLES = ("content", "style")
COLUMNS = ("name", "content", "style", "state", "seconds", "style_distance", "content_distance", "message")
"""Columns of the report; `state` is `done`, `kept` (finished before), `failed` or `stopped`."""


def run_batch(
    pairs: Any,
    out_dir: Any,
    *,
    resume: bool = True,
    on_pair: Callable[[int, int, dict[str, Any]], object] | None = None,
    on_step: Callable[[Any], object] | None = None,
    on_stage: Callable[[str, str], None] | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Stylise many pairs, each into a folder of its own; one that fails is reported and the others go on.

    Args:
        pairs: a CSV file with the header `content,style` and perhaps `name` and any option of `stylize`, one pair a row,
            paths relative to the file; or a list of dicts with those keys. An empty cell leaves an option alone.
        out_dir: holds a run's folder for each pair, named by `name` or by the two images, and `report.csv`, which keeps
            the rows of other pairs of earlier batches whose folders are still there.
        resume: leave finished runs as they are and go on with unfinished ones; False makes every run again.
        on_pair: called with (index, count, row of the report) after each pair; a true return value ends the batch.
        on_step, on_stage: as for `stylize`; a true `on_step` ends the batch with that run kept as far as it is.
        **options: of every pair, as for `stylize`.

    Returns:
        One row a pair, with the columns of the report.

    Raises:
        InputError: a table that cannot be read, two pairs of one name, a folder that cannot be written, or one that holds a
            `report.csv` of something else.
        OSError: the disk is full or fails where the folder or the report is written; a run's is its pair's failure.
    """
    home = Path(out_dir)
    rows, options = read_pairs(pairs), named_options(options)
    split_options(options)
    if not os.path.isdir(home):
        try:
            home.mkdir()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            if os.path.lexists(home):
                why = "it is a file"
            elif not home.absolute().parent.is_dir():
                why = f"{home.absolute().parent} does not exist"
            if getattr(error, "errno", None) in FULL:
                raise
            raise InputError(f"the folder {out_dir} cannot be made ({why}): choose another") from error
    earlier = _earlier_report(home / REPORT)
    report: list[dict[str, Any]] = []
    cache = StyleCache()
    for index, row in enumerate(rows):
        hooks = {"on_step": on_step, "on_stage": on_stage}
        line = _one(row, home / row["name"], resume, {"style_cache": cache, **options}, hooks)
        report.append(line)
        kept = {line["name"]: line for line in earlier if os.path.isdir(home / line["name"])}
        _write_report(home / REPORT, list({**kept, **{line["name"]: line for line in report}}.values()))
        asked = on_pair is not None and on_pair(index, len(rows), line)
        if asked or line["state"] == "stopped":
            break
    return report


def _one(row: dict[str, Any], folder: Path, resume: bool, options: dict, hooks: dict) -> dict[str, Any]:
    """Make, finish or keep one run, and say how it went."""
    line = {"name": row["name"], **{role: "; ".join(str(plain(g)) for g in _listed(row[role])) for role in ROLES}}
    own = {k: v for k, v in row.items() if k not in ("name", *ROLES)}
    try:
        state, record = "done", None
        if resume and (folder / "run.json").exists():
            record = read_record(folder)
        if record is not None and not record.get("stopped"):
            _check_same(row, record, folder)
            given = {name: value for name, value in {**options, **own}.items() if name != "style_cache"}
            return {
                **line,
                "state": "kept",
                **_measured(record),
                "message": _differing(record, given) or _doubt(record),
            }
        if resume and (folder / NAME).exists():
            check_inputs(folder, [given for role in ROLES for given in _listed(row[role])])
            record = resuming.resume(folder, **hooks).record
        else:
            given = {**options, **own, **hooks}
            given = without_idle(given) if {"warp", "method"} & set(own) else given
            record = pipeline.stylize(row["content"], row["style"], run_dir=folder, force=True, **given).record
        state = "stopped" if record.get("stopped") else state
        return {**line, "state": state, **_measured(record), "message": record.get("stopped") or _doubt(record)}
    except Exception as error:  # one bad pair must not lose the others
        message = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, OSError) and error.filename:
            message = f"{error.filename}: {error.strerror}"
        elif not isinstance(error, ValueError):
            message = f"{type(error).__name__}: {message}"
        return {**line, "state": "failed", **dict.fromkeys(COLUMNS[4:7]), "message": message}


def _measured(record: dict[str, Any]) -> dict[str, Any]:
    """Seconds and distances of a run, as the report holds them."""
    metrics = record.get("metrics") or {}
    distances = {name: metrics.get(name) for name in ("style_distance", "content_distance")}
    values = {name: None if value is None else round(value, 4) for name, value in distances.items()}
    return {"seconds": round(sum(record.get("seconds", {}).values()), 1), **values}


def _doubt(record: dict[str, Any]) -> str:
    """What a run says of its matches where they were to warp the image and did so weakly or not at all; else nothing."""
    warp, wanted = record["warp"], (record.get("given") or {}).get("warp", True)
    weak = not warp["points"] or warp.get("softened_to", 1) < 0.995
    return record["matches"]["verdict"] if wanted and weak else ""


def _differing(record: dict[str, Any], given: dict[str, Any]) -> str:
    """That a finished run was made with other options than are given now, and what to do; nothing where they are the same."""
    config, _ = split_options(given)
    wanted, settings = config.flat(), record.get("settings") or {}
    names = [name for name in given if name in wanted and name in settings and wanted[name] != settings[name]]
    if not names:
        return ""
    return f"kept as it was made, with another {' and '.join(names)}: it is made anew with `resume` off"


def _check_same(row: dict[str, Any], record: dict[str, Any], folder: Path) -> None:
    """A finished run counts only for the images that it was made from."""
    for role in ROLES:
        kept = record.get(f"{role}s") or [record.get(role, {})]
        given = _listed(row[role])
        same = len(kept) == len(given)
        for image, old in zip(given, kept, strict=False):
            if isinstance(image, (str, Path)) and old.get("sha256") is not None:
                same = same and _digest(image) == old["sha256"]
        if not same:
            raise InputError(
                f"{folder} was made from another {role}: give the pair a new name, or make it anew (`resume` off)"
            )


def _digest(image: Any) -> str:
    try:
        return digest(image)
    except OSError as error:
        raise InputError(f"{image} cannot be read ({error.strerror or error}): give the image's file") from error


def _listed(given: Any) -> list[Any]:
    """One image or several as a list."""
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _earlier_report(path: Path) -> list[dict[str, Any]]:
    """The rows of an earlier batch's report, if there is one; nothing else is ever replaced."""
    if not os.path.lexists(path):
        return []
    try:
        text = read_regular(path).decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (OSError, ValueError, csv.Error):
        text, rows = "", []
    if text.splitlines()[:1] != [",".join(COLUMNS)]:
        raise InputError(f"{path} is not the report of a batch: move it elsewhere, or choose another folder")
    return [{name: row[name] or "" for name in COLUMNS} for row in rows]


def _write_report(path: Path, report: list[dict[str, Any]]) -> None:
    with replacing(path, follow=False) as temporary:
        temporary.write_text(csv_text(report, COLUMNS), encoding="utf-8")
