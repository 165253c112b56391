"""What a request asks for: whose it is, what it is about, read and checked; and errors as answers."""

from __future__ import annotations

import json
import math
import re
import time
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from dst.config import InputError
from dst.config.web import MOST_STYLES
from dst.web import catalogue
from dst.web.guards import Refused
from dst.web.pool import TaskFailed
from dst.web.sessions import ID, Picture, Session

MOST_POINTS = 2000
NO_STORE = {"Cache-Control": "no-store"}
KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}
MIMES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".zip": "application/zip", ".csv": "text/csv", ".toml": "text/plain; charset=utf-8",
    ".json": "application/json", ".mp4": "video/mp4", ".gif": "image/gif",
}  # fmt: skip


def mime_of(path: Path) -> str:
    if path.suffix:
        return MIMES[path.suffix]
    with path.open("rb") as file:
        return "image/png" if file.read(4) == b"\x89PNG" else "image/jpeg"


def session_of(request: Request) -> Session:
    return request.scope["session"]


def find(table: dict[str, Any], name: Any, field: str | None = None) -> Any:
    """A session's own picture or job.

    Raises:
        Refused: there is none, be it another's or nobody's.
    """
    if not isinstance(name, str) or not ID.fullmatch(name) or name not in table:
        raise Refused(404, "there is no such picture or job here, or it was deleted", field)
    found = table[name]
    found.used = time.time()
    return found


def side_of(request: Request) -> int:
    """The size that a picture is asked for at, brought to one of a few."""
    text = request.query_params.get("side", "2048")
    if not re.fullmatch(r"\d{1,5}", text):
        raise Refused(400, f"side is {text[:20]!r}: it takes a whole number of pixels", "side")
    side = int(text)
    if side >= 2048:
        return 2048
    return 320 if 320 <= side < 384 else max(64, side // 64 * 64)


def described(picture: Picture) -> dict[str, Any]:
    home = f"api/images/{picture.id}"
    names = ("id", "name", "width", "height", "note", "sample")
    return {n: getattr(picture, n) for n in names} | {"url": f"{home}?side=2048", "thumb": f"{home}?side=320"}


def names_of(session: Session, *pictures: Picture) -> dict[str, str]:
    """What messages call the files of pictures."""
    found = {str(session.home(p) / p.full): p.name for p in pictures}
    return found | {str(session.home(p) / "side2048"): p.name for p in pictures}


def rows_of(given: Any) -> list[list[Any]]:
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


async def json_of(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "the body is no JSON object")
    return found


def inputs_of(session: Session, body: dict[str, Any]) -> tuple[Picture, list[Picture]]:
    """The pictures that a request is about: `content`, and `styles` or `style`."""
    given = body.get("styles", [body["style"]] if body.get("style") is not None else [])
    if body.get("content") is None:
        raise Refused(400, "no photograph is given: choose one", "content")
    if not isinstance(given, list) or not given:
        raise Refused(400, "no style image is given: give one or more", "styles")
    if len(given) > MOST_STYLES:
        raise Refused(400, f"{len(given)} styles are given: at most {MOST_STYLES} can be mixed here", "styles")
    content = find(session.pictures, body["content"], "content")
    return content, [find(session.pictures, one, "styles") for one in given]


def points_of(body: dict[str, Any], content: Picture, style: Picture) -> dict[str, Any]:
    """The points of a request, rows of numbers, with the sizes that they refer to."""
    sizes = {"content_size": [content.width, content.height], "style_size": [style.width, style.height]}
    return {"points": rows_of(body.get("points")), **sizes}


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
    headers = {**NO_STORE, "Connection": "close"} if error.status in (408, 413, 429) else NO_STORE
    return JSONResponse({"error": str(error), "field": error.field}, error.status, headers)
