"""The HTTP API under the page: what each address answers."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import math
import os
import re
import secrets
import shutil
import time
import urllib.parse
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from dst._version import __version__
from dst.config import InputError, StylizeConfig, WarpConfig, check_number
from dst.config.web import INSTANT_SIDE, MOST_STYLES, WARP_SIDE
from dst.web import catalogue, links
from dst.web.guards import Refused, client_of
from dst.web.jobs import MOST_WAITING
from dst.web.pool import TaskFailed
from dst.web.sessions import ID, MOST_PICTURES, Job, Picture, Session, fresh_id

HEARTBEAT = 15.0
"""Seconds after which a stream that has nothing to tell says that it is alive."""
MOST_STREAMS = 12
"""Streams of events that one session may listen to at once."""
PER_ADDRESS = 4
"""Times the jobs of one session that an address of another machine may have."""
MOST_POINTS = 2000
LEAST_FREE = 500 * 10**6
"""Bytes of the disk that are left free."""
MASK = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")
NO_STORE = {"Cache-Control": "no-store"}
KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}
CLEAR_NAME = re.compile(r"[^\w .()-]+")


class Api:
    """The endpoints, and what they share: `app.state` of the application."""

    def __init__(self, config: Any, home: Path, sessions: Any, desk: Any, menu: dict[str, Any]) -> None:
        self.config, self.home, self.sessions, self.desk, self.menu = config, home, sessions, desk, menu
        self.shared = home / "shared"
        self.shared.mkdir(mode=0o700, exist_ok=True)
        self.scratch = home / "scratch"
        self.scratch.mkdir(mode=0o700, exist_ok=True)
        self.fetching = asyncio.Semaphore(4)
        self.making: dict[str, asyncio.Lock] = {}

    # pictures

    async def upload(self, request: Request) -> Response:
        """POST /api/images: a file's bytes."""
        session = _session(request)
        self._check_room(session)
        name = urllib.parse.unquote(request.headers.get("x-name", "picture"), errors="replace")
        picture, path = self._new_picture(session, name)
        try:
            with path.open("wb") as file:
                async for chunk in request.stream():
                    file.write(chunk)
            return JSONResponse(await self._taken(session, picture, path), 201, NO_STORE)
        except BaseException:
            session.drop(picture)
            raise

    async def link(self, request: Request) -> Response:
        """POST /api/images/link: a picture by its address."""
        session, body = _session(request), await _json(request)
        if not self.config.links:
            raise Refused(403, "pictures are not taken by their address here: save it and upload the file", "url")
        self._check_room(session)
        url = body.get("url")
        url = url.strip() if isinstance(url, str) else ""
        links.check_link(url)
        picture, path = self._new_picture(session, links.name_of(url))
        try:
            async with self.fetching:
                await asyncio.to_thread(links.fetch, url, path, self.config.max_upload * 10**6)
            return JSONResponse(await self._taken(session, picture, path), 201, NO_STORE)
        except BaseException:
            session.drop(picture)
            raise

    async def sample(self, request: Request) -> Response:
        """POST /api/images/sample: a painter or a sample photograph by its id."""
        session, body = _session(request), await _json(request)
        self._check_room(session)
        source, name = await self._shared_source(str(body.get("id")))
        picture, path = self._new_picture(session, name)
        try:
            path.write_bytes(await asyncio.to_thread(source.read_bytes))
            return JSONResponse(await self._taken(session, picture, path), 201, NO_STORE)
        except BaseException:
            session.drop(picture)
            raise

    async def _shared_source(self, name: str) -> tuple[Path, str]:
        """The file of a painter or a sample, and what it is called."""
        if name in self.menu:
            return self.menu[name].path, self.menu[name].name
        if name not in catalogue.PHOTOGRAPHS:
            raise Refused(404, f"there is no sample called {name[:40]!r}", "id")
        out = self.shared / f"{name}.png"
        async with self.making.setdefault(name, asyncio.Lock()):
            if not out.is_file():
                await self.desk.quick.run("sample", {"name": name, "out": str(out)})
        return out, catalogue.PHOTOGRAPHS[name]

    def _check_room(self, session: Session) -> None:
        if len(session.pictures) >= MOST_PICTURES:
            raise Refused(429, f"you have {MOST_PICTURES} pictures here: delete some, or wait until they are deleted")
        if shutil.disk_usage(self.home).free < LEAST_FREE:
            raise Refused(503, "the server's disk is nearly full: try again later")

    def _new_picture(self, session: Session, name: str) -> tuple[Picture, Path]:
        name = CLEAR_NAME.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip()[:80] or "picture"
        picture = Picture(fresh_id(), name, 0, 0, f"f{secrets.token_hex(10)}", used=time.time())
        return picture, session.home(picture) / picture.full

    async def _taken(self, session: Session, picture: Picture, path: Path) -> dict[str, Any]:
        """Have a new picture checked, keep it, and say what it is."""
        if path.stat().st_size == 0:
            raise InputError(f"{picture.name} is empty: give a JPEG, PNG, TIFF, WebP, BMP or GIF file")
        most = self.config.max_megapixels * 10**6
        payload = {"path": str(path), "folder": str(path.parent), "most": most, "names": {str(path): picture.name}}
        done = await self.desk.quick.run("take", payload)
        for name in ("width", "height", "full", "mime", "note"):
            setattr(picture, name, done[name])
        session.pictures[picture.id] = picture
        session.keep(picture)
        return _described(picture)

    async def picture(self, request: Request) -> Response:
        """GET /api/images/{id}?side=N."""
        session = _session(request)
        picture = _find(session.pictures, request.path_params["id"])
        folder = session.home(picture)
        path = await self._at_side(folder, picture.mime, _side(request))
        return FileResponse(path, media_type=picture.mime, headers=KEPT)

    async def drop_picture(self, request: Request) -> Response:
        """DELETE /api/images/{id}."""
        session = _session(request)
        picture = _find(session.pictures, request.path_params["id"])
        if any(not j.final and picture.id in (j.content, *j.styles) for j in session.jobs.values()):
            raise Refused(409, "a job needs this picture: cancel it first")
        session.drop(picture)
        return Response(status_code=204)

    async def painter(self, request: Request) -> Response:
        """GET /api/painters/{id}?side=N and /api/samples/{id}?side=N."""
        source, _ = await self._shared_source(request.path_params["id"])
        name = request.path_params["id"]
        folder = self.shared / name
        folder.mkdir(exist_ok=True, mode=0o700)
        async with self.making.setdefault(name, asyncio.Lock()):
            if not (folder / "side320").is_file():
                copy = folder / f"f{secrets.token_hex(10)}"
                copy.write_bytes(await asyncio.to_thread(source.read_bytes))
                await self.desk.quick.run(
                    "take",
                    {"path": str(copy), "folder": str(folder), "most": 24 * 10**6, "names": {str(copy): source.name}},
                )
        path = await self._at_side(folder, "image/jpeg", _side(request))
        return FileResponse(path, media_type=_mime(path), headers=KEPT)

    async def _at_side(self, folder: Path, mime: str, side: int) -> Path:
        """The file of a picture at a size, made where it is not there."""
        path = folder / f"side{side}"
        if not path.is_file():
            async with self.making.setdefault(str(path), asyncio.Lock()):
                if not path.is_file():
                    await self.desk.quick.run(
                        "resized", {"shown": str(folder / "side2048"), "side": side, "out": str(path)}
                    )
            self.making.pop(str(path), None)
        return path

    # answers at once

    async def instant(self, request: Request) -> Response:
        """POST /api/instant."""
        session, body = _session(request), await _json(request)
        content, styles = self._inputs(session, body)
        payload = {
            "content": str(session.home(content) / "side2048"),
            "styles": [str(session.home(s) / "side2048") for s in styles],
            "strength": check_number("strength", body.get("strength", 1.0), 0, 1),
            "size": check_number("size", body.get("size", 512), 64, INSTANT_SIDE, whole=True),
            "weights": body.get("weights"),
            "names": _names(session, content, *styles),
        }
        if payload["weights"] is not None:
            payload["weights"] = list(
                catalogue.check_options({"style_weights": payload["weights"]}, 8192)["style_weights"]
            )
        return await self._made("instant", payload)

    async def warp(self, request: Request) -> Response:
        """POST /api/warp."""
        session, body = _session(request), await _json(request)
        content, styles = self._inputs(session, body)
        payload = {
            **self._points(body, content, styles[0]),
            "content": str(session.home(content) / "side2048"),
            "strength": check_number("strength", body.get("strength", 1.0), 0, 3),
            "side": check_number("side", body.get("side", WARP_SIDE), 16, WARP_SIDE, whole=True),
            "weights": {name: body[name] for name in ("beta", "gamma") if body.get(name) is not None},
        }
        WarpConfig(**payload["weights"])
        return await self._made("warp", payload)

    async def _made(self, task: str, payload: dict[str, Any]) -> Response:
        """The picture that a task makes, as the answer."""
        began, out = time.perf_counter(), self.scratch / secrets.token_hex(12)
        try:
            done = await self.desk.quick.run(task, {**payload, "out": str(out)})
            data = await asyncio.to_thread(out.read_bytes)
        finally:
            out.unlink(missing_ok=True)
        headers = {**NO_STORE, "X-Seconds": f"{time.perf_counter() - began:.3f}"}
        if "kept" in done:
            headers |= {"X-Kept": f"{done['kept']:.3f}", "X-Softened": f"{done['softened']:.3f}"}
        return Response(data, media_type=done["mime"], headers=headers)

    async def points(self, request: Request) -> Response:
        """POST /api/points: points as a file."""
        session, body = _session(request), await _json(request)
        content, styles = self._inputs(session, body)
        answer = await self._made("points", self._points(body, content, styles[0]))
        answer.headers["Content-Disposition"] = 'attachment; filename="points.csv"'
        return answer

    async def read_points(self, request: Request) -> Response:
        """POST /api/points/read: a file as points."""
        session, body = _session(request), await _json(request)
        content, styles = self._inputs(session, body)
        text = body.get("csv")
        if not isinstance(text, str) or len(text) > 10**6:
            raise InputError("csv is no text of at most a million characters: give what a points.csv holds")
        path = self.scratch / secrets.token_hex(12)
        path.write_text(text, encoding="utf-8", errors="replace", newline="")
        sizes = {"content_size": [content.width, content.height], "style_size": [styles[0].width, styles[0].height]}
        done = await self.desk.quick.run(
            "read_points", {"path": str(path), "names": {str(path): "points.csv"}, **sizes}
        )
        return JSONResponse({"points": done["points"]}, headers=NO_STORE)

    def _inputs(self, session: Session, body: dict[str, Any]) -> tuple[Picture, list[Picture]]:
        """The pictures that a request is about: `content`, and `styles` or `style`."""
        given = body.get("styles", [body["style"]] if body.get("style") is not None else [])
        if body.get("content") is None:
            raise Refused(400, "no photograph is given: choose one", "content")
        if not isinstance(given, list) or not given:
            raise Refused(400, "no style image is given: give one or more", "styles")
        if len(given) > MOST_STYLES:
            raise Refused(400, f"{len(given)} styles are given: at most {MOST_STYLES} can be mixed here", "styles")
        content = _find(session.pictures, body["content"], "content")
        return content, [_find(session.pictures, one, "styles") for one in given]

    def _points(self, body: dict[str, Any], content: Picture, style: Picture) -> dict[str, Any]:
        """The points of a request, rows of numbers, with the sizes that they refer to."""
        sizes = {"content_size": [content.width, content.height], "style_size": [style.width, style.height]}
        return {"points": _rows(body.get("points")), **sizes}

    # jobs

    async def submit(self, request: Request) -> Response:
        """POST /api/jobs."""
        session, body = _session(request), await _json(request)
        address = client_of(request.scope)
        self._check_load(session, address)
        kind = body.get("kind", "stylize")
        if kind not in ("match", "stylize", "variants"):
            raise Refused(400, f"kind {str(kind)[:40]!r} is not known: choose one of match, stylize, variants", "kind")
        content, styles = self._inputs(session, body)
        options = self._options(kind, body.get("options") or {}, len(styles))
        job = Job(fresh_id(), kind, time.time(), content.id, [s.id for s in styles], options, used=time.time())
        folder = session.home(job)
        payload = {
            "content": str(session.home(content) / content.full),
            "styles": [str(session.home(s) / s.full) for s in styles],
            "options": {**options},
            "folder": str(folder),
            "names": _names(session, content, *styles),
            "content_size": [content.width, content.height],
            "style_size": [styles[0].width, styles[0].height],
        }
        try:
            if body.get("points") is not None and kind != "match":
                job.points = payload["points"] = _rows(body["points"])
            self._masks(body, folder, payload)
        except BaseException:
            session.drop(job)
            raise
        if kind == "variants":
            payload["side"] = check_number("side", body.get("side", 160), 32, 512, whole=True)
        now = time.time()
        for picture in (content, *styles):
            picture.used = now
        place = self.desk.submit(session, job, payload, address)
        return JSONResponse({"id": job.id, "place": place}, 202, NO_STORE)

    def _check_load(self, session: Session, address: str) -> None:
        if self.desk.closing:
            raise Refused(503, "the server is stopping: try again later")
        if self.desk.active(session) >= self.config.jobs:
            raise Refused(429, f"{self.config.jobs} of your jobs wait or run already: wait for one, or cancel one")
        near = address in ("127.0.0.1", "::1", "")
        if not near and self.desk.active(address=address) >= PER_ADDRESS * self.config.jobs:
            raise Refused(429, "too many jobs from your network wait or run already: wait for one")
        if self.desk.active() >= MOST_WAITING:
            raise Refused(503, "the queue is full: try again later")

    def _options(self, kind: str, given: dict[str, Any], styles: int) -> dict[str, Any]:
        """The options of a job, checked as far as they can be before it begins."""
        options = catalogue.check_options(given, self.config.max_size)
        if kind == "variants":
            options = {
                k: v for k, v in options.items() if k not in ("look", "alpha", "warp_strength", "warp", "color_only")
            }
        if kind in ("stylize", "variants"):
            options.setdefault("size", min(StylizeConfig.size, self.config.max_size))
        weights = options.get("style_weights")
        if weights is not None and len(weights) != styles:
            raise InputError(f"{len(weights)} style_weights for {styles} style images: give one each")
        StylizeConfig.from_options(**{k: v for k, v in options.items() if k != "warp"})
        return options

    def _masks(self, body: dict[str, Any], folder: Path, payload: dict[str, Any]) -> None:
        """Painted masks, written beside the job, as options of the run."""
        regions = body.get("regions") or {}
        if not isinstance(regions, dict):
            raise InputError("regions are no object: give content and style")
        given = {"protect": body.get("protect"), "content": regions.get("content"), "style": regions.get("style")}
        options = {"protect": "rigid_mask", "content": "content_mask", "style": "style_mask"}
        for name, url in given.items():
            if url is None:
                continue
            found = MASK.fullmatch(url) if isinstance(url, str) else None
            try:
                data = base64.b64decode(found[1], validate=True) if found else b""
            except binascii.Error:
                data = b""
            field = "protect" if name == "protect" else "regions"
            if not data.startswith(b"\x89PNG"):
                raise Refused(400, f"the mask {name} is no PNG: paint it anew", field)
            path = folder / f"mask-{name}.png"
            path.write_bytes(data)
            payload["names"][str(path)] = f"the mask {name}"
            payload["options"][options[name]] = str(path) if name != "style" else [str(path)]

    async def history(self, request: Request) -> Response:
        """GET /api/jobs: this session's, newest first."""
        session = _session(request)
        rows = sorted(session.jobs.values(), key=lambda job: -job.created)
        return JSONResponse([self._seen(session, job) for job in rows], headers=NO_STORE)

    async def job(self, request: Request) -> Response:
        """GET /api/jobs/{id}."""
        session = _session(request)
        job = _find(session.jobs, request.path_params["id"])
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
        )
        shown = {name: getattr(job, name) for name in (*names, "note", "error")}
        pictures = [
            _described(session.pictures[name]) if name in session.pictures else None
            for name in (job.content, *job.styles)
        ]
        shown |= {"content": pictures[0], "styles": pictures[1:] if all(pictures) else []}
        shown |= {"place": self.desk.place(job), "result": None, "preview": None}
        shown["thumb"] = f"{home}/thumb.jpg" if job.result and job.kind != "match" else None
        if job.preview:
            shown["preview"] = f"{home}/preview-{job.preview}.jpg"
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
            if "cells" in found:
                found["cells"] = [
                    {"options": c["options"], "label": c["label"], "image": f"{home}/{c['file']}"}
                    for c in found["cells"]
                ]
        return shown

    async def events(self, request: Request) -> Response:
        """GET /api/jobs/{id}/events: what GET /api/jobs/{id} says, at once and at every change."""
        session = _session(request)
        job = _find(session.jobs, request.path_params["id"])
        if session.streams >= MOST_STREAMS:
            raise Refused(429, f"{MOST_STREAMS} streams are open already: close one")

        async def stream():
            session.streams += 1
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

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)

    async def stop(self, request: Request) -> Response:
        """POST /api/jobs/{id}/stop: end with the best so far."""
        session = _session(request)
        job = _find(session.jobs, request.path_params["id"])
        if job.final:
            raise Refused(409, f"the job is {job.state} already")
        self.desk.stop(job)
        return JSONResponse(self._seen(session, job), 202, NO_STORE)

    async def cancel(self, request: Request) -> Response:
        """DELETE /api/jobs/{id}: end at once; one that is over is deleted."""
        session = _session(request)
        job = _find(session.jobs, request.path_params["id"])
        if job.final:
            session.drop(job)
        else:
            self.desk.cancel(job)
        return Response(status_code=204)

    async def file(self, request: Request) -> Response:
        """GET /api/jobs/{id}/files/{name}."""
        session, name = _session(request), request.path_params["name"]
        job = _find(session.jobs, request.path_params["id"])
        job.used = time.time()
        folder = session.home(job)
        place = FILES.get(name)
        if place is None and not re.fullmatch(r"(preview-\d{1,9}|cell-\d{1,3})\.jpg", name):
            raise Refused(404, "there is no such file")
        path = folder / (place or name)
        if name in MADE and job.result is not None and job.kind == "stylize":
            async with self.making.setdefault(str(path), asyncio.Lock()):
                if not path.is_file():
                    await self.desk.quick.run(MADE[name], {"folder": str(folder), "file": name}, seconds=180)
            self.making.pop(str(path), None)
        if not path.is_file():
            raise Refused(404, "there is no such file")
        own = name.startswith(("preview", "cell", "thumb"))
        return FileResponse(
            path,
            media_type=_mime(path),
            headers=KEPT if own else NO_STORE,
            filename=None if own else _called(session, job, name),
        )

    # about

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
}
"""Files of a job that may be asked for, and where they are."""
MADE = {"run.zip": "packed", "morph.mp4": "morph", "morph.gif": "morph"}
"""Files that are made when they are first asked for, and the tasks that make them."""
MIMES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".zip": "application/zip", ".csv": "text/csv", ".toml": "text/plain; charset=utf-8",
    ".json": "application/json", ".mp4": "video/mp4", ".gif": "image/gif",
}  # fmt: skip


