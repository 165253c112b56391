"""From two pictures to a Result: read, match, warp, optimise, finish. The one file that joins both packages."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import correspondence
from correspondence.matches import Matches, check_points
from dst import images
from dst.config import InputError, StylizeConfig
from dst.methods.targets import Style
from dst.optimize import Optimization, Problem, State
from dst.record import make_record
from dst.result import Result, Step
from dst.trunk import LEVELS, Trunk, load_trunk
from dst.warp import Warp, to_unit

Report = Callable[[str, str], None]


@dataclass
class _Clock:
    """Seconds spent in each stage, and the word given to `on_stage` at its start and end."""

    on_stage: Report | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str):
        if self.on_stage is not None:
            self.on_stage(name, "start")
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
        if self.on_stage is not None:
            self.on_stage(name, "end")


def stylize(
    content: Any,
    style: Any,
    *,
    preset: str = "default",
    points: Any = None,
    warp: bool = True,
    on_step: Callable[[Step], object] | None = None,
    on_stage: Report | None = None,
    **options: Any,
) -> Result:
    """Bend a photograph towards a painting's shapes and paint it in its strokes.

    Deformable Style Transfer (Kim, Kolkin, Salavon and Shakhnarovich 2020): matches by Neural Best-Buddies, a thin-plate
    spline, and the joint optimisation of pixels and displacements.

    Args:
        content, style: each a path, PIL image, array (H, W[, 1 | 3 | 4]) or tensor ([1, ]3, H, W) in [0, 1]; any size and
            aspect of at least 16 pixels a side.
        preset: `paper`, `default` or `fast`.
        points: matches to use in place of matching: a points.csv, an array (N, 4 or 5) of content x, y, style x, y[, score]
            in pixels of the displayed images, or `Matches`.
        warp: False asks for plain style transfer.
        on_step: called after each step; a true return value stops the run, which still gives a Result.
        on_stage: called with (stage, "start" | "end").
        **options: any field of `dst.config` by name, such as `size=256`, `seed=1`, `alpha=4`, `max_points=40`.

    Returns:
        The Result; where matches are too poor to bend anything, that of plain style transfer, and its record says so.

    Raises:
        InputError: an input or an option that cannot be used.
    """
    config = StylizeConfig.from_options(preset, **options)
    clock = _Clock(on_stage)
    with clock.stage("read"):
        content_image, style_image = images.read(content), images.read(style)
        given = None if points is None or not warp else read_points(points, content_image.size, style_image.size)
        trunk = load_trunk(config.trunk, config.weights, config.device)
    with clock.stage("match"):
        plan = _plan_warp(content_image, style_image, given, warp, trunk, config)
    with clock.stage("warp"):
        problem = _problem(content_image, [style_image], plan, config)
        optimization = Optimization(problem, trunk, config.optimize, config.seed)
    with clock.stage("optimize"):
        state = optimization.run(on_step)
    with clock.stage("finish"):
        finished = _finish(content_image, plan, problem, state)
        result = _result(content_image, style_image, plan, problem, state, finished)
    names = {
        "content": {"name": content_image.name, "size": list(content_image.size)},
        "style": {"name": style_image.name, "size": list(style_image.size)},
    }
    result.record = make_record(
        result, config, preset, trunk, names, plan.verdict, finished.factor, state.stopped, clock.seconds
    )
    return result


@dataclass
class Plan:
    """What the warp starts from.

    Attributes:
        matches: those found or given, in pixels of the displayed images; None where none were looked for.
        source, target: (k, 2) content keypoints and where they are to go, pixels of the displayed content; k may be 0.
        verdict: one sentence on the matches, or on why there is no warp.
    """

    matches: Matches | None
    source: np.ndarray
    target: np.ndarray
    verdict: str

    @property
    def warps(self) -> bool:
        return len(self.source) > 0


def match(content: Any, style: Any, *, preset: str = "default", **options: Any) -> tuple[Matches, str]:
    """Match two pictures with the trunk of a config.

    Args:
        content, style: as for `stylize`.
        preset, options: as for `stylize`; those of matching, `trunk`, `weights`, `device` and `seed` matter.

    Returns:
        Matches in pixels of the displayed images, and one sentence on whether they can be relied on.

    Raises:
        InputError: an input or an option that cannot be used.
    """
    config = StylizeConfig.from_options(preset, **options)
    content_image, style_image = images.read(content), images.read(style)
    trunk = load_trunk(config.trunk, config.weights, config.device)
    matches = find_matches(content_image, style_image, trunk, config)
    return matches, correspondence.reliable(matches)[1]


def find_matches(content: images.Image, style: images.Image, trunk: Trunk, config: StylizeConfig) -> Matches:
    """Neural Best-Buddies on the trunk's five levels; points in pixels of the displayed images."""

    def encode(image: Tensor) -> list[Tensor]:
        return [level.cpu() for level in trunk(image.to(config.device), LEVELS).values()]

    side = config.match.match_size
    small = [images.resize(image.rgb, min(side, 4 * max(image.size))) for image in (content, style)]
    return correspondence.match(
        small[0],
        small[1],
        encode,
        content_size=content.size,
        style_size=style.size,
        max_points=config.match.max_points,
        threshold=config.match.threshold,
        spacing=config.match.spacing,
        clusters=config.match.clusters,
        generator=np.random.default_rng(config.seed),
    )


