"""Nearest patches: an exact search in blocks, and one that follows what is known of a coarser scale."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 2**22
"""Pairs of patches that are compared at once."""
AXES = 40
"""Principal axes that patches are compared along, where there are many; all axes where there are few."""
FEW = 3000
"""Patches up to which all axes are used."""
DRAWN = 6000
"""Patches that the axes are found from, at the most."""
RADII = (16, 4, 1)
"""How far from the present neighbour, in pixels, a better one is looked for at random."""


def patches(image: Tensor, size: int) -> Tensor:
    """Every patch of an image (1, 3, h, w), row by row: (n, 3 size^2), n = (h - size + 1) (w - size + 1)."""
    return F.unfold(image, size)[0].T.contiguous()


def whole(usable: Tensor | None, size: int) -> Tensor | None:
    """Which patches hold usable pixels (h, w) alone: (n,) bool; None for all."""
    if usable is None:
        return None
    return F.max_pool2d((~usable)[None, None].float(), size, 1)[0, 0].flatten() == 0


def touching(made: Tensor | None, size: int, mirrored: bool = False) -> Tensor | None:
    """Which patches hold any of some pixels (h, w): (n,) bool; None for all. `mirrored`: patches about every pixel, (h w,)."""
    if made is None:
        return None
    flags = made[None, None].float()
    flags = F.pad(flags, (size // 2,) * 4, mode="reflect") if mirrored else flags
    return F.max_pool2d(flags, size, 1)[0, 0].flatten() > 0


def principal_axes(image: Tensor, size: int, count: int = AXES) -> Tensor:
    """Axes along which the patches of an image (1, 3, h, w) differ the most, as filters (count, 3, size, size) of unit length."""
    rows, columns = (n - size + 1 for n in image.shape[-2:])
    drawn = patches(image, size) if rows * columns <= DRAWN else _thinned(image, size)
    _, vectors = torch.linalg.eigh(torch.cov(drawn.T.double()))
    axes = vectors.flip(1)[:, :count].T.float()
    return axes.reshape(-1, image.shape[1], size, size).contiguous()


def _thinned(image: Tensor, size: int) -> Tensor:
    """Some patches drawn at random, always the same ones: (DRAWN, 3 size^2)."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = (n - size + 1 for n in image.shape[-2:])
    tops = torch.randint(rows, (DRAWN,), generator=generator)
    lefts = torch.randint(columns, (DRAWN,), generator=generator)
    own = torch.arange(size)
    y, x = tops[:, None, None] + own[:, None], lefts[:, None, None] + own
    return image[0][:, y, x].transpose(0, 1).flatten(1)


