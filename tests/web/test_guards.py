"""Who may ask, under which name, how much at once."""

import base64
import socket
import time

import pytest

pytest.importorskip("starlette", reason="the page is not installed: pip install '.[web]'")

from visiting import bare, plain, raw

from dst.web import guards
from dst.web import server as server_module

POST = {"X-DST": "1"}


@pytest.fixture(scope="module")
def shut_server():
    """A server without workers."""
    with bare() as found:
        yield found


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_machines_own_names_are_known(shut_server, name):
    assert plain(shut_server.port, "GET", "/api/config", headers={"Host": f"{name}:{shut_server.port}"})[0] == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1].evil", "10.0.0.1"]
)
def test_a_name_that_leads_here_from_elsewhere_is_refused(shut_server, name):
    status, _, said = plain(shut_server.port, "GET", "/api/config", headers={"Host": f"{name}:80"})
    assert status == 421 and "not known" in said["error"]
    assert plain(shut_server.port, "GET", "/", headers={"Host": name or "x"})[0] == 421


def test_two_names_or_none_are_refused(shut_server):
    for hosts in (b"Host: localhost\r\nHost: evil.example\r\n", b""):
        said = raw(shut_server.port, b"GET / HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 400")


def test_a_name_that_was_allowed_is_known():
    with bare(allow_host="paint.example, other.example") as found:
        for name, status in (("paint.example", 200), ("other.example:8080", 200), ("third.example", 421)):
            assert plain(found.port, "GET", "/health", headers={"Host": name})[0] == status


def test_what_changes_something_needs_the_header(shut_server):
    for method, path in (("POST", "/api/jobs"), ("POST", "/api/images"), ("DELETE", "/api/jobs/" + "a" * 32)):
        status, _, said = plain(shut_server.port, method, path, b"{}", {"Content-Type": "text/plain"})
        assert status == 403 and "X-DST" in said["error"]
        status, *_ = plain(shut_server.port, method, path, b"{}", {**POST, "Sec-Fetch-Site": "cross-site"})
        assert status == 403
    assert (
        plain(shut_server.port, "OPTIONS", "/api/jobs", None, {"Origin": "http://evil.example"})[1].get(
            "Access-Control-Allow-Origin"
        )
        is None
    )


def test_every_answer_keeps_the_browser_here(shut_server):
    for path in ("/", "/health", "/docs", "/api/config", "/nothing", "/static/nothing.js"):
        _, headers, _ = plain(shut_server.port, "GET", path)
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"] and "http" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        assert "server" not in headers


def test_a_session_is_a_cookie_that_no_script_and_no_other_site_sees(shut_server):
    _, headers, _ = plain(shut_server.port, "GET", "/api/jobs")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie and "Secure" not in cookie
    name, value = cookie.partition(";")[0].split("=")
    assert name == "dst" and len(value) >= 43
    again = plain(shut_server.port, "GET", "/api/jobs", headers={"Cookie": f"dst={value}"})[1]
    assert again["Set-Cookie"] is None
    for wrong in ("dst=" + "a" * 43, "dst=../../x", 'dst="', "dst=" + "é" * 20, "; ;=;"):
        fresh = plain(shut_server.port, "GET", "/api/jobs", headers={"Cookie": wrong.encode("latin-1")})[1][
            "Set-Cookie"
        ]
        assert fresh is not None and value not in fresh  # nobody chooses an id
    assert plain(shut_server.port, "GET", "/api/jobs", headers={"X-Forwarded-Proto": "https"})[1][
        "Set-Cookie"
    ].endswith("Secure")


def test_a_password_is_asked_for_and_wrong_ones_are_counted(monkeypatch):
    monkeypatch.setattr(guards, "TRIES", 3)
    with bare(password="a long pass") as found:

        def ask(words=None, path="/api/config"):
            sent = {} if words is None else {"Authorization": "Basic " + base64.b64encode(words.encode()).decode()}
            return plain(found.port, "GET", path, headers=sent)

        status, headers, said = ask()
        assert status == 401 and headers["WWW-Authenticate"].startswith("Basic") and said["field"] == "password"
        assert ask(path="/health")[0] == 200
        assert ask("anyone:a long pass")[0] == ask(":a long pass")[0] == 200
        for wrong in ("anyone:a long pas", "a long pass:", "x:A long pass"):
            assert ask(wrong)[0] == 401
        assert ask("anyone:a long pass")[0] == 429  # too many: the right one waits too
    assert not guards._password(b"Basic %%%") and guards._password(b"Bearer x") is None


