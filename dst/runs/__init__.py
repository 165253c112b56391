"""A run as it is kept: its job, its checkpoint, its record, its result, its folder, and what it will cost."""
