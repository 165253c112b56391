"""Metrics of a run: how much of the style it took, how much of the content it kept, how sound its warp is."""

from __future__ import annotations

import numpy as np
import torch
from kornia.metrics import ssim
from torch import Tensor

from dst import imaging, losses
from dst.config import OptimizeConfig
from dst.config.metrics import METRICS
from dst.features import LEVELS, Encoder
from dst.features.sampling import Places, sample
from dst.methods.table import method_class
from dst.methods.targets import Style, reachable
from dst.runs.result import Result

SIDE = 256
"""Long side of the images that are measured, so that runs of different sizes can be compared."""
POSITIONS = 1024
BAND = 0.04
"""Width of the border band, share of the long side."""
SEED = 20200823


def metrics(result: Result, encoder: Encoder, crossing_share: float | None = None) -> dict[str, float | None]:
    """Measure a result; the same images and encoder give the same numbers.

    Args:
        result: any result.
        encoder: the feature network; distances measured with different ones cannot be compared.
        crossing_share: share of the pairs of keypoints whose paths to their targets cross; None without keypoints.

    Returns:
        - `style_distance`: relaxed earth mover's distance plus difference of moments and a palette term between the
          result and the style (the method `strotss`, at fixed positions); smaller is nearer.
        - `content_distance`: difference of the self-similarities of the result and of the warped content, 0 to 2.
        - `ssim`: structural similarity of the two (Wang et al. 2004, its Gaussian window), -1 to 1; 1 for the same image.
        - `folded_share`, `min_jacobian`, `max_jacobian`, `bending_energy`: of the warp.
        - `crossing_share`: as given.
        - `border_error`: how much farther from the style's features the outer 4% of the result is than its inside, in
          cosine distance (0 to 2); about 0, or below, where strokes reach the border unchanged.
    """
    painted, warped = (_tensor(pixels) for pixels in (result.image, result.warped_content))
    style = _tensor(result.style)
    folds = result.warp.folds()
    with torch.no_grad():
        distances = _distances(painted, warped, style, encoder)
        border = border_error(painted, style, encoder)
    window = min(11, (min(painted.shape[-2:]) - 1) // 2 * 2 + 1)
    found = {
        **distances,
        "ssim": float(ssim(painted.cpu(), warped.cpu(), window, padding="valid").mean()),
        "folded_share": folds.share,
        "min_jacobian": folds.min_jacobian,
        "max_jacobian": folds.max_jacobian,
        "bending_energy": result.warp.bending_energy(),
        "crossing_share": crossing_share,
        "border_error": border,
    }
    return {name: found[name] if found[name] is None else float(found[name]) for name in METRICS}


def _tensor(pixels: np.ndarray) -> Tensor:
    """Pixels as (1, 3, H, W) with a long side of at most `SIDE`."""
    rgb = imaging.read(np.ascontiguousarray(pixels[..., :3]), min_side=1).rgb
    return imaging.resize(rgb, min(SIDE, max(rgb.shape[-2:])))


def _distances(painted: Tensor, warped: Tensor, style: Tensor, encoder: Encoder) -> dict[str, float]:
    device = encoder.conv1_1.weight.device
    generator = torch.Generator(device).manual_seed(SEED)
    painted, warped, style = (x.to(device) for x in (painted, warped, style))
    config = OptimizeConfig(palette=1.0, samples=POSITIONS, style_samples=4 * POSITIONS)
    method = method_class("strotss")(encoder, warped, [Style(style)], config, generator)
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
    layers = reachable(encoder, LEVELS[:3], [painted, style])
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
