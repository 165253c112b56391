"""SinGAN as users call it: trained in a folder, loaded from it, and put to the tasks of one-image generation."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dst import imaging, runtime
from dst.config import (
    FROM_MODEL,
    MASKED,
    NOT_SINGAN,
    SINGAN_TASKS,
    InputError,
    SinganConfig,
    SinganTaskConfig,
    check_choice,
)
from dst.files import csv_text
from dst.imaging.strips import check_memory
from dst.networks.folder import held
from dst.networks.singan import folder as folders
from dst.networks.singan import tasks
from dst.networks.singan.model import Model, grow, reconstruction
from dst.networks.singan.pyramid import scale_sizes
from dst.networks.singan.resume import read_state, write_state
from dst.networks.singan.train import TERMS, Round, Training, begun, train, untrained
from dst.viz.curves import curves_image
from dst.viz.sheets import table_sheet

BYTES = 500
"""Of memory for each pixel of a picture, about, however many channels there are: large ones are drawn in strips."""
EVERY = 60.0
"""Seconds of training that a process which is killed loses at the most."""
IDLE = {
    "size": {"super-resolve"},
    "count": {"animate"},
    "start": {"super-resolve"},
    "enlarge": set(SINGAN_TASKS) - {"super-resolve"},
    **{name: set(SINGAN_TASKS) - {"animate"} for name in ("frames", "fps", "alpha", "beta")},
}
"""Options that a task has no use for."""
SHEET_SIDE = 160
"""Long side that the pictures of a scale's sheet have at the least, pixels."""


def train_singan(
    image: Any,
    folder: Any,
    *,
    quick: bool = False,
    purpose: str = "any",
    force: bool = False,
    every: float = EVERY,
    on_step: Callable[[Round], object] | None = None,
    on_scale: Callable[[Model], object] | None = None,
    **options: Any,
) -> Model:
    """Train a SinGAN on a picture, kept in a folder; the same call on the same folder goes on with a training that was stopped.

    A training that was stopped and goes on gives the same bytes as one that was not, on one machine and with one number of threads.

    Args:
        image: whatever `dst.read_image` takes; alpha is not looked at.
        folder: of the model.
        quick: a smaller model by fewer rounds, in minutes; options that are given win.
        purpose: `any`, or `super-resolve` or `animate`, which have published settings of their own.
        force: replace the model that the folder holds.
        every: seconds from one keeping of the training's state to the next.
        on_step: called after each round; a true return value stops there, and the state is kept.
        on_scale: called with the model so far after each scale.
        **options: those of `dst singan train`, such as `epochs=1000, seed=3`; None counts as not given.

    Returns:
        The model; not `finished` where it was stopped.

    Raises:
        InputError: an unknown option, a value out of range, an image that cannot be read, has one colour or is too narrow, a folder
            that cannot be used or holds another model, finished or not, without `force`; a training that went astray.
        OSError: the disk is full or fails.

    Source: Shaham, Dekel and Michaeli 2019, "SinGAN: learning a generative model from a single natural image".
    """
    config = SinganConfig.made(quick, purpose, **options)
    folders.check_folder(folder)
    with runtime.computing(config.threads):
        given = imaging.read(image, side=4 * config.side)
        scale_sizes(given.size, config)  # refused under its own size
        small = imaging.resize(given.rgb, min(config.side, max(given.size)), given.size)
        source = imaging.read(imaging.to_array(small), min_side=1).rgb  # in 256 steps, as the folder holds it
        model = untrained(source.to(runtime.usable_device(config.device)), config)
        with held(folder):
            model, at, record = _where(folder, model, force)
            return _train(folder, model, at, record, every, on_step, on_scale)


def _where(folder: Any, model: Model, force: bool) -> tuple[Model, Training | None, dict[str, Any]]:
    """Where a training in a folder begins or goes on; the folder's record."""
    if not folders.check_folder(folder) or force or not folders.is_begun(folder):
        return model, None, folders.write_begun(folder, model)
    instead = "choose another folder, or give `force` to replace it"
    found, record = folders.read_model(folder, model.source.device)
    if folders.settings(found.config) != folders.settings(model.config):
        other = next(n for n, v in folders.settings(found.config).items() if v != getattr(model.config, n))
        was, now = (getattr(some.config, other) for some in (found, model))
        raise InputError(
            f"{folder} holds a model that is trained with {other} {was}, and {now} is asked for: {instead}"
        )
    if found.source.shape != model.source.shape or not torch.equal(found.source, model.source):
        raise InputError(f"{folder} holds a model of another image: {instead}")
    if found.finished:
        raise InputError(f"{folder} holds a finished model of this image: {instead}")
    found, at = read_state(folder, dataclasses.replace(found, config=model.config), record)
    return found, at, record


