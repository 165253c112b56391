"""Neural Best-Buddies: sparse matches between two images of different appearance, after Aberman et al. (SIGGRAPH 2018).

The package knows nothing of the stylisation: images come in as tensors, the network as a function `encode`.
Names are loaded when first asked for, so that importing the package does not import torch; `__init__.pyi` beside this file says
where each lives.
"""

from __future__ import annotations

import lazy_loader

__getattr__, _, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
