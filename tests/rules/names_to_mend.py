"""Names that still break a rule of `test_names.py`. Entries may only go: one that is true no more fails too."""

from __future__ import annotations

# A dataclass is to take the place of their arguments.
TOO_MANY_PARAMETERS: set[str] = set()

# To be renamed by what they do.
RIDDLES: set[str] = set()

# Choices are to be set in `__init__` instead.
INSIDE_A_FUNCTION: set[str] = set()

# To get a name of their own.
TWICE: set[str] = set()
