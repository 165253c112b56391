"""Options of the matching."""

from __future__ import annotations

from dataclasses import dataclass

from dst.config.base import Checked, option


@dataclass(frozen=True)
class MatchConfig(Checked):
    """Matching: Neural Best-Buddies (Aberman et al. 2018) and the cleaning of Deformable Style Transfer (Kim et al. 2020)."""

    match_size: int = option(256, "long side of both images while matching, pixels", 64, 1024, group="matching")
    max_points: int = option(80, "keep at most this many matches", 3, 1000, group="matching")
    clusters: int = option(0, "keep the best match of each of N k-means clusters; 0: all", 0, 1000, group="matching")
    threshold: float = option(
        0.05, "least activation of a match's ends, share of the largest", 0.0, 1.0, group="matching"
    )
    spacing: float = option(0.04, "least distance of two matches, share of the long side", 0.0, 0.5, group="matching")