def _mime(path: Path) -> str:
    if path.suffix:
        return MIMES[path.suffix]
    with path.open("rb") as file:
        return "image/png" if file.read(4) == b"\x89PNG" else "image/jpeg"


def _called(session: Session, job: Job, name: str) -> str:
    """What a file is saved as: with the photograph's name before it."""
    content = session.pictures.get(job.content or "")
    stem = os.path.splitext(content.name)[0] if content else "dst"
    return f"{stem}-{name}" if name not in ("points.csv", "settings.toml") else name


def _session(request: Request) -> Session:
    return request.scope["session"]


def _find(table: dict[str, Any], name: Any, field: str | None = None) -> Any:
    """A session's own picture or job.

    Raises:
        Refused: there is none, be it another's or nobody's.
    """
    if not isinstance(name, str) or not ID.fullmatch(name) or name not in table:
        raise Refused(404, "there is no such picture or job here, or it was deleted", field)
    found = table[name]
    found.used = time.time()
    return found


def _side(request: Request) -> int:
    """The size that a picture is asked for at, brought to one of a few."""
    text = request.query_params.get("side", "2048")
    if not re.fullmatch(r"\d{1,5}", text):
        raise Refused(400, f"side is {text[:20]!r}: it takes a whole number of pixels", "side")
    side = int(text)
    if side >= 2048:
        return 2048
    return 320 if 320 <= side < 384 else max(64, side // 64 * 64)


def _described(picture: Picture) -> dict[str, Any]:
    home = f"api/images/{picture.id}"
    names = ("id", "name", "width", "height", "note")
    return {n: getattr(picture, n) for n in names} | {"url": f"{home}?side=2048", "thumb": f"{home}?side=320"}


def _names(session: Session, *pictures: Picture) -> dict[str, str]:
    """What messages call the files of pictures."""
    found = {str(session.home(p) / p.full): p.name for p in pictures}
    return found | {str(session.home(p) / "side2048"): p.name for p in pictures}


def _rows(given: Any) -> list[list[Any]]:
    """Points of a request: `[cx, cy, sx, sy(, confidence(, source))]` or objects with `content`, `style`, `confidence`,
    `kept`; those that are not kept are left out.

    Raises:
        InputError: others.
    """
    if not isinstance(given, list) or len(given) > MOST_POINTS:
        raise InputError(f"points are no list of at most {MOST_POINTS}: give [content x, y, style x, y] each")
    rows = []
    for k, item in enumerate(given):
        row = item
        if isinstance(item, dict):
            if item.get("kept") is False:
                continue
            ends = [item.get("content"), item.get("style")]
            row = [*(v for end in ends if isinstance(end, list) for v in end), item.get("confidence", 1.0)]
            row += [item["source"]] if isinstance(item.get("source"), str) else []
        row = list(row) if isinstance(row, list) else []
        row = [*row, 1.0] if len(row) == 4 else row
        row[4:5] = [1.0 if v is None else v for v in row[4:5]]
        numbers = row[:5]
        good = len(row) in (5, 6) and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in numbers)
        if not good or not all(abs(v) < 1e7 and math.isfinite(v) for v in numbers) or not 0 <= numbers[4] <= 1:
            raise InputError(
                f"point {k + 1} of points is not four finite numbers, and a confidence from 0 to 1 after them"
            )
        rows.append([*map(float, numbers), *(str(v)[:40] for v in row[5:])])
    return rows


async def _json(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "the body is no JSON object")
    return found


def words(message: str) -> str:
    """An error's message in words for people: options under their own names, without quotation marks of code."""
    return re.sub(r"`(\w+)`", r"\1", message)


async def on_bad_input(request: Request, error: InputError) -> Response:
    """What cannot be used: 400, in the words of the command line."""
    return JSONResponse({"error": words(str(error)), "field": catalogue.field_of(str(error))}, 400, NO_STORE)


async def on_failed(request: Request, error: TaskFailed) -> Response:
    """What a worker could not do."""
    message = str(error)
    return JSONResponse(
        {"error": words(message), "field": catalogue.field_of(message)}, 400 if error.bad else 500, NO_STORE
    )


async def on_gone(request: Request, error: ClientDisconnect) -> Response:
    """Nobody is there any more to be told."""
    return Response(status_code=400)


async def on_refused(request: Request, error: Refused) -> Response:
    """What is refused before any work."""
    headers = {**NO_STORE, "Connection": "close"} if error.status in (408, 413) else NO_STORE
    return JSONResponse({"error": str(error), "field": error.field}, error.status, headers)
