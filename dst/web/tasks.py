"""What workers do. Each task takes plain values, writes files into the folder that it is given, and returns plain values.

Paths come from the server; what people typed comes as numbers, switches and words that the server has checked.
"""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from correspondence.matches import Matches
from dst import imaging, runtime
from dst.config import StylizeConfig, WarpConfig
from dst.web.making import MAKING
from dst.web.painting import morph, packed, stylize, variants
from dst.web.shown import SHOWN, THUMB, points_of, put, rows_of, show, small, write
from dst.web.teller import Teller
from dst.web.verdicts import plainly

WARP_STEPS, WARP_NODES = 8, (48, 96)
"""Of the balance of a bent preview and of the search for its folds: it is off by about a pixel, by more only where points
contradict one another, and follows the hand."""


SOURCES = {"wood": "coffee", "cells": "immunohistochemistry"}
"""Samples that are called something else than the picture of scikit-image that they are cut from."""
CUTS = {
    "astronaut": np.s_[0:300, 100:350],
    "wood": np.s_[20:190, 450:600],
    "cells": np.s_[0:256, 0:256],
    "gravel": np.s_[0:256, 0:256],
    "brick": np.s_[0:256, 0:256],
}
"""The part of a picture that is taken."""


def prepare(settings: dict[str, Any]) -> None:
    """Load what the first task needs."""
    runtime.prepare()
    import torch

    if settings["threads"]:
        torch.set_num_threads(settings["threads"])
    from dst.deform import instant, pipeline  # noqa: F401 - loaded here, so that the first task does not wait for it
    from dst.deform.inputs import encoder_of

    encoder_of(StylizeConfig())
    if settings["quick"]:
        blank = np.full((64, 64, 3), 128, np.uint8)
        instant.instantly(blank, blank, size=64)


def take_picture(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """Check an uploaded file and make what the page shows of it.

    A picture of more than `most` pixels is kept at as many.
    """
    path, folder = Path(p["path"]), Path(p["folder"])
    image = imaging.read(path)
    size, note, full = image.size, None, path.name
    if size[0] * size[1] > p["most"]:
        image = small(image, int(max(size) * (p["most"] / (size[0] * size[1])) ** 0.5))
        note = (
            f"scaled from {size[0]} x {size[1]} to {image.size[0]} x {image.size[1]} pixels, the most that is kept here"
        )
        full = path.name + (".jpg" if image.alpha is None else ".png")
        imaging.write(folder / full, image.rgb, image.alpha)
        if full != path.name:
            path.unlink()
    mime = show(image, folder, SHOWN)
    show(image, folder, THUMB)
    return {"width": image.size[0], "height": image.size[1], "full": full, "mime": mime, "note": note}


@functools.lru_cache(maxsize=16)
def _read(path: str, side: int, _stamp: float) -> imaging.Image:
    return small(imaging.read(path, min_side=1), side)


def _shown(path: str, side: int) -> imaging.Image:
    """A picture that the page shows, at a size; the last ones are kept."""
    return _read(path, side, os.stat(path).st_mtime)


def resized(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """Write a picture at another size to `out`."""
    image = _shown(p["shown"], p["side"])
    write(Path(p["out"]), image.rgb, image.alpha)
    return {}


def sample_photograph(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """Write one of the photographs that come with scikit-image to `out`, as PNG."""
    from skimage import data

    image = getattr(data, SOURCES.get(p["name"], p["name"]))()
    if p["name"] in CUTS:
        image = image[CUTS[p["name"]]]
    image = image if image.ndim == 3 else np.repeat(image[..., None], 3, 2)
    put(Path(p["out"]), imaging.encode(np.ascontiguousarray(image)))
    return {}


def instant(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """The first answer, by a network that knows any style or by one that has learnt this one: a JPEG or PNG at `out`."""
    from dst.deform.instant import instantly

    began = time.perf_counter()
    size = p["size"]
    if p.get("model") is not None:
        return {"mime": _by_network(p), "seconds": time.perf_counter() - began}
    styles = [_shown(path, size) for path in p["styles"]]
    more = {} if p.get("weights") is None else {"style_weights": p["weights"]}
    painted = instantly(_shown(p["content"], size), styles, strength=p["strength"], size=size, **more)
    mime = write(Path(p["out"]), painted)
    return {"mime": mime, "seconds": time.perf_counter() - began}


def _by_network(p: dict[str, Any]) -> str:
    """The photograph in a shipped style, at `out`; its type."""
    from dst.networks import shipped
    from dst.networks.feedforward.model import mix_of, painted

    size, image = p["size"], _shown(p["content"], p["size"])
    with runtime.computing():
        model = shipped.load()
        mix = mix_of(model, (p["model"],), None, lambda one: one)
        made = painted(model, imaging.resize(image.rgb, size, image.size), mix, p["strength"])
    return write(Path(p["out"]), made, None if image.alpha is None else imaging.resize(image.alpha, size, image.size))


def warp(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """The photograph bent by points, at preview size: a JPEG or PNG at `out`."""
    from dst.deform.fitting import fit_warp

    image = _shown(p["content"], p["side"])
    weights = WarpConfig(**p.get("weights", {}))
    with runtime.computing(1):  # threads do not help what is this small, and hinder where a picture is being painted
        fitted = fit_warp(points_of(p), p["strength"], weights.beta, weights.gamma, steps=WARP_STEPS, nodes=WARP_NODES)
        rgb = fitted.warp.apply(image.rgb, "bilinear").clamp(0, 1)
        alpha = None if image.alpha is None else fitted.warp.apply(image.alpha, "bilinear").clamp(0, 1)
    mime = write(Path(p["out"]), rgb, alpha)
    return {"mime": mime, "kept": fitted.kept, "softened": fitted.softened}


def points_csv(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """Points as a points.csv, which `dst stylize --points` takes, at `out`."""
    points_of(p).to_csv(p["out"])
    return {"mime": "text/csv"}


def read_csv(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """The points of a file, checked against both images."""
    path = Path(p["path"])
    try:
        found = Matches.from_csv(path, tuple(p["content_size"]), tuple(p["style_size"]))
    finally:
        path.unlink(missing_ok=True)
    return {"points": rows_of(found)}


def match(p: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Find the points that two pictures share."""
    from dst.deform.stages import matched

    teller.tell(stage="match")
    found, usable, verdict = matched(p["content"], p["styles"][0], **p["options"])
    run = Path(p["folder"]) / "run"
    run.mkdir()
    found.to_csv(run / "points.csv")
    about = {
        "verdict": plainly(verdict),
        "usable": bool(usable),
        "confidence": found.confidence,
        "files": ["points.csv"],
    }
    return {"matches": rows_of(found), **about}


TASKS = {
    "take": take_picture,
    "resized": resized,
    "sample": sample_photograph,
    "instant": instant,
    "warp": warp,
    "points": points_csv,
    "read_points": read_csv,
    "match": match,
    "stylize": stylize,
    "variants": variants,
    "morph": morph,
    "packed": packed,
    **MAKING,
}
"""Every task by name."""
