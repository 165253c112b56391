"""Matches for a run: found or read, edited by hand, judged, and the warp that they ask for."""

from __future__ import annotations

import bisect
import logging
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

import correspondence
from correspondence.common import MatchError
from correspondence.drawing import draw
from correspondence.matcher import MIN_SIDE
from correspondence.matches import MIN_POINTS, Matches, check_points
from dst import imaging
from dst.config import InputError, StylizeConfig, counted, option_fields
from dst.deform.edits import add_pins, drop_matches
from dst.deform.faces import match_faces
from dst.deform.fitting import Fitted, fit_warp
from dst.deform.inputs import Inputs
from dst.faces.face import sure_faces
from dst.faces.shape import landmarks
from dst.features import LEVELS, Encoder

log = logging.getLogger(__name__)
ADVICE = "look at the plot of the matches, drop wrong ones, pin right ones, or give points"
"""What to try where the matches are of little confidence."""
INSTEAD = "give points, pin some, or take a painting of a like subject in a like pose"
"""What to try where they cannot be relied on."""


@dataclass(frozen=True)
class Plan:
    """What the warp starts from.

    Attributes:
        matches: those found or given and then edited, in pixels of the displayed images; None where none were wanted.
        fitted: the warp that they ask for; None for plain style transfer.
        verdict: one sentence on the matches, or on why there is no warp.
    """

    matches: Matches | None
    fitted: Fitted | None
    verdict: str


def find_matches(content: imaging.Image, style: imaging.Image, encoder: Encoder, config: StylizeConfig) -> Matches:
    """Neural Best-Buddies on the encoder's five levels; points in pixels of the displayed images."""

    def encode(image: Tensor, deepest: int) -> list[Tensor]:
        return [level.cpu() for level in encoder(image.to(config.device), LEVELS[:deepest]).values()]

    prior = None if config.match.faces == "off" else _landmark_matches(content, style, encoder, config)
    if config.match.faces == "only":
        if prior is None:
            names = [image.name for image in (content, style) if not sure_faces(image)]
            raise InputError(
                f"--faces is only, but no face is found in {' and '.join(names)}: give others, or --faces auto"
            )
        return prior
    side = config.match.match_size
    small = [imaging.resize(image.rgb, min(side, 4 * max(image.size)), image.size) for image in (content, style)]
    return correspondence.match(
        small[0],
        small[1],
        encode,
        content_size=content.size,
        style_size=style.size,
        max_points=config.match.max_points,
        threshold=config.match.threshold,
        spacing=config.match.spacing,
        clusters=config.match.clusters,
        generator=np.random.default_rng(config.seed),
        prior=prior,
    )


def _landmark_matches(
    content: imaging.Image, style: imaging.Image, encoder: Encoder, config: StylizeConfig
) -> Matches | None:
    """The landmarks that two images' faces share, `max_points` at most, from all over the face; None where they are too few."""
    pair = match_faces(content, style, encoder, config.match.pose, config.device, config.match.face)
    log.debug("no face to match in both images" if pair is None else pair.sentence())
    if pair is None or len(pair.matches) < MIN_POINTS:
        return None
    count = min(config.match.max_points, len(pair.matches))
    return pair.matches.subset(np.linspace(0, len(pair.matches) - 1, count).round().astype(int))


def read_points(points: Any, content_size: tuple[int, int], style_size: tuple[int, int] | None) -> Matches:
    """Matches from a points.csv or points.json, an array (N, 4 or 5), or Matches, checked against the images' sizes.

    Matches and a points.json that carry sizes are resized to those of the images, and keep their pins and confidence.

    Raises:
        InputError: a file that cannot be read, an array of another shape, or points that cannot be used.
    """
    try:
        if isinstance(points, (str, os.PathLike)) and not str(points).lower().endswith(".json"):
            return Matches.from_csv(points, content_size, style_size)
        if isinstance(points, (str, os.PathLike, Matches)):
            found = points if isinstance(points, Matches) else Matches.from_json(points)
            found = found.for_sizes(content_size, style_size)
            check_points(found, "points" if isinstance(points, Matches) else points, None)
            return found
        table = np.asarray(points, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] not in (4, 5):
            raise InputError(
                f"points have shape {table.shape}: give (N, 4) or (N, 5), content x, y, style x, y and perhaps a score"
            )
        scores = table[:, 4] if table.shape[1] == 5 else None
        found = Matches(table[:, :2], table[:, 2:4], scores, content_size, style_size)
        check_points(found, "points", None)
        return found
    except InputError:
        raise
    except (MatchError, TypeError, ValueError) as error:
        raise InputError(
            str(error) if isinstance(error, MatchError) else f"points are not numbers ({error})"
        ) from error


def judge(matches: Matches, config: StylizeConfig) -> tuple[bool, str]:
    """Whether matches can be relied on to warp an image, and one sentence on them."""
    if narrow := _narrow(matches, config.match.match_size):
        return False, narrow
    usable, verdict = correspondence.reliable(matches)
    if usable and len(matches) < config.warp.min_matches:
        return False, f"{len(matches)} reliable matches, fewer than {config.warp.min_matches}"
    return usable, verdict


