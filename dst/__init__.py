"""Deformable style transfer: bend a photograph towards a painting's shapes and paint it in its strokes.

    import dst

    result = dst.stylize("me.jpg", "painting.jpg", size=256, seed=0)
    result.save("out/")

The method is Kim, Kolkin, Salavon & Shakhnarovich, "Deformable Style Transfer", ECCV 2020. Names are loaded when first
asked for, so that importing the package costs milliseconds and pulls in no other library.
"""

from __future__ import annotations

import importlib

from dst._version import __version__

_HOMES = {
    "stylize": ("dst.pipeline", "stylize"),
    "match": ("dst.pipeline", "match"),
    "load_run": ("dst.pipeline", "load_run"),
    "Result": ("dst.result", "Result"),
    "Step": ("dst.result", "Step"),
    "Warp": ("dst.warp", "Warp"),
    "load_trunk": ("dst.trunk", "load_trunk"),
    "read_image": ("dst.images", "read"),
    "write_image": ("dst.images", "write"),
    "StylizeConfig": ("dst.config", "StylizeConfig"),
    "PRESETS": ("dst.config", "PRESETS"),
    "InputError": ("dst.config", "InputError"),
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
