"""A portrait with a long neck and a long oval face, in flat warm patches of oil paint."""

from __future__ import annotations

import numpy as np

from tools.samples.brush import Brush, Sheet, curve, ellipse, grain, pts, rgb

ASPECT = 1.28
TILT = 5.0
"""Degrees by which the head leans to its left."""


def lean(points, about=(0.50, 0.86)) -> np.ndarray:
    """Points of the upright head in their leaning place."""
    p, a = np.asarray(points, float) - about, np.radians(TILT)
    return np.stack([p[:, 0] * np.cos(a) - p[:, 1] * np.sin(a), p[:, 0] * np.sin(a) + p[:, 1] * np.cos(a)], 1) + about


def mirror(points, axis: float = 0.50) -> np.ndarray:
    """Points on the other side of the face, in the same order round the eye or brow."""
    return np.asarray(points, float) * (-1, 1) + (2 * axis, 0)


def draw(width: int, seed: int = 1) -> np.ndarray:
    """The painting: (round(1.28 width), width, 3) uint8 RGB."""
    rng = np.random.default_rng(seed)
    sheet = Sheet(width, round(width * ASPECT), "8a5a34")
    background(sheet)
    body(sheet)
    hair(sheet)
    head(sheet)
    eyes(sheet)
    features(sheet)
    return paint(sheet, rng)


def background(sheet: Sheet) -> None:
    """A wall in two warm tones, a door frame and a low blue-green panel."""
    box = lambda x0, y0, x1, y1: [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]  # noqa: E731
    sheet.fill(box(-0.1, -0.1, 0.36, 1.4), "b4763c", 0.01, angle=78)
    sheet.fill(box(0.36, -0.1, 1.1, 1.4), "6f7a63", 0.01, angle=100)
    sheet.fill(box(0.74, -0.1, 1.1, 1.4), "87502f", 0.008, angle=92)
    sheet.fill(box(-0.1, 0.80, 0.36, 1.4), "7c4326", 0.02, angle=15)
    sheet.shade(ellipse(0.12, 0.30, 0.20, 0.30), "d39a52", 0.07, 0.7)
    sheet.shade(ellipse(0.60, 0.20, 0.16, 0.24), "93a082", 0.06, 0.7)
    sheet.shade(ellipse(0.66, 0.95, 0.14, 0.20), "46503f", 0.07, 0.7)
    sheet.shade(ellipse(0.95, 0.25, 0.10, 0.30), "a8683c", 0.05, 0.7)
    sheet.line(pts("362,-20 355,500 362,1000"), "3d2a1c", 0.012, 0.2)
    sheet.line(pts("742,-20 748,500 740,1100"), "40291b", 0.012, 0.2)


def body(sheet: Sheet) -> None:
    """Sloping shoulders in a dark dress, a pale collar and a very long neck."""
    dress = curve(pts("390,930 280,1000 150,1090 70,1240 40,1420 970,1420 930,1220 850,1090 720,1000 610,930 500,1030"))
    sheet.fill(dress, "5c2420", 0.003, angle="around", fine=0.3)
    sheet.line(dress[:110], "2a1210", 0.010, 0.3)
    sheet.shade(ellipse(0.22, 1.18, 0.09, 0.16, 25), "7e3434", 0.03, 0.8, sheet.mask(dress))
    sheet.shade(ellipse(0.82, 1.22, 0.10, 0.16, -20), "351820", 0.03, 0.8, sheet.mask(dress))
    sheet.shade(ellipse(0.50, 1.26, 0.10, 0.10), "6b2b30", 0.03, 0.7, sheet.mask(dress))
    neck = curve(
        pts("405,620 412,760 405,880 370,955 440,1030 500,1070 570,1030 630,955 595,880 585,760 600,620 500,580")
    )
    sheet.fill(neck, "d38a52", 0.003, angle=86, fine=0.3)
    within = sheet.mask(neck)
    sheet.shade(ellipse(0.575, 0.84, 0.045, 0.26, 3), "9c5430", 0.02, 0.85, within)
    sheet.shade(ellipse(0.455, 0.88, 0.028, 0.17), "eeb27a", 0.018, 0.9, within)
    sheet.shade(ellipse(0.51, 0.70, 0.12, 0.055), "a05a33", 0.02, 0.8, within)
    sheet.line(curve(pts("455,860 475,950 498,1010"), False), "a9633a", 0.008)
    sheet.line(curve(pts("404,660 411,780 402,890 365,955"), False), "4f2417", 0.009)
    sheet.line(curve(pts("595,660 586,780 597,880 635,955"), False), "431d15", 0.011)
    for side in (lambda p: p, mirror):
        collar = side(pts("375,935 335,990 420,1085 485,1135 495,1085 420,1020"))
        sheet.fill(curve(collar), "e4d8bd", 0.002, angle=48 if side is not mirror else 132, fine=0.75)
        sheet.line(curve([*collar, collar[0]], False), "3a1a1c", 0.009, 0.3)
    sheet.shade(
        ellipse(0.60, 1.04, 0.05, 0.03, -45),
        "b5a88e",
        0.012,
        0.8,
        sheet.mask(curve(mirror(pts("375,935 335,990 420,1085 485,1135 495,1085 420,1020")))),
    )


