"""Files that come with the package, read only as they were released."""

from __future__ import annotations

import hashlib
from pathlib import Path

from correspondence.common import read_regular
from dst.config import InputError

ADVICE = "reinstall the package, or leave faces out with --faces off"


def read_shipped(path: Path, sha256: str) -> bytes:
    """What a file holds.

    Raises:
        InputError: it is missing, damaged or exchanged: its content does not hash to `sha256`.
    """
    try:
        data = read_regular(path)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror or error}): {ADVICE}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise InputError(
            f"{path.name} is not the file that this version was released with (its sha256 begins {digest[:12]}, not "
            f"{sha256[:12]}): {ADVICE}"
        )
    return data