def edited(found: Matches, config: StylizeConfig) -> tuple[Matches, bool, str]:
    """Matches as a run uses them: without the dropped ones, judged, with the pins put first.

    Where the rest cannot be relied on, the pins are taken alone.

    Returns:
        The matches; whether they can be relied on to warp an image; one sentence on them.
    """
    pins, drop = np.array(config.guidance.pins or ()), config.guidance.drop or ()
    left = drop_matches(found, drop)
    usable, verdict = judge(left, config)
    matches = add_pins(left, pins)
    if len(pins) and not usable:
        matches, usable = matches.subset(matches.pinned), len(pins) >= MIN_POINTS
        verdict = f"{verdict}; only the {counted(len(pins), 'pin')} {'is' if len(pins) == 1 else 'are'} used{_too_few(matches)}"
    return matches, usable, verdict + _landmarks(matches) + _by_hand(config)


def _landmarks(matches: Matches) -> str:
    count = int(landmarks(matches.source).sum())
    return f"; {count} of them are landmarks of a face" if count else ""


def _too_few(matches: Matches) -> str:
    return "" if len(matches) >= MIN_POINTS else f", fewer than the {MIN_POINTS} that a warp takes"


def _by_hand(config: StylizeConfig) -> str:
    pins, drop = len(config.guidance.pins or ()), len(config.guidance.drop or ())
    edits = [f"{count} {what}" for count, what in ((drop, "dropped"), (pins, "pinned")) if count]
    return f" ({', '.join(edits)} by hand)" if edits else ""


def _short_side(size: tuple[int, int], side: int) -> int:
    return min(imaging.fit_size(size, min(side, 4 * max(size))))


def _narrow(matches: Matches, side: int) -> str:
    """What is said of an image that is too narrow to be matched, by how much and what would do; nothing where none is."""
    sizes = () if len(matches) else (matches.content_size, matches.style_size)
    size = next((size for size in sizes if size is not None and _short_side(size, side) < MIN_SIDE), None)
    if size is None:
        return ""
    high = option_fields()["match_size"].metadata["kind"].high
    enough = bisect.bisect_left(range(high + 1), MIN_SIDE, lo=side, key=lambda s: _short_side(size, s))
    advice = f"a matching size of {enough} would do" if enough <= high else "crop it"
    found = f"{_short_side(size, side)} pixels wide at {side}, and matching needs {MIN_SIDE}"
    return f"an image of {size[0]} x {size[1]} is {found}: {advice}"


def plan_warp(inputs: Inputs, given: Matches | None, warp: bool, encoder: Encoder, config: StylizeConfig) -> Plan:
    """Find or take the matches, edit them, and fit the warp that they ask for.

    Args:
        inputs: the images.
        given: matches to use as they are; None to look for some.
        warp: False for plain style transfer.
        encoder: the feature network.
        config: the options.

    Raises:
        InputError: points that were given, or pins, and that no warp can be fitted to.
    """
    if not warp:
        return Plan(None, None, "no warp was asked for: plain style transfer")
    pins = config.guidance.pins
    if given is None:
        found = find_matches(inputs.content, inputs.partner, encoder, config)
        if inputs.segmentation is not None and inputs.geometry is None:
            found = found.subset(inputs.segmentation.agreeing(found))
        matches, usable, verdict = edited(found, config)
    else:
        matches = add_pins(drop_matches(given, config.guidance.drop or ()), np.array(pins or ()))
        verdict = f"{len(given)} points given{_by_hand(config)}{_too_few(matches)}"
        usable = len(matches) >= MIN_POINTS
    if not usable:
        instead = "" if _narrow(matches, config.match.match_size) else f"; {INSTEAD}"
        return Plan(matches, None, f"{verdict}: plain style transfer{instead}")
    if config.warp.warp_strength == 0:
        return Plan(matches, None, f"{verdict}; warp_strength is 0: plain style transfer")
    try:
        fitted = fit_warp(matches, config.warp.warp_strength, config.warp.beta, config.warp.gamma, inputs.mask)
    except InputError as error:
        if given is not None or pins is not None:
            raise
        return Plan(matches, None, f"{verdict}, but no smooth warp fits ({error}): plain style transfer; {INSTEAD}")
    if fitted.softened < 0.995:
        verdict += f"; of little confidence, so the warp is softened to {fitted.softened:.0%}: {ADVICE}"
    return Plan(matches, fitted, verdict)


def draw_matches(matches: Matches, content: Tensor, style: Tensor, side: int | None = None) -> np.ndarray:
    """Matches over both images (1, 3, H, W), side by side, with rulers in pixels of the images' files: (H', W', 3) uint8.

    Args:
        matches: with their sizes.
        content, style: the images.
        side: long side that larger images are first brought to; None for none.
    """
    images = [x if side is None else imaging.resize(x, min(side, max(x.shape[-2:]))) for x in (content, style)]
    sized = matches.resized(*((image.shape[3], image.shape[2]) for image in images))
    sizes = matches.content_size, matches.style_size
    return draw(*(imaging.to_array(image) for image in images), sized, sizes=sizes)
