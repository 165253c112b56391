"""Thin-plate spline warp of an image: fit, apply, map points both ways, invert, report and remove folds, save and load.

Usable alone:

    warp = Warp.fit(source_px, target_px, (width, height))   # what stands at source moves to target
    warped = warp.apply(image)                               # (N, C, H, W), any size of the same shape

The output shows at u what the input shows at g(u) = u + s(u): the *backward* map, where s is the spline with
s(source + displacement) = -displacement and s = 0 at the anchors on the border. `dst.warp.flow.FlowGrid` is the same
map made cheap and differentiable for an optimisation; `dst.warp.folds` removes folds, `dst.warp.rigid` keeps chosen parts
rigid.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dst.config import InputError
from dst.config.base import shown
from dst.config.kinds import Number, Switch, whole
from dst.config.schema import Items, Maybe, Row, Table
from dst.files import read_json, replacing
from dst.warp.apply import warped
from dst.warp.coordinates import check_size, extent, mesh, node_grid, to_pixels, to_unit
from dst.warp.field import Field
from dst.warp.folds import BOUND, FoldReport, fold_report, unfold
from dst.warp.points import MAX_CONTROL_POINTS, ControlPoints, as_points, check_geometry
from dst.warp.tps import ANCHORS, RIDGE, invert, invert_pixels

FORMAT, VERSION = "dst-warp", 1
_POINT = Row(Number(-100, 100), Number(-100, 100))
SCHEMA = Table(
    {
        "version": whole(1, VERSION),
        "size": Row(whole(1, 2**31 - 1), whole(1, 2**31 - 1)),
        "strength": Number(-10, 10),
        "ridge": Number(0, 1),
        "anchors": whole(0, 1000),
        "source": Items(_POINT, MAX_CONTROL_POINTS),
        "displacement": Items(_POINT, MAX_CONTROL_POINTS),
        "rigid": Items(whole(0, 2**31 - 1), MAX_CONTROL_POINTS),
    },
    {
        "origin": Maybe(Items(whole(-1, 2**31 - 1), MAX_CONTROL_POINTS)),
        "pinned": Items(Switch(), MAX_CONTROL_POINTS),
    },
)
"""What a warp's file must hold, beside `format`."""

FINE_STEPS = 512
"""Steps of the displacement grid of a warped image, along the long side: one for five pixels, from 128 to this many.
What lies between is off by some hundredths of a pixel at most, next to control points."""


