"""The Dockerfile, read and not built: what it copies is there, and what it starts is installed."""

import configparser
import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from dst.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not (ROOT / "Dockerfile").exists(), reason="no checkout")


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """Each instruction and what follows it."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


@pytest.fixture(scope="module")
def setup() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def copied(steps) -> set[str]:
    return {name for step, given in steps if step == "COPY" for name in given.split()[:-1]}


def test_what_is_copied_is_there_and_not_ignored(steps):
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    kept = {line[1:] for line in ignored if line.startswith("!")}
    for name in copied(steps):
        assert (ROOT / name).exists() and any(fnmatch(name, pattern) for pattern in kept), name
    assert kept == copied(steps)


def test_what_an_installation_needs_is_copied(steps, setup):
    packages = {name.split(".")[0] for name in setup["options"]["packages"].split()}
    folders = {
        *packages,
        *(line.split("=")[1].strip() for line in setup["options"]["package_dir"].strip().splitlines()),
    }
    files = {setup["metadata"]["long_description"].removeprefix("file: "), *setup["metadata"]["license_files"].split()}
    assert folders | files | {"setup.cfg", "pyproject.toml", "constraints.txt"} == copied(steps)


def test_it_starts_the_installed_command_as_no_root(steps, setup):
    (script,) = setup["options.entry_points"]["console_scripts"].strip().splitlines()
    found = dict(steps)
    assert json.loads(found["ENTRYPOINT"]) == [script.split("=")[0].strip()]
    assert json.loads(found["CMD"])[0] in COMMANDS
    order = [step for step, _ in steps]
    assert found["USER"] not in ("root", "0") and order.index("USER") > max(
        k for k, s in enumerate(order) if s == "RUN"
    )


def test_its_python_is_new_enough_and_nothing_is_left_over(steps, setup):
    found = dict(steps)
    version = re.fullmatch(r"python:(\d+)\.(\d+)-slim", found["FROM"])
    least = re.fullmatch(r">=(\d+)\.(\d+)", setup["options"]["python_requires"])
    assert tuple(map(int, version.groups())) >= tuple(map(int, least.groups()))
    (install,) = [given for step, given in steps if step == "RUN" and "pip" in given]
    assert "--no-cache-dir" in install and "-c constraints.txt ." in install