def hair(sheet: Sheet) -> None:
    """Dark hair, parted in the middle, drawn back over the ears."""
    mass = lean(
        pts(
            "500,85 395,100 315,190 290,320 302,450 335,560 390,600 500,620 610,600 665,560 698,450 "
            "710,320 685,190 605,100"
        )
    )
    sheet.fill(curve(mass), "2b1a16", 0.003, angle="around", fine=0.4)
    sheet.shade(lean(ellipse(0.375, 0.21, 0.05, 0.10, 30)), "6b3b25", 0.02, 0.8, sheet.mask(curve(mass)))
    sheet.shade(lean(ellipse(0.62, 0.17, 0.06, 0.04, 35)), "4a2b22", 0.02, 0.8, sheet.mask(curve(mass)))


def head(sheet: Sheet) -> None:
    """The long oval, ears half under the hair, and its tones: light from the left."""
    for x, tone in ((0.338, "c47a48"), (0.662, "944d2d")):
        sheet.fill(lean(ellipse(x, 0.405, 0.022, 0.052, 8 if x < 0.5 else -8)), tone, 0.003, angle=90, fine=0.7)
        sheet.line(lean(ellipse(x, 0.405, 0.012, 0.034)[8:40]), "6d3420", 0.007)
    outline = pts("500,165 425,175 365,235 340,335 347,445 378,555 428,645 478,690 522,690 572,645 622,555 653,445")
    face = lean(curve([*outline, (0.660, 0.335), (0.635, 0.235), (0.575, 0.175)]))
    sheet.fill(face, "df9a60", 0.002, angle="around", fine=0.4)
    within = sheet.mask(face)
    tones = [
        (0.625, 0.46, 0.055, 0.22, "a9612f", 0.028, 0.9),
        (0.43, 0.255, 0.075, 0.06, "f3c48c", 0.03, 0.85),
        (0.405, 0.475, 0.040, 0.055, "e07a50", 0.022, 0.75),
        (0.598, 0.475, 0.038, 0.055, "bf5a36", 0.022, 0.7),
        (0.437, 0.385, 0.055, 0.026, "c27d4c", 0.014, 0.8),
        (0.563, 0.385, 0.055, 0.026, "b06a3c", 0.014, 0.8),
        (0.488, 0.655, 0.040, 0.026, "efb57c", 0.014, 0.8),
        (0.56, 0.64, 0.045, 0.04, "a65f35", 0.02, 0.7),
        (0.50, 0.568, 0.05, 0.012, "c07a4a", 0.010, 0.7),
        (0.40, 0.59, 0.02, 0.05, "c98650", 0.016, 0.6),
    ]
    for x, y, rx, ry, colour, soft, opacity in tones:
        sheet.shade(lean(ellipse(x, y, rx, ry)), colour, soft, opacity, within)
    sheet.line(face, "4a2115", 0.010, 0.4)
    parted = pts("500,150 455,165 395,205 352,290 338,370 322,300 350,190 430,120")
    for side, turn in ((lambda p: np.asarray(p), 125), (mirror, 55)):
        sheet.fill(curve(lean(side(parted))), "2b1a16", 0.003, angle=turn, fine=0.5)
    sheet.line(lean(curve(pts("500,90 497,120 500,160"), False)), "7a4a30", 0.006)


