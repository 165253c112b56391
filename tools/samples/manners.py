"""Manners of picturing a sheet: each turns its colours, directions and detail into a picture of one technique.

Every function takes the sheet, where its ground shows, a generator and its own settings, and returns (H, W, 3) uint8 RGB. Lengths are in widths of the
sheet, so that an image looks alike at every resolution.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from tools.samples.brush import Brush, Sheet, _angle_at, grain, rgb

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def shown(image: np.ndarray) -> np.ndarray:
    """An image in [0, 1] as bytes."""
    return np.rint(image.clip(0, 1) * 255).astype(np.uint8)


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(values.astype(np.float32), (0, 0), max(sigma, 0.3))


def streaks(sheet: Sheet, rng, length: float, width: float) -> np.ndarray:
    """Noise drawn out along the sheet's directions, each value equally frequent: (H, W) in [0, 1].

    Line integral convolution (Cabral and Leedom, SIGGRAPH 1993).
    """
    h, w = sheet.height, sheet.width
    noise = grain(rng, h, w, width * w, width * w)
    flow = smooth(sheet.flow, 0.01 * w)
    angle = 0.5 * np.arctan2(flow[..., 1], flow[..., 0])
    total, y0, x0 = noise.copy(), *np.mgrid[:h, :w].astype(np.float32)
    for sign in (1, -1):
        y, x = y0.copy(), x0.copy()
        dy, dx = sign * np.sin(angle), sign * np.cos(angle)
        for _ in range(max(2, round(length * w / 2))):
            x, y = x + dx, y + dy
            total += cv2.remap(
                noise, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
            )
            c, s = (
                cv2.remap(
                    v.astype(np.float32),
                    x.astype(np.float32),
                    y.astype(np.float32),
                    cv2.INTER_NEAREST,
                    borderMode=cv2.BORDER_REFLECT,
                )
                for v in (np.cos(angle), np.sin(angle))
            )
            back = np.where(c * dx + s * dy < 0, -1, 1)
            dx, dy = back * c, back * s
    order = np.empty(h * w, np.float32)
    order[np.argsort(total, axis=None, kind="stable")] = np.linspace(0, 1, h * w, dtype=np.float32)
    return order.reshape(h, w)


def contours(sheet: Sheet, low: float = 0.16) -> np.ndarray:
    """How much of each pixel is a drawn line or as dark as one: (H, W) in [0, 1]."""
    return np.clip((low + 0.06 - sheet.colour @ LUMA) / 0.06, 0, 1)


def clusters(colours: np.ndarray, count: int, rng, steps: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Colours (n, 3) in `count` groups by k-means: the group of each, and the groups' means."""
    some = colours[rng.permutation(len(colours))[:6000]]
    means = some[rng.permutation(len(some))[:1]]
    while len(means) < count:  # the farthest from those chosen so far
        means = np.vstack([means, some[cKDTree(means).query(some)[0].argmax()]])
    for _ in range(steps):
        nearest = cKDTree(means).query(some)[1]
        means = np.stack([some[nearest == k].mean(0) if (nearest == k).any() else means[k] for k in range(count)])
    return cKDTree(means).query(colours)[1], means


def woodcut(
    sheet: Sheet, ground: np.ndarray, rng, paper: str = "efe4c9", ink: str = "1d1a1c", block: str | None = None
) -> np.ndarray:
    """Black carved lines that follow the forms, as wide as the tone is dark; `block`: a second colour for the ground."""
    w = sheet.width
    dark = 1 - smooth(sheet.colour @ LUMA, 0.002 * w)
    dark = ((dark - 0.16) / 0.62).clip(0, 1)
    lines = streaks(sheet, rng, 0.07, 0.0026)
    solid = np.clip((0.9 - lines * 0.86 - (1 - dark)) * 7 + 0.5, 0, 1)
    solid = np.maximum(np.where(dark > 0.86, 1, np.where(dark < 0.16, 0, solid)), contours(sheet, 0.2))
    solid = smooth(solid, 0.0012 * w)
    solid = np.clip((solid - 0.5) * 4 + 0.5, 0, 1)
    page = np.empty_like(sheet.colour)
    page[:] = rgb(paper)
    if block:
        page += smooth(ground, 0.001 * w)[..., None] * (rgb(block) - page)
    fibre = grain(rng, sheet.height, w, 0.004 * w, 0.0012 * w)
    worn = np.clip(0.97 - 0.1 * np.maximum(grain(rng, sheet.height, w, 0.002 * w, 0.002 * w) - 1.2, 0), 0, 1)
    page *= (1 + 0.012 * fibre)[..., None]
    return shown(page + (solid * worn)[..., None] * (rgb(ink) - page))


