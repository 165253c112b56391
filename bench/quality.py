"""How near results come to the style, and how much of the content they lose, over alpha: a table, a file and a plot.

    python bench/quality.py --cache runs/ --out quality.csv --plot quality.png
    python bench/quality.py --pairs pairs.csv --no-warp --set steps=80 --images others/ --encoder vgg19 --weights FILE

Every pair is painted by every method at every alpha and measured by what no method minimises (dst/evaluate/quality.py), and by
the error of its border. What the content is compared with is under the result's own warp. With --cache each result and its
scores are kept: a bench that was stopped goes on, another plot or another --encoder paints nothing again. Results are told apart
by the images' bytes, the options and the version, not by the code: give a new folder after a change to a method.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dst
from bench.run import sample_pairs
from dst import imaging
from dst.batch.pairs import read_pairs
from dst.config import METHODS, InputError, StylizeConfig, check_choice, option_kinds, option_name, without_idle
from dst.config.metrics import METRICS, QUALITY
from dst.evaluate import metrics, quality
from dst.features import Encoder, load_encoder
from dst.files import EXTENSIONS, check_output, digest, replacing
from dst.runs.record import read_record
from dst.runs.result import stored_image

IMAGES = ("image", "warped_content", "style")
"""What is measured of a run: its image, and the images that it is compared with."""
SCORES = (*QUALITY, "border_error")
COLUMNS = ("pair", "method", "alpha", "seconds", *SCORES)
TITLES = {
    "patch_distance": "patches", "feature_distance": "features", "self_similarity_distance": "self-similarity",
    "palette_distance": "palette", "chroma_noise": "chroma noise", "chroma_grain": "of the style", "border_error": "border",
}  # fmt: skip
LOST = "self-similarity distance to the content"
TAKEN = {"patch_distance": "patch distance to the style", "feature_distance": "feature distance to the style"}


def score(image: torch.Tensor, content: torch.Tensor, style: torch.Tensor, encoder: Encoder) -> dict[str, float]:
    """The measures of one result, (1, 3, H, W) in [0, 1], by the names of `SCORES`."""
    found = quality.quality(image, content, style, encoder)
    small = [imaging.resize(x, min(metrics.SIDE, max(x.shape[-2:]))) for x in (image, style)]
    with torch.no_grad():
        return {**found, "border_error": metrics.border_error(*small, encoder)}


class Cache:
    """A folder of results and their scores."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        """`encoder`: scores of another one, or of other measures, are kept beside its own."""
        self.folder, self.encoder = folder, encoder
        self.judge = named(encoder.sha256, *(digest(module.__file__) for module in (quality, metrics)))

    def scores(self, name: str, images: Callable[[], list]) -> dict[str, float]:
        """The scores of a result: those that are kept, else those of its `images()`, which are image, content and style."""
        path = self.folder / f"{name}.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if self.judge not in known:
            known[self.judge] = score(*images(), self.encoder)
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        return known[self.judge]

    def run(self, name: str, content: str, style: str, options: dict[str, Any]) -> Path:
        """The folder of the result that is kept under a name; made now, where none is, without figures and checkpoint."""
        folder = self.folder / name
        if not (folder / "run.json").exists():
            result = dst.stylize(content, style, **options)
            result.figures = {}
            result.save(folder, force=True)
        return folder


def named(*parts: Any) -> str:
    """A short name of what JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def alphas(method: str, args: argparse.Namespace) -> list[float]:
    """The alphas asked for, or those that the looks asked for are with a method."""
    if not args.looks:
        return args.alphas
    return [StylizeConfig.from_options(method=method, look=look).optimize.content_weight for look in args.looks]


def painted(pairs: list[dict], args: argparse.Namespace, cache: Cache) -> Iterator[dict[str, Any]]:
    """A row for each pair, method and alpha."""
    common = {"size": args.size, "warp": args.warp, "device": args.device, **args.set}
    for pair in pairs:
        own = {key: value for key, value in pair.items() if key not in ("name", "content", "style")}
        sources = pair["content"], pair["style"]
        for method in args.methods:
            for alpha in alphas(method, args):
                options = without_idle({**common, **own, "method": method, "alpha": alpha})
                key = named(dst.__version__, [digest(path) for path in sources], options)
                name = f"{pair['name']}-{method}-{alpha:g}-{key}"
                folder = cache.run(name, *sources, options)
                scores = cache.scores(name, lambda folder=folder: [stored_image(folder, image).rgb for image in IMAGES])
                seconds = sum(read_record(folder)["seconds"].values())
                yield {"pair": pair["name"], "method": method, "alpha": alpha, "seconds": seconds, **scores}


