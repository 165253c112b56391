"""Pictures by their address: public addresses alone, whatever a name or a redirect leads to."""

import contextlib
import http.client
import http.server
import threading
import time

import pytest

from dst.config import InputError
from dst.web import links

PICTURE = b"\xff\xd8\xff\xe0" + bytes(5000)


class Site(http.server.BaseHTTPRequestHandler):
    """Answers by the path that is asked for."""

    def do_GET(self):
        """As BaseHTTPRequestHandler."""
        name = self.path.partition("?")[0].strip("/")
        self.server.asked.append((self.headers["Host"], self.path))
        kinds = {"page": "text/html", "vector": "image/svg+xml"}
        if name == "gone":
            self.send_error(404)
            return
        if name.startswith("to-"):
            self.send_response(302)
            targets = {
                "private": "http://inside.example/picture",
                "file": "file:///etc/passwd",
                "literal": "http://127.0.0.1/x",
                "port": "http://fine.example:22/",
                "round": "/to-round",
                "on": "http://fine.example/picture",
            }
            self.send_header("Location", targets[name[3:]])
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", kinds.get(name, "image/jpeg"))
        if name == "long":
            self.send_header("Content-Length", "99999999")
        if name == "packed":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range({"endless": 10_000, "slow": 100}.get(name, 1)):
                self.wfile.write(PICTURE if name != "empty" else b"")
                if name == "slow":
                    time.sleep(0.05)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def site():
    """A site on this machine; gives how to connect to it under any address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as found:
        found.asked = []
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


PLACES = {
    "fine.example": ["93.184.216.34"],
    "inside.example": ["10.1.2.3"],
    "both.example": ["93.184.216.34", "127.0.0.1"],
}


def fetch(site, url, target, most=20_000, seconds=5.0):
    used = []

    def connect(scheme, host, port, address, timeout):
        used.append(address)
        return links._Plain(host, site.server_port, "127.0.0.1", timeout)

    def resolver(host, port):
        return PLACES.get(host) or ([host] if links.is_public(host) or host[0].isdigit() else [])

    links.fetch(url, target, most, resolver=resolver, connect=connect, seconds=seconds)
    return used


def test_a_picture_is_fetched_from_the_address_that_was_checked(site, tmp_path):
    assert fetch(site, "http://fine.example/picture?size=2", tmp_path / "p") == ["93.184.216.34"]
    assert (tmp_path / "p").read_bytes() == PICTURE
    host, path = site.asked[-1]
    assert host.startswith("fine.example") and path == "/picture?size=2"
    assert fetch(site, "http://fine.example/to-on", tmp_path / "q") == ["93.184.216.34"] * 2
    assert links.name_of("http://fine.example/a%20b/c.jpg?x=1") == "c.jpg"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("to-private", "not on the public internet"), ("to-literal", "not on the public internet"),
        ("to-file", "does not begin with http"), ("to-port", "port 22"), ("to-round", "leads on more than"),
        ("page", "gives text/html"), ("vector", "gives image/svg"), ("gone", "answers 404"), ("packed", "packed"),
        ("long", "larger than"), ("endless", "larger than"), ("empty", "empty file"),
    ],
)  # fmt: skip
def test_what_is_no_picture_of_the_public_web_is_refused(site, tmp_path, path, words):
    with pytest.raises(InputError, match=words):
        fetch(site, f"http://fine.example/{path}", tmp_path / "p")


def test_a_slow_site_is_left(site, tmp_path):
    began = time.monotonic()
    with pytest.raises(InputError, match="does not come within"):
        fetch(site, "http://fine.example/slow", tmp_path / "p", 10**9, 0.4)
    assert time.monotonic() - began < 2


def test_a_site_that_drips_its_head_is_left(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip():
            link, _ = listening.accept()
            with link, contextlib.suppress(OSError):
                for _ in range(200):
                    link.sendall(b"H")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        with pytest.raises(InputError, match="within"):
            links.fetch(
                "http://fine.example/x", tmp_path / "p", 100, resolver=lambda *_: PLACES["fine.example"], seconds=0.5,
                connect=lambda s, host, p, a, timeout: links._Plain(host, listening.getsockname()[1], "127.0.0.1", timeout),
            )  # fmt: skip
        assert time.monotonic() - began < 3
        thread.join()


@pytest.mark.parametrize("host", ["inside.example", "both.example", "127.0.0.1", "169.254.169.254", "nowhere.example"])
def test_names_that_lead_inside_are_refused(site, tmp_path, host):
    before = len(site.asked)
    with pytest.raises(InputError, match=r"public internet|not found"):
        fetch(site, f"http://{host}/picture", tmp_path / "p")
    assert len(site.asked) == before


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1",
        "2001:0:1::", "fec0::1", "localhost", "",
    ],
)  # fmt: skip
def test_addresses_inside_are_no_public_ones(address):
    assert not links.is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_outside_are(address):
    assert links.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "", "fine.example", "ftp://fine.example/x", "file:///etc/passwd", "http://", "http:///x", "javascript:alert(1)",
        "http://user:pass@fine.example/", "http://fine.example:8080/", "http://fine.example:x/", "http://fine\r\nX: 1/",
        "http://fine.example/ b", "http://fine.example\\@evil/", "http://[::1", "data:image/png;base64,AA", "x" * 3000, None, 7,
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(url):
    with pytest.raises(InputError, match=r"^url"):
        links.check_link(url)


def test_the_secure_connection_asks_for_the_certificate_of_the_name(monkeypatch):
    found = {}
    monkeypatch.setattr(links.socket, "create_connection", lambda address, timeout: found.setdefault("to", address))

    class Context:
        def wrap_socket(self, sock, server_hostname):
            found["name"] = server_hostname

    monkeypatch.setattr(links.ssl, "create_default_context", Context)
    link = links._connection("https", "fine.example", 443, "93.184.216.34", 5.0)
    assert isinstance(link, http.client.HTTPConnection)
    link.connect()
    assert found == {"to": ("93.184.216.34", 443), "name": "fine.example"}
