"""Measures networks: their loss against that of pixels optimised for it, quality, images a second and memory against size.

    python bench/networks.py loss --csv loss.csv [--model DIR] [--styles woodcut glass] [--steps 200]
    python bench/networks.py speed --csv speed.csv [--model DIR] [--threads 2]
    python bench/networks.py compare --csv compare.csv --models DIR DIR --styles impasto --sizes 256 1024 [--encoder NAME --weights FILE]

The photographs come inside scikit-image and scikit-learn: give a model that was not trained on them. Without --model it is the network of
the shipped styles. Rows of `speed` are processes of their own.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket", "china.jpg", "flower.jpg")
SIZES = (256, 512, 1024, 2048, 4096)
RATE = 0.02
"""Of Adam on the pixels."""


def optimised(image: Any, targets: Any, which: Any, config: Any, steps: int) -> tuple[Any, float]:
    """Pixels that minimise a network's own objective, from the photograph; and its value."""
    import torch

    from dst.networks.feedforward.johnson import objective

    raw = torch.logit(image.clamp(0.02, 0.98)).requires_grad_()
    adam = torch.optim.Adam([raw], RATE * 4)
    for step in range(steps):
        if step == int(0.8 * steps):
            adam.param_groups[0]["lr"] *= 0.25
        total = sum(objective(torch.sigmoid(raw), image, which, targets, config).values())
        adam.zero_grad()
        total.backward()
        adam.step()
    with torch.no_grad():
        made = torch.sigmoid(raw)
        return made, float(sum(objective(made, image, which, targets, config).values()))


def loss(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each style and way: means over the photographs of the objective and of the measures of quality."""
    import torch

    import dst
    from dst import imaging, runtime
    from dst.evaluate.quality import quality
    from dst.networks.feedforward import johnson
    from dst.networks.feedforward.data import built_in
    from dst.networks.feedforward.model import mix_of, painted

    model, known, rows = _model(args), {path.stem: path for path in dst.sample_styles()}, []
    config, encoder = model.config, dst.load_encoder()
    with runtime.computing(args.threads):
        for name in args.styles or model.names:
            style = imaging.resize(imaging.read(known[name]).rgb, config.style_size)
            targets, which = johnson.prepare([style], encoder, config), torch.tensor([0])
            mix, found = mix_of(model, [name], None, lambda one: one), {"network": [], "pixels": [], "photograph": []}
            for photograph in PHOTOGRAPHS:
                image = imaging.resize(built_in(photograph).rgb, args.size)
                began = time.perf_counter()
                by_net = painted(model, image, mix)
                took = time.perf_counter() - began
                began = time.perf_counter()
                by_pixels, _ = optimised(image, targets, which, config, args.steps)
                times = {"network": took, "pixels": time.perf_counter() - began, "photograph": 0.0}
                for way, made in (("network", by_net), ("pixels", by_pixels), ("photograph", image)):
                    with torch.no_grad():
                        terms = johnson.objective(made, image, which, targets, config)
                    row = {key: float(value) for key, value in terms.items()}
                    row |= {"total": sum(row.values()), "seconds": times[way], **quality(made, image, style, encoder)}
                    found[way].append(row)
            for way, each in found.items():
                mean = {key: round(sum(row[key] for row in each) / len(each), 4) for key in each[0]}
                rows.append({"drawing": name, "by": way, **mean})
                print(rows[-1], flush=True)
    return rows


def compare(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each style, model and size: means over the photographs of the measures of quality, with the style at the size of the picture."""
    import dst
    from dst import imaging, runtime
    from dst.evaluate.quality import quality
    from dst.networks import load
    from dst.networks.feedforward.data import built_in
    from dst.networks.feedforward.model import mix_of, painted

    known, rows = {path.stem: path for path in dst.sample_styles()}, []
    encoder = dst.load_encoder(args.encoder, args.weights)
    with runtime.computing(args.threads):
        for name, folder, size in itertools.product(args.styles, args.models, args.sizes):
            model, style = load(folder), imaging.resize(imaging.read(known[name]).rgb, size)
            mix, each = mix_of(model, [name], None, lambda one: one), []
            for photograph in PHOTOGRAPHS:
                image = imaging.resize(built_in(photograph).rgb, size)
                each.append(quality(painted(model, image, mix), image, style, encoder))
            mean = {key: round(sum(row[key] for row in each) / len(each), 4) for key in each[0]}
            rows.append({"drawing": name, "model": Path(folder).name, "size": size, **mean})
            print(rows[-1], flush=True)
    return rows


def speed(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each size: images a second and the peak of memory, of a process of its own."""
    rows = []
    for size in args.sizes:
        again = [sys.executable, __file__, *sys.argv[1:], "--one", str(size)]
        done = subprocess.run(again, check=True, stdout=subprocess.PIPE, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    return rows


def one_size(args: argparse.Namespace) -> dict[str, Any]:
    """Images a second at a size, the best of several rounds, and memory."""
    import torch

    from dst import runtime
    from dst.networks.feedforward.model import mix_of, painted

    model = _model(args)
    with runtime.computing(args.threads):
        image = torch.rand(1, 3, args.one, args.one, generator=torch.Generator().manual_seed(0))
        before, times = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
        mix = mix_of(model, model.names[:1], None, lambda one: one)
        for _ in range(max(3, 2**21 // args.one**2)):
            began = time.perf_counter(), time.process_time()
            painted(model, image, mix)
            times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = (min(column) for column in zip(*times, strict=True))
    return {
        "size": args.one,
        "images_a_second": round(1 / wall, 2),
        "core_seconds": round(cpu, 3),
        "mb": round((peak - before) / 1024),
    }


def _model(args: argparse.Namespace) -> Any:
    from dst.networks import load, shipped

    return load(args.model) if args.model else shipped.load()


WHAT = {"loss": loss, "speed": speed, "compare": compare}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=list(WHAT))
    parser.add_argument("--model", help="a folder of `dst train` (default: the shipped styles)")
    parser.add_argument("--models", nargs="*", default=[], help="folders of `dst train` that are compared")
    parser.add_argument("--encoder", default="compact", help="that compares them (default: %(default)s)")
    parser.add_argument("--weights", help="a file of that encoder's weights")
    parser.add_argument("--styles", nargs="*", help="of the drawn samples (default: all that the model knows)")
    parser.add_argument("--size", type=int, default=256, help="long side for the loss, pixels (default: %(default)s)")
    parser.add_argument(
        "--sizes", nargs="*", type=int, default=list(SIZES), help="of the other two (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=200, help="on the pixels (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of the processor (default: %(default)s)")
    parser.add_argument("--csv", type=Path, required=True, help="where the table goes")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one_size(args)))
        return
    from dst.files import csv_text

    rows = WHAT[args.what](args)
    args.csv.write_text(csv_text(rows, list(rows[0])), encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
