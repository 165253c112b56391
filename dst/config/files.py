"""Configuration files: options in TOML, or those that the run.json of an earlier run holds."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from correspondence.common import read_regular
from dst.config.base import InputError, shown, suggest
from dst.config.kinds import Kind, whole

KIND, FORMAT = "dst run", 2
"""What a run.json says that it is; the format is raised when a reader of the old could misunderstand the new."""
ADVICE = "give a TOML file, or a run's folder"


def read_options(
    path: Any, kinds: Mapping[str, Kind], names: Callable[[Iterable[str]], list[str]], anew: Collection[str] = ()
) -> dict[str, Any]:
    """The options that a file holds, checked, by name.

    Args:
        path: a TOML file, in which files are relative to it; a run.json, or a run's folder.
        kinds: every option that there is.
        names: gives the names of the options that some keys mean, and refuses two that mean the same.
        anew: names whose values will be replaced; what an earlier run was given that is no file is no fault then.

    Raises:
        InputError: a file that cannot be read or is neither, an unknown name, a name given twice, or a bad value; the
            message names the file and the option.
    """
    place = Path(path) / "run.json" if _is_folder(path) else Path(path)
    record = place.suffix.lower() == ".json"
    found: dict[str, Any] = {}
    table = _from_record(place) if record else _from_toml(place)
    try:
        named = names(table)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    for name, (key, value) in zip(named, table.items(), strict=True):
        if name not in kinds:
            raise InputError(f"{place}: the option {key!r} is not known{suggest(name, kinds)}")
        if record and name not in anew and _was_no_file(value):
            raise InputError(f"{place}: {key} was no file ({value}): give a file in its place")
        if value is not None:
            try:
                found[name] = kinds[name].read(key, value, None if record else place.parent)
            except InputError as error:
                raise InputError(f"{place}: {error}") from error
    return found


def _is_folder(path: Any) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):  # no usable name; reading it says so
        return False


def _was_no_file(value: Any) -> bool:
    """Whether a record says of an option that an image was given from Python, as `plain` writes it."""
    values = value if isinstance(value, list) else [value]
    return any(isinstance(item, str) and item.startswith("<") and item.endswith(">") for item in values)


def read_text(path: Any, advice: str) -> str:
    """What an ordinary file of text holds, of at most `TEXT_BYTES`; a pipe or a device might never end.

    Args:
        path: of the file, UTF-8 with or without a byte order mark, lines ended in any way.
        advice: what to give in place of a file that cannot be read.

    Raises:
        InputError: it cannot be read, is not an ordinary file, is too large or not UTF-8.
    """
    try:
        return io.TextIOWrapper(io.BytesIO(read_regular(path)), encoding="utf-8-sig").read()
    except (OSError, ValueError) as error:
        why = "it is not UTF-8 text" if isinstance(error, UnicodeError) else getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({why}): {advice}") from error


def _from_toml(place: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(read_text(place, ADVICE))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place} is not TOML ({error}): write NAME = VALUE, texts in quotes") from error


def _from_record(place: Path) -> dict[str, Any]:
    try:
        record = json.loads(read_text(place, ADVICE))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place} is damaged ({error}): give a TOML file, or another run's folder") from error
    check_record(record, place)
    if not isinstance(record.get("settings"), dict):
        raise InputError(f"{place} holds no settings of a run: {ADVICE}")
    given = record.get("given") if isinstance(record.get("given"), dict) else {}
    found = {"preset": record.get("preset"), **record["settings"], **given}
    return found | {"threads": record.get("threads") or found.get("threads")}  # its number decides the last bits


def check_record(record: Any, place: Any) -> None:
    """Make sure that what stands in a run.json is the record of a run, of a format that this version reads.

    Args:
        record: what the file holds, of any type.
        place: the file's name, for messages.

    Raises:
        InputError: it is something else, was made by a newer version, or names a format that there is not.
    """
    version = record.get("format") if isinstance(record, dict) and record.get("kind") == KIND else None
    if not isinstance(version, int):
        raise InputError(
            f"{place} is not the record of a run of dst: give the folder that `--run` or `Result.save` wrote"
        )
    if version > FORMAT:
        found = record.get("versions")
        made = shown(found.get("dst", "unknown")).strip("'") if isinstance(found, dict) else "unknown"
        raise InputError(
            f"{place} was made by a newer version ({made}, format {shown(version)}; this one reads up to {FORMAT}): "
            "update dst"
        )
    try:
        whole(1, FORMAT).check("format", version)
    except InputError as error:
        raise InputError(f"{place} is damaged ({error}): make the run again") from error


def toml_text(options: Mapping[str, Any], sentences: Mapping[str, str], head: str) -> str:
    """Options as TOML, each under its sentence.

    Args:
        options: values by name; numbers, switches, texts, and lists of them.
        sentences: what each does, by name.
        head: the first line.

    Raises:
        InputError: a text that is no valid Unicode, which TOML cannot hold.
    """
    parts = [f"# {head}"]
    for name, value in options.items():
        line = f"{name} = {_value(value)}"
        if not line.isascii():
            try:
                line.encode()
            except UnicodeEncodeError:
                raise InputError(
                    f"{name} is {value!r}: a name that is not UTF-8 cannot stand in TOML; rename it"
                ) from None
        parts.append(f"# {sentences[name]}\n{line}")
    return "\n\n".join(parts) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    # JSON's numbers, switches and texts are TOML's too, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
