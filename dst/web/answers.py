"""The API's answers at once: a first picture, the photograph bent by points, points to a file and back."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dst.config import InputError, WarpConfig, check_number
from dst.config.tabs import MAKERS
from dst.config.web import INSTANT_SIDE, WARP_SIDE
from dst.web import catalogue
from dst.web.asking import (
    NO_STORE,
    find,
    inputs_of,
    json_of,
    names_of,
    points_of,
    session_of,
)


class Answers:
    """Endpoints that answer with what a small task makes."""

    def __init__(self, home: Path, desk: Any) -> None:
        """`home` is the server's folder."""
        self.desk = desk
        self.scratch = home / "scratch"
        self.scratch.mkdir(mode=0o700, exist_ok=True)

    async def instant(self, request: Request) -> Response:
        """POST /api/instant."""
        session, body = session_of(request), await json_of(request)
        content, styles = inputs_of(session, body)
        payload = {
            "content": str(session.home(content) / "side2048"),
            "styles": [str(session.home(s) / "side2048") for s in styles],
            "strength": check_number("strength", body.get("strength", 1.0), 0, 1),
            "size": check_number("size", body.get("size", 512), 64, INSTANT_SIDE, whole=True),
            "weights": body.get("weights"),
            "model": catalogue.check_model(body.get("model")),
            "names": names_of(session, content, *styles),
        }
        if payload["weights"] is not None:
            payload["weights"] = list(
                catalogue.check_options({"style_weights": payload["weights"]}, 8192)["style_weights"]
            )
        return await self._made("instant", payload)

    async def warp(self, request: Request) -> Response:
        """POST /api/warp."""
        session, body = session_of(request), await json_of(request)
        content, styles = inputs_of(session, body)
        payload = {
            **points_of(body, content, styles[0]),
            "content": str(session.home(content) / "side2048"),
            "strength": check_number("strength", body.get("strength", 1.0), 0, 3),
            "side": check_number("side", body.get("side", WARP_SIDE), 16, WARP_SIDE, whole=True),
            "weights": {name: body[name] for name in ("beta", "gamma") if body.get(name) is not None},
        }
        WarpConfig(**payload["weights"])
        return await self._made("warp", payload)

    async def caricature(self, request: Request) -> Response:
        """POST /api/exaggerate: a face exaggerated, small."""
        session, body = session_of(request), await json_of(request)
        content = find(session.pictures, body.get("content"), "content")
        payload = {
            "content": str(session.home(content) / "side2048"),
            "options": MAKERS["exaggerate"].checked("photo", body.get("options") or {}, WARP_SIDE),
            "names": names_of(session, content),
        }
        return await self._made("caricature", payload)

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
        session, body = session_of(request), await json_of(request)
        content, styles = inputs_of(session, body)
        answer = await self._made("points", points_of(body, content, styles[0]))
        answer.headers["Content-Disposition"] = 'attachment; filename="points.csv"'
        return answer

    async def read_points(self, request: Request) -> Response:
        """POST /api/points/read: a file as points."""
        session, body = session_of(request), await json_of(request)
        content, styles = inputs_of(session, body)
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
