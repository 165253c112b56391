"""Runs of earlier formats, read as those of today: what was renamed or is kept in another shape since."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from dst.config import ALIASES
from dst.optim.pixels import fine_steps
from dst.optim.state import State
from dst.warp.points import MAX_CONTROL_POINTS


def upgraded_record(record: dict[str, Any]) -> dict[str, Any]:
    """The record of a run, of this format whatever it was written in."""
    if record["format"] != 1:
        return record
    found = {{"trunk": "encoder", "score": "metrics"}.get(name, name): value for name, value in record.items()}
    if isinstance(found.get("settings"), dict):
        found["settings"] = {ALIASES.get(name, name): value for name, value in found["settings"].items()}
    return found


def upgraded_checkpoint(data: dict[str, Any]) -> dict[str, Any]:
    """The contents of a checkpoint, of this format whatever it was written in.

    Raises:
        Exception: any, where parts are missing or wrong; what is returned is not checked yet.
    """
    if data["format"] == 1:
        data = _second(data)
    if data["format"] == 2:  # there was no colour pass
        data = {**data, "job": {**data["job"], "config": {"raw_colors": True, **data["job"]["config"]}}}
    if data["format"] <= 3:  # every scale was painted whole, and a last pass had to be asked for
        config = {"splitting": 0, "details_above": 8192, **data["job"]["config"]}
        if config.get("optimizer") == "adam":  # whose own rates were others
            for name, rate in (("lr", 0.01), ("warp_lr", 0.002)):
                config[name] = rate if config.get(name) is None else config[name]
        data = {**data, "job": {**data["job"], "config": config}}
    if data["format"] <= 4:  # every step compared the image and its warp
        job, config = data["job"], {"alternate": False, "faces": "off", **data["job"]["config"]}
        if isinstance(job.get("matches"), dict):  # and no match had a source
            count = len(job["matches"]["scores"])
            more = {"source": [""] * count, "shift": torch.zeros(count, 2, dtype=torch.float64)}
            job = {**job, "matches": {**more, **job["matches"]}}
        data = {**data, "job": {**job, "config": config}}
    return data


def in_fine_steps(state: State) -> State:
    """A state of before format 3, checked, whose pixels had steps of one size in all bands."""
    bands = state.parameters.get("pixels")
    if bands is None:
        return state
    steps = fine_steps(bands)
    state.parameters["pixels"] = [band / step for band, step in zip(bands, steps, strict=True)]
    for name, power in (("first", 1), ("second", 2)) if state.optimizer is not None else ():
        kept = state.optimizer[name]
        scaled = [moment * step**power for moment, step in zip(kept, steps, strict=False)]
        state.optimizer[name] = [*scaled, *kept[len(steps) :]]
    return state


def _second(data: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint of format 1 as one of format 2."""
    job, state = dict(data["job"]), dict(data["state"])
    scene = dict(job.pop("problem"))
    source, target, held = (scene.pop(name) for name in ("source", "target", "held"))
    rigid, points, pins = job.pop("rigid"), job.pop("points"), job.pop("pins")
    size, partner = tuple(job["content_size"]), tuple(job.pop("partner_size"))
    scene["warp"] = None
    if len(source):
        scene["warp"] = {"size": size, "source": source, "displacement": target, "rigid": rigid}
        scene["warp"]["origin"] = _origin(source.numpy(), points, max(size))
        if rigid.shape != (len(source),):
            raise ValueError("as many labels as points")
        origin, labels = scene["warp"]["origin"], torch.zeros(len(source), dtype=torch.int64) if held is None else rigid
        pinned = (labels > 0) & (origin >= 0)  # pins had a label too
        scene["warp"] |= {"pinned": pinned, "rigid": torch.where(pinned, 0, labels)}
    scene["segments"] = scene.pop("regions")
    job |= {"content": job.pop("picture"), "geometry": job.pop("partner"), "scene": scene, "matches": None}
    job["config"] = {ALIASES.get(name, name): value for name, value in job["config"].items()}
    if points is not None:
        job["matches"] = {
            "content": points[:, :2], "style": points[:, 2:4], "scores": points[:, 4], "content_size": size,
            "style_size": partner, "confidence": None, "pinned": torch.arange(len(points)) < pins,
        }  # fmt: skip
    bands, displacement = state.pop("bands"), state.pop("displacement")
    state["parameters"] = {} if bands is None else {"pixels": bands}
    if bands is not None and len(source):
        state["parameters"]["displacement"] = [displacement]
    data = dict(data)
    parts = {"encoder": data.pop("trunk"), "frames": data.pop("film", None), **data}
    return {**parts, "format": 2, "job": job, "state": state}


def _origin(source: np.ndarray, points: torch.Tensor | None, side: int) -> torch.Tensor:
    """Which of the matches each of a warp's points is, -1 for none: told by their places. (k,)"""
    if max(len(source), 0 if points is None else len(points)) > MAX_CONTROL_POINTS:
        raise ValueError("too many points")
    if points is None or not len(points):
        return torch.full((len(source),), -1)
    gaps = np.linalg.norm(source[:, None] - (points.numpy()[None, :, :2] + 0.5) / side, axis=2)
    return torch.from_numpy(np.where(gaps.min(1) < 1e-9, gaps.argmin(1), -1))
