"""The notebooks run from top to bottom; sizes are cut down, all else is as written."""

import json
import re
from pathlib import Path

import pytest

from dst import config
from dst.config import one_image
from dst.deform import matching

HOME = Path(__file__).resolve().parent.parent / "examples"
find_matches = matching.find_matches
BOOKS = sorted(HOME.glob("*.ipynb"))
QUICK = {
    "smallest_scale": 32, "steps": 1, "samples": 32, "style_samples": 32, "encoder": "vgg19-16x", "weights": "random",
    "match_size": 64, "max_points": 8, "splitting": 0, "gamma": 0.0, "faces": "off",
}  # fmt: skip

FOUND: dict = {}
"""Matches of the pairs of images that the books have matched."""


def cells(book: Path) -> list[str]:
    """The code of a notebook's cells, sizes cut down."""
    data = json.loads(book.read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in data["cells"] if cell["cell_type"] == "code"]
    code = [re.sub(r"\bsize=\d+", "size=48", text) for text in code]
    return [text.replace("side=64, epochs=100", "side=32, coarsest=13, epochs=2") for text in code]


def test_there_are_notebooks():
    assert len(BOOKS) >= 4


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_a_notebook_runs(book, tmp_path, monkeypatch, no_figures, no_metrics):
    monkeypatch.setitem(config.PRESETS, "default", QUICK)
    for method in ("gpnn", "gpdm"):
        monkeypatch.setitem(one_image.SETTINGS[method]["fast"], "steps", 1)
    monkeypatch.chdir(tmp_path)

    def match_once(content, style, *others):
        """Match each pair of images once for all books: matching is what takes the time, and is tested elsewhere."""
        key = content.rgb.numpy().tobytes(), style.rgb.numpy().tobytes()
        if key not in FOUND:
            FOUND[key] = find_matches(content, style, *others)
        return FOUND[key]

    monkeypatch.setattr(matching, "find_matches", match_once)
    names: dict = {}
    for number, text in enumerate(cells(book), 1):
        exec(compile(text, f"{book.name}, cell {number}", "exec"), names)


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_a_notebook_is_kept_without_outputs_and_begins_with_a_title(book):
    data = json.loads(book.read_text(encoding="utf-8"))
    assert data["nbformat"] == 4
    assert data["cells"][0]["source"][0].startswith("# ")
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in data["cells"])
