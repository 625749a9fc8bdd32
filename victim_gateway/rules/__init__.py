"""Decisions as plain Python: which step may follow, what fits, what is next. No database, no request."""
