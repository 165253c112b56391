"""The figures of docs/compact-encoder.md: a student encoder against the teacher that it was distilled from.

    python bench/encoder_card.py --weights teacher.safetensors --images photos/ --pairs a.jpg:b.jpg c.jpg:d.jpg --out out/

Four parts, each alone with --only: `errors` (held-out error per level after the best linear map), `speed`
(multiply-adds; seconds forward and backward to the pixels), `matches` (synthetic matching: share of points within 5%
and 10% of the side), `styles` (images made with each encoder and measured on the teacher's features). Prints JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import matching
from encoder_errors import centre_crops, level_errors
from training_images import read_folder, split

import dst
from dst import imaging
from dst.config import OptimizeConfig
from dst.features.encoder import LEVELS, Encoder, load_encoder
from dst.features.networks import NETWORKS, Network
from dst.features.weights import random_weights
from dst.methods.strotss import Strotss
from dst.methods.targets import Style

PARTS = ("errors", "speed", "matches", "styles")


def multiply_adds(encoder: Encoder, size: int = 256) -> int:
    """Return the multiply-adds of every layer to relu5_1 for one square image."""
    total = 0
    for conv, (before, width) in encoder.network.convolutions().items():
        layer = conv.replace("conv", "relu")
        total += 9 * before * width * (size // encoder.layers[layer].stride) ** 2
        if layer == "relu5_1":
            break
    return total


def network(widths: str) -> Network:
    """Return the compact encoder's network with other widths: "16,16/32,32/64,48,32/64,64,64/96", levels apart."""
    levels = tuple(tuple(int(width) for width in level.split(",")) for level in widths.split("/"))
    if len(levels) != len(LEVELS):
        raise ValueError(f"{len(levels)} levels, not {len(LEVELS)}")
    return dataclasses.replace(NETWORKS["compact"], name=widths, widths=levels)


def seconds(encoder: Encoder, image: torch.Tensor) -> tuple[float, float]:
    """Return the wall and processor time of one pass forward through five levels and back to the pixels."""
    pixels = image.clone().requires_grad_()
    began, used = time.perf_counter(), time.process_time()
    sum(feature.sum() for feature in encoder(pixels, LEVELS).values()).backward()
    return time.perf_counter() - began, time.process_time() - used


def speed(student: Encoder, teacher: Encoder, repeats: int) -> dict:
    """Times taken in turns, so that both see the same machine; the min and the median of each.

    On a machine that others use at the same time only processor time on one thread (OMP_NUM_THREADS=1) means anything.
    """
    costs = {"student": multiply_adds(student), "teacher": multiply_adds(teacher)}
    rows = {"multiply_adds": costs | {"ratio": costs["student"] / costs["teacher"]}}
    for size in (256, 512):
        image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
        taken = {"student": [], "teacher": []}
        for i in range(repeats + 2):
            for name, encoder in (("student", student), ("teacher", teacher)):
                value = seconds(encoder, image)
                if i >= 2:
                    taken[name].append(value)
        for k, kind in enumerate(("wall", "processor")):
            minimum, median = (
                {name: float(f([v[k] for v in taken[name]])) for name in taken} for f in (min, np.median)
            )
            rows[f"{kind} {size}"] = {
                "min": minimum | {"ratio": minimum["student"] / minimum["teacher"]},
                "median": median | {"ratio": median["student"] / median["teacher"]},
            }
    return rows


def measure(teacher: Encoder, content, style, result, size: int) -> dict[str, float]:
    """Return the objective's terms of an image on the teacher's features, at fixed positions."""
    image = imaging.resize(imaging.read(content).rgb, size)
    painting = imaging.read(style)
    painting = imaging.resize(painting.rgb, min(size, max(painting.size)))
    config = OptimizeConfig()
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        method = Strotss(teacher, image, [Style(painting)], config.replace(samples=4096, style_samples=4096), draw)
        terms = method.terms(imaging.read(result).rgb, None, None, draw)
    value = {name: float(terms[name]) for name in ("content", "style")}
    return value | {"total": config.content_weight * value["content"] + 2 * config.style_strength * value["style"]}


