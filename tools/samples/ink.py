"""A caricature in ink: small brow, huge chin, ears and nose; crossed hatching and swelling contours on toned paper."""

from __future__ import annotations

import cv2
import numpy as np

from tools.samples.brush import Sheet, curve, ellipse, grain, pts, rgb, ribbon

ASPECT = 1.22
INK = "1c1512"
FACE = pts(
    "500,150 425,160 365,205 338,280 330,370 305,450 268,560 262,680 300,785 375,860 465,893 "
    "535,893 625,860 700,785 738,680 732,560 695,450 670,370 662,280 635,205 575,160"
)
EAR = pts("318,400 280,345 220,318 165,345 150,420 175,505 220,560 275,565")
HAIR = pts(
    "340,400 302,360 292,270 318,190 300,130 365,130 385,60 450,85 505,30 560,75 640,50 "
    "640,115 710,140 682,200 712,280 698,370 660,400 664,320 640,240 600,215 560,170 500,205 "
    "430,180 385,235 352,290"
)
COAT = pts("310,870 200,930 80,1000 -50,1100 -50,1350 1050,1350 1050,1100 920,1000 800,930 690,870 500,960")


def mirror(points) -> np.ndarray:
    """Points on the other side of the face."""
    return np.asarray(points, float) * (-1, 1) + (1, 0)


def same(points) -> np.ndarray:
    return np.asarray(points, float)


def draw(width: int, seed: int = 3) -> np.ndarray:
    """The drawing: (round(1.22 width), width, 3) uint8 RGB."""
    rng = np.random.default_rng(seed)
    study = shading(width)
    page = wash(paper(width, rng), rng)
    hatch(page, study, rng)
    contours(page, rng)
    return finish(page, rng)


def shading(width: int) -> Sheet:
    """The tones to be hatched (white paper to black) and, in `flow`, the direction round each form."""
    s = Sheet(width, round(width * ASPECT), "e6e6e6")
    for part in (surroundings, face, nose, hair):
        part(s)
    return s


def tone(s: Sheet, shape, code: str, soft: float, opacity: float = 1.0, within=None) -> None:
    """Shade a shape in the grey `code`, two hexadecimal digits."""
    s.shade(shape, code * 3, soft, opacity, within)


def surroundings(s: Sheet) -> None:
    """Background, coat, ears and neck."""
    tone(s, ellipse(0.86, 0.42, 0.20, 0.40), "8c", 0.06)
    tone(s, ellipse(0.10, 0.75, 0.10, 0.25), "b4", 0.06)
    s.fill(curve(COAT), "787878", 0.004, angle=62)
    coat = s.mask(curve(COAT))
    tone(s, ellipse(0.20, 1.05, 0.12, 0.14, 30), "b9", 0.03, 1, coat)
    tone(s, ellipse(0.85, 1.12, 0.14, 0.16), "1e", 0.04, 1, coat)
    for side, base in ((same, "c8c8c8"), (mirror, "8a8a8a")):
        s.fill(curve(side(EAR)), base, 0.003, angle="around")
        tone(s, side(ellipse(0.232, 0.445, 0.035, 0.075)), "46", 0.014, 0.9)
    s.fill(pts("360,800 640,800 680,980 500,1050 320,980"), "b4b4b4", 0.006, angle=80)
    tone(s, ellipse(0.54, 0.91, 0.15, 0.030), "3c", 0.014)


def face(s: Sheet) -> None:
    """The face without the nose."""
    s.fill(curve(FACE), "dcdcdc", 0.003, angle="around")
    within = s.mask(curve(FACE))
    forms = [
        (0.690, 0.60, 0.060, 0.30, "50", 0.035),
        (0.305, 0.63, 0.030, 0.16, "a8", 0.025),
        (0.640, 0.28, 0.040, 0.12, "6e", 0.025),
        (0.415, 0.27, 0.060, 0.06, "ff", 0.025),
        (0.355, 0.555, 0.055, 0.050, "fa", 0.022),
        (0.655, 0.555, 0.040, 0.050, "aa", 0.022),
        (0.420, 0.372, 0.062, 0.036, "82", 0.014),
        (0.580, 0.372, 0.062, 0.036, "64", 0.014),
        (0.500, 0.632, 0.080, 0.018, "6e", 0.014),
        (0.405, 0.640, 0.014, 0.060, "96", 0.012),
        (0.600, 0.640, 0.016, 0.060, "78", 0.012),
        (0.500, 0.742, 0.100, 0.018, "64", 0.012),
        (0.470, 0.815, 0.075, 0.045, "fa", 0.022),
        (0.580, 0.850, 0.100, 0.032, "5f", 0.022),
        (0.350, 0.830, 0.040, 0.040, "96", 0.022),
        (0.500, 0.200, 0.130, 0.025, "8c", 0.016),
    ]
    for x, y, rx, ry, code, soft in forms:
        tone(s, ellipse(x, y, rx, ry), code, soft, 0.9, within)


