"""Features: an encoder whose layers are asked for by name, its weights, the positions that are sampled, and maps to look at."""

from dst.features.encoder import LEVELS, Encoder, cached_encoder, load_encoder
from dst.features.maps import FeatureMaps, feature_maps
from dst.features.sampling import Places, draw_positions, sample

__all__ = [
    "LEVELS",
    "Encoder",
    "FeatureMaps",
    "Places",
    "cached_encoder",
    "draw_positions",
    "feature_maps",
    "load_encoder",
    "sample",
]
