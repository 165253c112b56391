"""Options of the matching: Neural Best-Buddies, and the filtering of Deformable Style Transfer."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option
from dst.config.kinds import Choice, Number, whole

FACES, POSES = ("auto", "off", "only"), ("keep", "follow")


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
