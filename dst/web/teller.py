"""How a task in a worker tells the server how it goes."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

EVERY = 0.1
"""Seconds between two reports of progress at least."""


class Teller:
    """Tells the server how a task goes, and knows whether it shall stop.

    Attributes:
        stopped: whether the task was asked to end with the best so far.
    """

    def __init__(self, connection: Any) -> None:
        self.connection, self.stopped, self._last = connection, False, 0.0
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message."""
        data = json.dumps(message).encode()
        with self._lock:
            self.connection.send_bytes(data)

    def tell(self, now: bool = True, **what: Any) -> None:
        """Report fields of the job; where it need not be `now`, ten times a second at most."""
        moment = time.monotonic()
        if now or moment - self._last >= EVERY:
            self._last = moment
            self.send({"told": what})
