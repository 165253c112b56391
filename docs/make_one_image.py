"""Draws the figures of one_image.md: images/one-*.jpg.

    python docs/make_one_image.py [NAME ...]

From scikit-image's and scikit-learn's photographs and the drawn samples; four minutes on two cores.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import figures
import numpy as np

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))
SIDE = 256


def image(name: str) -> np.ndarray:
    """A picture by name, (h, w, 3) uint8, of `SIDE` pixels."""
    from bench.one_image import image_of

    return image_of(name, SIDE)


def made(task: str, pixels: np.ndarray, method: str = "gpnn", **options) -> np.ndarray:
    import dst

    return dst.one_image(task, pixels, method=method, **options)[0]


def both(task: str, pixels: np.ndarray, **options) -> list[tuple[str, np.ndarray]]:
    return [(method, made(task, pixels, method, **options)) for method in ("gpnn", "gpdm")]


def sheet(rows: list[list[tuple[str, np.ndarray]]], height: int = 150) -> np.ndarray:
    from dst.viz.sheets import titled_sheet

    return titled_sheet(rows, height)


def sample() -> np.ndarray:
    import dst

    rows = []
    for name in ("china", "coffee", "brick"):
        pixels = image(name)
        samples = dst.one_image("sample", pixels, count=2)
        rows.append([(name, pixels), *(("gpnn", x) for x in samples), ("gpdm", made("sample", pixels, "gpdm"))])
    return sheet(rows)


def retarget() -> np.ndarray:
    return sheet([[(name, image(name)), *both("retarget", image(name))] for name in ("flower", "china")], 140)


def pasted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A painting, a copy of it with a flower pasted in, and the flower's mask."""
    ground, flower = image("impasto"), image("flower")
    size = 80
    cut = cv2.resize(flower[30:150, 62:182], (size, size), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:size, :size]
    inside = np.hypot(x - size / 2, y - size / 2) < 0.45 * size
    composite, mask = ground.copy(), np.zeros(ground.shape[:2], np.uint8)
    top, left = 20, 20
    composite[top : top + size, left : left + size][inside] = cut[inside]
    mask[top : top + size, left : left + size][inside] = 255
    return ground, composite, mask


def harmonise() -> np.ndarray:
    ground, composite, mask = pasted()
    return sheet([[("pasted", composite), *both("harmonise", ground, guide=composite, mask=mask)]], 190)


def edit() -> np.ndarray:
    pixels = image("china")
    edited = pixels.copy()
    edited[52:165, 163:197] = pixels[52:165, 221:255]  # the tree at the right, once more
    return sheet([[("image", pixels), ("edited", edited), *both("edit", pixels, guide=edited)]], 150)


def inpaint() -> np.ndarray:
    rows = []
    for name, box in (("flower", (55, 25, 190, 152)), ("china", (24, 8, 160, 160))):
        pixels = image(name)
        mask = np.zeros(pixels.shape[:2], np.uint8)
        mask[box[1] : box[3], box[0] : box[2]] = 255
        shown = np.where(mask[..., None] > 0, np.uint8(255), pixels)
        rows.append([("image", pixels), ("hole", shown), ("gpnn", made("inpaint", pixels, mask=mask))])
    return sheet(rows)


def doodle() -> np.ndarray:
    """A flat painting of a tower by a lake, (171, 256, 3) uint8."""
    flat = np.full((171, 256, 3), (190, 215, 245), np.uint8)
    cv2.rectangle(flat, (0, 105), (256, 140), (170, 190, 200), -1)
    cv2.ellipse(flat, (60, 171), (90, 40), 0, 0, 360, (80, 90, 50), -1)
    cv2.ellipse(flat, (200, 171), (80, 30), 0, 0, 360, (90, 100, 70), -1)
    cv2.rectangle(flat, (120, 60), (190, 150), (120, 50, 45), -1)
    cv2.fillPoly(flat, [np.array([[110, 60], [155, 25], [200, 60]])], (190, 110, 70))
    return flat


