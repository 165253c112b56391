"""The optimisation: one loop, coarse to fine, for every objective; its steps, its states, and what it starts from."""
