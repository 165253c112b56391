"""How far one encoder's levels are from another's: the share of variance that no linear map of the student explains."""

from __future__ import annotations

import torch

LEVELS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def centre_crops(images: list[torch.Tensor], side: int = 256) -> list[torch.Tensor]:
    """Return the middle of each uint8 (3, H, W) image, at most `side` pixels each way, as (1, 3, h, w) in [0, 1]."""
    crops = []
    for image in images:
        height, width = (min(side, full) for full in image.shape[1:])
        top, left = (image.shape[1] - height) // 2, (image.shape[2] - width) // 2
        crops.append(image[None, :, top : top + height, left : left + width].float() / 255)
    return crops


@torch.no_grad()
def level_errors(teacher, student, crops: list[torch.Tensor], layers=LEVELS, device="cpu") -> dict[str, float]:
    """Return, per layer, squared error over the teacher's variance, summed over channels, after the best linear map.

    The map (with an intercept) is least squares from the student's channels to the teacher's on the positions of the
    even crops; the error is taken on those of the odd crops, so that the map cannot learn what it is measured on.
    """
    moments = [{}, {}]
    for i, crop in enumerate(crops):
        images = crop.to(device)
        theirs, ours = teacher(images, layers), student(images, layers)
        for layer in layers:
            a, b = (f[layer].flatten(2)[0].double() for f in (ours, theirs))  # (C, positions)
            both = torch.cat([a, torch.ones_like(a[:1]), b]).cpu()
            kept = moments[i % 2]
            kept[layer] = kept.get(layer, 0) + both @ both.T
    errors = {}
    for layer in layers:
        inputs = student.layers[layer].channels + 1
        fit, test = moments[0][layer], moments[1][layer]
        xx, xy = fit[:inputs, :inputs], fit[:inputs, inputs:]
        linear = torch.linalg.solve(xx + 1e-6 * xx.diagonal().mean() * torch.eye(inputs, dtype=xx.dtype), xy)
        xx, xy, yy = test[:inputs, :inputs], test[:inputs, inputs:], test[inputs:, inputs:]
        squared = yy.trace() - 2 * (linear * xy).sum() + (linear * (xx @ linear)).sum()
        count = xx[-1, -1]
        variance = yy.trace() - (xy[-1] ** 2).sum() / count
        errors[layer] = float(squared / variance)
    return errors
