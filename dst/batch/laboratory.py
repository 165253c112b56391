"""The laboratory: experiments of style transfer as published, one labelled sheet each."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dst import imaging, runtime
from dst.batch.cells import Cell, Made, digest, run_cells
from dst.config import EXPERIMENTS, LAB_INITS, InputError, LabConfig, NetworkConfig, check_choice, counted
from dst.features import Encoder, load_encoder
from dst.imaging.histogram import match_colors
from dst.methods.pictures import Picture, Pictures, Plan, image_start, white_noise
from dst.methods.published import activation_scales, gatys_targets
from dst.optim.loop import Loop
from dst.optim.state import Step
from dst.runs.estimate import check_pictures
from dst.viz.curves import curves_image
from dst.viz.sheets import table_sheet, titled_sheet

RATIOS = (1e-5, 1e-4, 1e-3, 1e-2)
"""Columns of alpha over beta."""
RATES = {"adam": 0.03, "lbfgs": 1.0}
"""Learning rates."""
IDLE = {
    "ratio": {"ratio", "photo", "pooling"},
    "content_layers": {"layers"},
    "init": {"photo"},
    "pooling": {"pooling"},
    "optimizer": {"optimizers"},
    "steps": {"optimizers"},
    "coarse_steps": {"optimizers"},
    "seeds": set(EXPERIMENTS) - {"init"},
    "seconds": set(EXPERIMENTS) - {"optimizers"},
}
"""Options that an experiment sets itself, or has no use for."""


class Sheet(NamedTuple):
    """What an experiment gives.

    Attributes:
        image: the labelled sheet, (H, W, 3) uint8.
        rows: one dict a picture: its row, its column, and what was measured of it.
        pictures: (h, w, 3) uint8, in the order of `rows`.
        stopped: why it ended early; empty where it did not.
    """

    image: np.ndarray
    rows: list[dict[str, Any]]
    pictures: list[np.ndarray]
    stopped: str


def network_of(config: NetworkConfig) -> Encoder:
    """The network that a config names, in the precision that it asks for."""
    network = load_encoder(config.encoder, config.weights, config.device)
    return network.in_precision(runtime.precision_of(config.precision, config.device))


class Setup:
    """The images of an experiment, and its network by pooling (`network`)."""

    def __init__(self, content: Any, style: Any, config: LabConfig) -> None:
        self.config = config
        self.content, self.style = (imaging.read(image, side=4 * config.size) for image in (content, style))
        self.encoder = network_of(config)
        self.network = functools.cache(self.encoder.changed)  # by pooling
        self.size = imaging.fit_size(self.content.size, config.size)
        self.images = [imaging.resize(image.rgb, config.size) for image in (self.content, self.style)]
        self._scales: dict[str, dict[str, float]] = {}

    def scales(self, pooling: str) -> dict[str, float] | None:
        """The mean activations over both images, for published terms; None for relative ones."""
        if not self.config.published:
            return None
        if pooling not in self._scales:
            deepest = max(layer.stride for layer in self.encoder.layers.values())
            shown = [
                imaging.resize(i, max(*i.shape[2:], -(-deepest * max(i.shape[2:]) // min(i.shape[2:]))))
                for i in self.images[:2]
            ]
            self._scales[pooling] = activation_scales(self.network(pooling), shown, list(self.encoder.layers))
        return self._scales[pooling]

    def start(self, init: Any, seed: int = 0) -> tuple[str, Callable]:
        """A first guess by name, and what it is called."""
        name = init if isinstance(init, str) else "image"
        if name == "noise":
            return f"noise {seed}", white_noise(seed)
        if name == "grey":
            return name, lambda size: torch.full((1, 3, size[1], size[0]), 0.5)
        content, style = self.images[:2]
        named = {"content": content, "inverted": 1 - content, "style": style}
        shown = named[name] if name in named else self.first
        return f"{name} {digest(shown)}", image_start(imaging.cover(shown, self.size[::-1]))

    @functools.cached_property
    def first(self) -> Tensor:
        """The image that `init` is, read once."""
        return imaging.read(self.config.init, side=2 * self.config.size).rgb

    def plan(self, **changes: Any) -> Plan:
        """How pictures are optimised."""
        config = self.config
        optimizer = changes.get("optimizer", config.optimizer)
        own = {
            "steps": config.steps,
            "coarse_steps": config.coarse_steps,
            "optimizer": optimizer,
            "lr": RATES[optimizer],
        }
        own |= {
            "lr_end": 0.2 if optimizer == "adam" else 1.0,
            "levels": 5 if optimizer == "adam" else 1,
            "smallest": 32,
        }
        return Plan(self.size, **{**own, **changes})

    def cell(self, row: str, column: str, **changes: Any) -> Cell:
        """A picture of the config with some of it changed: `ratio`, `content_layers`, `style_layers`, `init`, `seed`, `style`, `pooling`."""
        config = self.config
        value = lambda name: changes.get(name, getattr(config, name))  # noqa: E731
        pooling, init, seed = value("pooling"), value("init"), value("seed")
        layers = value("style_layers")
        weights = config.layer_weights and config.layer_weights[: len(layers)]
        if weights and len(config.layer_weights) != len(config.style_layers):
            weights = config.layer_weights  # refused
        scales, network = self.scales(pooling), self.network(pooling)
        targets = gatys_targets(
            network, scales, value("ratio"), value("content_layers"), layers, weights, 0, changes.get("style", 1)
        )
        name, start = self.start(init, seed)
        return Cell(row, column, Picture(targets, start, config.tv), name, changes.get("plan") or self.plan(), pooling)


def _ratio(setup: Setup) -> list[Cell]:
    layers = setup.config.style_layers
    rows = [layers[: k + 1] for k in range(len(layers))]
    label = lambda names: names[0] if len(names) == 1 else f"up to {names[-1]}"  # noqa: E731
    return [
        setup.cell(label(names), f"{ratio:g}", style_layers=names, ratio=ratio) for names in rows for ratio in RATIOS
    ]


def _layers(setup: Setup) -> list[Cell]:
    short = min(setup.plan().scales()[0].size)
    known = [name for name, layer in setup.encoder.layers.items() if layer.stride <= short]
    levels = {name[4]: name for name in known if name.endswith(("_1", "_2"))}
    return [setup.cell("", name, content_layers=(name,)) for name in levels.values()]


def _init(setup: Setup) -> list[Cell]:
    config = setup.config
    found = [setup.cell("", f"from {name}", init=name) for name in ("content", "style", "grey", "inverted")]
    found += [
        setup.cell("", f"from noise {k}", init="noise", seed=k) for k in range(config.seed, config.seed + config.seeds)
    ]
    if isinstance(config.init, str) and config.init in LAB_INITS:
        return found
    name = os.path.basename(config.init) if isinstance(config.init, str) else "image"
    return [*found, setup.cell("", f"from {name}", init=config.init)]


def _photo(setup: Setup) -> list[Cell]:
    return [setup.cell("", f"{ratio:g}", ratio=ratio, init="content") for ratio in RATIOS[::-1]]


def _style_scale(setup: Setup) -> list[Cell]:
    found = []
    for k, share in enumerate((0.5, 1.0, 2.0)):
        side = max(32, round(share * setup.config.size))
        if share != 1:
            setup.images.append(imaging.resize(setup.style.rgb, side))
        found.append(setup.cell("", f"style at {share:g}", style=1 if share == 1 else 2 + k // 2))
    return found


def _pooling(setup: Setup) -> list[Cell]:
    return [
        setup.cell(pooling, f"{ratio:g}", pooling=pooling, ratio=ratio)
        for pooling in ("max", "average")
        for ratio in RATIOS
    ]


def _picture(setup: Setup) -> list[Cell]:
    return [setup.cell("", "")]


CELLS: dict[str, Callable[[Setup], list[Cell]]] = {
    "picture": _picture,
    "ratio": _ratio,
    "layers": _layers,
    "init": _init,
    "photo": _photo,
    "style-scale": _style_scale,
    "pooling": _pooling,
}


def laboratory(
    experiment: str,
    content: Any,
    style: Any,
    *,
    keep: Any = None,
    on_step: Callable[[int, int, Step], object] | None = None,
    **options: Any,
) -> Sheet:
    """Show one of Gatys' experiments as a labelled sheet.

    Pictures of a sheet are optimised side by side where they share network, size and steps; each is as it would be alone, up to
    rounding.

    Args:
        experiment: `picture`, `ratio`, `layers`, `init`, `optimizers`, `photo`, `style-scale` or `pooling`.
        content, style: whatever `dst.read_image` takes.
        keep: a folder for finished pictures and, after a stop, for the state of those at hand, so that the same call goes on; None
            to keep none.
        on_step: called with (batch, batches, Step) after each step; a true return value stops there, and the sheet shows what
            there is.
        **options: those of `dst lab`, such as `size=160, ratio=1e-4, pooling="max"`.

    Raises:
        InputError: an unknown experiment, option or layer, a value out of range, an image that cannot be read, or a size that the
            deepest layer is too deep for.

    Source: Gatys, Ecker and Bethge 2016, "Image style transfer using convolutional neural networks", figures 3 and 5 to 7.
    """
    check_choice("experiment", experiment, EXPERIMENTS)
    config = LabConfig().replace(**options)
    if experiment == "optimizers" and keep is not None:
        raise InputError(
            "keep is given, but the experiment optimizers goes by the clock, and nothing of it is kept: leave it out"
        )
    for name, homes in IDLE.items():
        if experiment in homes and getattr(config, name) != getattr(LabConfig, name):
            raise InputError(f"{name} is given, but the experiment {experiment} does not use it: leave it out")
    with runtime.computing(config.threads):
        setup = Setup(content, style, config)
        if experiment == "optimizers":
            return _optimizers(setup, on_step)
        cells = CELLS[experiment](setup)
        made = run_cells(cells, setup.images, setup.network, config.seed, keep, on_step)
        return _sheet(experiment, setup, cells, *made)


def _sheet(experiment: str, setup: Setup, cells: list[Cell], made: list[Made | None], stopped: str) -> Sheet:
    """The labelled sheet, and a row of figures for each picture."""
    blank = np.full((setup.size[1], setup.size[0], 3), 235, np.uint8)
    pictures = [blank if found is None else imaging.to_array(found.image) for found in made]
    rows = [
        {"row": cell.row, "column": cell.column, **({} if found is None else found.terms)}
        for cell, found in zip(cells, made, strict=True)
    ]
    down = list(dict.fromkeys(cell.row for cell in cells))
    across = list(dict.fromkeys(cell.column for cell in cells))
    if experiment == "picture":
        return Sheet(pictures[0], rows, pictures, stopped)
    foot = [NOTES[experiment]]
    shown = pictures
    if experiment == "init" and all(found is not None for found in made):
        foot.append(_differences(setup, [found.image for found in made if found is not None], across))
    if len(down) == 1:
        given = [imaging.to_array(image) for image in setup.images[:2]]
        shown, across = [*given, *pictures], ["content", "style", *across]
        if experiment == "photo":
            colours = imaging.to_array(match_colors(setup.images[0], setup.images[1:2]))
            shown, across = [*given, colours, *pictures], ["content", "style", "colours alone", *across[2:]]
    if stopped:
        foot.append(f"Not finished: {stopped}.")
    per_row = 7
    if len(down) == 1 and len(shown) > per_row:  # a long row in two
        half = -(-len(shown) // 2)
        sheet = table_sheet(shown, ["", ""], [""] * half, across, foot)
    else:
        sheet = table_sheet(shown, down, across, (), foot)
    return Sheet(sheet, rows, pictures, stopped)


NOTES = {
    "ratio": "Columns: alpha/beta, the weight of the content over that of the style. Rows: the layers whose Gram matrices are matched: "
    "with deeper ones, larger structures of the painting are taken over.",
    "layers": "The layer whose features hold the content: shallow ones keep every pixel, deep ones objects and their arrangement.",
    "init": "The same objective, started from different first guesses.",
    "photo": "alpha/beta above each picture; started from the content.",
    "style-scale": "The same painting compared at three sizes: strokes grow with it.",
    "pooling": "Columns: alpha/beta. Rows: what stands between the levels of the network.",
}
"""What a sheet says below its pictures."""


@torch.no_grad()
def _differences(setup: Setup, images: list[Tensor], names: list[str]) -> str:
    """How far outcomes differ: mean distances of pairs in pixels and in features."""
    layer = setup.config.content_layers[-1]
    maps = [setup.encoder(image.to(setup.encoder.mean.device), [layer])[layer] for image in images]
    noise = [k for k, name in enumerate(names) if name.startswith("from noise")]
    found = []
    for which, some in (("all", range(len(images))), ("noise alone", noise)):
        pairs = [(i, j) for i in some for j in some if i < j]
        if pairs:
            pixels = np.mean([float((images[i] - images[j]).square().mean()) ** 0.5 for i, j in pairs])
            deep = np.mean(
                [float((maps[i] - maps[j]).norm() / (0.5 * (maps[i].norm() + maps[j].norm()))) for i, j in pairs]
            )
            found.append(f"{which}: {255 * pixels:.0f} of 255 in pixels, {100 * deep:.0f}% in {layer}")
    return f"Mean distance of two outcomes, root mean square: {'; '.join(found)}."


def _optimizers(setup: Setup, on_step: Callable[[int, int, Step], object] | None) -> Sheet:
    """Adam and L-BFGS from the same noise for an equal time, each from a single scale, and their losses over it."""
    seconds, curves, pictures, rows, stopped = setup.config.seconds, {}, [], [], ""
    for number, name in enumerate(RATES):
        plan = setup.plan(optimizer=name, coarse_steps=0, steps=100_000, lr_end=1.0, levels=1)
        cell = setup.cell("", name, plan=plan)
        problem = Pictures(setup.network(cell.pooling), setup.images, [cell.picture], plan)
        check_pictures(problem)
        spent, asked = 0.0, False

        def on_time(step: Step, n: int = number) -> bool:
            nonlocal spent, asked
            spent += step.seconds
            asked = on_step is not None and bool(on_step(n, len(RATES), step))
            return asked or spent >= seconds

        state = Loop(problem, plan, setup.config.seed).run(on_time)
        with torch.no_grad():
            pictures.append(imaging.to_array(problem.finished(state.parameters)))
        curves[name] = np.cumsum([row["seconds"] for row in state.history]), [row["total"] for row in state.history]
        rows.append({"row": "", "column": name, "steps": len(state.history), "total": state.history[-1]["total"]})
        if asked:
            stopped = state.stopped
            break
    plot = curves_image(curves, (4.2, 3.2), max(70, pictures[0].shape[0] / 3.2), "seconds", "loss")
    foot = [f"From the same noise, {seconds:g} seconds each."]
    foot += [f"{row['column']}: {counted(row['steps'], 'step')}, loss {row['total']:.4g}" for row in rows]
    height = max(pictures[0].shape[0], 120)
    shown = [*[imaging.to_array(image) for image in setup.images], *pictures, plot]
    names = ["content", "style", *[row["column"] for row in rows], "loss over seconds"]
    return Sheet(titled_sheet([list(zip(names, shown, strict=True))], height, foot), rows, pictures, stopped)
