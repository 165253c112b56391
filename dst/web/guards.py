"""What stands before the routes: who may ask, under which name, how much at once; and what every answer says."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import re
import time
from http.cookies import CookieError, SimpleCookie
from typing import Any

from dst.config.web import LOOPBACK, WebConfig
from dst.web.sessions import Sessions

COOKIE, HEADER = "dst", b"x-dst"
BODY_SECONDS, SLOWEST = 20.0, 20e3
"""How long a part of a request's body is waited for, seconds, and how slowly all of it may come, bytes a second."""
DRAINED = 8
"""Times the limit that a body may be to be let arrive all the same, so that the sender reads why it is not taken."""
JSON_BYTES = 16 * 10**6
"""The largest body that is no picture: points and painted masks."""
TRIES, TRIES_SECONDS = 10, 60.0
"""Wrong passwords of one address before it has to wait, and how long."""
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""What every answer says to the browser: everything from here, nothing from elsewhere."""


class Refused(Exception):
    """A request that is not answered: its status, and a line for people."""

    def __init__(self, status: int, message: str, field: str | None = None, headers: tuple = ()) -> None:
        super().__init__(message)
        self.status, self.field, self.headers = status, field, headers


class Guard:
    """ASGI: refuses strangers, foreign names and bodies beyond the limit; gives a session to whoever uses the API."""

    def __init__(self, app: Any, config: WebConfig, sessions: Sessions) -> None:
        self.app, self.config, self.sessions = app, config, sessions
        self.digest = None if config.password is None else _digest(config.password)
        self.wrong: dict[str, list[float]] = {}

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])  # of several of one name the last; those that matter here come once
        new: list[tuple[bytes, bytes]] = []

        async def answer(message: dict) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *new, *(h for h in HEADERS if h[0] not in given)]
            await send(message)

        try:
            self._check_host(scope, headers)
            self._check_password(scope, headers)
            self._check_sender(scope, headers)
            if scope["path"].startswith("/api/") and scope["path"] != "/api/config":
                self._give_session(scope, headers, new)
            limit = self.config.max_upload * 10**6 if scope["path"] == "/api/images" else JSON_BYTES
            length = headers.get(b"content-length", b"0")
            if length.isdigit() and int(length) > limit:
                if int(length) <= DRAINED * limit:
                    await _drain(receive)
                raise _too_large(limit)
        except Refused as refused:
            await refuse(refused, answer)
            return
        await self.app(scope, _limited(receive, limit), answer)

    def _check_host(self, scope: dict, headers: dict[bytes, bytes]) -> None:
        """A page of somebody else's whose name leads here (DNS rebinding) is told from ours by the name."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        known = self.config.hosts
        if len(hosts) != 1:
            raise Refused(400, "the request names no host, or several")
        name = host_of(hosts[0].decode("latin-1"))
        if known is not None and name not in known:
            raise Refused(
                421, f"this page is not known as {name[:80]!r}: `dst web --allow-host {name[:80]}` makes it known"
            )

    def _check_password(self, scope: dict, headers: dict[bytes, bytes]) -> None:
        if self.digest is None or scope["path"] == "/health":
            return
        address, now = client_of(scope), time.monotonic()
        tries = self.wrong[address] = [t for t in self.wrong.get(address, []) if now - t < TRIES_SECONDS]
        if not tries:
            self.wrong.pop(address, None)
        if len(tries) >= TRIES:
            raise Refused(429, f"too many wrong passwords: wait {TRIES_SECONDS:g} s")
        given = _password(headers.get(b"authorization", b""))
        if given is not None and hmac.compare_digest(_digest(given), self.digest):
            return
        if given is not None:
            self.wrong.setdefault(address, []).append(now)
            if len(self.wrong) > 10_000:
                self.wrong.clear()
        ask = ((b"www-authenticate", b'Basic realm="dst", charset="UTF-8"'),)
        raise Refused(401, "this page asks for a password, under any user name", "password", ask)

    def _check_sender(self, scope: dict, headers: dict[bytes, bytes]) -> None:
        """Nothing is changed for a form or a script of another site, which cannot send this header."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return
        if headers.get(HEADER) != b"1":
            raise Refused(403, "the header `X-DST: 1` is missing, which every request that changes something needs")
        if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
            raise Refused(403, "the request comes from another site")

    def _give_session(self, scope: dict, headers: dict[bytes, bytes], new: list) -> None:
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            cookies = SimpleCookie()
        given = cookies[COOKIE].value if COOKIE in cookies else None
        session, cookie = self.sessions.find(given)
        if session is None:
            raise Refused(503, "too many visitors: try again later")
        scope["session"] = session
        if cookie != given:
            secure = "; Secure" if scope.get("scheme") == "https" else ""
            new.append((b"set-cookie", f"{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict{secure}".encode()))


def client_of(scope: dict) -> str:
    """The address that a request comes from."""
    return scope["client"][0] if scope.get("client") else ""


def is_near(address: str) -> bool:
    """Whether an address is this machine's own."""
    return address in (*LOOPBACK, "")


def host_of(header: str) -> str:
    """The name in a Host header, without the port, in small letters."""
    found = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::\d*)?", header.strip().lower())
    return (found[1] or found[2] or "") if found else header


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()


def _password(header: bytes) -> str | None:
    """The password of an Authorization header of the kind Basic; None where there is none."""
    kind, _, value = header.partition(b" ")
    if kind.lower() != b"basic":
        return None
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _too_large(limit: int) -> Refused:
    return Refused(413, f"it is larger than {limit / 1e6:g} million bytes, the most that is taken: give a smaller file")


async def _drain(receive: Any) -> None:
    """Let a body that is too large arrive and forget it: a browser that is cut off in between does not show the answer."""
    end = time.monotonic() + BODY_SECONDS
    with contextlib.suppress(TimeoutError):
        while (await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))).get("more_body", False):
            pass


def _limited(receive: Any, limit: int) -> Any:
    """A `receive` that ends a request whose body is larger than it said, or does not come."""
    seen, end, whole = 0, time.monotonic() + BODY_SECONDS + limit / SLOWEST, False

    async def limited() -> dict:
        nonlocal seen, whole
        if whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), min(BODY_SECONDS, max(0.0, end - time.monotonic())))
        except TimeoutError:
            raise Refused(408, "the request did not arrive in time") from None
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if seen > limit:
                raise _too_large(limit)
        return message

    return limited


async def refuse(refused: Refused, send: Any) -> None:
    """Answer with an error as JSON."""
    body = json.dumps({"error": str(refused), "field": refused.field}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *refused.headers]
    headers += [(b"cache-control", b"no-store"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
