"""A run's folder while the run goes on: checkpoints now and then, at the end the whole result."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dst.config import InputError
from dst.files import folder_beside, unwritten
from dst.optim.state import State, Step
from dst.runs.checkpoint import write
from dst.runs.folder import move_in
from dst.runs.frames import KeptFrames
from dst.runs.job import Job
from dst.runs.result import Result

log = logging.getLogger(__name__)


class NotKept(OSError):
    """A run has come to its end, but its folder could not be written.

    Attributes:
        result: the Result, which is in no folder now.
    """

    def __init__(self, folder: Any, why: Exception, result: Result) -> None:
        code = getattr(why, "errno", None) or errno.EIO
        super().__init__(code, f"the run could not be kept ({_reason(why)})", str(folder))
        self.result = result


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


class Keeper:
    """Keeps a run's folder up to date: the first checkpoint, one every so often, and in the end the whole run."""

    def __init__(
        self,
        folder: Any,
        every: float,
        job: Job,
        encoder: Any,
        seconds: dict[str, float],
        frames: KeptFrames | None = None,
    ) -> None:
        """`every` is in seconds; 0 means after each step. `frames` holds the steps that an earlier process made."""
        self.name, self.folder = folder, Path(os.path.realpath(folder))
        self.every, self.job, self.encoder, self.seconds = every, job, encoder, seconds
        self.frames = frames or KeptFrames()
        self.last, self.failed = time.monotonic(), False

    def write(self, state: State) -> None:
        """Write a checkpoint now; where the folder is gone, it is made, whole, with it.

        Raises:
            InputError: it cannot be written there.
            OSError: the disk is full or fails; it names the folder.
        """
        try:
            if self.folder.is_dir():
                write(self.folder, self.job, state, self.encoder, self.seconds, self.frames)
            else:
                with folder_beside(self.folder) as fresh:
                    write(fresh, self.job, state, self.encoder, self.seconds, self.frames)
                    os.rename(fresh, self.folder)
        except OSError as error:
            raise unwritten(self.name, error) from error
        self.last = time.monotonic()

    def watch(self, on_step: Callable[[Step], object] | None) -> Callable[[Step], object]:
        """An `on_step` that calls another one and writes a checkpoint when it is time.

        One that cannot be written does not end the run, whose steps would be lost: the next one may be.
        """

        def watched(step: Step) -> object:
            stop = on_step is not None and on_step(step)
            self.frames(step)
            if time.monotonic() - self.last >= self.every:
                try:
                    self.write(step.state)
                except (InputError, OSError) as error:
                    self._put_off(error)
            return stop

        return watched

    def _put_off(self, error: Exception) -> None:
        self.last = time.monotonic()
        if not self.failed:
            log.warning("no checkpoint in %s (%s): the run goes on, and tries again later", self.name, _reason(error))
        self.failed = True

    def publish(self, result: Result, state: State) -> None:
        """Put the finished run's files into the folder, `run.json` last; at every moment the folder can be resumed.

        Raises:
            NotKept: the folder cannot be written.
        """
        try:
            self._publish(result, state)
        except (InputError, OSError) as error:
            raise NotKept(self.name, error, result) from error

    def _publish(self, result: Result, state: State) -> None:
        with folder_beside(self.folder) as fresh:
            result.write_files(fresh)
            write(fresh, self.job, state, self.encoder, self.seconds, self.frames)
            self.folder.mkdir(exist_ok=True)
            move_in(fresh, self.folder)
