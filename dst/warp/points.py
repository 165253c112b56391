"""The control points of a warp, and the checks of what a warp accepts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from correspondence.common import MAX_POINTS
from dst.config import InputError, check_number
from dst.warp.coordinates import check_size
from dst.warp.tps import ANCHORS, RIDGE, Spline, border_anchors

MAX_CONTROL_POINTS = 4 * MAX_POINTS
"""The most that a warp has in all: those it was given, and those added to them to carry rigid parts."""


def read_only(array: np.ndarray) -> np.ndarray:
    """The same array, locked against writing."""
    array.setflags(write=False)
    return array


def as_points(name: str, points) -> np.ndarray:
    """A float64 copy (N, 2) of the points.

    Raises:
        InputError: not numbers, another shape, or not finite.
    """
    if isinstance(points, torch.Tensor):
        points = points.detach().cpu().numpy()
    try:
        points = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} are not numbers: they take an array of shape (N, 2), x and y") from None
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"{name} have shape {points.shape}: they take an array of shape (N, 2), x and y")
    if not np.isfinite(points).all():
        bad = int(np.flatnonzero(~np.isfinite(points).all(1))[0])
        raise InputError(
            f"{name}: number {bad + 1} is {points[bad].tolist()}: "
            "positions take finite numbers; correct it or leave it out"
        )
    return points


def _whole(name: str, values) -> np.ndarray:
    """A copy (k,) of whole numbers."""
    array = np.array(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(f"{name} are {array.dtype} {array.shape}: they take one whole number for each point")
    return array.astype(int)


def check_geometry(source: np.ndarray, target: np.ndarray, size) -> None:
    """Refuse source and target points, in pixels, that determine no warp of an image of `size`.

    Raises:
        InputError: fewer than 3 or more than 2000, outside, in one place, or all sources on one line.
    """
    if len(source) > MAX_POINTS:
        raise InputError(f"{len(source)} points: a warp takes up to {MAX_POINTS}; leave some out")
    if len(source) < 3:
        raise InputError(f"{len(source)} points: a warp takes 3 or more; give more points, or none at all for no warp")
    reach = max(size)
    for name, points, margin in (("source", source, 0), ("target", target, reach)):
        outside = (points < -0.5 - margin) | (points > np.array(size) - 0.5 + margin)
        if outside.any():
            bad = int(np.flatnonzero(outside.any(1))[0])
            where = "inside the image" if not margin else "at most one long side outside the image"
            raise InputError(
                f"{name} point {bad + 1} is {points[bad].tolist()} in an image of {size[0]} x {size[1]}: "
                f"it takes a position {where}; correct it or leave it out"
            )
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(len(points), np.inf))
        if gaps.min() < 1e-3:
            a, b = sorted(np.unravel_index(int(gaps.argmin()), gaps.shape))
            raise InputError(
                f"{name} points {a + 1} and {b + 1} are the same, {points[a].tolist()}: "
                "each takes its own place; leave one out"
            )
    spread = np.linalg.svd(source - source.mean(0), compute_uv=False)[1] / np.sqrt(len(source))
    if spread < 1e-2:
        raise InputError(
            f"all {len(source)} source points lie on one line: a warp takes 3 or more that do not; add one beside it"
        )


@dataclass(frozen=True, eq=False, repr=False)
class ControlPoints:
    """The points that carry a warp and how far each moves: all that a thin-plate spline needs. `Warp` adds what users call.

    Points are in unit coordinates of an image of `size`; arrays are read only.

    Raises:
        InputError: arrays of the wrong shape or not finite, more than 8000 points, a strength, ridge or number of anchors
            out of range.
    """

    size: tuple[int, int]
    """(W, H) of the image the warp was made for."""
    source: np.ndarray
    """(k, 2) float64, unit coordinates, (x, y)."""
    displacement: np.ndarray
    """(k, 2) float64: how far each source point moves at strength 1, unit coordinates."""
    strength: float = 1.0
    """Factor on the displacements: 0 leaves the image as it is, above 1 exaggerates."""
    ridge: float = RIDGE
    """Added to the kernel's diagonal; the kernel is r^2 log r with r in long sides."""
    anchors: int = ANCHORS
    """Fixed points on the border along the long side; 0 leaves the border free."""
    rigid: np.ndarray | None = None
    """(k,) whole numbers: the rigid part a point belongs to, 0 for a free point; None means all free."""
    origin: np.ndarray | None = None
    """(k,) whole numbers: which of the points that were given first each one is, -1 for one that was added to carry a rigid
    part; None means all in their order."""
    pinned: np.ndarray | None = None
    """(k,) bool: points that must be reached; None means none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", check_size(self.size))
        for name in ("source", "displacement"):
            object.__setattr__(self, name, read_only(as_points(name, getattr(self, name))))
        count = len(self.source)
        labels = np.zeros(count, int) if self.rigid is None else _whole("labels of rigid parts", self.rigid)
        origin = np.arange(count) if self.origin is None else _whole("origins", self.origin)
        object.__setattr__(self, "rigid", read_only(labels))
        object.__setattr__(self, "origin", read_only(origin))
        pinned = np.zeros(count, bool) if self.pinned is None else np.array(self.pinned, bool)
        object.__setattr__(self, "pinned", read_only(pinned))
        if count > MAX_CONTROL_POINTS:
            raise InputError(
                f"{count} points: a warp takes up to {MAX_CONTROL_POINTS}, those that carry rigid parts among them"
            )
        if not count == len(self.displacement) == len(labels) == len(origin) == pinned.size:
            given = (
                f"{count} source points, {len(self.displacement)} displacements, {len(labels)} labels of rigid parts, "
                f"{len(origin)} origins, {pinned.size} values of pinned"
            )
            raise InputError(f"{given}: a warp takes one of each for each point")
        check_number("warp strength", self.strength, -10, 10)
        check_number("warp ridge", self.ridge, 0, 1)
        check_number("border anchors per side", self.anchors, 0, 1000, whole=True)
        if self.anchors == 1 or (not self.anchors and 0 < count < 3):
            raise InputError(
                f"{self.anchors} border anchors and {count} points: "
                "a warp takes 2 anchors per side or more, or 0 with 3 points or more"
            )

    def __repr__(self) -> str:
        special = [
            f"{count} {what}"
            for count, what in (((self.rigid > 0).sum(), "rigid"), (self.pinned.sum(), "pinned"))
            if count
        ]
        special = f" ({', '.join(special)})" if special else ""
        strength = "" if self.strength == 1 else f", strength {self.strength:g}"
        return f"{type(self).__name__}({self.size[0]} x {self.size[1]} pixels, {len(self.source)} points{special}{strength})"

    @property
    def fixed(self) -> np.ndarray:
        """(k,) bool: points that do not give way to others, since they carry a rigid part or are pinned."""
        return (self.rigid > 0) | self.pinned

    @property
    def moved(self) -> np.ndarray:
        """(k, 2) displacements with the strength applied, unit coordinates."""
        return self.strength * self.displacement

    @property
    def is_identity(self) -> bool:
        """True where no point moves: the image comes back untouched."""
        return not np.any(self.moved)

    @cached_property
    def spline(self) -> Spline:
        """The backward displacement s, float64, in unit coordinates."""
        fixed = border_anchors(self.size, self.anchors) if self.anchors else np.zeros((0, 2))
        if self.is_identity:
            none = torch.zeros(0, 2, dtype=torch.float64)
            return Spline(none, none, torch.zeros(3, 2, dtype=torch.float64))
        centres = np.concatenate([self.source + self.moved, fixed])
        values = np.concatenate([-self.moved, np.zeros_like(fixed)])
        try:
            return Spline.fit(torch.from_numpy(centres), torch.from_numpy(values), self.ridge)
        except torch.linalg.LinAlgError:
            raise InputError(
                f"{len(self.source)} moved points determine no spline: two of them meet or all lie on one line; "
                "move them apart, or use border anchors and a ridge above 0"
            ) from None

    def with_strength(self, strength: float):
        """The same warp with every displacement times `strength`; replaces the present strength."""
        return dataclasses.replace(self, strength=strength)

    def subset(self, index):
        """The warp with only the points that `index` (whole numbers, in that order) picks."""
        names = ("source", "displacement", "rigid", "origin", "pinned")
        return dataclasses.replace(self, **{name: getattr(self, name)[index] for name in names})
