"""Options of the page and its API: where it listens, who may come, what it takes, does and keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dst.config.base import Checked, InputError, option, shown
from dst.config.kinds import Folder, Kind, Switch, Text, whole
from dst.config.optim import MOST_PIXELS

PORT = 7860
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Seconds of each unit of a duration."""
LEAST_PASSWORD = 8
"""Characters of the shortest password."""
NO_FOLDER = "none"
"""What `--painters` takes to forget the folder that it remembers."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Hosts that only this machine reaches."""
MOST_STYLES = 4
"""Paintings that one picture is mixed of on the page."""
INSTANT_SIDE, WARP_SIDE = 768, 512
"""Long sides of the largest instant answer and of the largest warped preview, pixels."""


class Duration(Kind):
    """A time with its unit, `90s`, `30m`, `1h` or `2d`; from Python seconds."""

    metavar = "TIME"
    low, high = 1, 365 * 86400

    def parse(self, name: str, text: str, home: Any = None) -> int:
        """As `Kind.parse`."""
        found = re.fullmatch(r"(\d{1,9})\s*([smhd])", text.strip().lower())
        if not found:
            raise InputError(f"{name} is {shown(text)}: it takes {self.allowed()}")
        return self.check(name, int(found[1]) * UNITS[found[2]])

    def check(self, name: str, value: Any) -> int:
        """As `Kind.check`."""
        if isinstance(value, str):
            return self.parse(name, value)
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise InputError(f"{name} is {shown(value)}: it takes {self.allowed()}")
        return value

    def allowed(self) -> str:
        """As `Kind.allowed`."""
        return "a time from 1s to 365d, such as 90s, 30m, 1h or 2d"


class Password(Text):
    """A text that a guest has to know."""

    def check(self, name: str, value: Any) -> str:
        """As `Kind.check`; the message does not repeat what was given."""
        if not isinstance(value, str) or len(value) < LEAST_PASSWORD or not value.isprintable():
            raise InputError(f"{name} is too short: it takes {LEAST_PASSWORD} printable characters or more")
        return value


@dataclass(frozen=True)
class WebConfig(Checked):
    """The page and its API."""

    host: str = option(
        "127.0.0.1", "address to listen at; all but this machine's own need --share-on-network", Text("ADDRESS"), ""
    )
    port: int = option(PORT, "port to listen at; 0 for any that is free", whole(0, 65535), "")
    browser: bool = option(True, "open the page in the browser", Switch(), "")
    share_on_network: bool = option(
        False, "let other machines reach the page; asks for a password", Switch(), "who may come"
    )
    password: str | None = option(
        None,
        "what everyone is asked for, under any user name; DST_WEB_PASSWORD in the environment does the same",
        Password("WORDS"),
        "who may come",
    )
    allow_host: str | None = option(
        None,
        "names that the page is called by beside this machine's own, with commas between, as behind a reverse proxy",
        Text("NAME[,NAME]"),
        "who may come",
    )
    links: bool = option(True, "take pictures by their address on the web", Switch(), "what may come")
    workers: int = option(1, "pictures that are painted at once, each in a process of its own", whole(1, 64), "work")
    threads: int = option(
        0, "processor threads of each worker, 0 for an equal share of the cores", whole(0, 1024), "work"
    )
    jobs: int = option(3, "jobs of one visitor that wait or run at once", whole(1, 100), "work")
    job_time: int = option(
        3600, "a job is stopped after this time, and the best so far kept", Duration(), "work", flag="--job-time"
    )
    max_size: int = option(
        1024, "long side of the largest result that may be asked for, pixels", whole(64, MOST_PIXELS), "what may come"
    )
    max_megapixels: int = option(
        24, "pictures of more million pixels are scaled down to as many, with a notice", whole(1, 178), "what may come"
    )
    max_upload: int = option(40, "largest file that is taken, million bytes", whole(1, 1000), "what may come")
    keep: int = option(
        3600, "pictures and results are deleted this long after they were last used", Duration(), "what is kept"
    )
    state: str | None = option(
        None, "a folder that keeps pictures and finished results over a restart", Folder(), "what is kept"
    )
    painters: str | None = option(
        None,
        f"a folder of your own paintings for the menu, remembered for the next time; {NO_FOLDER!r} forgets it",
        Folder(),
        "what is kept",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.host or not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", self.host):
            raise InputError(f"host is {shown(self.host)}: it takes an address or a name, such as 127.0.0.1")
        if self.host not in LOOPBACK and not self.share_on_network:
            raise InputError(
                f"host is {self.host}, which other machines can reach: give `share_on_network` too if that is meant, or leave it out"
            )
        if self.share_on_network and self.password is None:
            raise InputError(
                "`share_on_network` is given without a password: give `password` too, so that not everyone can come in"
            )

    @property
    def address(self) -> str:
        """Where it listens: all of this machine's addresses where the network is let in and none is named."""
        return "0.0.0.0" if self.share_on_network and self.host == LOOPBACK[0] else self.host

    @property
    def hosts(self) -> frozenset[str] | None:
        """Names that a request may call the page by, without their ports; None for any, where a password guards it."""
        if self.share_on_network:
            return None
        more = [name.strip().lower() for name in (self.allow_host or "").split(",") if name.strip()]
        return frozenset((*LOOPBACK, self.host.lower(), *more))
