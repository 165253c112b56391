"""Worker processes as the server sees them: given tasks, listened to, killed and replaced."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing import resource_tracker
from typing import Any

from dst.web import worker

NAME = "dst-web-worker"
STARTING = threading.Lock()
"""Held while a process starts."""
QUICK_SECONDS = 60.0
"""What a small task may take before its worker is replaced."""


class TaskFailed(Exception):
    """A task did not come to its end. The message is for people.

    Attributes:
        bad: whether what was given is to blame, and not the server.
    """

    def __init__(self, message: str, bad: bool = False) -> None:
        super().__init__(message)
        self.bad = bad


def _contexts() -> list[Any]:
    """How processes are made: forked from one that has loaded all that they need, where the system can; else anew, as also where
    that cannot be reached (its socket lies in the folder of temporary files, whose name may be too long for one).
    """
    found = [multiprocessing.get_context("spawn")]
    if "forkserver" in multiprocessing.get_all_start_methods():
        found.insert(0, multiprocessing.get_context("forkserver"))
        found[0].set_forkserver_preload(["dst.web.preload"])
    return found


class Worker:
    """One process, and a thread that starts it and listens to it."""

    def __init__(self, settings: dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        ours, theirs = multiprocessing.Pipe()
        self.loop, self.connection, self.ready, self.alive = loop, ours, False, True
        self.answer: asyncio.Future | None = None
        self.on_told: Callable[[dict], None] | None = None
        self.started = threading.Event()
        self.process: Any = None
        threading.Thread(target=self._begin, args=(theirs, settings), name="dst-web-listener", daemon=True).start()

    def _begin(self, theirs: Any, settings: dict[str, Any]) -> None:
        """Start the process, which the first time takes as long as loading everything, and listen to it."""
        try:
            with STARTING, _uninterrupted():
                for context in _contexts() if self.alive else ():
                    made = context.Process(target=worker.main, args=(theirs, settings), name=NAME, daemon=True)
                    with contextlib.suppress(OSError, EOFError):
                        made.start()
                        self.process = made
                        break
        finally:
            theirs.close()
            self.started.set()
        if not self.alive:  # killed meanwhile
            self.kill()
        self._listen()

    def _listen(self) -> None:
        while True:
            try:
                message = json.loads(self.connection.recv_bytes())
            except (EOFError, OSError, ValueError):
                message = None
            try:
                self.loop.call_soon_threadsafe(self._take, message)
            except RuntimeError:  # the loop is closed: the server has ended
                return
            if message is None:
                return

    def _take(self, message: dict[str, Any] | None) -> None:
        waiting = self.answer is not None and not self.answer.done()
        if message is None:
            self.alive = False
            if waiting:
                self.answer.set_exception(TaskFailed("the worker process ended unexpectedly: start the job again"))
        elif "ready" in message:
            self.ready = True
        elif "told" in message:
            if waiting and self.on_told is not None:
                self.on_told(message["told"])
        elif waiting and "done" in message:
            self.answer.set_result(message["done"])
        elif waiting:
            failed = message["failed"]
            self.answer.set_exception(TaskFailed(failed["error"], failed["bad"]))

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; a worker that has gone is noticed by its listener."""
        with contextlib.suppress(OSError, ValueError):
            self.connection.send_bytes(json.dumps(message).encode())

    def kill(self) -> None:
        """End the process at once."""
        self.alive = False
        with contextlib.suppress(OSError, ValueError):
            if self.process is not None:
                self.process.kill()

    def bury(self) -> None:
        """Wait for the end of the process, so that nothing is left of it."""
        if (
            self.started.wait(0.2) and self.process is not None
        ):  # else it is about to begin, and ends as it finds nobody
            self.process.join(5)
        with contextlib.suppress(OSError):
            self.connection.close()


@contextlib.contextmanager
def _uninterrupted():
    """Start a process that Ctrl-C in the terminal does not reach: the server tells it when to end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starts with the first process, and lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Pool:
    """Some workers of one kind."""

    def __init__(self, count: int, settings: dict[str, Any]) -> None:
        """`count` workers with the `settings` of `dst.web.worker.main`."""
        self.count, self.settings = count, settings
        self.workers: list[Worker] = []
        self.free: asyncio.Queue[Worker | None] = asyncio.Queue()
        self.wanting, self.closed = 0, False

    def start(self) -> None:
        """Start the processes; they are ready some seconds later, and take tasks at once."""
        for _ in range(self.count):
            self._add()

    def _add(self) -> None:
        if not self.closed:
            fresh = Worker(self.settings, asyncio.get_running_loop())
            self.workers.append(fresh)
            self.free.put_nowait(fresh)

    @property
    def ready(self) -> int:
        """Workers that have loaded what they need."""
        return sum(w.ready and w.alive for w in self.workers)

    async def run(
        self,
        task: str,
        payload: dict[str, Any],
        on_told: Callable[[dict], None] | None = None,
        on_worker: Callable[[Worker], None] | None = None,
        seconds: float | None = QUICK_SECONDS,
    ) -> dict[str, Any]:
        """Do a task in a worker, once one is free.

        Args:
            task: its name in `dst.web.tasks.TASKS`.
            payload: what it takes; plain values that JSON holds.
            on_told: is given each report.
            on_worker: is given the worker that does it, which `kill` ends at once and `send({"stop": True})` asks to end.
            seconds: after which the worker is replaced; None for no end.

        Raises:
            TaskFailed: what was given cannot be used, the worker has gone, or time is up.
        """
        mine = await self._next()
        try:
            mine.answer, mine.on_told = asyncio.get_running_loop().create_future(), on_told
            if on_worker is not None:
                on_worker(mine)
            mine.send({"task": task, "payload": payload})
            async with asyncio.timeout(seconds):
                return await mine.answer
        except TimeoutError:
            mine.kill()
            raise TaskFailed(f"it took longer than {seconds:g} s and was ended: give a smaller picture", True) from None
        except asyncio.CancelledError:
            mine.kill()
            raise
        finally:
            mine.answer = mine.on_told = None
            if mine.alive:
                self.free.put_nowait(mine)
            else:
                self._replace(mine)

    async def _next(self) -> Worker:
        """A worker that is free."""
        while not self.closed:
            self.wanting += 1
            try:
                mine = await self.free.get()
            finally:
                self.wanting -= 1
            if mine is not None and mine.alive:
                return mine
            if mine is not None:  # died while it had nothing to do
                self._replace(mine)
        raise TaskFailed("the server is stopping: try again later")

    def _replace(self, gone: Worker) -> None:
        gone.kill()
        self.workers.remove(gone)
        threading.Thread(target=gone.bury, daemon=True).start()
        self._add()

    def shut(self) -> None:
        """Kill all processes, and start no other."""
        self.closed = True
        for mine in self.workers:
            mine.kill()
        for _ in range(self.wanting):
            self.free.put_nowait(None)

    def close(self) -> None:
        """End all processes, and wait until they are gone."""
        self.shut()
        for mine in self.workers:
            mine.bury()
        self.workers.clear()
