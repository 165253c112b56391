"""Options of the matching: Neural Best-Buddies, and the filtering of Deformable Style Transfer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dst.config.base import Checked, InputError, option, shown
from dst.config.kinds import Choice, Kind, Number, whole

MOST_FACES = 16
"""So many faces of an image are kept, the largest."""
FACES, POSES = ("auto", "off", "only"), ("keep", "follow")


class Places(Kind):
    """Two places in lists that count from 1, `2:1` or `2,1`; from Python two whole numbers."""

    metavar = "I:J"

    def parse(self, name: str, text: str, home: Any = None) -> tuple[int, int]:
        """As `Kind.parse`."""
        parts = text.replace(",", ":").split(":")
        if not all(part.isdecimal() for part in parts):
            raise InputError(f"{name} is {shown(text)}: it takes {self.allowed()}")
        return self.check(name, [int(part) for part in parts])

    def check(self, name: str, value: Any) -> tuple[int, int]:
        """As `Kind.check`."""
        places = list(value) if isinstance(value, (list, tuple)) else [value]
        if len(places) != 2 or not all(type(place) is int and 1 <= place <= MOST_FACES for place in places):
            raise InputError(f"{name} is {shown(value)}: it takes {self.allowed()}")
        return places[0], places[1]

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return f"two whole numbers from 1 to {MOST_FACES}, such as 2:1"


@dataclass(frozen=True)
class MatchConfig(Checked):
    """Matching: Neural Best-Buddies (Aberman et al. 2018) and the filtering of Deformable Style Transfer (Kim et al. 2020)."""

    match_size: int = option(
        256,
        "long side of both images while matching, pixels",
        whole(64, 1024),
        "matching",
        "low: few, rough matches; high: slower, and matches follow detail rather than shape",
    )
    max_points: int = option(
        80,
        "keep at most this many matches",
        whole(3, 1000),
        "matching",
        "low: the warp follows the main proportions; high: every detail pulls",
    )
    clusters: int = option(
        0,
        "keep the best match of each of N k-means clusters; 0: all",
        whole(0, 1000),
        "matching",
        "5 to 20 give a few well-spread points, good to edit by hand",
    )
    faces: str = option(
        "auto",
        "whether faces are matched by their landmarks: where both images have one, never, or by nothing else",
        Choice(FACES),
        "matching",
        "auto: eye on eye, mouth on mouth; off: faces are matched as all else; only: hair, clothes and ground stay as they are",
    )
    face: tuple[int, int] | None = option(
        None,
        "which face of the content goes with which of the style, counted by size from the largest; default: the pair that is "
        "largest, surest and at the most similar places",
        Places(),
        "matching",
        "2:1: the second largest of the photograph with the largest of the painting",
    )
    pose: str = option(
        "keep",
        "the head's pose, where faces are matched: the content's, or that of the style",
        Choice(POSES),
        "matching",
        "keep: only the face's shape changes; follow: the face is drawn to the painting's turn of the head too",
    )
    threshold: float = option(
        0.05,
        "min activation at both ends of a match, share of the maximum",
        Number(0.0, 1.0),
        "matching",
        "low: points in flat background too; high: only on the strongest structures",
    )
    spacing: float = option(
        0.04,
        "min distance of two matches, share of the long side",
        Number(0.0, 0.5),
        "matching",
        "low: crowded points, tight local warps; high: few points, a smooth warp",
    )
