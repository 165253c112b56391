"""For a checkout: `python cli.py ...` does what the installed `dst ...` does."""

from __future__ import annotations

import sys

from dst.cli import main

if __name__ == "__main__":
    sys.exit(main())
