"""`dst web` as a process: what it says, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import refused
from visiting import Visitor

import cli

pytest.importorskip("starlette", reason="the page is not installed: pip install '.[web]'")

ROOT = Path(cli.__file__).parent


def heard() -> None:
    """Let Ctrl-C through, as in a terminal: what a script starts in the background begins with it shut off."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_ctrl_c_ends_it_cleanly(tmp_path):
    import psutil

    environment = {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "c"),
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "web", "--no-browser", "--port", "0"],
        env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heard,
    )  # fmt: skip
    try:
        line = process.stderr.readline()
        assert line.startswith("dst: the page is at http://127.0.0.1:"), line
        url = line.split()[5].rstrip(";")
        with urllib.request.urlopen(f"{url}health", timeout=30) as answer:
            assert json.load(answer)["status"] == "ok"
        assert len([p for p in tmp_path.iterdir() if p.name.startswith(".dst-run")]) == 1
        someone = Visitor(url)
        picture = someone.ask("POST", "api/images/sample", {"id": "ink"})[1]
        job = someone.start(picture, picture, options={"steps": 10_000})
        stream = someone.opener.open(f"{url}api/jobs/{job}/events", timeout=30)
        assert b'"running"' in stream.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2  # what workers are forked from among them
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to the workers too, at whatever they are
        with stream:
            stream.read()  # it ends
        rest = process.communicate(timeout=30)[1]
        assert process.returncode == 130 and rest == "dst: stopped\n"
        end = time.monotonic() + 10
        while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in children) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in children)
        assert not [p for p in tmp_path.iterdir() if p.name.startswith(".dst")]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "--share-on-network"),
        (["--share-on-network"], "--password"),
        (["--share-on-network", "--password", "short"], "8 printable characters"),
        (["--keep", "soon"], "such as 90s, 30m, 1h or 2d"),
        (["--painters", "/nowhere/at/all"], "--painters"),
        (["--host", "203.0.113.7", "--share-on-network", "--password", "a long pass"], "cannot be used"),
        (["--workers", "0"], "--workers"),
    ],
)  # fmt: skip
def test_bad_options_get_one_line(capsys, monkeypatch, tmp_path, arguments, words):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("DST_WEB_PASSWORD", raising=False)
    said = refused(capsys, "web", "--no-browser", "--port", "0", *arguments)
    assert words in said and "short" not in said.replace("too short", "")


def test_a_port_that_is_taken_is_said_so(capsys, monkeypatch, tmp_path):
    import socket

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused(capsys, "web", "--no-browser", "--port", taken.getsockname()[1])
    assert "cannot be used" in said and "--port" in said


def test_without_the_extra_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "dst.web.server", raising=False)
    assert "pip install '.[web]'" in refused(capsys, "web", "--no-browser", "--port", "0")


def test_nothing_of_the_page_is_loaded_before_it_is_asked_for(python):
    code = """
import sys, dst, cli
assert cli.main(["web", "--help"]) == 0
print([name for name in ("starlette", "uvicorn", "anyio", "asyncio", "torch") if name in sys.modules])
"""
    assert python("-c", code).stdout.splitlines()[-1] == "[]"


def test_the_servers_process_computes_nothing(python):
    code = """
import sys
from dst.web import server, worker
print([name for name in ("torch", "numpy", "PIL", "cv2", "kornia") if name in sys.modules])
"""
    assert python("-c", code).stdout.splitlines()[-1] == "[]"
