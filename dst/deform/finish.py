"""After the optimisation: the final warp and the images of the run."""

from __future__ import annotations

import dataclasses

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from dst import imaging
from dst.deform import network
from dst.faces.shape import face_points
from dst.imaging import color, histogram
from dst.networks.arbitrary import painted_at_once
from dst.optim.loop import schedule
from dst.optim.pixels import decompose_image
from dst.optim.state import State
from dst.runs.job import Job
from dst.runs.result import Result
from dst.warp import Warp, to_pixels
from dst.warp.fit import mend


def unoptimised(job: Job) -> State:
    """A state at the end of its run, no step made: the content in the style's colours, or painted by a network, by the style's strength."""
    scene, strength = job.scene, job.config.optimize.style_strength
    images, shares = [s.image for s in scene.styles], [s.weight for s in scene.styles]
    if job.config.guidance.model is not None:
        image = network.painted_by(job)
    elif job.config.guidance.instant:
        image = painted_at_once(scene.content, images, shares, strength)
    else:
        image = histogram.recolor(scene.content, images, shares, scene.segments, strength)
    height, width = image.shape[-2:]
    return State({"pixels": decompose_image(image, 1)}, scale=len(schedule((width, height), job.config.optimize)))


def final_warp(job: Job, state: State) -> tuple[Warp, float]:
    """The warp that a run ends with: the state's displacements without folds, rigid parts rigid, pins reached.

    Returns:
        The warp, and the share of the displacements that is left where they had to be reduced, 1 where not.
    """
    warp = job.scene.warp
    if warp is None or not len(warp.source):
        return Warp.identity(job.content_size), 1.0
    warp = moved_warp(warp, state)
    faces = [] if job.matches is None else [face_points(warp.origin, job.matches.source)]
    return mend(warp, job.mask, faces)


def moved_warp(warp: Warp, state: State) -> Warp:
    """A scene's warp with the displacements of a state, folds and all."""
    if "displacement" not in state.parameters:
        return warp
    moved = state.parameters["displacement"][0].detach().cpu().double().numpy()
    return dataclasses.replace(warp, displacement=moved, strength=1.0)


def target_points(job: Job, warp: Warp) -> np.ndarray:
    """Where each point of a run's final warp was to go, (k, 2) in pixels of the displayed content."""
    wanted = warp.source + warp.moved
    if job.scene.warp is not None:
        aims = {
            k: end for k, end in zip(job.scene.warp.origin, job.scene.warp.source + job.scene.warp.moved, strict=True)
        }
        wanted = np.array([aims.get(k, own) if k >= 0 else own for k, own in zip(warp.origin, wanted, strict=True)])
    return to_pixels(wanted.reshape(-1, 2), job.content_size)


def settled(job: Job, painted: Tensor) -> Tensor:
    """What was painted, (1, 3, H, W), after the colour pass: the styles' chroma, smooth where lightness is smooth."""
    guidance, scene = job.config.guidance, job.scene
    if guidance.raw_colors or guidance.preserve_color == "luminance" or not (job.config.paints or guidance.at_once):
        return painted
    if guidance.model is not None and not network.paints_any_style(job.config):
        return painted  # in the colours that the network has learnt, which need not be the style image's
    if scene.segments is None and guidance.preserve_color == "none":  # each segment has a mixture of its own
        images, shares = [s.image.cpu() for s in scene.styles], [s.weight for s in scene.styles]
        painted = color.match_chroma(painted, images, shares, job.config.optimize.style_strength)
    return color.smooth_chroma(painted)


def make_result(job: Job, state: State, warp: Warp, drawn: np.ndarray | None) -> Result:
    """The images of a run, its record still empty."""

    def apply(image: Tensor) -> Tensor:
        return warp.apply(image).clamp(0, 1)

    painted, content, alpha = settled(job, state.image.cpu()), job.content, job.alpha
    if painted.shape != content.shape:  # stopped at a coarser scale
        painted = F.interpolate(painted, size=content.shape[-2:], mode="bicubic", align_corners=False).clamp(0, 1)
    warped, warped_content = apply(painted), apply(content)
    warped_alpha = None if alpha is None else apply(alpha)
    if job.config.guidance.preserve_color == "luminance":
        painted, warped = color.keep_chroma(painted, content), color.keep_chroma(warped, warped_content)
    return Result(
        image=imaging.to_array(warped, warped_alpha),
        unwarped=imaging.to_array(painted, alpha),
        warped_content=imaging.to_array(warped_content, warped_alpha),
        content=imaging.to_array(content, alpha),
        style=imaging.to_array(job.style),
        matches=job.matches,
        matches_image=drawn,
        geometry=None if job.geometry is None else imaging.to_array(job.geometry),
        warp=warp,
        history=list(state.history),
        record={},
    )
