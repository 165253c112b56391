"""The benchmark: times of stages and of whole runs, peak memory, the fixed objective, and the machine's ceilings.

    python bench/run.py --sizes 256 512 --presets default fast --out bench.json

Every whole run is a fresh process of the command line, timed from outside; its peak memory is the operating system's own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]


def sample_pairs(folder: Path) -> list[tuple[str, Path, Path]]:
    """The demo pair and two more from scikit-image and the package's drawn styles: (name, content, style)."""
    from skimage import data

    from dst import imaging
    from dst.imaging.samples import demo_pair, sample_styles

    content, style = demo_pair()
    styles = {path.stem: path for path in sample_styles()}
    pairs = []
    for name, image, painted in (
        ("demo", content, style),
        ("cat", imaging.read(np.ascontiguousarray(data.cat())), styles["ink"]),
        ("coffee", imaging.read(np.ascontiguousarray(data.coffee())), styles["oval"]),
    ):
        path = folder / f"{name}.png"
        imaging.write(path, image.rgb)
        pairs.append((name, path, Path(painted)))
    return pairs


def whole_process(command: list[str]) -> dict[str, float]:
    """Run a command and return its wall seconds, processor seconds, peak memory in bytes and exit status."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{errors}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "wall": time.perf_counter() - began,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * unit,
    }


def time_run(content: Path, style: Path, size: int, preset: str, extra: list[str], folder: Path) -> dict:
    """One whole run of `dst stylize`, with its stages, its median step at the finest scale and the fixed objective."""
    from objective import evaluate

    from dst.deform.resuming import load_run
    from dst.features.encoder import load_encoder

    run = folder / f"{content.stem}-{preset}-{size}"
    command = [sys.executable, str(ROOT / "cli.py"), "stylize", str(content), str(style), "--run", str(run), "--quiet"]
    row = whole_process([*command, "--size", str(size), "--preset", preset, "--force", *extra])
    result = load_run(run)
    finest = [r["seconds"] for r in result.history if r["side"] == max(result.image.shape[:2])]
    row |= {"stages": result.record["seconds"], "step": float(np.median(finest)), "steps": len(result.history)}
    row["objective"] = evaluate(result, load_encoder())
    return row


def startup() -> dict[str, float]:
    """Median wall seconds of `dst --help` and of `import dst` over a bare interpreter, five runs each."""
    cli = [sys.executable, str(ROOT / "cli.py"), "--help"]
    commands = {
        "dst --help": cli,
        "import dst": [sys.executable, "-c", "import dst"],
        "python": [sys.executable, "-c", ""],
    }
    return {name: float(np.median([whole_process(c)["wall"] for _ in range(5)])) for name, c in commands.items()}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="long sides, pixels")
    parser.add_argument("--presets", nargs="+", default=["default"], help="presets to time")
    parser.add_argument("--pairs", nargs="+", default=["demo", "cat", "coffee"], help="which of the sample pairs")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--out", type=Path, help="write all figures there as JSON")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and print its tables."""
    from ceilings import ceilings

    args = parse(arguments)
    report = {"machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}}
    report["ceilings"] = ceilings(args.device)
    print("ceilings: " + ", ".join(f"{name} {rate:.0f} GFLOP/s" for name, rate in report["ceilings"].items()))
    report["startup"] = startup()
    print("start: " + ", ".join(f"{name} {seconds:.3f} s" for name, seconds in report["startup"].items()))
    print(
        f"{'pair':8}{'preset':9}{'size':>6}{'wall s':>9}{'match s':>9}{'step s':>8}{'steps':>7}{'peak GB':>9}{'objective':>11}"
    )
    report["runs"] = []
    with tempfile.TemporaryDirectory() as name:
        for pair, content, style in sample_pairs(Path(name)):
            for size in args.sizes if pair in args.pairs else []:
                for preset in args.presets:
                    row = time_run(content, style, size, preset, ["--device", args.device], Path(name))
                    report["runs"].append({"pair": pair, "preset": preset, "size": size, **row})
                    print(
                        f"{pair:8}{preset:9}{size:6}{row['wall']:9.1f}{row['stages']['match']:9.2f}{row['step']:8.3f}"
                        f"{row['steps']:7}{row['peak_bytes'] / 1e9:9.2f}{row['objective']['total']:11.3f}",
                        flush=True,
                    )
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
