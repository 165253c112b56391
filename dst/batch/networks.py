"""Trained networks as users call them: loaded from a folder and put to pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from dst import imaging, runtime
from dst.config import ApplyConfig, InputError, check_number, counted, suggest
from dst.files import check_output
from dst.networks import shipped
from dst.networks.feedforward import folder as folders
from dst.networks.feedforward.model import LEAST_STYLE, Model, check_size, mix_of, painted

LEAST_EXPORTED, MOST_EXPORTED = 16, 20_000
"""Sides of the pictures that an ONNX file can be for, pixels."""


def load_network(folder: Any, device: str = "cpu") -> Model:
    """The model in a folder, or the one that paints a shipped style, by its name.

    Raises:
        InputError: no such folder, no model, a damaged or foreign one, one of a newer version, or one of which nothing is trained.
    """
    with runtime.computing():
        runtime.usable_device(device)
        if shipped.is_shipped(folder):
            return shipped.load(device)
        if isinstance(folder, str) and folder and not os.path.exists(folder) and os.path.basename(folder) == folder:
            raise InputError(
                f"{folder} is neither a folder nor a shipped style: give a model's folder, or one of "
                f"{', '.join(shipped.shipped_styles())}{suggest(folder, shipped.shipped_styles())}"
            )
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
    own, mix = with_mix(model, styles, config, masks)
    for image in images:
        with runtime.computing(config.threads):
            yield imaging.to_array(paint_one(own, image, mix, config))


def paint_one(model: Model, image: Any, mix: Any, config: ApplyConfig) -> Tensor:
    """A picture painted in a mix of `with_mix`, (1, 3, H, W) in [0, 1].

    Raises:
        InputError: an image that cannot be read or that there is no memory for, or masks of another shape than its.
    """
    whole = imaging.read(image, side=config.size)
    for k, mask in enumerate(getattr(mix, "masks", None) or ()):
        imaging.check_mask_shape(f"number {k + 1}", mask.shape[:1:-1], whole.size)
    found = read_at(model, whole, config.size)
    return painted(model, found, mix, config.strength)


def with_mix(model: Any, styles: Sequence[Any], config: ApplyConfig, masks: Sequence[Any] = ()) -> tuple[Model, Any]:
    """A model and what it is told to paint in."""
    own = model if isinstance(model, Model) else load_network(model, config.device)
    chosen = shipped.styles_of(model, styles)
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
    own, mix = with_mix(model, styles, config)
    check_parts(own)
    with runtime.computing(config.threads):
        found = own.row.parts(own.network, read_at(own, image, config.size).to(own.device), mix)
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


def export_network(
    model: Any,
    path: Any,
    *,
    styles: Sequence[Any] = (),
    weights: Sequence[float] | None = None,
    size: int | tuple[int, int] | None = None,
) -> None:
    """Write a network as an ONNX file, for one mix of its styles: an image (1, 3, height, width) in [0, 1] to one of the same size.

    Args:
        model: as of `apply_network`.
        path: ends in .onnx; an existing file is replaced.
        styles, weights: as of `apply_network`.
        size: (width, height), or the side of a square, of all pictures that the file is for: ulyanov and multimodal networks need one.
            A file of the others takes any size, and none is given.

    Raises:
        InputError: the extra `onnx` is not installed, a size that is missing or needless, a file that cannot be written, or as
            `apply_network`.
    """
    from dst.networks.export import write_onnx

    target = check_output(path, (".onnx",))
    own = model if isinstance(model, Model) else load_network(model)
    chosen, weights = shipped.styles_of(model, styles), ApplyConfig().replace(weights=weights).weights
    asked = None if size is None else _sides(size)
    if asked is not None:
        check_size(own, *asked)
    with runtime.computing():
        mix = mix_of(own, chosen, weights, lambda one: _seen(one, own.config.style_size))
        write_onnx(own, target, mix, asked)


def _sides(size: Any) -> tuple[int, int]:
    """(width, height), of a square's side or of the two."""
    given = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(given) != 2:
        raise InputError(f"size is {size!r}: give (width, height), or the side of a square")
    for name, side in zip(("width", "height"), given, strict=True):
        check_number(name, side, LEAST_EXPORTED, MOST_EXPORTED, whole=True)
    return int(given[0]), int(given[1])


def _seen(style: Any, side: int) -> Tensor:
    image = imaging.read(style, LEAST_STYLE, side=4 * side)
    return imaging.resize(image.rgb, side, image.size)


def read_at(model: Model, image: Any, size: int | None) -> Tensor:
    """An image (1, 3, H, W) that a model is to paint, its long side brought to a size where one is given.

    Raises:
        InputError: it cannot be read, or there is no memory for it.
    """
    found = imaging.read(image, side=size)
    check_size(model, *(found.size if size is None else imaging.fit_size(found.size, size)))
    return found.rgb if size is None else imaging.resize(found.rgb, size, found.size)
