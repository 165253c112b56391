"""A run's files with one part replaced: whatever it is replaced by, the run is read or refused by name, nothing else."""

import functools
import json
import math
import random
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import blobs
from PIL import Image

import cli
import dst
from dst import imaging
from dst.config import InputError
from dst.deform import pipeline, resuming
from dst.evaluate import table
from dst.evaluate.table import evaluate_runs, metrics_table
from dst.runs import checkpoint
from dst.runs.record import read_record, record_text
from dst.runs.result import Result
from dst.viz.animation import run_frames
from dst.warp import Warp

GONE, DEEP = object(), "@deep@"
pytestmark = pytest.mark.usefixtures("no_figures")
VALUES = (GONE, None, "x", -1, True, [], {}, 1e30, 10**400, math.nan, DEEP)
LOOKED_AT = (
    "size",
    "weights",
    "device",
    "encoder",
    "layers",
    "preserve_color",
    "pyramid_levels",
    "side",
    "step",
    "total",
)
POINTS = np.array([[10, 10, 9, 11], [30, 6, 26, 7], [18, 22, 17, 24], [6, 24, 7, 22], [31, 25, 28, 27]], float)


@pytest.fixture
def images_once(monkeypatch, new):
    """Image files are read once: none of them is spoiled here."""
    read, array, known = imaging.read, imaging.to_array, {}

    def read_once(source, *given, **named):
        if not isinstance(source, Path):
            return read(source, *given, **named)
        if source not in known:
            known[source] = read(source, *given, **named)
        return known[source]

    def array_once(rgb, *given):
        if id(rgb) not in known:
            known[id(rgb)] = rgb, array(rgb, *given)
        return known[id(rgb)][1]

    monkeypatch.setattr(imaging, "read", read_once)
    monkeypatch.setattr(imaging, "to_array", array_once)


@pytest.fixture(scope="module")
def new(tmp_path_factory, no_figures) -> Path:
    """A finished run that has every part that one can have."""
    home = tmp_path_factory.mktemp("new")
    content = np.dstack([blobs((40, 32), 0), np.full((32, 40), 200, np.uint8)])
    halves = np.zeros((32, 40, 3), np.uint8)
    halves[:, 20:] = 255
    rigid = np.zeros((32, 40), np.uint8)
    rigid[14:22, 14:26] = 255
    images = {"content": content, "one": blobs((36, 34), 1), "two": blobs((40, 32), 2), "shapes": blobs((36, 34), 3)}
    for name, pixels in images.items():
        Image.fromarray(pixels).save(home / f"{name}.png")
    pipeline.stylize(
        home / "content.png", [home / "one.png", home / "two.png"], run_dir=home / "run", points=POINTS, notes={"a": [1]},
        rigid_mask=rigid, content_mask=halves, style_mask=[np.pad(halves[:, 2:38], ((0, 2), (0, 0), (0, 0)), mode="edge"), halves], geometry=home / "shapes.png",
        size=32, smallest_scale=32, steps=2, samples=32, style_samples=32, gamma=0.0, init="noise",
        stroke_size=(0.75, 1),
    )  # fmt: skip
    return home / "run"


@pytest.fixture(params=["new", "old"])
def run(request, tmp_path) -> Path:
    """A run to spoil, of this version and of the first."""
    home = (
        request.getfixturevalue("new") if request.param == "new" else Path(__file__).with_name("format_1") / "finished"
    )
    return Path(shutil.copytree(home, tmp_path / "run"))


def places(value: Any, way: tuple = ()) -> Iterator[tuple]:
    """The way to every part of nested tables and lists; of a list the first and the last, of a long table of values some."""
    if way:
        yield way
    if isinstance(value, dict):
        nested = sum(isinstance(item, (dict, list, tuple, torch.Tensor)) for item in value.values())
        alike = len(value) > 6 and nested < len(value) / 5
        for k, key in enumerate(value):
            if k in (0, len(value) - 1) or key in LOOKED_AT or not alike:
                yield from places(value[key], (*way, key))
    elif isinstance(value, (list, tuple)):
        for k in sorted({0, len(value) - 1} if value else ()):
            yield from places(value[k], (*way, k))


