"""Files, folders of them and films painted by a trained network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dst import imaging, runtime
from dst.batch.networks import check_parts, paint_one, read_at, with_mix
from dst.config import ApplyConfig, InputError
from dst.files import EXTENSIONS, made_folder
from dst.networks.feedforward.model import Model
from dst.networks.feedforward.multimodal import SUBNETS
from dst.viz.animation import write_animation
from dst.viz.films import film_frames


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
        InputError: a folder that cannot be made, two files that would become one, one that would replace what is given, or as
            `apply_network` of the model and its styles.
        OSError: the disk is full or fails.
    """
    home = _checked_home(folder)
    if show:
        check_parts(model)
    targets = _targets(home, files, films, SUBNETS if show else (), [*styles, *masks])
    _, mix = with_mix(model, styles, config, masks)
    with made_folder(home):
        for path, target in zip(files, targets, strict=True):
            error = None
            try:
                if path.suffix.lower() in films:
                    _paint_film(model, path, target, mix, config, stopped)
                else:
                    with runtime.computing(config.threads):
                        imaging.write(target, paint_one(model, path, mix, config))
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
    for part, picture in model.row.parts(
        model.network, read_at(model, path, config.size).to(model.device), mix
    ).items():
        imaging.write(home / f"{path.stem}-{part}.png", picture.cpu())


class _Stopped(Exception):
    """A film that is left unfinished."""


def _checked_home(folder: Any) -> Path:
    home = Path(folder)
    if home.exists() and not home.is_dir():
        raise InputError(f"{folder} is a file: give a folder")
    if not home.absolute().parent.is_dir():
        raise InputError(f"the folder {home.absolute().parent} does not exist: create it first")
    return home


def _targets(
    home: Path, files: Sequence[Path], films: Sequence[str], parts: Sequence[str], beside: Sequence[Any]
) -> list[Path]:
    """What each file is painted into; with the pictures of its parts it is nobody else's, and no file that is given."""
    given = {os.path.realpath(path): path for path in (*files, *beside) if isinstance(path, (str, Path))}
    taken: dict[str, Path] = {}
    targets = []
    for path in files:
        film, stem = path.suffix.lower() in films, path.stem
        own = path.name if path.suffix.lower() in EXTENSIONS else f"{stem}.mp4" if film else f"{stem}.png"
        for name in (own, *(f"{stem}-{part}.png" for part in ([] if film else parts))):
            over = given.get(os.path.realpath(home / name))
            if over is not None:
                raise InputError(f"{over} would be painted over by {home / name}: give another folder")
            other = taken.setdefault(name.lower(), path)
            if other != path:
                raise InputError(f"{other} and {path} would both be painted into {name}: give them to two commands")
        targets.append(home / own)
    return targets


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
                yield imaging.to_array(paint_one(model, frame, mix, config))

    write_animation(target, made(), min(60.0, max(1.0, fps)))
