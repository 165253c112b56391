"""Deformable style transfer: warp a photograph towards a painting's shapes and paint it in its strokes.

    import dst

    result = dst.stylize("me.jpg", "painting.jpg", size=256, seed=0)
    result.save("out/")

The method is Kim, Kolkin, Salavon & Shakhnarovich, "Deformable Style Transfer", ECCV 2020. Names are loaded when first
asked for, so that importing the package costs milliseconds and pulls in no other library; `__init__.pyi` beside this file says
where each lives.
"""

from __future__ import annotations

import lazy_loader

from dst._version import __version__ as __version__

_load, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
_OLD = {"write_film": "write_animation", "plots": "figures"}
"""Names of version 0.1 that its README showed, still understood and no longer listed."""


def __getattr__(name: str):
    if name not in __all__ and name not in _OLD:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(_OLD.get(name, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