def mosaic(
    sheet: Sheet, ground: np.ndarray, rng, tile: float = 0.021, fine: float = 0.0115, grout: str = "6f675c"
) -> np.ndarray:
    """Small square stones in rows that follow the forms, smaller where the sheet is fine (Hausner, SIGGRAPH 2001)."""
    w, h = sheet.width, sheet.height
    level = smooth(sheet.fine, 0.008 * w)
    size = np.where(level > 0.45, fine, tile) * w
    y, x = np.mgrid[:h, :w]
    keep = rng.random((h, w)) < 1 / size**2
    sites = np.stack([x[keep], y[keep]], 1).astype(float)
    pixels = np.stack([x.ravel(), y.ravel()], 1).astype(float)
    flow = smooth(sheet.flow, 0.006 * w)
    for step in range(13):
        near = cKDTree(sites).query(pixels, k=min(7, len(sites)))[1]
        angle = _angle_at(flow, sites)
        offset = pixels[:, None] - sites[near]
        c, s = np.cos(angle)[near], np.sin(angle)[near]
        along, across = offset[..., 0] * c + offset[..., 1] * s, offset[..., 1] * c - offset[..., 0] * s
        far = np.maximum(np.abs(along), np.abs(across))
        order = np.argsort(far, 1)
        owner = np.take_along_axis(near, order[:, :1], 1)[:, 0]
        count = np.bincount(owner, minlength=len(sites))
        if step < 12:
            sums = [np.bincount(owner, pixels[:, k], len(sites)) for k in (0, 1)]
            sites = np.where(count[:, None] > 0, np.stack(sums, 1) / np.maximum(count, 1)[:, None], sites)
    colour = sheet.colour.reshape(-1, 3)
    mean = np.stack([np.bincount(owner, colour[:, k], len(sites)) for k in range(3)], 1) / np.maximum(count, 1)[:, None]
    middle = colour[(np.round(sites[:, 1]).clip(0, h - 1) * w + np.round(sites[:, 0]).clip(0, w - 1)).astype(int)]
    stone = 0.5 * mean + 0.5 * middle
    stone = stone * (1 + 0.09 * rng.standard_normal((len(sites), 1))) + 0.02 * rng.standard_normal((len(sites), 3))
    first, second = (np.take_along_axis(far, order[:, k : k + 1], 1)[:, 0].reshape(h, w) for k in (0, 1))
    gap = np.clip((second - first) / (0.0042 * w), 0, 1)
    slope = rng.normal(0, 1, (len(sites), 2))[owner].reshape(h, w, 2)
    place = (pixels - sites[owner]).reshape(h, w, 2) / size[..., None]
    lit = 1 + 0.10 * (slope * place).sum(-1) + 0.05 * grain(rng, h, w, 0.0015 * w, 0.0015 * w)
    image = stone[owner].reshape(h, w, 3) * lit[..., None]
    return shown(rgb(grout) + gap[..., None] * (image - rgb(grout)))