def nose(s: Sheet) -> None:
    """The nose and its lights."""
    shape = curve(pts("472,360 468,450 445,520 428,570 450,612 500,630 550,612 572,570 555,520 532,450 528,360"))
    s.fill(shape, "d2d2d2", 0.008, angle="around")
    within = s.mask(shape)
    for x, y, rx, ry, code in (
        (0.545, 0.50, 0.022, 0.12, "5a"),
        (0.485, 0.44, 0.010, 0.08, "ff"),
        (0.478, 0.545, 0.028, 0.024, "ff"),
        (0.500, 0.618, 0.060, 0.014, "64"),
        (0.560, 0.580, 0.018, 0.030, "50"),
    ):
        tone(s, ellipse(x, y, rx, ry), code, 0.012, 0.9, within)


def hair(s: Sheet) -> None:
    """The hair and its strands."""
    s.fill(curve(HAIR), "8c8c8c", 0.004, angle="around")
    within = s.mask(curve(HAIR))
    for x, y, rx, ry, code in (
        (0.42, 0.12, 0.05, 0.03, "dc"),
        (0.53, 0.10, 0.03, 0.03, "c8"),
        (0.68, 0.25, 0.03, 0.15, "3c"),
        (0.61, 0.16, 0.04, 0.04, "46"),
        (0.47, 0.17, 0.05, 0.015, "50"),
        (0.33, 0.30, 0.02, 0.08, "6e"),
    ):
        tone(s, ellipse(x, y, rx, ry), code, 0.014, 0.9, within)


def paper(width: int, rng) -> Sheet:
    """Warm toned paper with fibres, clouds and a darker rim."""
    page = Sheet(width, round(width * ASPECT), "e2d0a8")
    shape, scale = (page.height, width), width / 640
    clouds = grain(rng, *shape, 60 * scale, 60 * scale) + 0.6 * grain(rng, *shape, 18 * scale, 18 * scale)
    tooth = grain(rng, *shape, 0.8 * scale, 0.8 * scale) + 0.6 * grain(rng, *shape, 5 * scale, 0.6 * scale)
    y, x = np.mgrid[: shape[0], :width]
    rim = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, shape[0] - 1 - y)) / (0.09 * width)
    page.colour *= (1 + 0.018 * clouds + 0.016 * tooth - 0.10 * np.exp(-rim))[..., None]
    return page


def wash(page: Sheet, rng) -> Sheet:
    """Thin watercolour under the ink: it pools at its edges and leaves the lights bare."""
    shape, scale = (page.height, page.width), page.width / 640
    uneven = 1 + 0.22 * grain(rng, *shape, 12 * scale, 12 * scale)
    pools = [
        (curve(COAT), "56727c", 0.75),
        (curve(HAIR), "b0703a", 0.80),
        (curve(FACE), "f2c09a", 0.50),
        (curve(EAR), "e0a080", 0.6),
        (curve(mirror(EAR)), "d09070", 0.65),
        (ellipse(0.355, 0.58, 0.060, 0.055), "c85a40", 0.45),
        (ellipse(0.650, 0.58, 0.055, 0.055), "b84e3a", 0.5),
        (ellipse(0.502, 0.570, 0.062, 0.050), "d0705a", 0.45),
        (pts("400,960 500,990 600,960 580,1060 500,1030 420,1060"), "a8392e", 0.85),
        (ellipse(0.86, 0.40, 0.16, 0.34), "a39a78", 0.5),
        (ellipse(0.690, 0.62, 0.055, 0.20), "9a6a58", 0.45),
        (ellipse(0.56, 0.855, 0.12, 0.03), "9a6a58", 0.45),
    ]
    for shape_points, code, strength in pools:
        mask = page.mask(shape_points, 0.006)
        edge = np.clip(mask - page.mask(shape_points, 0.018), 0, 1)
        amount = (strength * (mask * 0.8 * uneven + 0.5 * edge)).clip(0, 1)[..., None]
        page.colour *= 1 - amount * (1 - rgb(code))
    return page


