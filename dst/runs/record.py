"""The record of a run: everything that `run.json` says."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import json
import math
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from dst._version import __version__
from dst.config import InputError, option_files
from dst.config.base import shown
from dst.config.files import FORMAT, KIND, check_record
from dst.config.schema import DEPTH, refuse
from dst.faces.shape import face_points
from dst.files import digest, read_json, replacing
from dst.runs.schema import OUTPUT, RECORD
from dst.runs.upgrade import upgraded_record
from dst.warp.calm import survey_face

OWN = (
    *(
        "format",
        "kind",
        "versions",
        "preset",
        "settings",
        "encoder",
        "content",
        "style",
        "styles",
        "geometry",
        "model",
        "size",
    ),
    *("given", "threads", "precision", "seconds", "matches", "warp", "terms", "metrics", "stopped"),
)
"""Names that every record gives a meaning to; notes take others."""
LIBRARIES = ("torch", "numpy", "kornia", "scikit-image", "scikit-learn", "opencv-python-headless", "pillow")


def versions() -> dict[str, str]:
    """Versions of the toolkit, of Python and of the libraries that decide a run's bytes."""
    return {"dst": __version__, "python": platform.python_version(), **_libraries()}


@functools.cache
def _libraries() -> dict[str, str]:
    """Those of the libraries: what is installed is looked up once, for that takes some hundredths of a second."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


def terms_by_scale(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """First and last terms of each scale: `{"side", "steps", "before": {term: value}, "after": {...}}`."""
    rows = []
    # a run that was taken to a larger size has steps of other scales under the number of its last pass
    for _, group in itertools.groupby(history, lambda row: (row["scale"], row["side"])):
        mine = list(group)
        parts = [{k: v for k, v in row.items() if k not in ("scale", "side", "step", "seconds")} for row in mine]
        rows.append({"side": mine[0]["side"], "steps": len(mine), "before": parts[0], "after": parts[-1]})
    return rows


def warp_record(warp: Any, factor: float) -> dict[str, Any]:
    """Folds and bending of the final warp, and the factor that kept it from folding."""
    report = warp.folds()
    return {
        "points": len(warp.source),
        "folded_share": report.share,
        "min_jacobian": report.min_jacobian,
        "max_jacobian": report.max_jacobian,
        "bending_energy": warp.bending_energy(),
        "reduced_to": factor,
    }


def make_record(
    result: Any, job: Any, encoder: Any, factor: float, targets: Any, metrics: dict[str, Any] | None, stopped: str,
    seconds: dict[str, float],
) -> dict[str, Any]:  # fmt: skip
    """Put a run's record together; every value can be written as JSON.

    Args:
        result: the Result, all but its record.
        job: what the run was asked to do and what it made of its inputs (`dst.runs.job.Job`).
        encoder: the feature network.
        factor: share of the displacements that was left at the end; 1.0 for all.
        targets: (k, 2) where each of the warp's points was to go, pixels of the displayed content.
        metrics: of the result; None where it was not measured.
        stopped: why the run ended early, or an empty string.
        seconds: per stage.
    """
    height, width = result.image.shape[:2]
    return {
        "format": FORMAT,
        "kind": KIND,
        "versions": versions(),
        "preset": job.preset,
        "settings": job.config.flat(),
        "given": job.given,
        "encoder": {"name": encoder.name, "sha256": encoder.sha256},
        **job.inputs,
        "size": [width, height],
        "threads": job.threads,
        "precision": job.precision,
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "matches": matches_record(job.matches, job.verdict),
        "warp": {
            **warp_record(result.warp, factor),
            "matches_reduced_to": job.kept,
            "softened_to": job.softened,
            "face": face_record(result.warp, job.matches),
            "targets": targets.tolist(),
        },
        "terms": terms_by_scale(result.history),
        "metrics": metrics,
        "stopped": stopped,
        **{name: note for name, note in job.notes.items() if name not in OWN},
    }


def face_record(warp: Any, matches: Any) -> dict[str, float] | None:
    """What a warp does within a face that was matched by its landmarks, as `dst.warp.calm.Calm`; None without one."""
    if matches is None or (rows := face_points(warp.origin, matches.source)).sum() < 3:
        return None
    return dataclasses.asdict(survey_face(warp, rows))


def check_notes(notes: Any) -> dict[str, Any]:
    """Notes as a run's record and its checkpoint hold them: NumPy's scalars are numbers, paths text, tuples lists.

    Args:
        notes: a dict of what JSON can hold, by name; or None for none.

    Raises:
        InputError: something else, a part that is not JSON or is nested too deeply, a name that the record uses itself.
    """
    if notes is None:
        return {}
    if not (isinstance(notes, dict) and all(isinstance(key, str) for key in notes)):
        raise InputError(f"notes are {shown(notes)}: they take a dict with names as keys")
    for name in notes:
        if name in OWN:
            raise InputError(f"notes hold {name!r}, which the record of every run says itself: choose another name")
    return {str(name): _noted(f"notes[{name!r}]", note, DEPTH) for name, note in notes.items()}


def _noted(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if depth and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {str(key): _noted(name, item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, (list, tuple)):
        return [_noted(name, item, depth - 1) for item in value]
    if depth and (value is None or isinstance(value, bool)):
        return value
    if depth and isinstance(value, (int, float, str)):
        with contextlib.suppress(ValueError):  # a whole number of more digits than Python writes
            return json.loads(json.dumps(value))
    raise refuse(name, value, "text, numbers, and lists and tables of them that are not nested too deeply")


def matches_record(matches: Any, verdict: str) -> dict[str, Any]:
    """What a record says of the matches; no sizes and no points where none were looked for."""
    found = {"count": 0, "verdict": verdict, "pins": 0, "content_size": None, "style_size": None, "points": []}
    if matches is None:
        return found
    sizes = {name: list(getattr(matches, name)) for name in ("content_size", "style_size")}
    pinned = np.flatnonzero(matches.pinned).tolist()
    own = {"count": len(matches), "pins": len(pinned), "pinned": pinned, "confidence": matches.confidence}
    more = {"source": matches.source.tolist()} if (matches.source != "").any() else {}
    more |= {"shift": matches.shift.tolist()} if matches.shift.any() else {}
    return {**found, **own, **sizes, **more, "points": matches.table().tolist()}


def record_text(record: dict[str, Any]) -> str:
    """A record as JSON; numbers that are not finite become null."""
    return json.dumps(_plain(record), indent=1, allow_nan=False)


def read_record(folder) -> dict[str, Any]:
    """Return what the `run.json` of a run's folder says.

    Raises:
        InputError: no such folder, no run in it, a damaged record, or one made by a newer version.
    """
    home = Path(folder)
    advice = "give the folder that `--run` or `Result.save` wrote"
    if not home.is_dir():
        raise InputError(
            f"{folder} is not a folder: {advice}" if home.exists() else f"{folder} does not exist: {advice}"
        )
    try:
        record = read_json(home / "run.json")
    except FileNotFoundError:
        if (home / "checkpoint.pt").exists():
            raise InputError(
                f"{folder} holds a run that is not finished: go on with it by `dst resume {folder}`"
            ) from None
        raise InputError(f"{folder} holds no run (it has no run.json): {advice}") from None
    except OSError as error:
        raise InputError(f"{folder}/run.json cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{folder}/run.json is damaged ({error}): make the run again") from error
    check_record(record, f"{folder}/run.json")
    try:
        return RECORD.check("", upgraded_record(record))
    except InputError as error:
        raise InputError(f"{folder}/run.json is damaged ({error}): make the run again") from error


def output_of(record: dict[str, Any]) -> dict[str, str] | None:
    """The file outside its folder that a run's image was written to: its `path` and, once it was, its `sha256`; or None."""
    try:
        return OUTPUT.check("output", record.get("output"))
    except InputError:  # nothing of ours: notes may have any names
        return None


def input_files(record: dict[str, Any]) -> list[str]:
    """Files that a run's record names as inputs: images by absolute paths, masks and others as they were given."""
    images = [record.get("content"), record.get("style"), *record.get("styles", ()), record.get("geometry")]
    found = [image["path"] for image in images if image is not None and "path" in image]
    return found + [path for path in option_files(record.get("settings", {})) if isinstance(path, str)]


def note_output(folder: Any, record: dict[str, Any], path: Any) -> None:
    """Write into a run's record, and the `run.json` of its folder, which file its image was just written to.

    Raises:
        OSError, ValueError: `run.json` cannot be read or written any more.
    """
    place = Path(folder) / "run.json"
    record["output"] = {"path": os.path.abspath(path), "sha256": digest(path)}
    text = record_text({**read_json(place), "output": record["output"]})
    with replacing(place, follow=False) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """The same as JSON can hold it: numbers that are not finite become null, tuples lists, numpy scalars numbers."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