def glass(sheet: Sheet, ground: np.ndarray, rng, pieces: int = 170, lead: str = "14110f") -> np.ndarray:
    """Pieces of coloured glass in lead, lit from behind, with the face's lines painted on."""
    w, h = sheet.width, sheet.height
    sites = rng.uniform(0, 1, (pieces, 2)) * (w, h)
    uneven = rng.standard_normal((9 * (pieces + 1), 4))
    flat = cv2.bilateralFilter(smooth(sheet.colour, 0.004 * w), -1, 0.12, 0.02 * w)
    label, means = clusters(flat.reshape(-1, 3), 9, rng)
    label = cv2.medianBlur(label.reshape(h, w).astype(np.uint8), 2 * round(0.006 * w) + 1)
    y, x = np.mgrid[:h, :w]
    for _ in range(4):
        cell = cKDTree(sites).query(np.stack([x.ravel(), y.ravel()], 1))[1]
        count = np.maximum(np.bincount(cell, minlength=pieces), 1)
        sites = np.stack([np.bincount(cell, v.ravel(), pieces) / count for v in (x, y)], 1)
    busy = smooth(sheet.fine > 0.38, 0.004 * w) > 0.5  # the face is not broken up
    cell = np.where(busy, pieces, cell.reshape(h, w))
    piece = label.astype(int) * (pieces + 1) + cell
    number, inverse = np.unique(piece, return_inverse=True)
    inverse = inverse.reshape(h, w)
    tint = means[number // (pieces + 1)] * (1 + 0.16 * uneven[number, :1]) + 0.05 * uneven[number, 1:]
    edge = (np.diff(cell, axis=0, prepend=cell[:1]) != 0) | (np.diff(cell, axis=1, prepend=cell[:, :1]) != 0)
    cut = (np.diff(label.astype(int), axis=0, prepend=label[:1].astype(int)) != 0) | (
        np.diff(label.astype(int), axis=1, prepend=label[:, :1].astype(int)) != 0
    )
    edge |= cut & ~busy
    off = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5) / w
    image = np.where(busy[..., None], sheet.colour, tint[inverse])
    grey = image @ LUMA
    image = grey[..., None] + 1.5 * (image - grey[..., None])
    glow = 0.74 + 0.5 * np.clip(off / 0.03, 0, 1) * (0.8 + 0.2 * smooth(grain(rng, h, w, 0.03 * w, 0.03 * w), 1))
    image = np.clip(image, 0.02, 1) * np.where(busy, 1.08, glow)[..., None]
    image *= (1 + 0.035 * grain(rng, h, w, 0.02 * w, 0.001 * w))[..., None]
    leads = np.clip((0.0052 - off) / 0.0022, 0, 1)
    shine = smooth(leads, 0.001 * w) * np.clip(grain(rng, h, w, 0.004 * w, 0.004 * w), 0, 1) * 0.12
    image += leads[..., None] * (rgb(lead) + shine[..., None] - image)
    painted = contours(sheet, 0.17) * busy
    return shown(image + painted[..., None] * (rgb(lead) - image))


def points(sheet: Sheet, ground: np.ndarray, rng, paper: str = "e9e0cc") -> np.ndarray:
    """Dots of divided colour, each pushed away from its place's colour, finer in the face."""
    w, h = sheet.width, sheet.height
    page = np.empty_like(sheet.colour)
    page[:] = rgb(paper)
    for radius, share, least, spread in (
        (0.0085, 1.5, 0, 0.18),
        (0.0058, 1.5, 0, 0.16),
        (0.0042, 1.2, 0.3, 0.12),
        (0.0028, 1.4, 0.7, 0.08),
    ):
        count = int(share / (np.pi * radius**2) * h / w)
        at = rng.uniform((0, 0), (w, h), (count, 2))
        i, j = at[:, 1].astype(int), at[:, 0].astype(int)
        use = sheet.fine[i, j] >= least
        at, i, j = at[use], i[use], j[use]
        tint = smooth(sheet.colour, 0.5 * radius * w)[i, j]
        grey = tint @ LUMA
        tint = grey[:, None] + 1.45 * (tint - grey[:, None])
        push = spread * rng.standard_normal((len(at), 3))
        push -= push.mean(1, keepdims=True) * 0.7
        cool = (rng.random(len(at)) < 0.22)[:, None] * (0.8 * spread) * np.array([-0.5, 0.0, 0.9])
        tint = (tint + push + cool * (1.2 - grey[:, None])).clip(0, 1)
        sizes = radius * w * rng.uniform(0.8, 1.2, len(at))
        for place, colour, size in zip(
            (at * 16).round().astype(int).tolist(),
            tint.tolist(),
            (sizes * 16).round().astype(int).tolist(),
            strict=True,
        ):
            cv2.circle(page, place, max(size, 8), colour, -1, cv2.LINE_AA if w > 300 else cv2.LINE_8, 4)
    return shown(page * (1 + 0.03 * grain(rng, h, w, 0.002 * w, 0.002 * w))[..., None])


