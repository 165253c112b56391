"""What workers do. Each task takes plain values, writes files into the folder that it is given, and returns plain values.

Paths come from the server; what people typed comes as numbers, switches and words that the server has checked.
"""

from __future__ import annotations

import functools
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from correspondence.matches import Matches
from dst import imaging, runtime
from dst.config import StylizeConfig, WarpConfig
from dst.web.teller import Teller

THUMB, SHOWN = 320, 2048
"""Long sides of the smallest and the largest picture that the page is given, pixels."""
PREVIEW_SIDE, PREVIEW_EVERY = 512, 0.5
"""Long side of a live preview, and seconds between two."""
QUALITY = 88
WORDS = {"look": "look", "warp_strength": "warp"}
WARP_STEPS = 12
"""Of the balance of a bent preview, which is off by a fraction of a pixel then and follows the hand."""


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
        image = _small(image, int(max(size) * (p["most"] / (size[0] * size[1])) ** 0.5))
        note = (
            f"scaled from {size[0]} x {size[1]} to {image.size[0]} x {image.size[1]} pixels, the most that is kept here"
        )
        full = path.name + (".jpg" if image.alpha is None else ".png")
        imaging.write(folder / full, image.rgb, image.alpha)
        if full != path.name:
            path.unlink()
    mime = _show(image, folder, SHOWN)
    _show(image, folder, THUMB)
    return {"width": image.size[0], "height": image.size[1], "full": full, "mime": mime, "note": note}


def _show(image: imaging.Image, folder: Path, side: int) -> str:
    """Write what the page shows of an image at a size; return its type: PNG where parts are transparent, else JPEG."""
    image = _small(image, side)
    clear = image.alpha is not None
    data = imaging.encode(image.rgb, image.alpha, ".png" if clear else ".jpg", quality=QUALITY)
    _put(folder / f"side{side}", data)
    return "image/png" if clear else "image/jpeg"


def _small(image: imaging.Image, side: int) -> imaging.Image:
    """An image with its long side at `side` at most."""
    side = min(side, max(image.size))
    alpha = None if image.alpha is None else imaging.resize(image.alpha, side, image.size)
    return imaging.Image(imaging.resize(image.rgb, side, image.size), alpha, 8, image.name)


def _put(path: Path, data: bytes) -> None:
    """Write a file that others may be reading, whole."""
    part = path.with_name(f".{path.name}-{os.getpid()}")
    part.write_bytes(data)
    os.replace(part, path)


@functools.lru_cache(maxsize=16)
def _read(path: str, side: int, _stamp: float) -> imaging.Image:
    return _small(imaging.read(path, min_side=1), side)


def _shown(path: str, side: int) -> imaging.Image:
    """A picture that the page shows, at a size; the last ones are kept."""
    return _read(path, side, os.stat(path).st_mtime)


