"""Log messages of both packages: on standard error while a command runs; who uses them as a library handles them as they like."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from dst.cli.streams import say

LEVELS = ("debug", "info", "warning", "error")
"""How much is told, from most to fewest."""
PACKAGES = ("dst", "correspondence")


@contextlib.contextmanager
def log_to_stderr(level: str, quiet: bool) -> Iterator[None]:
    """Say what is logged from `level` up; `quiet` leaves warnings and errors."""
    import logging  # here, so that --help need not wait for it

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            line = f"{record.levelname.lower()}: {' '.join(record.getMessage().split())}"
            bars = sys.modules.get("tqdm")
            if bars is None:
                say(line)
            else:  # above a bar, not through it
                bars.tqdm.write(f"dst: {line}", file=sys.stderr)

    handler = Lines()
    lowest = max(logging.getLevelName(level.upper()), logging.WARNING if quiet else logging.DEBUG)
    before = {logging.getLogger(name): logging.getLogger(name).level for name in PACKAGES}
    for logger in before:
        logger.addHandler(handler)
        logger.setLevel(lowest)
    try:
        yield
    finally:
        for logger, its_level in before.items():
            logger.removeHandler(handler)
            logger.setLevel(its_level)
