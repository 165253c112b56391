"""The tasks of generation from one image, and the methods that do them: one vocabulary for patches and networks."""

from __future__ import annotations

TASKS = {
    "sample": "new pictures of any size and aspect with the image's patches",
    "retarget": "the image wider or taller, its objects keeping their shapes",
    "harmonise": "an object that was pasted into a copy of the image, under a mask, made to belong",
    "edit": "an image whose parts were moved about, made seamless",
    "inpaint": "a hole, under a mask, filled",
    "paint-to-image": "a flat painting of the image's things made a picture of its kind",
    "style": "the layout of another picture in the image's patches",
    "super-resolve": "the image enlarged, its detail learnt from itself",
    "animate": "a short loop of the image in motion",
}
"""What `dst one-image` and `dst singan` do, in this order and under these names everywhere."""
METHODS = ("gpnn", "gpdm", "singan")
"""Nearest patches; sliced distribution of patches; a pyramid of trained generators."""
