"""Tasks that take long: painting, variants, and what is made of a finished run."""

from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from dst import imaging, runtime
from dst.config import StylizeConfig
from dst.web.shown import QUALITY, THUMB, Previews, points_of, put, rows_of, show
from dst.web.teller import Teller
from dst.web.verdicts import plainly

PREVIEW_SIDE, PREVIEW_EVERY = 512, 0.5
"""Long side of a live preview, and seconds between two."""
WORDS = {"look": "look", "warp_strength": "warp"}


def _sized(p: dict[str, Any], options: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The options with the largest size that memory allows, and a notice where that is less than was asked for."""
    from dst.deform.inputs import encoder_of
    from dst.runs.estimate import estimate, largest_size

    config = StylizeConfig.from_options(**{k: v for k, v in options.items() if k != "warp"})
    encoder, size, warps = encoder_of(config), tuple(p["content_size"]), options.get("warp", True)
    if estimate(encoder, size, config, warps, False).fits:
        return options, None
    fitting = largest_size(encoder, size, config, warps)
    return {**options, "size": fitting}, f"memory is short, so the long side is {fitting} pixels"


class Watcher:
    """Makes of a run's steps what the page shows: progress by cost, time left, a preview twice a second."""

    def __init__(self, p: dict[str, Any], config: StylizeConfig, teller: Teller) -> None:
        from dst.optim.loop import schedule

        self.previews, self.teller, self.last = Previews(Path(p["folder"])), teller, 0.0
        size = imaging.fit_size(tuple(p["content_size"]), config.size)
        self.total = sum(s.steps * self._cost(s.side) for s in schedule(size, config.optimize)) or 1
        self.spent, self.began = 0.0, None

    @staticmethod
    def _cost(side: float) -> float:
        return side**2 + 160**2

    def on_stage(self, name: str, event: str) -> None:
        """Take the start or the end of a stage."""
        if event == "start":
            self.teller.tell(stage=name, **({"seconds_left": None} if name != "optimize" else {}))
        if name == "optimize":
            self.began = time.monotonic()

    def on_step(self, step: Any) -> bool:
        """Take a step; True stops the run."""
        self.spent += self._cost(max(step.size))
        share, now = min(1.0, self.spent / self.total), time.monotonic()
        left = (now - (self.began or now)) * (1 - share) / share
        told = {"done": step.done, "total": step.total_steps, "share": round(share, 4), "seconds_left": round(left, 1)}
        show = now - self.last >= PREVIEW_EVERY
        if show:
            told["preview"] = self._preview(step)
            self.last = time.monotonic()
        self.teller.tell(show, **told)
        return self.teller.stopped

    def _preview(self, step: Any) -> int:
        from dst.runs.frames import shrunk

        image = shrunk(step.state.image, PREVIEW_SIDE)
        if step.warp is not None:
            image = step.warp().apply(image, "bilinear").clamp(0, 1)
        return self.previews.write(image)

    def show(self, pixels: np.ndarray) -> int:
        """Show the finished picture, whose files take some seconds still; return the number of the preview."""
        from dst.runs.frames import opaque, shrunk

        return self.previews.write(shrunk(opaque(pixels), 2 * PREVIEW_SIDE))


def stylize(p: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Paint: the whole run goes into the folder `run`, which `run.zip` holds too."""
    from dst.deform import pipeline

    options, note = _sized(p, p["options"])
    if note:
        teller.tell(note=note)
    preset = options.pop("preset", "default")
    config = StylizeConfig.from_options(preset, **{k: v for k, v in options.items() if k != "warp"})
    watcher = Watcher(p, config, teller)
    points = points_of(p) if p.get("points") is not None else None
    styles = p["styles"] if len(p["styles"]) > 1 else p["styles"][0]
    result = pipeline.stylize(
        p["content"],
        styles,
        preset=preset,
        points=points,
        on_step=watcher.on_step,
        on_stage=watcher.on_stage,
        **_with_network(options),
    )
    folder = Path(p["folder"])
    teller.tell(stage="save", share=1.0, seconds_left=None, preview=watcher.show(result.image))
    _rename(result, p)
    result.record["settings"] |= {name: config.flat()[name] for name in ("model", "model_style")}
    run = folder / "run"
    run.mkdir()
    result.figures = {}  # which take seconds to draw: `packed` does so when somebody asks for them
    result.write_files(run)
    (run / "settings.toml").write_text(_settings(config, preset, options), encoding="utf-8")
    thumb(imaging.read(np.ascontiguousarray(result.image), min_side=1), folder)
    return {
        "matches": rows_of(result.matches),
        "verdict": plainly(result.record["matches"]["verdict"]),
        "size": list(result.record["size"]),
        "files": [
            "image.png",
            "run.zip",
            "morph.mp4",
            *(["points.csv"] if result.matches is not None else []),
            "settings.toml",
        ],
        "note": note,
        "stopped": "" if teller.stopped else result.record["stopped"],
    }


def _with_network(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a run with a shipped style's network in the place of its name, which a folder may have too where the server runs."""
    name = options.get("model")
    if name is None:
        return options
    from dst.networks import shipped

    return {**options, "model": shipped.load(), "model_style": (name,)}


def thumb(image: imaging.Image, folder: Path) -> None:
    """Write the small picture of a result."""
    show(imaging.Image(image.rgb), folder, THUMB)
    os.replace(folder / f"side{THUMB}", folder / "thumb.jpg")


def _rename(result: Any, p: dict[str, Any]) -> None:
    """Put the user's names in the place of the server's paths in a run's record."""

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [renamed(item) for item in value]
        if not isinstance(value, str):
            return value
        for path, name in p.get("names", {}).items():
            if value in (path, os.path.basename(path)):
                return name
        return value

    result.record = renamed(result.record)


def _settings(config: StylizeConfig, preset: str, options: dict[str, Any]) -> str:
    from dst.config import option_fields
    from dst.config.files import toml_text

    fields = option_fields()
    found = {name: value for name, value in config.unlike_preset(preset).items() if not str(value).startswith("/")}
    sentences = {name: fields[name].metadata["help"] for name in found} | {
        "preset": "a named set of options",
        "warp": "warp the photograph",
    }
    values = {"preset": preset, **({"warp": False} if options.get("warp") is False else {}), **found}
    return toml_text(
        {k: v for k, v in values.items() if not isinstance(v, (list, tuple)) or v},
        sentences,
        "options of this picture, for `dst stylize --config`",
    )


def _zip(folder: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}")
    with zipfile.ZipFile(part, "w") as file:
        for path in sorted(folder.iterdir()):
            packed = path.suffix in (".json", ".csv", ".toml")
            file.write(path, f"run/{path.name}", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
    os.replace(part, target)


def variants(p: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Looks by strengths of the warp at a small size: one picture each, `cell-K.jpg`."""
    from dst.batch.variants import choices

    folder, options = Path(p["folder"]), dict(p["options"])
    teller.tell(stage="match", total=3)

    def on_look(index: int, count: int, result: Any) -> bool:
        teller.tell(stage="optimize", done=index + 1, total=count, share=(index + 1) / count)
        return teller.stopped

    if p.get("points") is not None:
        options["points"] = points_of(p)
    cells: list[dict[str, Any]] = []

    def on_images(keywords: list[dict[str, Any]], images: list[np.ndarray]) -> None:
        cells[:] = cells or [_cell(choice) for choice in keywords]
        looks = len(cells) // len(images)
        column = sum(cell["file"] is not None for cell in cells) // len(images)
        for row, image in enumerate(images):
            k = row * looks + column
            cells[k]["file"] = f"cell-{k}.jpg"
            pixels = imaging.flatten(np.ascontiguousarray(image))
            put(folder / f"cell-{k}.jpg", imaging.encode(pixels, extension=".jpg", quality=QUALITY))
            teller.tell(cells=[dict(cell) for cell in cells])

    found = choices(
        p["content"],
        p["styles"] if len(p["styles"]) > 1 else p["styles"][0],
        on_look=on_look,
        on_images=on_images,
        side=p["side"],
        **options,
    )
    made = [cell for cell in cells if cell["file"]]
    if made:
        (folder / "thumb.jpg").write_bytes((folder / made[0]["file"]).read_bytes())
    return {"cells": made, "verdict": plainly(found.verdict), "files": []}


def _cell(choice: dict[str, Any]) -> dict[str, Any]:
    """A variant that is not made yet."""
    own = {name: choice[name] for name in ("look", "warp_strength") if name in choice}
    label = ", ".join(
        f"{WORDS[name]} {value if isinstance(value, str) else f'{value:g}'}" for name, value in own.items()
    )
    return {"options": own, "label": label, "file": None}


def packed(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """The whole run as a ZIP, with its figures, beside the run."""
    from dst.deform.painting import figures
    from dst.runs.result import Result, save_figures

    folder = Path(p["folder"])
    with runtime.computing():
        result = Result.load(folder / "run")
        result.figures = figures()
        save_figures(result, folder / "run")
    _zip(folder / "run", folder / p["file"])
    return {}


def morph(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """The way from the photograph to the result as an animation, beside the run."""
    from dst.runs.result import Result
    from dst.viz import animation

    folder = Path(p["folder"])
    with runtime.computing():
        animation.write_animation(folder / p["file"], animation.morph(Result.load(folder / "run")))
    return {}
