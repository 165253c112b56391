"""The table of methods: what each is called, what it encodes, what it compares, its defaults.

`dst.methods.table` holds the classes that go with these rows. `--method`, the pages of the documentation, the estimate of a
run's cost and the objective read the rows; a method that is added to both is known everywhere.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LEVELS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""The first layer of each of the five levels of a VGG-shaped encoder."""
HYPERCOLUMN = (
    "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_3", "relu5_3",
)  # fmt: skip
"""The layers that STROTSS takes of VGG-16."""


@dataclass(frozen=True)
class Method:
    """One row of the table.

    Attributes:
        summary: what it is, for `--help` and the documentation.
        compares: what its content and style terms compare.
        layers: sets of layers whose features the style is compared by; the first that the encoder has all of is taken.
        content_layers: layers that the content is compared by, where they are others; the first that the encoder has.
        options: names of the options of the optimisation that not every method uses, and this one does.
        defaults: options, by name, whose defaults are others with this method; a preset and what is given come first.
        published: options, by name, of the preset `paper` with this method, where those of its paper are others.
        looks: `alpha` at the looks photo, balanced and painting, where methods keep about as much of the content.
    """

    summary: str
    compares: str
    layers: tuple[tuple[str, ...], ...] = (LEVELS,)
    content_layers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, Any] = field(default_factory=dict)
    looks: tuple[float, float, float] = (12.0, 3.0, 0.75)

    def encoded(self, known) -> tuple[list[str], list[str]]:
        """The layers of style and of content, of those that an encoder has (`known`: their names).

        Where none of the sets is there as a whole, the last one's layers that are there.
        """
        whole = [names for names in self.layers if all(name in known for name in names)]
        style = list(whole[0]) if whole else [name for name in self.layers[-1] if name in known]
        return style, [name for name in self.content_layers if name in known]


NEIGHBOURS = (
    "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu3_4", "relu4_1", "relu4_2", "relu4_3",
    "relu4_4",
)  # fmt: skip
"""All layers down to the fourth level: those that neural neighbours are found by."""
POOLINGS = ("max", "average")
"""What may stand between the levels of an encoder."""
PADDINGS = ("reflect", "zeros", "circular")
"""What may stand beyond the border of a convolution's input."""
LOOKS = {"photo": 0.0, "balanced": 0.5, "painting": 1.0}
"""Named places between the photograph and the painting."""


METHODS: dict[str, Method] = {
    "nnst": Method(
        "neural neighbours (Kolkin and others 2022), spread over the whole painting, with its moments and palette",
        "content: cosine self-similarity of sampled hypercolumns; style: distance to the painting's nearest hypercolumns, "
        "mean and covariance, palette",
        layers=(NEIGHBOURS, LEVELS[:4]),
        options=(
            "palette",
            "moments",
            "samples",
            "style_samples",
            "balance",
            "rotations",
            "splitting",
            "details_above",
            "alternate",
        ),
        published={
            "alpha": 0.0,
            "palette": 0.0,
            "moments": 0.0,
            "balance": 0.0,
            "rotations": True,
            "splitting": 200,
            "steps": 200,
            "step_decay": 1.0,
            "lr": 0.002,
            "lr_end": 1.0,
            "pyramid_levels": 8,
            "samples": 4096,
            "style_samples": 16384,
            "details_above": 8192,
            "alternate": False,
        },
        looks=(5.0, 1.0, 0.2),
    ),
    "strotss": Method(
        "relaxed optimal transport and self-similarity (Kolkin, Salavon and Shakhnarovich 2019)",
        "content: cosine self-similarity of sampled hypercolumns; style: relaxed earth mover's distance, mean and "
        "covariance, palette",
        layers=(HYPERCOLUMN, LEVELS),
        options=("palette", "moments", "samples", "style_samples", "details_above", "alternate"),
        defaults={"samples": 512, "style_samples": 1024, "alternate": False},
        looks=(7.0, 1.7, 0.8),
    ),
    "gatys": Method(
        "Gram matrices (Gatys, Ecker and Bethge 2016)",
        "content: features of one layer; style: Gram matrices of several",
        content_layers=("relu4_2", "relu4_1"),
        options=("alternate", "published", "content_layers", "layer_weights", "content_factor", "style_factor"),
        defaults={"steps": 40, "alternate": False},
        looks=(16.0, 1.2, 0.15),
    ),
}
"""Every method by name; the first is the default."""
NETWORK = "network"
"""The name that `--method` knows a trained network by, which is no objective: with it `model` says which."""
PAINTERS: Mapping[str, Method] = ChainMap(
    {NETWORK: Method("a trained network, in one pass (`--model`)", "nothing")}, METHODS
)
"""What a picture can be painted by, by name: every method, those that are registered later too, and a trained network."""
