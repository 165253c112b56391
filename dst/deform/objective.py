"""The joint objective of pixels and displacements (Kim et al. 2020, equation 8), as a problem for `dst.optim.loop`."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from dst import losses
from dst.config import OptimizeConfig
from dst.deform.strokes import scale_side
from dst.features import Encoder
from dst.imaging import resize
from dst.imaging.masks import Segment, fit_mask
from dst.methods.table import Terms, method_class
from dst.methods.targets import Style, StyleCache, apply_flow
from dst.optim.init import guide_image
from dst.optim.loop import DETAIL_BANDS, levels, schedule
from dst.optim.pixels import compose_image, decompose_image, excess_tones, refine
from dst.optim.state import Parameters, Row
from dst.optim.steps import Descent
from dst.runs.job import Scene
from dst.warp import FlowGrid

DETAIL_LENGTH = 3.0
"""How far a step of a scale that refines details moves, over one of the others: it starts blurred. A last pass does not."""
FARTHEST = 2.0
"""No point is displaced by more than so many long sides, however a step goes wrong."""
SOLVE_LR = 4e-3
"""First learning rate of `smooth_displacements`, in units of the long side; it falls to nothing."""
SOLVE_STEPS = 48
"""Steps of the displacements alone, against the warp and smoothness terms, before any pixel moves."""


def smooth_displacements(
    source: Tensor,
    target: Tensor,
    size: tuple[int, int],
    beta: float,
    gamma: float,
    fixed: Tensor | None = None,
    confidence: Tensor | None = None,
    steps: int = SOLVE_STEPS,
) -> Tensor:
    """Displacements that minimise the warp and smoothness terms alone; no image is looked at.

    Args:
        source: (k, 2) keypoints in unit coordinates, float64.
        target: (k, 2) displacement that reaches the target keypoints, same units.
        size: (W, H) of the frame.
        beta, gamma: weights of the warp term and of the total variation of the flow.
        fixed: (k,) bool, keypoints that stay on their targets.
        confidence: (k,) weights of the keypoints in the warp term.
        steps: of the descent.

    Returns:
        (k, 2), same units.
    """
    if len(source) == 0 or gamma == 0:
        return target.clone()
    flow = _grid_of(tuple(size), str(source.device))
    displacement = target.clone().requires_grad_(True)
    descent = Descent("adam", [([displacement], SOLVE_LR)])
    for step in range(steps):
        descent.groups = [([displacement], SOLVE_LR * (1 - step / steps))]
        descent.zero_grad()
        coarse = flow.coarse(source, displacement)
        value = beta * losses.warp_loss(displacement, target, confidence)
        (value + gamma * losses.flow_total_variation(coarse, flow.spacing)).backward()
        descent.step()
    return _restored(displacement.detach(), target, fixed)


@functools.lru_cache(maxsize=4)
def _grid_of(size: tuple[int, int], device: str) -> FlowGrid:
    """What depends on the size alone, kept: the page asks for the same one with every point that is dropped."""
    return FlowGrid(size, device=device)


def _restored(displacement: Tensor, target: Tensor, fixed: Tensor | None) -> Tensor:
    """Put the fixed points back on their targets."""
    return displacement if fixed is None else torch.where(fixed[:, None], target, displacement)


class DeformProblem:
    """A scene as `dst.optim.loop.Problem`: pixels and displacements, the targets of each scale, the first guesses.

    Attributes:
        guide: (1, 3, H, W), where finer detail comes from when a scale begins.
    """

    def __init__(
        self, scene: Scene, encoder: Encoder, config: OptimizeConfig, seed: int = 0, cache: StyleCache | None = None
    ) -> None:
        """Prepare.

        Args:
            scene: images, warp and weights.
            encoder: the feature network; the scene is brought to where it is.
            config: method, schedule and learning rates.
            seed: of the draws that choose the targets.
            cache: where encoded styles are kept and looked for; None to encode them anew.
        """
        self.scene, self.encoder, self.config, self.seed, self.cache = scene, encoder, config, seed, cache
        self.device = scene.content.device
        height, width = scene.content.shape[-2:]
        self.scales = schedule((width, height), config)
        styles, weights = [s.image for s in scene.styles], [s.weight for s in scene.styles]
        self.guide = guide_image(scene.content, styles, weights, config.style_strength)
        self.warps = scene.warp is not None and len(scene.warp.source) > 0
        if self.warps:
            fixed = scene.warp.fixed
            self.source, self.target = (torch.tensor(x).to(self.device) for x in (scene.warp.source, scene.warp.moved))
            self.fixed = torch.from_numpy(fixed).to(self.device) if fixed.any() else None
            weights = scene.confidence
            self.confidence = None if weights is None else torch.from_numpy(weights).to(self.device)

    def learning_rates(self, scale: int) -> dict[str, float]:
        """Of the pixels and of the displacements, which stay where scales only refine details."""
        (lr, warp_lr), (_, _, last_pass, details) = self.config.rates, self.scales[scale]
        longer = self.config.detail_rate * (1.0 if last_pass else DETAIL_LENGTH) if details else 1.0
        rates = {"pixels": lr * longer}
        return {**rates, "displacement": 0.0 if details else warp_lr} if self.warps else rates

    def begin(self, scale: int, finished: Parameters) -> Parameters:
        """The pixels of a scale, from the scale below or the first guess, and the displacements as they are by then."""
        count = levels(self.scales[scale], self.config)
        if finished:
            image = self.refined(compose_image(finished["pixels"]), scale)
            return {**finished, "pixels": decompose_image(image, count)}
        start = resize(self.guide if self.scene.start is None else self.scene.start, self.scales[scale].side)
        parameters = {"pixels": decompose_image(start, count)}
        if self.warps:
            size, weights = self.scales[-1].size, (self.scene.beta, self.scene.gamma, self.fixed, self.confidence)
            parameters["displacement"] = [smooth_displacements(self.source, self.target, size, *weights)]
        return parameters

    def refined(self, coarse: Tensor, scale: int) -> Tensor:
        """An image (1, 3, h, w) taken to a scale that is larger: (1, 3, H, W)."""
        share = self.config.detail if self.scales[scale].details else 1.0
        return refine(coarse, self.guide, self.scales[scale].side, max(coarse.shape[-2:]), share)

    def objective(self, scale: int) -> DeformObjective:
        """The objective of a scale, its targets from draws that depend on the seed and the scale alone."""
        side = self.scales[scale].side
        content = resize(self.scene.content, side)
        strokes = self.scene.strokes or [1.0] * len(self.scene.styles)
        sides = [scale_side(s.image.shape[:1:-1], side, k) for s, k in zip(self.scene.styles, strokes, strict=True)]
        styles = [Style(resize(s.image, k), s.weight) for s, k in zip(self.scene.styles, sides, strict=True)]
        segments = self.scene.segments and [_resize_segment(s, content, styles) for s in self.scene.segments]
        generator = torch.Generator(self.device).manual_seed(self.seed * 1009 + scale)
        make = method_class(self.config.method, self.scales[scale].last_pass, self.scales[scale].details)
        terms = make(self.encoder, content, styles, self.config, generator, segments, self.cache)
        finer = len({other.size for other in self.scales[scale:]}) - 1
        growth = self.config.alpha_growth ** min(2, finer)
        size = None if self.scales[scale].details else self.scales[scale].size
        return DeformObjective(self, terms, self.config.content_weight * growth, size, content.dtype)


class DeformObjective:
    """One scale: the terms of a method on the image and on its warp, the warp's own terms, and their weighted sum."""

    def __init__(
        self, problem: DeformProblem, method: Terms, alpha: float, size: tuple[int, int] | None, dtype: torch.dtype
    ) -> None:
        """`size` (W, H) is the scale's, None where nothing moves; the flow is in the frame of the content at its finest scale."""
        self.problem, self.method, self.alpha = problem, method, alpha
        self.details = size is None
        self.flow = None
        if problem.warps and size is not None:
            self.flow = FlowGrid(size, problem.scales[-1].size, device=problem.device, dtype=dtype)

    def terms(self, parameters: Parameters, generator: torch.Generator, last: Row | None = None) -> dict[str, Tensor]:
        """All terms, unweighted, and their weighted total.

        With `alternate` a step compares either the image or its warp, in turn, and counts the gradient of what it compares
        twice; what it does not keeps its value of the step before (`last`), the image's where there is none.
        """
        problem, scene = self.problem, self.problem.scene
        bands = parameters["pixels"]
        moving = self._moving(bands)
        image = compose_image([*bands[:moving], *(band.detach() for band in bands[moving:])])
        zero = image.new_zeros(())
        if self.flow is None:
            terms, warp, variation = self.method.terms(image, None, None, generator), zero, zero
            terms["style_warped"] = terms["style"]
        else:
            (displacement,) = parameters["displacement"]
            terms, coarse = self._both_styles(image, displacement, generator, last)
            warp = losses.warp_loss(displacement, problem.target, problem.confidence).to(zero.dtype)
            variation = losses.flow_total_variation(coarse, self.flow.spacing).to(zero.dtype)
        style = problem.config.style_strength * (terms["style"] + terms["style_warped"])
        total = self.alpha * terms["content"] + style + scene.beta * warp + scene.gamma * variation
        if self.details:  # nothing else is compared, and nothing moves
            return {"style": terms["style"], "style_warped": terms["style_warped"], "total": total}
        return {**terms, "warp": warp, "tv": variation, "total": total}

    def _both_styles(
        self, image: Tensor, displacement: Tensor, generator: torch.Generator, last: Row | None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The method's terms of an image and of its warp, and the coarse displacement field that warped it."""
        source, turns = self.problem.source, self.problem.config.turns
        if turns and (last is None or last["step"] % 2):
            coarse = self.flow.coarse(source, displacement)
            terms = {k: _twice(value) for k, value in self.method.terms(image, None, None, generator).items()}
            warped = terms["style"].detach() if last is None else image.new_tensor(last["style_warped"])
            return {**terms, "style_warped": warped}, coarse
        grid, coarse = self.flow.flow(source, displacement)
        warped = apply_flow(image, grid)
        if not turns:
            return self.method.terms(image, warped, grid, generator), coarse
        kept = {name: image.new_tensor(last[name]) for name in ("content", "style")}
        compared = self.method.terms(None, warped, grid, generator)["style_warped"]
        return {**kept, "style_warped": _twice(compared)}, coarse

    def _moving(self, bands: list[Tensor]) -> int:
        """How many of the bands are optimised; of details the coarse remainder stays too, unless there is nothing else."""
        return max(1, min(DETAIL_BANDS, len(bands) - 1)) if self.details else len(bands)

    def project(self, parameters: Parameters) -> None:
        """Displacements stay bounded, rigid and pinned points on their targets; of details, what is no detail is left out."""
        if self.details:
            bands = parameters["pixels"]
            if (moving := self._moving(bands)) < len(bands):
                bands[0].sub_(excess_tones(bands, moving))
        if self.flow is not None:
            (displacement,) = parameters["displacement"]
            displacement.clamp_(-FARTHEST, FARTHEST)
            displacement.copy_(_restored(displacement, self.problem.target, self.problem.fixed))


def _twice(value: Tensor) -> Tensor:
    """A value with twice its gradient."""
    return 2 * value - value.detach()


def _resize_segment(segment: Segment, content: Tensor, styles: list[Style]) -> Segment:
    """A segment's masks at the sizes of this scale's images."""
    fitted = [fit_mask(mask, style.image.shape[-2:]) for mask, style in zip(segment.styles, styles, strict=True)]
    return Segment(fit_mask(segment.content, content.shape[-2:]), fitted)
