"""SHA-256 of everything that the three demo pairs' runs hold, so that two versions, or two machines, can be compared.

    python bench/fingerprint.py                    # 256 pixels, the default preset
    python bench/fingerprint.py --size 128 --preset fast

Each pair is run as a user would, `dst demo --style NAME`, in a folder that is thrown away. Images and files of numbers
are hashed as bytes; of the history the seconds are left out, and the figures, whose words may change, are hashed separately.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dst.config import SAMPLES
from dst.viz import RUN_FIGURES

BYTES = ("content", "style", "image", "unwarped", "warped_content", "matches")


def history(path: Path) -> bytes:
    """The rows of a history.csv without their seconds."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
    return repr(rows).encode()


def fingerprint(folder: Path) -> tuple[str, str]:
    """Digests of a run's results, and of its figures."""
    results, figures = hashlib.sha256(), hashlib.sha256()
    for name in BYTES:
        results.update((folder / f"{name}.png").read_bytes())
    results.update((folder / "points.csv").read_bytes())
    warp = json.loads((folder / "warp.json").read_text(encoding="utf-8"))
    results.update(json.dumps([warp["source"], warp["displacement"], warp["strength"]]).encode())
    results.update(history(folder / "history.csv"))
    for name in RUN_FIGURES:
        figures.update((folder / f"{name}.png").read_bytes())
    return results.hexdigest(), figures.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="256")
    parser.add_argument("--preset", default="default")
    given = parser.parse_args()
    whole = hashlib.sha256()
    for style in SAMPLES[:3]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / style
            options = ["--style", style, "--size", given.size, "--preset", given.preset, "--quiet"]
            cli = Path(__file__).resolve().parents[1] / "cli.py"
            subprocess.run([sys.executable, str(cli), "demo", "-o", str(folder), *options], check=True)
            results, figures = fingerprint(folder)
        whole.update(results.encode())
        print(f"{style}: results {results[:16]}, figures {figures[:16]}", flush=True)
    print(f"all three: {whole.hexdigest()}")


if __name__ == "__main__":
    main()
