"""Compliance over the whole population: the SQL equal of the pure core, and what both read."""
