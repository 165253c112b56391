# The public names and where they live, for editors and type checkers; the package loads them from here when first asked for.
# The order is that of docs/api.md.
# ruff: noqa: I001

from .matches import Matches as Matches
from .common import MatchError as MatchError
from .matcher import match as match
from .filtering import align as align
from .similarity import fit_similarity as fit_similarity
from .filtering import reliable as reliable
from .filtering import crossings as crossings
from .filtering import crossing_share as crossing_share
from .confidence import set_confidence as set_confidence
from .drawing import draw as draw
