"""What the tabs beside the first make: faces exaggerated, textures, pictures of one picture's pieces, the laboratory.

Each task is the public call of the command of its name, with the page's progress; its picture goes into the folder `run`.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dst import imaging, runtime
from dst.config import AnimationConfig, ExaggerateConfig, QuiltConfig
from dst.config.exaggeration import PARTS
from dst.web.painting import PREVIEW_EVERY, PREVIEW_SIDE, thumb
from dst.web.shown import Previews, small, write
from dst.web.teller import Teller

ACROSS = 6
"""Pictures that a preview shows side by side at most, of those that are made at once."""
SHORT_FACE = 512
"""Long side of a preview of an exaggerated face, pixels."""


class Watcher:
    """Makes of a call's steps what the page shows: how far it is, the time left where that is known, a preview now and then."""

    def __init__(self, p: dict[str, Any], teller: Teller) -> None:
        self.previews, self.teller, self.last = Previews(Path(p["folder"])), teller, 0.0
        teller.tell(stage="optimize")

    def on_step(self, step: Any, part: int = 0, parts: int = 1) -> bool:
        """Take a step, of one part of several; True stops."""
        total = step.total_steps * parts
        done = part * step.total_steps + step.done
        told = {"done": done, "total": total, "share": round(done / max(1, total), 4), "seconds_left": None}
        if part == parts - 1 and getattr(step, "scale", 0) == getattr(step, "scales", 1) - 1:
            told["seconds_left"] = round((total - done) * getattr(step, "seconds", 0.0), 1)
        now = time.monotonic()
        show = now - self.last >= PREVIEW_EVERY
        image = _image_of(step) if show else None
        if image is not None:
            self.show(image, told)
            self.last = time.monotonic()
        self.teller.tell(show, **told)
        return self.teller.stopped

    def on_row(self, done: int, rows: int) -> None:
        """Take a row of a quilt, which has nothing to show before it is laid."""
        self.teller.tell(False, done=done, total=rows, share=round(done / rows, 4))

    def show(self, image: Any, told: dict[str, Any]) -> None:
        """Write a preview, and put its number into what is told."""
        from dst.runs.frames import shrunk

        told["preview"] = self.previews.write(shrunk(image, PREVIEW_SIDE))


def _image_of(step: Any) -> torch.Tensor | None:
    """What a step has to show, (1, 3, H, W): its picture, or those that are made at once side by side."""
    state = getattr(step, "state", None)
    groups = getattr(state, "parameters", None)
    if state is None or groups is None:
        return None if state is None else state.image
    from dst.optim.pixels import compose_image

    with torch.no_grad():
        images = [compose_image([band.detach() for band in bands]).clamp(0, 1) for bands in groups.values()]
        return torch.cat([one for some in images for one in some.split(1)][:ACROSS], 3)


def _finished(p: dict[str, Any], teller: Teller, made: Any, files: tuple[str, ...] = ()) -> dict[str, Any]:
    """Write a result, and say what there is. `made` is pixels, or an image as `dst.imaging.read` gives it."""
    teller.tell(stage="save", share=1.0, seconds_left=None)
    folder = Path(p["folder"])
    (folder / "run").mkdir(exist_ok=True)
    image = made if isinstance(made, imaging.Image) else imaging.read(np.ascontiguousarray(made), min_side=1)
    imaging.write(folder / "run" / "image.png", image.rgb, image.alpha, image.depth)
    thumb(image, folder)
    stopped = "stopped on request; what there was by then" if teller.stopped else ""
    return {"image": "image.png", "size": list(image.size), "files": ["image.png", *files], "note": stopped or None}


