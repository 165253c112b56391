"""A face's own shape exaggerated, with no painting to copy a shape from (after WarpGAN, Shi, Deb and Jain, CVPR 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dst import imaging, runtime
from dst.config import AnimationConfig, ExaggerateConfig, InputError
from dst.deform.stages import WARPED_BYTES
from dst.faces import Face
from dst.faces.caricature import exaggerated
from dst.faces.face import sure_faces
from dst.imaging.strips import check_memory
from dst.warp import Warp
from dst.warp.fit import drop_folding, mend

STILL = 1e-6
"""A landmark that moves by less, in pixels, does not move."""


@dataclass(frozen=True, eq=False)
class Exaggeration:
    """An image whose faces were exaggerated.

    Attributes:
        image: the image, of the size, depth and alpha of what was given.
        warp: what was done to it; the identity at strength 0.
        faces: whose shapes were exaggerated, the largest first, as they were.
        kept: share of the displacements that was left where faces had to stay calm or the map would have folded.
        source: the image as it was.
    """

    image: imaging.Image
    warp: Warp
    faces: list[Face]
    kept: float
    source: imaging.Image

    def frames(self, count: int = AnimationConfig.count, side: int = AnimationConfig.side) -> Iterator[np.ndarray]:
        """The way there and back as frames for `dst.write_animation`: (H, W, 3) uint8 each, a loop.

        Args:
            count: how many, 2 or more.
            side: long side, pixels, where the image is larger.
        """
        checked = AnimationConfig(count=count, side=side)
        small = imaging.resize(self.source.rgb, min(checked.side, max(self.source.rgb.shape[-2:])))
        for k in range(checked.count):
            share = 0.5 - 0.5 * np.cos(2 * np.pi * k / checked.count)
            warp = self.warp.with_strength(float(share) * self.warp.strength)
            yield imaging.to_array(warp.apply(small, "bilinear").clamp(0, 1))


def exaggerate(
    image: Any, *, strength: float = ExaggerateConfig.strength, features: Mapping[str, float] | None = None
) -> Exaggeration:
    """Make the faces of an image more themselves: what differs from the mean face, in the face's own pose, is scaled.

    Eyes and mouth are moved and sized but keep their form; within a face the warp stays calm, and it folds nowhere.

    Args:
        image: whatever `dst.read_image` takes.
        strength: 0 leaves the image as it is, 1 doubles what is a face's own, -1 takes it away: the mean face.
        features: factors on the strength for `eyes`, `brows`, `nose`, `mouth` and `jaw`, such as `{"jaw": 2, "eyes": 0}`.

    Raises:
        InputError: an image that cannot be read or holds no face to rely on, a strength or a factor out of range, an unknown
            part.

    Source: the difference from the mean, as in Brennan, "Caricature Generator" (Leonardo 18(3), 1985), in place of what WarpGAN
    learns from drawings.
    """
    config = ExaggerateConfig(strength=strength, features=features)
    with runtime.computing():
        given = imaging.read(image)
        found = faces_of(given)
        return exaggerated_image(given, found, config)


def faces_of(image: imaging.Image) -> list[Face]:
    """The faces of an image that can be relied on, the largest first.

    Raises:
        InputError: there is none.
    """
    found = sure_faces(image)
    if not found:
        raise InputError(
            f"no face is found in {image.name}: give a picture of a face, seen from the front or half from the side, at least a "
            "twentieth of the picture wide"
        )
    return found


def exaggerated_image(given: imaging.Image, found: list[Face], config: ExaggerateConfig) -> Exaggeration:
    """As `exaggerate`, of an image that was read and whose faces are known."""
    check_memory(given.name, given.size, WARPED_BYTES * given.size[0] * given.size[1], "warped")
    ends = [exaggerated(face, config.strength, config.features or {}) for face in found]
    owner = np.concatenate([np.full(len(source), k) for k, (source, _) in enumerate(ends)])
    source, target = (np.concatenate(points) for points in zip(*ends, strict=True))
    inside = ((source >= 0) & (source <= np.array(given.size) - 1)).all(1)
    if np.abs(target - source)[inside].max(initial=0) < STILL:
        return Exaggeration(given, Warp.identity(given.size), found, 1.0, given)
    fitted = Warp.fit(source[inside], target[inside], given.size)
    warp = drop_folding(fitted)
    warp, _ = mend(warp, None, [owner[inside][warp.origin] == k for k in range(len(found))])
    wanted = np.linalg.norm(fitted.moved[warp.origin], axis=1).sum()
    kept = float(min(1.0, np.linalg.norm(warp.moved, axis=1).sum() / max(wanted, 1e-12)))
    return Exaggeration(replace(warp.apply(given), name=given.name), warp, found, kept, given)
