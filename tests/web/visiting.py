"""For tests of the page: a server on a free port of this machine, in a thread; a visitor with a jar for cookies."""

from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
import json
import threading
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

WAIT = 90
"""Seconds that anything is waited for."""
FINAL = ("done", "stopped", "failed", "cancelled")


@contextlib.contextmanager
def serving(**options):
    """A server; gives its address, config and folder."""
    from dst.config import WebConfig
    from dst.web import server as module

    config = WebConfig(**{"port": 0, "browser": False, **options})
    found, failed = SimpleNamespace(config=config, lines=[], server=None), []
    began = threading.Event()

    def on_server(server, url):
        found.server, found.url = server, url
        found.port = int(url.rsplit(":", 1)[1].strip("/"))

    def run():
        try:
            module.serve(config, lambda line: (found.lines.append(line), began.set()), on_server)
        except BaseException as error:
            failed.append(error)
        finally:
            began.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert began.wait(WAIT)
    if failed:
        raise failed[0]
    try:
        yield found
    finally:
        found.server.should_exit = True
        found.server.let_go()
        thread.join(WAIT)
        assert not thread.is_alive() and not failed, failed


@contextlib.contextmanager
def bare(**options):
    """A server whose workers never start: what it says before any work."""
    from dst.web.pool import Pool

    patch = pytest.MonkeyPatch()
    patch.setattr(Pool, "start", lambda self: None)
    try:
        with serving(**options) as found:
            yield found
    finally:
        patch.undo()


class Visitor:
    """Asks as a browser would, with a jar of its own."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url, self.headers = url, {"X-DST": "1", **headers}
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def ask(self, method: str, path: str, body=None, **headers: str):
        """(status, what came: JSON or bytes, headers)."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        asked = urllib.request.Request(self.url + path, data=data, method=method, headers=given)
        try:
            with self.opener.open(asked, timeout=WAIT) as answer:
                return self._read(answer)
        except urllib.error.HTTPError as error:
            with error:
                return self._read(error)

    def _read(self, answer):
        data = answer.read()
        kind = answer.headers.get_content_type()
        return answer.status, json.loads(data) if kind == "application/json" else data, answer.headers

    def get(self, path: str):
        """What is there; it must be."""
        status, found, _ = self.ask("GET", path)
        assert status == 200, (status, found)
        return found

    def upload(self, path) -> dict:
        """A picture of this visitor."""
        status, found, _ = self.ask("POST", "api/images", path.read_bytes(), X_Name=path.name)
        assert status == 201, found
        return found

    def start(self, content: dict, style: dict, kind: str = "stylize", **more) -> str:
        """The id of a new job."""
        body = {"kind": kind, "content": content["id"], "styles": [style["id"]], **more}
        status, found, _ = self.ask("POST", "api/jobs", body)
        assert status == 202, found
        return found["id"]

    def wait(self, job: str, *states: str) -> dict:
        """The job, once it is in one of some states, or over."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            found = self.get(f"api/jobs/{job}")
            if found["state"] in (states or FINAL):
                return found
            if found["state"] in FINAL:
                break
            time.sleep(0.03)
        raise AssertionError(found)

    def reach(self, job: str, steps: int) -> None:
        """Wait until a job has made some steps."""
        while self.wait(job, "running", "queued")["done"] < steps:
            time.sleep(0.03)


def raw(port: int, data: bytes, seconds: float = 10.0) -> bytes:
    """What a server answers to bytes as they are, until it closes the connection."""
    import socket

    with socket.create_connection(("127.0.0.1", port), seconds) as sock:
        found = b""
        with contextlib.suppress(ConnectionError):
            sock.sendall(data)
            while part := sock.recv(65536):
                found += part
        return found


def plain(port: int, method: str, path: str, body=None, headers=None):
    """(status, headers, JSON or bytes) of one request whose headers are given as they are."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    try:
        link.request(method, path, body, headers or {})
        answer = link.getresponse()
        data = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, answer.headers, json.loads(data) if is_json else data
    finally:
        link.close()