def _train(
    folder: Any,
    model: Model,
    at: Training | None,
    record: dict[str, Any],
    every: float,
    on_step: Callable[[Round], object] | None,
    on_scale: Callable[[Model], object] | None,
) -> Model:
    """Train and keep what is trained: each scale, and where the training stands every so often and at a stop."""
    at = begun(model, None) if at is None else at
    kept, asked = time.monotonic(), False

    def step(round: Round) -> bool:
        nonlocal asked
        asked = asked or (on_step is not None and bool(on_step(round)))
        return asked

    def state(now: Training) -> None:
        nonlocal kept
        if asked or time.monotonic() - kept >= every:
            write_state(folder, now, record)
            kept = time.monotonic()

    def scale(fuller: Model, history: list[tuple[float, ...]], after: Training | None) -> None:
        nonlocal record, kept
        _show(folder, fuller, history)
        record = folders.write_scale(folder, fuller, record)
        if after is not None:
            write_state(folder, after, record)
        kept = time.monotonic()
        if on_scale is not None:
            on_scale(fuller)

    return train(model, at, step, scale, state)


def _show(folder: Any, model: Model, history: list[tuple[float, ...]]) -> None:
    """Write the table and the plot of the losses, and a sheet of the last scale's pictures."""
    rows = [{"scale": int(row[0]), "epoch": int(row[1]), **dict(zip(TERMS, row[2:], strict=True))} for row in history]
    folders.put(folder, folders.LOG, csv_text(rows, ("scale", "epoch", *TERMS)).encode())
    epochs = [sum(map(model.config.rounds, range(row["scale"]))) + row["epoch"] for row in rows]
    curves = {
        "reconstruction": (epochs, [row["reconstruction"] for row in rows]),
        "distance that the critic sees": (epochs, [abs(row["critic_real"] - row["critic_fake"]) for row in rows]),
    }
    plot = curves_image(curves, (8, 4), 100, "round, one scale after the other", "loss")
    folders.put(folder, folders.PLOT, imaging.encode(plot))
    last = len(model.scales) - 1
    made = [model.real(last), reconstruction(model)]
    made += [grow(model, model.sizes, model.draws(torch.Generator().manual_seed(seed))) for seed in range(3)]
    times = max(1, round(SHEET_SIDE / max(model.size)))
    pictures = [imaging.to_array(tasks.shown(one)).repeat(times, 0).repeat(times, 1) for one in made]
    names = ["image", "reconstruction", *(f"sample, seed {seed}" for seed in range(3))]
    foot = [
        f"Scale {last} of 0 to {len(model.sizes) - 1}, {model.size[0]} x {model.size[1]} pixels, each shown as {times} x {times}."
    ]
    folders.put(folder, folders.sheet(last), imaging.encode(table_sheet(pictures, [""], names, (), foot)))


def load_singan(folder: Any, device: str = "cpu") -> Model:
    """The model in a folder, whole, or with the scales that are trained so far.

    Raises:
        InputError: no such folder, no model, a damaged or foreign one, one of a newer version, or one without a trained scale.
    """
    with runtime.computing():
        model, _ = folders.read_model(folder, runtime.usable_device(device))
    if not model.scales:
        raise InputError(f"{folder} holds a model without a trained scale: go on with its training first")
    return model


