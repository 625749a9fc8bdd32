"""Counts of waiting work."""
