"""The server: listens, opens the browser, ends cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
import threading
import webbrowser
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dst.config import InputError
from dst.config.web import LOOPBACK, WebConfig
from dst.files import folder_beside
from dst.web.application import make_app

HEAD_SECONDS, HEAD_BYTES = 20.0, 16384
"""What the head of a request may take to arrive, and how long it may be."""
MOST_CONNECTIONS, PER_ADDRESS = 400, 60
"""Connections at once, of all and of one address that is not this machine's own (as a reverse proxy's is)."""


PEERS: Counter[str | None] = Counter()
"""Connections of each address."""


class Careful(H11Protocol):
    """HTTP that does not wait for ever for the head of a request, and leaves room for others."""

    def connection_made(self, transport: Any) -> None:
        """As asyncio.Protocol."""
        super().connection_made(transport)
        self._hurry: asyncio.TimerHandle | None = None
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer and peer[0] not in LOOPBACK else None
        PEERS[self._peer] += 1
        if self._peer is not None and PEERS[self._peer] > PER_ADDRESS:
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """As asyncio.Protocol."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """As H11Protocol: the head of the next request may have begun to arrive."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio.Protocol."""
        if self._hurry is not None:
            self._hurry.cancel()
        PEERS[self._peer] -= 1
        if PEERS[self._peer] <= 0:
            del PEERS[self._peer]
        super().connection_lost(exc)

    def _watch(self) -> None:
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self._hurry is None:
            self._hurry = self.loop.call_later(HEAD_SECONDS, self._late)
        elif not waits and self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def _late(self) -> None:
        self._hurry = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


class Server(uvicorn.Server):
    """Lets go of streams of events when it is asked to end; they would keep it."""

    on_exit: Callable[[], None] | None = None
    loop: asyncio.AbstractEventLoop | None = None

    def handle_exit(self, sig: int, frame: Any) -> None:
        """As uvicorn.Server."""
        super().handle_exit(sig, frame)
        self.force_exit = False  # a second signal must not leave workers and files behind
        self.let_go()

    def let_go(self) -> None:
        """End all streams."""
        if self.on_exit is not None and self.loop is not None:
            self.loop.call_soon_threadsafe(self.on_exit)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn.Server."""
        self.loop = asyncio.get_running_loop()
        await super().serve(sockets)


@contextlib.contextmanager
def private_folder(state: str | None) -> Iterator[Path]:
    """A folder for pictures and results that nobody else may read: `state`, else one that is gone in the end.

    Raises:
        InputError: `state` cannot be used.
    """
    if state is None:
        with folder_beside(Path(tempfile.gettempdir()) / "dst-web") as fresh:
            fresh.chmod(0o700)
            yield fresh
        return
    place = Path(state)
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        others = [p.name for p in place.iterdir() if p.name not in ("sessions", "shared", "scratch")]
        if others:
            raise InputError(
                f"`state` is {state}, which holds {others[0]!r} and more that is not the page's: give an empty folder"
            )
        if not os.access(place, os.W_OK | os.X_OK):
            raise InputError(f"`state` is {state}, which cannot be written to: give another folder")
        place.chmod(0o700)
    except OSError as error:
        raise InputError(
            f"`state` is {state}, which cannot be used ({error.strerror or error}): give another folder"
        ) from error
    from correspondence.common import holding

    with holding(place) as ours:
        if ours is False:
            raise InputError(f"`state` is {state}, which another server uses: give another folder")
        yield place


def listen(config: WebConfig) -> socket.socket:
    """The socket to listen at.

    Raises:
        InputError: the address is taken, or not this machine's.
    """
    host = config.address
    try:
        info = socket.getaddrinfo(host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        sock = socket.socket(info[0], socket.SOCK_STREAM)
    except OSError as error:
        raise InputError(
            f"`host` is {host}, which is not found ({error.strerror or error}): give an address of this machine"
        ) from error
    try:
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(info[4])
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise InputError(
            f"`port` {config.port} of {host} cannot be used ({error.strerror or error}): give another `port`"
        ) from error
    sock.set_inheritable(False)
    return sock


def address_of(config: WebConfig, sock: socket.socket) -> str:
    """The page's address for a browser on this machine."""
    port = sock.getsockname()[1]
    host = "127.0.0.1" if config.address in ("0.0.0.0", "::") else config.host
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(
    config: WebConfig, say: Callable[[str], None], on_server: Callable[[Server, str], None] | None = None
) -> None:
    """Serve the page until a signal ends it.

    Args:
        config: its options.
        say: takes lines for people.
        on_server: is given the server and the page's address, before it begins.

    Raises:
        InputError: an address, a port or a folder that cannot be used.
    """
    with listen(config) as sock, private_folder(config.state) as home:
        url = address_of(config, sock)

        def ready() -> None:
            shared = f", and to this network at port {sock.getsockname()[1]}" if config.share_on_network else ""
            say(f"the page is at {url}{shared}; Ctrl-C ends it")
            if config.browser and _has_screen():
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

        app = make_app(config, home, ready)
        server = Server(
            uvicorn.Config(
                app, http=Careful, ws="none", lifespan="on", log_config=None, log_level="error", access_log=False, server_header=False,
                h11_max_incomplete_event_size=HEAD_BYTES, timeout_keep_alive=15, timeout_graceful_shutdown=3,
                limit_concurrency=MOST_CONNECTIONS, proxy_headers=True, forwarded_allow_ips=LOOPBACK[0],
            )
        )  # fmt: skip
        server.on_exit = app.let_go
        if on_server is not None:
            on_server(server, url)
        asyncio.run(server.serve(sockets=[sock]))


def _has_screen() -> bool:
    """Whether a browser would open in a window, and not in the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
