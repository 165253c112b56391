"""`dst web`: the page, and its API."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

from dst.cli.rows import Command, argument_of, options_of
from dst.cli.streams import say
from dst.config import InputError, WebConfig

PASSWORD = "DST_WEB_PASSWORD"
NEEDED = ("starlette", "uvicorn", "anyio", "h11")
"""What the extra `web` brings."""


def run(args: Any) -> int:
    """Serve the page until Ctrl-C."""
    options = options_of(args, WebConfig)
    if options["password"] is None and os.environ.get(PASSWORD):
        options["password"] = os.environ[PASSWORD]
    WebConfig(**options)
    try:
        from dst.web.remembered import painters_folder
        from dst.web.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in NEEDED:
            raise
        raise InputError(f"the page needs {error.name}: install it by `pip install '.[web]'`") from error

    tell = (lambda line: None) if args.quiet else say
    options["painters"], remark = painters_folder(options["painters"])
    if remark:
        tell(remark)
    serve(WebConfig(**options), tell)
    return 0


ROW = Command(
    "web",
    "serve the page: give a picture, choose a painter, drag the points, see it happen",
    "[--port N] [--workers N] [--painters DIR] [--share-on-network --password WORDS] [options]",
    run,
    tuple(map(argument_of, fields(WebConfig))),
    record=False,
    epilog="Everything stays on this machine: the page asks nothing of any other, but for pictures that are given by\n"
    "their address. docs/web.md says how it is used by curl and behind a reverse proxy.",
)
