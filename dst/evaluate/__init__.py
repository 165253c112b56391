"""Metrics of a result: how much of the style it took, how much of the content it kept, how sound its warp is."""