def mutated(value: Any, way: tuple, new: Any) -> Any:
    """The same with another part at one place; only what leads there is copied."""
    if not way:
        return new
    parts = dict(value) if isinstance(value, dict) else list(value)
    if new is GONE and len(way) == 1:
        del parts[way[0]]
    else:
        parts[way[0]] = mutated(parts[way[0]], way[1:], new)
    return parts


def survives(run: Path, readers: list, what: Any) -> bool:
    """Whether the readers, called in their order, read a run; otherwise one must refuse it by name."""
    try:
        for reader in readers:
            reader()
    except InputError as error:
        assert str(run) in str(error) and "\n" not in str(error) and len(str(error)) < 700, (what, str(error))
        return False
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    return True


def count_survivors(cases: Iterator[tuple[Any, list]], run: Path) -> tuple[int, int]:
    found = [survives(run, readers, what) for what, readers in cases]
    return sum(found), len(found)


def spoiled_files(path: Path, values: int) -> Iterator[Any]:
    """Write a JSON file with each of its parts replaced in turn, by so many values that are drawn for it."""
    good, chance = json.loads(path.read_text()), random.Random(0)
    deep = {DEEP: "[" * 5000 + "]" * 5000, "@200@": "[" * 200 + "]" * 200}
    for way in places(good):
        for value in chance.sample((*VALUES, "@200@"), values):
            text = json.dumps(mutated(good, way, value))
            for mark, nested in deep.items():
                text = text.replace(f'"{mark}"', nested)
            path.write_text(text)
            yield way, value
    path.write_text(json.dumps(good))


@pytest.mark.usefixtures("images_once")
def test_any_part_of_a_record(run, monkeypatch):
    image, kept = run / "style.png", checkpoint.read(run)
    monkeypatch.setattr(checkpoint, "read", lambda folder: kept)
    monkeypatch.setattr(table, "quality", lambda *_: {})  # of images that are not spoiled, hundreds of times
    always = [lambda: metrics_table(evaluate_runs([run])), lambda: record_text(read_record(run))]
    loads = [lambda: dst.load_run(run)]
    more = [
        lambda: dst.warp_image(image, run=run),
        lambda: next(run_frames(run, hold=1)),
        lambda: dst.resume(run),
    ]

    def cases():
        for way, value in spoiled_files(run / "run.json", 3):
            readers = always + (loads if way[0] in ("matches", "warp") or len(way) == 1 else [])
            yield (way, value), readers + (more if way[-1] in ("points", "settings", "preserve_color") else [])

    survived, count = count_survivors(cases(), run)
    assert survives(run, always + loads + more, "whole") and count > 200 and 0 < survived < 0.7 * count


@pytest.mark.usefixtures("images_once")
def test_any_part_of_a_warp(run):
    image = run / "style.png"
    readers = [
        lambda: Warp.load(run / "warp.json"),
        lambda: Result.load(run),
        lambda: dst.warp_image(image, run=run),
    ]
    survived, count = count_survivors(((what, readers) for what in spoiled_files(run / "warp.json", 6)), run)
    assert survives(run, readers, "whole") and count > 100 and 0 < survived < 0.3 * count


@functools.cache
def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def tensors(good: torch.Tensor) -> Iterator[torch.Tensor]:
    """Tensors that are not that one: of other shapes, types and values, and one that asks for a terabyte."""
    yield from (good[..., :-1], good[None], good.reshape(-1), good[:0], good.new_zeros(()), good.to(torch.float16))
    yield good.double() if good.dtype != torch.float64 else good.float()
    yield good[..., :1].expand(*good.shape[:-1], 10**12)
    yield good.to_sparse() if good.ndim and good.numel() else good
    if good.is_floating_point():
        yield from (torch.full_like(good, value) for value in (math.nan, math.inf, 1e30, -1.0))
    else:
        yield from (torch.full_like(good, value) for value in (1, 127))