def read_points(points: Any, content_size: tuple[int, int], style_size: tuple[int, int]) -> Matches:
    """Matches from a points.csv or points.json, an array (N, 4 or 5), or Matches, checked against the images' sizes.

    Raises:
        InputError: an array of another shape. `MatchError` for points that cannot be used.
    """
    if isinstance(points, Matches):
        points = np.column_stack([points.content, points.style, points.scores])
    if isinstance(points, (str, Path)):
        read = Matches.from_json if str(points).lower().endswith(".json") else Matches.from_csv
        return read(points, content_size, style_size)
    table = np.asarray(points, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] not in (4, 5):
        raise InputError(
            f"points have shape {table.shape}: give (N, 4) or (N, 5), content x, y, style x, y and, if you like, a score"
        )
    scores = table[:, 4] if table.shape[1] == 5 else None
    found = Matches(table[:, :2], table[:, 2:4], scores, content_size, style_size)
    check_points(found, "points", None)
    return found


def _plan_warp(
    content: images.Image, style: images.Image, given: Matches | None, warp: bool, trunk: Trunk, config: StylizeConfig
) -> Plan:
    none = np.zeros((0, 2))
    if not warp:
        return Plan(None, none, none, "no warp was asked for: plain style transfer")
    if given is not None:
        return Plan(given, given.content, correspondence.align(given), f"{len(given)} points given")
    matches = find_matches(content, style, trunk, config)
    usable, verdict = correspondence.reliable(matches)
    if len(matches) < config.warp.min_matches:
        usable = False
        verdict = f"{len(matches)} reliable matches, fewer than {config.warp.min_matches}"
    if not usable:
        return Plan(matches, none, none, f"{verdict}: plain style transfer")
    return Plan(matches, matches.content, correspondence.align(matches), verdict)


def _problem(content: images.Image, styles: list[images.Image], plan: Plan, config: StylizeConfig) -> Problem:
    device = torch.device(config.device)
    picture = images.resize(content.rgb, config.size).to(device)
    painted = [Style(images.resize(s.rgb, min(config.size, max(s.size))).to(device)) for s in styles]
    source = torch.zeros(0, 2, dtype=torch.float64)
    target = source.clone()
    if plan.warps:
        # The target keypoints may lie outside the frame, whose border is fixed: such a bend would fold, so the plan's
        # warp is unfolded first and the optimisation starts from displacements that a smooth warp can reach.
        fitted = Warp.fit(plan.source, plan.target, content.size, strength=config.warp.warp_strength)
        fitted, _ = fitted.unfold()
        source, target = torch.tensor(fitted.source), torch.tensor(fitted.moved)
    return Problem(
        content=picture,
        styles=painted,
        start=None,
        source=source.to(device),
        target=target.to(device),
        beta=config.warp.beta,
        gamma=config.warp.gamma,
    )


@dataclass
class Finished:
    """The warp that a run ends with, and by how much its displacements were reduced so that it does not fold."""

    warp: Warp
    factor: float