def charcoal(sheet: Sheet, ground: np.ndarray, rng, paper: str = "d9cdb8", chalk: str = "f6f0e2") -> np.ndarray:
    """Soft black strokes and smudges on toned paper, heightened with white chalk."""
    w, h = sheet.width, sheet.height
    tone = smooth(sheet.colour @ LUMA, 0.003 * w)
    tooth = grain(rng, h, w, 0.0013 * w, 0.0013 * w)
    lines = streaks(sheet, rng, 0.05, 0.0018)
    dark = ((0.82 - tone) / 0.72).clip(0, 1)
    smudge = 0.5 * smooth(dark, 0.018 * w)
    strokes = np.clip((dark**0.8 * 1.15 - lines) * 2.4, 0, 1) * np.clip(0.72 + 0.3 * tooth, 0, 1)
    edges = smooth(contours(sheet, 0.24), 0.0012 * w) * np.clip(0.95 + 0.25 * tooth, 0, 1)
    black = 1 - (1 - smudge * (0.8 + 0.12 * tooth)) * (1 - 0.85 * strokes) * (1 - edges)
    white = np.clip((smooth(tone, 0.004 * w) - 0.8) / 0.12, 0, 1) * np.clip(
        0.5 + 0.5 * tooth + 0.4 * (lines - 0.5), 0, 1
    )
    page = np.empty_like(sheet.colour)
    page[:] = rgb(paper)
    page *= (1 + 0.018 * tooth + 0.02 * grain(rng, h, w, 0.06 * w, 0.06 * w))[..., None]
    page += (0.8 * white)[..., None] * (rgb(chalk) - page)
    return shown(page + black.clip(0, 1)[..., None] * (rgb("191615") - page))


def poster(
    sheet: Sheet,
    ground: np.ndarray,
    rng,
    inks: tuple[str, ...] = ("16202c", "b3262b", "e2b04a", "f2e7cd"),
    rays: str = "b3262b",
) -> np.ndarray:
    """Few flat inks by tone, hard edges, dotted half-tones between them, rays in the ground, slightly out of register."""
    w, h = sheet.width, sheet.height
    tone = smooth(sheet.colour @ LUMA, 0.004 * w)
    y, x = np.mgrid[:h, :w] / w
    wave = 0.5 + 0.25 * (np.sin(2 * np.pi * (x + y) / 0.0125) + np.sin(2 * np.pi * (x - y) / 0.0125))
    limits = np.quantile(tone, [0.24, 0.5, 0.72])
    level = sum(np.clip((tone - limit + 0.05 * (wave - 0.5)) * w / 8 + 0.5, 0, 1) for limit in limits)
    low = np.floor(level).astype(int).clip(0, len(inks) - 2)
    table = np.stack([rgb(code) for code in inks])
    image = table[low] + (level - low)[..., None] * (table[low + 1] - table[low])
    fan = np.sin(np.arctan2(y - 0.55, x - 0.5) * 18) * w * np.hypot(x - 0.5, y - 0.55) / 60
    beams = table[-1] + np.clip(fan + 0.5, 0, 1)[..., None] * (rgb(rays) - table[-1])
    image += ground[..., None] * (beams - image)
    line = contours(sheet, 0.17)
    line = cv2.warpAffine(
        line.astype(np.float32),
        np.float32([[1, 0, 0.0022 * w], [0, 1, 0.0012 * w]]),
        (w, h),
        borderMode=cv2.BORDER_REFLECT,
    )
    image += line[..., None] * (table[0] - image)
    worn = np.clip(1 - 0.5 * np.maximum(grain(rng, h, w, 0.0016 * w, 0.0016 * w) - 2.1, 0), 0, 1)
    image = table[-1] + worn[..., None] * (image - table[-1])
    return shown(image * (1 + 0.012 * grain(rng, h, w, 0.001 * w, 0.001 * w))[..., None])


