"""Feed-forward networks: a style learnt once, painted in one pass."""
