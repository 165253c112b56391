"""Many runs: a table of pairs with resume and a report, and a grid of pictures over two options."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from dst import imaging, matching, pipeline
from dst.checkpoint import NAME
from dst.config import InputError, MatchConfig, StylizeConfig, check_choice, counted, plain, suggest
from dst.files import replacing
from dst.methods.targets import StyleCache
from dst.prepare import describe
from dst.result import Result, read_record

REPORT = "report.csv"
COLUMNS = ("name", "content", "style", "state", "seconds", "style_distance", "content_distance", "message")
"""Columns of the report; `state` is `done`, `kept` (finished before), `failed` or `stopped`."""


def batch(
    pairs: Any,
    out_dir: Any,
    *,
    resume: bool = True,
    on_pair: Callable[[int, int, dict[str, Any]], object] | None = None,
    on_step: Callable[[Any], object] | None = None,
    on_stage: Callable[[str, str], None] | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Stylise many pairs, each into a folder of its own; one that fails is reported and the others go on.

    Args:
        pairs: a CSV file with the header `content,style` and perhaps `name` and any option of `stylize`, one pair a row,
            paths relative to the file; or a list of dicts with those keys. An empty cell leaves an option alone.
        out_dir: holds a run's folder for each pair, named by `name` or by the two pictures, and `report.csv`.
        resume: leave finished runs as they are and go on with unfinished ones; False makes every run again.
        on_pair: called with (index, count, row of the report) after each pair; a true return value ends the batch.
        on_step, on_stage: as for `stylize`; a true `on_step` ends the batch with that run kept as far as it is.
        **options: of every pair, as for `stylize`.

    Returns:
        One row a pair, with the columns of the report.

    Raises:
        InputError: a table that cannot be read, two pairs of one name, or a folder that cannot be written.
    """
    home = Path(out_dir)
    rows = read_pairs(pairs)
    StylizeConfig.from_options(**{k: v for k, v in options.items() if k not in ("warp", "points", "style_cache")})
    if not home.is_dir():
        if not home.absolute().parent.is_dir() or home.exists():
            why = "it is a file" if home.exists() else f"{home.absolute().parent} does not exist"
            raise InputError(f"the folder {out_dir} cannot be made ({why}): choose another")
        home.mkdir()
    report: list[dict[str, Any]] = []
    cache = StyleCache()
    for index, row in enumerate(rows):
        hooks = {"on_step": on_step, "on_stage": on_stage}
        line = _one(row, home / row["name"], resume, {"style_cache": cache, **options}, hooks)
        report.append(line)
        _write_report(home / REPORT, report)
        asked = on_pair is not None and on_pair(index, len(rows), line)
        if asked or line["state"] == "stopped":
            break
    return report


def _one(row: dict[str, Any], folder: Path, resume: bool, options: dict, hooks: dict) -> dict[str, Any]:
    """Make, finish or keep one run, and say how it went."""
    line = {"name": row["name"], "content": str(plain(row["content"])), "style": str(plain(row["style"]))}
    own = {k: v for k, v in row.items() if k not in ("name", "content", "style")}
    try:
        state = "done"
        if resume and (folder / "run.json").exists() and not read_record(folder).get("stopped"):
            _check_same(row, folder)
            record, state = read_record(folder), "kept"
        elif resume and (folder / NAME).exists():
            record = pipeline.resume(folder, **hooks).record
        else:
            given = {**options, **own, **hooks}
            record = pipeline.stylize(row["content"], row["style"], run_dir=folder, force=True, **given).record
        state = "stopped" if record.get("stopped") else state
        score = record.get("score") or {}
        distances = {name: score.get(name) for name in ("style_distance", "content_distance")}
        values = {name: None if value is None else round(value, 4) for name, value in distances.items()}
        seconds = round(sum(record.get("seconds", {}).values()), 1)
        return {**line, "state": state, "seconds": seconds, **values, "message": record.get("stopped") or ""}
    except Exception as error:  # one bad pair must not lose the others
        message = " ".join(str(error).split()) or type(error).__name__
        if not isinstance(error, ValueError):
            message = f"{type(error).__name__}: {message}"
        return {**line, "state": "failed", **dict.fromkeys(COLUMNS[4:7]), "message": message}


