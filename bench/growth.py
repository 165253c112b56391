"""Draw how time and memory grow with the size, from the JSON files that bench/run.py wrote.

python bench/growth.py one.json two.json -o docs/images/growth.png
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from matplotlib.figure import Figure

from dst.files import replacing

TICKS = (128, 256, 512, 1024, 2048, 4096)


def draw(rows: list[dict]) -> Figure:
    """Whole-process seconds and peak memory over the long side, both axes logarithmic.

    Args:
        rows: as `bench/run.py` writes them under `runs`, of one pair and one preset.
    """
    rows = sorted(rows, key=lambda row: row["size"])
    sizes = [row["size"] for row in rows]
    figure = Figure((8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    series = {
        "whole process": [row["wall"] for row in rows],
        "painting": [row["stages"]["optimize"] for row in rows],
        "matching": [row["stages"]["match"] for row in rows],
    }
    for name, values in series.items():
        left.plot(sizes, values, marker="o", label=name)
    left.set_ylabel("seconds")
    left.legend()
    right.plot(sizes, [row["peak_bytes"] / 1e9 for row in rows], marker="o", color="tab:red")
    right.set_ylabel("peak memory, GB")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(TICKS, [str(tick) for tick in TICKS], minor=False)
        axes.minorticks_off()
        axes.set_xlabel("long side, pixels")
        axes.grid(alpha=0.3)
        low, high = axes.get_ylim()
        marks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if low <= tick <= high]
        axes.set_yticks(marks, [f"{tick:g}" for tick in marks])
    return figure


def main(arguments: list[str] | None = None) -> int:
    """Read the files and write the image."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="what bench/run.py --out wrote")
    parser.add_argument("--pair", default="demo", help="which pair (default %(default)s)")
    parser.add_argument("--preset", default="default", help="which preset (default %(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="image to write")
    args = parser.parse_args(arguments)
    runs = [row for file in args.files for row in json.loads(file.read_text(encoding="utf-8"))["runs"]]
    chosen = [row for row in runs if (row["pair"], row["preset"]) == (args.pair, args.preset)]
    if not chosen:
        raise SystemExit(f"no run of the pair {args.pair!r} with the preset {args.preset!r} in these files")
    with replacing(args.output) as temporary:
        draw(chosen).savefig(temporary, format=args.output.suffix[1:], dpi=110)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
