"""The classes that go with the rows of `dst.config.methods`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from dst.config import METHODS, InputError, Method, OptimizeConfig, check_choice
from dst.features import Encoder
from dst.imaging.masks import Segment
from dst.methods.details import Details
from dst.methods.gatys import Gatys
from dst.methods.nnst import Nnst, Splitting
from dst.methods.strotss import Strotss
from dst.methods.targets import Style, StyleCache


class Terms(Protocol):
    """What a method is to the rest: made once for each scale, where it encodes its targets, then asked for its terms."""

    def __init__(
        self,
        encoder: Encoder,
        content: Tensor,
        styles: list[Style],
        config: OptimizeConfig,
        generator: torch.Generator,
        segments: list[Segment] | None = None,
        cache: StyleCache | None = None,
    ) -> None:
        """Encode the targets.

        Args:
            encoder: the feature network.
            content: (1, 3, H, W) in [0, 1] at this scale.
            styles: images at this scale with their weights.
            config: options of the optimisation; a method reads those that concern it.
            generator: of the random draws that choose targets.
            segments: pairs of content and style segments; without them style is matched over the whole image.
            cache: where encoded styles are kept and looked for.
        """

    def terms(
        self, image: Tensor | None, warped: Tensor | None, grid: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The content term and the style terms of an image and of its warp, or of one of the two.

        Args:
            image: (1, 3, H, W), carries the gradient; None where only its warp is looked at.
            warped: the same, warped; None where there is no warp, or only the image is looked at.
            grid: (1, H, W, 2) sampling grid that gave `warped`, so that segments can follow; None with it.
            generator: of the random draws of one step.

        Returns:
            `{"content": scalar, "style": scalar, "style_warped": scalar}`, unweighted: the first two of the image, the third
            of its warp, each where that is given.
        """


CLASSES: dict[str, type[Terms]] = {"nnst": Nnst, "strotss": Strotss, "gatys": Gatys}
"""The class of every method by name."""
LAST_PASSES: dict[str, type[Terms]] = {"nnst": Splitting}
"""The class of a method's last pass as published, of those that have one (`splitting`); else it refines details."""


def method_class(name: str, last_pass: bool = False, details: bool = False) -> type[Terms]:
    """The class of a method, of its last pass, or of what refines the details of large images, whose method has such.

    Raises:
        InputError: no method of that name.
    """
    check_choice("method", name, CLASSES)
    if details:
        return Details
    return (LAST_PASSES if last_pass else CLASSES)[name]


def encoded_layers(name: str, encoder: Encoder) -> list[str]:
    """All layers of an encoder that a method looks at, in the order of the network."""
    style, content = METHODS[check_choice("method", name, METHODS)].encoded(encoder.layers)
    return [layer for layer in encoder.layers if layer in (*style, *content[:1])]


@contextlib.contextmanager
def registered(name: str, row: Method, cls: Any) -> Iterator[None]:
    """A method of one's own, known by name within a `with` block: to the options, the objective and the documentation.

    Raises:
        InputError: a method of that name is there already.
    """
    if name in METHODS:
        raise InputError(f"method {name!r} is there already: choose another name")
    METHODS[name], CLASSES[name] = row, cls
    try:
        yield
    finally:
        del METHODS[name], CLASSES[name]
