"""The clock by which a request begins in time: it goes on while the machine sleeps, and nobody sets it."""

from __future__ import annotations

import time


def clock_s() -> float:
    """Seconds since the machine started, those in which it slept too; without such a clock, those it was awake."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)
