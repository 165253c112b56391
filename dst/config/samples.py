"""The sample images that come with the toolkit."""

SAMPLES = (
    "oval", "ink", "facets", "woodcut", "mosaic", "glass", "points", "charcoal", "poster", "watercolour", "impasto", "print",
)  # fmt: skip
"""Names of the drawn style images; the first is the demo's."""
