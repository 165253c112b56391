"""The page's tabs beside the first: what each makes, of which pictures, with which options, in words for people.

Ranges and defaults are those of the options themselves, in the configs that a tab names; a tab that is named here is one file
`dst/web/static/tabs/NAME.js` and one task in `dst/web/making.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from dst.config.base import Checked, InputError, check_choice, option
from dst.config.exaggeration import PARTS, ExaggerateConfig
from dst.config.kinds import Number
from dst.config.laboratory import LabConfig, TextureConfig
from dst.config.one_image import OneImageConfig
from dst.config.page import CONTROLS, Control
from dst.config.quilting import QuiltConfig
from dst.config.stylize import option_fields


def _part(name: str) -> float:
    text = f"how far the {name} go along: 0 stays as it is, 2 twice as far"
    return option(1.0, text, Number(-3.0, 3.0), "parts")


@dataclass(frozen=True)
class PartsConfig(Checked):
    """Factors of the parts of a face, one handle each; together they are `--feature`."""

    eyes: float = _part("eyes")
    brows: float = _part("brows")
    nose: float = option(1.0, "how far the nose goes along", Number(-3.0, 3.0), "parts")
    mouth: float = option(1.0, "how far the mouth goes along", Number(-3.0, 3.0), "parts")
    jaw: float = option(1.0, "how far the jaw goes along", Number(-3.0, 3.0), "parts")


@dataclass(frozen=True)
class Second:
    """A second picture that something takes.

    Attributes:
        title: what it is called.
        drop: what is said where none is chosen.
        needed: whether it can't be left out.
        painters: whether the painters' menu is offered for it.
    """

    title: str
    drop: str
    needed: bool = True
    painters: bool = False


@dataclass(frozen=True)
class Task:
    """One thing that a tab makes.

    Attributes:
        label: its name on the page.
        help: a sentence.
        controls: options that it takes, by name.
        second: its other picture, or None.
        mask: what is brushed on the first picture; empty where nothing is.
        aligned: the result lies on the picture, so that before and after can be compared.
        config: of its options, where that is not the tab's.
    """

    label: str
    help: str
    controls: tuple[str, ...]
    second: Second | None = None
    mask: str = ""
    aligned: bool = False
    config: type | None = None


@dataclass(frozen=True)
class Tab:
    """A tab.

    Attributes:
        name: its name on the page.
        lead: what it is for.
        first: what the picture that it begins with is called.
        samples: photographs that are offered for it.
        act: the word on its button.
        configs: where its options stand; the first that has a name counts.
        controls: how its options are shown.
        tasks: what it makes, by name.
        painters: whether the painters' menu is offered for the first picture.
    """

    name: str
    lead: str
    first: str
    samples: tuple[str, ...]
    act: str
    configs: tuple[type, ...]
    controls: dict[str, Control]
    tasks: dict[str, Task]
    painters: bool = False

    def field_of(self, name: str, task: str = "") -> Any:
        """The dataclass field of an option."""
        own = self.tasks[task].config if task else None
        for config in (*([own] if own else []), *self.configs):
            for f in fields(config):
                if f.name == name:
                    return f
        return option_fields()[name]  # of a run

    def checked(self, task: str, given: Any, most: int) -> dict[str, Any]:
        """Options of a task as its call takes them, from those of a request.

        Args:
            task: its name.
            given: values by name, as the page sends them.
            most: the largest side that may be asked for, pixels.

        Raises:
            InputError: an option that the task does not take, or a bad value.
        """
        if not isinstance(given, dict):
            raise InputError('options are not an object: give names and values, such as {"seed": 1}')
        found: dict[str, Any] = {}
        for name, value in given.items():
            check_choice("option", name, self.tasks[task].controls)
            if value is None:
                continue
            names, kind = self.controls[name].names, self.field_of(name, task).metadata["kind"]
            if names is not None and (isinstance(value, (list, dict)) or value not in names):
                raise InputError(
                    f"{name} is {str(value)[:40]!r}: choose one of {', '.join(str(n) for n in names if n is not None)}"
                )
            found[name] = kind.parse(name, value) if isinstance(value, str) else kind.check(name, value)
        for name in ("size", "side"):
            sides = found.get(name, 0)
            if max(sides if isinstance(sides, tuple) else (sides,)) > most:
                raise InputError(f"{name} is {given[name]}: it takes up to {most} pixels here")
        return found


SIZES = {
    "256x256": "small square",
    "512x512": "square",
    "768x512": "wide",
    "512x768": "tall",
    "1024x1024": "large square",
}
"""Sizes that textures are offered at."""
PAINTED = ("look", "stroke_size", "size", "seed")
EXAGGERATE = Tab(
    "Exaggerate",
    "A face made more itself: what sets it apart grows.",
    "Photograph",
    ("astronaut",),
    "Exaggerate",
    (ExaggerateConfig, PartsConfig),
    {
        "strength": Control("Strength", "main", step=0.1),
        **{part: Control(part.capitalize(), "parts", True, 0.1, low=0.0) for part in PARTS},
        **{name: CONTROLS[name] for name in PAINTED},
    },
    {
        "photo": Task("As a photograph", "The face alone changes.", ("strength", *PARTS), aligned=True),
        "painted": Task(
            "Painted too",
            "The changed face is painted in a painter’s strokes.",
            ("strength", *PARTS, *PAINTED),
            Second("Painter", "Choose a painter.", painters=True),
            aligned=True,
        ),
    },
)
TEXTURE_CONTROLS = ("size", "tile", "scale", "statistics", "histogram", "steps", "coarse_steps", "seed")
TEXTURE = Tab(
    "Texture",
    "More of the same: a surface of any size from a small piece of it.",
    "Sample",
    ("wood", "gravel", "brick", "cells"),
    "Make it",
    (TextureConfig,),
    {
        "size": Control("Size", "main", names=SIZES),
        "tile": Control("Fits onto itself", "main"),
        "scale": Control("Size of its elements", "main", step=0.05, low=0.25, high=2.0),
        "along": Control("Goes over", "main", names={"x": "from left to right", "y": "from top to bottom"}),
        "statistics": Control(
            "Compared by", "painting", True,
            names={"sliced": "all of it (sliced)", "shift": "long structures (shifted)", "gram": "as published (Gram)"}, text="what of the sample is compared",
        ),
        "histogram": Control("Same colours at the end", "painting", True),
        "steps": Control("Steps", "painting", True, high=200),
        "coarse_steps": Control("Steps at smaller sizes", "painting", True, high=200),
        "seed": Control("Seed", "painting", True),
    },
    {
        "plain": Task("From one sample", "A new surface that looks like the sample and repeats none of it.", TEXTURE_CONTROLS),
        "mixture": Task(
            "From one into another",
            "It begins as the first sample and ends as the second.",
            ("size", "along", "scale", "steps", "coarse_steps", "seed"),
            Second("Second sample", "Choose what it goes over into.", painters=True),
        ),
    },
    painters=True,
)  # fmt: skip
COMMON = ("method", "side", "seed")
GUIDED = (*COMMON, "start")
ONE_IMAGE = Tab(
    "One image",
    "New pictures made of one picture’s own pieces. Nothing else is looked at.",
    "Picture",
    ("rocket", "coffee", "chelsea"),
    "Make it",
    (OneImageConfig, QuiltConfig),
    {
        "stretch": Control(
            "New shape", "main",
            names={None: "half as wide again", "2x1": "twice as wide", "0.7x1": "narrower", "1x1.5": "half as tall again", "1x0.7": "lower"}, text="how much wider or taller it becomes",
        ),
        "factor": Control("How much larger", "main", names={2: "twice", 4: "four times"}),
        "count": Control("How many", "main", low=1, high=8),
        "size": Control("Size", "main", names={None: "by itself", **SIZES}),
        "block": Control("Size of the pieces", "main", names={None: "by itself", 16: "small", 32: "middle", 64: "large", 96: "very large"}),
        "by": Control("Follows", "main", names={"luminance": "light and dark", "luminance+orientation": "light and lines", "features": "what is seen"}, text="what of the picture below the pieces follow"),
        "start": Control("Stays close to it", "main", names={None: "by itself", 0.0: "hardly", 0.25: "a little", 0.5: "halfway", 0.75: "mostly", 1.0: "very"}, text="how close the result stays to what it begins with"),
        "side": Control("Size", "main", step=32, low=128, high=768, text="long side that it is worked at, pixels; larger takes longer"),
        "method": Control("Method", "painting", True, names={"gpnn": "nearest pieces", "gpdm": "mix of pieces"}, text="how pieces are chosen"),
        "tolerance": Control("Freedom in choosing", "painting", True, 0.05, high=1.0),
        "piece": Control("Pieces kept together", "painting", True, high=10),
        "passes": Control("Passes", "painting", True, text="how often it is laid anew, each time with finer pieces"),
        "seed": Control("Seed", "painting", True),
    },
    {
        "sample": Task("More like it", "New pictures that could be of the same place.", ("count", *COMMON)),
        "retarget": Task("Another shape", "Wider or taller, and things keep their shapes.", ("stretch", *COMMON)),
        "inpaint": Task("Take something out", "Brush over what is to go; the place is filled.", ("side", "seed"), mask="Brush over what is to go.", aligned=True),
        "harmonise": Task("Blend something in", "Brush over what was pasted in; it is made to belong.", GUIDED, mask="Brush over what was pasted in.", aligned=True),
        "edit": Task("Mend an edit", "You moved parts about in an editor; the seams go.", GUIDED, Second("Your edit", "Choose the edited picture.")),
        "paint-to-image": Task("From a sketch", "A flat painting of the same things becomes a picture.", GUIDED, Second("Your sketch", "Choose a flat painting.")),
        "style": Task("Another scene", "Another picture’s layout, out of this one’s pieces.", GUIDED, Second("Layout", "Choose the picture to lay out.")),
        "super-resolve": Task("Larger", "Enlarged, with detail learnt from itself.", ("factor", *COMMON)),
        "quilt": Task("Quilt", "A surface of any size, sewn from pieces of the picture.", ("size", "block", "tolerance", "piece", "seed"), config=QuiltConfig),
        "onto": Task(
            "Quilt onto a picture", "Another picture, sewn from pieces of this one.", ("size", "block", "by", "passes", "tolerance", "piece", "seed"),
            Second("Onto", "Choose the picture to lay it onto."), config=QuiltConfig,
        ),
    },
    painters=True,
)  # fmt: skip
LAB = ("size", "steps", "coarse_steps", "seed", "optimizer", "published")
PAINTER = Second("Painter", "Choose a painter.", painters=True)
LABORATORY = Tab(
    "Laboratory",
    "How it began: style transfer as Gatys and others published it, and what each setting does.",
    "Photograph",
    ("chelsea", "astronaut", "coffee", "rocket"),
    "Run it",
    (LabConfig,),
    {
        "ratio": Control(
            "Photograph to painting", "main",
            names={1e-5: "the painting alone", 1e-4: "mostly painting", 1e-3: "between", 1e-2: "mostly photograph"}, text="how much the photograph counts beside the painting",
        ),
        "init": Control("Begins with", "main", names={"noise": "noise", "content": "the photograph", "style": "the painting", "grey": "grey"}),
        "size": Control("Size", "main", step=16, low=96, high=512),
        "steps": Control("Steps", "main", high=300),
        "coarse_steps": Control("Steps at smaller sizes", "painting", True, high=300),
        "optimizer": Control("Optimiser", "painting", True, names={"adam": "Adam", "lbfgs": "L-BFGS"}),
        "published": Control("Terms as published", "painting", True, text="the paper's own terms; else each relative to its target"),
        "pooling": Control("Pooling", "painting", True, names={"average": "average", "max": "maximum"}),
        "seeds": Control("Tries from noise", "main", low=1, high=5),
        "seconds": Control("Seconds for each", "main", step=1, low=1.0, high=60.0),
        "seed": Control("Seed", "painting", True),
    },
    {
        "picture": Task("One picture", "One picture by the published method.", (*LAB, "ratio", "init", "pooling"), PAINTER, aligned=True),
        "ratio": Task("Photograph to painting", "Rows: which layers count as style. Columns: how much the photograph counts.", (*LAB, "init", "pooling"), PAINTER),
        "layers": Task("Depth of the photograph", "The layer that holds the photograph, from every pixel to its objects alone.", (*LAB, "ratio", "pooling"), PAINTER),
        "init": Task("First guesses", "The same aim from different beginnings, and how far the ends differ.", (*LAB, "ratio", "seeds", "pooling"), PAINTER),
        "optimizers": Task("Two optimisers", "Adam against L-BFGS for an equal time.", ("size", "ratio", "seconds", "seed"), PAINTER),
        "photo": Task("Photograph to photograph", "One photograph in the light of another.", LAB[:4], PAINTER),
        "style-scale": Task("Size of the painting", "The painting at half, once and twice its size.", (*LAB, "ratio", "init"), PAINTER),
        "pooling": Task("Pooling", "Two ways to make features smaller.", (*LAB, "init"), PAINTER),
    },
)  # fmt: skip
MAKERS: dict[str, Tab] = {
    "exaggerate": EXAGGERATE,
    "texture": TEXTURE,
    "one-image": ONE_IMAGE,
    "laboratory": LABORATORY,
}
"""Tabs by the name of their file, which is the kind of their jobs."""
