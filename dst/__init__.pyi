# The public names and where they live, for editors and type checkers; the package loads them from here when first asked for.
# The order is that of docs/api.md.
# ruff: noqa: I001

from ._version import __version__ as __version__
from .deform.pipeline import stylize as stylize
from .deform.resuming import resume as resume
from .deform.stages import match as match
from .deform.stages import warp_image as warp_image
from .deform.exaggeration import exaggerate as exaggerate
from .imaging.recolor import recolor as recolor
from .batch.laboratory import laboratory as laboratory
from .batch.laboratory import Sheet as Sheet
from .batch.inversion import invert as invert
from .batch.textures import texture as texture
from .batch.singan import train_singan as train_singan
from .batch.singan import load_singan as load_singan
from .batch.singan import singan as singan
