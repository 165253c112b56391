"""Before and after the optimisation: inputs read and checked, the problem set up, the result put together."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dst import imaging
from dst.checkpoint import Job
from dst.config import InputError, StylizeConfig, counted
from dst.features.encoder import Encoder
from dst.imaging import color, histogram
from dst.imaging.masks import Segmentation, read_rigid_mask, read_segmentation
from dst.methods.targets import Style
from dst.optimize import Optimization, Problem, State, decompose_image, schedule
from dst.result import Result
from dst.steer import Fitted, first_guess, pull, style_shares
from dst.warp import Warp
from dst.warp.fit import mend


@dataclass
class Inputs:
    """All pictures and masks of a run, read and checked against one another.

    Attributes:
        content: the photograph.
        styles: the paintings, one or more.
        geometry: the picture that shapes come from, where that is not the first style.
        mask: (H, W) bool at the content's size, or None.
        segmentation: segments that are painted apart, or None.
        record: what the run's record says of the inputs.
    """

    content: imaging.Image
    styles: list[imaging.Image]
    geometry: imaging.Image | None
    mask: np.ndarray | None
    segmentation: Segmentation | None
    record: dict[str, Any]

    @property
    def partner(self) -> imaging.Image:
        """The picture that the content is matched with."""
        return self.geometry or self.styles[0]


def style_list(style: Any) -> list[Any]:
    """One style or several as a list.

    Raises:
        InputError: an empty list.
    """
    styles = list(style) if isinstance(style, (list, tuple)) else [style]
    if not styles:
        raise InputError("no style picture is given: give one or more")
    return styles


def read_inputs(content: Any, style: Any, config: StylizeConfig) -> Inputs:
    """Read every picture and mask of a run.

    Raises:
        InputError: one that cannot be read, or a mask that does not fit its picture.
    """
    sources = style_list(style)
    content_image, styles = imaging.read(content), [imaging.read(source) for source in sources]
    steer, segmentation = config.steer, None
    geometry = None if steer.geometry is None else imaging.read(steer.geometry)
    mask = None if steer.protect is None else read_rigid_mask(steer.protect, content_image.size)
    if steer.content_mask is not None:
        sizes = [image.size for image in styles]
        segmentation = read_segmentation(steer.content_mask, steer.style_mask, content_image.size, sizes, config.size)
    record = {"content": describe(content, content_image)}
    painted = [describe(source, image) for source, image in zip(sources, styles, strict=True)]
    record["style"] = painted[0]
    if len(painted) > 1:
        record["styles"] = painted
    if geometry is not None:
        record["geometry"] = describe(steer.geometry, geometry)
    return Inputs(content_image, styles, geometry, mask, segmentation, record)


def describe(source: Any, image: imaging.Image) -> dict[str, Any]:
    """Name and size of an input; for a file also its path and digest, so that it can be found again."""
    found = {"name": image.name, "size": list(image.size)}
    if isinstance(source, (str, os.PathLike)):
        found |= {"path": os.path.abspath(source), "sha256": digest(source)}
    return found


def digest(path: Any) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def make_problem(inputs: Inputs, config: StylizeConfig, fitted: Fitted | None, points: np.ndarray | None) -> Problem:
    """What is to be optimised.

    Args:
        inputs: the pictures.
        config: the options.
        fitted: the warp that the matches ask for; None for no warp.
        points: (N, 5) the matches, as of `Job`; the less sure one is, the less it pulls.
    """
    device = torch.device(config.device)
    content = imaging.resize(inputs.content.rgb, config.size)
    painted = [imaging.resize(s.rgb, min(config.size, max(s.size))) for s in inputs.styles]
    if config.steer.preserve_color == "luminance":
        content, painted = color.grey(content), [color.grey(style) for style in painted]
    elif config.steer.preserve_color == "histogram":
        painted = [histogram.match_colors(style, [content]) for style in painted]
    start = first_guess(config.steer.init, content.to(device), [style.to(device) for style in painted], config.seed)
    if start is None and config.steer.preserve_color == "histogram":
        start = content.to(device)  # its colours are the style's by now, each in its place
    shares = style_shares(config.steer.style_weights, len(painted))
    none = torch.zeros(0, 2, dtype=torch.float64)
    confidence = None if fitted is None else _confidence(fitted, points, inputs.content.size)
    return Problem(
        content=content.to(device),
        styles=[Style(style.to(device), share) for style, share in zip(painted, shares, strict=True) if share > 0],
        start=start,
        source=(none if fitted is None else torch.tensor(fitted.warp.source)).to(device),
        target=(none if fitted is None else torch.tensor(fitted.warp.moved)).to(device),
        beta=config.warp.beta,
        gamma=config.warp.gamma,
        held=torch.from_numpy(fitted.held).to(device) if fitted is not None and fitted.held.any() else None,
        confidence=None if confidence is None else torch.from_numpy(confidence).to(device),
        segments=None if inputs.segmentation is None else _segments(inputs.segmentation, shares, device),
    )


def _confidence(fitted: Fitted, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How strongly each of a warp's points pulls (`steer.pull`); 0 for those that hold a protected part in shape. (k,)

    Scaled so that the mean over all points is that over the matched ones: a protected part does not weaken the others' pull.
    """
    gaps = np.linalg.norm(fitted.warp.source[:, None] - (points[None, :, :2] + 0.5) / max(size), axis=2)
    matched = gaps.min(1) < 1e-9
    return np.where(matched, pull(points[:, 4])[gaps.argmin(1)], 0.0) * len(matched) / max(matched.sum(), 1)