def made_elsewhere(pairs: list[dict], folder: Path, cache: Cache) -> Iterator[dict[str, Any]]:
    """A row for each pair that has an image of its name in a folder; it is compared with the content as it is."""
    for pair in pairs:
        files = [folder / f"{pair['name']}{extension}" for extension in EXTENSIONS]
        path = next((path for path in files if path.is_file()), None)
        if path is None:
            print(f"{folder} holds no image called {pair['name']}", file=sys.stderr)
            continue
        sources = path, pair["content"], pair["style"]

        def images(sources=sources) -> list[torch.Tensor]:
            image, content, style = (imaging.read(source).rgb for source in sources)
            side = max(image.shape[-2:])  # of the style too, as a run has it
            return [image, imaging.resize(content, side), imaging.resize(style, side)]

        name = f"{pair['name']}-{named([digest(source) for source in sources])}"
        row = {"pair": pair["name"], "method": str(folder), "alpha": None, "seconds": None}
        yield row | cache.scores(name, images)


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each method and alpha: the means over their pairs."""
    found = []
    for method, alpha in dict.fromkeys((row["method"], row["alpha"]) for row in rows):
        mine = [row for row in rows if (row["method"], row["alpha"]) == (method, alpha)]
        columns = {
            name: None if mine[0][name] is None else fmean(row[name] for row in mine) for name in ("seconds", *SCORES)
        }
        found.append({"pair": f"mean of {len(mine)}", "method": method, "alpha": alpha, **columns})
    return found


def head() -> str:
    """The first two lines of the table."""
    names = ["pair", "method", "alpha", "s", *(TITLES[name] for name in SCORES)]
    return f"| {' | '.join(names)} |\n|---|---|{'---:|' * (len(names) - 2)}"


def line(row: dict[str, Any]) -> str:
    """A row of the table; `-` for what it has none of."""
    digits = {"seconds": 1, "palette_distance": 2, "chroma_noise": 3, "chroma_grain": 3}
    cells = [row["pair"], row["method"], "-" if row["alpha"] is None else f"{row['alpha']:g}"]
    cells += ["-" if row[name] is None else f"{row[name]:.{digits.get(name, 4)}f}" for name in ("seconds", *SCORES)]
    return f"| {' | '.join(cells)} |"


def draw(rows: list[dict[str, Any]], each: bool = False) -> Figure:
    """Distance to the style over what is lost of the content: of patches on the left, of features on the right.

    A line for each method with its alphas, a cross for images made elsewhere; nearer to the lower left corner is better.

    Args:
        rows: of `painted` and `made_elsewhere`.
        each: below the means, a small panel of patch distances for every pair.
    """
    pairs = list(dict.fromkeys(row["pair"] for row in rows)) if each else []
    columns = 4
    below = -(-len(pairs) // columns)
    figure = Figure((10, 4.2 + 2.4 * below), layout="constrained")
    grid = figure.add_gridspec(1 + below, columns, height_ratios=[4.2] + [2.4] * below)
    for k, (name, title) in enumerate(TAKEN.items()):
        axes = figure.add_subplot(grid[0, 2 * k : 2 * k + 2])
        panel(axes, means(rows), name, alphas=True)
        axes.set(xlabel=LOST, ylabel=title)
    axes.legend()
    for k, pair in enumerate(pairs):
        axes = figure.add_subplot(grid[1 + k // columns, k % columns])
        panel(axes, [row for row in rows if row["pair"] == pair], "patch_distance")
        axes.set_title(pair, fontsize="small")
        axes.tick_params(labelsize="x-small")
    return figure


def panel(axes: Any, rows: list[dict[str, Any]], name: str, alphas: bool = False) -> None:
    """A line of each method over alpha, `name` over the self-similarity distance, with the alphas beside the points."""
    for k, method in enumerate(dict.fromkeys(row["method"] for row in rows)):
        mine = [row for row in rows if row["method"] == method]
        mine = sorted(mine, key=lambda row: row["alpha"] or 0)
        x, y = ([row[column] for row in mine] for column in ("self_similarity_distance", name))
        marker = "x" if mine[0]["alpha"] is None else "o"
        axes.plot(x, y, marker=marker, markersize=5, linewidth=1.2, color=f"C{k % 10}", label=method)
        for row, place in zip(mine, zip(x, y, strict=True), strict=True):
            if alphas and row["alpha"] is not None:
                axes.annotate(f"{row['alpha']:g}", place, (4, 4), textcoords="offset points", fontsize="x-small")
    axes.grid(alpha=0.3)


def setting(text: str) -> tuple[str, Any]:
    """An option and its value, of `name=value`."""
    name, _, value = text.partition("=")
    name = check_choice("option", option_name(name), option_kinds())
    return name, option_kinds()[name].parse(name, value)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pairs", type=Path, help="CSV file: name,content,style, and any option (default: three samples)"
    )
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS, help="methods (default: all)")
    parser.add_argument(
        "--alphas", type=float, nargs="+", default=[1.0, 2.0, 4.0, 8.0, 16.0], help="weights of the content"
    )
    parser.add_argument(
        "--looks", type=float, nargs="+", help="looks, 0 to 1, in place of alphas: each method's own alphas"
    )
    parser.add_argument("--size", type=int, default=512, help="long side, pixels (default %(default)s)")
    parser.add_argument("--no-warp", dest="warp", action="store_false", help="plain style transfer")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="options of every run"
    )
    parser.add_argument(
        "--images", type=Path, nargs="+", default=[], help="folders of images made elsewhere, by the pairs' names"
    )
    parser.add_argument("--encoder", default="compact", help="encoder that scores (default %(default)s)")
    parser.add_argument("--weights", help="its weights, as a file")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--cache", type=Path, help="folder that keeps results and scores")
    parser.add_argument("--out", type=Path, help="write the rows and their means there: .csv or .json")
    parser.add_argument("--plot", type=Path, help="draw them there: .png")
    parser.add_argument("--each", action="store_true", help="a panel for every pair too")
    args = parser.parse_args(arguments)
    for path, extensions in ((args.out, (".csv", ".json")), (args.plot, (".png",))):
        if path is not None:
            check_output(path, extensions)
    args.set = dict(setting(text) for text in args.set)
    return args


def write(path: Path, report: dict[str, Any]) -> None:
    """The report as JSON, or its rows and means as CSV."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".json":
            file.write(json.dumps(report, indent=1) + "\n")
        else:
            table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            table.writeheader()
            table.writerows([*report["rows"], *report["means"]])


