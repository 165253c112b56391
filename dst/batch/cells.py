"""Pictures of a sheet: optimised side by side in batches of like ones, and kept in a folder so that a stopped sheet goes on."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dst import imaging
from dst.config import InputError
from dst.features import Encoder
from dst.files import read_json, replacing
from dst.methods.pictures import Picture, Pictures, Plan
from dst.optim.loop import Loop
from dst.optim.state import State, Step
from dst.runs.estimate import check_pictures

BATCH_PIXELS = 1_500_000
"""Pixels of the pictures that are optimised together."""
TERMS = {"content", "style", "priors"}


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet.

    Attributes:
        row, column: its labels.
        picture: what it is drawn to.
        start: its first guess in words, by which a kept one is known again.
        plan: how it is optimised.
        pooling: of the network.
    """

    row: str
    column: str
    picture: Picture
    start: str
    plan: Plan
    pooling: str


def digest(image: Tensor) -> str:
    """What an image is known by."""
    return hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest()[:16]


class Made(NamedTuple):
    """A finished picture, (1, 3, H, W), and its terms."""

    image: Tensor
    terms: dict[str, float]


def run_cells(
    cells: Sequence[Cell],
    images: list[Tensor],
    network: Callable[[str], Encoder],
    seed: int,
    keep: Any = None,
    on_step: Callable[[int, int, Step], object] | None = None,
) -> tuple[list[Made | None], str]:
    """Optimise the pictures of a sheet in batches of like ones.

    Returns:
        For each cell its picture, None for those that a stop came before; and why it stopped, or an empty string.
    """
    store = Store(keep, images, network)
    made: list[Made | None] = [store.find(cell) for cell in cells]
    batches = _batches(cells, [k for k, found in enumerate(made) if found is None])
    stopped = ""
    for number, batch in enumerate(batches):
        some = [cells[k] for k in batch]
        problem = Pictures(network(some[0].pooling), images, [cell.picture for cell in some], some[0].plan)
        check_pictures(problem)
        loop = Loop(problem, some[0].plan, seed, store.state(some))
        state = loop.run(None if on_step is None else lambda step, n=number: on_step(n, len(batches), step))
        with torch.no_grad():
            results = problem.finished(state.parameters)
        last = state.history[-1] if state.history else {}
        for k, cell, pixels in zip(range(len(batch)), some, results.split(1), strict=True):
            image = imaging.read(imaging.to_array(pixels)).rgb  # as a kept picture holds it
            terms = {name: last[f"{name} {k}"] for name in ("content", "style", "priors") if f"{name} {k}" in last}
            made[batch[k]] = Made(image, terms)
            if not state.stopped:
                store.put(cell, made[batch[k]])
        if state.stopped:
            store.put_state(some, state)
            stopped = state.stopped
            break
        store.drop_state(some)
    return made, stopped


def _batches(cells: Sequence[Cell], left: list[int]) -> list[list[int]]:
    """Numbers of cells that are optimised together."""
    found: dict[tuple, list[list[int]]] = {}
    for k in left:
        cell = cells[k]
        most = max(1, BATCH_PIXELS // (cell.plan.size[0] * cell.plan.size[1]))
        groups = found.setdefault((cell.plan, cell.pooling), [[]])
        if len(groups[-1]) >= most:
            groups.append([])
        groups[-1].append(k)
    return [batch for groups in found.values() for batch in groups]


class Store:
    """Finished pictures in a folder, known again by all that they depend on."""

    def __init__(self, folder: Any, images: list[Tensor], network: Callable[[str], Encoder]) -> None:
        self.folder = None if folder is None else _folder(folder)
        self.network = network
        self.images = [] if self.folder is None else [digest(image) for image in images]

    def key(self, cell: Cell) -> str:
        """What a picture is known by."""
        picture = replace(cell.picture, start=None)
        network = self.network(cell.pooling).sha256
        parts = [repr(picture), cell.start, repr(cell.plan), network, *self.images]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]

    def find(self, cell: Cell) -> Made | None:
        """A kept picture."""
        if self.folder is None:
            return None
        path = self.folder / f"{self.key(cell)}.json"
        try:
            terms = {name: float(value) for name, value in read_json(path).items()}
            image = imaging.read(path.with_suffix(".png")).rgb
        except (InputError, OSError, ValueError, TypeError, AttributeError, RecursionError):
            return None  # it is made anew
        whole = terms.keys() <= TERMS and terms and all(map(math.isfinite, terms.values()))
        return Made(image, terms) if whole and image.shape[:1:-1] == cell.plan.size else None

    def put(self, cell: Cell, made: Made) -> None:
        """Keep a picture."""
        if self.folder is None:
            return
        path = self.folder / f"{self.key(cell)}.png"
        imaging.write(path, made.image)
        with replacing(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(made.terms) + "\n", encoding="utf-8")

    def unfinished(self, cells: Sequence[Cell]) -> Path:
        """The file that holds where a stopped batch was: of these cells and no others."""
        keys = "\n".join(self.key(cell) for cell in cells)
        return self.folder / f"unfinished-{hashlib.sha256(keys.encode()).hexdigest()[:16]}.pt"

    def state(self, cells: Sequence[Cell]) -> State | None:
        """Where a stopped batch of the same cells was."""
        if self.folder is None or not self.unfinished(cells).is_file():
            return None
        try:
            return State(**torch.load(self.unfinished(cells), weights_only=True))
        except Exception:  # a damaged file: the batch begins anew
            return None

    def put_state(self, cells: Sequence[Cell], state: State) -> None:
        """Keep where a batch was stopped."""
        if self.folder is None:
            return
        parameters = {name: [t.detach() for t in group] for name, group in state.parameters.items()}
        values = {f.name: getattr(state, f.name) for f in fields(State)} | {"parameters": parameters, "stopped": ""}
        with replacing(self.unfinished(cells)) as temporary, open(temporary, "wb") as file:
            torch.save(values, file)

    def drop_state(self, cells: Sequence[Cell]) -> None:
        """Forget it: the batch is finished."""
        if self.folder is not None:
            self.unfinished(cells).unlink(missing_ok=True)


def _folder(given: Any) -> Path:
    """The folder that pictures are kept in, made where it is not there.

    Raises:
        InputError: it is no name of a folder, or cannot be made.
    """
    if not isinstance(given, (str, os.PathLike)) or not os.fspath(given):
        raise InputError(f"keep is {given!r}: it takes the name of a folder")
    try:
        Path(given).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"the folder {os.fspath(given)!r} of kept pictures cannot be made ({why}): choose another"
        ) from error
    return Path(given)
