"""Feed-forward networks trained in a folder."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from dst import imaging, runtime
from dst.config import InputError, TrainConfig, check_number
from dst.config.base import shown
from dst.features import load_encoder
from dst.files import EXTENSIONS, csv_text, files_in
from dst.networks import folder as base
from dst.networks.feedforward import folder as folders
from dst.networks.feedforward.data import Photographs, built_in, photographs
from dst.networks.feedforward.model import LEAST_STYLE, Model, mix_of, painted
from dst.networks.feedforward.table import NETWORKS
from dst.networks.feedforward.train import Training, TrainStep, begun, check_memory, train
from dst.viz.curves import curves_image
from dst.viz.sheets import table_sheet

EVERY = 60.0
"""Seconds of training that a process which is killed loses at the most."""
LEAST_SEEN = 32
"""Short side that a style is seen at, pixels, however long it is: a quarter of it is what the deepest layer of a loss needs."""
SHOWN, SHEET_SIDE, SHEET_WIDTH = ("astronaut", "coffee", "china.jpg"), 160, 2000
"""Photographs of a sheet, the side of its pictures and the width of as many styles as it shows, pixels."""


def train_network(
    styles: Any,
    folder: Any,
    *,
    images: Any = None,
    quick: bool = False,
    force: bool = False,
    licence: str = "not stated",
    start: Any = None,
    every: float = EVERY,
    on_step: Callable[[TrainStep], object] | None = None,
    **options: Any,
) -> Model:
    """Train a network on a style, or on several at once, kept in a folder; the same call on the same folder goes on where it stopped.

    A training that was stopped and goes on gives the same bytes as one that was not, on one machine and with one number of threads.

    Args:
        styles: images as `dst.read_image` takes them, or one; a folder counts as the images in it. Their files' names are the styles'.
        folder: of the model.
        images: a folder of photographs to train on; None for those inside scikit-image and scikit-learn, strongly varied.
        quick: half the width, smaller squares and fewer steps; options that are given win.
        force: replace the model that the folder holds.
        licence: of the weights, for the model's card.
        start: the folder of a network of the same kind and width, whose weights it begins with; None to draw them.
        every: seconds from one keeping of the training's state to the next.
        on_step: called after each step; a true return value stops there, and the state is kept.
        **options: those of `dst train`, such as `network="ulyanov", steps=1000, seed=3`; None counts as not given.

    Returns:
        The model; not `finished` where it was stopped.

    Raises:
        InputError: an unknown option, a value out of range, a style that cannot be read or is smaller than 64 pixels, a folder of
            images that has none, squares that memory does not suffice for, a folder that cannot be used or holds another model,
            finished or not, without `force`; a training that went astray.
        OSError: the disk is full or fails.

    Source: Johnson, Alahi and Fei-Fei 2016; Ulyanov et al. 2016 and 2017; Dumoulin et al. 2017, of several styles in one network.
    """
    config = TrainConfig.made(quick, **options)
    check_number("every", every, 0, None)
    if not isinstance(licence, str):
        raise InputError(f"licence is {shown(licence)}: it takes words")
    base.check_folder(folder, folders.MODEL)
    with runtime.computing(config.threads):
        runtime.usable_device(config.device)
        named = _styles(styles, config.style_size)
        squares = photographs(images, config.crop)
        encoder = load_encoder(config.encoder, config.weights, config.device)
        encoder = encoder.in_precision(runtime.precision_of(config.precision, config.device))
        check_memory(config, encoder)
        record = folders.card(config, named, squares, encoder.sha256, licence)
        begin, record = _begin(start, config, record)
        with base.held(folder):
            at, record, fresh = _where(folder, config, record, squares, force, begin)
            targets = NETWORKS[config.network].prepare([one.to(config.device) for _, one in named], encoder, config)
            return _train(folder, at, record, fresh, named, squares, targets, config, every, on_step)


def _styles(styles: Any, side: int) -> list[tuple[str, Tensor]]:
    """Names of styles, each once, and their images at a long side; long thin ones at a larger."""
    given = list(styles) if isinstance(styles, (list, tuple)) else [styles]
    sources = [path for one in given for path in _images_of(one)]
    if not sources:
        raise InputError("no style is given: give a style's image, or several")
    found: dict[str, Tensor] = {}
    for source in sources:
        image = imaging.read(source, LEAST_STYLE, side=4 * side)
        stem = Path(image.name).stem if isinstance(source, (str, Path)) else f"style {len(found) + 1}"
        name = next(n for k in range(len(found) + 1) if (n := stem if k == 0 else f"{stem}-{k + 1}") not in found)
        thin = math.ceil(LEAST_SEEN * max(image.size) / min(image.size))
        small = imaging.resize(image.rgb, min(max(side, thin), max(image.size)), image.size)
        found[name] = imaging.read(imaging.to_array(small), 1).rgb  # in 256 steps, as the card knows it
    return list(found.items())


def _images_of(source: Any) -> list[Any]:
    """An image itself, or the images of a folder by name."""
    if not isinstance(source, (str, Path)) or not os.path.isdir(source):
        return [source]
    found = files_in(source, EXTENSIONS)
    if not found:
        raise InputError(f"the folder {source} holds no image: give images, or a folder of them")
    return found


def _begin(start: Any, config: TrainConfig, record: dict[str, Any]) -> tuple[Callable[[], Training], dict[str, Any]]:
    """What makes a training before its first step, and the record, which names the weights that it begins with.

    Raises:
        InputError: `start` is no model, or one of other shapes.
    """
    if start is None:
        return lambda: begun(config, len(record["styles"])), record
    given = folders.read_model(start)
    at = begun(config, len(record["styles"]))
    wanted, found = at.network.state_dict(), given.network.state_dict()
    fits = wanted.keys() == found.keys() and all(wanted[name].shape == found[name].shape for name in wanted)
    if given.config.network != config.network or not fits:
        raise InputError(
            f"the network in {start} has other shapes than the one that is asked for: give one of the same kind, width and number of styles"
        )
    at.network.load_state_dict(found)
    return lambda: at, {
        **record,
        "start": hashlib.sha256(base.packed(found)).hexdigest(),
        "steps_before": given.card["steps"] + given.card.get("steps_before", 0),
    }


def _where(
    folder: Any,
    config: TrainConfig,
    record: dict[str, Any],
    squares: Photographs,
    force: bool,
    begin: Callable[[], Training],
) -> tuple[Training, dict[str, Any], bool]:
    """Where a training in a folder begins or goes on, the folder's record, and whether it begins and the folder is still as it was."""
    there = base.check_folder(folder, folders.MODEL)
    found = folders.read_record(folder) if there and not force else None
    if found is None or (not found["finished"] and not (Path(folder) / folders.STATE).exists()):
        return begin(), record, True
    instead = "choose another folder, or give `force` to replace it"
    own = folders.settings(folders.config_of(found))
    for name, value in record["settings"].items():
        if own[name] != value:
            raise InputError(
                f"{folder} holds a model that is trained with {name} {own[name]}, and {value} is asked for: {instead}"
            )
    for part, what in (
        ("styles", "other styles"),
        ("data", "other photographs"),
        ("encoder", "another encoder"),
        ("start", "another start"),
    ):
        if found.get(part) != record.get(part):
            raise InputError(f"{folder} holds a model that is trained on {what}: {instead}")
    if found.get("licence") != record["licence"]:
        raise InputError(
            f"{folder} holds a model whose licence is {shown(found.get('licence'))}, and {record['licence']!r} is asked for: {instead}"
        )
    if found["finished"]:
        raise InputError(
            f"{folder} holds a finished model of these styles: {instead}; as `start` of another folder it is trained further"
        )
    at, squares.skipped = folders.read_state(folder, found, config)
    return at, found, False


