"""The joint optimisation of pixels and displacements, coarse to fine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from dst import losses
from dst.config import OptimizeConfig, read_layers
from dst.descent import Descent
from dst.features.encoder import Encoder
from dst.imaging import pyramid, resize
from dst.imaging.color import color_moments, to_opponent, to_rgb, tone_colors
from dst.imaging.masks import Segment
from dst.methods.gatys import Gatys
from dst.methods.strotss import Strotss
from dst.methods.targets import Style, StyleCache
from dst.result import Step
from dst.warp.flow import FlowGrid

SOLVE_LR = 4e-3
"""First step size of that descent, in units of the long side; it falls to nothing."""
SOLVE_STEPS = 48
"""Steps of the displacements alone, against the warp and smoothness terms, before any pixel moves."""
KEEP_EVERY = 10
"""Steps between two copies of the last image whose loss was finite."""


@dataclass(frozen=True)
class Problem:
    """What is optimised and against what; images at the finest scale.

    Attributes:
        content: (1, 3, H, W) in [0, 1].
        styles: style images, each with its own aspect, and weights.
        start: (1, 3, H, W) first guess of the pixels; None for the content's lightness in the style's colours.
        source: (k, 2) content keypoints in unit coordinates, float64; k may be 0.
        target: (k, 2) displacement that reaches the target keypoints, same units.
        held: (k,) bool, keypoints whose displacement stays at its target.
        confidence: (k,) weights of the keypoints in the warp term; None for equal ones.
        beta, gamma: weights of the warp term and of the total variation of the flow.
        segments: paired content and style segments, masks at the finest scale; None for the whole images.
    """

    content: Tensor
    styles: list[Style]
    start: Tensor | None
    source: Tensor
    target: Tensor
    beta: float
    gamma: float
    held: Tensor | None = None
    confidence: Tensor | None = None
    segments: list[Segment] | None = None


@dataclass
class State:
    """Where the loop stands: everything a later process needs to go on as if it had never stopped."""

    displacement: Tensor
    scale: int = 0
    step: int = 0
    bands: list[Tensor] | None = None
    optimizer: dict | None = None
    generator: Tensor | None = None
    history: list[dict] = field(default_factory=list)
    stopped: str = ""

    @property
    def image(self) -> Tensor:
        """The pixels X, (1, 3, H, W), clamped to [0, 1]."""
        return compose_image([band.detach() for band in self.bands]).clamp(0, 1)


def decompose_image(image: Tensor, levels: int) -> list[Tensor]:
    """What is optimised in place of an image (1, 3, H, W): its Laplacian pyramid on opponent colour axes, finest first."""
    return [band.contiguous() for band in pyramid.decompose(to_opponent(image), levels)]


def compose_image(bands: list[Tensor]) -> Tensor:
    """The inverse of `decompose_image`: RGB (1, 3, H, W), not clamped."""
    return to_rgb(pyramid.compose(bands))


def apply_flow(image: Tensor, grid: Tensor) -> Tensor:
    """Sample an image (N, C, H, W) bilinearly at a grid (1, h, w, 2); outside, the border's colour goes on."""
    return F.grid_sample(image, grid.to(image.dtype), mode="bilinear", padding_mode="border", align_corners=False)


def schedule(long_side: int, config: OptimizeConfig) -> list[tuple[int, int, float]]:
    """Long side, number of steps and alpha of each scale, coarse to fine."""
    sides = pyramid.scale_schedule(long_side, config.smallest_scale)
    rows = []
    for index, side in enumerate(sides):
        doublings = max(0.0, torch.log2(torch.tensor(side / 256.0)).item())
        steps = max(1, round(config.steps * config.step_decay**doublings))
        rows.append((side, steps, config.alpha * config.alpha_growth ** min(2, len(sides) - 1 - index)))
    return rows


def smooth_displacements(
    source: Tensor,
    target: Tensor,
    size: tuple[int, int],
    beta: float,
    gamma: float,
    held: Tensor | None = None,
    confidence: Tensor | None = None,
    steps: int = SOLVE_STEPS,
) -> Tensor:
    """Displacements that minimise the warp and smoothness terms alone; no image is looked at.

    Args:
        source: (k, 2) keypoints in unit coordinates, float64.
        target: (k, 2) displacement that reaches the target keypoints, same units.
        size: (W, H) of the frame.
        beta, gamma: weights of the warp term and of the total variation of the flow.
        held: (k,) bool, keypoints that stay on their targets.
        confidence: (k,) weights of the keypoints in the warp term.
        steps: of the descent.

    Returns:
        (k, 2), same units.
    """
    if len(source) == 0 or gamma == 0:
        return target.clone()
    flow = FlowGrid(size, device=source.device)
    displacement = target.clone().requires_grad_(True)
    descent = Descent("adam", [([displacement], SOLVE_LR)])
    for step in range(steps):
        descent.groups = [([displacement], SOLVE_LR * (1 - step / steps))]
        descent.zero_grad()
        coarse = flow.coarse(source, displacement)
        value = beta * losses.warp_loss(displacement, target, confidence)
        (value + gamma * losses.flow_total_variation(coarse, flow.spacing)).backward()
        descent.step()
    return _hold(displacement.detach(), target, held)


