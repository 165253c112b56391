"""What every test shares: an empty working folder that must stay empty, and small pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def empty_working_folder(tmp_path_factory, monkeypatch):
    """Run each test in a folder of its own; whatever a test writes without being told where shows up here and fails."""
    folder = tmp_path_factory.mktemp("cwd")
    monkeypatch.chdir(folder)
    yield folder
    left = sorted(p.name for p in folder.iterdir())
    assert not left, f"left in the working folder: {left}"


@pytest.fixture
def picture_file(tmp_path):
    """A function that writes a smooth, detailed PNG of a given size and seed, and returns its path."""
    from PIL import Image

    def make(name: str = "picture.png", size: tuple[int, int] = (48, 40), seed: int = 0) -> Path:
        path = tmp_path / name
        Image.fromarray(blobs(size, seed)).save(path)
        return path

    return make


def blobs(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A picture (H, W, 3) uint8 of overlapping coloured discs: structure at every place, the same for the same seed."""
    width, height = size
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    picture = np.full((height, width, 3), rng.integers(60, 200, 3), np.float64)
    for _ in range(24):
        centre, radius = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0.05, 0.25) * max(size)
        share = np.clip(radius - np.hypot(x - centre[0], y - centre[1]), 0, 1)[..., None]
        picture = (1 - share) * picture + share * rng.integers(0, 256, 3)
    return picture.round().astype(np.uint8)


@pytest.fixture
def python():
    """A function that runs this interpreter in a process of its own, in the test's working folder, without stdin."""

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