def eyes(sheet: Sheet) -> None:
    """Almond eyes: white, iris, pupil, a light, heavy lids, thin arched brows."""
    almond = pts("388,398 412,377 440,370 466,382 480,401 455,414 420,415")
    for side, x in ((lambda p: np.asarray(p), 0.437), (mirror, 0.563)):
        shape = lean(curve(side(almond)))
        sheet.fill(shape, "dfd9c4", 0.0015, angle=TILT, fine=1)
        within = sheet.mask(shape)
        sheet.fill(lean(ellipse(x, 0.393, 0.0205, 0.0225)), "4d7480", 0.001, within=within, fine=1)
        sheet.fill(lean(ellipse(x, 0.393, 0.0105, 0.0115)), "14120f", 0.001, within=within)
        sheet.fill(lean(ellipse(x - 0.007, 0.386, 0.0042, 0.0042)), "fbf6e6", 0)
        sheet.line(lean(curve(side(almond[:5]), False)), "2a1511", 0.0105, 0.5)
        sheet.line(lean(curve(side(almond[[4, 5, 6, 0]]), False)), "6b3521", 0.006, 0.5)
        sheet.line(lean(curve(side(pts("392,376 420,355 450,352 478,372")), False)), "8d4d2b", 0.006)
        brow = side(pts("380,350 405,327 440,318 482,330"))
        sheet.line(lean(curve(brow, False)), "2e1a14", 0.0125, 0.7)


def features(sheet: Sheet) -> None:
    """A long straight nose with nostrils, and a small closed mouth."""
    nose = pts("482,335 486,420 478,500 462,532 475,548 500,556 527,548")
    plane = lean(curve([*nose, (0.538, 0.532), (0.520, 0.50), (0.512, 0.42), (0.514, 0.335)]))
    sheet.fill(plane, "e8a76b", 0.004, angle=88 + TILT, fine=0.7)
    within = sheet.mask(plane)
    sheet.shade(lean(ellipse(0.522, 0.46, 0.012, 0.10)), "a65d33", 0.006, 0.9, within)
    sheet.shade(lean(ellipse(0.492, 0.46, 0.005, 0.09)), "f8cf98", 0.004, 0.9, within)
    sheet.shade(lean(ellipse(0.495, 0.528, 0.012, 0.012)), "f0b47c", 0.005, 0.9, within)
    sheet.line(lean(curve(pts("482,330 512,360 515,420 522,500 540,530"), False)), "74371f", 0.008)
    sheet.line(lean(curve(pts("461,530 470,545 500,556 530,545 540,530"), False)), "6b301d", 0.008)
    for x in (0.481, 0.520):
        sheet.fill(lean(ellipse(x, 0.546, 0.0085, 0.0045)), "3f1a12", 0.001, fine=1)
    upper = pts("452,603 478,590 492,588 500,592 508,588 522,590 548,603 500,605")
    lower = pts("455,604 500,606 545,604 525,625 500,631 475,625")
    sheet.fill(lean(curve(upper)), "9c3a30", 0.001, angle=TILT, fine=1)
    sheet.fill(lean(curve(lower)), "c4564a", 0.001, angle=TILT, fine=1)
    sheet.shade(lean(ellipse(0.492, 0.617, 0.014, 0.005)), "e08a74", 0.003, 0.8)
    sheet.line(lean(curve(pts("446,602 475,604 500,607 525,604 554,602"), False)), "4a1613", 0.0065)


def paint(sheet: Sheet, rng) -> np.ndarray:
    """Broad flat patches first, then the face, then what is small."""
    ground = np.empty_like(sheet.colour)
    ground[:] = rgb("5b3722")
    ground *= 1 + 0.06 * grain(rng, sheet.height, sheet.width, 0.01 * sheet.width, 0.01 * sheet.width)[..., None]
    brush = Brush(sheet, ground, rng)
    brush.layer(0.075, 0.22, spread=0.09, every=0.36, body=1.0)
    brush.layer(0.045, 0.13, spread=0.08, every=0.45, differ=0.06, body=0.9)
    brush.layer(0.026, 0.075, spread=0.06, every=0.5, differ=0.06, body=0.9)
    brush.layer(0.016, 0.045, spread=0.05, every=0.5, differ=0.05, above=0.25, body=0.8)
    brush.layer(0.009, 0.026, spread=0.035, every=0.55, differ=0.06, above=0.25, body=0.6, wander=4)
    brush.layer(0.005, 0.014, spread=0.02, every=0.6, differ=0.05, above=0.5, body=0.4, wander=3)
    brush.layer(0.0032, 0.009, spread=0.015, every=0.6, differ=0.06, above=0.7, body=0.3, wander=2)
    return brush.finish()