def _train(
    folder: Any,
    at: Training,
    record: dict[str, Any],
    fresh: bool,
    named: list[tuple[str, Tensor]],
    squares: Photographs,
    targets: Any,
    config: TrainConfig,
    every: float,
    on_step: Callable[[TrainStep], object] | None,
) -> Model:
    """Train and keep where the training stands every so often and at a stop; the model in the end.

    What the folder held gives way once a step is done, which bad photographs or styles do not come to.
    """
    kept, asked = time.monotonic(), False

    def step(now: TrainStep) -> bool:
        nonlocal asked
        asked = on_step is not None and bool(on_step(now))
        return asked

    def state(now: Training) -> None:
        nonlocal kept, fresh
        if fresh:
            folders.write_begun(folder, record)
            fresh = False
        last = now.step >= config.steps
        if now.step % config.sheet_every == 0 or last:
            _show(folder, now, config, named)
        if not last and (asked or time.monotonic() - kept >= every):
            folders.write_state(folder, now, record, squares.skipped)
            kept = time.monotonic()

    if not train(at, squares, targets, config, step, state):
        return _model(at, config, named, {**record, "steps": at.step}, False)
    record = {**record, "data": {**record["data"], "unreadable": squares.skipped}}
    return _model(at, config, named, folders.write_finished(folder, at, record), True)


def _model(
    at: Training, config: TrainConfig, named: list[tuple[str, Tensor]], card: dict[str, Any], finished: bool
) -> Model:
    network = at.network.requires_grad_(False).eval()
    return Model(config, network, tuple(name for name, _ in named), card, finished)


def _show(folder: Any, at: Training, config: TrainConfig, named: list[tuple[str, Tensor]]) -> None:
    """Write the table and the plot of the losses, and a sheet of photographs painted by what is trained so far."""
    if at.history:
        base.put(folder, folders.LOG, csv_text(at.history, list(at.history[0])).encode())
        steps = [row["step"] for row in at.history]
        curves = {
            name: (steps, [row[name] for row in at.history])
            for name in at.history[0]
            if name != "step" and any(row[name] for row in at.history)
        }
        base.put(folder, folders.PLOT, imaging.encode(curves_image(curves, (8, 4), 100, "step", "loss, weighted")))
    at.network.eval()
    model = Model(config, at.network, tuple(name for name, _ in named))
    side = SHEET_SIDE if model.row.parts is None else 2 * config.crop  # networks in a row are for large pictures
    shown = named[: max(1, SHEET_WIDTH // side)]
    square = lambda image: imaging.cover(image, (side, side))  # noqa: E731
    seen = [square(built_in(name).rgb) for name in SHOWN]
    mixes = [mix_of(model, [image if model.row.read else name], None, lambda one: one) for name, image in shown]
    pictures = [imaging.to_array(square(image)) for _, image in shown]
    pictures = [np.full((8, 8, 3), 255, np.uint8), *pictures]
    for image in seen:
        pictures += [imaging.to_array(image), *(imaging.to_array(painted(model, image, mix)) for mix in mixes)]
    across = ["", *(name for name, _ in shown)]
    sheet = table_sheet(pictures, [""] * (1 + len(seen)), across, (), [f"After step {at.step} of {config.steps}."])
    base.put(folder, folders.SHEET, imaging.encode(sheet))
    at.network.train()