def hatch(page: Sheet, study: Sheet, rng) -> None:
    """Layers of strokes; each layer sets in at a darker tone and turns against the last."""
    dark = 1 - cv2.GaussianBlur(study.colour[..., 0], (0, 0), 0.002 * page.width + 0.3)
    flow = cv2.GaussianBlur(study.flow, (0, 0), 0.012 * page.width)
    form = 0.5 * np.arctan2(flow[..., 1], flow[..., 0])
    layers = [
        (0.16, 0.0, 38, 0.0105),
        (0.36, 1.0, 62, 0.0100),
        (0.52, 0.0, -42, 0.0095),
        (0.66, 1.0, 8, 0.0085),
        (0.78, 0.0, 84, 0.0080),
    ]
    for start, follow, turn, gap in layers:
        rows(page, dark, form, start, follow, np.radians(turn), gap, rng)


def rows(page: Sheet, dark, form, start, follow, turn, gap, rng) -> None:
    """One layer: short strokes on a slanted lattice wherever the tone is darker than `start`."""
    size = np.array([1, page.height / page.width])
    reach = 0.5 * float(np.hypot(*size))
    c, s = np.cos(turn), np.sin(turn)
    for v in np.arange(-reach, reach, gap):
        u = -reach + rng.uniform(0, 0.05)
        while u < reach:
            length = rng.uniform(0.030, 0.062)
            at = np.array([0.5 + u * c - v * s, 0.61 + u * s + v * c]) + rng.normal(0, 0.0012, 2)
            u += length * rng.uniform(0.82, 1.0)
            if (at < 0).any() or (at >= size).any():
                continue
            stroke = pen(at, length, turn, follow, form, dark, start + rng.uniform(-0.05, 0.05), page.width, rng)
            if stroke is not None:
                path, depth = stroke
                width = (0.0021 + 0.0034 * min(depth, 0.5)) * rng.uniform(0.8, 1.2)
                page.fill(ribbon(path, width, 0.75), INK, opacity=rng.uniform(0.72, 0.95))


def pen(at, length, turn, follow, form, dark, start, scale, rng):
    """Follow one stroke from its middle both ways until the tone is too light; None if nothing is left of it."""
    sides, depths = [], []
    wobble = rng.normal(0, 0.04)
    for sign in (1, -1):
        p, angle, points = at.copy(), turn + wobble, []
        for k in range(5):
            i, j = (p[::-1] * scale).astype(int)
            if not (0 <= i < dark.shape[0] and 0 <= j < dark.shape[1]) or dark[i, j] < start:
                break
            points.append(p.copy())
            depths.append(dark[i, j] - start)
            if follow:
                local = form[i, j] + np.pi / 2
                angle = local + turn * 0.25
            step = np.array([np.cos(angle), np.sin(angle)])
            if k and step @ (points[-1] - points[-2]) * sign < 0:
                step = -step
            p = p + sign * step * length / 8
            angle += 0.05
        sides.append(points)
    path = sides[1][:0:-1] + sides[0]
    return (np.array(path), float(np.mean(depths))) if len(path) >= 3 else None


def contours(page: Sheet, rng) -> None:
    """Outlines and features, each drawn twice with a nervous hand."""
    page.fill(ellipse(0.505, 0.712, 0.060, 0.010), "c07060", 0.006, 0.5)
    for x in (0.461, 0.540):
        page.fill(ellipse(x, 0.607, 0.013, 0.006), INK, 0.0012)
    eyes(page)
    for points, width in [*outlines(), *half(same, 1.0), *half(mirror, 1.25), *middle()]:
        for again, share in ((0.0, 1.0), (0.0022, 0.4)):
            path = curve(np.asarray(points, float) + rng.normal(0, 0.0012 + again, (len(points), 2)), False)
            page.fill(ribbon(path, width * share, 0.8), INK, opacity=0.95)


