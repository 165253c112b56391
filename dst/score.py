"""The scorecard of a run: how much of the style it took, how much of the content it kept, how sound its warp is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from kornia.metrics import ssim
from torch import Tensor

from dst import imaging, losses
from dst.features.encoder import LEVELS, Encoder
from dst.features.sampling import Places, sample
from dst.methods.strotss import Strotss
from dst.methods.targets import Style
from dst.result import Result, read_record

SIDE = 256
"""Long side of the pictures that are scored, so that runs of different sizes can be compared."""
POSITIONS = 1024
BAND = 0.04
"""Width of the border band, share of the long side."""
SEED = 20200823
COLUMNS = (
    "style_distance", "content_distance", "ssim", "folded_share", "min_jacobian", "max_jacobian", "bending_energy",
    "crossing_share", "border_error",
)  # fmt: skip
"""Names of a scorecard's entries, in the order of a table."""


def scorecard(result: Result, encoder: Encoder, points: np.ndarray | None = None) -> dict[str, float | None]:
    """Score a result; the same pictures and encoder give the same numbers.

    Args:
        result: any result.
        encoder: the feature network; distances measured with different ones cannot be compared.
        points: (k, 4) content keypoints and their targets in the content's frame, pixels; None without a warp.

    Returns:
        - `style_distance`: relaxed earth mover's distance plus difference of moments and a palette term between the
          result and the style (`dst.methods.strotss`, at fixed positions); smaller is nearer.
        - `content_distance`: difference of the self-similarities of the result and of the warped content, 0 to 2.
        - `ssim`: structural similarity of the two (Wang et al. 2004, its Gaussian window), -1 to 1; 1 for the same picture.
        - `folded_share`, `min_jacobian`, `max_jacobian`, `bending_energy`: of the warp.
        - `crossing_share`: share of the pairs of keypoints whose paths to their targets cross; None without keypoints.
        - `border_error`: how much farther from the style's features the outer 4% of the result is than its inside, in
          cosine distance (0 to 2); about 0, or below, where strokes reach the border unchanged.
    """
    painted, bent = (_tensor(picture) for picture in (result.image, result.warped_content))
    style = _tensor(result.style)
    folds = result.warp.folds()
    with torch.no_grad():
        distances = _distances(painted, bent, style, encoder)
        border = border_error(painted, style, encoder)
    window = min(11, (min(painted.shape[-2:]) - 1) // 2 * 2 + 1)
    card = {
        **distances,
        "ssim": float(ssim(painted.cpu(), bent.cpu(), window, padding="valid").mean()),
        "folded_share": folds.share,
        "min_jacobian": folds.min_jacobian,
        "max_jacobian": folds.max_jacobian,
        "bending_energy": result.warp.bending_energy(),
        "crossing_share": None if points is None or len(points) < 2 else crossing_share(points[:, :2], points[:, 2:]),
        "border_error": border,
    }
    return {name: card[name] if card[name] is None else float(card[name]) for name in COLUMNS}


def _tensor(picture: np.ndarray) -> Tensor:
    """Pixels as (1, 3, H, W) with a long side of at most `SIDE`."""
    rgb = imaging.read(np.ascontiguousarray(picture[..., :3]), min_side=1).rgb
    return imaging.resize(rgb, min(SIDE, max(rgb.shape[-2:])))


def _distances(painted: Tensor, bent: Tensor, style: Tensor, encoder: Encoder) -> dict[str, float]:
    device = encoder.conv1_1.weight.device
    generator = torch.Generator(device).manual_seed(SEED)
    painted, bent, style = (x.to(device) for x in (painted, bent, style))
    method = Strotss(encoder, bent, [Style(style)], 1.0, POSITIONS, 4 * POSITIONS, generator)
    terms = method.terms(painted, None, None, generator)
    return {"style_distance": float(terms["style"]), "content_distance": float(terms["content"])}


def border_error(painted: Tensor, style: Tensor, encoder: Encoder, band: float = BAND) -> float:
    """Mean cosine distance of the border band's features to the nearest of the style's, less that of the inside.

    Args:
        painted, style: (1, 3, H, W) in [0, 1].
        encoder: the feature network.
        band: width of the band, share of the long side.
    """
    device = encoder.conv1_1.weight.device
    layers = LEVELS[:3]
    maps = [[x.to(device), *encoder(x.to(device), layers).values()] for x in (painted, style)]
    height, width = painted.shape[-2:]
    at, edge = _lattice(width, height, band)
    rows = sample(maps[0], Places(at.to(device)))[0]
    pool = sample(maps[1], Places(_lattice(style.shape[3], style.shape[2], band)[0].to(device)))[0]
    mean, spread = pool.mean(0), pool.std(0).clamp_min(losses.EPS)
    nearest = losses.cosine_distance((rows - mean) / spread, (pool - mean) / spread).min(1).values.cpu()
    if not bool(edge.any()) or bool(edge.all()):
        return 0.0
    return float(nearest[edge].mean() - nearest[~edge].mean())


def _lattice(width: int, height: int, band: float, count: int = 2048) -> tuple[Tensor, Tensor]:
    """About `count` regular positions in [-1, 1], (n, 2), and which of them lie in the border band, (n,) bool."""
    step = max(1.0, (width * height / count) ** 0.5)
    x = (torch.arange(max(1, round(width / step))) + 0.5) / max(1, round(width / step))
    y = (torch.arange(max(1, round(height / step))) + 0.5) / max(1, round(height / step))
    at = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)
    size = torch.tensor([width, height], dtype=torch.float32)
    gap = torch.minimum(at, 1 - at) * size / max(width, height)
    return at * 2 - 1, (gap < band).any(1)


def crossing_share(source: np.ndarray, target: np.ndarray) -> float:
    """Share of the pairs of segments source_i -> target_i that cross one another; touching ends do not count.

    Args:
        source, target: (k, 2); k of 2 or more.
    """
    a, b, c, d = source[:, None], target[:, None], source[None], target[None]

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        return (q - p)[..., 0] * (r - p)[..., 1] - (q - p)[..., 1] * (r - p)[..., 0]

    crossed = (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)
    return float(np.triu(crossed, 1).sum() / (len(source) * (len(source) - 1) / 2))


def score_runs(folders: list) -> list[dict[str, Any]]:
    """The scorecards of several runs, one row each: `run`, `encoder` and the entries of `scorecard`.

    Raises:
        InputError: no run there, a damaged one, or one made by a newer version.
    """
    rows = []
    for folder in folders:
        record = read_record(folder)
        card = record.get("score") if isinstance(record.get("score"), dict) else {}
        encoder = record.get("encoder") if isinstance(record.get("encoder"), dict) else {}
        rows.append(
            {"run": str(Path(folder)), "encoder": encoder.get("name"), **{name: card.get(name) for name in COLUMNS}}
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Rows of `score_runs` as lines of aligned columns, the best of a column marked with `*`."""
    better = {"style_distance": min, "content_distance": min, "ssim": max, "border_error": min}
    cells = [["run", *COLUMNS]]
    for row in rows:
        line = [row["run"]]
        for name in COLUMNS:
            value = row[name]
            known = [r[name] for r in rows if r[name] is not None]
            best = name in better and len(known) > 1 and value is not None and value == better[name](known)
            line.append("-" if value is None else f"{value:.4g}" + ("*" if best else ""))
        cells.append(line)
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in cells)
