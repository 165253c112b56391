"""An angular head: planes cut by straight lines, shaded from edge to edge, outlined in black; ochre, blue and grey."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from tools.samples.brush import Brush, Sheet, ellipse, grain, pts, rgb

ASPECT = 1.22
OCHRE = ("3a2414", "7a4a1e", "b07a34", "d9a95a", "f2d9a0")
BLUE = ("141c2c", "2c4566", "56789c", "94b0c4", "d4dfe2")
GREY = ("1d1c1c", "4a4844", "7d7a72", "b0aa9c", "e0dac8")
ROSE = ("3c1a16", "7c3a2c", "b4664c", "dc9a7a", "f0cdb4")
HAIR = ("0f0d0d", "241d1a", "43352a", "7a5d3c", "a9885a")
NIGHT = ("0b0e16", "182234", "2c4566", "48688a")


def draw(width: int, seed: int = 6) -> np.ndarray:
    """The painting: (round(1.22 width), width, 3) uint8 RGB."""
    rng = np.random.default_rng(seed)
    sheet = Sheet(width, round(width * ASPECT), "56585a")
    tone = light(sheet)
    for region, cuts, angles, palettes in regions():
        inside, edges = sheet.mask(region) > 0.5, []
        for facet in cut([np.asarray(region, float)], cuts, angles, rng):
            plane(sheet, facet, tone, palettes[rng.integers(len(palettes))], inside, rng)
            edges.append((facet, inside))
        outline(sheet, [*edges, (np.asarray(region, float), None)], rng)
    eyes(sheet)
    features(sheet)
    return paint(sheet, rng)


def light(sheet: Sheet) -> np.ndarray:
    """How bright each place is to be, before it is broken into planes: (H, W) in [0, 1]."""
    study = Sheet(sheet.width, sheet.height, "707070")
    study.shade(pts("-200,-200 300,-200 200,1400 -200,1400"), "989898", 0.10)
    study.shade(pts("700,-200 1200,-200 1200,1400 750,1400"), "404040", 0.10)
    study.shade(ellipse(0.50, 0.24, 0.24, 0.20), "2a2a2a", 0.03)
    study.shade(ellipse(0.46, 0.46, 0.20, 0.30), "c8c8c8", 0.03)
    study.shade(ellipse(0.63, 0.50, 0.09, 0.30), "5a5a5a", 0.05)
    study.shade(ellipse(0.42, 0.30, 0.10, 0.08), "eeeeee", 0.04)
    study.shade(ellipse(0.40, 0.55, 0.06, 0.08), "e8e8e8", 0.03)
    study.shade(ellipse(0.48, 0.82, 0.10, 0.10), "6a6a6a", 0.04)
    study.shade(ellipse(0.25, 1.05, 0.18, 0.16), "a0a0a0", 0.06)
    study.shade(ellipse(0.80, 1.08, 0.18, 0.16), "383838", 0.06)
    return study.colour[..., 0]


def regions():
    """Outlines from back to front with how often to cut them, along which angles, and in which colours."""
    frame = pts("-50,-50 1050,-50 1050,1300 -50,1300")
    left = pts("370,830 500,1000 470,1300 -50,1300 -30,1100 100,980")
    right = pts("600,840 860,950 1040,1100 1050,1300 460,1300 500,1000")
    neck = pts("380,660 610,660 615,860 500,1040 375,860")
    hair = pts("300,200 380,90 520,45 670,100 735,240 745,440 690,600 500,660 290,580 255,380")
    ear_left = pts("285,400 255,390 240,440 262,530 295,550")
    ear_right = pts("700,420 735,410 745,460 715,560 690,560")
    face_left = pts("490,155 375,175 305,270 280,420 305,580 375,700 465,785 500,785 505,500")
    face_right = pts("490,155 620,185 695,290 705,450 675,600 610,720 535,785 500,785 505,500")
    return [
        (frame, 6, (20, 72, 118, 150), (GREY, BLUE, OCHRE, GREY)),
        (left, 4, (35, 80, 125), (BLUE, BLUE, GREY)),
        (right, 4, (55, 100, 145), (BLUE, GREY, BLUE)),
        (neck, 3, (70, 110, 30), (OCHRE, ROSE)),
        (hair, 4, (60, 120, 95), (HAIR, HAIR, NIGHT)),
        (ear_left, 1, (80,), (ROSE,)),
        (ear_right, 1, (100,), (OCHRE,)),
        (face_left, 4, (20, 65, 110, 140), (OCHRE, OCHRE, ROSE, GREY)),
        (face_right, 4, (40, 75, 120, 160), (OCHRE, BLUE, ROSE, BLUE)),
    ]


def cut(pieces, times: int, angles, rng):
    """Halve every piece `times` times by a straight line near one of `angles`; small pieces stay whole."""
    for _ in range(times):
        done = []
        for piece in pieces:
            if len(piece) < 3 or cv2.contourArea(piece.astype(np.float32)) < 0.0035:
                done.append(piece)
                continue
            a = np.radians(angles[rng.integers(len(angles))] + 9 * rng.standard_normal())
            middle = piece.mean(0) + 0.18 * piece.std(0) * rng.standard_normal(2)
            side = (piece - middle) @ (-np.sin(a), np.cos(a))
            done += [half(piece, side), half(piece, -side)]
        pieces = [piece for piece in done if len(piece) >= 3]
    return pieces


def half(piece: np.ndarray, side: np.ndarray) -> np.ndarray:
    """The part of a polygon where `side`, given at its corners, is positive."""
    out = []
    for i in range(len(piece)):
        j = (i + 1) % len(piece)
        if side[i] >= 0:
            out.append(piece[i])
        if (side[i] >= 0) != (side[j] >= 0):
            out.append(piece[i] + (piece[j] - piece[i]) * side[i] / (side[i] - side[j]))
    return np.array(out)


def plane(sheet: Sheet, facet, tone, palette, inside, rng) -> None:
    """Colour a facet by the light that falls there, running from dark at one edge to light at the other."""
    window, mask = sheet.cover(facet)
    mask = mask * inside[window]
    if mask.sum() < 1e-5 * sheet.width**2:
        return
    level = float((tone[window] * mask).sum() / mask.sum()) + 0.06 * rng.standard_normal()
    a = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[window].astype(np.float32) / sheet.width
    ramp = (x - facet[:, 0].mean()) * np.cos(a) + (y - facet[:, 1].mean()) * np.sin(a)
    run = max(float(np.abs((facet - facet.mean(0)) @ (np.cos(a), np.sin(a))).max()), 1e-3)
    value = np.clip(level + rng.uniform(0.16, 0.34) * ramp / run, 0, 1) * (len(palette) - 1)
    stops = np.stack([rgb(code) for code in palette])
    low = np.minimum(value.astype(int), len(palette) - 2)
    part = (value - low)[..., None]
    colour = stops[low] * (1 - part) + stops[low + 1] * part
    sheet.colour[window] += mask[..., None] * (colour - sheet.colour[window])
    turn = 2 * (a + np.pi / 2)
    sheet.flow[window] += mask[..., None] * (np.array([np.cos(turn), np.sin(turn)], np.float32) - sheet.flow[window])


def outline(sheet: Sheet, edges, rng) -> None:
    """Black contours round the regions, thinner and broken ones between facets."""
    for facet, inside in edges:
        for i in range(len(facet)):
            p, q = facet[i], facet[(i + 1) % len(facet)]
            if inside is not None and rng.random() < 0.35:
                continue
            width = 0.010 if inside is None else rng.uniform(0.003, 0.0065)
            line = np.linspace(p, q, 12)
            if inside is not None:
                at = (line.mean(0) * sheet.width).astype(int).clip(0, [sheet.width - 1, sheet.height - 1])
                if not inside[at[1], at[0]]:
                    continue
            sheet.line(line, "15130f", width, 0.5, 0.92, fine=0.7)


def eyes(sheet: Sheet) -> None:
    """Two wide angular eyes at unequal heights, with brows like beams."""
    pairs = [
        (pts("325,405 375,368 425,372 458,408 420,438 365,438"), 0.392, 0.404, "2c4a6e"),
        (pts("545,420 580,382 630,378 668,415 632,450 580,452"), 0.607, 0.417, "5c4a26"),
    ]
    for shape, x, y, iris in pairs:
        shape = np.array(shape)
        sheet.fill(shape + (0.003, -0.020), "6b3f22", 0.004, 0.65)
        sheet.fill(shape, "efe6cf", 0.0008, angle=0, fine=1)
        within = sheet.mask(shape)
        sheet.shade(shape - (0, 0.022), "8f9aa0", 0.006, 0.8, within)
        sheet.fill(ellipse(x, y, 0.029, 0.031, count=8), iris, 0.0005, within=within)
        sheet.fill(ellipse(x, y, 0.0145, 0.016), "0d0c0b", 0.0005, within=within)
        sheet.fill(ellipse(x - 0.010, y - 0.011, 0.0055, 0.0055), "fffbef", 0)
        sheet.line(np.vstack([np.linspace(shape[i], shape[i + 1], 8) for i in range(3)]), "0f0d0b", 0.013, 0.4)
        sheet.line(np.vstack([np.linspace(shape[i], shape[(i + 1) % 6], 8) for i in (3, 4, 5)]), "1c1712", 0.007, 0.4)
    sheet.fill(pts("308,352 360,318 462,330 465,345 370,337"), "17110c", 0.0008, angle=3, fine=0.9)
    sheet.fill(pts("535,345 600,322 690,358 620,342 540,362"), "17110c", 0.0008, angle=8, fine=0.9)


def features(sheet: Sheet) -> None:
    """The long crooked nose, lit on the left and blue in its shadow, and a mouth of four planes."""
    bridge, tip = (0.497, 0.335), (0.470, 0.620)
    sheet.fill(
        [bridge, (0.522, 0.40), (0.548, 0.585), (0.556, 0.622), (0.505, 0.640), tip],
        "2f4b6c",
        0.001,
        angle=80,
        fine=0.7,
    )
    sheet.shade(pts("525,450 548,585 556,622 530,630"), "16233a", 0.008, 0.8)
    sheet.fill(
        [bridge, (0.508, 0.42), (0.512, 0.560), (0.505, 0.640), tip, (0.445, 0.600), (0.482, 0.50)],
        "efd09a",
        0.001,
        angle=98,
        fine=0.7,
    )
    sheet.shade(pts("470,560 512,560 505,640 450,610"), "d58e5e", 0.008, 0.8)
    for x, y in ((0.474, 0.615), (0.530, 0.620)):
        sheet.fill(
            [(x - 0.013, y + 0.004), (x, y - 0.007), (x + 0.014, y + 0.005), (x, y + 0.008)], "120d0b", 0.0006, fine=1
        )
    for line in (
        [bridge, (0.482, 0.50), (0.445, 0.600), tip, (0.505, 0.640)],
        [bridge, (0.508, 0.42), (0.512, 0.56), (0.505, 0.64)],
        pts("505,640 556,622 548,585"),
        [(0.465, 0.345), bridge],
    ):
        path = np.vstack([np.linspace(p, q, 10) for p, q in itertools.pairwise(line)])
        sheet.line(path, "120f0c", 0.0085, 0.5)
    left, right, dip = (0.415, 0.702), (0.588, 0.694), (0.498, 0.684)
    seam, low = (0.500, 0.702), (0.505, 0.736)
    sheet.fill([left, (0.460, 0.676), dip, seam], "9c3a2c", 0.0008, angle=10, fine=0.9)
    sheet.fill([seam, dip, (0.540, 0.674), right], "66242a", 0.0008, angle=-10, fine=0.9)
    sheet.fill([left, seam, low, (0.462, 0.730)], "d07a58", 0.0008, angle=15, fine=0.9)
    sheet.fill([seam, right, (0.550, 0.728), low], "8a4038", 0.0008, angle=-15, fine=0.9)
    for line, width in (
        ([left, seam, right], 0.010),
        ([left, (0.460, 0.676), dip, (0.540, 0.674), right], 0.006),
        ([left, (0.462, 0.730), low, (0.550, 0.728), right], 0.006),
    ):
        path = np.vstack([np.linspace(p, q, 10) for p, q in itertools.pairwise(line)])
        sheet.line(path, "120d0b", width, 0.5)


def paint(sheet: Sheet, rng) -> np.ndarray:
    """Short hatched dabs, each facet in its own direction."""
    ground = np.empty_like(sheet.colour)
    ground[:] = rgb("8d7c62")
    ground *= 1 + 0.08 * grain(rng, sheet.height, sheet.width, 0.008 * sheet.width, 0.008 * sheet.width)[..., None]
    brush = Brush(sheet, ground, rng)
    brush.layer(0.036, 0.080, spread=0.10, every=0.45, cover=0.9, wander=8)
    brush.layer(0.020, 0.048, spread=0.09, every=0.6, differ=0.07, cover=0.85, wander=10)
    brush.layer(0.011, 0.028, spread=0.06, every=0.65, differ=0.08, cover=0.85, body=0.8)
    brush.layer(0.006, 0.016, spread=0.03, every=0.65, differ=0.08, above=0.3, body=0.6, wander=3)
    brush.layer(0.0035, 0.010, spread=0.02, every=0.7, differ=0.08, above=0.5, body=0.3, wander=2)
    return brush.finish(weave=0.03)
