"""The terms of the objective, as pure functions of tensors.

Sampled features ("hypercolumns") are rows: (n, C), one row a position. Feature maps are (N, C, h, w). Every function
returns a scalar tensor unless it says otherwise, and stays finite, with finite gradients, on flat and on grey images.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EPS = 1e-6
REST = 1e-3
"""Difference from an image of one colour that counts as none; a colour's step of 1/255 is four of it."""
REFERENCE_SIDE = 256.0
"""The warp term is counted in pixels of a frame with this long side, whatever the real size is."""
REFERENCE_NODES = 128
"""The smoothness term is counted between neighbours of a grid with this many nodes along the long side."""


def normalize_rows(features: Tensor) -> Tensor:
    """Rows divided by their Euclidean norm; a zero row stays zero, with a finite gradient. (n, C) to (n, C)."""
    return features * torch.rsqrt(features.square().sum(1, keepdim=True) + EPS**2)


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """1 - cosine of every pair of rows: (n, C), (m, C) to (n, m), range [0, 2]."""
    return 1 - normalize_rows(a) @ normalize_rows(b).T


def self_similarity(features: Tensor) -> Tensor:
    """Cosine distances among the rows, each column divided by its sum: (n, C) to (n, n).

    Source: STROTSS (Kolkin et al. 2019), section 2.3.
    """
    distance = cosine_distance(features, features).clamp_min(0)
    return distance / (distance.sum(0, keepdim=True) + EPS)


def content_self_similarity(features: Tensor, target: Tensor) -> Tensor:
    """Difference of two self-similarity matrices, averaged over columns; range [0, 2], whatever n is.

    Args:
        features: (n, C) sampled from the image that is optimised.
        target: (n, n), `self_similarity` of the content image at the same positions.

    Source: STROTSS (Kolkin et al. 2019), equation 7, with 1/n in place of 1/n^2 so that the number of samples
    does not set the weight.
    """
    return (self_similarity(features) - target).abs().sum() / len(features)