def bench(args: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Paint and score all that is asked for; print the table on the way."""
    encoder = load_encoder(args.encoder, args.weights, args.device)
    folder = args.cache or scratch / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    cache = Cache(folder, encoder)
    keys = ("name", "content", "style")
    samples = [] if args.pairs else [dict(zip(keys, map(str, pair), strict=True)) for pair in sample_pairs(scratch)]
    pairs = samples or read_pairs(args.pairs)
    print(
        f"scored by {encoder.name} (sha256 {encoder.sha256[:12]}); lower is better but for the style's chroma noise\n\n{head()}"
    )
    rows = []
    for source in (painted(pairs, args, cache), *(made_elsewhere(pairs, folder, cache) for folder in args.images)):
        for row in source:
            rows.append(row)
            print(line(row), flush=True)
    if not rows:
        raise InputError("there is nothing to score")
    for row in means(rows):
        print(line(row))
    given = {"size": args.size, "warp": args.warp, **args.set}
    about = {name: {**METRICS, **QUALITY}[name].sentence for name in SCORES}
    scorer = {"name": encoder.name, "sha256": encoder.sha256}
    return {"scored_by": scorer, "options": given, "columns": about, "rows": rows, "means": means(rows)}


def main(arguments: list[str] | None = None) -> int:
    """Run the bench, print its table, write its file and its plot."""
    try:
        args = parse(arguments)
        with tempfile.TemporaryDirectory() as scratch:
            report = bench(args, Path(scratch))
        if args.out:
            write(args.out, report)
        if args.plot:
            with replacing(args.plot) as temporary:
                draw(report["rows"], args.each).savefig(temporary, format="png", dpi=110)
    except (InputError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
