"""File locks that end with the process that holds them, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class FileLock:
    """An `flock` on a small file: shared by many or held by one. Dies with its holder, kill -9 included.

    Children that inherit the descriptor hold it too, until the last of them has ended.
    """

    def __init__(self, path: Path) -> None:
        """The file is created when it is absent; its folder must exist."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @property
    def fd(self) -> int:
        """For `pass_fds`: a child that gets it keeps the lock alive."""
        return self._fd

    def try_exclusive(self) -> bool:
        """Take it for this holder only. False, and whatever was held is lost, if anyone else has it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take it together with others. False while one holder has it alone."""
        return self._try(fcntl.LOCK_SH)

    def wait_exclusive(self, timeout_s: float) -> bool:
        """Like `try_alone`, again and again for so long."""
        return _until(self.try_exclusive, timeout_s)

    def wait_shared(self, timeout_s: float) -> bool:
        """Like `try_shared`, again and again for so long."""
        return _until(self.try_shared, timeout_s)

    def close(self) -> None:
        """Let go. Twice does no harm."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _try(self, how: int) -> bool:
        try:
            fcntl.flock(self._fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def open_lock(path: Path) -> Iterator[FileLock]:
    """A lock on `path`, not taken yet, let go at the end."""
    lock = FileLock(path)
    try:
        yield lock
    finally:
        lock.close()


def is_locked(path: Path) -> bool:
    """Whether somebody has the lock alone. It is taken for a moment, together with others who ask."""
    with open_lock(path) as lock:
        return not lock.try_shared()


def _until(step: Callable[[], bool], timeout_s: float) -> bool:
    ends = time.monotonic() + timeout_s
    while not step():
        if time.monotonic() >= ends:
            return False
        time.sleep(0.05)
    return True
