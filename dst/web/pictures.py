"""The API's pictures: uploaded, taken by their address or from the menu, shown at any size."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shutil
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from dst.config import InputError
from dst.web import catalogue, links
from dst.web.asking import (
    KEPT,
    NO_STORE,
    described,
    find,
    json_of,
    mime_of,
    session_of,
    side_of,
)
from dst.web.guards import Refused
from dst.web.sessions import MOST_PICTURES, Picture, Session, fresh_id

LEAST_FREE = 500 * 10**6
"""Bytes of the disk that are left free."""
CLEAR_NAME = re.compile(r"[^\w .()-]+")


class Pictures:
    """Endpoints of pictures, and what makes them."""

    def __init__(self, config: Any, home: Path, desk: Any, menu: dict[str, Any]) -> None:
        """`home` is the server's folder, `menu` the painters by id."""
        self.config, self.home, self.desk, self.menu = config, home, desk, menu
        self.shared = home / "shared"
        self.shared.mkdir(mode=0o700, exist_ok=True)
        self.fetching = asyncio.Semaphore(4)
        self.making: dict[str, asyncio.Lock] = {}

    async def upload(self, request: Request) -> Response:
        """POST /api/images: a file's bytes."""
        session = session_of(request)
        self._check_room(session)
        name = urllib.parse.unquote(request.headers.get("x-name", "picture"), errors="replace")
        with self._new_picture(session, name) as (picture, path):
            with path.open("wb") as file:
                async for chunk in request.stream():
                    file.write(chunk)
            return JSONResponse(await self._taken(session, picture, path), 201, NO_STORE)

    async def link(self, request: Request) -> Response:
        """POST /api/images/link: a picture by its address."""
        session, body = session_of(request), await json_of(request)
        if not self.config.links:
            raise Refused(403, "pictures are not taken by their address here: save it and upload the file", "url")
        self._check_room(session)
        url = body.get("url")
        url = url.strip() if isinstance(url, str) else ""
        links.check_link(url)
        with self._new_picture(session, links.name_of(url)) as (picture, path):
            async with self.fetching:
                await asyncio.to_thread(links.fetch, url, path, self.config.max_upload * 10**6)
            return JSONResponse(await self._taken(session, picture, path), 201, NO_STORE)

    async def sample(self, request: Request) -> Response:
        """POST /api/images/sample: a painter or a sample photograph by its id."""
        session, body = session_of(request), await json_of(request)
        self._check_room(session)
        sample = str(body.get("id"))
        source, name = await self._shared_source(sample)
        with self._new_picture(session, name) as (picture, path):
            picture.sample = sample
            path.write_bytes(await asyncio.to_thread(source.read_bytes))
            return JSONResponse(await self._taken(session, picture, path), 201, NO_STORE)

    async def _shared_source(self, name: str) -> tuple[Path, str]:
        """The file of a painter or a sample, and what it is called."""
        if name in self.menu:
            return self.menu[name].path, self.menu[name].name
        if name not in catalogue.PICTURES:
            raise Refused(404, f"there is no sample called {name[:40]!r}", "id")
        out = self.shared / f"{name}.png"
        async with self.making.setdefault(name, asyncio.Lock()):
            if not out.is_file():
                await self.desk.quick.run("sample", {"name": name, "out": str(out)})
        return out, catalogue.PICTURES[name]

    def _check_room(self, session: Session) -> None:
        if len(session.pictures) >= MOST_PICTURES:
            raise Refused(429, f"you have {MOST_PICTURES} pictures here: delete some, or wait until they are deleted")
        if shutil.disk_usage(self.home).free < LEAST_FREE:
            raise Refused(503, "the server's disk is nearly full: try again later")

    @contextlib.contextmanager
    def _new_picture(self, session: Session, name: str) -> Iterator[tuple[Picture, Path]]:
        """A new picture and where its file is to lie; forgotten again where what is done with it fails."""
        name = CLEAR_NAME.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip()[:80] or "picture"
        picture = Picture(fresh_id(), name, 0, 0, f"f{secrets.token_hex(10)}", used=time.time())
        try:
            yield picture, session.home(picture) / picture.full
        except BaseException:
            session.drop(picture)
            raise

    async def _taken(self, session: Session, picture: Picture, path: Path) -> dict[str, Any]:
        """Have a new picture checked, keep it, and say what it is."""
        if path.stat().st_size == 0:
            raise InputError(f"{picture.name} is empty: give a JPEG, PNG, TIFF, WebP, BMP or GIF file")
        most = self.config.max_megapixels * 10**6
        payload = {"path": str(path), "folder": str(path.parent), "most": most, "names": {str(path): picture.name}}
        async with session.taking:
            done = await self.desk.quick.run("take", payload)
        for name in ("width", "height", "full", "mime", "note"):
            setattr(picture, name, done[name])
        session.pictures[picture.id] = picture
        session.keep(picture)
        return described(picture)

    async def picture(self, request: Request) -> Response:
        """GET /api/images/{id}?side=N."""
        session = session_of(request)
        picture = find(session.pictures, request.path_params["id"])
        folder = session.home(picture)
        path = await self._at_side(folder, picture.mime, side_of(request))
        return FileResponse(path, media_type=picture.mime, headers=KEPT)

    async def drop_picture(self, request: Request) -> Response:
        """DELETE /api/images/{id}."""
        session = session_of(request)
        picture = find(session.pictures, request.path_params["id"])
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
        path = await self._at_side(folder, "image/jpeg", side_of(request))
        return FileResponse(path, media_type=mime_of(path), headers=KEPT)

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