def singan(
    task: str,
    model: Any,
    image: Any = None,
    *,
    mask: Any = None,
    on_step: Callable[[int, int], object] | None = None,
    **options: Any,
) -> list[np.ndarray]:
    """Put a trained model to a task.

    Args:
        task: one of `dst.config.SINGAN_TASKS`.
        model: a `Model`, or the folder of one.
        image: what the tasks `harmonise`, `edit`, `paint-to-image` and `style` begin with; whatever `dst.read_image` takes. The other
            tasks need the model alone.
        mask: of the size of the image, white where `harmonise` and `edit` may draw; they need one.
        on_step: called with the pictures that are made and all of them, after each; a true return value stops there.
        **options: those of `dst singan`, such as `size=(400, 250), seed=3, start=2`.

    Returns:
        (H, W, 3) uint8 each: `count` pictures, or the frames of `animate`.

    Raises:
        InputError: an unknown task or option, a value out of range, an image that is missing, not asked for or cannot be read, an
            empty or full mask, a start that the model does not have, a damaged model.
    """
    config = checked_task(task, image, mask, options)
    with runtime.computing(config.threads):
        own = model if isinstance(model, Model) else load_singan(model, config.device)
        total, made = (config.frames if task == "animate" else config.count), []
        _check_memory(task, own, config, total)
        parts = _pictures(task, own, image, mask, config)
        for one in parts:
            made.append(imaging.to_array(one.cpu()))
            if on_step is not None and on_step(len(made), total):
                break
        return made


def checked_task(task: str, image: Any, mask: Any, options: dict[str, Any]) -> SinganTaskConfig:
    """A task's options, after what does not go together has been refused.

    Raises:
        InputError: as `singan`.
    """
    if task in NOT_SINGAN:
        raise InputError(f"SinGAN does not {task}, for {NOT_SINGAN[task]}: take another method")
    check_choice("task", task, SINGAN_TASKS)
    config = SinganTaskConfig().replace(**options)
    for name, homes in IDLE.items():
        if task in homes and getattr(config, name) != getattr(SinganTaskConfig, name):
            raise InputError(f"{name} is given, but the task {task} does not use it: leave it out")
    if (image is None) != (task in FROM_MODEL):
        raise InputError(
            f"the task {task} begins with a picture: give one beside the model"
            if image is None
            else f"the task {task} needs the model alone: leave the picture out"
        )
    if (mask is None) == (task in MASKED):
        raise InputError(
            f"the task {task} needs a mask that is white where it may draw: give one"
            if mask is None
            else f"mask is given, but the task {task} does not use it: leave it out"
        )
    return config


def _check_memory(task: str, model: Model, config: SinganTaskConfig, count: int) -> None:
    """Refuse what would not fit into memory, before anything is drawn.

    Raises:
        InputError: so it is.
    """
    width, height = model.size if config.size is None else config.size
    if task == "super-resolve":
        width, height = round(config.enlarge * width), round(config.enlarge * height)
    each = (BYTES if model.source.device.type == "cpu" else 0) + 2 * 3 * count
    check_memory(f"what {task} makes", (width, height), each * width * height, "drawn")


def _pictures(task: str, model: Model, image: Any, mask: Any, config: SinganTaskConfig) -> Any:
    """What a task gives, one picture after the other, each (1, 3, H, W) in [0, 1]."""
    start = tasks.start_of(model, task) if config.start is None else config.start
    amount = tasks.AMOUNTS.get(task, 1.0) if config.amount is None else config.amount
    if task == "animate":
        own = config.frames, config.alpha, config.beta, start, config.seed, amount, config.size
        yield from tasks.animate(model, *own)
        return
    size = config.size
    if task == "retarget" and size is None:
        size = round(1.5 * model.size[0]), model.size[1]
    given = None if image is None else _read(image)
    area = None if mask is None else imaging.read_mask(mask, (given.shape[3], given.shape[2]))
    for seed in range(config.seed, config.seed + config.count):
        if task in ("sample", "retarget"):
            yield tasks.sample(model, size, seed, start, amount)
        elif task == "super-resolve":
            yield tasks.super_resolve(model, config.enlarge, seed, amount)
        else:
            made = tasks.inject(model, given, start, seed, amount, size)
            yield made if area is None else tasks.blended(model, given, area, made, task)


def _read(image: Any) -> Tensor:
    return imaging.read(image).rgb


def sheet_of(pictures: list[np.ndarray], seed: int) -> np.ndarray:
    """Several pictures in rows of about equal sides, the seed of each below it: (H, W, 3) uint8."""
    across = max(1, round((len(pictures) * pictures[0].shape[0] / pictures[0].shape[1]) ** 0.5))
    down = -(-len(pictures) // across)
    return table_sheet(pictures, [""] * down, [""] * across, [f"seed {seed + k}" for k in range(len(pictures))])