def _check_same(row: dict[str, Any], folder: Path) -> None:
    """A finished run counts only for the pictures that it was made from."""
    record = read_record(folder)
    for role in ("content", "style"):
        kept = record.get(role, {}).get("sha256")
        if isinstance(row[role], (str, Path)) and kept is not None:
            now = describe(row[role], imaging.read(row[role]))["sha256"]
            if now != kept:
                raise InputError(
                    f"{folder} was made from another {role}: give the pair a new name, or use resume=False"
                )


def read_pairs(pairs: Any) -> list[dict[str, Any]]:
    """The rows of a table of pairs, each with `content`, `style`, `name` and its own options.

    Raises:
        InputError: not a table of pairs, an unknown column, a missing cell, or two pairs of one name.
    """
    if isinstance(pairs, (str, Path)):
        rows = _read_csv(Path(pairs))
    else:
        rows = [dict(row) for row in pairs]
    if not rows:
        raise InputError("the table of pairs is empty: give one row for each pair")
    known = ["content", "style", "name", "points", "warp", "preset", *StylizeConfig().flat()]
    names: set[str] = set()
    for number, row in enumerate(rows, 1):
        for key in row:
            if key not in known:
                raise InputError(f"pair {number}: the column {key!r} is not known{suggest(key, known)}")
        for key in ("content", "style"):
            if row.get(key) is None:
                raise InputError(f"pair {number} has no {key}: each row takes content and style")
        row["name"] = _safe(row.get("name") or f"{_stem(row['content'])}-{_stem(row['style'])}")
        if row["name"] in names:
            raise InputError(f"pair {number}: the name {row['name']!r} comes twice: give a column `name`")
        names.add(row["name"])
    return rows


def _stem(source: Any) -> str:
    return Path(source).stem if isinstance(source, (str, Path)) else "picture"


def _safe(name: str) -> str:
    safe = re.sub(r"[^\w.-]+", "_", str(name)).strip("._")
    if not safe:
        raise InputError(f"the name {name!r} makes no folder: use letters and digits")
    return safe


def _read_csv(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path} cannot be read ({why}): give a CSV file with the header content,style") from error
    table = [cells for cells in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in cells)]
    if not table or not {"content", "style"} <= {cell.strip() for cell in table[0]}:
        raise InputError(f"{path} is no table of pairs: its first line must be a header with content,style")
    header, rows = [cell.strip() for cell in table[0]], []
    for number, cells in enumerate(table[1:], 1):
        if len(cells) != len(header):
            raise InputError(f"{path}, pair {number}: {counted(len(cells), 'cell')}, but the header has {len(header)}")
        row = {key: cell.strip() for key, cell in zip(header, cells, strict=True) if cell.strip()}
        rows.append({key: _value(key, cell, path.parent) for key, cell in row.items()})
    return rows


FILES = ("content", "style", "points", "geometry", "protect", "content_mask", "style_mask", "weights")


def _value(key: str, cell: str, home: Path) -> Any:
    """A cell as the type of its option: a path relative to the table, a number, true or false, or text."""
    if key in FILES:
        return str(home / cell)
    default = {**StylizeConfig().flat(), "warp": True}.get(key)
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False, "1": True, "0": False}[cell.lower()]
        if isinstance(default, (int, float)):
            return int(cell) if isinstance(default, int) else float(cell)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number"}.get(type(default), "a number")
        raise InputError(f"{key} is {cell!r}: it takes {kind}") from None
    return cell


