"""A head and shoulders by numbers: proportions and colours in, a sheet for a brush, pen or knife out.

Every portrait in `portraits.py` is one set of numbers here and one manner of `manners.py`. What the drawing knows about
its own face, the places of eyes, nose, mouth and chin, it says too (`Sitter.marks`): an oracle for whatever looks for faces.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tools.samples.brush import Sheet, curve, ellipse

ASPECT = 1.25
PALETTE = {
    "ground": "8fa3a8", "panel": "6c8188", "skin": "e0ac82", "shadow": "a8663f", "light": "f6d6b0", "blush": "d97c5c",
    "lip": "b5473f", "hair": "3a2418", "sheen": "7a4c2e", "iris": "4a6a78", "white": "f1ead8", "line": "2a1712",
    "coat": "38506a", "fold": "1e2d40", "collar": "ece3d0",
}  # fmt: skip
"""Colours by what they are for; a sitter changes those that differ."""


@dataclass(frozen=True)
class Sitter:
    """Proportions of a head; lengths in widths of the sheet, shares in half widths of the face.

    Attributes:
        x, top, wide, tall: middle of the face, top of the skull, half the width at the cheeks, length from skull to chin.
        jaw, chin: half widths at the corners of the jaw and beside the chin, shares.
        eyes, gap, eye, open: height of the eyes (share of `tall`), their distance from the middle, half width, and roundness.
        nose, wings: tip of the nose (share of `tall`) and half width of its wings.
        mouth, lips, smile: height of the mouth (share of `tall`), half width, fullness of the lips and lift of the corners.
        brow: lift of the brows.
        turn: how far the features move to one side, as when a head turns, shares.
        tilt: degrees by which the head leans.
        neck: half width of the neck.
        hair: `short`, `long`, `bun`, `curls`, `bald`, `cap`.
        beard: whether there is one.
        colours: of `PALETTE`, those that differ.
    """

    x: float = 0.5
    top: float = 0.17
    wide: float = 0.2
    tall: float = 0.6
    jaw: float = 0.82
    chin: float = 0.3
    eyes: float = 0.5
    gap: float = 0.43
    eye: float = 0.2
    open: float = 0.46
    nose: float = 0.7
    wings: float = 0.19
    mouth: float = 0.815
    lips: float = 1.0
    smile: float = 0.0
    width: float = 0.34
    brow: float = 0.1
    turn: float = 0.0
    tilt: float = 0.0
    neck: float = 0.55
    hair: str = "short"
    beard: bool = False
    colours: dict[str, str] = field(default_factory=dict)

    def at(self, u, v, depth: float = 0.0) -> np.ndarray:
        """Places of the face, (n, 2) in sheet widths: `u` across in half widths, `v` down from the skull to the chin.

        `depth`: how far in front of the outline they lie; a turn moves them by that much.
        """
        u, v = np.broadcast_arrays(np.asarray(u, float), np.asarray(v, float))
        p = np.stack([(u + self.turn * depth) * self.wide, v * self.tall - 0.6 * self.tall], -1)
        a = np.radians(self.tilt)
        return p @ [[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]] + (self.x, self.top + 0.6 * self.tall)

    def path(self, text: str, depth: float = 0.0) -> np.ndarray:
        """`u,v u,v ...` in hundredths of the face -> places (n, 2)."""
        u, v = np.array([pair.split(",") for pair in text.split()], float).T / 100
        return self.at(u, v, depth)

    def outline(self) -> np.ndarray:
        """The face's outline, closed, (14, 2), from the top of the skull clockwise as seen."""
        half = [(0.5, 0.045), (0.86, 0.2), (1.0, 0.4), (0.98, 0.56), (self.jaw, 0.78)]
        half += [(0.5 * (self.jaw + self.chin), 0.915), (self.chin, 0.985)]
        u, v = np.array([(0, 0), *half, (0, 1), *[(-u, v) for u, v in half[::-1]]]).T
        return self.at(u, v, 0.12)

    def corner(self, side: int) -> tuple[float, float]:
        """Where an eye is, as (u, v); `side` -1 is on the left of the sheet."""
        return side * self.gap, self.eyes

    def marks(self) -> dict[str, np.ndarray]:
        """Where the eyes' middles, the base of the nose, the middle of the mouth and the chin are, each (2,) in sheet widths."""
        places = {"left_eye": self.corner(-1), "right_eye": self.corner(1)}
        places |= {"nose": (0, self.nose + 0.012), "mouth": (0, self.mouth)}
        found = {name: self.at(*place, 1.2 if name == "nose" else 1.0) for name, place in places.items()}
        return found | {"chin": self.at(0, 0.995, 0.6)}

    def __getitem__(self, name: str) -> str:
        """The colour of a part."""
        return {**PALETTE, **self.colours}[name]


