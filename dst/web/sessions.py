"""Whose is what: sessions, their pictures and jobs, in one private folder; what is old is deleted.

A session is known by a random number in a cookie; on the disk by a digest of it, so that a listing of the folder lets nobody
in. Names of files are made here or looked up in a table, never taken from a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

ID = re.compile(r"[A-Za-z0-9_-]{22,64}")
"""What an id looks like; nothing else is looked up."""
KEY = re.compile(r"[0-9a-f]{40}")
MOST_SESSIONS, MOST_PICTURES = 10_000, 100
"""Sessions that are known at once, and pictures of one."""
UNFINISHED = "the server was stopped before this was done: start it again"
FINAL = ("done", "stopped", "failed", "cancelled")
"""States of a job that do not change."""


def fresh_id() -> str:
    """A name that nobody guesses."""
    return secrets.token_urlsafe(24)


@dataclass
class Picture:
    """A picture of a session, whose folder holds the file itself as `full` and smaller ones to show.

    `sample` is the id of the painter or the sample photograph that it is.
    """

    id: str
    name: str
    width: int
    height: int
    full: str
    note: str | None = None
    mime: str = "image/jpeg"
    kind: str = "picture"
    sample: str | None = None
    used: float = 0.0


@dataclass
class Job:
    """A job of a session: what was asked for, how far it is, what it came to."""

    id: str
    kind: str
    created: float
    content: str | None = None
    styles: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    points: list[list[Any]] | None = None
    task: str | None = None
    masks: list[str] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)
    state: str = "queued"
    stage: str | None = None
    done: int = 0
    total: int = 0
    share: float = 0.0
    seconds_left: float | None = None
    preview: int = 0
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    note: str | None = None
    began: float | None = None
    ended: float | None = None
    used: float = 0.0

    @property
    def final(self) -> bool:
        """Whether it is over."""
        return self.state in FINAL


class Session:
    """The pictures and jobs of one visitor."""

    def __init__(self, key: str, folder: Path) -> None:
        self.key, self.folder, self.used = key, folder, time.time()
        self.pictures: dict[str, Picture] = {}
        self.jobs: dict[str, Job] = {}
        self.streams = 0
        self.taking = asyncio.Lock()  # a large picture takes seconds: one visitor's are read one after another

    def home(self, item: Picture | Job) -> Path:
        """The folder of a picture or a job, made where it is not there."""
        place = self.folder / ("jobs" if isinstance(item, Job) else "pictures") / item.id
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        return place

    def keep(self, item: Picture | Job) -> None:
        """Write what is known of a picture or a job beside its files."""
        place = self.home(item) / "about.json"
        part = place.with_name(f".{secrets.token_hex(4)}")
        part.write_text(json.dumps(asdict(item)), encoding="utf-8")
        os.replace(part, place)

    def drop(self, item: Picture | Job) -> None:
        """Forget a picture or a job, and delete its files."""
        (self.jobs if isinstance(item, Job) else self.pictures).pop(item.id, None)
        shutil.rmtree(self.folder / ("jobs" if isinstance(item, Job) else "pictures") / item.id, ignore_errors=True)

    def load(self) -> None:
        """Read what an earlier server kept; a job that it did not finish has failed."""
        for kind, table, folder in ((Picture, self.pictures, "pictures"), (Job, self.jobs, "jobs")):
            for place in sorted((self.folder / folder).glob("*")):
                with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
                    item = _read(kind, place)
                    table[item.id] = item
        for job in self.jobs.values():
            if not job.final:
                job.state, job.preview = "failed", 0
                job.error = {"error": UNFINISHED, "field": None}


def _read(kind: type, place: Path) -> Any:
    """What was kept in a folder, if it is of the form that is written here.

    Raises:
        ValueError, OSError, TypeError: it is not.
    """
    if not ID.fullmatch(place.name) or place.is_symlink():
        raise ValueError(place.name)
    data = json.loads((place / "about.json").read_text(encoding="utf-8"))
    item = kind(**{f.name: data[f.name] for f in fields(kind) if f.name in data})
    if item.id != place.name or not isinstance(item.used, (int, float)):
        raise ValueError(item.id)
    if isinstance(item, Picture) and not (type(item.width) is type(item.height) is int and _is_name(item.full)):
        raise ValueError(item.full)
    lists = isinstance(item, Job) and all(isinstance(v, list) for v in (item.styles, item.masks, item.cells))
    if isinstance(item, Job) and not (lists and isinstance(item.options, dict)):
        raise ValueError(item.kind)
    return item


def _is_name(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[a-z0-9]+(\.[a-z0-9]+)?", text) is not None


class Sessions:
    """All sessions of a server."""

    def __init__(self, home: Path, keep: float) -> None:
        """`home` is a private folder, `keep` seconds that anything is kept after its last use."""
        self.home, self.seconds = home / "sessions", keep
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.table: dict[str, Session] = {}
        for place in self.home.glob("*"):
            if KEY.fullmatch(place.name) and place.is_dir() and not place.is_symlink():
                session = self.table[place.name] = Session(place.name, place)
                session.load()

    def find(self, cookie: str | None) -> tuple[Session | None, str]:
        """The session of a cookie and the cookie to set; a new one where it is not known, None where there are too many."""
        if cookie is not None and ID.fullmatch(cookie):
            session = self.table.get(_key(cookie))
            if session is not None:
                session.used = time.time()
                return session, cookie
        if len(self.table) >= MOST_SESSIONS:
            idle = next((s for s in self.table.values() if not (s.pictures or s.jobs or s.streams)), None)
            if idle is None:
                return None, ""
            del self.table[idle.key]
        cookie = secrets.token_urlsafe(32)
        key = _key(cookie)
        self.table[key] = Session(key, self.home / key)
        return self.table[key], cookie

    def tidy(self, now: float | None = None) -> None:
        """Delete what was not used for as long as things are kept; never a job that waits or runs, nor its pictures."""
        before = (time.time() if now is None else now) - self.seconds
        for session in list(self.table.values()):
            needed = {one for job in session.jobs.values() if not job.final for one in (job.content, *job.styles)}
            for job in list(session.jobs.values()):
                if job.final and max(job.used, job.ended or job.created) < before:
                    session.drop(job)
            for picture in list(session.pictures.values()):
                if picture.used < before and picture.id not in needed:
                    session.drop(picture)
            if session.used < before and not session.jobs and not session.pictures and not session.streams:
                del self.table[session.key]
                shutil.rmtree(session.folder, ignore_errors=True)


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()[:40]
