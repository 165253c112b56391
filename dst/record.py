"""The record of a run: everything that `run.json` says."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from dst._version import __version__

FORMAT = 1
"""Raised when a reader of the old record could misunderstand the new one."""
LIBRARIES = ("torch", "numpy", "kornia", "scikit-image", "scikit-learn", "opencv-python-headless", "pillow")


def versions() -> dict[str, str]:
    """Versions of the toolkit, of Python and of the libraries that decide a run's bytes."""
    found = {"dst": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


def terms_by_scale(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """First and last terms of each scale: `{"side", "steps", "before": {term: value}, "after": {...}}`."""
    rows = []
    for scale in sorted({row["scale"] for row in history}):
        mine = [row for row in history if row["scale"] == scale]
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
    result: Any, job: Any, encoder: Any, factor: float, targets: Any, score: dict[str, Any], stopped: str,
    seconds: dict[str, float],
) -> dict[str, Any]:  # fmt: skip
    """Put a run's record together; every value can be written as JSON.

    Args:
        result: the Result, all but its record.
        job: what the run was asked to do and what it made of its inputs (`dst.checkpoint.Job`).
        encoder: the feature network.
        factor: by how much the displacements were reduced at the end; 1.0 for not at all.
        targets: (k, 2) where each of the warp's points was to go, pixels of the displayed content.
        score: the scorecard.
        stopped: why the run ended early, or an empty string.
        seconds: per stage.
    """
    height, width = result.image.shape[:2]
    points = [] if job.points is None else job.points.tolist()
    sizes = (None, None) if job.points is None else (list(job.content_size), list(job.partner_size))
    return {
        "format": FORMAT,
        "kind": "dst run",
        "versions": versions(),
        "preset": job.preset,
        "settings": job.config.flat(),
        "encoder": {"name": encoder.name, "sha256": encoder.sha256},
        **job.inputs,
        "size": [width, height],
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "matches": {
            "count": len(points),
            "verdict": job.verdict,
            "pins": job.pins,
            "content_size": sizes[0],
            "style_size": sizes[1],
            "points": points,
        },
        "warp": {**warp_record(result.warp, factor), "matches_reduced_to": job.kept, "targets": targets.tolist()},
        "terms": terms_by_scale(result.history),
        "score": score,
        "stopped": stopped,
        **job.notes,
    }