def test_a_body_beyond_the_limit_is_not_read(shut_server):
    port, head = shut_server.port, b"Host: localhost\r\nX-DST: 1\r\nConnection: close\r\n"
    said = raw(port, b"POST /api/images HTTP/1.1\r\n" + head + b"Content-Length: 99999999999\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413") and b"larger than 40 million bytes" in said
    said = raw(port, b"POST /api/jobs HTTP/1.1\r\n" + head + b"Content-Length: 160000001\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413")


def test_a_body_that_grows_beyond_the_limit_is_cut(monkeypatch):
    with bare(max_upload=1) as found:
        head = b"POST /api/images HTTP/1.1\r\nHost: localhost\r\nX-DST: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n" % 65536 + bytes(65536) + b"\r\n"
        assert raw(found.port, head + 20 * chunk + b"0\r\n\r\n").startswith(b"HTTP/1.1 413")


def test_huge_heads_and_slow_ones_are_let_go(monkeypatch):
    monkeypatch.setattr(server_module, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(guards, "BODY_SECONDS", 0.3)
    with bare() as found:
        assert raw(found.port, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40000).startswith(b"HTTP/1.1 400")
        began = time.monotonic()
        assert raw(found.port, b"GET / HTT") == raw(found.port, b"") == b""
        twice = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /heal"
        assert raw(found.port, twice).count(b"HTTP/1.1 200") == 1
        slow = b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nX-DST: 1\r\nContent-Length: 100\r\n\r\n{"
        assert b"HTTP/1.1 408" in raw(found.port, slow)
        assert time.monotonic() - began < 8
        assert plain(found.port, "GET", "/health")[0] == 200


def test_paths_lead_nowhere_else(shut_server):
    for path in (
        "/static/../worker.py", "/static/%2e%2e/worker.py", "/static/..%2fworker.py", "/static//etc/passwd",
        "/static/..\\worker.py", "/api/painters/..%2f..%2fsetup.cfg", "/api/painters/%2e%2e", "/api/samples/../../x",
        "/api/images/../../etc/passwd", "/api/images/%2e%2e%2f%2e%2e", "/api/jobs/" + "a" * 32 + "/files/..%2f..%2fabout.json",
    ):  # fmt: skip
        status, _, said = plain(shut_server.port, "GET", path)
        assert status in (404, 405), (path, status, said)


def test_errors_are_json_whatever_is_asked(shut_server):
    for method, path, status in (
        ("GET", "/nothing", 404), ("PUT", "/api/jobs", 405), ("GET", "/api/images/short", 404),
        ("GET", "/api/jobs/" + "x" * 32, 404), ("GET", "/api/jobs/" + "x" * 32 + "/events", 404),
    ):  # fmt: skip
        found, _, said = plain(shut_server.port, method, path, headers=POST)
        assert found == status and set(said) == {"error", "field"}, (path, found)
    for body in (b"", b"{", b"[]", b'"x"', b"[" * 200_000, b"\xff\xfe"):
        found, _, said = plain(shut_server.port, "POST", "/api/jobs", body, POST)
        assert found == 400 and "JSON" in said["error"]


def test_health_and_the_description_of_the_api(shut_server):
    from dst.web.openapi import ROUTES

    status, _, said = plain(shut_server.port, "GET", "/health")
    assert status == 200 and said["status"] == "ok" and said["workers"] == 1 and said["queued"] == said["running"] == 0
    _, _, api = plain(shut_server.port, "GET", "/openapi.json")
    assert api["openapi"].startswith("3.") and len(ROUTES) == sum(map(len, api["paths"].values()))
    for method, path, *_ in ROUTES:  # each one that is described is there
        if path == "/api/images":
            continue  # would wait for a worker
        place = path.replace("{id}", "a" * 32).replace("{name}", "image.png")
        status, _, said = plain(shut_server.port, method.upper(), place, b"{}" if method != "get" else None, POST)
        assert status != 405 and not (status == 404 and "address" in str(said)), path
    html = plain(shut_server.port, "GET", "/docs")[2]
    assert b"<script" not in html and b"http://" not in html.replace(b"http or https", b"") and b"/api/warp" in html


def test_finished_results_are_there_after_a_restart(tmp_path):
    from dst.web.sessions import Job, Sessions, fresh_id

    state = tmp_path / "state"
    state.mkdir()
    session, cookie = Sessions(state, 100).find(None)
    job = Job(
        fresh_id(), "stylize", 1.0, None, [], state="done", result={"verdict": "fine", "matches": []}, used=time.time()
    )
    (session.home(job) / "run").mkdir()
    (session.home(job) / "run" / "image.png").write_bytes(b"a picture")
    session.keep(job)
    with bare(state=str(state)) as found:
        mine = {"Cookie": f"dst={cookie}"}
        (row,) = plain(found.port, "GET", "/api/jobs", headers=mine)[2]
        assert row["id"] == job.id and row["result"]["verdict"] == "fine"
        assert plain(found.port, "GET", "/" + row["result"]["image"], headers=mine)[2] == b"a picture"
        assert plain(found.port, "GET", "/" + row["result"]["image"])[0] == 404
    assert (session.home(job) / "run" / "image.png").exists()


def test_one_address_leaves_room_for_others(monkeypatch):
    """Connections and streams of another machine are limited; those of a reverse proxy here are told apart by whom it names."""
    monkeypatch.setattr(server_module, "LOOPBACK", ("10.9.8.7",))  # so that this machine counts as another
    monkeypatch.setattr(server_module, "PER_ADDRESS", 3)
    with bare() as found:
        held = [socket.create_connection(("127.0.0.1", found.port), 5) for _ in range(3)]
        for one in held:  # each is answered, and stays open
            one.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(15).startswith(b"HTTP/1.1 200")
        assert raw(found.port, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
        for one in held:
            one.close()
        end = time.monotonic() + 5
        while server_module.PEERS["127.0.0.1"] and time.monotonic() < end:
            time.sleep(0.01)
        assert plain(found.port, "GET", "/health")[0] == 200


def test_streams_of_one_address_are_limited_whatever_its_sessions(monkeypatch, tmp_path):
    from dst.web import api
    from dst.web.sessions import Job, Sessions, fresh_id

    monkeypatch.setattr(api, "MOST_OF_ADDRESS", 1)
    session, cookie = Sessions(tmp_path, 100).find(None)
    waits = Job(fresh_id(), "stylize", 1.0, None, [], used=time.time())
    with bare() as found:
        guard = found.server.config.app
        guard.sessions.table[session.key], session.jobs[waits.id] = session, waits
        head = f"GET /api/jobs/{waits.id}/events HTTP/1.1\r\nHost: localhost\r\nCookie: dst={cookie}\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
        with socket.create_connection(("127.0.0.1", found.port), 5) as first:
            first.sendall(head.encode())
            assert first.recv(15).startswith(b"HTTP/1.1 200")
            assert raw(found.port, head.encode()).startswith(b"HTTP/1.1 429")
            other = head.replace("203.0.113.7", "203.0.113.8")
            with socket.create_connection(("127.0.0.1", found.port), 5) as second:
                second.sendall(other.encode())
                assert second.recv(15).startswith(b"HTTP/1.1 200")


def test_one_visitors_pictures_are_read_one_after_another(monkeypatch):
    """However many large ones somebody sends at once, the worker beside is left for others."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from visiting import Visitor

    from dst.web.pool import Pool

    running, most = set(), []

    async def run(self, task, payload, **_):
        running.add(payload["path"])
        most.append(len(running))
        await asyncio.sleep(0.05)
        running.discard(payload["path"])
        return {"width": 16, "height": 16, "full": "f0", "mime": "image/png", "note": None}

    monkeypatch.setattr(Pool, "run", run)
    with bare() as found, ThreadPoolExecutor(4) as threads:
        mine, other = Visitor(found.url), Visitor(found.url)
        for visitor in (mine, other):
            visitor.get("api/jobs")  # which gives the cookie
        send = lambda visitor: visitor.ask("POST", "api/images", b"a picture")[0]  # noqa: E731
        assert list(threads.map(send, [mine] * 3)) == [201] * 3 and max(most) == 1
        assert list(threads.map(send, [mine, mine, other, other])) == [201] * 4 and max(most) == 2
