"""Work that waits, as counts."""
