"""`dst help`: what `--help` says."""

from __future__ import annotations

from typing import Any

from dst.cli.parsing import build
from dst.cli.rows import Argument, Command
from dst.config.kinds import Choice


def row(commands: dict[str, Command]) -> Command:
    """The row of `dst help`, which needs to know the others."""

    def run(args: Any) -> int:
        """Print the help of one command, or of all."""
        parser, parsers = build(commands)
        (parsers[args.about] if args.about else parser).print_help()
        return 0

    about = Argument(
        "about", "the command; all of them in short unless given", Choice(commands), optional=True, dest="COMMAND"
    )
    return Command("help", "say what a command does and what it takes", "[COMMAND]", run, (about,), record=False)