def styles(teacher: Encoder, args: argparse.Namespace) -> list[dict]:
    """Stylise each pair with both encoders, without a warp, and measure both on the teacher's features."""
    rows = []
    for pair in args.pairs:
        content, style = pair.split(":")
        row, made = {"content": Path(content).stem, "style": Path(style).stem}, []
        for name, encoder, weights in (("student", args.student, None), ("teacher", args.teacher, args.weights)):
            began = time.perf_counter()
            result = dst.stylize(content, style, encoder=encoder, weights=weights, warp=False, size=args.size, seed=0)
            row[name] = measure(teacher, content, style, result.unwarped, args.size)
            row[name]["seconds"] = time.perf_counter() - began
            made.append(result.unwarped)
        row["ratio"] = row["student"]["total"] / row["teacher"]["total"]
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
        if args.out:
            Path(args.out).mkdir(parents=True, exist_ok=True)
            beside = torch.from_numpy(np.concatenate(made, 1)).permute(2, 0, 1)[None, :3].float() / 255
            imaging.write(Path(args.out) / f"{row['content']}_{row['style']}.png", beside)
    return rows


def matches(student: Encoder, teacher: Encoder) -> dict:
    """Return PCK at 5% and 10% of the side on the sets of bench/matching.py, per photograph and on the mean."""
    report = {}
    for kind in ("easy", "hard"):
        for which, encoder in (("student", student), ("teacher", teacher)):
            rows = [matching.row(name, kind, matching.encode_with(encoder), 0, 256, 1) for name in matching.PHOTOS]
            found = {row["photo"]: [row["pck5"], row["pck10"], row["matches"]] for row in rows}
            found["mean"] = np.mean([[row["pck5"], row["pck10"]] for row in rows], 0).tolist()
            report[f"{kind}, {which}"] = found
            print(kind, which, json.dumps(found), file=sys.stderr, flush=True)
    return report


def errors(student: Encoder, teacher: Encoder, args: argparse.Namespace) -> dict[str, float]:
    """Errors on the images that the training program holds out with this seed and share."""
    _, held = split(read_folder(args.images), args.held_out, torch.Generator().manual_seed(args.seed))
    return level_errors(teacher, student, centre_crops(held))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--student", default="compact", help="encoder to judge (default %(default)s)")
    parser.add_argument(
        "--widths", type=network, help="time an untrained network of these widths: 16,16/32,32/64,48,32/64,64,64/96"
    )
    parser.add_argument("--teacher", default="vgg19-16x", help="encoder to judge it by (default %(default)s)")
    parser.add_argument("--weights", help="the teacher's weights file")
    parser.add_argument("--images", help="folder of the training images, for the held-out errors")
    parser.add_argument("--held-out", type=float, default=0.04)
    parser.add_argument("--seed", type=int, default=0, help="the training's seed, which decides the split")
    parser.add_argument("--pairs", nargs="*", default=[], metavar="CONTENT:STYLE")
    parser.add_argument("--size", type=int, default=256, help="long side of the images made (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--out", help="folder for the images: student left, teacher right")
    args = parser.parse_args()
    if args.widths and list(args.only) != ["speed"]:
        parser.error("--widths draws weights at random: only the speed can be measured, with --only speed")
    if args.widths:
        student = Encoder(args.widths, random_weights(args.widths))
    else:
        student = load_encoder(args.student)
    teacher = load_encoder(args.teacher, args.weights)
    report = {"student": student.sha256, "teacher": teacher.sha256, "threads": torch.get_num_threads()}
    if "speed" in args.only:
        report["speed"] = speed(student, teacher, args.repeats)
    if "errors" in args.only and args.images:
        report["errors"] = errors(student, teacher, args)
    if "matches" in args.only:
        report["matches"] = matches(student, teacher)
    if "styles" in args.only and args.pairs:
        report["styles"] = styles(teacher, args)
        report["styles_mean_ratio"] = float(np.mean([row["ratio"] for row in report["styles"]]))
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