def watercolour(sheet: Sheet, ground: np.ndarray, rng, paper: str = "f7f1e4") -> np.ndarray:
    """Transparent washes: light to dark, run over their borders, pooled at their edges, granulated by the paper."""
    w, h = sheet.width, sheet.height
    y, x = np.mgrid[:h, :w].astype(np.float32)
    tooth = grain(rng, h, w, 0.0018 * w, 0.0018 * w)
    page = np.ones_like(sheet.colour)
    page[:] = rgb(paper)
    light = sheet.colour**0.62
    for sigma, share, run in ((0.03, 0.55, 0.016), (0.009, 0.6, 0.007), (0.0028, 0.75, 0.003)):
        shift = [run * w * grain(rng, h, w, 0.025 * w, 0.025 * w) for _ in (0, 1)]
        layer = cv2.remap(
            cv2.bilateralFilter(smooth(light, 0.3 * sigma * w), -1, 0.15, sigma * w),
            x + shift[0],
            y + shift[1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        wanted = (layer / page).clip(0.04, 1)
        uneven = 1 + 0.16 * grain(rng, h, w, 0.03 * w, 0.03 * w) + 0.07 * tooth
        inner = 1 - smooth(1 - wanted, 0.006 * w).mean(-1)
        pool = np.clip(inner - wanted.mean(-1), 0, 0.3) * 0.7
        page *= wanted ** (share * uneven + pool)[..., None]
    lines = smooth(contours(sheet, 0.2), 0.001 * w) * (0.62 + 0.15 * tooth).clip(0, 1)
    page += lines[..., None] * (rgb("33241f") - page)
    rim = np.minimum(np.minimum(x, w - 1 - x), np.minimum(y, h - 1 - y)) / w + 0.004 * grain(
        rng, h, w, 0.012 * w, 0.012 * w
    )
    bare = np.clip((0.028 - rim) / 0.004, 0, 1)[..., None]
    page += bare * (rgb(paper) - page)
    return shown(page * (1 + 0.016 * tooth)[..., None])


def impasto(sheet: Sheet, ground: np.ndarray, rng, first: str = "30405e", vivid: float = 1.25) -> np.ndarray:
    """Thick short strokes of strong colour that turn round the forms."""
    grey = sheet.colour @ LUMA
    sheet.colour = (grey[..., None] + vivid * (sheet.colour - grey[..., None])).clip(0, 1)
    base = np.empty_like(sheet.colour)
    base[:] = rgb(first)
    brush = Brush(sheet, base, rng)
    brush.layer(0.05, 0.13, spread=0.2, every=0.42, body=1.4)
    brush.layer(0.024, 0.075, spread=0.18, every=0.5, differ=0.05, body=1.5)
    brush.layer(0.014, 0.042, spread=0.14, every=0.5, differ=0.05, above=0.25, body=1.4)
    brush.layer(0.008, 0.024, spread=0.08, every=0.55, differ=0.05, above=0.4, body=1.0, wander=4)
    brush.layer(0.0045, 0.013, spread=0.04, every=0.6, differ=0.05, above=0.6, body=0.6, wander=3)
    return brush.finish(light=0.45)


def print_(sheet: Sheet, ground: np.ndarray, rng, count: int = 11, paper: str = "eadfc4") -> np.ndarray:
    """Flat colours within even dark contours, the ground shaded off from above, paper fibres through all."""
    w, h = sheet.width, sheet.height
    flat = cv2.bilateralFilter(smooth(sheet.colour, 0.003 * w), -1, 0.16, 0.02 * w)
    label, means = clusters(flat.reshape(-1, 3), count, rng)
    label = cv2.medianBlur(label.reshape(h, w).astype(np.uint8), 2 * round(0.004 * w) + 1)
    parts = np.stack([smooth(label == k, 0.0012 * w) for k in range(count)], -1)
    image = parts @ means.astype(np.float32) / parts.sum(-1, keepdims=True)
    fine = smooth(sheet.fine > 0.8, 0.002 * w)[..., None]
    image += fine * (sheet.colour - image)
    y = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    image += smooth(ground, 0.001 * w)[..., None] * np.clip(0.85 - 2.0 * y, 0, 1) * (rgb("2f4a6b") - image)
    lines = contours(sheet, 0.17)
    lines = np.clip((smooth(lines, 0.001 * w) - 0.35) * 4, 0, 1)
    image += lines[..., None] * (rgb("1b1714") - image)
    wood = grain(rng, h, w, 0.10 * w, 0.0012 * w)
    fibre = grain(rng, h, w, 0.001 * w, 0.006 * w)
    image *= (1 + 0.022 * wood + 0.015 * fibre)[..., None]
    return shown(0.93 * image + 0.07 * rgb(paper))
