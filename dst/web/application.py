"""The application: routes, and what guards them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dst.config import InputError
from dst.config.web import WebConfig
from dst.web import catalogue, openapi
from dst.web.answers import Answers
from dst.web.api import Api
from dst.web.asking import on_bad_input, on_failed, on_gone, on_refused
from dst.web.guards import Guard, Refused
from dst.web.jobs import Desk
from dst.web.pictures import Pictures
from dst.web.pool import Pool, TaskFailed
from dst.web.sessions import Sessions

log = logging.getLogger(__name__)
QUICK = 2
"""Workers for small tasks: reading pictures, the instant answer, the bent preview, matching."""


def threads_of(config: WebConfig) -> int:
    """Processor threads of each worker: those asked for, else an equal share of the cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return config.threads or max(1, cores // config.workers)


def make_app(config: WebConfig, home: Path, on_ready: Callable[[], None] | None = None) -> Any:
    """The ASGI application.

    Args:
        config: its options.
        home: a private folder for pictures and results.
        on_ready: called when it takes requests.

    Raises:
        InputError: the folder of painters cannot be used.
    """
    sessions = Sessions(home, config.keep)
    settings = {"threads": threads_of(config)}
    work, quick = Pool(config.workers, settings | {"quick": False}), Pool(QUICK, settings | {"quick": True})
    desk = Desk(config, work, quick)
    menu = catalogue.painters(config.painters)
    api, pictures, answers = Api(config, desk, menu), Pictures(config, home, desk, menu), Answers(home, desk)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette):
        quick.start()
        work.start()
        tidying = asyncio.create_task(_tidy(sessions))
        if on_ready is not None:
            on_ready()
        try:
            yield
        finally:
            tidying.cancel()
            desk.close()
            await asyncio.to_thread(_close, work, quick)

    app = Starlette(routes=_routes(api, pictures, answers), exception_handlers=HANDLERS, lifespan=lifespan)
    guarded = Guard(app, config, sessions)
    guarded.let_go = desk.close
    return guarded


def _close(*pools: Pool) -> None:
    for pool in pools:
        pool.close()


async def _tidy(sessions: Sessions) -> None:
    """Delete what is old, again and again."""
    while True:
        await asyncio.sleep(min(60.0, max(0.5, sessions.seconds / 4)))
        try:
            await asyncio.to_thread(sessions.tidy)
        except Exception:
            log.exception("what is old could not be deleted")


async def _front(_: Request) -> Response:
    index = catalogue.STATIC / "index.html"
    if not index.is_file():
        return PlainTextResponse("The page is missing from this installation; its API is at /docs.", 404)
    return FileResponse(index, headers={"Cache-Control": "no-cache"})


async def _docs(_: Request) -> Response:
    return Response(openapi.page(), media_type="text/html", headers={"Cache-Control": "no-cache"})


async def _openapi(_: Request) -> Response:
    return JSONResponse(openapi.description(), headers={"Cache-Control": "no-cache"})


async def _missing(_: Request, error: Any) -> Response:
    text = {404: "there is nothing at this address", 405: "this address does not take this method"}[error.status_code]
    return JSONResponse({"error": text, "field": None}, error.status_code, error.headers)


async def _broken(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"{type(error).__name__} (a fault of the toolkit)", "field": None}, 500)


def _routes(api: Api, pictures: Pictures, answers: Answers) -> list[Route | Mount]:
    """What is answered where."""
    return [
        Route("/", _front),
        Route("/health", api.health),
        Route("/docs", _docs),
        Route("/openapi.json", _openapi),
        Route("/api/config", api.about),
        Route("/api/images", pictures.upload, methods=["POST"]),
        Route("/api/images/link", pictures.link, methods=["POST"]),
        Route("/api/images/sample", pictures.sample, methods=["POST"]),
        Route("/api/images/{id}", pictures.picture),
        Route("/api/images/{id}", pictures.drop_picture, methods=["DELETE"]),
        Route("/api/painters/{id}", pictures.painter),
        Route("/api/samples/{id}", pictures.painter),
        Route("/api/instant", answers.instant, methods=["POST"]),
        Route("/api/warp", answers.warp, methods=["POST"]),
        Route("/api/exaggerate", answers.caricature, methods=["POST"]),
        Route("/api/points", answers.points, methods=["POST"]),
        Route("/api/points/read", answers.read_points, methods=["POST"]),
        Route("/api/jobs", api.submit, methods=["POST"]),
        Route("/api/jobs", api.history),
        Route("/api/jobs/{id}", api.job),
        Route("/api/jobs/{id}", api.cancel, methods=["DELETE"]),
        Route("/api/jobs/{id}/events", api.events),
        Route("/api/jobs/{id}/stop", api.stop, methods=["POST"]),
        Route("/api/jobs/{id}/files/{name}", api.file),
        Mount("/static", StaticFiles(directory=catalogue.STATIC, check_dir=False)),
    ]


HANDLERS = {
    InputError: on_bad_input,
    TaskFailed: on_failed,
    Refused: on_refused,
    ClientDisconnect: on_gone,
    404: _missing,
    405: _missing,
    Exception: _broken,
}
"""Answers to what goes wrong."""