def outlines() -> list[tuple]:
    """Lines round the face, the hair and the coat: points and width of each."""
    face = np.array(FACE)
    return [
        (face[3:12], 0.0085),
        (face[10:21], 0.0120),
        (HAIR[:9], 0.0070),
        (HAIR[8:17], 0.0085),
        (HAIR[16:], 0.0050),
        (COAT[:4], 0.0090),
        (COAT[7:10], 0.0120),
    ]


def half(side, heavy: float) -> list[tuple]:
    """Lines of one side of the face, `side` being `same` or `mirror`."""
    return [
        (side(EAR), 0.0085 * heavy),
        (side(pts("275,400 225,365 190,395 195,465 225,505")), 0.0045),
        (side(pts("250,420 222,430 232,480 252,505")), 0.0040),
        (side(pts("360,318 400,288 445,295 478,325")), 0.0190 * heavy),
        (side(pts("362,420 400,440 445,438")), 0.0040),
        (side(pts("475,350 470,440 447,515")), 0.0050 * heavy),
        (side(pts("447,515 424,560 430,604 456,612 470,596")), 0.0085 * heavy),
        (side(pts("395,590 360,640 350,710")), 0.0060 * heavy),
        (side(pts("330,690 345,740 385,790")), 0.0035),
        (side(pts("380,245 440,232 495,245")), 0.0032),
        (side(pts("395,270 440,258 485,268")), 0.0028),
        (side(pts("355,860 340,930 400,1010 500,1000")), 0.0070),
        (side(pts("340,930 300,1000 420,1220")), 0.0080),
    ]


def middle() -> list[tuple]:
    """Lines of the mouth, the chin and the collar."""
    return [
        (pts("464,610 500,632 538,610"), 0.0080),
        (pts("362,688 425,702 500,704 575,698 642,678"), 0.0090),
        (pts("440,676 478,670 500,678 524,669 560,674"), 0.0040),
        (pts("452,722 500,732 556,720"), 0.0045),
        (pts("352,672 362,692 356,715"), 0.0050),
        (pts("655,662 642,682 652,704"), 0.0050),
        (pts("490,800 498,840 492,878"), 0.0045),
        (pts("430,770 500,758 565,768"), 0.0040),
        (pts("420,965 400,1050 500,1025 600,1050 580,965"), 0.0080),
    ]


def eyes(page: Sheet) -> None:
    """Small heavy-lidded eyes with whites, iris, pupil and a light."""
    for side, x in ((same, 0.424), (mirror, 0.576)):
        shape = curve(side(pts("372,388 398,362 435,356 470,384 440,404 400,406")))
        page.fill(shape, "f7efdc", 0.001)
        within = page.mask(shape)
        page.fill(ellipse(x, 0.380, 0.0205, 0.0215), "4c3a2a", 0.0008, within=within)
        page.fill(ellipse(x, 0.380, 0.0115, 0.0120), "0d0908", 0.0005, within=within)
        page.fill(ellipse(x - 0.007, 0.373, 0.0046, 0.0046), "fffaf0")
        for points, width in (
            (pts("362,394 396,362 435,354 480,388"), 0.0115),
            (pts("374,392 405,408 442,405 472,388"), 0.0050),
            (pts("370,368 400,340 440,334 474,355"), 0.0048),
        ):
            page.fill(ribbon(curve(side(points), False), width, 0.7), INK)


def finish(page: Sheet, rng) -> np.ndarray:
    """Let the paper's tooth break the ink a little, and spatter a few drops."""
    scale, size = page.width / 640, (page.height, page.width)
    for _ in range(46):
        at, radius = rng.uniform((0, 0), (1, ASPECT)), abs(rng.normal(0, 0.0016)) + 0.0006
        page.fill(ellipse(*at, radius, radius * rng.uniform(0.7, 1.2)), INK, opacity=rng.uniform(0.3, 0.85))
    tooth = grain(rng, *size, 0.7 * scale, 0.7 * scale)[..., None]
    out = page.colour * (1 + 0.02 * tooth) + 0.035 * np.clip(tooth - 1.2, 0, 1.5) * (1 - page.colour)
    return np.rint(out.clip(0, 1) * 255).astype(np.uint8)
