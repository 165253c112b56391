"""Drawing tools of the sample portraits: smooth shapes on a sheet, and a bristle brush that repaints it.

Lengths are in units of the sheet's width, so that an image looks alike at every resolution. Angles are in degrees,
counted from the x axis towards the y axis, which points down. Every draw from chance takes the caller's generator.
"""

from __future__ import annotations

import cv2
import numpy as np


def pts(text: str) -> np.ndarray:
    """`250,310 480,120` in thousandths of the sheet's width -> (N, 2)."""
    return np.array([pair.split(",") for pair in text.split()], float) / 1000


def curve(points, closed: bool = True, steps: int = 14) -> np.ndarray:
    """A Catmull-Rom spline through points (N, 2): (M, 2)."""
    p = np.asarray(points, float)
    p = np.vstack([p[-1], p, p[:2]]) if closed else np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    out = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    out = out.reshape(-1, 2)
    return out if closed else np.vstack([out, p[-2]])


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0, count: int = 48) -> np.ndarray:
    """Points on an ellipse, rotated by `turn` degrees: (count, 2)."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    a = np.radians(turn)
    dx, dy = rx * np.cos(t), ry * np.sin(t)
    return np.stack([x + dx * np.cos(a) - dy * np.sin(a), y + dx * np.sin(a) + dy * np.cos(a)], 1)


def ribbon(points, width, taper: float = 0.6) -> np.ndarray:
    """The outline of a line through points (N, 2), `width` at its thickest, (1 - taper) of that at its ends."""
    p = np.asarray(points, float)
    along = np.gradient(p, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    swell = 1 - taper + taper * np.sin(np.pi * np.linspace(0.03, 0.97, len(p)))
    half = (0.5 * width * swell)[:, None] * normal
    return np.vstack([p + half, (p - half)[::-1]])


def rgb(code: str) -> np.ndarray:
    """`c86432` -> float (3,) in [0, 1]."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)], np.float32)


def grain(rng, height: int, width: int, along: float, across: float) -> np.ndarray:
    """Smooth noise (H, W) of mean 0 and deviation 1; `along` and `across` are its lengths in pixels in x and y."""
    noise = rng.standard_normal((height, width)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), max(along, 0.01), sigmaY=max(across, 0.01), borderType=cv2.BORDER_REFLECT)
    return (noise - noise.mean()) / (noise.std() + 1e-9)