@dataclass(frozen=True, eq=False, repr=False)
class Warp(ControlPoints):
    """A fitted warp: its control points, and what can be done with it.

    Points are in unit coordinates of an image of `size`; arrays are read only. The fields are those of `ControlPoints`:
    `size`, `source`, `displacement`, `strength`, `ridge`, `anchors`, `rigid`, `origin`, `pinned`.
    """

    @classmethod
    def identity(cls, size, *, anchors: int = ANCHORS) -> Warp:
        """The warp of an image of `size` (W, H) that moves nothing."""
        return cls(size, np.zeros((0, 2)), np.zeros((0, 2)), anchors=anchors)

    @classmethod
    def fit(cls, source, target, size, *, strength: float = 1.0, ridge: float = RIDGE, anchors: int = ANCHORS) -> Warp:
        """The warp that moves what stands at `source` to `target`.

        Args:
            source: (k, 2) positions in pixels of the image, (x, y), centres at integers, inside the image.
            target: (k, 2) where they go, same units; up to one long side outside the image.
            size: (W, H) of that image.
            strength, ridge, anchors: as the fields of the warp.

        Raises:
            InputError: fewer than 3 points or more than 2000, unequal counts, points not finite or outside, sources on one
                line, two sources or two targets in one place.
        """
        size = check_size(size)
        source, target = as_points("source points", source), as_points("target points", target)
        if len(source) != len(target):
            raise InputError(
                f"{len(source)} source and {len(target)} target points: a warp takes as many of one as of the other"
            )
        check_geometry(source, target, size)
        unit = to_unit(source, size)
        return cls(size, unit, to_unit(target, size) - unit, strength=strength, ridge=ridge, anchors=anchors)

    def field(self, size=None) -> Field:
        """Sampling positions for an image of `size` (W, H), default the warp's own.

        An image of another shape stretches the warp with it.
        """
        nodes = node_grid(self.size, _nodes(size or self.size))
        points = mesh(*nodes)
        coarse = self.spline(points).reshape(len(nodes[1]), len(nodes[0]), 2)
        return Field(coarse, extent(self.size), check_size(size or self.size))

    def grid(self, size=None, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Grid (1, H, W, 2) for `grid_sample(..., align_corners=False)` at `size` (W, H), default the warp's own."""
        return _sampling_grid(self.field(size), dtype)

    def apply(self, image: Any, mode: str = "bicubic") -> Any:
        """Warp an image at its own size.

        Args:
            image: a tensor (N, C, H, W), floating point, any range; an array (H, W) or (H, W, C) of uint8, uint16 or floats;
                a PIL image; or what `dst.read_image` gives. Its size need not be the warp's own.
            mode: "bicubic" or "bilinear". Bicubic stays within the range of the neighbouring pixels.

        Returns:
            The same kind of image, of the same size and type; border pixels are repeated where the warp looks outside.

        Raises:
            InputError: another shape or type, or an unknown mode.
        """
        return warped(self, image, mode)

    def unmap_points(self, points) -> np.ndarray:
        """Where the content seen at output positions `points` (N, 2) in pixels comes from: pixels (N, 2), exact."""
        points = torch.from_numpy(to_unit(as_points("points", points), self.size))
        return to_pixels((points + self.spline(points)).numpy(), self.size)

    def map_points(self, points) -> np.ndarray:
        """Where content at `points` (N, 2) in pixels lands, in pixels; Newton's method, exact where nothing folds."""
        return invert_pixels(self.spline, as_points("points", points), self.size)

    def inverse(self) -> InverseWarp:
        """The map that undoes this one."""
        return InverseWarp(self)

    def folds(self, grid: int = 256) -> FoldReport:
        """Where the backward map folds, from `grid` samples along the long side: see `dst.warp.folds.fold_report`."""
        return fold_report(self, grid)

    def unfold(self, bound: float = BOUND) -> tuple[Warp, float]:
        """The nearest found warp without folds, and the share of the displacements it keeps: see `dst.warp.folds.unfold`."""
        return unfold(self, bound)

    def make_rigid(self, mask) -> Warp:
        """The warp with every part of a mask (H, W) made rigid: see `dst.warp.rigid.make_rigid`."""
        from dst.warp.rigid import make_rigid  # brings scikit-image, which nothing else here needs

        return make_rigid(self, mask)

    def bending_energy(self) -> float:
        """w^T K w of the backward displacement, both components, unit coordinates (Bookstein 1989); 0 if affine."""
        return self.spline.bending_energy()

    def save(self, path) -> None:
        """Write the warp as JSON; an interrupted write leaves what was there.

        Raises:
            InputError: the file cannot be written there.
            OSError: the disk is full or fails.
        """
        data = {
            "format": FORMAT, "version": VERSION, "size": list(self.size),
            "strength": float(self.strength), "ridge": float(self.ridge),
            "anchors": int(self.anchors), "units": "long sides, origin at the corner of the first pixel",
            "source": self.source.tolist(), "displacement": self.displacement.tolist(), "rigid": self.rigid.tolist(),
            "origin": self.origin.tolist(), "pinned": self.pinned.tolist(),
        }  # fmt: skip
        with replacing(path) as part:
            part.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path) -> Warp:
        """Read a warp that `save` wrote.

        Raises:
            InputError: no such file, not a warp, damaged, or of a newer version.
        """
        try:
            data = read_json(path)
        except OSError as error:
            raise InputError(
                f"warp file {str(path)!r} cannot be read ({error.strerror}): give a file written by Warp.save"
            ) from None
        except ValueError:
            data = None
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InputError(f"{str(path)!r} is not a warp: give a file written by Warp.save, or warp.json of a run")
        if not isinstance(data.get("version"), int) or data["version"] > VERSION:
            raise InputError(
                f"warp file {str(path)!r} has format version {shown(data.get('version'))}: "
                f"this release reads up to {VERSION}; update it"
            )
        try:
            SCHEMA.check("", data)
            fields = {name: data[name] for name in ("strength", "ridge", "anchors", "rigid")}
            fields |= {"origin": data.get("origin"), "pinned": data.get("pinned")}
            if fields["origin"] is None:  # of version 0.1, whose pins had labels too: nobody can tell which
                fields["origin"] = [-1 if label else k for k, label in enumerate(fields["rigid"])]
            points = [np.array(data[name], dtype=np.float64).reshape(-1, 2) for name in ("source", "displacement")]
            return cls(tuple(data["size"]), *points, **fields)
        except InputError as error:
            raise InputError(f"warp file {str(path)!r} is damaged ({error}): write it again with Warp.save") from None


@dataclass(frozen=True, eq=False)
class InverseWarp:
    """The numerical inverse of a warp: shows at u what the warped image shows at the place that u moves to."""

    warp: Warp

    @property
    def is_identity(self) -> bool:
        """Whether nothing moves."""
        return self.warp.is_identity

    def field(self, size=None) -> Field:
        """As `Warp.field`, from Newton's method on a grid of up to 257 nodes."""
        size = check_size(size or self.warp.size)
        nodes = node_grid(self.warp.size, min(257, _nodes(size)))
        points = mesh(*nodes)
        coarse = invert(self.warp.spline, points, self.warp.size) - points
        return Field(coarse.reshape(len(nodes[1]), len(nodes[0]), 2), extent(self.warp.size), size)

    def grid(self, size=None, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """As `Warp.grid`."""
        return _sampling_grid(self.field(size), dtype)

    def apply(self, image: Any, mode: str = "bicubic") -> Any:
        """As `Warp.apply`."""
        return warped(self, image, mode)

    def map_points(self, points) -> np.ndarray:
        """As `Warp.map_points`: the warp's `unmap_points`."""
        return self.warp.unmap_points(points)

    def unmap_points(self, points) -> np.ndarray:
        """As `Warp.unmap_points`: the warp's `map_points`."""
        return self.warp.map_points(points)

    def inverse(self) -> Warp:
        """The warp itself."""
        return self.warp


def _nodes(size) -> int:
    return min(FINE_STEPS, max(128, max(size) // 5)) + 1


def _sampling_grid(field: Field, dtype: torch.dtype) -> torch.Tensor:
    width, height = field.size
    x, y = field(0, height)
    return torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], 2).to(dtype)[None]
