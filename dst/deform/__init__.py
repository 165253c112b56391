"""Deformable style transfer: matches, a warp and a method joined into one run (Kim et al., ECCV 2020)."""

from dst.deform.pipeline import stylize
from dst.deform.resuming import load_run, resume
from dst.deform.stages import match, warp_image

__all__ = ["load_run", "match", "resume", "stylize", "warp_image"]
