"""Features: an encoder whose layers are asked for by name, its weights, and the places that are looked at."""

from dst.features.encoder import LEVELS, Trunk, load_trunk
from dst.features.sampling import Places, draw_positions, sample

__all__ = ["LEVELS", "Places", "Trunk", "draw_positions", "load_trunk", "sample"]
