"""Features: an encoder whose layers are asked for by name, its weights, and the positions that are sampled."""

from dst.features.encoder import LEVELS, Encoder, cached_encoder, load_encoder
from dst.features.sampling import Places, draw_positions, sample

__all__ = ["LEVELS", "Encoder", "Places", "cached_encoder", "draw_positions", "load_encoder", "sample"]
