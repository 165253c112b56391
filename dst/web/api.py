"""The API's jobs: started, watched, stopped, their files; and what the page is told at its start."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from dst._version import __version__
from dst.web import catalogue
from dst.web.asking import (
    KEPT,
    NO_STORE,
    described,
    find,
    json_of,
    mime_of,
    session_of,
)
from dst.web.guards import Refused, client_of, is_near
from dst.web.jobs import MOST_WAITING
from dst.web.orders import PLACES, order
from dst.web.sessions import Job, Session

HEARTBEAT = 15.0
"""Seconds after which a stream that has nothing to tell says that it is alive."""
MOST_STREAMS, MOST_OF_ADDRESS = 12, 48
"""Streams of events that one session, and one address of another machine, may listen to at once."""
PER_ADDRESS = 4
"""Times the jobs of one session that an address of another machine may have."""
FILES = {
    **{
        f"{name}.png": f"run/{name}.png"
        for name in ("image", "content", "style", "warped_content", "unwarped", "matches")
    },
    "run.zip": "run.zip",
    "points.csv": "run/points.csv",
    "settings.toml": "run/settings.toml",
    "run.json": "run/run.json",
    "thumb.jpg": "thumb.jpg",
    "morph.mp4": "morph.mp4",
    "morph.gif": "morph.gif",
    "table.csv": "table.csv",
    **{f"mask-{name}.png": f"mask-{name}.png" for name in PLACES},
}
"""Files of a job that may be asked for, and where they are."""
MADE = {
    "stylize": {"run.zip": "packed", "morph.mp4": "morph", "morph.gif": "morph"},
    "exaggerate": {"morph.mp4": "film", "morph.gif": "film"},
}
"""Files of each kind of job that are made when they are first asked for, and the tasks that make them."""


class Api:
    """Endpoints of jobs, and of the server as a whole."""

    def __init__(self, config: Any, desk: Any, menu: dict[str, Any]) -> None:
        """`menu`: the painters by id."""
        self.config, self.desk, self.menu = config, desk, menu
        self.making: dict[str, asyncio.Lock] = {}
        self.streams: Counter[str] = Counter()

    async def submit(self, request: Request) -> Response:
        """POST /api/jobs."""
        session, body = session_of(request), await json_of(request)
        address = client_of(request.scope)
        self._check_load(session, address)
        job, payload = order(session, body, self.config.max_size)
        place = self.desk.submit(session, job, payload, address)
        return JSONResponse({"id": job.id, "place": place}, 202, NO_STORE)

    def _check_load(self, session: Session, address: str) -> None:
        if self.desk.closing:
            raise Refused(503, "the server is stopping: try again later")
        if self.desk.active(session) >= self.config.jobs:
            raise Refused(429, f"{self.config.jobs} of your jobs wait or run already: wait for one, or cancel one")
        if not is_near(address) and self.desk.active(address=address) >= PER_ADDRESS * self.config.jobs:
            raise Refused(429, "too many jobs from your network wait or run already: wait for one")
        if self.desk.active() >= MOST_WAITING:
            raise Refused(503, "the queue is full: try again later")

    async def history(self, request: Request) -> Response:
        """GET /api/jobs: this session's, newest first."""
        session = session_of(request)
        rows = sorted(session.jobs.values(), key=lambda job: -job.created)
        return JSONResponse([self._seen(session, job) for job in rows], headers=NO_STORE)

    async def job(self, request: Request) -> Response:
        """GET /api/jobs/{id}."""
        session = session_of(request)
        job = find(session.jobs, request.path_params["id"])
        job.used = time.time()
        return JSONResponse(self._seen(session, job), headers=NO_STORE)

    def _seen(self, session: Session, job: Job) -> dict[str, Any]:
        """A job as the page takes it."""
        home = f"api/jobs/{job.id}/files"
        names = (
            "id",
            "kind",
            "state",
            "stage",
            "done",
            "total",
            "share",
            "seconds_left",
            "created",
            "options",
            "points",
            "task",
        )
        shown = {name: getattr(job, name) for name in (*names, "note", "error")}
        pictures = [
            described(session.pictures[name]) if name in session.pictures else None
            for name in (job.content, *job.styles)
        ]
        shown |= {"content": pictures[0], "styles": pictures[1:] if all(pictures) else []}
        shown |= {"place": self.desk.place(job), "result": None, "preview": None}
        shown["thumb"] = f"{home}/thumb.jpg" if job.result and job.kind != "match" else None
        if job.preview:
            shown["preview"] = f"{home}/preview-{job.preview}.jpg"
        shown["masks"] = {name: f"{home}/mask-{name}.png" for name in job.masks}
        if job.cells and job.result is None:
            shown["cells"] = _cells(job.cells, home)
        if job.result is not None:
            shown["result"] = found = {"verdict": None, "matches": [], **job.result}
            if job.kind == "stylize":
                found |= {
                    k: f"{home}/{v}.png"
                    for k, v in {
                        "image": "image",
                        "content": "content",
                        "warped": "warped_content",
                        "unwarped": "unwarped",
                    }.items()
                }
            elif "image" in found:
                found["image"] = f"{home}/{found['image']}"
            if "cells" in found:
                found["cells"] = _cells(found["cells"], home)
        return shown

    async def events(self, request: Request) -> Response:
        """GET /api/jobs/{id}/events: what GET /api/jobs/{id} says, at once and at every change."""
        session = session_of(request)
        job = find(session.jobs, request.path_params["id"])
        address = client_of(request.scope)
        if session.streams >= MOST_STREAMS or (not is_near(address) and self.streams[address] >= MOST_OF_ADDRESS):
            raise Refused(429, "too many streams are open already: close one", None, ((b"connection", b"close"),))

        async def stream():
            session.streams += 1
            self.streams[address] += 1
            try:
                while True:
                    job.used = time.time()
                    yield f"data: {json.dumps(self._seen(session, job))}\n\n"
                    if job.final or self.desk.closing or job.id not in session.jobs:
                        return
                    while not await self.desk.next_news(job, HEARTBEAT):
                        yield ": alive\n\n"
            finally:
                session.streams -= 1
                self.streams[address] -= 1
                if not self.streams[address]:
                    del self.streams[address]

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)

    async def stop(self, request: Request) -> Response:
        """POST /api/jobs/{id}/stop: end with the best so far."""
        session = session_of(request)
        job = find(session.jobs, request.path_params["id"])
        if job.final:
            raise Refused(409, f"the job is {job.state} already")
        self.desk.stop(job)
        return JSONResponse(self._seen(session, job), 202, NO_STORE)

    async def cancel(self, request: Request) -> Response:
        """DELETE /api/jobs/{id}: end at once; one that is over is deleted."""
        session = session_of(request)
        job = find(session.jobs, request.path_params["id"])
        if job.final:
            session.drop(job)
        else:
            self.desk.cancel(job)
        return Response(status_code=204)

    async def file(self, request: Request) -> Response:
        """GET /api/jobs/{id}/files/{name}."""
        session, name = session_of(request), request.path_params["name"]
        job = find(session.jobs, request.path_params["id"])
        job.used = time.time()
        folder = session.home(job)
        place = FILES.get(name)
        if place is None and not re.fullmatch(r"(preview-\d{1,9}|cell-\d{1,3})\.jpg", name):
            raise Refused(404, "there is no such file")
        path = folder / (place or name)
        task = MADE.get(job.kind, {}).get(name)
        if task is not None and job.result is not None:
            async with self.making.setdefault(str(path), asyncio.Lock()):
                if not path.is_file():
                    await self.desk.quick.run(task, {"folder": str(folder), "file": name}, seconds=180)
            self.making.pop(str(path), None)
        if not path.is_file():
            raise Refused(404, "there is no such file")
        own = name.startswith(("preview", "cell", "thumb"))
        return FileResponse(
            path,
            media_type=mime_of(path),
            headers=KEPT if own else NO_STORE,
            filename=None if own else _called(session, job, name),
        )

    async def about(self, request: Request) -> Response:
        """GET /api/config."""
        return JSONResponse(catalogue.page(self.config, self.menu), headers=NO_STORE)

    async def health(self, request: Request) -> Response:
        """GET /health."""
        running = sum(self.desk.running.values())
        waiting = sum(map(len, self.desk.waiting.values()))
        work = self.desk.work
        found = {"status": "ok", "version": __version__, "workers": work.count, "ready": work.ready}
        return JSONResponse({**found, "queued": waiting, "running": running}, headers=NO_STORE)


def _cells(cells: list[dict[str, Any]], home: str) -> list[dict[str, Any]]:
    """Variants as the page takes them; one whose picture is not made yet has none."""
    return [
        {"options": c["options"], "label": c["label"], "image": f"{home}/{c['file']}" if c["file"] else None}
        for c in cells
    ]


def _called(session: Session, job: Job, name: str) -> str:
    """What a file is saved as: with the photograph's name before it."""
    content = session.pictures.get(job.content or "")
    stem = os.path.splitext(content.name)[0] if content else "dst"
    return f"{stem}-{name}" if name not in ("points.csv", "settings.toml") else name
