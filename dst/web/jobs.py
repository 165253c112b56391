"""The queue: jobs in the order that they came, as many at once as there are workers, each seen by whoever listens."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from dst.config.web import WebConfig
from dst.web.pool import Pool, TaskFailed, Worker
from dst.web.sessions import UNFINISHED, Job, Session

log = logging.getLogger(__name__)
MOST_WAITING = 200
"""Jobs of all visitors that may wait."""
SHORT = (("match", None), ("exaggerate", "photo"))
"""Kinds of jobs, and their tasks, that take seconds: they go by the workers for small tasks, past the long ones."""
GRACE = 60.0
"""Seconds that a job whose time is up gets to finish with the best so far."""


def is_short(job: Job) -> bool:
    """Whether a job takes seconds, as what a trained network paints does too."""
    return (job.kind, job.task) in SHORT or (job.kind == "stylize" and job.options.get("model") is not None)


class Entry:
    """A job in the queue, or running: what it is given, where it runs, who waits for news of it."""

    def __init__(self, session: Session, job: Job, payload: dict[str, Any], address: str) -> None:
        self.session, self.job, self.payload, self.address = session, job, payload, address
        self.worker: Worker | None = None
        self.task: asyncio.Task | None = None
        self.stopping = self.cancelled = False


class Desk:
    """Takes jobs, hands them to workers, tells how they go."""

    def __init__(self, config: WebConfig, work: Pool, quick: Pool) -> None:
        self.config, self.work, self.quick = config, work, quick
        self.entries: dict[str, Entry] = {}
        self.waiting: dict[bool, list[Entry]] = {True: [], False: []}
        self.running: dict[bool, int] = {True: 0, False: 0}
        self.changed: dict[str, asyncio.Event] = {}
        self.closing = False

    def active(self, session: Session | None = None, address: str | None = None) -> int:
        """Jobs that wait or run: of a session, of an address, or all."""
        return sum(
            (session is None or e.session is session) and (address is None or e.address == address)
            for e in self.entries.values()
        )

    def submit(self, session: Session, job: Job, payload: dict[str, Any], address: str) -> int:
        """Put a job in the queue and return its place in it, from 1; 0 where it begins at once."""
        entry = self.entries[job.id] = Entry(session, job, payload, address)
        session.jobs[job.id] = job
        session.keep(job)
        self.waiting[is_short(job)].append(entry)
        self._go_on()
        return self.place(job) or 0

    def place(self, job: Job) -> int | None:
        """The place of a waiting job, from 1; None for another."""
        line = self.waiting[is_short(job)]
        return next((k + 1 for k, entry in enumerate(line) if entry.job is job), None)

    def stop(self, job: Job) -> None:
        """End a running job with the best so far; a waiting one is cancelled."""
        entry = self.entries.get(job.id)
        if entry is not None and entry.worker is not None:
            entry.stopping = True
            entry.worker.send({"stop": True})
        elif entry is not None:
            self.cancel(job)

    def cancel(self, job: Job) -> None:
        """End a job at once; its worker is free for the next."""
        entry = self.entries.get(job.id)
        if entry is None:
            return
        entry.cancelled = True
        line = self.waiting[is_short(job)]
        if entry in line:
            line.remove(entry)
            self._end(entry, "cancelled")
            self._news_of_places()
        elif entry.worker is not None:
            entry.worker.kill()

    def _go_on(self) -> None:
        """Begin as many waiting jobs as there is room for."""
        for short, room in ((False, self.work.count), (True, 1)):
            while self.waiting[short] and self.running[short] < room and not self.closing:
                entry = self.waiting[short].pop(0)
                self.running[short] += 1
                entry.job.state, entry.job.began = "running", time.time()
                entry.task = asyncio.create_task(self._run(entry, short))
                self.news(entry.job)
        self._news_of_places()

    async def _run(self, entry: Entry, short: bool) -> None:
        job, state = entry.job, "failed"
        timer = asyncio.get_running_loop().call_later(self.config.job_time, self._time_is_up, entry)
        try:
            done = await (self.quick if short else self.work).run(
                job.kind,
                entry.payload,
                on_told=lambda told: self._told(entry, told),
                on_worker=lambda worker: self._began(entry, worker),
                seconds=self.config.job_time + GRACE,
            )
            note = done.pop("note", None)
            stopped = done.pop("stopped", "")
            job.result, job.note = done, "; ".join(filter(None, [job.note, note, stopped])) or None
            state = "stopped" if entry.stopping else "done"
            job.share = 1.0
            job.done = job.done if entry.stopping else job.total
        except TaskFailed as failed:
            state = "cancelled" if entry.cancelled else "failed"
            if self.closing:
                job.error = {"error": UNFINISHED}
            elif not entry.cancelled:
                job.error = {"error": str(failed), "field": None, "bad": failed.bad}
        except Exception as error:
            log.exception("a job could not be done")
            job.error = {"error": f"{type(error).__name__} (a fault of the toolkit)", "field": None}
        finally:
            timer.cancel()
            self.running[short] -= 1
            entry.worker = None
            self._end(entry, state)
            self._go_on()

    def _began(self, entry: Entry, worker: Worker) -> None:
        entry.worker = worker
        if entry.cancelled:  # between leaving the queue and reaching a worker
            worker.kill()

    def _time_is_up(self, entry: Entry) -> None:
        if not entry.stopping and entry.worker is not None:
            entry.job.note = f"stopped after {self.config.job_time} s, the most that a job may take here"
            entry.stopping = True
            entry.worker.send({"stop": True})

    def _told(self, entry: Entry, told: dict[str, Any]) -> None:
        for name in ("stage", "done", "total", "share", "seconds_left", "preview", "note", "cells"):
            if name in told:
                setattr(entry.job, name, told[name])
        self.news(entry.job)

    def _end(self, entry: Entry, state: str) -> None:
        from dst.web.catalogue import field_of

        job = entry.job
        job.state, job.ended, job.used, job.seconds_left, job.stage = state, time.time(), time.time(), None, None
        if job.error is not None:
            job.error = {"error": job.error["error"], "field": field_of(job.error["error"])}
        self.entries.pop(job.id, None)
        try:
            if job.id in entry.session.jobs:
                entry.session.keep(job)
        except OSError as error:
            log.warning("a job could not be kept: %s", error)
        self.news(job)

    def _news_of_places(self) -> None:
        for line in self.waiting.values():
            for entry in line:
                self.news(entry.job)

    def news(self, job: Job) -> None:
        """Wake whoever listens to a job."""
        event = self.changed.pop(job.id, None)
        if event is not None:
            event.set()

    async def next_news(self, job: Job, seconds: float) -> bool:
        """Wait until something of a job changes; False where nothing did for so many seconds."""
        event = self.changed.setdefault(job.id, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Take no more jobs, and let go of whoever listens."""
        self.closing = True
        for pool in (self.work, self.quick):
            pool.shut()
        for event in list(self.changed.values()):
            event.set()
        self.changed.clear()