def spoiled_checkpoints(data: dict) -> Iterator[tuple[Any, Any]]:
    chance = random.Random(0)
    for way in places(data):
        good = data
        for key in way:
            good = good[key]
        for k, value in enumerate(tensors(good) if isinstance(good, torch.Tensor) else ()):
            yield (way, f"tensor {k}"), mutated(data, way, value)
        for value in chance.sample(VALUES, 2):
            yield (way, value), mutated(data, way, nested(2000) if value is DEEP else value)
        yield (way, "tensor"), mutated(data, way, torch.zeros(3, 2))


def test_any_part_of_a_checkpoint(run, monkeypatch):
    monkeypatch.setattr(resuming, "paint", lambda *_: None)  # what a mutation leaves unfinished is begun, not painted
    data, result = checkpoint._loaded(run / checkpoint.NAME), dst.load_run(run)
    monkeypatch.setattr(Result, "load", lambda folder: result)

    def readers(what: Any, value: Any) -> list:
        monkeypatch.setattr(checkpoint, "_loaded", lambda path: value)
        found = [lambda: dst.resume(run)]
        if {"frames", "film", "source"} & set(what):
            found.append(lambda: list(run_frames(run, hold=1)))
        return [*found, lambda: dst.resume(run, size=64)] if "inputs" in what else found

    spoiled = [*spoiled_checkpoints(data), *(((), value) for value in VALUES if value is not GONE)]
    cases = ((what, readers(what[0] if what else (), value)) for what, value in spoiled)
    survived, count = count_survivors(cases, run)
    assert survives(run, readers(("frames",), data), "whole") and count > 400 and 0 < survived < 0.4 * count


@pytest.mark.parametrize(
    "text",
    [
        "scale,side,step\n0,32,0\n",
        "scale,side,step,total\n0,32,-1,2\n",
        "scale,side,step,total\n0,32,,2\n",
        "scale,side,step,total\n0,32,0,nan\n",
        "scale,side,step,total\n0,32,0,2,3\n",
        "scale,side,step,total\n0,1e3,0,2\n",
        f"scale,side,step,total\n0,32,{'9' * 5000},2\n",
        f"scale,side,step,total\n0,32,0,{'1' * 200_000}\n",
    ],
)
def test_a_history_that_is_none(run, text):
    (run / "history.csv").write_text(text)
    with pytest.raises(InputError, match=r"history\.csv is damaged") as caught:
        dst.load_run(run)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_files_of_two_runs_are_told(new, run):
    Warp.identity((40, 32)).save(run / "warp.json")
    with pytest.raises(InputError, match=r"run\.json and warp\.json are of two runs"):
        dst.load_run(run)


def test_a_checkpoint_that_would_unpack_to_any_size_is_refused(run):
    """Zip files may be compressed a thousandfold; torch's own never are."""
    path = run / checkpoint.NAME
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data + bytes(10**6 if "/data/" in name else 0))
    with pytest.raises(InputError, match=r"checkpoint\.pt is damaged"):
        dst.resume(run)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_whole_checkpoint_is_not_called_damaged_where_memory_is_short(run, monkeypatch, error):
    def short(*_, **__):
        raise error

    for place, name in ((torch, "load"), (checkpoint, "_read_job")):
        with monkeypatch.context() as patch, pytest.raises(type(error)):
            patch.setattr(place, name, short)
            dst.resume(run)


def test_a_device_or_weights_that_are_not_here_are_told_with_the_run(run):
    data = torch.load(run / checkpoint.NAME, weights_only=True)
    config = dict(data["job"]["config"])
    for change, words in (({"device": "mps:7"}, "device"), ({"weights": "/none.safetensors"}, "No such file")):
        data["job"]["config"] = {**config, **change}
        torch.save(data, run / checkpoint.NAME)
        (run / "run.json").unlink(missing_ok=True)
        with pytest.raises(InputError, match=f"the encoder of {run} cannot be had .*{words}"):
            dst.resume(run)


@pytest.mark.parametrize("name", ["run.json", "warp.json"])
def test_the_command_line_counts_damage_as_bad_input(run, name, capsys):
    (run / name).write_text("[" * 100_000 + "]" * 100_000)
    assert cli.main(["morph", str(run), "-o", str(run.parent / "m.gif")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and f"{run}/{name}" in said[0]
