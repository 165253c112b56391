"""What a run's files must hold, each declared once: the record, the rows of its history, the checkpoint.

Only what a reader relies on is declared; parts of other names may hold anything. What the parts of a checkpoint must have in
common, `check_whole` says.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from correspondence.common import MAX_POINTS
from dst.config import PRECISIONS, InputError
from dst.config.kinds import Choice, Kind, Number, Switch, whole
from dst.config.schema import Every, Free, Items, Maybe, Row, Table, Words, refuse
from dst.imaging import pyramid
from dst.imaging.codecs import MAX_PIXELS
from dst.optim.loop import levels, schedule
from dst.optim.state import State
from dst.runs.job import Job, Scene
from dst.warp.points import MAX_CONTROL_POINTS

VALUE, SHARE, SECONDS = Number(-1e300, 1e300), Number(0, 2), Number(0, 1e12)
SIDE, COUNT = whole(1, MAX_PIXELS), whole(0, 2**31 - 1)
SIZE = Row(SIDE, SIDE)
PIXEL = Number(-1e9, 1e9)
"""A coordinate in pixels."""
HISTORY_ROW = Table({"scale": whole(0, 64), "side": SIDE, "step": COUNT, "total": VALUE}, rest=VALUE)
"""A row of the history; its terms are those of the method."""

_NAMED = {"name": Words(), "sha256": Words()}
_INPUT = Table({"name": Words(), "size": SIZE}, {"path": Words(), "sha256": Words()})
INPUTS = {
    "content": _INPUT,
    "style": _INPUT,
    "styles": Items(_INPUT, min_count=1),
    "geometry": _INPUT,
    "model": Table(_NAMED),
}
OUTPUT = Table({"path": Words()}, {"sha256": Words()})
"""Where a run's image was written beside its folder."""
PRECISION = Choice(PRECISIONS[1:])
"""What `auto` came to; a run of a version that knew no other has none, and was made in float32."""
GIVEN = Table({}, {"warp": Switch(), "points": Maybe(Words())})
_TERMS = Every(Maybe(VALUE))
RECORD = Table(
    {
        "size": SIZE,
        "seconds": Every(SECONDS),
        "matches": Table(
            {
                "verdict": Words(),
                "pins": COUNT,
                "content_size": Maybe(SIZE),
                "style_size": Maybe(SIZE),
                "points": Items(Row(PIXEL, PIXEL, PIXEL, PIXEL, Number(0, 1)), MAX_POINTS),
            },
            {
                "count": COUNT,
                "confidence": Maybe(Number(0, 1)),
                "pinned": Items(COUNT, MAX_POINTS),
                "source": Items(Words(), MAX_POINTS),
                "shift": Items(Row(PIXEL, PIXEL), MAX_POINTS),
            },
        ),
        "warp": Table(
            {"points": COUNT, "reduced_to": SHARE},
            {
                "folded_share": SHARE,
                "softened_to": SHARE,
                "targets": Items(Row(PIXEL, PIXEL), MAX_CONTROL_POINTS),
                **dict.fromkeys(("min_jacobian", "max_jacobian", "bending_energy", "matches_reduced_to"), Maybe(VALUE)),
            },
        ),
        "stopped": Words(),
    },
    {
        **INPUTS,
        "versions": Every(Words()),
        "preset": Words(),
        "settings": Every(Free()),
        "given": GIVEN,
        "threads": whole(0, 1024),
        "precision": PRECISION,
        "encoder": Table(_NAMED),
        "terms": Items(Table({"side": SIDE, "steps": COUNT, "before": _TERMS, "after": _TERMS})),
        "metrics": Maybe(_TERMS),
    },
)
"""`run.json`, beside `kind` and `format`, which tell what it is."""