def _segments(segmentation: Segmentation, shares: list[float], device: torch.device) -> list:
    used = [labels for labels, share in zip(segmentation.styles, shares, strict=True) if share > 0]
    return dataclasses.replace(segmentation, styles=used).segments(device)


def resized(run: Any, job: Job, size: int, content: Any, style: Any) -> Job:
    """The same job with its long side at `size`: the pictures are read again, keypoints and masks are kept.

    Args:
        run: the run's folder, for messages.
        job: at its old size.
        size: long side in pixels.
        content, style: pictures to read in place of those on record, or None.

    Raises:
        InputError: a picture that is gone, has changed, or has another size than before.
    """
    styles = job.inputs.get("styles", [job.inputs["style"]])
    given = [None] * len(styles) if style is None else style_list(style)
    if len(given) != len(styles):
        raise InputError(f"{run} was painted in {counted(len(styles), 'style')}, but {len(given)} given: give the same")
    content_image = _again(run, "content", job.inputs["content"], content)
    style_images = [_again(run, "style", record, source) for record, source in zip(styles, given, strict=True)]
    plain = {"init": "content", "content_mask": None, "style_mask": None, "protect": None, "geometry": None}
    config = dataclasses.replace(job.config, size=size, steer=job.config.steer.replace(**plain))
    inputs = Inputs(content_image, style_images, None, job.mask, None, job.inputs)
    pictures = make_problem(inputs, config, None, None)
    kept = dataclasses.replace(job.problem, content=pictures.content, styles=pictures.styles, start=None)
    alpha = content_image.alpha
    return dataclasses.replace(
        job,
        config=dataclasses.replace(job.config, size=size),
        picture=imaging.resize(content_image.rgb, size),
        alpha=None if alpha is None else imaging.resize(alpha, size),
        style=imaging.resize(style_images[0].rgb, size),
        partner=None if job.partner is None else imaging.resize(job.partner, size),
        problem=kept,
    )


def _again(run: Any, role: str, record: dict[str, Any], source: Any) -> imaging.Image:
    """A picture of a run's record, read from where it was or from `source`."""
    advice = f"give the same picture as {role}="
    if source is None:
        source = record.get("path")
        if source is None:
            raise InputError(f"the {role} of {run} was not a file, and a larger size needs it: {advice}")
        if not os.path.exists(source):
            raise InputError(f"the {role} of {run} is no longer at {source}: {advice}")
        if digest(source) != record["sha256"]:
            raise InputError(f"the {role} {source} has changed since {run} was made: {advice}")
    image = imaging.read(source)
    if list(image.size) != list(record["size"]):
        raise InputError(f"the {role} is {image.size}, that of {run} was {tuple(record['size'])}: {advice}")
    return image


def recolored(job: Job) -> State:
    """A state at the end of its run: the content in the style's colours, no step made."""
    problem = job.problem
    images_, shares = [s.image for s in problem.styles], [s.weight for s in problem.styles]
    strength = job.config.optimize.style_strength
    picture = histogram.recolor(problem.content, images_, shares, problem.segments, strength)
    scales = len(schedule(max(picture.shape[-2:]), job.config.optimize))
    return State(displacement=problem.target, scale=scales, bands=decompose_image(picture, 1))


