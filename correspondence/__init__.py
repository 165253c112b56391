"""Neural Best-Buddies: sparse matches between two images of different appearance, after Aberman et al. (SIGGRAPH 2018).

The package knows nothing of the stylisation: images come in as tensors, the network as a function `encode`.
Names are loaded when first asked for, so that importing the package does not import torch.
"""

from __future__ import annotations

import importlib

_HOMES = {  # no name of a module here, which would take the place of what it names once that is loaded
    "Matches": "matches",
    "MatchError": "common",
    "match": "matcher",
    "align": "filtering",
    "fit_similarity": "similarity",
    "reliable": "filtering",
    "crossings": "filtering",
    "crossing_share": "filtering",
    "set_confidence": "confidence",
    "draw": "drawing",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(list(globals()) + __all__)
