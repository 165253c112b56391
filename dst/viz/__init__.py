"""Figures and animations of a run; they read a Result and change nothing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["animation", "figures", "sheets"])

RUN_FIGURES = ("losses", "arrows", "grid", "contact")
"""What a run's folder holds beside its images: functions of `figures`."""
