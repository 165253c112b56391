"""Pictures by their address on the web, fetched with care: public addresses alone, size and time limited.

A name is resolved once and the connection made to the address that was checked, so that a name whose address changes in
between leads nowhere else; each redirect is checked as the first address was. Settings of a proxy are not used.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from dst.config import InputError

SECONDS, REDIRECTS, CHUNK = 20.0, 4, 65536
"""The most time that a picture may take, how often it may lead on, and how much is read at once."""
PORTS = {"http": 80, "https": 443}
LONGEST = 2048
TYPES = ("image/jpeg", "image/png", "image/webp", "image/tiff", "image/bmp", "image/gif", "image/x-ms-bmp")
"""Kinds of content that are taken."""
ADVICE = "give the address of a picture, or save it and upload the file"
Resolve = Callable[[str, int], list[str]]
_NESTED = ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10")
NESTED = tuple(map(ipaddress.ip_network, _NESTED))
"""Ranges of IPv6 that carry addresses of IPv4 inside, or are of a site alone: what they lead to is not told by looking."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if getattr(ip, "ipv4_mapped", None) is not None:
        ip = ip.ipv4_mapped
    if ip.version == 6 and any(ip in network for network in NESTED):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def check_link(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and target of an address.

    Raises:
        InputError: it is no address of the web, names a user, or another port than that of its scheme.
    """
    if not isinstance(url, str) or len(url) > LONGEST or not url.isprintable() or re.search(r"[\s\\]", url):
        raise InputError(f"url is no address of the web: {ADVICE}")
    try:
        parts = urllib.parse.urlsplit(url)
        port, host = parts.port, parts.hostname or ""
        host = host if ":" in host else host.encode("idna").decode("ascii")
    except ValueError:
        raise InputError(f"url {url[:80]!r} is no address of the web: {ADVICE}") from None
    if parts.scheme not in PORTS or not host:
        raise InputError(f"url {url[:80]!r} does not begin with http:// or https://: {ADVICE}")
    if parts.username is not None or parts.password is not None:
        raise InputError(f"url holds a user name or a password, which are not sent on: {ADVICE}")
    if port not in (None, PORTS[parts.scheme]):
        raise InputError(f"url names port {port}: only {PORTS[parts.scheme]}, the port of {parts.scheme}, is asked")
    target = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if parts.query:
        target += "?" + urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return parts.scheme, host, PORTS[parts.scheme], target


def name_of(url: str) -> str:
    """What a picture from an address is called."""
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])[:80] or "picture"


class _Plain(http.client.HTTPConnection):
    """A connection to an address that was checked, whatever the name says by now."""

    def __init__(self, host: str, port: int, address: str, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self.address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _Secure(_Plain):
    """The same with TLS; the certificate must be that of the name."""

    default_port = 443

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def fetch(
    url: str, target: Path, most: int, *, resolver: Resolve = resolve, public: Callable[[str], bool] = is_public,
    connect: Callable[[str, str, int, str, float], http.client.HTTPConnection] | None = None, seconds: float = SECONDS,
) -> None:  # fmt: skip
    """Fetch a picture into a file.

    Args:
        url: its address.
        target: the file.
        most: bytes that it may hold.
        resolver, public, connect: how names are resolved, which addresses are public and how to connect, for tests.
        seconds: for all of it.

    Raises:
        InputError: an address that is not public or cannot be reached, a page or anything else that is no picture, one too
            large or too slow, or one that leads on too often.
    """
    end = time.monotonic() + seconds
    for _ in range(REDIRECTS + 1):
        scheme, host, port, path = check_link(url)
        address = _address(host, port, resolver, public)
        link = (connect or _connection)(scheme, host, port, address, _left(end))
        cut = threading.Timer(_left(end), _cut, [link])
        try:
            link.connect()
            sock = link.sock
            cut.daemon = True
            cut.start()
            link.request("GET", path, headers={"User-Agent": "dst", "Accept": "image/*", "Accept-Encoding": "identity"})
            answer = link.getresponse()
            if answer.status in (301, 302, 303, 307, 308):
                url = urllib.parse.urljoin(url, answer.getheader("Location") or "")
                continue
            _check(answer, host, most)
            _save(answer, sock, target, most, end)
            return
        except InputError:
            raise
        except TimeoutError:
            raise _slow() from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            _left(end)
            why = getattr(error, "strerror", None) or type(error).__name__
            raise InputError(f"url: {host} does not give the picture ({why}): {ADVICE}") from None
        finally:
            cut.cancel()
            link.close()
    raise InputError(f"url leads on more than {REDIRECTS} times: {ADVICE}")


def _connection(scheme: str, host: str, port: int, address: str, timeout: float) -> http.client.HTTPConnection:
    return (_Secure if scheme == "https" else _Plain)(host, port, address, timeout)


def _address(host: str, port: int, resolver: Resolve, public: Callable[[str], bool]) -> str:
    """The address to connect to: public, as all of a name's must be."""
    try:
        found = resolver(host, port)
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise InputError(f"url: {host} is not found: {ADVICE}")
    if not all(map(public, found)):
        raise InputError(f"url: {host} is not on the public internet, and nothing else is asked: {ADVICE}")
    return found[0]


def _cut(link: http.client.HTTPConnection) -> None:
    """End a connection whose time is up, whatever it waits for: a byte now and then must not keep it."""
    if link.sock is not None:
        with contextlib.suppress(OSError):
            link.sock.shutdown(socket.SHUT_RDWR)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise _slow()
    return left


def _slow() -> InputError:
    return InputError(f"url: the picture does not come within {SECONDS:g} s: save it and upload the file")


def _check(answer: http.client.HTTPResponse, host: str, most: int) -> None:
    kind = (answer.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if answer.status != 200:
        raise InputError(f"url: {host} answers {answer.status} and gives no picture: {ADVICE}")
    if kind not in TYPES:
        raise InputError(f"url: {host} gives {kind[:40] or 'something'}, which is no picture: {ADVICE}")
    if (answer.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise InputError(f"url: {host} sends the picture packed: save it and upload the file")
    length = answer.getheader("Content-Length") or "0"
    if length.isdecimal() and int(length) > most:
        raise _large(most)


def _large(most: int) -> InputError:
    return InputError(f"url: the picture is larger than {most / 1e6:g} million bytes: give a smaller one")


def _save(answer: http.client.HTTPResponse, sock: socket.socket, target: Path, most: int, end: float) -> None:
    size = 0
    with target.open("wb") as file:
        while True:
            sock.settimeout(_left(end))
            part = answer.read1(CHUNK)
            if not part:
                break
            size += len(part)
            if size > most:
                raise _large(most)
            file.write(part)
    if size == 0:
        raise InputError(f"url gives an empty file: {ADVICE}")
