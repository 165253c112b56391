"""Painted faces by marks that no network made: how often the mesh is right, what the vote catches, how near the warp comes.

    python bench/painted_faces.py --images ../shared/images --size 512

The marks are the eyes' middles, the base of the nose, the middle of the mouth and the chin: those of `bench/marks.csv` were put by
hand, in pixels; those of the drawn portraits are said by the program that drew them. Images of the list that are not there are left
out. Photographs: scikit-image's astronaut, matplotlib's Grace Hopper, and every `--photo`; their own marks are the mesh's.

First table: how far the mesh is from a painted face's marks, in distances between its eyes; 0.2 and over is wrong.
Second table: groups over all pairs; a group the vote accepts at 0.2 and over from its mark is a wrong one accepted.
Third: how far the marks of the warped photograph end from the painting's, shape alone (the best similarity taken out), in percent of
the long side: before, with faces `off`, with `auto`.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dst
from correspondence.similarity import fit_similarity
from dst import imaging
from dst.deform.faces import match_faces
from dst.faces.face import sure_faces
from dst.features import load_encoder

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("left eye", "right eye", "nose", "mouth", "chin")
AT = {"left eye": (33, 133), "right eye": (263, 362), "nose": (2,), "mouth": (0, 17), "chin": (152,)}
"""The landmarks that a mark is the middle of."""
WRONG = 0.2
"""Distance from its mark, over the distance between the eyes, from which a part of the mesh is wrong."""
STATES = ("before", "off", "auto")


def painted(images: Path) -> dict[str, tuple[Path, np.ndarray]]:
    """Name -> (file, marks (5, 2) in pixels, nan where there is none)."""
    from tools.samples.draw_samples import SAMPLES
    from tools.samples.portraits import PORTRAITS, marks

    found = {}
    with (ROOT / "bench" / "marks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path = (ROOT if row["image"].startswith("assets/") else images) / row["image"]
            if path.exists():
                values = [row[part.replace(" ", "_")].split() or ("nan", "nan") for part in PARTS]
                found[path.stem] = path, np.array(values, float)
    for name in PORTRAITS:
        places = marks(name)
        rows = [places[part.replace(" ", "_")] for part in PARTS]
        rows[4] = np.full(2, np.nan) if PORTRAITS[name][2].beard else rows[4]
        found[name] = ROOT / "assets" / f"{name}.jpg", np.array(rows) * SAMPLES[name][1] - 0.5
    return found


def photographs(more: list[Path]) -> dict[str, Any]:
    """Portraits to be warped: (H, W, 3) uint8 or files, by name."""
    import matplotlib
    from skimage import data

    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return {"astronaut": np.ascontiguousarray(data.astronaut()[0:300, 100:350]), "hopper": hopper} | {
        path.stem: path for path in more
    }


def places(points: np.ndarray) -> np.ndarray:
    """The five parts of a mesh (468, 3): (5, 2) pixels."""
    return np.array([points[list(AT[part]), :2].mean(0) for part in PARTS])


def apart(points: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Distances of a mesh's parts from the marks, in distances between the eyes: (5,), nan where there is no mark."""
    return np.linalg.norm(places(points) - marks, axis=1) / np.linalg.norm(marks[1] - marks[0])


def shape_error(marks: np.ndarray, warped: np.ndarray, side: float) -> np.ndarray:
    """How far marks (5, 2) of a warped photograph are from the painting's, shape alone: (5,) percent of the side."""
    known = ~np.isnan(marks).any(1)
    scale, rotation, shift = fit_similarity(marks[known], warped[known])
    return 100 * np.linalg.norm(scale * marks @ rotation.T + shift - warped, axis=1) / side


def row(name: str, values: np.ndarray, form: str = "{:.2f}") -> str:
    return f"| {name} | " + " | ".join("-" if np.isnan(v) else form.format(v) for v in values) + " |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=Path, default=ROOT, help="folder of the marked images that are not the project's own"
    )
    parser.add_argument(
        "--photo", type=Path, action="append", default=[], help="a photograph of a face; may be given again"
    )
    parser.add_argument("--only", nargs="+", default=[], help="names of the paintings to take")
    parser.add_argument(
        "--size", type=int, default=512, help="long side of the warped photograph, pixels (default %(default)s)"
    )
    parser.add_argument("--no-warps", action="store_true", help="leave the third table out")
    args = parser.parse_args(arguments)
    encoder, styles, contents = load_encoder("compact"), painted(args.images), photographs(args.photo)
    styles = {name: value for name, value in styles.items() if not args.only or name in args.only}

    print(f"| painting | confidence | {' | '.join(PARTS)} |\n|---|---|{'---|' * len(PARTS)}")
    meshes = {}
    for name, (path, marks) in styles.items():
        faces = sure_faces(path)
        if not faces:
            print(f"| {name} | no face |{' - |' * len(PARTS)}")
            continue
        meshes[name] = min(faces, key=lambda f, m=marks: np.linalg.norm(places(f.points)[:2] - m[:2]))
        print(row(f"{name} | {meshes[name].confidence:.2f}", apart(meshes[name].points, marks)), flush=True)

    count: dict[str, dict[str, int]] = {
        part: dict.fromkeys(("right", "right kept", "wrong", "put right", "left out", "accepted"), 0) for part in PARTS
    }
    accepted = []
    for photo, content in contents.items():
        for name in meshes:
            path, marks = styles[name]
            pair = match_faces(imaging.read(content), imaging.read(path), encoder, "keep", "cpu")
            if pair is None:
                continue
            before, after = apart(pair.style.points, marks), apart(pair.points[1], marks)
            for part, was, now in zip(PARTS, before, after, strict=True):
                if np.isnan(was):
                    continue
                out, kind = part in pair.dropped, count[part]
                if was < WRONG:
                    kind["right"] += 1
                    kind["right kept"] += not out and now < WRONG
                else:
                    kind["wrong"] += 1
                    kind["left out" if out else "put right" if now < WRONG else "accepted"] += 1
                if not out and now >= WRONG:
                    accepted.append(f"{photo}, {name}: {part} {was:.2f} to {now:.2f}")
    print(f"\n| group | {' | '.join(count['nose'])} |\n|---|{'---|' * 6}")
    for part, kinds in count.items():
        print(f"| {part} | {' | '.join(map(str, kinds.values()))} |")
    print("\nwrong ones accepted:", "; ".join(accepted) or "none")

    if not args.no_warps:
        print(f"\n| painting | {' | '.join(PARTS)} |\n|---|{'---|' * len(PARTS)}", flush=True)
        every = []
        for name in meshes:
            path, marks = styles[name]
            errors = []
            for content in contents.values():
                mine = places(max(sure_faces(content), key=lambda face: face.size).points)
                states = [mine]
                for state in STATES[1:]:
                    result = dst.stylize(
                        content, path, size=args.size, style_strength=0, metrics=False, faces=state, progress=False
                    )
                    states.append(result.warp.map_points(mine))
                side = max(result.record["content"]["size"])
                errors.append([shape_error(marks, state, side) for state in states])
            mean = np.mean(errors, 0)
            every.append(mean)
            cells = [", ".join(f"{v:.2f}" for v in mean[:, k]) if mean[0, k] == mean[0, k] else "-" for k in range(5)]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
        whole = np.nanmean(every, 0)
        print(f"| **mean** | {' | '.join(', '.join(f'{v:.2f}' for v in whole[:, k]) for k in range(5))} |")
        print(
            "all: "
            + ", ".join(f"{state} {value:.2f}" for state, value in zip(STATES, np.nanmean(whole, 1), strict=True))
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
