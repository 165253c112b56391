"""How well, how fast and with what confidence the matching finds a known warp: a table, and a JSON file.

    python bench/matching.py --out matching.json
    python bench/matching.py --encoder vgg19-16x --weights FILE --photos astronaut cat

Easy set: a photograph warped by a thin-plate spline whose 4 x 4 points move by 5% of the long side each, its channels
permuted, its contrast lowered, smoothed by a 7 x 7 mode filter. Hard set: warped by 2.5%, then scaled by 0.7, rotated by 15
degrees and translated by (50, 20) of 256 px. PCK@5% is the share of matches whose style point lies within 5% of the side of
the true one. The photographs come inside the wheels of scikit-image and scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.interpolate import RBFInterpolator
from skimage import data
from skimage.filters.rank import modal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from correspondence import match
from dst.features.encoder import LEVELS, load_encoder

PHOTOS = ("astronaut", "cat", "coffee", "flower")
MORE = ("rocket", "china")


SCIKIT_LEARN = ("flower", "china")
LOADED = {
    "motorcycle": lambda: data.stereo_motorcycle()[0],
    "tissue": data.immunohistochemistry,
    "hubble": data.hubble_deep_field,
}
"""Names of scikit-image's that are long, or give more than an image."""


def portrait() -> np.ndarray:
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg") as file:
        return cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def photo(name: str, side: int) -> np.ndarray:
    """A photograph, uint8 (h, w, 3), its long side `side`."""
    if name in SCIKIT_LEARN:
        from sklearn.datasets import load_sample_image

        image = load_sample_image(f"{name}.jpg")
    elif name == "portrait":
        image = portrait()
    else:
        image = LOADED.get(name, getattr(data, name, None))()
    image = np.ascontiguousarray(np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image)
    factor = side / max(image.shape[:2])
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


SETS = {
    "easy": {"warp": 0.05, "angle": 0, "scale": 1.0, "translation": (0, 0), "contrast": 0.7, "window": 7, "noise": 0},
    "hard": {
        "warp": 0.025,
        "angle": 15,
        "scale": 0.7,
        "translation": (50, 20),
        "contrast": 0.7,
        "window": 7,
        "noise": 0,
    },
    "harsh": {
        "warp": 0.07,
        "angle": 20,
        "scale": 0.7,
        "translation": (30, -20),
        "contrast": 0.4,
        "window": 11,
        "noise": 15,
    },
}
"""The harsh set only calibrates: it is meant to fail in part."""


def drawn(rng: np.random.Generator) -> dict:
    """How to make a copy of middling to great difficulty, by chance."""
    return {
        "warp": rng.uniform(0.03, 0.1),
        "angle": rng.uniform(-40, 40),
        "scale": rng.uniform(0.5, 1.0),
        "translation": rng.uniform(-50, 50, 2),
        "contrast": rng.uniform(0.2, 0.8),
        "window": int(rng.integers(2, 9)) * 2 + 1,
        "noise": rng.uniform(0, 40),
    }


