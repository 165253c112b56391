"""What runs in a worker process: takes tasks as JSON, does one at a time, tells how far it is.

Nothing is pickled. A message is one JSON object: `{"task": ..., "payload": {...}}` and `{"stop": true}` come in,
`{"ready": true}`, `{"told": {...}}`, `{"done": {...}}` and `{"failed": {"error": ..., "field": ...}}` go out.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
import warnings
from typing import Any

from dst.web.teller import Teller


def main(connection: Any, settings: dict[str, Any]) -> None:
    """Serve tasks until the server lets go of the connection.

    Args:
        connection: one end of a pipe.
        settings: `threads`, and `quick`, whether small tasks are what it is for.
    """
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), signal.SIG_IGN if name == "SIGINT" else signal.SIG_DFL)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads of several workers must not burn the cores
    teller, tasks = Teller(connection), queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, teller, tasks), daemon=True).start()
    try:
        from dst.web.tasks import TASKS, prepare

        prepare(settings)
        teller.send({"ready": True})
        while True:
            message = tasks.get()
            teller.send(_answer(TASKS, message, teller))
    except (BrokenPipeError, ConnectionError, EOFError):
        os._exit(0)  # the server has gone


def _listen(connection: Any, teller: Teller, tasks: Any) -> None:
    """Take what the server sends while a task goes on; its end is this process's end."""
    while True:
        try:
            message = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)
        if "stop" in message:
            teller.stopped = True
        else:
            teller.stopped = False  # here, in the order that they come: a stop may follow before the task is begun
            tasks.put(message)


def _answer(tasks: dict[str, Any], message: dict[str, Any], teller: Teller) -> dict[str, Any]:
    from correspondence.common import MatchError
    from dst.config import InputError
    from dst.imaging import ImageWarning

    payload = message["payload"]
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            done = tasks[message["task"]](payload, teller)
        remarks = [_named(str(w.message), payload) for w in heard if issubclass(w.category, ImageWarning)]
        if remarks:
            done["note"] = "; ".join([*filter(None, [done.get("note")]), *remarks])
        return {"done": done}
    except (InputError, MatchError) as error:
        return {"failed": {"error": _named(" ".join(str(error).split()), payload), "bad": True}}
    except (BrokenPipeError, ConnectionError):
        raise
    except MemoryError:
        return {"failed": {"error": "there is not enough memory: take a smaller size", "bad": True}}
    except OSError as error:
        return {"failed": {"error": f"{error.strerror or error}: the server's disk may be full", "bad": False}}
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        first = (str(error).strip().splitlines() or [""])[0]
        if "allocate memory" in first or "OutOfMemory" in type(error).__name__:
            return {"failed": {"error": "there is not enough memory: take a smaller size", "bad": True}}
        return {"failed": {"error": f"{type(error).__name__}: {first} (a fault of the toolkit)", "bad": False}}


def _named(message: str, payload: dict[str, Any]) -> str:
    """A message with the user's names in place of the server's paths."""
    for path, name in sorted(payload.get("names", {}).items(), key=lambda item: -len(item[0])):
        message = message.replace(path, name)
        if (
            len(os.path.basename(path)) > 10 or os.path.basename(path) == "side2048"
        ):  # drawn by lot or the server's, and no word
            message = message.replace(os.path.basename(path), name)
    return message