def resized(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """Write a picture at another size to `out`."""
    image = _shown(p["shown"], p["side"])
    _put(
        Path(p["out"]),
        imaging.encode(image.rgb, image.alpha, ".jpg" if image.alpha is None else ".png", quality=QUALITY),
    )
    return {}


def sample_photograph(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """Write one of the photographs that come with scikit-image to `out`, as PNG."""
    from skimage import data

    image = getattr(data, p["name"])()
    if p["name"] == "astronaut":
        image = image[0:300, 100:350]
    _put(Path(p["out"]), imaging.encode(np.ascontiguousarray(image)))
    return {}


def instant(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """The first answer, by a network that knows any style: a JPEG or PNG at `out`."""
    from dst.deform.instant import instantly

    began = time.perf_counter()
    size = p["size"]
    styles = [_shown(path, size) for path in p["styles"]]
    more = {} if p.get("weights") is None else {"style_weights": p["weights"]}
    painted = instantly(_shown(p["content"], size), styles, strength=p["strength"], size=size, **more)
    clear = painted.shape[2] == 4
    _put(Path(p["out"]), imaging.encode(painted, extension=".png" if clear else ".jpg", quality=QUALITY))
    return {"mime": "image/png" if clear else "image/jpeg", "seconds": time.perf_counter() - began}


def warp(p: dict[str, Any], _: Teller) -> dict[str, Any]:
    """The photograph bent by points, at preview size: a JPEG or PNG at `out`."""
    from dst.deform.fitting import fit_warp

    image = _shown(p["content"], p["side"])
    weights = WarpConfig(**p.get("weights", {}))
    with runtime.computing():
        fitted = fit_warp(points_of(p), p["strength"], weights.beta, weights.gamma, steps=WARP_STEPS)
        rgb = fitted.warp.apply(image.rgb, "bilinear").clamp(0, 1)
        alpha = None if image.alpha is None else fitted.warp.apply(image.alpha, "bilinear").clamp(0, 1)
    clear = alpha is not None
    _put(Path(p["out"]), imaging.encode(rgb, alpha, ".png" if clear else ".jpg", quality=QUALITY))
    return {"mime": "image/png" if clear else "image/jpeg", "kept": fitted.kept, "softened": fitted.softened}


def points_of(p: dict[str, Any]) -> Matches:
    """The points of a task, `[cx, cy, sx, sy, confidence, source]` each, as matches of its images, checked.

    Raises:
        InputError: points that no warp can be fitted to.
    """
    from dst.deform.matching import read_points

    rows = p["points"]
    table = np.array([row[:5] for row in rows], float).reshape(-1, 5)
    sources = [str(row[5] if len(row) > 5 else "")[:40] for row in rows]
    found = Matches(
        table[:, :2], table[:, 2:4], table[:, 4], tuple(p["content_size"]), tuple(p["style_size"]), source=sources
    )
    return read_points(found, found.content_size, found.style_size)


def rows_of(matches: Matches | None) -> list[list[Any]]:
    """Matches as the page takes them: content x, y, style x, y, confidence, and where each comes from."""
    if matches is None:
        return []
    table = matches.table()
    table[:, 2:4] += matches.shift
    if matches.style_size is not None:
        table[:, 2:4] = table[:, 2:4].clip(-0.5, np.array(matches.style_size) - 0.5)
    return [
        [*(round(v, 4) for v in row), source]
        for row, source in zip(table.tolist(), matches.source.tolist(), strict=True)
    ]


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
    about = {"verdict": verdict, "usable": bool(usable), "confidence": found.confidence, "files": ["points.csv"]}
    return {"matches": rows_of(found), **about}


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

        self.folder, self.teller, self.count, self.last = Path(p["folder"]), teller, 0, 0.0
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
        return self._put(image)

    def show(self, pixels: np.ndarray) -> int:
        """Show the finished picture, whose files take some seconds still; return the number of the preview."""
        from dst.runs.frames import opaque, shrunk

        return self._put(shrunk(opaque(pixels), 2 * PREVIEW_SIDE))

    def _put(self, image: Any) -> int:
        self.count += 1
        _put(self.folder / f"preview-{self.count}.jpg", imaging.encode(image, extension=".jpg", quality=80))
        (self.folder / f"preview-{self.count - 3}.jpg").unlink(missing_ok=True)
        return self.count


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
        **options,
    )
    folder = Path(p["folder"])
    teller.tell(stage="save", share=1.0, seconds_left=None, preview=watcher.show(result.image))
    _rename(result, p)
    run = folder / "run"
    run.mkdir()
    result.figures = {}  # which take seconds to draw: `packed` does so when somebody asks for them
    result.write_files(run)
    (run / "settings.toml").write_text(_settings(config, preset, options), encoding="utf-8")
    _thumb(result.image, folder)
    return {
        "matches": rows_of(result.matches),
        "verdict": result.record["matches"]["verdict"],
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


def _thumb(image: np.ndarray, folder: Path) -> None:
    small = imaging.read(np.ascontiguousarray(image), min_side=1)
    _show(imaging.Image(small.rgb), folder, THUMB)
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
    found = choices(
        p["content"],
        p["styles"] if len(p["styles"]) > 1 else p["styles"][0],
        on_look=on_look,
        side=p["side"],
        **options,
    )
    cells = []
    for k, (image, choice) in enumerate(zip(found.images, found.keywords, strict=True)):
        pixels = imaging.flatten(np.ascontiguousarray(image))
        _put(folder / f"cell-{k}.jpg", imaging.encode(pixels, extension=".jpg", quality=QUALITY))
        own = {name: choice[name] for name in ("look", "warp_strength") if name in choice}
        label = ", ".join(
            f"{WORDS[name]} {value if isinstance(value, str) else f'{value:g}'}" for name, value in own.items()
        )
        cells.append({"options": own, "label": label, "file": f"cell-{k}.jpg"})
    if cells:
        (folder / "thumb.jpg").write_bytes((folder / "cell-0.jpg").read_bytes())
    return {"cells": cells, "verdict": found.verdict, "files": []}


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
}
"""Every task by name."""
KINDS = ("match", "stylize", "variants")
