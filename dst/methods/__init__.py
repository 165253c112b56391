"""Stylisation methods: one file each, what it compares and how."""
