"""What every test shares: an empty working folder that must stay empty, and small images."""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import itertools
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
# The folders of the checkout that no installation holds (assets, bench, tools), behind the installed packages.
sys.path.append(str(ROOT))


@pytest.fixture(autouse=True, scope="session")
def prepared():
    """The process computes as one of the program's does, also where a test calls a function of its own."""
    from dst import runtime

    runtime.prepare()


def pytest_collection_finish():
    """What the imports of all tests have made stays to the end: no search for garbage need go through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def working_folders(tmp_path_factory):
    """Paths for working folders, one after another: `mktemp` would look through those of thousands of tests for the next."""
    home = tmp_path_factory.mktemp("cwd")
    return (home / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def empty_working_folder(working_folders, monkeypatch):
    """Run each test in a folder of its own; whatever a test writes without being told where shows up here and fails."""
    folder = next(working_folders)
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    left = sorted(p.name for p in folder.iterdir())
    assert not left, f"left in the working folder: {left}"


@pytest.fixture
def image_file(tmp_path):
    """A function that writes a smooth, detailed PNG of a given size and seed, and returns its path."""
    from PIL import Image

    def make(name: str = "picture.png", size: tuple[int, int] = (48, 40), seed: int = 0) -> Path:
        path = tmp_path / name
        Image.fromarray(blobs(size, seed)).save(path)
        return path

    return make


def blobs(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A image (H, W, 3) uint8 of overlapping coloured discs: structure at every place, the same for the same seed."""
    return _blobs(size, seed).copy()


@functools.cache
def _blobs(size: tuple[int, int], seed: int) -> np.ndarray:
    width, height = size
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), rng.integers(60, 200, 3), np.float64)
    for _ in range(24):
        centre, radius = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0.05, 0.25) * max(size)
        low, high = np.maximum(centre - radius, 0).astype(int), (centre + radius).astype(int) + 2
        part = image[low[1] : high[1], low[0] : high[0]]
        y, x = np.ogrid[low[1] : low[1] + part.shape[0], low[0] : low[0] + part.shape[1]]
        share = np.clip(radius - np.hypot(x - centre[0], y - centre[1]), 0, 1)[..., None]
        part[:] = (1 - share) * part + share * rng.integers(0, 256, 3)
    return image.round().astype(np.uint8)


@pytest.fixture(scope="session")
def python():
    """A function that runs this interpreter in a process of its own, in the present working folder, without stdin."""

    def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess:
        import cli

        home = str(Path(cli.__file__).resolve().parent)
        path = os.pathsep.join(p for p in (home, os.environ.get("PYTHONPATH")) if p)
        return subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


@pytest.fixture
def made_result():
    """A function that makes a Result as a run would, without running: 60 x 48 pixels, six matches, two scales."""
    return make_result


def make_result(warps: bool = True, alpha: bool = False, seed: int = 0, **changes):
    """A plausible Result; `changes` replace fields."""
    result = copy.deepcopy(_made_result(warps, alpha, seed))
    for name, value in changes.items():
        setattr(result, name, value)
    return result