def exaggerate(p: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """A face exaggerated, and painted where a painter was chosen; `film` makes the way there and back of it."""
    from dst.deform import pipeline
    from dst.deform.exaggeration import exaggerated_image

    watcher, options = Watcher(p, teller), dict(p["options"])
    with runtime.computing():
        teller.tell(stage="warp")
        given = imaging.read(p["content"])
        made = exaggerated_image(given, _faces(p["content"], 0, _stamp(p["content"])), _face_config(options))
        shown, told = made.image, {}
        watcher.show(shown.rgb, told)
        teller.tell(**told)
        if p["styles"]:
            teller.tell(stage="optimize")
            result = pipeline.stylize(
                shown, p["styles"][0], warp=False, metrics=False, on_step=watcher.on_step, **options
            )
            shown = imaging.read(np.ascontiguousarray(result.image), min_side=1)
    found = _finished(p, teller, shown, ("morph.mp4",))
    run = Path(p["folder"]) / "run"
    made.warp.save(run / "warp.json")
    source = small(given, AnimationConfig.side)
    imaging.write(run / "source.png", source.rgb)
    if made.kept < 0.95:
        found["note"] = f"changed by {made.kept:.0%} of what was asked for, so that the face stays whole"
    return found


def film(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """The way to an exaggerated face and back, beside its picture."""
    from dst.deform.exaggeration import Exaggeration
    from dst.viz.animation import write_animation
    from dst.warp import Warp

    folder = Path(p["folder"])
    with runtime.computing():
        source = imaging.read(folder / "run" / "source.png", min_side=1)
        made = Exaggeration(source, Warp.load(folder / "run" / "warp.json"), [], 1.0, source)
        write_animation(folder / p["file"], made.frames())
    return {}


def _face_config(options: dict[str, Any]) -> ExaggerateConfig:
    """How a face is changed, taken out of a job's options; the rest is for its painting."""
    parts = {part: options.pop(part) for part in PARTS if part in options}
    return ExaggerateConfig(options.pop("strength", ExaggerateConfig.strength), parts or None)


def _stamp(path: str) -> float:
    return os.stat(path).st_mtime


@functools.lru_cache(maxsize=8)
def _faces(path: str, side: int, _: float) -> list[Any]:
    """The faces of a picture at a size, 0 for its own; looked for once."""
    from dst.deform.exaggeration import faces_of

    image = imaging.read(path)
    return faces_of(small(image, side) if side else image)


def caricature(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """A face exaggerated at once, small: a JPEG or PNG at `out`."""
    from dst.deform.exaggeration import exaggerated_image

    with runtime.computing():
        image = small(imaging.read(p["content"], min_side=1), SHORT_FACE)
        faces = _faces(p["content"], SHORT_FACE, _stamp(p["content"]))
        made = exaggerated_image(image, faces, _face_config(dict(p["options"])))
    return {"mime": write(Path(p["out"]), made.image.rgb, made.image.alpha)}


def texture(p: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """A texture from a sample, or from one sample into another."""
    from dst.batch import textures

    watcher = Watcher(p, teller)
    return _finished(p, teller, textures.texture(p["content"], *p["styles"], on_step=watcher.on_step, **p["options"]))


def one_image(p: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """A picture of one picture's own pieces."""
    from dst.batch import one_image as calls
    from dst.batch.singan import sheet_of

    watcher, task, other = Watcher(p, teller), p["task"], (p["styles"] or [None])[0]
    if task in ("quilt", "onto"):
        return _finished(p, teller, _quilt(p, other, watcher))
    made = calls.one_image(task, p["content"], guide=other, mask=p.get("mask"), on_step=watcher.on_step, **p["options"])
    return _finished(p, teller, made[0] if len(made) == 1 else sheet_of(made, p["options"].get("seed", 0)))


def _quilt(p: dict[str, Any], onto: str | None, watcher: Watcher) -> imaging.Image:
    from dst.patches.quilting import quilted

    with runtime.computing(1):
        target = None if onto is None else imaging.read(onto)
        return quilted(imaging.read(p["content"]), target, QuiltConfig().replace(**p["options"]), watcher.on_row).image


def laboratory(p: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """An experiment as one sheet, with what was measured as a table."""
    from dst.batch import laboratory as lab
    from dst.files import all_keys, csv_text

    watcher = Watcher(p, teller)

    def on_step(part: int, parts: int, step: Any) -> bool:
        return watcher.on_step(step, part, parts)

    sheet = lab.laboratory(p["task"], p["content"], p["styles"][0], on_step=on_step, **p["options"])
    text = csv_text(sheet.rows, all_keys(sheet.rows))
    (Path(p["folder"]) / "table.csv").write_text(text, encoding="utf-8", newline="")
    return _finished(p, teller, sheet.image, ("table.csv",))


MAKING: dict[str, Callable[[dict[str, Any], Teller], dict[str, Any]]] = {
    "exaggerate": exaggerate,
    "caricature": caricature,
    "film": film,
    "texture": texture,
    "one-image": one_image,
    "laboratory": laboratory,
}
"""Tasks by name."""
