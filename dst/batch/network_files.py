"""Files, folders of them and films painted by a trained network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dst import imaging, runtime
from dst.batch.networks import check_parts, read_at, with_mix
from dst.config import ApplyConfig, InputError
from dst.files import EXTENSIONS, made_folder
from dst.networks.feedforward.model import Model, painted
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
        InputError: a folder that cannot be made, one that an input lies in, or as `apply_network` of the model and its styles.
        OSError: the disk is full or fails.
    """
    home = _checked_home(folder, files)
    if show:
        check_parts(model)
    _, mix = with_mix(model, styles, config, masks)
    with made_folder(home):
        for path in files:
            error = None
            try:
                if path.suffix.lower() in films:
                    _paint_film(model, path, home / f"{path.stem}.mp4", mix, config, stopped)
                else:
                    name = path.name if path.suffix.lower() in EXTENSIONS else f"{path.stem}.png"
                    with runtime.computing(config.threads):
                        made = painted(model, read_at(path, config.size), mix, config.strength)
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
    for part, picture in model.row.parts(model.network, read_at(path, config.size).to(model.device), mix).items():
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
                yield imaging.to_array(painted(model, read_at(frame, config.size), mix, config.strength))

    write_animation(target, made(), min(60.0, max(1.0, fps)))
