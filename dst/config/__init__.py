"""Every option of the toolkit: its default, one sentence and its range live here and nowhere else.

One frozen dataclass per stage, one for animations, one for features and two for sheets, a file for each kind. The command line reads its
flags, and `stylize` its keywords, from their fields. Importing this package costs nothing: it needs the standard library and `correspondence.common` alone.
"""

from dst.config.animation import ANIMATIONS, AnimationConfig
from dst.config.base import (
    MIN_IMAGE_SIDE,
    Checked,
    InputError,
    check_choice,
    check_number,
    counted,
    flag_of,
    option,
    plain,
    suggest,
)
from dst.config.exaggeration import PARTS, STRIP, ExaggerateConfig
from dst.config.features import FeaturesConfig
from dst.config.grid import STRENGTHS, VARIED, GridConfig, VariantsConfig
from dst.config.guidance import INITS, GuidanceConfig
from dst.config.laboratory import (
    EXPERIMENTS,
    LAB_INITS,
    MOST_PICTURES,
    STATISTICS,
    InvertConfig,
    LabConfig,
    NetworkConfig,
    TextureConfig,
)
from dst.config.matching import MOST_FACES, MatchConfig
from dst.config.methods import LEVELS, LOOKS, METHODS, NETWORK, PADDINGS, PAINTERS, POOLINGS, Method
from dst.config.one_image import TASKS, OneImageConfig
from dst.config.optim import OptimizeConfig
from dst.config.quilting import LIKENESSES, QuiltConfig
from dst.config.recolor import RECOLORINGS, SPACES, RecolorConfig
from dst.config.samples import SAMPLES
from dst.config.singan import (
    FROM_MODEL,
    MASKED,
    NOT_SINGAN,
    PURPOSES,
    QUICK,
    SINGAN_TASKS,
    SinganConfig,
    SinganTaskConfig,
)
from dst.config.stylize import (
    ALIASES,
    ENCODERS,
    PRECISIONS,
    PRESET_NAMES,
    PRESETS,
    RUN_KINDS,
    WARP_OPTIONS,
    StylizeConfig,
    named_options,
    option_fields,
    option_files,
    option_kinds,
    option_name,
    option_names,
    read_settings,
    split_options,
    without_idle,
)
from dst.config.training import FEEDFORWARD, NORMALISATIONS, QUICK_TRAINING, UPSAMPLINGS, ApplyConfig, TrainConfig
from dst.config.warp import WarpConfig
from dst.config.web import WebConfig

__all__ = [
    "ALIASES",
    "ANIMATIONS",
    "ENCODERS",
    "EXPERIMENTS",
    "FEEDFORWARD",
    "FROM_MODEL",
    "INITS",
    "LAB_INITS",
    "LEVELS",
    "LIKENESSES",
    "LOOKS",
    "MASKED",
    "METHODS",
    "MIN_IMAGE_SIDE",
    "MOST_FACES",
    "MOST_PICTURES",
    "NETWORK",
    "NORMALISATIONS",
    "NOT_SINGAN",
    "PADDINGS",
    "PAINTERS",
    "PARTS",
    "POOLINGS",
    "PRECISIONS",
    "PRESETS",
    "PRESET_NAMES",
    "PURPOSES",
    "QUICK",
    "QUICK_TRAINING",
    "RECOLORINGS",
    "RUN_KINDS",
    "SAMPLES",
    "SINGAN_TASKS",
    "SPACES",
    "STATISTICS",
    "STRENGTHS",
    "STRIP",
    "TASKS",
    "UPSAMPLINGS",
    "VARIED",
    "WARP_OPTIONS",
    "AnimationConfig",
    "ApplyConfig",
    "Checked",
    "ExaggerateConfig",
    "FeaturesConfig",
    "GridConfig",
    "GuidanceConfig",
    "InputError",
    "InvertConfig",
    "LabConfig",
    "MatchConfig",
    "Method",
    "NetworkConfig",
    "OneImageConfig",
    "OptimizeConfig",
    "QuiltConfig",
    "RecolorConfig",
    "SinganConfig",
    "SinganTaskConfig",
    "StylizeConfig",
    "TextureConfig",
    "TrainConfig",
    "VariantsConfig",
    "WarpConfig",
    "WebConfig",
    "check_choice",
    "check_number",
    "counted",
    "flag_of",
    "named_options",
    "option",
    "option_fields",
    "option_files",
    "option_kinds",
    "option_name",
    "option_names",
    "plain",
    "read_settings",
    "split_options",
    "suggest",
    "without_idle",
]