def study(sitter: Sitter, width: int) -> tuple[Sheet, np.ndarray]:
    """The sitter on a sheet `width` pixels wide: colours, directions and detail for a manner, and the ground (H, W) in [0, 1]."""
    sheet = Sheet(width, round(width * ASPECT), sitter["ground"])
    sheet.flow[..., 0], sheet.flow[..., 1] = np.cos(2.2), np.sin(2.2)
    setting(sheet, sitter)
    before = sheet.colour.copy()
    hair_behind(sheet, sitter)
    shoulders(sheet, sitter)
    face(sheet, sitter)
    for side in (-1, 1):
        eye(sheet, sitter, side)
    nose(sheet, sitter)
    mouth(sheet, sitter)
    hair_before(sheet, sitter)
    return sheet, np.exp(-60 * np.abs(sheet.colour - before).max(-1))


def setting(sheet: Sheet, s: Sitter) -> None:
    """A wall in two tones, lighter on the side of the shadow."""
    sheet.fill([(0.68, -0.1), (1.1, -0.1), (1.1, 1.4), (0.6, 1.4)], s["panel"], 0.02, angle=80)
    sheet.shade(ellipse(0.12, 0.3, 0.2, 0.4), s["panel"], 0.1, 0.5)
    sheet.shade(ellipse(0.86, 0.45, 0.12, 0.3), s["ground"], 0.08, 0.6)


def shoulders(sheet: Sheet, s: Sitter) -> None:
    """Neck, coat and collar."""
    foot = s.top + s.tall
    left, right = s.x - s.neck * s.wide, s.x + s.neck * s.wide
    column = [(left, foot - 0.2), (left, foot + 0.03), (left - 0.05, foot + 0.13), (s.x, foot + 0.24)]
    column += [(right + 0.05, foot + 0.13), (right, foot + 0.03), (right, foot - 0.2)]
    coat = [(left - 0.01, foot + 0.075), (left - 0.14, foot + 0.15), (0.08, foot + 0.25), (-0.06, 1.4), (1.06, 1.4)]
    coat += [(0.92, foot + 0.25), (right + 0.14, foot + 0.15), (right + 0.01, foot + 0.075), (s.x, foot + 0.2)]
    sheet.fill(curve(coat), s["coat"], 0.003, angle="around", fine=0.3)
    within = sheet.mask(curve(coat))
    sheet.shade(ellipse(0.85, foot + 0.36, 0.2, 0.16, -30), s["fold"], 0.04, 0.85, within)
    sheet.shade(ellipse(0.5, foot + 0.4, 0.05, 0.2), s["fold"], 0.03, 0.6, within)
    sheet.fill(curve(column), s["skin"], 0.003, angle=88, fine=0.3)
    within = sheet.mask(curve(column))
    sheet.shade(ellipse(s.x + 0.3 * s.wide, foot, 0.9 * s.wide, 0.07), s["shadow"], 0.02, 0.85, within)
    sheet.shade(ellipse(right, foot + 0.06, 0.05, 0.12), s["shadow"], 0.02, 0.8, within)
    for side in (-1, 1):
        edge = left if side < 0 else right
        flap = [(edge, foot + 0.06), (edge + side * 0.055, foot + 0.11), (s.x + side * 0.08, foot + 0.26)]
        flap += [(s.x + side * 0.01, foot + 0.21)]
        sheet.fill(curve(flap), s["collar"], 0.002, angle=50 * side, fine=0.6)
        sheet.line(curve([*flap, flap[0]], False), s["line"], 0.007)


