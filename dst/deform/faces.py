"""Faces matched by their landmarks: which face goes with which, each group of landmarks checked by the features."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from correspondence.features import normalise
from correspondence.frame import sample
from correspondence.matches import Matches
from correspondence.similarity import fit_similarity
from dst import imaging
from dst.config import InputError, counted
from dst.faces import Face, shape
from dst.faces.face import sure_faces
from dst.faces.shape import GROUPS, own_form
from dst.features import LEVELS, Encoder

CROP, UNIT = 256, 56.0
"""Side of the upright views in which features are compared, pixels, and pixels of a unit of the mean face there."""
REACH, STRIDE = 40, 4
"""How far, in pixels of a view, and in what steps a group is looked for about its place."""
SHARES = {2: 0.2, 3: 0.4, 4: 0.4}
"""What the levels (0 for relu1_1) count for."""
FAR = 0.15
"""What a place at the end of the reach must be closer by, to be as good: mean cosine."""
NEAR, GAIN = 8.5, 0.13
"""A group stays where it is unless it fits better by `GAIN` more than `NEAR` pixels of a view away."""
LEAST, ENOUGH = 0.12, 0.37
"""Mean cosine under which nothing speaks for a group, so that it is left out, and from which another place is good enough."""
CLOSEST = 0.012
"""Landmarks of a pair of faces are at least this far apart, share of the images' long sides: of small faces, fewer are used."""
FOLLOWS = {"left brow": "left eye", "right brow": "right eye", "chin": "mouth"}
"""Groups that move with another and are not looked for: chins have few features of their own, and brows are mistaken for lids."""
STAYS = ("nose",)
"""Groups that are not looked for elsewhere: no mesh was seen to lose the nose, and beards and shadows look like it."""
MOST = 1.4
"""Eyes and mouth grow or shrink by no more than this beside the rest of the face."""
FAINT = 0.3
"""The score of a group that follows another, over a face's confidence, where nothing speaks for it."""


@dataclass(frozen=True)
class FacePair:
    """Two faces and what is made of them.

    Attributes:
        content, style: the faces.
        matches: of their landmarks, each with its group's name as `source`; `shift` holds what is pose or expression.
        points: the landmarks of both as corrected, (468, 3) each, pixels.
        moved: groups whose landmarks in the style, or in the content where that face is the less sure, were corrected.
        dropped: groups left out, since no place fits.
    """

    content: Face
    style: Face
    matches: Matches
    points: tuple[np.ndarray, np.ndarray]
    moved: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def sentence(self) -> str:
        """What was used, in a few words."""
        edits = [
            f"{', '.join(names)} {what}"
            for names, what in ((self.moved, "corrected"), (self.dropped, "left out"))
            if names
        ]
        return f"faces matched by {len(self.matches)} landmarks" + (f" ({'; '.join(edits)})" if edits else "")


def match_faces(
    content: imaging.Image,
    style: imaging.Image,
    encoder: Encoder,
    pose: str,
    device: str,
    chosen: tuple[int, int] | None = None,
) -> FacePair | None:
    """The landmarks that the best pair of faces of two images share; None where one of them has no face to rely on.

    Args:
        content, style: the images.
        encoder: whose features vote on each group.
        pose: `keep` or `follow`, as the option.
        device: where the encoder is.
        chosen: the numbers of the faces that go together, of those to rely on, the largest first, from 1; None for the best pair.

    Raises:
        InputError: there is no face of such a number.
    """
    mine = sure_faces(content)
    theirs = sure_faces(style) if mine else []
    if chosen is not None:
        for number, found, image in zip(chosen, (mine, theirs), (content, style), strict=True):
            if number > len(found):
                has = f"{counted(len(found), 'face')} that can be relied on"
                what = "give another number" if found else "give an image with a face, or leave out --face"
                raise InputError(f"face {number} of {image.name} is asked for, but it has {has}: {what}")
        mine, theirs = [mine[chosen[0] - 1]], [theirs[chosen[1] - 1]]
    if not theirs:
        return None
    pairs = [(a, b) for a in mine for b in theirs]
    a, b = max(pairs, key=lambda pair: _closeness(*pair, content.size, style.size))
    return _vote(a, b, content, style, encoder, pose, device)


def _closeness(a: Face, b: Face, *sizes: tuple[int, int]) -> float:
    """How well two faces go together: both large and sure, and at like places of their images."""
    places = [np.array(face.centre) / max(size) for face, size in zip((a, b), sizes, strict=True)]
    shares = [face.size / max(size) for face, size in zip((a, b), sizes, strict=True)]
    return float(
        np.sqrt(shares[0] * shares[1]) * a.confidence * b.confidence - 0.2 * np.linalg.norm(places[0] - places[1])
    )


