"""The columns of `dst evaluate`: what each metric means, and which direction is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One column.

    Attributes:
        meaning: a few words.
        better: "lower" or "higher"; empty where neither is.
        encoder: whether it is measured by the features of an encoder, and compared only with what the same one measured.
    """

    meaning: str
    better: str = ""
    encoder: bool = False

    @property
    def sentence(self) -> str:
        """The meaning, and the direction where there is one."""
        return f"{self.meaning}; {self.better} is better" if self.better else self.meaning


METRICS = {
    "style_distance": Metric(
        "distance of features and palette from the style's, much as the method strotss minimises it", "lower", True
    ),
    "content_distance": Metric(
        "difference of self-similarity to the warped content, as strotss minimises it", "lower", True
    ),
    "ssim": Metric("structural similarity to the warped content, -1 to 1", "higher"),
    "folded_share": Metric("share of the image where the warp folds; 0 is sound"),
    "min_jacobian": Metric("least local change of area by the warp, 1 for none; 0 and less is a fold"),
    "max_jacobian": Metric("greatest local change of area by the warp, 1 for none"),
    "bending_energy": Metric("how much the warp bends, 0 for an affine one"),
    "crossing_share": Metric("share of the pairs of keypoints whose paths to their targets cross; 0 is sound"),
    "border_error": Metric("how much less like the style the outer 4% is than the inside", "lower", True),
}
"""What a run's record holds, measured when the run ended, by the run's own encoder (`dst.evaluate.metrics`)."""

QUALITY = {
    "patch_distance": Metric("distance of 7 x 7 patches from the style's: strokes and colours", "lower"),
    "feature_distance": Metric("distance of features from the style's: texture and shapes", "lower", True),
    "self_similarity_distance": Metric("how much of the warped content's structure is lost, 0 to 2", "lower", True),
    "palette_distance": Metric("distance of colours from the style's, in CIELAB", "lower"),
    "chroma_noise": Metric("coloured speckle where the content is smooth; compare with chroma_grain", "lower"),
    "chroma_grain": Metric("the same of the style by itself: what a result may well have"),
}
"""What is measured from the images in a run's folder, and no optimiser here minimises (`dst.evaluate.quality`)."""

ONE_IMAGE = {
    "sifid": Metric("distance of features from the source's, as Gaussians; by the project's encoder", "lower", True),
    "patch_swd": Metric("sliced distance of 7 x 7 patches from the source's", "lower"),
    "diversity": Metric("standard deviation of a pixel over several pictures, in units of the source's own"),
    "patch_share": Metric("share of the 7 x 7 patches that exist in the source"),
    "coverage": Metric("share of the source's 7 x 7 patches that exist in the picture"),
    "largest_piece": Metric("largest area copied as one piece, as a share of the source"),
}
"""Of pictures made from the patches of one image (`dst.evaluate.one_image`)."""