def hair_behind(sheet: Sheet, s: Sitter) -> None:
    """What is seen of the hair beside and above the face."""
    shapes = {
        "short": "0,-7 60,-3 103,14 112,38 102,54 -102,54 -112,38 -103,14 -60,-3",
        "bun": "0,-6 60,-3 102,14 110,40 104,62 -104,62 -110,40 -102,14 -60,-3",
        "long": "0,-8 64,-5 112,14 126,44 128,80 134,118 60,122 -60,122 -134,118 -128,80 -126,44 -112,14 -64,-5",
        "curls": "0,-16 50,-15 92,-4 128,14 142,36 148,60 128,78 -128,78 -148,60 -142,36 -128,14 -92,-4 -50,-15",
        "cap": "0,-4 60,0 100,14 108,40 104,60 -104,60 -108,40 -100,14 -60,0",
    }
    if s.hair not in shapes:
        return
    mass = curve(s.path(shapes[s.hair]))
    sheet.fill(mass, s["hair"], 0.003, angle="around", fine=0.4)
    sheet.shade(curve(s.path("-95,10 -60,-2 -40,10 -80,34")), s["sheen"], 0.02, 0.8, sheet.mask(mass))
    if s.hair == "bun":
        knot = s.at(0, -0.1)
        sheet.fill(ellipse(*knot, 0.5 * s.wide, 0.4 * s.wide), s["hair"], 0.003, angle="around", fine=0.5)
        sheet.shade(ellipse(*(knot - 0.02), 0.25 * s.wide, 0.13 * s.wide, -20), s["sheen"], 0.012, 0.8)
    if s.hair == "curls":
        turns = np.linspace(np.pi * 0.98, 2.02 * np.pi, 15)
        for k, a in enumerate(turns):
            centre = s.at(1.2 * np.cos(a), 0.34 + 0.38 * np.sin(a))
            r = s.wide * (0.26 + 0.04 * (k % 3))
            sheet.fill(ellipse(*centre, r, r), s["hair"], 0.003, angle="around", fine=0.5)
            sheet.shade(ellipse(*(centre - 0.3 * r), 0.5 * r, 0.35 * r, -30), s["sheen"], 0.01, 0.8)
            sheet.line(ellipse(*centre, 0.7 * r, 0.7 * r)[8:34], s["line"], 0.005)


def hair_before(sheet: Sheet, s: Sitter) -> None:
    """The hairline over the forehead, a cap, a beard's edge."""
    fringe = {
        "short": "0,-6 62,-2 100,16 104,40 94,34 84,22 50,15 10,20 -40,13 -78,24 -92,38 -104,40 -100,16 -62,-2",
        "bun": "0,-5 62,-2 100,14 105,42 92,32 60,16 0,9 -60,16 -92,32 -105,42 -100,14 -62,-2",
        "long": "0,-6 64,-3 106,16 112,60 98,48 84,28 40,14 -4,8 -44,14 -86,28 -98,48 -112,60 -106,16 -64,-3",
        "curls": "0,-6 60,-3 100,10 110,40 96,36 84,20 50,14 0,17 -50,13 -84,20 -96,36 -110,40 -100,10 -60,-3",
    }
    if s.hair in fringe:
        shape = curve(s.path(fringe[s.hair]))
        sheet.fill(shape, s["hair"], 0.002, angle="around", fine=0.5)
        sheet.shade(curve(s.path("-70,8 -30,1 -10,6 -60,18")), s["sheen"], 0.015, 0.8, sheet.mask(shape))
    if s.hair == "cap":
        crown = curve(s.path("0,-14 70,-10 116,4 118,18 104,25 0,20 -104,25 -118,18 -116,4 -70,-10"))
        sheet.fill(crown, s["collar"], 0.002, angle="around", fine=0.5)
        within = sheet.mask(crown)
        sheet.shade(curve(s.path("30,-10 110,2 112,22 60,20")), s["panel"], 0.02, 0.8, within)
        sheet.line(curve(s.path("-110,22 -50,17 0,15 50,17 110,22"), False), s["line"], 0.009)
        sheet.line(curve(s.path("-100,6 -50,1 0,0 50,1 100,6"), False), s["line"], 0.005)