class _View:
    """A face seen upright, at the size of the mean face, and its deep features."""

    def __init__(self, face: Face, image: imaging.Image, encoder: Encoder, device: str) -> None:
        zoom = np.array([image.rgb.shape[3], image.rgb.shape[2]]) / image.size
        points = (face.points[:, :2] + 0.5) * zoom - 0.5
        scale, self.rotation, self.centre = fit_similarity(shape.MEAN[:, :2], points)
        self.zoom = scale / UNIT
        axis = np.arange(CROP) - (CROP - 1) / 2
        grid = np.stack(np.meshgrid(axis, axis), -1)
        shown, _ = sample(image.rgb, self.zoom * grid @ self.rotation.T + self.centre)
        self.points = (points - self.centre) @ self.rotation / self.zoom + (CROP - 1) / 2
        self.unit = self.rotation * self.zoom / zoom[:, None]  # a step in the view, in pixels of the image as displayed
        maps = list(encoder(shown.to(device), LEVELS).values())
        self.maps = [(share, normalise(maps[k], torch.ones_like(maps[k][:, :1])).cpu()) for k, share in SHARES.items()]

    def at(self, places: np.ndarray) -> Tensor:
        """Features at places (n, 2) of the view: (n, C), their products weighted sums of cosines."""
        grid = torch.tensor((places + 0.5) * 2 / CROP - 1, dtype=torch.float32).view(1, 1, -1, 2)
        parts = []
        for share, values in self.maps:
            found = F.grid_sample(values, grid, padding_mode="border", align_corners=False)[0, :, 0].T
            parts.append(share**0.5 * F.normalize(found, dim=1))
        return torch.cat(parts, 1)


STEPS = np.stack(np.meshgrid(*[np.arange(-REACH, REACH + 1, STRIDE)] * 2), -1).reshape(-1, 2)
"""Where a group is looked for about its place, (n, 2), pixels of a view."""


def _vote(
    a: Face, b: Face, content: imaging.Image, style: imaging.Image, encoder: Encoder, pose: str, device: str
) -> FacePair:
    """The landmarks of two faces, each group checked: where the other face's features are like its own."""
    with torch.no_grad():
        mine, theirs = _View(a, content, encoder, device), _View(b, style, encoder, device)
        found: dict[str, tuple[np.ndarray, bool]] = {}
        for name, rows in GROUPS.items():
            first = found[FOLLOWS[name]][0] if name in FOLLOWS else np.zeros(2)
            found[name] = _place(mine, theirs, np.array(rows), first, name not in (*FOLLOWS, *STAYS))
    points, moved, dropped = [a.points.copy(), b.points.copy()], [], []
    surer = 0 if a.confidence >= b.confidence else 1
    for name, (step, fits) in found.items():
        if not fits and name not in FOLLOWS:
            dropped.append(name)
        elif step.any():
            moved.append(name)
            view, sign = (theirs, 1) if surer == 0 else (mine, -1)
            points[1 - surer][list(GROUPS[name]), :2] += sign * step @ view.unit.T
    target = points[1][:, :2] if pose == "follow" else _posed(points[0], points[1])
    rows = [(k, name) for name, group in GROUPS.items() if name not in dropped for k in group]
    index, names = np.array([k for k, _ in rows], int), np.array([name for _, name in rows], str)
    every, source = list(itertools.chain(*GROUPS.values())), points[0][:, :2]
    target = own_form(source, target, fit_similarity(source[every], target[every])[0], MOST)
    sizes = {"content_size": content.size, "style_size": style.size}
    faint = np.array([FAINT if name in FOLLOWS and not found[name][1] else 1.0 for name in names])
    scores, shift = faint * min(a.confidence, b.confidence), (target - points[1][:, :2])[index]
    matches = Matches(points[0][index, :2], points[1][index, :2], scores, **sizes, source=names, shift=shift)
    matches = replace(matches, confidence=float(min(a.confidence, b.confidence)))
    return FacePair(a, b, matches.subset(_usable(matches)), (points[0], points[1]), tuple(moved), tuple(dropped))


def _place(mine: _View, theirs: _View, rows: np.ndarray, first: np.ndarray, search: bool) -> tuple[np.ndarray, bool]:
    """How far a group has to be moved in the other view, (2,) pixels, and whether anything speaks for it there.

    `first`: how far it is moved unless its features ask for another place; `search`: whether one is looked for.
    """
    wanted = mine.at(mine.points[rows])
    places = (theirs.points[rows] + first + STEPS[:, None]).reshape(-1, 2)
    values = (theirs.at(places).view(len(STEPS), len(rows), -1) * wanted).sum(2).mean(1).numpy()
    worth = values - FAR * (STEPS**2).sum(1) / REACH**2
    here, best = float(values[(STEPS == 0).all(1)][0]), int(worth.argmax())
    step = STEPS[best].astype(float)
    if search and np.linalg.norm(step) > NEAR and worth[best] > here + GAIN and values[best] > ENOUGH:
        return first + step, True
    return first, here > LEAST


def _posed(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Where a face's landmarks would be in its image, (468, 2), were the head turned as the other face's."""
    scale, rotation, shift = fit_similarity(theirs, mine)
    turned = (scale * theirs @ rotation.T + shift)[:, :2]  # in the other face's image and pose
    scale, flat, shift = fit_similarity(turned, theirs[:, :2])
    return scale * turned @ flat.T + shift


def _usable(matches: Matches) -> np.ndarray:
    """Landmarks inside both images, and not closer together than the warp can use: bool (N,)."""
    keep = np.ones(len(matches), bool)
    for points, size in ((matches.content, matches.content_size), (matches.style, matches.style_size)):
        keep &= ((points >= 0) & (points <= np.array(size) - 1)).all(1)
    for k in np.flatnonzero(keep):
        for points, size in ((matches.content, matches.content_size), (matches.style, matches.style_size)):
            near = np.linalg.norm(points[:k][keep[:k]] - points[k], axis=1) < CLOSEST * max(size)
            keep[k] &= not near.any()
    return keep
