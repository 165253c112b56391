"""Every option of the toolkit: its default, one sentence and its range live here and nowhere else.

One frozen dataclass per stage, each in a file of its own. The command line reads its flags, and `stylize` its keywords, from
their fields. Importing this package costs nothing: it needs the standard library alone.
"""

from dst.config.base import (
    MIN_IMAGE_SIDE,
    Checked,
    InputError,
    check_choice,
    check_number,
    counted,
    option,
    plain,
    suggest,
)
from dst.config.guidance import SteerConfig
from dst.config.matching import MatchConfig
from dst.config.optim import METHODS, OptimizeConfig, read_layers
from dst.config.stylize import ENCODERS, PRESET_NAMES, PRESETS, StylizeConfig
from dst.config.warp import WarpConfig

__all__ = [
    "ENCODERS",
    "METHODS",
    "MIN_IMAGE_SIDE",
    "PRESETS",
    "PRESET_NAMES",
    "Checked",
    "InputError",
    "MatchConfig",
    "OptimizeConfig",
    "SteerConfig",
    "StylizeConfig",
    "WarpConfig",
    "check_choice",
    "check_number",
    "counted",
    "option",
    "plain",
    "read_layers",
    "suggest",
]
