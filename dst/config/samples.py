"""The sample images that come with the toolkit."""

SAMPLES = ("oval", "ink", "facets")
"""Names of the drawn style images; the first is the demo's."""
