"""One fixed evaluation of the objective, the same for every preset: float32, 4,096 positions, one seed."""

from __future__ import annotations

import torch

from dst import imaging
from dst.config import StylizeConfig
from dst.features import Encoder
from dst.methods.strotss import Strotss
from dst.methods.targets import Style, apply_flow

POSITIONS = 4096
SEED = 12345


def evaluate(result, encoder: Encoder) -> dict[str, float]:
    """The terms of a finished run at its finest scale, and their total with the default weights.

    Args:
        result: a `dst.Result`.
        encoder: the network whose features judge; it need not be the one that the run used.

    Returns:
        `content`, `style`, `style_warped`, `warp`, `tv` and `total`. The last two unweighted terms are those of the
        run's last step that had them: they do not depend on the network.
    """
    defaults = StylizeConfig()
    rgb = [imaging.read(array[..., :3]).rgb for array in (result.content, result.style, result.unwarped)]
    generator = torch.Generator().manual_seed(SEED)
    config = defaults.optimize.replace(samples=POSITIONS, style_samples=POSITIONS)
    method = Strotss(encoder, rgb[0], [Style(rgb[1])], config, generator)
    warped = grid = None
    if len(result.warp.source):
        height, width = rgb[2].shape[-2:]
        grid = result.warp.grid((width, height))
        warped = apply_flow(rgb[2], grid)
    with torch.no_grad():
        terms = {name: float(value) for name, value in method.terms(rgb[2], warped, grid, generator).items()}
    last = next(row for row in reversed(result.history) if "warp" in row)  # a last pass compares strokes alone
    terms |= {"warp": last["warp"], "tv": last["tv"]}
    terms["total"] = (
        defaults.optimize.content_weight * terms["content"]
        + terms["style"]
        + terms["style_warped"]
        + defaults.warp.beta * terms["warp"]
        + defaults.warp.gamma * terms["tv"]
    )
    return terms
