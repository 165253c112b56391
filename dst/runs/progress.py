"""A progress bar for Python and notebooks: a subscriber to the stages and steps of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

STAGES = {
    "read": "reading",
    "match": "matching",
    "warp": "fitting the warp",
    "optimize": "painting",
    "finish": "finishing",
}
"""What the stages of a run are called for people."""


def in_notebook() -> bool:
    """Whether this process shows what it makes in a notebook."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


class Bar:
    """One bar over a run's steps, its stages before it; nothing where none is wanted. A context: the bar ends with it."""

    def __init__(self, wanted: bool | None = None) -> None:
        """`wanted`: None shows it in a notebook only."""
        self.wanted = in_notebook() if wanted is None else wanted
        self.bar: Any = None

    def __enter__(self) -> Bar:
        if self.wanted:
            from tqdm.auto import tqdm

            self.bar = tqdm(
                total=1, desc=STAGES["read"], bar_format="{desc}{percentage:3.0f}%|{bar}| {elapsed}{postfix}"
            )
        return self

    def __exit__(self, *_: Any) -> None:
        if self.bar is not None:
            self.bar.close()

    def on_stage(self, name: str, event: str) -> None:
        """Take the start or the end of a stage."""
        if self.bar is not None and event == "start":
            self.bar.set_description(STAGES.get(name, name))

    def watch(self, on_step: Callable[[Any], object] | None) -> Callable[[Any], object] | None:
        """An `on_step` that moves the bar and calls another one."""
        if self.bar is None:
            return on_step

        def watched(step: Any) -> object:
            self.bar.total = step.total_steps
            self.bar.set_postfix_str(f"{max(step.size)} px, loss {step.terms['total']:.3g}", refresh=False)
            self.bar.update(step.done - self.bar.n)
            return on_step is not None and on_step(step)

        return watched