def paint() -> np.ndarray:
    pixels = image("china")
    return sheet([[("image", pixels), ("painting", doodle()), *both("paint-to-image", pixels, guide=doodle())]], 150)


def style() -> np.ndarray:
    pixels, layout = image("impasto"), image("china")
    return sheet([[("image", pixels), ("layout", layout), *both("style", pixels, guide=layout)]], 170)


def enlarge() -> np.ndarray:
    whole = image("flower")
    small = cv2.resize(whole, (128, whole.shape[0] // 2), interpolation=cv2.INTER_AREA)
    size = small.shape[1] * 2, small.shape[0] * 2
    plain = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    parts = [("bicubic", plain), *both("super-resolve", small)]
    part = np.s_[40:150, 70:180]
    return sheet([[(name, x[part]) for name, x in parts] + [("original", whole[part])]], 220)


def styles() -> np.ndarray:
    """One photograph in the strokes of a quilt, and of samples, of one painting."""
    import dst
    from dst import imaging

    photo, painting = image("astronaut"), image("impasto")
    given = [("quilt", imaging.to_array(dst.quilt(painting, size=(SIDE, SIDE), block=48).rgb))]
    given += [(f"sample, {name}", made("sample", painting, name, noise=3)) for name in ("gpnn", "gpdm")]
    paint = {"size": SIDE, "preset": "fast", "warp_strength": 0}
    painted = [(f"by the {name}", dst.stylize(photo, x, **paint).image) for name, x in given]
    return sheet([[("painting", painting), *given], [("photograph", photo), *painted]], 190)


BEND = ((4, 40, -6, 48), (76, 40, 86, 32), (40, 4, 48, -4), (40, 76, 30, 84), (12, 12, 18, 4), (68, 12, 84, 10), (12, 68, 0, 80), (68, 68, 66, 66))  # fmt: skip
"""Points of a cut-out of 80 pixels, x and y, and where they go."""


def warped() -> np.ndarray:
    """A flower cut out, warped by points with its outline, pasted into a painting, and harmonised."""
    import dst
    from dst import imaging

    ground, flower = image("impasto"), image("flower")
    size = 80
    cut = np.zeros((140, 140, 4), np.uint8)
    inner = cut[30 : 30 + size, 30 : 30 + size]
    inner[..., :3] = cv2.resize(flower[30:150, 62:182], (size, size), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:size, :size]
    inner[..., 3] = np.where(np.hypot(x - size / 2, y - size / 2) < 0.45 * size, 255, 0)
    bent, _ = dst.warp_image(cut, points=np.array(BEND, float) + 30)
    pixels, share = imaging.to_array(bent.rgb), bent.alpha[0, 0].numpy()[..., None]
    composite, mask = ground.copy(), np.zeros(ground.shape[:2], np.uint8)
    at = np.s_[112:252, 0:140]
    composite[at] = np.round(share * pixels + (1 - share) * composite[at]).astype(np.uint8)
    mask[at] = np.where(share[..., 0] > 0.5, 255, 0)
    parts = (("cut out", cut[..., 3:] / 255, cut[..., :3]), ("warped", share, pixels))
    first = [(name, np.round(a * p + (1 - a) * 255).astype(np.uint8)) for name, a, p in parts]
    return sheet([[*first, ("pasted", composite), *both("harmonise", ground, guide=composite, mask=mask)]], 190)


FIGURES: dict[str, Callable[[], np.ndarray]] = {
    "sample": sample,
    "retarget": retarget,
    "harmonise": harmonise,
    "edit": edit,
    "inpaint": inpaint,
    "paint": paint,
    "style": style,
    "enlarge": enlarge,
    "styles": styles,
    "warped": warped,
}


if __name__ == "__main__":
    figures.draw(__doc__, FIGURES, "one-", 78)
