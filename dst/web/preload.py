"""What the process that workers are forked from loads once, so that a new worker is there at once. It computes nothing."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads of several workers must not burn the cores
try:
    from dst.deform import instant, pipeline  # noqa: F401
    from dst.web import tasks  # noqa: F401
except ImportError:  # said by the workers, who need it
    pass