@functools.cache
def _made_result(warps: bool, alpha: bool, seed: int):
    from types import SimpleNamespace

    from correspondence.matches import Matches
    from dst import imaging
    from dst.config import StylizeConfig
    from dst.runs.record import make_record
    from dst.runs.result import Result
    from dst.warp import Warp

    rng = np.random.default_rng(seed)
    size, shape = (60, 48), (120, 96)
    points = np.array([[20, 20], [90, 24], [60, 50], [30, 76], [100, 70], [62, 84]], float)
    found = Matches(points, points * 0.5 + 3, rng.uniform(0.2, 1, 6), shape, (70, 60)) if warps else None
    warp = Warp.fit(points, points + rng.uniform(-5, 5, (6, 2)), shape) if warps else Warp.identity(shape)
    images = {name: blobs(size, k) for k, name in enumerate(("unwarped", "content"))}
    for after, before in (("image", "unwarped"), ("warped_content", "content")):
        images[after] = imaging.to_array(warp.apply(imaging.read(images[before]).rgb).clamp(0, 1))
    if alpha:
        opaque = rng.integers(0, 256, (48, 60, 1), np.uint8)
        images = {name: np.concatenate([image, opaque], 2) for name, image in images.items()}
    terms = ("content", "style", "style_warped", "warp", "tv", "total")
    history = [
        {
            "scale": k // 5,
            "side": (30, 60)[k // 5],
            "step": k % 5,
            **dict(zip(terms, rng.uniform(0.1, 5, 6), strict=True)),
        }
        | {"seconds": 0.01}
        for k in range(10)
    ]
    fields = {**images, "style": blobs((50, 60), 9), "matches": found, "warp": warp, "history": history}
    result = Result(**fields, record={}, matches_image=blobs((110, 48), 7) if warps else None)
    job = SimpleNamespace(
        config=StylizeConfig.from_options(size=60), preset="default", matches=found, verdict="6 points given",
        content_size=shape, kept=1.0, threads=1, precision="float32", softened=1.0, notes={}, given={},
        inputs={"content": {"name": "a.png", "size": [120, 96]}, "styles": [{"name": "b.png", "size": [70, 60]}]},
    )  # fmt: skip
    encoder = SimpleNamespace(name="compact", sha256="0" * 64)
    targets = warp.source * 120 - 0.5 + 3
    result.record = make_record(result, job, encoder, 1.0, targets, {"style": 0.5}, "", {"read": 0.1})
    return result


@pytest.fixture
def pair(image_file):
    """The paths of a photograph and a painting."""
    return str(image_file("content.png", seed=1)), str(image_file("style.png", (40, 52), seed=2))


@pytest.fixture
def stand_in(monkeypatch, made_result):
    """Replaces the run by one that takes five steps and gives a made-up Result; returns the calls that it got."""
    from types import SimpleNamespace

    import torch

    import dst.batch.grid  # noqa: F401 - what takes the encoder's loader by name must not take the stand-in for good
    from dst.deform import inputs, pipeline
    from dst.runs import estimate

    calls = []

    def stylize(content, style, *, on_step=None, on_stage=None, run_dir=None, force=False, notes=None, **options):
        calls.append({"content": content, "style": style, "run_dir": run_dir, "notes": notes, **options})
        result = made_result()
        result.record = {**result.record, **(notes or {})}
        for name in ("read", "match", "warp", "optimize", "finish"):
            if on_stage is not None:
                on_stage(name, "start")
            for k in range(5 if name == "optimize" else 0):
                state = SimpleNamespace(image=torch.full((1, 3, 48, 60), k / 5), parameters={})
                where = {"size": (60, 48), "step": k, "steps": 5, "done": k + 1, "total_steps": 5}
                step = SimpleNamespace(**where, terms={"total": 1.0}, state=state)
                if on_step is not None and on_step(step):
                    result.record["stopped"] = "stopped on request"
                    break
            if on_stage is not None:
                on_stage(name, "end")
        if run_dir is not None:
            result.save(run_dir, force)
        return result

    cost = estimate.Estimate((60, 48), 3.0, 1e9, 8e9)
    monkeypatch.setattr(pipeline, "stylize", stylize)
    monkeypatch.setattr(inputs, "encoder_of", lambda config: None)
    monkeypatch.setattr(estimate, "estimate", lambda *_: cost)
    return calls


def refused(capsys, *arguments) -> str:
    """Run a command line that must end with code 2, one line on standard error and nothing on standard output."""
    import cli

    assert cli.main(list(map(str, arguments))) == 2
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert said.out == "" and len(lines) == 1 and lines[0].startswith("dst: error: "), said
    return lines[0]


@contextlib.contextmanager
def full_after(size: int):
    """A disk on which a file grows to some bytes, and no further."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_points(path, rows):
    lines = ["content_x,content_y,style_x,style_y,score", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


POINTS = [(10, 10, 12, 10, 1), (38, 9, 40, 9, 1), (24, 20, 24, 24, 0.5), (12, 32, 12, 32, 1), (37, 31, 35, 31, 1)]
"""Rows of a points.csv that fit a content of 48 x 40 pixels and a style of 48 x 52."""


@pytest.fixture(scope="module")
def no_figures():
    """Drawing a run's figures takes longer than a small run does, and has tests of its own."""
    from dst.deform import painting

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(painting, "figures", dict)
        yield


@pytest.fixture(scope="module")
def no_metrics():
    """Measuring a result takes longer than a small run does, and has tests of its own."""
    from dst.config.metrics import METRICS
    from dst.deform import painting

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(painting, "metrics", lambda *_: dict.fromkeys(METRICS, 0.5))
        yield


@pytest.fixture(scope="module")
def scene():
    """A smooth colourful 16-bit RGBA image whose four corners differ."""
    x, y = np.meshgrid(np.linspace(0, 1, 50), np.linspace(0, 1, 40))
    planes = [x, y, 0.5 + 0.4 * np.sin(3 * x + 2 * y), 0.2 + 0.8 * y]
    return np.rint(np.stack(planes, 2) * 65535).astype(np.uint16)


@pytest.fixture(scope="session")
def page_server():
    """The page, with one worker for jobs and one for small tasks that all its tests share and keep warm."""
    pytest.importorskip("starlette", reason="the page is not installed: pip install '.[web]'")
    from visiting import serving

    from dst.web import application

    patch = pytest.MonkeyPatch()
    patch.setattr(application, "QUICK", 1)
    with serving(threads=1, max_megapixels=1, max_upload=2, jobs=4, max_size=512) as found:
        yield found
    patch.undo()


@pytest.fixture(scope="session")
def chrome(tmp_path_factory):
    """A browser, which all tests of the page share."""
    from browsing import chromium

    driver = chromium(tmp_path_factory.mktemp("profile"))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def guest(chrome, page_server, tmp_path):
    """A visitor of the page in the browser."""
    from browsing import visiting

    yield from visiting(chrome, page_server.url, tmp_path)


@pytest.fixture(scope="session")
def photograph(tmp_path_factory):
    """scikit-image's astronaut, small."""
    from PIL import Image
    from skimage import data

    path = tmp_path_factory.mktemp("photograph") / "me at home.png"
    Image.fromarray(data.astronaut()[0:300, 100:350]).resize((200, 240)).save(path)
    return path
