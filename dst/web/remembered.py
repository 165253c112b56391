"""What the page remembers from one start to the next: the folder of a user's own painters."""

from __future__ import annotations

import json
import os
from pathlib import Path

from dst.config import InputError
from dst.config.web import NO_FOLDER
from dst.files import read_json, replacing


def place() -> Path:
    """The file, in the user's folder of settings."""
    home = (
        os.environ.get("XDG_CONFIG_HOME")
        or os.environ.get("APPDATA")
        or os.path.join(os.path.expanduser("~"), ".config")
    )
    return Path(home) / "dst" / "web.json"


def painters_folder(given: str | None) -> tuple[str | None, str]:
    """The folder of painters: the one given, which is remembered, else the one of an earlier time.

    Returns:
        The folder, or None, and a line for people; empty where there is nothing to say.

    Raises:
        InputError: the folder that was given is none.
    """
    file = place()
    if given == NO_FOLDER:
        file.unlink(missing_ok=True)
        return None, ""
    if given is not None:
        folder = os.path.realpath(given)
        if not os.path.isdir(folder):
            raise InputError(f"`painters` is {given}, which is no folder: give a folder of images, or {NO_FOLDER!r}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(file) as part:
                part.write_text(json.dumps({"painters": folder}) + "\n", encoding="utf-8")
        except (OSError, InputError) as error:
            return folder, f"note: the folder of painters is not remembered ({error})"
        return folder, ""
    try:
        found = read_json(file)
        folder = found.get("painters") if isinstance(found, dict) else None
    except (OSError, ValueError):
        return None, ""
    if not isinstance(folder, str):
        return None, ""
    if not os.path.isdir(folder):
        return (
            None,
            f"note: the folder of painters, {folder}, is not there any more; `--painters {NO_FOLDER}` forgets it",
        )
    return folder, f"painters of {folder} are in the menu too; `--painters {NO_FOLDER}` forgets them"
