"""Options of the optimisation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import Choice, Named, Names, Number, Numbers, Switch, whole
from dst.config.methods import LOOKS, METHODS, PAINTERS

OPTIMIZERS = {"adam": (0.0125, 0.0025), "rmsprop": (0.002, 0.0005), "sgd": (0.2, 4.6e-6)}
"""The learning rates of each optimiser where none are given: of the pixels, and of the displacements. A step of Adam or
RMSprop has the size of its rate whatever the gradient's, one of SGD follows the gradient; RMSprop's first ones are larger."""

MOST_PIXELS = 8192
"""No result has a longer side."""
LEAST_STROKES = 0.1
"""Of the steps of a scale that refines strokes, what is left of them with the look photo."""
DETAIL = 0.3
"""Share of the photograph's own detail that a scale which refines strokes starts from, with the look balanced: with all of it,
large results are photographs with strokes over them."""

LAST_STEPS = 12
"""Steps of the last pass with the look painting; with photo there is none."""


@dataclass(frozen=True)
class OptimizeConfig(Checked):
    """The joint optimisation of pixels and displacements (Kim et al. 2020), coarse to fine."""

    method: str = option(
        next(iter(METHODS)),
        "how style and content are compared; network: not at all, but painted by a trained one (model)",
        Choice(PAINTERS),
        "objective",
        "nnst: clear strokes, each from one place of the painting; strotss: softer; gatys: texture all over, closest to the photograph; "
        "network: at once, in the style that a network has learnt",
    )
    look: float = option(
        LOOKS["balanced"],
        "how much of the painting: photo, balanced, painting, or a number from 0 (photo) to 1 (painting)",
        Named(LOOKS, 0.0, 1.0),
        "objective",
        "photo: the photograph's shading and edges stay; painting: strokes first, faces and layout loosen",
    )
    alpha: float | None = option(
        None,
        "weight of the content term; default: what the look is with this method",
        Number(0.0, 1e6),
        "objective",
        "low: the painting dominates; high: a tinted photograph",
    )
    alpha_growth: float = option(
        1.0,
        "factor on alpha for each scale coarser, applied twice at most",
        Number(1.0, 10.0),
        "schedule",
        "high: coarse scales keep the layout, fine ones are free to change detail",
    )
    palette: float = option(
        1.0,
        "weight of the palette within the style terms of nnst and strotss",
        Number(0.0, 1e4),
        "objective",
        "low: colours drift from the painting's; high: colours count for more than strokes",
    )
    moments: float = option(
        1.0,
        "weight of mean and covariance of the features within the style terms of nnst and strotss",
        Number(0.0, 1e4),
        "objective",
        "low: single strokes are right, their mixture is not; high: the painting's overall texture",
    )
    balance: float = option(
        1.0,
        "how evenly nnst takes its neighbours from all of the painting",
        Number(0.0, 2.0),
        "objective",
        "0: each place its nearest, large parts of the painting unused; 1: all of its colours and strokes appear",
    )
    rotations: bool = option(
        False,
        "nnst also looks for neighbours in the painting turned by 90, 180 and 270 degrees",
        Switch(),
        "objective",
        "on: strokes follow edges in every direction; light and hatching lose theirs",
    )
    splitting: int | None = option(
        None,
        "steps of a last pass of nnst that refines strokes alone; default: 12 times the look, 0 where scales do (`details_above`)",
        whole(0, 10000),
        "schedule",
        "0: none, softer strokes, more of the photograph's edges; 12: crisp and bold",
    )
    style_strength: float = option(
        1.0,
        "factor on both style terms",
        Number(0.0, 100.0),
        "objective",
        "0: the photograph, warped; high: like a low alpha",
    )
    layers: tuple[str, ...] | None = option(
        None,
        "layers to compare, by name, with + between; default: the method's own",
        Names(),
        "objective",
        "shallow ones (`relu1_1+relu2_1`): colour and fine strokes alone; deep ones (`relu4_1+relu5_1`): larger shapes",
    )
    published: bool = option(
        False,
        "gatys compares by the paper's terms, on activations whose mean is 1, and alpha is 1e4 times the paper's alpha over beta; "
        "else each term is relative to its target",
        Switch(),
        "objective",
        "on: as in the paper, to compare with it; off: the same alpha does for every pair of images",
    )
    content_layers: tuple[str, ...] | None = option(
        None,
        "layers that gatys compares the content by, with + between; default: relu4_2, or relu4_1",
        Names(),
        "objective",
        "shallow ones: every edge stays; deep ones: objects and their arrangement",
        flag="--content-at",
    )
    layer_weights: tuple[float, ...] | None = option(
        None,
        "weights of the layers of gatys's style term, one each; default: equal ones",
        Numbers(0.0, 1e9, positive=True),
        "objective",
        "more on the first: colours and grain; more on the last: larger shapes",
    )
    content_factor: float = option(
        0.07,
        "factor on the content term of gatys where it is relative to its target, so that one alpha does for every method",
        Number(0.0, 1e6),
        "objective",
        "as alpha, which goes by the look",
    )
    style_factor: float = option(
        10.0,
        "factor on the style terms of gatys, so that they count beside the warp as those of other methods do",
        Number(0.0, 1e6),
        "objective",
        "high: the warp gives way to the painting's texture",
    )
    smallest_scale: int = option(
        64,
        "long side of the coarsest scale, pixels",
        whole(16, 4096),
        "schedule",
        "low: large shapes may change colour; high: layout stays close to the photograph",
    )
    steps: int = option(
        30,
        "steps at each scale up to 256 pixels",
        whole(1, 10000),
        "schedule",
        "low: unfinished, blurred strokes; high: crisper, with shrinking gains",
    )
    step_decay: float = option(
        0.65,
        "factor on the steps for each doubling above 256 pixels",
        Number(0.05, 1.0),
        "schedule",
        "low: the finest scales are only retouched; 1: as many steps at every scale",
    )
    details_above: int = option(
        768,
        "long side in pixels above which scales refine strokes alone, through windows",
        whole(64, MOST_PIXELS),
        "schedule",
        "low: large images fast, more of the photograph's fine detail gone; high: slow, of much memory; 8192: never",
    )
    alternate: bool = option(
        True,
        "each step compares the image or its warp, in turn; else both in every step, as published",
        Switch(),
        "schedule",
        "on: two thirds of the time, with nnst for as good a picture; off: every step counts for both",
    )
    optimizer: str = option(
        "adam",
        "optimiser of pixels and displacements",
        Choice(OPTIMIZERS),
        "schedule",
        "adam: converges fastest; rmsprop: a little rougher; sgd: the paper's choice, needs more steps",
    )
    lr: float | None = option(
        None,
        "learning rate of the pixels' Laplacian pyramid; default: the optimiser's own",
        Number(1e-6, 10.0),
        "schedule",
        "low: close to the first guess; high: noisy, may diverge",
    )
    warp_lr: float | None = option(
        None,
        "learning rate of the displacements, share of the long side; default: the optimiser's own",
        Number(0.0, 1.0),
        "schedule",
        "0: the displacements stay as fitted at the start",
    )
    lr_end: float = option(
        0.2,
        "share of the learning rate left at the end of a scale",
        Number(0.0, 1.0),
        "schedule",
        "low: converges; 1: keeps changing to the last step",
    )
    pyramid_levels: int = option(
        5,
        "levels of the Laplacian pyramid that is optimised",
        whole(1, 12),
        "schedule",
        "1: colours of large areas change slowly; high: they change at once",
    )
    samples: int = option(
        768,
        "positions of the result compared in each step, at most at coarse scales; of details, more in larger images",
        whole(16, 65536),
        "schedule",
        "low: fast and noisy; high: slower and steadier",
    )
    style_samples: int = option(
        4096,
        "positions of the style that are compared",
        whole(16, 65536),
        "schedule",
        "low: parts of the painting may be missed; high: all of its palette counts",
    )

    @property
    def last_steps(self) -> int:
        """Steps of the last pass: those given, else what the look asks for, with a method that has one."""
        if self.splitting is not None:
            return self.splitting
        return round(LAST_STEPS * self.place) if "splitting" in PAINTERS[self.method].options else 0

    @property
    def turns(self) -> bool:
        """Whether steps compare an image and its warp in turn, with a method that can be asked for one of them."""
        return self.alternate and "alternate" in PAINTERS[self.method].options

    def refines(self, side: int) -> bool:
        """Whether a scale of this long side only refines details, where it is not the first."""
        return side > self.details_above and "details_above" in PAINTERS[self.method].options

    @property
    def place(self) -> float:
        """The look, or where a given `alpha` stands among the looks: from 0, the photograph, to 1, the painting."""
        if self.alpha is None:
            return self.look
        first, middle, last = PAINTERS[self.method].looks
        alpha = min(first, max(last, self.alpha))
        if alpha >= middle:
            return 0.5 - 0.5 * math.log(alpha / middle) / math.log(first / middle)
        return 0.5 + 0.5 * math.log(middle / alpha) / math.log(middle / last)

    @property
    def detail(self) -> float:
        """Share of the photograph's detail that such a scale starts from: with the look photo all, with painting hardly any."""
        share = min(1.0, DETAIL * self.content_weight / PAINTERS[self.method].looks[1])
        return 1 - (1 - share) * min(1.0, self.style_strength)

    @property
    def detail_rate(self) -> float:
        """Factor on the steps of such a scale and of a last pass: the nearer to the photograph, the shorter."""
        return min(1.0, max(LEAST_STROKES, 2 * self.place)) * min(1.0, self.style_strength)

    @property
    def rates(self) -> tuple[float, float]:
        """The learning rates of the pixels and of the displacements: those given, else the optimiser's own."""
        own = OPTIMIZERS[self.optimizer]
        return tuple(rate if given is None else given for given, rate in zip((self.lr, self.warp_lr), own, strict=True))

    @property
    def content_weight(self) -> float:
        """`alpha`, or what the look stands for with this method: geometric between the looks that have names."""
        if self.alpha is not None:
            return self.alpha
        first, middle, last = PAINTERS[self.method].looks
        low, high, share = (first, middle, 2 * self.look) if self.look <= 0.5 else (middle, last, 2 * self.look - 1)
        return low ** (1 - share) * high**share
