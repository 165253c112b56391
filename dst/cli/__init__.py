"""The command line: parses, calls, prints. Results go to standard output, everything else to standard error."""

from dst.cli.main import main

__all__ = ["main"]
