"""What comes with the toolkit to try it on."""

SAMPLES = ("oval", "ink", "facets")
"""Names of the drawn style images; the first is the demo's."""
