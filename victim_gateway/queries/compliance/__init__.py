"""Compliance over the whole population: the set-based twin of the pure core, and what both read."""
