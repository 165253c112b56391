"""Codecs kept silent: a user sees one line of ours about a file, not what libtiff prints besides."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import warnings

STDERR = 2
"""The file descriptor that libraries in C print to, whatever `sys.stderr` is."""


@contextlib.contextmanager
def quiet():
    """Keep the codecs' own remarks about odd files off the terminal; what matters is raised or warned by us.

    Until it ends, nothing that is written to file descriptor 2 appears, by whichever thread.
    """
    import cv2

    logger = logging.getLogger("tifffile")
    levels = logger.level, cv2.utils.logging.getLogLevel()
    logger.setLevel(logging.CRITICAL + 1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        with _nowhere, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(levels[0])
        cv2.utils.logging.setLogLevel(levels[1])


class _Nowhere:
    """File descriptor 2 led to nowhere, from the first thread that enters to the last that leaves."""

    def __init__(self) -> None:
        self._lock, self._inside, self._kept = threading.Lock(), 0, None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._kept = _lead_away()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._kept is not None:
                os.dup2(self._kept, STDERR)
                os.close(self._kept)
                self._kept = None


_nowhere = _Nowhere()


def _lead_away() -> int | None:
    """Lead file descriptor 2 to nowhere; returns a copy of what it was, None where it is closed and stays so."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.flush()  # what Python still holds back was said before
    try:
        kept = os.dup(STDERR)
    except OSError:
        return None
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        os.close(kept)
        return None
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    return kept
