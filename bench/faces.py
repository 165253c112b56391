"""How near the warp brings a face to the painting's: landmarks of the warped photograph against those of the style.

    python bench/faces.py --pairs pairs.csv --size 512 --out faces.json

Every pair is warped with faces `off` and `auto`; nothing is painted. In the warped photograph the face is looked for anew, by
the mesh of `dst.faces`, and brought to the style's by the best similarity in space, so that only shape counts: place, size and
pose do not. The mean distance of a group's landmarks is a share of the photograph's long side. Groups that were corrected or left out
by the vote are not counted: there, the mesh is wrong about the style.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dst
from correspondence.similarity import fit_similarity
from dst import imaging
from dst.batch.pairs import read_pairs
from dst.config import InputError
from dst.deform.faces import FacePair, match_faces
from dst.faces import Face, detect
from dst.faces.caricature import FEATURES as PARTS
from dst.faces.shape import GROUPS
from dst.features import load_encoder
from dst.files import check_output, replacing

STATES = ("before", "off", "auto")


def distances(face: Face, style: Face, groups: set[str], side: float) -> dict[str, float]:
    """For each part of a face, how far its landmarks are from the style's, shape alone, in percent of `side`."""
    rows = [k for name, group in GROUPS.items() if name in groups for k in group]
    scale, rotation, shift = fit_similarity(style.points[rows], face.points[rows])
    wanted = scale * style.points @ rotation.T + shift
    apart = 100 * np.linalg.norm((face.points - wanted)[:, :2], axis=1) / side
    found = {}
    for part, names in PARTS.items():
        used = [k for name in names if name in groups for k in GROUPS[name]]
        if used:
            found[part] = float(apart[used].mean())
    return found


def nearest(image: Any, to: Face) -> Face:
    """The face of an image that is nearest to where another one was."""
    faces = detect(image)
    if not faces:
        raise InputError("the face is lost in the warped photograph")
    return min(faces, key=lambda face: np.hypot(*np.subtract(face.centre, to.centre)))


def measure(pair: dict[str, str], size: int, encoder) -> dict[str, Any] | None:
    """The rows of one pair; None where no two faces are found."""
    content, style = (imaging.read(pair[name]) for name in ("content", "style"))
    content = imaging.read(imaging.to_array(imaging.resize(content.rgb, size)))
    found: FacePair | None = match_faces(content, style, encoder, "keep", "cpu")
    if found is None:
        return None
    groups = set(GROUPS) - {"oval", *found.moved, *found.dropped}
    row: dict[str, Any] = {"pair": pair["name"], "corrected": found.moved, "left out": found.dropped}
    row["before"] = distances(found.content, found.style, groups, size)
    for state in STATES[1:]:
        result = dst.stylize(content, style, size=size, style_strength=0, faces=state, metrics=False)
        row[state] = distances(nearest(result.warped_content[..., :3], found.content), found.style, groups, size)
    return row


def line(row: dict[str, Any]) -> str:
    cells = [
        ", ".join(f"{row[state][part]:.2f}" for state in STATES) if part in row["before"] else "-" for part in PARTS
    ]
    return f"| {row['pair']} | {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path, required=True, help="CSV file: name,content,style")
    parser.add_argument("--size", type=int, default=512, help="long side, pixels (default %(default)s)")
    parser.add_argument("--out", type=Path, help="write the rows there: .json")
    args = parser.parse_args(arguments)
    try:
        if args.out:
            check_output(args.out, (".json",))
        encoder, rows = load_encoder("compact"), []
        print(f"| pair | {' | '.join(PARTS)} |\n|---|{'---|' * len(PARTS)}")
        for pair in read_pairs(args.pairs):
            row = measure(pair, args.size, encoder)
            print(f"| {pair['name']} | no face to match |" if row is None else line(row), flush=True)
            rows += [] if row is None else [row]
        if not rows:
            raise InputError("no pair has two faces: give portraits")
        for name, mean in (("mean", fmean), ("median", median)):
            values = {state: {p: mean([r[state][p] for r in rows if p in r[state]]) for p in PARTS} for state in STATES}
            print(line({"pair": name, **values}))
        if args.out:
            with replacing(args.out) as temporary:
                temporary.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    except (InputError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
