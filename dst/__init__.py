"""Deformable style transfer: warp a photograph towards a painting's shapes and paint it in its strokes.

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
    "stylize": ("dst.deform.pipeline", "stylize"),
    "resume": ("dst.deform.pipeline", "resume"),
    "match": ("dst.deform.pipeline", "match"),
    "warp_image": ("dst.deform.pipeline", "warp_image"),
    "load_run": ("dst.deform.pipeline", "load_run"),
    "run_frames": ("dst.viz.animation", "run_frames"),
    "demo_pair": ("dst.imaging.samples", "demo_pair"),
    "sample_styles": ("dst.imaging.samples", "sample_styles"),
    "grid": ("dst.batch.grid", "grid"),
    "run_batch": ("dst.batch.local", "run_batch"),
    "Recorder": ("dst.runs.frames", "Recorder"),
    "morph": ("dst.viz.animation", "morph"),
    "write_animation": ("dst.viz.animation", "write_animation"),
    "evaluate_runs": ("dst.evaluate.table", "evaluate_runs"),
    "metrics_table": ("dst.evaluate.table", "metrics_table"),
    "figures": ("dst.viz.figures", None),
    "Result": ("dst.runs.result", "Result"),
    "Step": ("dst.optim.state", "Step"),
    "Matches": ("correspondence.matches", "Matches"),
    "Warp": ("dst.warp", "Warp"),
    "StyleCache": ("dst.methods.targets", "StyleCache"),
    "load_encoder": ("dst.features", "load_encoder"),
    "read_image": ("dst.imaging", "read"),
    "write_image": ("dst.imaging", "write"),
    "StylizeConfig": ("dst.config", "StylizeConfig"),
    "PRESETS": ("dst.config", "PRESETS"),
    "InputError": ("dst.config", "InputError"),
}
"""Public names: the module that each lives in and its name there; None for the module itself."""

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name][0]
    module = importlib.import_module(home)
    # Importing a submodule binds its name here, so a function named like its module is bound again after that.
    for public, (place, own) in _HOMES.items():
        if place == home:
            globals()[public] = module if own is None else getattr(module, own)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
