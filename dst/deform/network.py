"""A run's picture painted by a trained network: what `--method network` paints in the place of an optimisation."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from dst import runtime
from dst.config import InputError, StylizeConfig
from dst.imaging.masks import Segment, fit_mask
from dst.networks import shipped
from dst.networks.feedforward.folder import RECORD, read_model
from dst.networks.feedforward.model import Model, mix_of, painted
from dst.networks.folder import packed
from dst.runs.job import Job, Scene


def model_of(config: StylizeConfig) -> Model:
    """The network that a config names by its folder or by a shipped style, or that it holds; the last ones are kept.

    Raises:
        InputError: no such folder, no model, a damaged or foreign one.
    """
    given, device = config.guidance.model, runtime.usable_device(config.device)
    if isinstance(given, Model):
        return given
    if shipped.is_shipped(given):
        return shipped.load(str(device))
    record = Path(given) / RECORD
    stamp = os.stat(record).st_mtime_ns if record.exists() else None
    return _kept(os.fspath(given), str(device), stamp)


@functools.lru_cache(2)
def _kept(name: str, device: str, stamp: int | None) -> Model:
    return read_model(name, device)


def described(config: StylizeConfig) -> dict[str, str]:
    """Name and digest of a config's network, as a run's record holds them."""
    model, given = model_of(config), config.guidance.model
    sha256 = model.card.get("weights") or hashlib.sha256(packed(model.network.state_dict())).hexdigest()
    return {"name": "(a model in memory)" if isinstance(given, Model) else os.fspath(given), "sha256": sha256}


def check_same(job: Job) -> None:
    """Refuse to go on with a run by another network than it was begun with.

    Raises:
        InputError: the network has changed since.
    """
    begun, now = job.inputs.get("model"), described(job.config)
    if begun is not None and begun["sha256"] != now["sha256"]:
        raise InputError(f"the model {now['name']} has changed since the run was made: make the run again")


def paints_any_style(config: StylizeConfig) -> bool:
    """Whether a config's network takes its style from the style images."""
    return model_of(config).row.read is not None


def check_model(config: StylizeConfig, styles: int) -> None:
    """Refuse a network that cannot be had, and what it has no use for, before anything is matched.

    Args:
        config: of the run.
        styles: how many style images are given.

    Raises:
        InputError: as `model_of`; a style that it does not know; segments, shares or further style images for one with styles of its own.
    """
    guidance = config.guidance
    if guidance.model is None:
        return
    model = model_of(config)
    if model.row.read is not None:
        if guidance.model_style is not None:
            raise InputError(
                "this network paints in any style, so model_style has no use: its style is the style image"
            )
        return
    _own_mix(model, config)
    idle = [name for name in ("content_mask", "style_weights") if getattr(guidance, name) is not None]
    idle += ["preserve_color histogram"] if guidance.preserve_color == "histogram" else []
    if idle:
        raise InputError(f"this network paints in the styles that it has learnt, so {idle[0]} has no use: leave it out")
    if styles > 1:
        raise InputError(
            f"this network paints in the styles that it has learnt, and of {styles} style images one gives the shapes: give one"
        )


def painted_by(job: Job) -> Tensor:
    """A run's content, (1, 3, H, W) in [0, 1], as its network paints it: by its own styles, or by the run's style images.

    Where the run has segments, a network of any style paints each in the manner of its own parts of the style images.

    Raises:
        InputError: as `check_same`.
    """
    check_same(job)
    model, scene, strength = model_of(job.config), job.scene, job.config.optimize.style_strength
    if model.row.read is None:
        return painted(model, scene.content, _own_mix(model, job.config), strength)
    if scene.segments is None:
        mix = mix_of(
            model,
            [style.image for style in scene.styles],
            [style.weight for style in scene.styles],
            lambda image: image,
        )
    else:
        mix = model.row.read_regions(model.network, [_region(scene, segment) for segment in scene.segments])
    return painted(model, scene.content, mix, strength)


def _own_mix(model: Model, config: StylizeConfig) -> Any:
    """Of a network with styles of its own, those that a config names: a shipped style names itself."""
    names = shipped.styles_of(config.guidance.model, config.guidance.model_style or ())
    return mix_of(model, names, None, lambda image: image)


def _region(scene: Scene, segment: Segment) -> tuple[Tensor, list[tuple[Tensor, float, Tensor | None]]]:
    """A segment as a network takes it: its mask at the content's size, and its part of each style with its weight."""
    parts = [
        (style.image, style.weight, fit_mask(mask, tuple(style.image.shape[-2:])))
        for style, mask in zip(scene.styles, segment.styles, strict=True)
    ]
    return fit_mask(segment.content, tuple(scene.content.shape[-2:])), parts
