"""A finished run taken to a larger size."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from dst import imaging
from dst.config import InputError, counted
from dst.deform.guidance import check_strokes
from dst.deform.inputs import Inputs, make_scene, painted_side, style_list
from dst.deform.objective import DeformProblem
from dst.deform.strokes import stroke_sizes
from dst.features import Encoder
from dst.files import digest
from dst.optim.loop import Loop, levels
from dst.optim.pixels import decompose_image
from dst.optim.state import State
from dst.runs.job import Job


def resized(run: Any, job: Job, size: int, content: Any, style: Any) -> Job:
    """The same job with its long side at `size`: the images are read again, matches and masks are kept.

    Args:
        run: the run's folder, for messages.
        job: at its old size.
        size: long side in pixels.
        content, style: images to read in place of those on record, or None.

    Raises:
        InputError: an image that is gone, has changed, has another size than before, or has not the pixels for its strokes.
    """
    styles = job.inputs.get("styles", [job.inputs["style"]])
    given = [None] * len(styles) if style is None else style_list(style)
    if len(given) != len(styles):
        raise InputError(f"{run} was painted in {counted(len(styles), 'style')}, but {len(given)} given: give the same")
    plain = {"init": "content", "content_mask": None, "style_mask": None, "rigid_mask": None, "geometry": None}
    config = dataclasses.replace(job.config, size=size, guidance=job.config.guidance.replace(**plain))
    try:
        side = painted_side(config, max(stroke_sizes(config.guidance.stroke_size, len(styles))))
    except InputError as error:
        raise InputError(f"{run}: {error}") from error
    content_image = _again(run, "content", job.inputs["content"], content, size)
    style_images = [_again(run, "style", record, source, side) for record, source in zip(styles, given, strict=True)]
    try:
        check_strokes(config, [(image.name, image.size) for image in style_images], job.config.size)
    except InputError as error:
        raise InputError(f"{run}: {error}") from error
    inputs = Inputs(content_image, style_images, None, job.mask, None, job.inputs)
    larger = make_scene(inputs, config, None, None)
    alpha, shown, painted = content_image.alpha, content_image.size, style_images[0]
    return dataclasses.replace(
        job,
        config=dataclasses.replace(job.config, size=size),
        content=imaging.resize(content_image.rgb, size, shown),
        alpha=None if alpha is None else imaging.resize(alpha, size, shown),
        style=imaging.resize(painted.rgb, size, painted.size),
        geometry=None if job.geometry is None else imaging.resize(job.geometry, size),
        scene=dataclasses.replace(job.scene, content=larger.content, styles=larger.styles, start=None),
    )


def _again(run: Any, role: str, record: dict[str, Any], source: Any, side: int) -> imaging.Image:
    """An image of a run's record, read from where it was or from `source`, to be needed at `side` pixels."""
    advice = f"give the same image as {role}="
    if source is None:
        source = record.get("path")
        if source is None:
            raise InputError(f"the {role} of {run} was not a file, and a larger size needs it: {advice}")
        if not os.path.exists(source):
            raise InputError(f"the {role} of {run} is no longer at {source}: {advice}")
        try:
            found = digest(source)
        except OSError as error:
            raise InputError(f"the {role} of {run}, {source}, cannot be read ({error.strerror}): {advice}") from error
        if found != record.get("sha256"):
            raise InputError(f"the {role} {source} has changed since {run} was made: {advice}")
    image = imaging.read(source, side=side)
    if list(image.size) != list(record["size"]):
        raise InputError(f"the {role} is {image.size}, that of {run} was {tuple(record['size'])}: {advice}")
    return image


def enlarged(job: Job, state: State, encoder: Encoder, side: int) -> Loop:
    """A loop that goes on at larger scales from a state that was finished at a smaller one.

    Args:
        job: at its new, larger size.
        state: of the run at its old size.
        encoder: the feature network.
        side: long side of the old size.
    """
    config = job.config.optimize
    problem = DeformProblem(job.scene, encoder.in_precision(job.precision), config, job.config.seed)
    scale = next(index for index, scale in enumerate(problem.scales) if scale.side > side)
    start = problem.refined(state.image.to(problem.device), scale)
    parameters = {**state.parameters, "pixels": decompose_image(start, levels(problem.scales[scale], config))}
    going = State(parameters, scale, history=list(state.history), generator=state.generator)
    return Loop(problem, config, job.config.seed, going)