def enlarged(job: Job, state: State, encoder: Encoder, side: int) -> Optimization:
    """An optimisation that goes on at larger scales from a state that was finished at a smaller one.

    Args:
        job: at its new, larger size.
        state: of the run at its old size.
        encoder: the feature network.
        side: long side of the old size.
    """
    config = job.config.optimize
    going = State(displacement=state.displacement, history=list(state.history), generator=state.generator)
    optimization = Optimization(job.problem, encoder, config, job.config.seed, going)
    sides = [row[0] for row in optimization.schedule]
    going.scale = next(index for index, size in enumerate(sides) if size > side)
    fine = imaging.resize(optimization.guide, sides[going.scale])
    size = fine.shape[-2:]

    def grow(image: Tensor) -> Tensor:
        return F.interpolate(image, size=size, mode="bilinear", align_corners=False)

    start = grow(state.image.to(fine.device)) + fine - grow(imaging.resize(optimization.guide, side))
    going.bands = decompose_image(start, config.pyramid_levels)
    return optimization


@dataclass
class Finished:
    """The warp that a run ends with, and by how much its displacements were reduced so that it does not fold."""

    warp: Warp
    factor: float


def finish_warp(job: Job, state: State) -> Finished:
    """The final warp: the state's displacements without folds, protected parts rigid, pins reached."""
    if len(job.problem.source) == 0:
        return Finished(Warp.identity(job.content_size), 1.0)
    source = job.problem.source.cpu().numpy()
    moved = state.displacement.detach().cpu().double().numpy()
    held = np.zeros(len(source), bool) if job.problem.held is None else job.problem.held.cpu().numpy()
    pinned = held & _among(source, job)
    return Finished(*mend(Warp(job.content_size, source, moved, rigid=job.rigid), pinned, job.mask))


def _among(source: np.ndarray, job: Job) -> np.ndarray:
    """Which of some keypoints, unit coordinates, are the job's pins: (k,) bool."""
    if not job.pins:
        return np.zeros(len(source), bool)
    pins = (job.points[: job.pins, :2] + 0.5) / max(job.content_size)
    return (np.linalg.norm(source[:, None] - pins[None], axis=2) < 1e-9).any(1)


def targets(job: Job, warp: Warp) -> np.ndarray:
    """Where each point of a warp was to go, (k, 2) in pixels of the displayed content."""
    source, moved = (t.cpu().numpy() for t in (job.problem.source, job.problem.target))
    wanted = warp.source + warp.moved
    if len(source):
        gaps = np.linalg.norm(warp.source[:, None] - source[None], axis=2)
        nearest = gaps.argmin(1) if len(wanted) else np.zeros(0, int)
        same = gaps.min(1) < 1e-9 if len(wanted) else np.zeros(0, bool)
        wanted = np.where(same[:, None], (source + moved)[nearest], wanted)
    return wanted * max(job.content_size) - 0.5


def make_result(job: Job, state: State, warp: Warp, matches: Any, drawn: np.ndarray | None) -> Result:
    """The pictures of a run, its record still empty."""

    def bend(image: Tensor) -> Tensor:
        return warp.apply(image).clamp(0, 1)

    painted, picture, alpha = state.image.cpu(), job.picture, job.alpha
    if painted.shape != picture.shape:  # stopped at a coarser scale
        painted = F.interpolate(painted, size=picture.shape[-2:], mode="bicubic", align_corners=False).clamp(0, 1)
    bent, bent_picture = bend(painted), bend(picture)
    bent_alpha = None if alpha is None else bend(alpha)
    if job.config.steer.preserve_color == "luminance":
        painted, bent = color.keep_chroma(painted, picture), color.keep_chroma(bent, bent_picture)
    return Result(
        image=imaging.to_array(bent, bent_alpha),
        unwarped=imaging.to_array(painted, alpha),
        warped_content=imaging.to_array(bent_picture, bent_alpha),
        content=imaging.to_array(picture, alpha),
        style=imaging.to_array(job.style),
        matches=matches,
        matches_image=drawn,
        geometry=None if job.partner is None else imaging.to_array(job.partner),
        warp=warp,
        history=list(state.history),
        record={},
    )
