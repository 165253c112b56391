"""Make `dst/faces/mean_face.safetensors` from photographs of faces: the mean face and which landmark mirrors which.

    python tools/mean_face.py PHOTOGRAPHS/ -o mean_face.safetensors

Every clear face is traced as it is and in a mirror. Which landmark is at another's place in the mirror is the assignment of the
least total distance over all faces. The mean is the median of the faces, each brought to it by the best similarity in space,
eight times over, then made symmetric, forehead over chin.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.optimize import linear_sum_assignment

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from correspondence.similarity import fit_similarity
from dst import imaging
from dst.faces.boxes import Box, find_boxes
from dst.faces.mesh import first_pass, one_pass, square_around
from dst.files import EXTENSIONS, replacing

CLEAR, LARGE, SURE = 0.8, 45, 0.99
"""Least score of the detector, size in pixels, and presence, of the faces that are taken."""
ROUNDS = 8
FOREHEAD, CHIN = 10, 152
"""The middle of both, one above the other in the upright mean face."""


def traced(pixels: np.ndarray, box: Box) -> tuple[np.ndarray, float]:
    """Landmarks of the second pass, and the network's word on whether it is a face."""
    return one_pass(pixels, *square_around(first_pass(pixels, box)), False)


def faces(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each clear face as it is, and as its mirror image was traced, brought back without exchanging landmarks."""
    found = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS):
        pixels = imaging.to_array(imaging.read(path).rgb)
        mirrored, last = np.ascontiguousarray(pixels[:, ::-1]), pixels.shape[1] - 1
        for box in find_boxes(pixels, thorough=False):
            if box.score < CLEAR or box.size < LARGE:
                continue
            points, presence = traced(pixels, box)
            if presence < SURE:
                continue
            flip = box._replace(centre=box.centre * [-1, 1] + [last, 0], eyes=(box.eyes * [-1, 1] + [last, 0])[::-1])
            found.append((points, traced(mirrored, flip)[0] * [-1, 1, 1] + [last, 0, 0]))
    return found


def upright(down: np.ndarray) -> np.ndarray:
    """The rotation, to be multiplied from the right, after which a direction in the plane of symmetry has no z. (3, 3)"""
    y, z = down[1:] / np.linalg.norm(down[1:])
    return np.array([[1, 0, 0], [0, y, -z], [0, z, y]])


def mean_face(found: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """What the file holds, of the faces of `faces`."""
    cost = np.zeros((468, 468))
    for points, mirrored in found:
        size = np.linalg.norm(points[33] - points[263])
        apart = np.linalg.norm(mirrored[:, None, :2] - points[None, :, :2], axis=2) / size
        cost += np.minimum(apart, 0.3)
    mirror = linear_sum_assignment(cost)[1]
    if not np.array_equal(mirror[mirror], np.arange(468)):
        raise SystemExit("error: too few faces to tell which landmarks mirror which: give more photographs")
    mean = found[0][0]
    for _ in range(ROUNDS):
        brought = [(fit_similarity(points, mean), points) for points, _ in found]
        mean = np.median([scale * p @ rotation.T + shift for (scale, rotation, shift), p in brought], axis=0)
        mean = mean - mean.mean(0)
        mean = (mean + mean[mirror] * [-1, 1, 1]) / 2
        mean = mean @ upright(mean[CHIN] - mean[FOREHEAD])
        mean /= np.sqrt((mean[:, :2] ** 2).sum(1).mean())
    return {"mean": np.ascontiguousarray(mean, np.float32), "mirror": mirror.astype(np.int16)}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path, help="folder of photographs with faces, some dozens at least")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    args = parser.parse_args(arguments)
    found = faces(args.photographs)
    if not found:
        raise SystemExit(f"error: {args.photographs} holds no photograph with a clear face: give others")
    print(f"{len(found)} faces")
    with replacing(args.output) as temporary:
        save_file(mean_face(found), temporary)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
