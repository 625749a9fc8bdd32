"""Privacy: the audit kept whole and verified."""