def _finish(content: images.Image, plan: Plan, problem: Problem, state: State) -> Finished:
    if not plan.warps:
        return Finished(Warp.identity(content.size), 1.0)
    source, displacement = problem.source.cpu().numpy(), state.displacement.detach().cpu().double().numpy()
    return Finished(*Warp(content.size, source, displacement).unfold())


def _result(
    content: images.Image, style: images.Image, plan: Plan, problem: Problem, state: State, finished: Finished
) -> Result:
    unwarped = state.image.cpu()
    side = max(unwarped.shape[-2:])
    alpha = None if content.alpha is None else images.resize(content.alpha, side)
    picture = problem.content.cpu()
    bend = finished.warp.apply if plan.warps else lambda image: image
    bent_alpha = None if alpha is None else bend(alpha).clamp(0, 1)
    small_style = images.resize(style.rgb, side)
    drawn = None
    if plan.matches is not None:
        sized = plan.matches.resized((picture.shape[3], picture.shape[2]), (small_style.shape[3], small_style.shape[2]))
        drawn = correspondence.draw(images.to_array(picture), images.to_array(small_style), sized)
    return Result(
        image=images.to_array(bend(unwarped).clamp(0, 1), bent_alpha),
        unwarped=images.to_array(unwarped, alpha),
        warped_content=images.to_array(bend(picture).clamp(0, 1), bent_alpha),
        content=images.to_array(picture, alpha),
        style=images.to_array(small_style),
        matches=plan.matches,
        matches_image=drawn,
        warp=finished.warp,
        history=list(state.history),
        record={},
    )


def load_run(folder: Any) -> Result:
    """Read a run's folder back, with its matches.

    Raises:
        InputError: no run there, a damaged one, or one made by a newer version.
    """
    result = Result.load(folder)
    rows = np.array(result.record["matches"]["points"], dtype=np.float64).reshape(-1, 5)
    sizes = [tuple(result.record[side]["size"]) for side in ("content", "style")]
    result.matches = Matches(rows[:, :2], rows[:, 2:4], rows[:, 4], *sizes)
    return result


def warp_image(source: Any, *, run: Any = None, points: Any = None, style_size=None, strength: float = 1.0):
    """Bend any picture, at its own size, by a finished run's warp or straight from keypoints.

    Args:
        source: as for `stylize`.
        run: a run's folder; its warp is stretched to the picture.
        points: keypoints as for `stylize`; the style points are brought into the content's frame by a similarity.
        style_size: (W, H) of the image that the style points refer to, to check them; None where unknown.
        strength: factor on the displacements.

    Returns:
        (Image, factor): the bent picture, with alpha and depth as they came, and how far the displacements had to be
        reduced so that nothing folds (1.0: not at all).
    """
    image = images.read(source)
    if (run is None) == (points is None):
        raise InputError("give either a run or points to bend by, not both and not neither")
    if run is not None:
        warp = Warp.load(Path(run) / "warp.json")
    else:
        matches = read_points(points, image.size, style_size)
        warp = Warp.fit(matches.content, correspondence.align(matches), image.size)
    warp, factor = warp.with_strength(strength * warp.strength).unfold()
    bent = warp.apply(image.rgb).clamp(0, 1)
    alpha = None if image.alpha is None else warp.apply(image.alpha).clamp(0, 1)
    return images.Image(bent, alpha, image.depth, image.name), factor


def demo_pair() -> tuple[images.Image, Path]:
    """The sample pair: scikit-image's astronaut, head and shoulders, and a drawn portrait from the package's assets."""
    from skimage import data

    portrait = data.astronaut()[0:300, 80:380]
    return images.read(np.ascontiguousarray(portrait)), sample_styles()[0]


def sample_styles() -> list[Path]:
    """The drawn style images that come with the package.

    Raises:
        InputError: they are not there.
    """
    here = Path(__file__).parent
    for folder in (here / "assets", here.parent / "assets"):
        found = sorted(p for p in folder.glob("*") if p.suffix in (".jpg", ".png"))
        if found:
            return found
    raise InputError("the sample images are missing from this installation: install the package again")


__all__ = ["load_run", "match", "stylize", "to_unit", "warp_image"]
