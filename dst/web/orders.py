"""What a job is to do: read from a request and checked as far as it can be before a worker has it."""

from __future__ import annotations

import base64
import binascii
import re
import time
from pathlib import Path
from typing import Any

from dst.config import InputError, StylizeConfig, check_choice, check_number
from dst.config.tabs import MAKERS
from dst.config.web import MOST_STYLES
from dst.web import catalogue
from dst.web.asking import find, inputs_of, names_of, rows_of
from dst.web.guards import Refused
from dst.web.sessions import Job, Picture, Session, fresh_id

RUNS = ("match", "stylize", "variants")
"""Kinds of jobs of the first tab; those of the others are `MAKERS`."""
MASK = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")
PLACES = {"protect": "rigid_mask", "content": "content_mask", "style": "style_mask", "mask": "mask"}
"""Painted masks, and the options that they stand for."""


def order(session: Session, body: dict[str, Any], most: int) -> tuple[Job, dict[str, Any]]:
    """A new job, not yet in the queue, and what its worker is given.

    Args:
        session: whose it is.
        body: of the request.
        most: the largest side that may be asked for, pixels.

    Raises:
        Refused, InputError: what cannot be done.
    """
    kind = body.get("kind", "stylize")
    if not isinstance(kind, str) or kind not in (*RUNS, *MAKERS):
        names = ", ".join((*RUNS, *MAKERS))
        raise Refused(400, f"kind {str(kind)[:40]!r} is not known: choose one of {names}", "kind")
    if kind in MAKERS:
        content, styles, options, checked, task = _made(session, body, kind, most)
    else:
        content, styles = inputs_of(session, body)
        options = checked = _run_options(kind, body.get("options") or {}, len(styles), most)
        task = None
    now = time.time()
    job = Job(fresh_id(), kind, now, content.id, [s.id for s in styles], options, used=now, task=task)
    folder = session.home(job)
    payload = {
        "content": str(session.home(content) / content.full),
        "styles": [str(session.home(s) / s.full) for s in styles],
        "options": {**checked},
        "folder": str(folder),
        "names": names_of(session, content, *styles),
        "content_size": [content.width, content.height],
        "style_size": [styles[0].width, styles[0].height] if styles else None,
        "task": task,
    }
    try:
        if body.get("points") is not None and kind in ("stylize", "variants"):
            job.points = payload["points"] = rows_of(body["points"])
        job.masks = _masks(body, kind, folder, payload)
        if task and MAKERS[kind].tasks[task].mask and not job.masks:
            raise Refused(400, "nothing is brushed yet: brush over the part of the picture that it is about", "mask")
        if kind == "variants":
            payload["side"] = check_number("side", body.get("side", 160), 32, 512, whole=True)
    except BaseException:
        session.drop(job)
        raise
    for picture in (content, *styles):
        picture.used = now
    return job, payload


def _run_options(kind: str, given: Any, styles: int, most: int) -> dict[str, Any]:
    """The options of a run."""
    options = catalogue.check_options(given, most)
    if kind == "match":
        options = {k: v for k, v in options.items() if k not in ("method", "model")}
    if kind == "variants":
        if "model" in options:
            raise InputError("model is given, but a trained network paints in one way: there are no variants of it")
        options = {
            k: v for k, v in options.items() if k not in ("look", "alpha", "warp_strength", "warp", "color_only")
        }
    if kind in ("stylize", "variants"):
        options.setdefault("size", min(StylizeConfig.size, most))
    weights = options.get("style_weights")
    if weights is not None and len(weights) != styles:
        raise InputError(f"{len(weights)} style_weights for {styles} style images: give one each")
    StylizeConfig.from_options(**{k: v for k, v in options.items() if k != "warp"})
    return options


def _made(
    session: Session, body: dict[str, Any], kind: str, most: int
) -> tuple[Picture, list[Picture], dict, dict, str]:
    """Pictures, options as given, options checked, and the task of a job of another tab."""
    tab = MAKERS[kind]
    task = check_choice("task", body.get("task", next(iter(tab.tasks))), tab.tasks)
    second, given = tab.tasks[task].second, body.get("styles") or []
    if body.get("content") is None:
        raise Refused(400, f"no {tab.first.lower()} is given: choose one", "content")
    if not isinstance(given, list) or len(given) > MOST_STYLES:
        raise Refused(400, "styles are no list of pictures: give one", "styles")
    if second is not None and not given:
        raise Refused(400, f"the {second.title.lower()} is missing: choose one", "styles")
    content = find(session.pictures, body["content"], "content")
    styles = [find(session.pictures, one, "styles") for one in given[:1]] if second is not None else []
    options = body.get("options") or {}
    checked = tab.checked(task, options, most)
    return content, styles, {k: v for k, v in options.items() if v is not None}, checked, task


def _masks(body: dict[str, Any], kind: str, folder: Path, payload: dict[str, Any]) -> list[str]:
    """Painted masks, written beside the job and put into what its worker is given; their names."""
    regions = body.get("regions") or {}
    if not isinstance(regions, dict):
        raise InputError("regions are no object: give content and style")
    given = {"mask": body.get("mask")}
    if kind not in MAKERS:
        given = {"protect": body.get("protect"), "content": regions.get("content"), "style": regions.get("style")}
    written = []
    for name, url in given.items():
        if url is None:
            continue
        found = MASK.fullmatch(url) if isinstance(url, str) else None
        try:
            data = base64.b64decode(found[1], validate=True) if found else b""
        except binascii.Error:
            data = b""
        field = name if name in ("protect", "mask") else "regions"
        if not data.startswith(b"\x89PNG"):
            raise Refused(400, f"{_called(name)} is no PNG: paint it anew", field)
        path = folder / f"mask-{name}.png"
        path.write_bytes(data)
        payload["names"][str(path)] = _called(name)
        if kind in MAKERS:
            payload["mask"] = str(path)
        else:
            payload["options"][PLACES[name]] = str(path) if name != "style" else [str(path)]
        written.append(name)
    return written


def _called(name: str) -> str:
    """What messages call a mask."""
    return "the mask" if name == "mask" else f"the mask {name}"