class Array(Kind):
    """A tensor as a checkpoint holds it; an array of bool may be packed, eight to a byte."""

    def __init__(self, dtype: torch.dtype, *shape: int, limit: float = math.inf, side: int = 2**31 - 1) -> None:
        """`shape`: -1 for any number up to `side`. `limit`: of the absolute values, which must be finite."""
        self.dtype, self.shape, self.limit, self.side = dtype, shape, limit, side

    def check(self, name: str, value: Any) -> Any:
        """As `Kind.check`."""
        if self.dtype == torch.bool and isinstance(value, dict):
            return self._check_packed(name, value)
        good = type(value) is Tensor and value.dtype == self.dtype and value.layout == torch.strided
        good = good and value.device.type == "cpu" and not value.requires_grad and self._fits(value.shape)
        if not good or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            sides = ", ".join("n" if n < 0 else str(n) for n in self.shape)
            raise refuse(name, value, f"a tensor of {str(self.dtype)[6:]} and shape ({sides})")
        if value.is_floating_point() and value.numel():
            low, high = (float(v) for v in value.aminmax())
            if not (math.isfinite(low) and math.isfinite(high) and -self.limit <= low <= high <= self.limit):
                raise refuse(name, value, f"finite values of up to {self.limit:g}")
        return value

    def _fits(self, shape: Any) -> bool:
        return len(shape) == len(self.shape) and all(
            0 <= n <= self.side if m < 0 else n == m for n, m in zip(shape, self.shape, strict=True)
        )

    def _check_packed(self, name: str, value: dict) -> dict:
        Table({"bits": Array(torch.uint8, -1), "shape": Row(*[COUNT] * len(self.shape))}).check(name, value)
        if not self._fits(value["shape"]) or math.prod(value["shape"]) > 8 * len(value["bits"]):
            raise refuse(f"{name}.shape", value["shape"], "what its bits fill")
        return value


LARGEST = 2 * 8192
"""The longest side of any image in a checkpoint: twice that of the option `size`, for a style whose strokes are so large."""
IMAGE, PLANE = (Array(torch.float32, 1, n, -1, -1, limit=8, side=LARGEST) for n in (3, 1))
BAND = Array(torch.float32, 1, 3, -1, -1, limit=1e6, side=LARGEST)
POINTS, MOVES = (Array(torch.float64, -1, 2, limit=limit, side=MAX_CONTROL_POINTS) for limit in (1e9, 100))
LABELS, FLAGS = (Array(dtype, -1, side=MAX_CONTROL_POINTS) for dtype in (torch.int64, torch.bool))
_JOB = Table(
    {
        "config": Table({}, {"weights": Maybe(Words()), "device": Words()}),
        "preset": Words(),
        "inputs": Table({name: INPUTS[name] for name in ("content", "style")}, INPUTS),
        "content_size": SIZE,
        "content": IMAGE,
        "alpha": Maybe(PLANE),
        "style": IMAGE,
        "geometry": Maybe(IMAGE),
        "matches": Maybe(
            Table(
                {
                    "content": POINTS,
                    "style": POINTS,
                    "scores": Array(torch.float64, -1, limit=1),
                    "content_size": SIZE,
                    "style_size": SIZE,
                    "confidence": Maybe(Number(0, 1)),
                    "pinned": Array(torch.bool, -1),
                    "source": Items(Words(), MAX_POINTS),
                    "shift": POINTS,
                }
            )
        ),
        "verdict": Words(),
        "mask": Maybe(Array(torch.bool, -1, -1)),
        "kept": SHARE,
        "scene": Table(
            {
                "content": IMAGE,
                "styles": Items(Row(IMAGE, Number(0, 1e9)), 1000, min_count=1),
                "start": Maybe(IMAGE),
                "warp": Maybe(
                    Table(
                        {
                            "size": SIZE,
                            "source": MOVES,
                            "displacement": MOVES,
                            "rigid": LABELS,
                            "origin": LABELS,
                            "pinned": FLAGS,
                        }
                    )
                ),
                "confidence": Maybe(Array(torch.float64, -1, limit=1e9, side=MAX_CONTROL_POINTS)),
                "beta": Number(0, 1e7),
                "gamma": Number(0, 1e7),
                "segments": Maybe(Items(Row(Maybe(PLANE), Items(Maybe(PLANE), 1000)), 64)),
            },
            {"strokes": Maybe(Items(Number(0.01, 100), 1000))},
        ),
        "notes": Every(Free()),
    },
    {"given": GIVEN, "softened": SHARE, "threads": whole(0, 1024), "precision": PRECISION},
)
_MOMENTS = Items(Kind(), 100)
"""Averages of gradients; a run whose loss stopped being finite keeps what they were then."""
CHECKPOINT = Table(
    {
        "encoder": Table(_NAMED),
        "seconds": Every(SECONDS),
        "job": _JOB,
        "state": Table(
            {
                "parameters": Table({}, {"pixels": Items(BAND, 100), "displacement": Row(MOVES)}),
                "scale": whole(0, 64),
                "step": COUNT,
                "optimizer": Maybe(Table({"steps": COUNT, "first": _MOMENTS, "second": _MOMENTS})),
                "generator": Maybe(Array(torch.uint8, -1, side=10**5)),
                "history": Items(HISTORY_ROW),
                "stopped": Words(),
            }
        ),
    },
    {
        "frames": Maybe(
            Table(
                {
                    "every": whole(1, 2**31 - 1),
                    "seen": COUNT,
                    "shots": Items(Row(Array(torch.uint8, -1), MOVES), 1000),
                }
            )
        )
    },
)
"""`checkpoint.pt`, beside `kind`, `format` and `dst`, which tell what it is; of today's format."""