def column_minima(queries: Tensor, keys: Tensor) -> Tensor:
    """Squared distance of each key (m, d) to the nearest of the queries (n, d): (m,)."""
    left, right = _lifted(queries), _lifted_keys(keys)
    found = keys.new_full((len(keys),), torch.inf)
    rows = max(1, BLOCK // len(keys))
    buffer = keys.new_empty(rows, len(keys))
    for top in range(0, len(queries), rows):
        part = left[top : top + rows]
        found = torch.minimum(found, torch.mm(part, right, out=buffer[: len(part)]).amin(0))
    return found.clamp_min(0)


def nearest(queries: Tensor, keys: Tensor, alpha: float | None = None) -> tuple[Tensor, Tensor]:
    """The nearest key (m, d) of each query (n, d): its number (n,), and the squared distance (n,).

    With `alpha` keys that no query is near to are favoured: what is least is D_ij / (alpha + min_l D_lj), D the squared distance. No
    matrix of all pairs is held.

    Source: Granot et al. 2022, equation 3.
    """
    left, right = _lifted(queries), _lifted_keys(keys)
    if alpha is not None:
        # what a key's distances are divided by goes into the key: the score is a matrix product, too
        right = right / (alpha + column_minima(queries, keys))
    index = torch.empty(len(queries), dtype=torch.long)
    rows = max(1, BLOCK // len(keys))
    buffer = keys.new_empty(rows, len(keys))
    for top in range(0, len(queries), rows):
        part = left[top : top + rows]
        index[top : top + rows] = torch.mm(part, right, out=buffer[: len(part)]).min(1).indices
    return index, (queries - keys[index]).square().sum(1)


def _lifted(queries: Tensor) -> Tensor:
    """(n, d + 2) whose product with `_lifted_keys` is the squared distance."""
    return torch.cat([queries, queries.square().sum(1, keepdim=True), queries.new_ones(len(queries), 1)], 1)


def _lifted_keys(keys: Tensor) -> Tensor:
    return torch.cat([-2 * keys.T, keys.new_ones(1, len(keys)), keys.square().sum(1)[None]])


def follow(
    queries: Tensor, keys: Tensor, index: Tensor, grids: tuple[tuple[int, int], tuple[int, int]], usable: Tensor | None,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Better neighbours near known ones: those of the patches beside, moved along, and some at random around.

    Args:
        queries, keys: (n, d) and (m, d), row by row.
        index: (n,) numbers of the known ones.
        grids: (rows, columns) of the queries and of the keys.
        usable: (m,) bool, keys that may be taken; None for all. Those in `index` must be.
        generator: of random draws.

    Returns:
        As `nearest`.

    Source: Barnes, Shechtman, Finkelstein and Goldman 2009, "PatchMatch", section 3.2; all patches move at once here, not in the
    order of a scan.
    """
    (rows, columns), (key_rows, key_columns) = grids
    cost = _apart(queries, keys, index)

    def offer(y: Tensor, x: Tensor) -> None:
        nonlocal index, cost
        other = (y.clamp(0, key_rows - 1) * key_columns + x.clamp(0, key_columns - 1)).flatten()
        apart = _apart(queries, keys, other)
        better = apart < cost
        if usable is not None:
            better &= usable[other]
        index, cost = torch.where(better, other, index), torch.where(better, apart, cost)

    for reach in (4, 1):
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            y, x = (part.view(rows, columns) for part in (index // key_columns, index % key_columns))
            shift = (dy * reach, dx * reach)
            offer(_moved(y, shift) + shift[0], _moved(x, shift) + shift[1])
    for radius in RADII:
        move = torch.randint(-radius, radius + 1, (2, len(index)), generator=generator)
        offer(index // key_columns + move[0], index % key_columns + move[1])
    return index, cost


def _moved(grid: Tensor, shift: tuple[int, int]) -> Tensor:
    """A grid moved down and to the right; what comes in from beyond the border is the border's."""
    (rows, columns), (dy, dx) = grid.shape, shift
    return grid[(torch.arange(rows) - dy).clamp(0, rows - 1)][:, (torch.arange(columns) - dx).clamp(0, columns - 1)]


def _apart(queries: Tensor, keys: Tensor, index: Tensor) -> Tensor:
    return (queries - keys.index_select(0, index)).square_().sum(1)


def enlarged(
    index: Tensor, size: int, before: tuple[tuple[int, int], tuple[int, int]], now: tuple[tuple[int, int], tuple[int, int]]
) -> Tensor:  # fmt: skip
    """The neighbours known at one scale, at another: (n,) numbers.

    Args:
        index: (n',) numbers at the scale before.
        size: of a patch.
        before, now: (height, width) of the queries' image and of the keys', at both scales.
    """
    (own, other), (new_own, new_other) = before, now
    columns = other[1] - size + 1
    known = [part.view(own[0] - size + 1, -1) for part in (index // columns, index % columns)]
    places, rests = [], []
    for axis in (0, 1):
        count = own[axis] - size + 1
        center = (torch.arange(new_own[axis] - size + 1) + size / 2) * (own[axis] / new_own[axis])
        place = (center - size / 2).round().long().clamp(0, count - 1)
        places.append(place)
        rests.append(center - size / 2 - place)
    found = []
    for axis, grid in enumerate(known):
        rest = rests[axis].view((-1, 1) if axis == 0 else (1, -1))
        center = grid[places[0]][:, places[1]] + size / 2 + rest
        at = (center * (new_other[axis] / other[axis]) - size / 2).round().long()
        found.append(at.clamp(0, new_other[axis] - size))
    return (found[0] * (new_other[1] - size + 1) + found[1]).flatten()


def folded(image: Tensor, index: Tensor, size: int, target: tuple[int, int], spread: Tensor | None = None) -> Tensor:
    """Patches of an image (1, 3, h, w) laid side by side, overlapping by all but one pixel, and averaged: (1, 3, *target).

    Args:
        image: where patches come from.
        index: (n,) number of the patch that lies at each place of the target.
        size: of a patch.
        target: (H, W).
        spread: (size, size) weights of a patch's pixels; None for equal ones.
    """
    columns = image.shape[3] - size + 1
    top_left = index // columns * image.shape[3] + index % columns
    flat = image[0].flatten(1)
    rows, wide = target[0] - size + 1, target[1] - size + 1
    total, weight = image.new_zeros(image.shape[1], *target), image.new_zeros(*target)
    for dy in range(size):
        for dx in range(size):
            share = 1.0 if spread is None else float(spread[dy, dx])
            part = flat.index_select(1, top_left + dy * image.shape[3] + dx).view(-1, rows, wide)
            total[:, dy : dy + rows, dx : dx + wide].add_(part, alpha=share)
            weight[dy : dy + rows, dx : dx + wide] += share
    return (total / weight)[None]
