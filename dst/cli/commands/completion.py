"""`dst completion`: a script that lets a shell complete commands, flags, files and choices."""

from __future__ import annotations

from typing import Any

from dst.cli.parsing import build
from dst.cli.rows import Argument, Command
from dst.cli.streams import put
from dst.config import InputError
from dst.config.kinds import Choice, File, Folder

SHELLS = ("bash", "zsh", "fish")
WHERE = """To have it in every new shell:
  bash   dst completion bash > ~/.local/share/bash-completion/completions/dst
  zsh    dst completion zsh > DIR/_dst      DIR being a folder of $fpath
  fish   dst completion fish > ~/.config/fish/completions/dst.fish"""


def row(commands: dict[str, Command]) -> Command:
    """The row of `dst completion`, which needs to know the others."""

    def run(args: Any) -> int:
        """Print the script for a shell."""
        try:
            import shtab
        except ImportError:
            raise InputError("completion is made by the library shtab: pip install '.[completion]'") from None
        if args.shell not in shtab.SUPPORTED_SHELLS:
            raise InputError(f"the shtab that is installed knows no {args.shell}: pip install --upgrade shtab")
        parser, parsers = build(commands)
        for mine in parsers.values():
            for action in mine._actions:
                _mark(action, shtab)
        put(shtab.complete(parser, args.shell) + "\n")
        return 0

    shell = Argument("shell", f"one of {', '.join(SHELLS)}", Choice(SHELLS), dest="SHELL")
    return Command(
        "completion",
        "print a script by which a shell completes what is typed",
        "SHELL",
        run,
        (shell,),
        record=False,
        epilog=WHERE,
    )


def _mark(action: Any, shtab: Any) -> None:
    """Say how the value of an argument is completed, by its kind."""
    kind = getattr(action, "kind", None)
    if isinstance(kind, File):
        action.complete = shtab.DIRECTORY if isinstance(kind, Folder) else shtab.FILE
    elif isinstance(kind, Choice):
        action.choices = list(kind.names)
