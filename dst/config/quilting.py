"""Options of image quilting: textures and texture transfer from blocks of a sample."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import Number, Several, whole
from dst.config.laboratory import Size, shared

LIKENESSES = {
    "luminance": "how light it is",
    "orientation": "which way its lines run, and how clearly",
    "features": "what the encoder sees",
}
"""What a texture follows where it is laid onto a picture."""


class Likeness(Several):
    """Names of `LIKENESSES` with + between, each once; the help lists them."""

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return ", ".join(self.choices)


class Share(Number):
    """A share as a number or a fraction: `0.2`, `1/6`."""

    def parse(self, name, text, home=None):
        """As `Kind.parse`."""
        try:
            over, _, under = text.partition("/")
            return self.check(name, float(over) / float(under or 1))
        except (ValueError, ZeroDivisionError):
            return self.check(name, text)


@dataclass(frozen=True)
class QuiltConfig(Checked):
    """Blocks of a sample laid side by side, or onto a picture (Efros and Freeman 2001)."""

    size: tuple[int, int] | None = option(
        None, "width and height, pixels; default: 512x512, with --onto those of the picture", Size(), "picture"
    )
    block: int | None = option(
        None,
        "side of a block, pixels; default: 32, with --onto, where it is that of the first pass, a sixteenth of the picture's long side",
        whole(4, 512),
        "blocks",
        "a little larger than the texture's largest element: smaller breaks elements, larger repeats them",
    )
    overlap: float = option(
        1 / 6, "how much of a block lies over its neighbour, a share of its side", Share(0.01, 0.5), "blocks"
    )
    tolerance: float = option(
        0.1,
        "a block is drawn from all that fit at most this share worse than the best",
        Number(0.0, 10.0),
        "blocks",
        "0: always the best fit, which repeats itself; 1: freer, with more visible cuts",
    )
    piece: int = option(
        1,
        "blocks side by side, or one below the other, that may be copied from the sample as one piece",
        whole(1, 1000),
        "blocks",
        "1: every block begins something new; large: whole pieces of the sample come back",
    )
    by: tuple[str, ...] = option(
        ("luminance",), "with --onto: what the texture follows, with + between", Likeness(LIKENESSES), "picture"
    )
    passes: int = option(
        3,
        "with --onto: passes, each with blocks a third smaller than the last",
        whole(1, 5),
        "blocks",
        "1: loose; 5: fine detail of the picture, in crumbs of the texture",
    )
    seed: int = shared("seed")
    encoder: str = shared("encoder")
    weights: str | None = shared("weights")


def overlap_of(block: int, share: float) -> int:
    """Pixels that a block of a side lies over its neighbour: at least 1, and at most half the block."""
    return min(max(1, round(block * share)), block // 2)