class Sheet:
    """A smooth coloured drawing with a direction and a level of detail at every pixel, for a brush to follow.

    Attributes:
        colour: (H, W, 3) float32 in [0, 1], RGB.
        flow: (H, W, 2) float32, cosine and sine of twice the strokes' angle.
        fine: (H, W) float32 in [0, 1]: how small the strokes must become.
    """

    def __init__(self, width: int, height: int, colour: str):
        self.width, self.height = width, height
        self.colour = np.empty((height, width, 3), np.float32)
        self.colour[:] = rgb(colour)
        self.flow = np.zeros((height, width, 2), np.float32)
        self.flow[..., 0] = 1
        self.fine = np.zeros((height, width), np.float32)

    def mask(self, points, soft: float = 0) -> np.ndarray:
        """Coverage (H, W) in [0, 1] of a polygon, blurred by `soft`."""
        out = np.zeros((self.height, self.width), np.float32)
        window, part = self.cover(points, soft)
        out[window] = part
        return out

    def cover(self, points, soft: float = 0):
        """The window (two slices) that a polygon touches, and its coverage there in [0, 1]."""
        p = np.asarray(points, float) * self.width - 0.5
        pad = 3 * soft * self.width + 2
        x0, y0 = np.floor(p.min(0) - pad).clip(0, [self.width - 1, self.height - 1]).astype(int)
        x1, y1 = np.ceil(p.max(0) + pad + 1).clip(1, [self.width, self.height]).astype(int)
        size = max(x1 - x0, 1), max(y1 - y0, 1)
        k = max(4, round(2480 / self.width))  # coverage is counted on k x k points of each pixel, alike at every size
        large = np.zeros((k * size[1], k * size[0]), np.uint8)
        corners = (np.asarray(points, float) * self.width - (x0, y0)) * k - 0.5
        cv2.fillPoly(large, [np.round(corners * 64).astype(np.int32)], 255, cv2.LINE_8, 6)
        part = cv2.resize(large, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        if soft:
            part = cv2.GaussianBlur(part, (0, 0), soft * self.width)
        return (slice(y0, y0 + part.shape[0]), slice(x0, x0 + part.shape[1])), part

    def fill(self, points, colour: str, soft: float = 0, opacity: float = 1, angle=None, fine=None, within=None):
        """Lay a colour over a polygon; set the strokes' detail and angle (a number, or `around`: along its outline)."""
        window, mask = self.cover(points, soft)
        mask = mask if within is None else mask * within[window]
        self.colour[window] += (mask * opacity)[..., None] * (rgb(colour) - self.colour[window])
        if angle is not None:
            target = self._around(mask) if angle == "around" else _double(np.float32(np.radians(angle)))
            self.flow[window] += mask[..., None] * (target - self.flow[window])
        if fine is not None:
            self.fine[window] = np.maximum(self.fine[window], mask * fine)

    def shade(self, points, colour: str, soft: float, opacity: float = 1, within=None):
        """A soft tone: `fill` without touching the direction."""
        self.fill(points, colour, soft, opacity, within=within)

    def line(self, points, colour: str, width: float, taper: float = 0.6, opacity: float = 1, fine: float = 0.8):
        """A line of swelling width; strokes there follow it."""
        self.fill(ribbon(points, width, taper), colour, opacity=opacity)
        p = np.round(np.asarray(points) * self.width - 0.5).astype(int)
        thick = max(1, round((2.2 * width + 0.004) * self.width))
        for a, b in zip(p[:-1].tolist(), p[1:].tolist(), strict=True):
            if a != b:
                turn = 2 * np.arctan2(b[1] - a[1], b[0] - a[0])
                cv2.line(self.flow, a, b, (float(np.cos(turn)), float(np.sin(turn))), thick)
                cv2.line(self.fine, a, b, float(fine), thick)

    def _around(self, mask) -> np.ndarray:
        """Directions along the nearest outline of what the mask covers: (h, w, 2)."""
        far = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
        far = cv2.GaussianBlur(far, (0, 0), 0.008 * self.width + 0.5)
        dx, dy = cv2.Sobel(far, cv2.CV_32F, 1, 0), cv2.Sobel(far, cv2.CV_32F, 0, 1)
        return _double(np.arctan2(dx, -dy))


def _angle_at(flow, at) -> np.ndarray:
    """The strokes' angle at pixels (N, 2), radians: (N,)."""
    i = at[:, 1].clip(0, flow.shape[0] - 1).astype(int)
    j = at[:, 0].clip(0, flow.shape[1] - 1).astype(int)
    return 0.5 * np.arctan2(flow[i, j, 1], flow[i, j, 0]).astype(np.float64)


def _bend(flow, at, angle, reach) -> np.ndarray:
    """How much the direction turns along each stroke, radians per pixel: (N,)."""
    out = np.zeros(len(at))
    ahead = 0.4 * reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    for sign in (-1, 1):
        turn = (_angle_at(flow, at + sign * ahead) - angle + np.pi / 2) % np.pi - np.pi / 2
        out += sign * turn.clip(-0.7, 0.7) / (0.8 * reach)
    return out


def _double(angle) -> np.ndarray:
    return np.stack([np.cos(2 * angle), np.sin(2 * angle)], -1)


class Brush:
    """Repaints a sheet with thousands of strokes of streaky, slightly mixed colour, from broad to fine.

    The order (broad strokes first, finer ones where the image still differs from the sheet) is that of painterly
    rendering (Hertzmann, SIGGRAPH 1998); the strokes themselves are short arcs with bristle marks and a height that
    catches the light.
    """

    def __init__(self, sheet: Sheet, ground: np.ndarray, rng):
        self.sheet, self.rng = sheet, rng
        self.canvas = ground.astype(np.float32).copy()
        self.relief = np.zeros(ground.shape[:2], np.float32)

    def layer(self, width, length, spread=0.05, cover=0.9, every=0.55, differ=0.0, above=0.0, body=1.0, wander=6.0):
        """One pass of strokes.

        Args:
            width, length: of a stroke.
            spread: how far colours wander from the sheet's.
            cover: opacity of the paint.
            every: distance between strokes, in widths.
            differ: skip places where the image is this close to the sheet already.
            above: skip places whose level of detail is less.
            body: thickness of the paint.
            wander: deviation of the angle, degrees.
        """
        sheet, rng, scale = self.sheet, self.rng, self.sheet.width
        step = max(width * every * scale, 1.0)
        goal = cv2.GaussianBlur(sheet.colour, (0, 0), max(width * scale * 0.2, 0.3))
        flow = cv2.GaussianBlur(sheet.flow, (0, 0), max(width * scale * 0.3, 0.5))
        missing = cv2.GaussianBlur(self.canvas - goal, (0, 0), max(width * scale * 0.4, 0.3))
        wanted = (np.abs(missing).max(-1) >= differ) & (sheet.fine >= above)
        ys, xs = np.meshgrid(np.arange(0, sheet.height, step), np.arange(0, sheet.width, step), indexing="ij")
        at = np.stack([xs.ravel(), ys.ravel()], 1) + rng.uniform(-0.6, 0.6, (xs.size, 2)) * step
        at = at.clip(0, [sheet.width - 1, sheet.height - 1])[rng.permutation(len(at))]
        at = at[wanted[at[:, 1].astype(int), at[:, 0].astype(int)]]
        draws = rng.standard_normal((len(at), 6))
        angle = _angle_at(flow, at)
        reach = length * scale * np.exp(0.25 * draws[:, 0])
        bend = _bend(flow, at, angle, reach)
        tint = goal[at[:, 1].astype(int), at[:, 0].astype(int)]
        tint = (tint * (1 + spread * draws[:, 1:2]) + 0.4 * spread * draws[:, 2:5]).clip(0, 1).astype(np.float32)
        angle = angle + np.radians(wander) * draws[:, 5]
        thin = float(np.clip(48 * 0.9 * scale / 640 / (width * scale), 1.0, 9.0))  # a bristle is about 2 pixels of 640
        self.bristles = [grain(rng, 48, 96, 14, thin) for _ in range(12)]
        which = rng.integers(len(self.bristles), size=len(at))
        for n, (x, y) in enumerate(at):
            marks = self.bristles[which[n]]
            self._stroke(x, y, angle[n], bend[n], reach[n], width * scale, tint[n], cover, body, marks)

    def _stroke(self, x, y, angle, bend, length, width, colour, cover, body, texture):
        c, s = float(np.cos(angle)), float(np.sin(angle))
        wide = 0.5 * width + 0.125 * abs(bend) * length**2 + 1
        rx, ry = 0.55 * length * abs(c) + wide * abs(s) + 1, 0.55 * length * abs(s) + wide * abs(c) + 1
        x0, x1 = max(int(x - rx), 0), min(int(x + rx) + 2, self.sheet.width)
        y0, y1 = max(int(y - ry), 0), min(int(y + ry) + 2, self.sheet.height)
        dx, dy = np.arange(x0, x1, dtype=np.float32)[None] - x, np.arange(y0, y1, dtype=np.float32)[:, None] - y
        u, v = dx * c + dy * s, dy * c - dx * s
        v = ((v - 0.5 * bend * u * u) / (0.5 * width)).astype(np.float32)
        u = (u / (0.5 * length)).astype(np.float32)
        rows, columns = ((v + 1) * 23.5).astype(np.intp), ((u + 1) * 47.5).astype(np.intp)
        marks = texture[np.minimum(np.maximum(rows, 0), 47), np.minimum(np.maximum(columns, 0), 95)]
        across = np.abs(v)
        rim = np.minimum((1 - across) * min(0.5 * width, 6.0), 1)
        ends = np.minimum((1 - np.abs(u) + 0.10 * marks) * min(0.25 * length, 4.0), 1)
        dry = np.minimum(1.25 + 0.45 * marks - 0.5 * np.maximum(u, 0), 1)  # paint runs out towards the end
        alpha = cover * np.maximum(rim, 0) * np.maximum(ends, 0) * np.maximum(dry, 0)
        window = self.canvas[y0:y1, x0:x1]
        window += alpha[..., None] * (colour * (1 + 0.06 * marks[..., None]) - window)
        ridge = body * (0.55 + 0.22 * marks + 0.6 * np.minimum(np.maximum(across - 0.6, 0), 0.4))
        height = self.relief[y0:y1, x0:x1]
        height += alpha * (ridge - height)

    def finish(self, weave: float = 0.02, light: float = 0.3) -> np.ndarray:
        """The painting under a light from the upper left, on woven canvas: (H, W, 3) uint8."""
        scale = self.sheet.width / 640
        height, width = self.relief.shape
        y, x = np.mgrid[:height, :width].astype(np.float32) / max(scale, 0.3)
        uneven = grain(self.rng, height, width, 3 * scale, 3 * scale)
        threads = np.sin(1.9 * x + 0.35 * uneven) * np.sin(1.9 * y + 0.35 * uneven)
        relief = self.relief + weave * threads * (1.3 - self.relief.clip(0, 1))
        relief = cv2.GaussianBlur(relief, (0, 0), max(0.6 * scale, 0.3))
        slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=0.125) + cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=0.125)
        lit = self.canvas * (1 + light * np.tanh(slope * scale * 2.2))[..., None]
        lit += 0.10 * np.clip(slope * scale - 0.12, 0, 1)[..., None]  # wet highlights
        return np.rint(lit.clip(0, 1) * 255).astype(np.uint8)