def _hold(displacement: Tensor, target: Tensor, held: Tensor | None) -> Tensor:
    """Put the held points back on their targets."""
    return displacement if held is None else torch.where(held[:, None], target, displacement)


def _flow_grid(problem: Problem, image: Tensor) -> FlowGrid:
    """Sampling grids at the size of `image`, in the frame of the content at its finest scale."""
    height, width = problem.content.shape[-2:]
    return FlowGrid(tuple(image.shape[:-3:-1]), (width, height), device=image.device, dtype=image.dtype)


class Optimization:
    """The loop over scales and steps; `run` may be called again after a stop and goes on where it was."""

    def __init__(
        self,
        problem: Problem,
        encoder: Encoder,
        config: OptimizeConfig,
        seed: int = 0,
        state: State | None = None,
        cache: StyleCache | None = None,
    ) -> None:
        """Prepare a run, or go on from a state.

        Args:
            problem: images, keypoints and weights; on the encoder's device.
            encoder: the feature network.
            config: method, schedule and step sizes.
            seed: of every random draw.
            state: where an earlier run of the same problem and config stopped; None to begin.
            cache: where encoded styles are kept and looked for; None to encode them anew.
        """
        self.problem, self.encoder, self.config, self.seed, self.cache = problem, encoder, config, seed, cache
        self.device = problem.content.device
        moments = color_moments([s.image for s in problem.styles], [s.weight for s in problem.styles])
        self.guide = tone_colors(problem.content, *moments)
        self.schedule = schedule(max(problem.content.shape[-2:]), config)
        self.state = state or State(displacement=self._solve())
        self.warps = len(problem.source) > 0
        self.total_steps = sum(steps for _, steps, _ in self.schedule)

    def _solve(self) -> Tensor:
        problem = self.problem
        size = tuple(problem.content.shape[:-3:-1])
        weights = problem.beta, problem.gamma, problem.held, problem.confidence
        return smooth_displacements(problem.source, problem.target, size, *weights)

    def run(self, on_step: Callable[[Step], object] | None = None) -> State:
        """Optimise to the end, or until `on_step` returns True or a loss stops being finite.

        Args:
            on_step: called after each step; a true return value stops the run there.

        Returns:
            The state; `state.stopped` says why it ended early, and is empty when it did not.
        """
        state = self.state
        state.stopped = ""
        while state.scale < len(self.schedule):
            self._run_scale(on_step)
            if state.stopped:
                return state
            if state.scale + 1 == len(self.schedule):
                state.scale += 1
                break
            finished = compose_image([band.detach() for band in state.bands])
            state.scale, state.step, state.optimizer = state.scale + 1, 0, None
            state.bands = self._start(finished)
        return state

    def _content(self, scale: int) -> Tensor:
        return resize(self.problem.content, self.schedule[scale][0])

    def _start(self, finished: Tensor | None) -> list[Tensor]:
        """Pyramid of the first guess at this scale: the last scale's result with the content's finer detail."""
        scale = self.state.scale
        guide = resize(self.guide, self.schedule[scale][0])
        if finished is not None:
            size = guide.shape[-2:]
            below = resize(self.guide, self.schedule[scale - 1][0])
            below = F.interpolate(below, size=size, mode="bilinear", align_corners=False)
            image = F.interpolate(finished, size=size, mode="bilinear", align_corners=False) + guide - below
        elif self.problem.start is not None:
            image = resize(self.problem.start, self.schedule[scale][0])
        else:
            image = guide
        return decompose_image(image, self.config.pyramid_levels)

    def _method(self):
        """The method's targets at this scale, from draws that depend on the seed and the scale alone."""
        side = self.schedule[self.state.scale][0]
        content = self._content(self.state.scale)
        styles = [Style(resize(s.image, min(side, max(s.image.shape[-2:]))), s.weight) for s in self.problem.styles]
        segments = None
        if self.problem.segments:
            segments = [_resize_segment(s, content, styles) for s in self.problem.segments]
        layers = read_layers(self.config.layers)
        if self.config.method == "gatys":
            return Gatys(self.encoder, content, styles, segments, layers, self.cache)
        generator = torch.Generator(self.device).manual_seed(self.seed * 1009 + self.state.scale)
        counts = self.config.samples, self.config.style_samples
        palette = self.config.palette
        return Strotss(self.encoder, content, styles, palette, *counts, generator, segments, layers, self.cache)

    def _descent(self, parameters: list[Tensor], displacement: Tensor) -> Descent:
        groups = [(parameters, self.config.lr)]
        if self.warps:
            groups.append(([displacement], self.config.warp_lr))
        return Descent(self.config.optimizer, groups, self.state.optimizer)

    def _run_scale(self, on_step) -> None:
        state = self.state
        _, steps, alpha = self.schedule[state.scale]
        state.bands = [band.detach().requires_grad_(True) for band in (state.bands or self._start(None))]
        state.displacement = state.displacement.detach().requires_grad_(self.warps)
        generator = torch.Generator(self.device).manual_seed(self.seed * 7919 + 17)
        if state.generator is not None:
            generator.set_state(state.generator)
        method, descent = self._method(), self._descent(state.bands, state.displacement)
        height, width = state.bands[0].shape[-2:]
        flow = _flow_grid(self.problem, state.bands[0]) if self.warps else None
        kept = [band.detach().clone() for band in state.bands]
        while state.step < steps:
            began = time.perf_counter()
            share = 1 - (1 - self.config.lr_end) * state.step / steps
            sizes = self.config.lr * share, self.config.warp_lr * share
            descent.groups = [(group, size) for (group, _), size in zip(descent.groups, sizes, strict=False)]
            descent.zero_grad()
            terms = self._terms(method, flow, alpha, generator)
            terms["total"].backward()
            row = {"scale": state.scale, "side": max(width, height), "step": state.step}
            row |= {name: float(value.detach()) for name, value in terms.items()}
            if not all(map(_finite, row.values())):
                state.stopped, state.bands = _not_finite(row), kept
                return
            descent.step()
            with torch.no_grad():
                state.displacement.copy_(_hold(state.displacement, self.problem.target, self.problem.held))
            row["seconds"] = time.perf_counter() - began
            state.step += 1
            state.history.append(row)
            state.optimizer, state.generator = descent.state, generator.get_state()
            if state.step % KEEP_EVERY == 0:
                kept = [band.detach().clone() for band in state.bands]
            if on_step is not None and on_step(self._event(row, steps, (width, height))):
                state.stopped = "stopped on request"
                return

    def _terms(self, method, flow: FlowGrid | None, alpha: float, generator: torch.Generator) -> dict[str, Tensor]:
        """All terms, unweighted, and their weighted total (Kim et al. 2020, equation 8)."""
        image = compose_image(self.state.bands)
        grid = warped = None
        zero = image.new_zeros(())
        warp = variation = zero
        if flow is not None:
            displacement = self.state.displacement
            grid, coarse = flow.flow(self.problem.source, displacement)
            warped = apply_flow(image, grid)
            warp = losses.warp_loss(displacement, self.problem.target, self.problem.confidence).to(zero.dtype)
            variation = losses.flow_total_variation(coarse, flow.spacing).to(zero.dtype)
        terms = method.terms(image, warped, grid, generator)
        style = self.config.style_strength * (terms["style"] + terms["style_warped"])
        total = alpha * terms["content"] + style + self.problem.beta * warp + self.problem.gamma * variation
        return {**terms, "warp": warp, "tv": variation, "total": total}

    def _event(self, row: dict, steps: int, size: tuple[int, int]) -> Step:
        return Step(
            scale=row["scale"],
            scales=len(self.schedule),
            size=size,
            step=row["step"],
            steps=steps,
            done=len(self.state.history),
            total_steps=self.total_steps,
            terms={k: v for k, v in row.items() if k not in ("scale", "side", "step", "seconds")},
            seconds=row["seconds"],
            state=self.state,
        )


def _finite(value: float) -> bool:
    return value - value == 0


def _not_finite(row: dict) -> str:
    bad = [name for name, value in row.items() if not _finite(value)]
    return (
        f"the loss stopped being finite at {row['side']} pixels, step {row['step']} ({', '.join(bad)}): "
        "the last good image is kept; a smaller --lr may help"
    )


def _resize_segment(segment: Segment, content: Tensor, styles: list[Style]) -> Segment:
    """A segment's masks at the sizes of this scale's images."""

    def fit(mask: Tensor | None, image: Tensor) -> Tensor | None:
        return None if mask is None else F.adaptive_avg_pool2d(mask, image.shape[-2:])

    return Segment(
        fit(segment.content, content), [fit(m, s.image) for m, s in zip(segment.styles, styles, strict=True)]
    )
