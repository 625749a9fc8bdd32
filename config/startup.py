"""Ends a program that can't start because of a setting: one line on standard error, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from config.reading import SettingsError

WRONG_USE = 2
# The only status but 3 at which gunicorn stops instead of starting its workers again, for ever.
GUNICORN_STOPS = 4


@contextmanager
def exit_on_wrong_setting(status: int = WRONG_USE) -> Iterator[None]:
    """End the process with `status` and the error's one line when the block raises SettingsError."""
    try:
        yield
    except SettingsError as error:
        sys.stderr.write(f"victim-gateway: {error}\n")
        sys.stderr.flush()
        raise SystemExit(status) from None