def face(sheet: Sheet, s: Sitter) -> None:
    """Ears, the face and its tones: light from the left."""
    for side, tone in ((-1, "skin"), (1, "shadow")):
        ear = ellipse(*s.at(side * 1.03, 0.53), 0.13 * s.wide, 0.085 * s.tall, s.tilt + 8 * side)
        sheet.fill(ear, s[tone], 0.002, angle=88, fine=0.6)
        sheet.line(ellipse(*s.at(side * 1.05, 0.53), 0.07 * s.wide, 0.055 * s.tall)[8:40], s["line"], 0.006)
    shape = curve(s.outline())
    sheet.fill(shape, s["skin"], 0.002, angle="around", fine=0.4)
    within = sheet.mask(shape)
    tones = [
        (0.85, 0.6, 0.32, 0.32, "shadow", 0.03, 0.9),
        (-0.3, 0.27, 0.42, 0.1, "light", 0.03, 0.85),
        (-0.5, 0.66, 0.26, 0.09, "blush", 0.025, 0.7),
        (0.55, 0.67, 0.24, 0.09, "blush", 0.025, 0.7),
        (-0.43, s.eyes - 0.035, 0.3, 0.05, "shadow", 0.015, 0.55),
        (0.43, s.eyes - 0.035, 0.3, 0.05, "shadow", 0.015, 0.7),
        (-0.08, 0.94, 0.2, 0.03, "light", 0.014, 0.8),
        (0.0, min(s.mouth + 0.075, 0.93), 0.26, 0.02, "shadow", 0.012, 0.7),
        (0.5, 0.92, 0.4, 0.06, "shadow", 0.025, 0.7),
        (-0.6, 0.82, 0.12, 0.1, "shadow", 0.02, 0.45),
    ]
    for u, v, ru, rv, name, soft, opacity in tones:
        spot = ellipse(*s.at(u, v, 0.8), ru * s.wide, rv * s.tall, s.tilt)
        sheet.shade(spot, s[name], soft, opacity, within)
    closed = np.vstack([shape, shape[:1]])
    sheet.line(np.roll(shape, len(shape) // 2, 0) if s.hair != "bald" else closed, s["line"], 0.009, 0.4)
    if s.beard:
        beard(sheet, s)


def beard(sheet: Sheet, s: Sitter) -> None:
    """A beard along the jaw, open round the mouth."""
    m = 100 * s.mouth
    text = f"-100,58 -88,66 -62,74 -30,{m - 7:.1f} 0,{m - 6:.1f} 30,{m - 7:.1f} 62,74 88,66 100,58 92,84 60,100 0,113 -60,100 -92,84"
    shape = curve(s.path(text, 0.4))
    sheet.fill(shape, s["hair"], 0.006, angle=92, fine=0.5)
    sheet.shade(curve(s.path(f"-70,76 -30,{m + 8:.1f} -20,104 -60,94", 0.4)), s["sheen"], 0.02, 0.8, sheet.mask(shape))
    sheet.shade(ellipse(*s.at(0, s.mouth + 0.01, 1), 0.36 * s.wide, 0.035 * s.tall, s.tilt), s["skin"], 0.006, 0.9)


def eye(sheet: Sheet, s: Sitter, side: int) -> None:
    """An almond with white, iris, pupil and a light; lids; the brow."""
    u, v = s.corner(side)
    width, tall = s.eye * s.wide, s.open * s.eye * s.wide
    centre = s.at(u, v, 1.0)
    a = np.radians(s.tilt)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    place = lambda points: np.asarray(points, float) * (side * width, tall) @ turn + centre  # noqa: E731
    almond = [(-1.05, 0.18), (-0.55, -0.75), (0.1, -1.0), (0.7, -0.6), (1.1, 0.0), (0.5, 0.72), (-0.3, 0.8)]
    shape = curve(place(almond))
    sheet.fill(shape, s["white"], 0.0012, angle=s.tilt, fine=1)
    within = sheet.mask(shape)
    gaze = centre + (0.12 * s.turn * width, 0)
    ball = min(0.95 * tall, 0.52 * width)
    sheet.fill(ellipse(*gaze, ball, ball), s["iris"], 0.001, within=within, fine=1)
    sheet.fill(ellipse(*gaze, 0.5 * ball, 0.5 * ball), "12100f", 0.001, within=within)
    sheet.fill(ellipse(*(gaze - 0.33 * ball), 0.22 * ball, 0.22 * ball), s["white"], 0)
    sheet.line(curve(place(almond[:5]), False), s["line"], 0.011 * width / 0.04, 0.5)
    sheet.line(curve(place([almond[4], almond[5], almond[6], almond[0]]), False), s["line"], 0.005, 0.5)
    sheet.line(curve(place([(-1.0, -0.75), (-0.3, -1.45), (0.5, -1.3), (1.1, -0.55)]), False), s["shadow"], 0.006)
    rise = s.brow * s.tall / tall
    brow = [(-1.2, -rise + 0.35), (-0.4, -rise - 0.25), (0.5, -rise - 0.2), (1.35, -rise + 0.45)]
    sheet.line(curve(place(brow), False), s["hair"] if s.hair not in ("bald", "cap") else s["line"], 0.016, 0.7)


def nose(sheet: Sheet, s: Sitter) -> None:
    """Bridge, tip and wings."""
    tip, root, w = 100 * s.nose, 100 * s.eyes - 3, 100 * s.wings
    text = (
        f"-9,{root} -8,{0.5 * (tip + root)} {-0.75 * w},{tip - 6} {-w},{tip - 2} {-0.7 * w},{tip + 1.5} 0,{tip + 2.5} "
    )
    text += f"{0.7 * w},{tip + 1.5} {w},{tip - 2} {0.75 * w},{tip - 6} 8,{0.5 * (tip + root)} 9,{root}"
    shape = curve(s.path(text, 1.15))
    sheet.fill(shape, s["skin"], 0.005, angle=88 + s.tilt, fine=0.7)
    within = sheet.mask(shape)
    sheet.shade(
        curve(s.path(f"3,{root} 10,{root} 14,{tip - 8} {w},{tip} 4,{tip - 4}", 1.15)), s["shadow"], 0.006, 0.9, within
    )
    sheet.shade(
        curve(s.path(f"-6,{root + 3} 0,{root + 3} 1,{tip - 4} -8,{tip - 4}", 1.15)), s["light"], 0.006, 0.9, within
    )
    side = f"9,{root - 4} 7,{0.45 * tip + 0.55 * root} 12,{tip - 9} {w + 1},{tip - 3} {0.8 * w},{tip + 1}"
    sheet.line(curve(s.path(side, 1.15), False), s["line"], 0.007)
    under = (
        f"{-w},{tip - 3} {-0.8 * w},{tip + 1} {-0.4 * w},{tip + 1} 0,{tip + 3} {0.4 * w},{tip + 1} {0.8 * w},{tip + 1}"
    )
    sheet.line(curve(s.path(under, 1.15), False), s["line"], 0.007)
    for sign in (-1, 1):
        sheet.fill(
            ellipse(*s.at(sign * 0.5 * s.wings, s.nose + 0.012, 1.15), 0.045 * s.wide, 0.009 * s.tall),
            s["line"],
            0.001,
            fine=1,
        )


def mouth(sheet: Sheet, s: Sitter) -> None:
    """Two lips, the line between them, a light on the lower."""
    m, w, up, lift = 100 * s.mouth, 100 * s.width, 3.0 * s.lips, 100 * s.smile
    ends = f"{w},{m - lift:.2f}"
    upper = f"{-w},{m - lift:.2f} {-0.5 * w},{m - 0.8 * up} -8,{m - up} 0,{m - 0.7 * up} 8,{m - up} {0.5 * w},{m - 0.8 * up} {ends} 0,{m + 0.5}"
    lower = f"{-w},{m - lift:.2f} 0,{m} {ends} {0.5 * w},{m + 1.0 * up} 0,{m + 1.35 * up} {-0.5 * w},{m + 1.0 * up}"
    sheet.fill(curve(s.path(lower, 1)), s["lip"], 0.001, angle=s.tilt, fine=1)
    sheet.fill(curve(s.path(upper, 1)), s["lip"], 0.001, angle=s.tilt, fine=1)
    sheet.shade(curve(s.path(upper, 1)), s["line"], 0.001, 0.28)
    sheet.shade(
        ellipse(*s.at(-0.06, s.mouth + 0.008 * up, 1), 0.4 * s.width * s.wide, 0.006 * s.tall), s["light"], 0.004, 0.6
    )
    between = f"{-w - 3},{m - 1.2 * lift:.2f} {-0.5 * w},{m + 0.4} 0,{m + 0.9} {0.5 * w},{m + 0.4} {w + 3},{m - 1.2 * lift:.2f}"
    sheet.line(curve(s.path(between, 1), False), s["line"], 0.008)