class _Cosines(torch.autograd.Function):
    """Cosines of rows (n, C) and rows of unit length, (n,), in fewer passes over them than by autograd alone."""

    @staticmethod
    def forward(ctx, rows, units):
        size = rows.norm(dim=1, keepdim=True).clamp_min(EPS)
        cosines = (rows * units).sum(1, keepdim=True) / size
        ctx.save_for_backward(rows, units, size, cosines)
        return cosines[:, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        rows, units, size, cosines = ctx.saved_tensors
        share = grad[:, None] / size
        return (units * share).addcmul_(rows, -share * cosines / size), None


def paired_cosine_distance(features: Tensor, units: Tensor) -> Tensor:
    """Mean of 1 - cosine of each row and the target's row of the same index, range [0, 2].

    Args:
        features: (n, C), carries the gradient.
        units: (n, C), the target's rows of unit length (`normalize_rows`).

    Source: Neural Neighbor Style Transfer (Kolkin et al. 2022), equation 2.
    """
    return (1 - _Cosines.apply(features, units)).mean()


def nearest(closeness: Tensor) -> Tensor:
    """The index of the largest value in each row: (n, m) to (n,), without a gradient."""
    if closeness.device.type == "cpu":  # NumPy's argmax along rows is eight times as fast as PyTorch's
        return torch.from_numpy(closeness.numpy().argmax(1))
    return closeness.argmax(1)


def _nearest_pairs(closeness: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Index pairs (row, column) of nearest neighbours in the direction whose mean distance is the larger, and weights.

    On an accelerator both directions are returned and weights choose between them, so that the host never waits; on the
    CPU the choice is made at once and the weights are None: it halves the rows that are differentiated.

    Args:
        closeness: (n, m), larger is nearer; a negated distance.
    """
    n, m = closeness.shape
    forward = closeness.amax(1).mean() <= closeness.amax(0).mean()
    rows, columns = (torch.arange(count, device=closeness.device) for count in (n, m))
    if closeness.device.type == "cpu":
        if forward:
            return rows, nearest(closeness), None
        return nearest(closeness.T.contiguous()), columns, None  # turned, since along columns any argmax is slow
    chosen = forward.to(closeness.dtype)
    weights = torch.cat([(chosen / n).expand(n), ((1 - chosen) / m).expand(m)])
    return torch.cat([rows, closeness.argmax(0)]), torch.cat([nearest(closeness), columns]), weights


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    return values.mean() if weights is None else (values * weights).sum()


def relaxed_emd(features: Tensor, target: Tensor) -> Tensor:
    """Relaxed earth mover's distance between two sets of feature rows, cosine ground distance; range [0, 2].

    The larger of the mean distance of each row to its nearest target and of each target to its nearest row.
    The nearest pairs are found without a graph and only their distances are differentiated: the gradient is the
    same, for a third of the work.

    Args:
        features: (n, C), carries the gradient.
        target: (m, C).

    Source: STROTSS (Kolkin et al. 2019), equations 3 to 5; Kusner et al. 2015.
    """
    a, b = normalize_rows(features), normalize_rows(target)
    with torch.no_grad():
        rows, columns, weights = _nearest_pairs(a @ b.T)
    return _mean(1 - (a.index_select(0, rows) * b.index_select(0, columns)).sum(1), weights)


def palette(colors: Tensor, target: Tensor) -> Tensor:
    """Relaxed earth mover's distance between two sets of colours, Euclidean plus cosine ground distance.

    Args:
        colors: (n, 3) in a decorrelated colour space (YUV), carries the gradient.
        target: (m, 3), the same space.

    Source: STROTSS (Kolkin et al. 2019), section 2.2; its reference code adds the two ground distances.
    """
    a, b = normalize_rows(colors), normalize_rows(target)
    with torch.no_grad():
        rows, columns, weights = _nearest_pairs(a @ b.T - torch.cdist(colors, target))
    euclidean = ((colors.index_select(0, rows) - target.index_select(0, columns)).square().sum(1) + EPS**2).sqrt() - EPS
    return _mean(euclidean + 1 - (a.index_select(0, rows) * b.index_select(0, columns)).sum(1), weights)


class _Products(torch.autograd.Function):
    """Inner products of the columns of rows, (..., n, C) to (..., C, C), by one matrix product backward as well.

    Both factors are the same tensor, and autograd, which cannot know, takes two.
    """

    @staticmethod
    def forward(ctx, rows):
        ctx.save_for_backward(rows)
        return rows.mT @ rows

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        (rows,) = ctx.saved_tensors
        return rows @ (grad + grad.mT)


def mean_and_covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    """First two moments of feature rows: (n, C) to (C,), (C, C)."""
    mean = features.mean(0)
    centred = features - mean
    return mean, _Products.apply(centred) / max(len(features) - 1, 1)


def moments(features: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """Mean absolute difference of the first two moments of (n, C) rows from those given, (C,) and (C, C).

    Source: STROTSS (Kolkin et al. 2019), equation 6.
    """
    own_mean, own_covariance = mean_and_covariance(features)
    return (own_mean - mean).abs().mean() + (own_covariance - covariance).abs().mean()


def flat_style(features: Tensor, colors: Tensor, mean: Tensor, color: Tensor, weight: float) -> Tensor:
    """Distance of feature rows and colours from those of an image of one colour, whose rows are all alike.

    As `moments`, with a covariance of zero, and the mean Euclidean distance of the colours as in `palette`; there are no
    directions that cosines could compare. Differences under `REST` count nothing: at the target there is no gradient,
    where that of rounding alone would have an optimiser leave it by a whole step.

    Args:
        features, colors: (n, C) and (n, 3), carry the gradient.
        mean, color: (C,) and (3,), of the target.
        weight: of the colours.
    """
    own_mean, covariance = mean_and_covariance(features)
    away = ((colors - color).square().sum(1) + EPS**2).sqrt()
    first, second, third = ((x.abs() - REST).clamp_min(0).mean() for x in (own_mean - mean, covariance, away))
    return first + second + weight * third


def gram(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Gram matrix of a feature map, divided by its number of positions: (N, C, h, w) to (N, C, C).

    Args:
        mask: (N or 1, 1, h, w) weights of the positions in [0, 1]; without it, all count the same.

    Source: Gatys et al. 2016, equation 3; the division makes maps of different sizes comparable.
    """
    flat = features.flatten(2)
    if mask is None:
        return _Products.apply(flat.mT) / flat.shape[2]
    weights = mask.flatten(2)
    return (flat * weights) @ flat.transpose(1, 2) / weights.sum(2, keepdim=True).clamp_min(EPS)


def gram_difference(features_gram: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of Gram matrices (N, C, C), over the target's mean square; 0 where they agree.

    Source: Gatys et al. 2016, equation 4; dividing by the target's mean square takes the place of 1 / (4 N^2 M^2)
    and of per-layer weights, and makes the value independent of the scale of the features.
    """
    return (features_gram - target).square().mean((1, 2)) / (target.square().mean() + EPS)


def content_features(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of feature maps (N, C, h, w), over the target's variance.

    Source: Gatys et al. 2016, equation 1, made independent of the scale of the features.
    """
    spread = (target - target.mean((2, 3), keepdim=True)).square().mean()
    return (features - target).square().mean() / (spread + EPS)


def published_content(features: Tensor, target: Tensor) -> Tensor:
    """Half the summed squared difference of feature maps, (N, C, h, w) twice to (N,).

    Source: Gatys et al. 2016, equation 1, as published.
    """
    return 0.5 * (features - target).square().sum((1, 2, 3))


def published_gram(features_gram: Tensor, target: Tensor) -> Tensor:
    """A layer's contribution E_l to the style loss, of Gram matrices (N, C, C) over their number of positions (`gram`): (N,).

    Source: Gatys et al. 2016, equation 4: 1 / (4 C^2 M^2) times the summed squared difference of sums over M positions, which
    are these matrices times M. Images of different sizes are so compared as the authors' own code does.
    """
    return 0.25 * (features_gram - target).square().mean((1, 2))


def representation(features: Tensor, target: Tensor) -> Tensor:
    """Squared difference of feature maps over the target's squared norm, (N, C, h, w) twice to (N,); 1 for maps of zeros.

    Source: Mahendran and Vedaldi 2015, equation 5, the first term.
    """
    return (features - target).square().sum((1, 2, 3)) / (target.square().sum((1, 2, 3)) + EPS)


def total_variation(images: Tensor, exponent: float = 2.0) -> Tensor:
    """Sum over pixels of the gradient's length to the power of `exponent`, (N, C, H, W) to (N,); forward differences, 0 beyond.

    Source: Mahendran and Vedaldi 2015, equation 4, whose beta is `exponent`.
    """
    along_x = (images[..., :, 1:] - images[..., :, :-1]).square()
    along_y = (images[..., 1:, :] - images[..., :-1, :]).square()
    if exponent == 2:
        return along_x.sum((1, 2, 3)) + along_y.sum((1, 2, 3))
    both = torch.nn.functional.pad(along_x, (0, 1)) + torch.nn.functional.pad(along_y, (0, 0, 0, 1))
    return ((both + EPS**2).pow(exponent / 2) - EPS**exponent).sum((1, 2, 3))


def power_norm(images: Tensor, exponent: float = 6.0) -> Tensor:
    """Sum of the absolute values to the power of `exponent`, (N, C, H, W) to (N,): it keeps an image within its range.

    Source: Mahendran and Vedaldi 2015, section 3, the alpha-norm of the image with its mean taken off.
    """
    return images.abs().pow(exponent).sum((1, 2, 3))


def shift_gram(features: Tensor, shift: int) -> Tensor:
    """Gram matrices of a feature map and itself shifted along x, and along y, over their positions: (N, C, h, w) to (N, 2, C, C).

    A map that is no larger than the shift is shifted by half its side.

    Source: Berger and Memisevic 2017, "Incorporating long-range consistency in CNN-based texture generation", equation 4.
    """
    height, width = features.shape[-2:]
    x, y = (min(shift, max(1, side // 2)) if side > 1 else 0 for side in (width, height))
    pairs = [(features[..., : width - x], features[..., x:]), (features[..., : height - y, :], features[..., y:, :])]
    found = [a.flatten(2) @ b.flatten(2).mT / (a.shape[2] * a.shape[3]) for a, b in pairs]
    return torch.stack(found, 1)


def sliced_wasserstein(features: Tensor, target: Tensor, directions: Tensor) -> Tensor:
    """Mean squared difference of the sorted projections of two feature maps: (N, C, h, w), (1 or N, C, h', w') to (N,).

    Where the maps have different numbers of positions, the target's sorted values are read between.

    Args:
        directions: (k, C), of unit length, drawn anew for each step.

    Source: Heitz, Vanhoey, Chambon and Belcour 2021, "A sliced Wasserstein loss for neural texture synthesis", equation 4.
    """
    return sorted_projections(features, directions, (directions @ target.flatten(2)).sort(2).values)


def sorted_projections(features: Tensor, directions: Tensor, target: Tensor) -> Tensor:
    """As `sliced_wasserstein`, of a target whose projections (k, n) or (1 or N, k, n) are sorted already: (N,)."""
    own = (directions @ features.flatten(2)).sort(2).values
    other = target if target.dim() == 3 else target[None]
    if other.shape[2] != own.shape[2]:
        other = torch.nn.functional.interpolate(other, size=own.shape[2], mode="linear", align_corners=True)
    return (own - other).square().mean((1, 2))


def warp_loss(displacement: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean distance of the displaced keypoints from their targets, in pixels of a 256-pixel frame.

    Args:
        displacement: (k, 2) of the source keypoints, in units of the image's long side.
        target: (k, 2), the displacement that would reach the target keypoints, same units.
        weights: (k,) confidences, each a factor on its point's distance; without them all count as 1.

    Source: Deformable Style Transfer (Kim et al. 2020), equation 5, which has no weights. The sum is divided by the number
    of points and not by the sum of weights: a set of little confidence pulls less against smoothness, all of it.
    """
    if len(displacement) == 0:
        return displacement.sum()
    distance = ((displacement - target).square().sum(1) + EPS**2).sqrt()
    if weights is not None:
        distance = distance * weights
    return REFERENCE_SIDE * distance.mean()


def flow_total_variation(flow: Tensor, spacing: tuple[float, float]) -> Tensor:
    """Total variation of a displacement field: the mean L1 norm of its first differences.

    Differences are those between neighbouring nodes of a grid of 128 nodes along the long side, displacements in [-1, 1]
    coordinates, so that the value is the same at every resolution and on every grid.

    Args:
        flow: (2, h, w) displacements in units of the long side, on a regular grid.
        spacing: distance of neighbouring grid points along x and y, in units of the long side.

    Source: Deformable Style Transfer (Kim et al. 2020), equation 6.
    """
    along_x = (flow[:, :, 1:] - flow[:, :, :-1]).abs().sum(0).mean() / spacing[0]
    along_y = (flow[:, 1:] - flow[:, :-1]).abs().sum(0).mean() / spacing[1]
    return 2 / REFERENCE_NODES * (along_x + along_y)
