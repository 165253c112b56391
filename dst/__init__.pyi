# The public names and where they live, for editors and type checkers; the package loads them from here when first asked for.
# The order is that of docs/api.md.
# ruff: noqa: I001

from ._version import __version__ as __version__
from .deform.pipeline import stylize as stylize
from .deform.instant import instantly as instantly
from .deform.resuming import resume as resume
from .deform.stages import match as match
from .deform.stages import warp_image as warp_image
from .deform.exaggeration import exaggerate as exaggerate
from .imaging.recolor import recolor as recolor
from .batch.laboratory import laboratory as laboratory
from .batch.laboratory import Sheet as Sheet
from .batch.inversion import invert as invert
from .batch.textures import texture as texture
from .patches.quilting import quilt as quilt
from .batch.one_image import one_image as one_image
from .batch.singan import train_singan as train_singan
from .batch.singan import load_singan as load_singan
from .batch.singan import singan as singan
from .deform.resuming import load_run as load_run
from .viz.animation import run_frames as run_frames
from .imaging.samples import demo_pair as demo_pair
from .imaging.samples import sample_styles as sample_styles
from .batch.variants import variants as variants
from .batch.grid import grid as grid
from .batch.local import run_batch as run_batch
from .runs.frames import Recorder as Recorder
from .viz.animation import morph as morph
from .viz.animation import write_animation as write_animation
from .evaluate.table import evaluate_runs as evaluate_runs
from .evaluate.table import metrics_table as metrics_table
from .features import feature_maps as feature_maps
from .features import FeatureMaps as FeatureMaps
from .viz import figures as figures
from .runs.result import Result as Result
from .optim.state import Step as Step
from .runs.result import Matches as Matches
from .warp import Warp as Warp
from .methods.targets import StyleCache as StyleCache
from .features import load_encoder as load_encoder
from .imaging import read_image as read_image
from .imaging import write_image as write_image
from .config import StylizeConfig as StylizeConfig
from .config import PRESETS as PRESETS
from .config import InputError as InputError
