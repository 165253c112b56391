"""Feed-forward networks as users call them: trained in a folder, loaded from it, and put to pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from dst import imaging, runtime
from dst.config import ApplyConfig, InputError, TrainConfig, check_number, counted
from dst.features import load_encoder
from dst.files import EXTENSIONS, check_output, csv_text, made_folder
from dst.networks import folder as base
from dst.networks import shipped
from dst.networks.feedforward import folder as folders
from dst.networks.feedforward.data import Photographs, built_in, photographs
from dst.networks.feedforward.model import Model, mix_of, painted
from dst.networks.feedforward.table import NETWORKS
from dst.networks.feedforward.train import Training, TrainStep, begun, train
from dst.viz.animation import write_animation
from dst.viz.curves import curves_image
from dst.viz.films import film_frames
from dst.viz.sheets import table_sheet

EVERY = 60.0
"""Seconds of training that a process which is killed loses at the most."""
LEAST_STYLE = 64
"""Short side of a style's image at the least, pixels."""
SHOWN, MOST_SHOWN, SHEET_SIDE = ("astronaut", "coffee", "china.jpg"), 12, 160
"""Photographs of a sheet, styles that it shows at the most, and the side of its pictures, pixels."""


def train_network(
    styles: Any,
    folder: Any,
    *,
    images: Any = None,
    quick: bool = False,
    force: bool = False,
    licence: str = "not stated",
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
        every: seconds from one keeping of the training's state to the next.
        on_step: called after each step; a true return value stops there, and the state is kept.
        **options: those of `dst train`, such as `network="ulyanov", steps=1000, seed=3`; None counts as not given.

    Returns:
        The model; not `finished` where it was stopped.

    Raises:
        InputError: an unknown option, a value out of range, a style that cannot be read or is smaller than 64 pixels, a folder of
            images that has none, a folder that cannot be used or holds another model, finished or not, without `force`; a training
            that went astray.
        OSError: the disk is full or fails.

    Source: Johnson, Alahi and Fei-Fei 2016; Ulyanov et al. 2016 and 2017; Dumoulin et al. 2017, of several styles in one network.
    """
    config = TrainConfig.made(quick, **options)
    check_number("every", every, 0, None)
    base.check_folder(folder, folders.MODEL)
    with runtime.computing(config.threads):
        runtime.usable_device(config.device)
        named = _styles(styles, config.style_size)
        squares = photographs(images, config.crop)
        encoder = load_encoder(config.encoder, config.weights, config.device)
        encoder = encoder.in_precision(runtime.precision_of(config.precision, config.device))
        record = folders.card(config, named, squares, encoder.sha256, licence)
        with base.held(folder):
            at, record = _where(folder, config, record, squares, force)
            targets = NETWORKS[config.network].prepare([one.to(config.device) for _, one in named], encoder, config)
            return _train(folder, at, record, named, squares, targets, config, every, on_step)


def _styles(styles: Any, side: int) -> list[tuple[str, Tensor]]:
    """Names of styles, each once, and their images at a long side."""
    given = list(styles) if isinstance(styles, (list, tuple)) else [styles]
    sources = [path for one in given for path in _images_of(one)]
    if not sources:
        raise InputError("no style is given: give a style's image, or several")
    found: dict[str, Tensor] = {}
    for source in sources:
        image = imaging.read(source, LEAST_STYLE, side=4 * side)
        stem = Path(image.name).stem if isinstance(source, (str, Path)) else f"style {len(found) + 1}"
        name = next(n for k in range(len(found) + 1) if (n := stem if k == 0 else f"{stem}-{k + 1}") not in found)
        small = imaging.resize(image.rgb, min(side, max(image.size)), image.size)
        found[name] = imaging.read(imaging.to_array(small), 1).rgb  # in 256 steps, as the card knows it
    return list(found.items())


def _images_of(source: Any) -> list[Any]:
    """An image itself, or the images of a folder by name."""
    if not isinstance(source, (str, Path)) or not Path(source).is_dir():
        return [source]
    found = sorted(path for path in Path(source).iterdir() if path.suffix.lower() in EXTENSIONS)
    if not found:
        raise InputError(f"the folder {source} holds no image: give images, or a folder of them")
    return found


def _where(
    folder: Any, config: TrainConfig, record: dict[str, Any], squares: Photographs, force: bool
) -> tuple[Training, dict[str, Any]]:
    """Where a training in a folder begins or goes on, and the folder's record."""
    there = base.check_folder(folder, folders.MODEL)
    found = folders.read_record(folder) if there and not force else None
    if found is None or (not found["finished"] and not (Path(folder) / folders.STATE).exists()):
        folders.write_begun(folder, record)
        return begun(config, len(record["styles"])), record
    instead = "choose another folder, or give `force` to replace it"
    for name, value in record["settings"].items():
        if found["settings"][name] != value:
            raise InputError(
                f"{folder} holds a model that is trained with {name} {found['settings'][name]}, and {value} is asked for: {instead}"
            )
    for part, what in (("styles", "other styles"), ("data", "other photographs"), ("encoder", "another encoder")):
        if found[part] != record[part]:
            raise InputError(f"{folder} holds a model that is trained on {what}: {instead}")
    if found["finished"]:
        raise InputError(f"{folder} holds a finished model of these styles: {instead}")
    at, squares.skipped = folders.read_state(folder, found, config)
    return at, found


def _train(
    folder: Any,
    at: Training,
    record: dict[str, Any],
    named: list[tuple[str, Tensor]],
    squares: Photographs,
    targets: Any,
    config: TrainConfig,
    every: float,
    on_step: Callable[[TrainStep], object] | None,
) -> Model:
    """Train and keep where the training stands every so often and at a stop; the model in the end."""
    kept, asked = time.monotonic(), False

    def step(now: TrainStep) -> bool:
        nonlocal asked
        asked = on_step is not None and bool(on_step(now))
        return asked

    def state(now: Training) -> None:
        nonlocal kept
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
    shown = named[:MOST_SHOWN]
    square = lambda image: imaging.cover(image, (SHEET_SIDE, SHEET_SIDE))  # noqa: E731
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


def load_network(folder: Any, device: str = "cpu") -> Model:
    """The model in a folder, or the one that paints a shipped style, by its name.

    Raises:
        InputError: no such folder, no model, a damaged or foreign one, one of a newer version, or one of which nothing is trained.
    """
    with runtime.computing():
        runtime.usable_device(device)
        if isinstance(folder, str) and folder in shipped.shipped_styles() and not Path(folder).exists():
            return shipped.load(device)
        return folders.read_model(folder, device)


def apply_network(
    model: Any,
    images: Any,
    *,
    styles: Sequence[Any] = (),
    masks: Sequence[Any] = (),
    on_image: Callable[[int], object] | None = None,
    **options: Any,
) -> list[np.ndarray]:
    """Paint pictures, or the frames of a film, by a trained network.

    Args:
        model: a `Model`, the folder of one, or the name of a shipped style.
        images: one image as `dst.read_image` takes it, or a list of them; alpha is not looked at.
        styles: names of the model's styles that are mixed, none for all of them; of a network of any style, images.
        masks: of a network of any style, an image for each style, white where the style paints, of the pictures' shape; what is black in
            all of them stays as it is. Without masks the styles are mixed.
        on_image: called with the number of finished pictures after each; a true return value stops there.
        **options: those of `dst apply`, such as `weights=(2, 1), strength=0.8, size=512`.

    Returns:
        (H, W, 3) uint8 each.

    Raises:
        InputError: an unknown option, a value out of range, a damaged model, a style that it does not know, an image that cannot be
            read or that there is no memory for.
    """
    config = ApplyConfig().replace(**options)
    given = images if isinstance(images, (list, tuple)) else [images]
    made = []
    for image in paint_each(model, given, styles, config, masks):
        made.append(image)
        if on_image is not None and on_image(len(made)):
            break
    return made


def paint_each(
    model: Any, images: Iterable[Any], styles: Sequence[Any], config: ApplyConfig, masks: Sequence[Any] = ()
) -> Iterator[np.ndarray]:
    """Pictures painted one after the other, (H, W, 3) uint8 each; arguments as of `apply_network`.

    Raises:
        InputError: as `apply_network`.
    """
    own, mix = _with_mix(model, styles, config, masks)
    for image in images:
        with runtime.computing(config.threads):
            yield imaging.to_array(painted(own, _read(image, config.size), mix, config.strength))


def _with_mix(model: Any, styles: Sequence[Any], config: ApplyConfig, masks: Sequence[Any] = ()) -> tuple[Model, Any]:
    """A model and what it is told to paint in."""
    own = model if isinstance(model, Model) else load_network(model, config.device)
    chosen = list(styles)
    if not chosen and isinstance(model, str) and own.card.get("shipped"):
        chosen = [model]  # a shipped style is named by itself
    read = lambda one: _seen(one, own.config.style_size)  # noqa: E731
    with runtime.computing(config.threads):
        if not masks:
            return own, mix_of(own, chosen, config.weights, read)
        if own.row.read_regions is None:
            raise InputError(
                "masks are given, and this network paints all of a picture in styles of its own: leave them out"
            )
        if config.weights is not None:
            raise InputError("weights and masks are both given: styles are mixed, or each has its region; choose one")
        if len(masks) != len(chosen):
            raise InputError(
                f"there are {len(masks)} masks for {counted(len(chosen), 'style')}: give one mask for each style"
            )
        areas = [imaging.read_mask(mask).to(own.device) for mask in masks]
        regions = [(area, [(read(one).to(own.device), 1.0, None)]) for area, one in zip(areas, chosen, strict=True)]
        return own, own.row.read_regions(own.network, regions)


def network_parts(model: Any, image: Any, *, styles: Sequence[Any] = (), **options: Any) -> dict[str, np.ndarray]:
    """What each of a network's parts makes of a picture on the way, by the part's name; the last is the result.

    Args:
        model: as of `apply_network`, of several networks in a row: `multimodal`.
        image: as `dst.read_image` takes it.
        styles, options: as of `apply_network`; `strength` is not looked at.

    Returns:
        (h, w, 3) uint8 each, at the size that the part works at.

    Raises:
        InputError: a network that has no parts, or as `apply_network`.
    """
    config = ApplyConfig().replace(**options)
    own, mix = _with_mix(model, styles, config)
    check_parts(own)
    with runtime.computing(config.threads):
        found = own.row.parts(own.network, _read(image, config.size).to(own.device), mix)
        return {name: imaging.to_array(picture.cpu()) for name, picture in found.items()}


def check_parts(model: Model) -> None:
    """Refuse a network that is one alone.

    Raises:
        InputError: it has no parts that could be looked at.
    """
    if model.row.parts is None:
        raise InputError(
            f"a {model.config.network} network has no parts that could be shown: that is for multimodal ones"
        )


def paint_files(
    model: Model,
    files: Sequence[Path],
    folder: Any,
    styles: Sequence[Any],
    config: ApplyConfig,
    films: Sequence[str] = (),
    on_file: Callable[[Path, Exception | None], object] | None = None,
    stopped: Callable[[], object] | None = None,
    masks: Sequence[Any] = (),
    show: bool = False,
) -> None:
    """Paint files into a folder, each under its name, pictures as PNG or in their own format; one that fails is told of.

    Args:
        folder: made where there is none; files of those names are replaced.
        films: extensions of files whose frames are painted one by one, into an MP4.
        on_file: called with each file, and why it failed or None; a true return value ends it.
        stopped: asked within a film; a true return value leaves it unfinished and unwritten.
        masks: as of `apply_network`.
        show: also write what each of the network's parts makes, as NAME-PART.png; of pictures, not of films.

    Raises:
        InputError: a folder that cannot be made, one that an input lies in, or as `apply_network` of the model and its styles.
        OSError: the disk is full or fails.
    """
    home = _checked_home(folder, files)
    if show:
        check_parts(model)
    _, mix = _with_mix(model, styles, config, masks)
    with made_folder(home):
        for path in files:
            error = None
            try:
                if path.suffix.lower() in films:
                    _paint_film(model, path, home / f"{path.stem}.mp4", mix, config, stopped)
                else:
                    name = path.name if path.suffix.lower() in EXTENSIONS else f"{path.stem}.png"
                    with runtime.computing(config.threads):
                        made = painted(model, _read(path, config.size), mix, config.strength)
                        imaging.write(home / name, made)
                        if show:
                            _write_parts(model, path, home, mix, config)
            except InputError as problem:
                error = problem
            except _Stopped:
                break
            if on_file is not None and on_file(path, error):
                break


def _write_parts(model: Model, path: Path, home: Path, mix: Any, config: ApplyConfig) -> None:
    """Write what each part of a network makes of a file."""
    for part, picture in model.row.parts(model.network, _read(path, config.size).to(model.device), mix).items():
        imaging.write(home / f"{path.stem}-{part}.png", picture.cpu())


class _Stopped(Exception):
    """A film that is left unfinished."""


def _checked_home(folder: Any, files: Sequence[Path]) -> Path:
    home = Path(folder)
    if home.exists() and not home.is_dir():
        raise InputError(f"{folder} is a file: give a folder")
    if not home.absolute().parent.is_dir():
        raise InputError(f"the folder {home.absolute().parent} does not exist: create it first")
    inside = [path for path in files if path.exists() and home.exists() and path.resolve().parent == home.resolve()]
    if inside:
        raise InputError(f"{inside[0]} lies in {folder}, where it would be painted over: give another folder")
    return home


def _paint_film(
    model: Model, path: Path, target: Path, mix: Any, config: ApplyConfig, stopped: Callable[[], object] | None
) -> None:
    """Paint a film's frames one by one; its sound is not kept."""
    frames, fps = film_frames(path)

    def made() -> Iterator[np.ndarray]:
        for frame in frames:
            if stopped is not None and stopped():
                raise _Stopped
            with runtime.computing(config.threads):
                yield imaging.to_array(painted(model, _read(frame, config.size), mix, config.strength))

    write_animation(target, made(), min(60.0, max(1.0, fps)))


def export_network(
    model: Any, path: Any, *, styles: Sequence[str] = (), weights: Sequence[float] | None = None
) -> None:
    """Write a network as an ONNX file, for one mix of its styles: an image (1, 3, height, width) in [0, 1] to one of the same size.

    Args:
        model: as of `apply_network`.
        path: ends in .onnx; an existing file is replaced.
        styles, weights: as of `apply_network`.

    Raises:
        InputError: the extra `onnx` is not installed, a network of any style, a file that cannot be written, or as `apply_network`.
    """
    from dst.networks.export import write_onnx

    target = check_output(path, (".onnx",))
    own = model if isinstance(model, Model) else load_network(model)
    chosen = list(styles) or ([model] if own.card.get("shipped") and isinstance(model, str) else [])
    with runtime.computing():
        write_onnx(own, target, mix_of(own, chosen, weights, lambda one: _seen(one, own.config.style_size)))


def _seen(style: Any, side: int) -> Tensor:
    image = imaging.read(style, LEAST_STYLE, side=4 * side)
    return imaging.resize(image.rgb, side, image.size)


def _read(image: Any, size: int | None) -> Tensor:
    found = imaging.read(image, side=size)
    return found.rgb if size is None else imaging.resize(found.rgb, size, found.size)