def synthetic(name: str, kind: str, seed: int = 0, side: int = 256, sign: int = 1):
    """A photograph, its repainted copy, and the function that takes points of the first to the second."""
    image, rng = photo(name, side), np.random.default_rng(seed)
    made = drawn(rng) if kind == "drawn" else SETS[kind]
    height, width = image.shape[:2]
    source = np.stack(np.meshgrid(np.linspace(0, width - 1, 4), np.linspace(0, height - 1, 4)), -1).reshape(-1, 2)
    way = rng.uniform(0, 2 * np.pi, 16)
    deform = RBFInterpolator(
        source, source + made["warp"] * side * np.stack([np.cos(way), np.sin(way)], 1), kernel="thin_plate_spline"
    )
    angle, scale = sign * np.radians(made["angle"]), made["scale"]
    translation = np.array(made["translation"]) * side / 256
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([width - 1, height - 1]) / 2

    def forward(points):
        return (deform(points) - centre) @ matrix.T + centre + translation

    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2).astype(float)
    flat = (grid - centre - translation) @ np.linalg.inv(matrix).T + centre
    back = flat.copy()
    for _ in range(12):  # the warp is mild, so its inverse is a fixed point
        back = back - (deform(back) - flat)
    where = back.reshape(height, width, 2).astype(np.float32)
    style = cv2.remap(image, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    style = np.clip((style[..., [1, 2, 0]].astype(float) - 128) * made["contrast"] + 138, 0, 255)
    style = np.clip(style + made["noise"] * rng.normal(size=style.shape), 0, 255).astype(np.uint8)
    window = np.ones((made["window"],) * 2)
    return image, np.stack([modal(style[..., k], window) for k in range(3)], -1), forward


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


def encode_with(encoder):
    return lambda image, deepest: list(encoder(image, LEVELS[:deepest]).values())


def row(name: str, kind: str, encode, seed: int, side: int, sign: int) -> dict:
    """One pair matched: figures, and errors and scores of its matches."""
    content, style, forward = synthetic(name, kind, seed, side, sign)
    began, used = time.perf_counter(), time.process_time()
    found = match(tensor(content), tensor(style), encode)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    error = np.linalg.norm(forward(found.content) - found.style, axis=1) / side
    return {
        "photo": name,
        "set": kind,
        "seed": seed,
        "sign": sign,
        "matches": len(found),
        "pck5": float((error < 0.05).mean()) if len(found) else 0.0,
        "pck10": float((error < 0.1).mean()) if len(found) else 0.0,
        "median_px_of_256": float(np.median(error) * 256) if len(found) else None,
        "confidence": found.confidence,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "errors": error.tolist(),
        "scores": found.scores.tolist(),
    }


def report(rows: list[dict]) -> None:
    print(
        f"{'set':5} {'photo':10} {'seed':>4} {'n':>3} {'PCK@5%':>7} {'@10%':>5} {'median px':>9} {'confidence':>10} {'s':>6} {'cpu s':>6}"
    )
    for r in rows:
        median = "-" if r["median_px_of_256"] is None else f"{r['median_px_of_256']:.1f}"
        print(
            f"{r['set']:5} {r['photo']:10} {r['seed']:4d} {r['matches']:3d} {r['pck5']:7.2f} {r['pck10']:5.2f} "
            f"{median:>9} {r['confidence']:10.2f} {r['seconds']:6.1f} {r['cpu_seconds']:6.1f}"
        )
    scores = np.concatenate([r["scores"] for r in rows])
    right = np.concatenate([r["errors"] for r in rows]) < 0.05
    table("confidence", scores, right)


def table(title: str, confidence: np.ndarray, right: np.ndarray) -> None:
    """Print the mean confidence in each tenth beside the share of right matches, and the expected calibration error."""
    print(f"{title}: {len(confidence)} matches, {right.mean():.2f} right\n  confidence  right  matches")
    bins, total = np.minimum((confidence * 10).astype(int), 9), 0.0
    for k in np.unique(bins):
        mean, share = confidence[bins == k].mean(), right[bins == k].mean()
        total += (bins == k).mean() * abs(mean - share)
        print(f"  {mean:10.2f}  {share:5.2f}  {(bins == k).sum():7d}")
    print(f"  expected calibration error {total:.3f}")


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="compact")
    parser.add_argument("--weights", help="file of weights, or 'random'")
    parser.add_argument("--photos", nargs="+", default=[*PHOTOS], choices=[*PHOTOS, *MORE])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--side", type=int, default=256, help="long side in pixels")
    parser.add_argument("--both-ways", action="store_true", help="the hard set rotated the other way as well")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder, options.weights)
    encode = encode_with(encoder)
    rows = []
    for kind in ("easy", "hard"):
        for seed in options.seeds:
            for sign in (1, -1) if kind == "hard" and options.both_ways else (1,):
                rows += [row(name, kind, encode, seed, options.side, sign) for name in options.photos]
    report(rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process {peak:.0f} MB, {torch.get_num_threads()} threads")
    if options.out:
        record = {"encoder": options.encoder, "threads": torch.get_num_threads(), "peak_mb": peak, "rows": rows}
        options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
