"""Points and options of a small, quick run that several tests make; a test of what is measured asks for `metrics`."""

import numpy as np

POINTS = np.array(
    [[20, 20, 24, 22, 1], [60, 20, 50, 18, 1], [40, 45, 33, 44, 1], [22, 40, 16, 36, 0.8], [60, 45, 56, 52, 0.5]]
)
SMALL = {
    "size": 64, "smallest_scale": 64, "steps": 2, "samples": 64, "style_samples": 64, "encoder": "vgg19-16x",
    "weights": "random", "match_size": 64, "gamma": 0.0, "splitting": 0, "metrics": False,
    "layers": ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
}  # fmt: skip

SAMPLED = {name: value for name, value in SMALL.items() if name not in ("splitting", "layers")}
"""The same for a method without a last pass; of that with one, all layers take half of the time."""
BARE = {name: value for name, value in SAMPLED.items() if "samples" not in name}
"""The same for a method that compares whole layers, not samples."""


def run(pair, **options):
    """A small run of a pair, of the points above; `points=None` has them found."""
    from dst.deform import pipeline

    options = {"points": POINTS, **{"gatys": BARE, "strotss": SAMPLED}.get(options.get("method"), SMALL), **options}
    if options["points"] is None:
        del options["points"]
    return pipeline.stylize(*pair, **options)
