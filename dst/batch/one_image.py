"""Generation from one image behind one call: the tasks by each of three methods, and all three side by side.

A task is made ready once, whatever the method (`dst.batch.problems.prepare`), as a `Problem`: the image that patches are taken from, the
size of the result, what is begun from and at which scale, the part that is made. A method is a function that takes a `Problem`, the
options and `on_step`, and returns pictures, (1, 3, H, W) in [0, 1] each: one, `count` of them, or the frames of a loop. A further method is
one more row in `RUN` and its name in `dst.config.METHODS`; tasks that it does not do go into `NOT` with a sentence why.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from torch import Tensor

from dst import imaging, runtime
from dst.batch.problems import Problem, coarsest_for, prepare
from dst.batch.singan import load_singan, singan
from dst.config import FROM_MODEL, MASKED, NOT_SINGAN, TASKS, InputError, OneImageConfig, check_choice
from dst.config.one_image import METHODS
from dst.evaluate.one_image import diversity
from dst.imaging.strips import check_memory
from dst.optim.state import Step
from dst.patches.gpdm import CALM, FAINT, SlicedDistribution
from dst.patches.gpnn import NearestPatches
from dst.patches.pyramid import Engine, Walk, enlarge, walk
from dst.viz.sheets import titled_sheet

BYTES = {"gpnn": 1500, "gpdm": 350}
"""Of memory for each pixel of a result, about: measured at 700 and 1400 pixels a side."""
RETARGETED = 18
"""Short side of the coarsest scale of `retarget`, pixels, at the least. By eye."""
OnStep = Callable[[Step], object]
NOT: dict[str, dict[str, str]] = {
    "gpnn": {"animate": "where the first guess moves smoothly nearest patches stand still, and then leap"},
    "gpdm": {
        "inpaint": "how often patches occur does not say which belongs beside which, and a hole's border stays visible",
        "animate": "each frame is optimised by itself, and its fine grain flickers",
    },
    "singan": NOT_SINGAN,
}
"""Tasks that a method does not do, and why."""
COMPARED = ("seed", "threads", "settings", "side")
"""Options of `compare`."""


def one_image(
    task: str,
    image: Any,
    *,
    guide: Any = None,
    mask: Any = None,
    model: Any = None,
    on_step: Callable[[Any], object] | None = None,
    **options: Any,
) -> list[np.ndarray]:
    """Generate from one image by its patches: sample, retarget, harmonise, edit, inpaint and more.

    Args:
        task: one of `dst.config.TASKS`.
        image: what patches are taken from; whatever `dst.read_image` takes.
        guide: another picture that is begun from: the composite of `harmonise`, the edited image of `edit`, the painting of
            `paint-to-image`, the layout of `style`. Without one, `harmonise` begins from the image and takes patches from outside the
            mask.
        mask: of the size of the guide, or of the image where there is none; white where the result is made.
        model: of the method `singan`: a trained model of the image, or its folder.
        on_step: called after each step; a true return value stops there, and the pictures so far are returned.
        **options: those of `dst one-image`, such as `method="gpdm", size=(400, 250), seed=3, count=4`.

    Returns:
        (H, W, 3) uint8 each: one picture, `count` of `sample`, or the frames of `animate`.

    Raises:
        InputError: an unknown task or option, one that the task or the method has no use for, a value out of range, an input that is
            missing or cannot be read, an empty or full mask, an image of one colour or smaller than a patch.

    Source: Granot et al. 2022, "Drop the GAN" (`gpnn`); Elnekave and Weiss 2022, "Generating natural images with direct patch
    distributions matching" (`gpdm`); Shaham et al. 2019, "SinGAN" (`singan`).
    """
    config = checked(task, guide=guide, mask=mask, model=model, **options)
    with runtime.computing(config.threads):
        problem = prepare(task, image, guide, mask, config)
        made = RUN[config.method](problem, model, config, on_step)
        return [imaging.to_array(picture) for picture in made]


def checked(task: str, *, guide: Any = None, mask: Any = None, model: Any = None, **options: Any) -> OneImageConfig:
    """The options of a task, after what does not go together has been refused.

    Raises:
        InputError: as `one_image`.
    """
    check_choice("task", task, TASKS)
    config = OneImageConfig().replace(**options)
    if why := NOT[config.method].get(task):
        others = " or ".join(name for name in METHODS if task not in NOT[name])
        raise InputError(f"{config.method} does no {task}: {why}; choose {others}")
    config.check_task(task, guide=guide, mask=mask)
    if (model is None) == (config.method == "singan"):
        raise InputError(
            "singan needs a trained `model` of the image (`dst singan train`): give its folder"
            if model is None
            else f"`model` is given, but {config.method} does not use it: leave it out"
        )
    return config


def _gpnn(problem: Problem, config: OneImageConfig) -> Callable[[int], Engine]:
    alpha = config.of("alpha") if problem.complete or config.alpha is not None else None
    first = 1 if problem.random else config.of("steps")
    return lambda seed: NearestPatches(config.patch, alpha, config.of("steps"), first, seed)


def _gpdm(problem: Problem, config: OneImageConfig) -> Callable[[int], Engine]:
    more: dict[str, Any] = {}
    if problem.guess is not None or problem.task == "super-resolve":
        more |= {"coarse": 1, "rate": CALM if problem.guess is not None else FAINT}
    if config.settings == "published":
        more |= {"rate": 0.01, "end": 1.0, "positions": None, "tinted": False}
    return lambda seed: SlicedDistribution(config.patch, config.of("projections"), config.of("steps"), seed, **more)


ENGINES: dict[str, Callable[[Problem, OneImageConfig], Callable[[int], Engine]]] = {"gpnn": _gpnn, "gpdm": _gpdm}
"""What makes an engine from a seed, for each method that works by patches."""


def _patches(problem: Problem, model: None, config: OneImageConfig, on_step: OnStep | None) -> Iterator[Tensor]:
    """A task by an engine of `dst.patches`."""
    engine = ENGINES[config.method](problem, config)
    width, height = problem.size
    needed = (BYTES[config.method] + 2 * 3 * config.count) * width * height
    check_memory(f"what {problem.task} makes", problem.size, needed, "made")
    if problem.task == "super-resolve":
        yield enlarge(engine(config.seed), problem.source, config.factor, on_step)
        return
    coarsest = config.of("coarsest")
    if problem.task == "retarget" and config.coarsest is None:
        coarsest = max(RETARGETED, coarsest)
    if problem.hole is not None:
        least = coarsest_for(problem.hole, config.patch, coarsest)
        coarsest = least if config.coarsest is None else coarsest
    work = Walk(
        problem.source,
        (height, width),
        problem.guess,
        problem.start,
        tinted=config.method == "gpdm" and config.settings == "fast",
        widen=problem.task == "retarget",
        usable=None if problem.hole is None else ~problem.hole,
        made=problem.area,
        smallest=coarsest,
        factor=config.of("ratio"),
    )
    noise = 2 * config.of("noise") if problem.random else 0.0
    for k, tell in enumerate(_shares(on_step, config.count)):
        seed = config.seed + k
        yield problem.finished(walk(engine(seed), work.replace(noise=noise, seed=seed), tell))
        if tell is not None and tell.stopped:
            return


class _Share:
    """Tells of the steps of one picture of several as steps of all."""

    def __init__(self, on_step: OnStep, number: int, count: int) -> None:
        self.on_step, self.number, self.count, self.stopped = on_step, number, count, False

    def __call__(self, step: Step) -> bool:
        whole = step.total_steps
        told = SimpleNamespace(
            **{**vars(step), "done": self.number * whole + step.done, "total_steps": self.count * whole}
        )
        self.stopped = bool(self.on_step(told))
        return self.stopped


def _shares(on_step: OnStep | None, count: int) -> list[_Share | None]:
    return [None if on_step is None else _Share(on_step, k, count) for k in range(count)]


def _singan(problem: Problem, model: Any, config: OneImageConfig, on_step: OnStep | None) -> Iterator[Tensor]:
    """A task by a trained model."""
    own = load_singan(model) if isinstance(model, (str, os.PathLike)) else model
    (given, area), task, more = problem.given, problem.task, {}
    if config.start is not None:
        more["start"] = max(task not in FROM_MODEL, round(config.start * (len(own.scales) - 1)))
    if config.size is not None:
        more["size"] = config.size
    elif config.stretch is not None:
        more["size"] = tuple(round(n * f) for n, f in zip(own.size, config.stretch, strict=True))
    if task == "super-resolve":
        more["enlarge"] = float(config.factor)
    elif task == "animate":
        more["frames"] = config.frames
    else:
        more["count"] = config.count
    shown = None if task in FROM_MODEL else problem.source if given is None else given

    def tell(done: int, total: int) -> object:
        return on_step(SimpleNamespace(done=done, total_steps=total, size=own.size))

    made = singan(
        task,
        own,
        shown,
        mask=area if task in MASKED else None,
        seed=config.seed,
        on_step=tell if on_step else None,
        **more,
    )
    for picture in made:
        yield imaging.read(picture, min_side=1).rgb


RUN: dict[str, Callable[..., Iterator[Tensor]]] = {"gpnn": _patches, "gpdm": _patches, "singan": _singan}
"""The methods: each takes a problem, a trained model or None, the options and `on_step`."""


def compare(image: Any, *, model: Any = None, on_step: OnStep | None = None, **options: Any) -> np.ndarray:
    """The methods side by side: the image, two samples and the image half as wide again by each, with their times.

    Args:
        image: as `one_image`.
        model: of `singan`, which is left out without one.
        on_step: as `one_image`.
        **options: those of `COMPARED`.

    Returns:
        A sheet, (H, W, 3) uint8.

    Raises:
        InputError: as `one_image`; an option that not all methods take.
    """
    config = OneImageConfig().replace(**options)
    for name in options:
        if getattr(config, name) != getattr(OneImageConfig, name) and name not in COMPARED:
            raise InputError(f"`{name}` is given, but compare does not use it: it takes {', '.join(COMPARED)}")
    model = load_singan(model) if isinstance(model, (str, os.PathLike)) else model
    names = [name for name in METHODS if name != "singan" or model is not None]
    shared = {name: getattr(config, name) for name in COMPARED}
    plain = {"seed", "threads"}
    rows, shown = [], imaging.to_array(prepare("sample", image, None, None, config).source)
    parts = [(name, task) for name in names for task in ("sample", "retarget")]
    for number, (name, task) in enumerate(parts):
        tell = None if on_step is None else _Share(on_step, number, len(parts))
        own = {key: value for key, value in shared.items() if name != "singan" or key in plain}
        began = time.perf_counter()
        more = {"count": 2} if task == "sample" else {}
        made = one_image(
            task, image, method=name, model=model if name == "singan" else None, on_step=tell, **more, **own
        )
        if task == "sample":
            rows.append([("image", shown)])
        seconds = time.perf_counter() - began
        titles = [f"{name}, {seconds / len(made):.1f} s"] * len(made) if task == "sample" else ["1.5 x as wide"]
        rows[-1] += list(zip(titles, made, strict=True))
        if tell is not None and tell.stopped:
            break
    return titled_sheet(rows, shown.shape[0])


def diversity_of(pictures: list[np.ndarray], image: Any, config: OneImageConfig) -> float:
    """How much pictures of one size differ (`dst.evaluate.one_image.diversity`), over the spread of the image's own intensity."""
    source = prepare("sample", image, None, None, config).source
    return diversity([imaging.read(picture, min_side=1).rgb for picture in pictures], source)
