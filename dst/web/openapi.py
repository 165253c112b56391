"""The API described: /openapi.json, and a page of it that needs nothing from elsewhere."""

from __future__ import annotations

import html
from typing import Any

from dst._version import __version__

_JOB = "a job: id, kind, state, place, stage, done, total, share, seconds_left, preview, result, error, note"
_INPUTS = {"content": "id of the photograph", "styles": "ids of one painting or several"}
_POINTS = {"points": "rows [content x, y, style x, y(, confidence(, source))], pixels of the pictures at full size"}
ROUTES: list[tuple[str, str, str, dict[str, str] | str | None, str, str]] = [
    ("get", "/health", "Whether the server works", None, "200", "status, version, workers, queued, running"),
    ("get", "/api/config", "Options, painters, sample photographs and limits", None, "200", "what the page shows"),
    ("post", "/api/images", "Upload a picture; its name goes into X-Name, percent-encoded", "the file's bytes", "201", "id, name, width, height, url, thumb, note"),
    ("post", "/api/images/link", "Take a picture by its address on the web", {"url": "http or https"}, "201", "as an upload"),
    ("post", "/api/images/sample", "Take a painter or a sample photograph", {"id": "of /api/config"}, "201", "as an upload"),
    ("get", "/api/images/{id}", "The picture, its long side at most `side`", None, "200", "image/jpeg or image/png"),
    ("delete", "/api/images/{id}", "Delete the picture", None, "204", ""),
    ("post", "/api/instant", "The first answer, by a network that knows any style, or has learnt one", {**_INPUTS, "strength": "0 to 1", "size": "64 to 768", "weights": "share of each style", "model": "the name of a shipped style, whose own network paints then"}, "200", "image/jpeg; X-Seconds"),
    ("post", "/api/warp", "The photograph bent by points, small", {**_INPUTS, **_POINTS, "strength": "0 to 3", "side": "16 to 512"}, "200", "image/jpeg"),
    ("post", "/api/exaggerate", "The photograph's face exaggerated, small", {"content": "id of the photograph", "options": "strength, eyes, brows, nose, mouth, jaw"}, "200", "image/jpeg"),
    ("post", "/api/points", "Points as points.csv", {**_INPUTS, **_POINTS}, "200", "text/csv"),
    ("post", "/api/points/read", "Read a points.csv", {**_INPUTS, "csv": "its text"}, "200", "points"),
    ("post", "/api/jobs", "Start a job", {**_INPUTS, **_POINTS, "kind": "match, stylize, variants; exaggerate, texture, one-image, laboratory", "task": "of the last four: what is made, of /api/config", "options": "by name, of /api/config; model, the name of a shipped style, has its trained network paint", "mask": "what a task asks to be brushed, a PNG as data URL", "protect": "mask of parts that keep their shape, a PNG as data URL", "regions": "content and style, masks as data URLs"}, "202", "id, place"),
    ("get", "/api/jobs", "The session's jobs, newest first", None, "200", "a list"),
    ("get", "/api/jobs/{id}", "How a job goes", None, "200", _JOB),
    ("get", "/api/jobs/{id}/events", "The same as server-sent events, at every change", None, "200", "text/event-stream"),
    ("post", "/api/jobs/{id}/stop", "End with the best so far", None, "202", _JOB),
    ("delete", "/api/jobs/{id}", "Cancel a job; delete one that is over", None, "204", ""),
    ("get", "/api/jobs/{id}/files/{name}", "image.png, run.zip, morph.mp4, morph.gif, points.csv, settings.toml", None, "200", "the file"),
]  # fmt: skip
"""Method, address, sentence, body, status and answer of each route."""
HEAD = (
    "Every request that changes something needs the header `X-DST: 1`; a cookie, set by the first answer, holds the session. "
    'Errors are JSON, `{"error": "one line", "field": "name or null"}`, with 400 for bad input, 401 without the password, '
    "403, 404, 409, 413 for what is too large, 429 for too many jobs, and 503. Addresses in answers are relative to the page."
)


def description() -> dict[str, Any]:
    """The API as OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    for method, path, text, body, status, answer in ROUTES:
        found: dict[str, Any] = {"summary": text, "responses": {status: {"description": answer or "nothing"}}}
        if path.startswith("/api") and path != "/api/config":
            error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
            found["responses"]["4XX"] = {"description": "what is wrong", "content": error}
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        found["parameters"] = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
        if path == "/api/images/{id}" and method == "get":
            found["parameters"].append({"name": "side", "in": "query", "schema": {"type": "integer"}})
        if method in ("post", "delete"):
            found["parameters"].append({"name": "X-DST", "in": "header", "required": True, "schema": {"const": "1"}})
        if isinstance(body, str):
            content: Any = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
            found["requestBody"] = {"description": body, "required": True, "content": content}
        elif body is not None:
            schema = {"type": "object", "properties": {name: {"description": what} for name, what in body.items()}}
            found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        paths.setdefault(path, {})[method] = found
    error = {"type": "object", "properties": {"error": {"type": "string"}, "field": {"type": ["string", "null"]}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "dst", "version": __version__, "description": HEAD},
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": {"Error": error}},
    }


def page() -> str:
    """The same for people, as HTML without scripts and styles."""
    rows = []
    for method, path, text, body, status, answer in ROUTES:
        given = body if isinstance(body, str) else "; ".join(f"{k}: {v}" for k, v in (body or {}).items())
        cells = (method.upper(), path, text, given, f"{status} {answer}".strip())
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{name}</th>" for name in ("Method", "Address", "What it does", "Body", "Answer"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>dst: the API</title>'
        '<meta name="viewport" content="width=device-width"></head><body>'
        f'<h1>The API</h1><p>{html.escape(HEAD)}</p><p><a href="openapi.json">openapi.json</a></p>'
        f'<table border="1" cellpadding="6"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></body></html>'
    )
