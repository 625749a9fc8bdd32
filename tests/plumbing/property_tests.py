"""How many examples a property test tries: few on a developer's machine, many in CI."""

from __future__ import annotations

import os

_SHARE_OUTSIDE_CI = 10


def examples(in_ci: int) -> int:
    """The number for `max_examples`: all where CI is set, a tenth of them elsewhere, never under 20."""
    return in_ci if os.environ.get("CI") else max(in_ci // _SHARE_OUTSIDE_CI, min(in_ci, 20))
