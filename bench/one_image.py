"""Measures samples of one image by each method: time, memory, likeness to the image, variety and what was copied.

    python bench/one_image.py --csv one_image.csv [--methods gpnn gpdm] [--model NAME=FOLDER ...]

Each row is a process of its own. The images come with scikit-image, scikit-learn and the project.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
IMAGES = ("china", "flower", "coffee", "rocket", "brick", "gravel", "mosaic", "impasto")
COLUMNS = (
    "image",
    "method",
    "seconds",
    "peak_mb",
    "sifid",
    "patch_swd",
    "diversity",
    "patch_share",
    "coverage",
    "largest_piece",
)


def image_of(name: str, side: int) -> np.ndarray:
    """An image by name, its long side brought to some pixels: (h, w, 3) uint8."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    import dst
    from dst import imaging

    drawn = {path.stem: path for path in dst.sample_styles()}
    if name in drawn:
        pixels: Any = drawn[name]
    elif name in ("china", "flower"):
        pixels = load_sample_image(f"{name}.jpg")
    else:
        pixels = getattr(data, name)()
    return imaging.to_array(imaging.resize(imaging.read(pixels).rgb, side))


def measure(name: str, method: str, model: str | None, args: argparse.Namespace) -> dict[str, Any]:
    """One row: samples of an image by a method, measured. `seconds` are those of one sample."""
    import dst
    from dst import imaging
    from dst.evaluate.one_image import measures

    pixels = image_of(name, args.side)
    began = time.perf_counter()
    made = dst.one_image("sample", pixels, method=method, model=model, count=args.count, threads=args.threads)
    seconds = (time.perf_counter() - began) / args.count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    image, *samples = (imaging.read(x, min_side=1).rgb for x in (pixels, *made))
    found = measures(samples, image, dst.load_encoder())
    return {"image": name, "method": method, "seconds": round(seconds, 1), "peak_mb": round(peak), **found}


def main() -> None:
    """Measure what is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", nargs="*", default=list(IMAGES), help="default: %(default)s")
    parser.add_argument("--methods", nargs="*", default=["gpnn", "gpdm"], help="default: %(default)s")
    parser.add_argument("--model", action="append", default=[], help="NAME=FOLDER: a SinGAN trained on the image NAME")
    parser.add_argument("--side", type=int, default=256, help="long side, pixels (default: %(default)s)")
    parser.add_argument("--count", type=int, default=3, help="samples of each (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of the processor (default: %(default)s)")
    parser.add_argument("--csv", type=Path, required=True, help="where the table goes")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    models = dict(pair.split("=", 1) for pair in args.model)
    if args.one:
        name, method = args.one.split(":")
        print(json.dumps(measure(name, method, models.get(name) if method == "singan" else None, args)))
        return
    from dst.files import csv_text

    rows = []
    for name in args.images:
        for method in [*args.methods, *(["singan"] if name in models else [])]:
            again = [sys.executable, __file__, *sys.argv[1:], "--one", f"{name}:{method}"]
            done = subprocess.run(again, check=True, stdout=subprocess.PIPE, text=True)
            row = json.loads(done.stdout.splitlines()[-1])
            rows.append({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
            print(rows[-1], flush=True)
            args.csv.write_text(csv_text(rows, COLUMNS), encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