def check_whole(job: Job, state: State) -> None:
    """Refuse a job and a state whose parts, each right by itself, do not go together.

    Raises:
        InputError: sizes, counts or shapes that differ where they must not.
    """
    scene, warp, matches = job.scene, job.scene.warp, job.matches
    frame, count = job.content.shape[-2:], 0 if warp is None else len(warp.source)
    for name, other in (("alpha", job.alpha), ("scene.content", scene.content), ("scene.start", scene.start)):
        _same(name, frame if other is None else other.shape[-2:], frame)
    _same("mask", job.content_size[::-1] if job.mask is None else job.mask.shape, job.content_size[::-1])
    _same("scene.confidence", count if scene.confidence is None else len(scene.confidence), count)
    if warp is not None:
        _same("scene.warp.size", warp.size, job.content_size)
        _same("scene.warp.origin", max([-1, *warp.origin]) < (0 if matches is None else len(matches)), True)
    _same("scene.strokes", len(scene.styles if scene.strokes is None else scene.strokes), len(scene.styles))
    for k, segment in enumerate(scene.segments or ()):
        _same(f"scene.segments[{k}].styles", len(segment.styles), len(scene.styles))
    _check_state(job, scene, state, count)


def _check_state(job: Job, scene: Scene, state: State, count: int) -> None:
    """The state must be one that the scene's schedule passes through."""
    height, width = scene.content.shape[-2:]
    config, plain = job.config.optimize, not job.config.paints
    scales = schedule((width, height), config)
    _same("state.scale", min(state.scale, len(scales)), state.scale)
    if state.scale < len(scales):
        _same("state.step", min(state.step, scales[state.scale].steps), state.step)
    if not state.parameters and state.scale < len(scales):
        return  # nothing was begun
    scale = scales[min(state.scale, len(scales) - 1)]
    width, height = scale.size
    shapes = [(1, 3, *sides) for sides in pyramid.sides(height, width, 1 if plain else levels(scale, config))]
    moves = [] if plain or not count else [torch.Size((count, 2))]
    _same("state.parameters.pixels", [band.shape for band in state.parameters.get("pixels", ())], shapes)
    _same("state.parameters.displacement", [m.shape for m in state.parameters.get("displacement", ())], moves)
    if state.optimizer is not None:
        own = [(band.shape, band.dtype) for group in state.parameters.values() for band in group]
        for name in ("first", "second"):
            kept = [(m.shape, m.dtype) if isinstance(m, Tensor) else m for m in state.optimizer[name]]
            _same(f"state.optimizer.{name}", kept, own)
            if not state.stopped:
                _same(f"state.optimizer.{name}", all(bool(m.isfinite().all()) for m in state.optimizer[name]), True)
    if state.generator is not None and job.config.device == "cpu":
        try:
            torch.Generator().set_state(state.generator.clone())
        except RuntimeError:
            raise InputError("state.generator is no state of the generator of random draws") from None


def _same(name: str, given: Any, wanted: Any) -> None:
    if given != wanted:
        raise InputError(f"{name} does not go with the rest")