def _write_report(path: Path, report: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(report)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def grid(
    content: Any,
    style: Any,
    rows: tuple[str, Sequence[Any]],
    columns: tuple[str, Sequence[Any]] | None = None,
    *,
    on_cell: Callable[[int, int, Result], object] | None = None,
    side: int = 256,
    **options: Any,
) -> np.ndarray:
    """A labelled picture of results over the values of one or two options.

    The two pictures are matched once, unless an option of the grid decides over the matches.

    Args:
        content, style: as for `stylize`.
        rows, columns: an option's name and its values, such as `("alpha", [1, 8, 32])`; columns may be left out.
        on_cell: called with (index, count, Result) after each run; a true return value leaves the rest empty.
        side: long side of a cell, pixels.
        **options: of every run, as for `stylize`.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: an unknown option, no value, one option twice, or what `stylize` refuses.
    """
    known = [*StylizeConfig().flat(), "preset", "warp"]
    across = columns if columns is not None else ("", [None])
    for name, values in (rows, across)[: 1 if columns is None else 2]:
        check_choice("option", name, known)
        if not len(values):
            raise InputError(f"no value of {name} is given: a grid takes one or more")
    if rows[0] == across[0]:
        raise InputError(f"rows and columns are both {rows[0]}: choose two options")
    cells = []
    for down, right in itertools.product(rows[1], across[1]):
        own = {rows[0]: down, **({} if columns is None else {across[0]: right})}
        cells.append({**options, **own})
        if "preset" not in own:
            StylizeConfig.from_options(**{k: v for k, v in cells[-1].items() if k != "warp" and k != "points"})
    content, style = imaging.read(content), style if isinstance(style, (list, tuple)) else imaging.read(style)
    shared = _shared_points(content, style, {rows[0], across[0]}, options)
    pictures: list[np.ndarray] = []
    shared["style_cache"] = StyleCache()
    for index, cell in enumerate(cells):
        result = pipeline.stylize(content, style, **{**shared, **cell})
        pictures.append(_fitted(result.image, side))
        if on_cell is not None and on_cell(index, len(cells), result):
            break
    return _sheet(pictures, rows, across)


def _shared_points(content: imaging.Image, style: Any, varied: set[str], options: dict[str, Any]) -> dict[str, Any]:
    """The matches of all cells as `points`, where they can be shared; nothing where each run has to look for its own."""
    deciding = {f.name for f in fields(MatchConfig)}
    deciding |= {
        "seed",
        "encoder",
        "weights",
        "warp",
        "geometry",
        "min_matches",
        "content_mask",
        "drop",
        "pins",
        "preset",
    }
    if varied & deciding or {"points", "warp", "geometry", "content_mask", "drop", "pins"} & set(options):
        return {}
    plain_options = {k: v for k, v in options.items() if k not in ("preset",)}
    config = StylizeConfig.from_options(options.get("preset", "default"), **plain_options)
    first = style if isinstance(style, imaging.Image) else imaging.read(style[0])
    found = matching.find_matches(content, first, pipeline.shared_encoder(config), config)
    return {"points": found} if matching.judge(found, config)[0] else {"warp": False}


def _fitted(picture: np.ndarray, side: int) -> np.ndarray:
    shown = imaging.read(picture, min_side=1)
    rgb = shown.rgb if shown.alpha is None else shown.rgb * shown.alpha + 1 - shown.alpha
    return imaging.to_array(imaging.resize(rgb, side))


def _sheet(pictures: list[np.ndarray], rows: tuple, columns: tuple, gap: int = 6) -> np.ndarray:
    """Pictures in rows and columns, the options' values above and to the left, white between them.

    A label that is wider than its column goes on two lines; the column is widened where that is not enough.
    """
    from PIL import Image, ImageDraw, ImageFont

    font, line = ImageFont.load_default(14), 18
    height, width = (max(p.shape[k] for p in pictures) for k in (0, 1))
    down, across = ([_label(name, value) for value in values] for name, values in (rows, columns))
    if any(font.getlength(text) > width for text in across):
        across = [text.replace(" ", "\n", 1) for text in across]
    width = max(width, *(round(font.getlength(part)) + gap for text in across for part in text.split("\n")))
    left = max(round(font.getlength(text)) for text in down) + 2 * gap
    top = line * max(text.count("\n") + 1 for text in across) + gap if columns[0] else gap
    size = left + len(across) * (width + gap), top + len(down) * (height + gap)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for k, text in enumerate(across):
        place = left + k * (width + gap) + width / 2, top / 2
        pen.text(place, text, fill="black", font=font, anchor="mm", align="center")
    for k, text in enumerate(down):
        pen.text((left / 2, top + k * (height + gap) + height / 2), text, fill="black", font=font, anchor="mm")
    for k, picture in enumerate(pictures):
        row, column = divmod(k, len(across))
        at = left + column * (width + gap) + (width - picture.shape[1]) // 2, top + row * (height + gap)
        sheet.paste(Image.fromarray(picture), at)
    return np.asarray(sheet)


def _label(name: str, value: Any) -> str:
    """What stands beside a row or above a column; of a file its name, and no more than 24 letters."""
    if not name:
        return ""
    text = str(plain(value)) if not isinstance(value, bool) else ("no", "yes")[value]
    text = re.split(r"[/\\]", text)[-1]
    return f"{name} {text if len(text) <= 24 else text[:11] + '...' + text[-10:]}"
