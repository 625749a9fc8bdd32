"""File locks that end with the process that holds them, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class FileLock:
    """An `flock` on a small file, shared or exclusive. It ends with its process, kill -9 included.

    Children that inherit the descriptor keep the lock until the last of them has ended.
    """

    def __init__(self, path: Path) -> None:
        """The file is created when it is absent; its folder must exist."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @property
    def fd(self) -> int:
        """For `pass_fds`: a child that gets it keeps the lock alive."""
        return self._fd

    def try_exclusive(self) -> bool:
        """Take the exclusive lock. False if another process has the lock; a shared lock is then lost."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take the shared lock. False while another process has the exclusive lock."""
        return self._try(fcntl.LOCK_SH)

    def wait_exclusive(self, timeout_s: float) -> bool:
        """Retry `try_exclusive` until it succeeds or the time is up."""
        return _until(self.try_exclusive, timeout_s)

    def wait_shared(self, timeout_s: float) -> bool:
        """Retry `try_shared` until it succeeds or the time is up."""
        return _until(self.try_shared, timeout_s)

    def close(self) -> None:
        """Release the lock; safe to repeat."""
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
    """A lock on `path`, not taken yet, closed at the end of the block."""
    lock = FileLock(path)
    try:
        yield lock
    finally:
        lock.close()


def is_locked(path: Path) -> bool:
    """Whether a process has the exclusive lock. The check takes the shared lock for a moment."""
    with open_lock(path) as lock:
        return not lock.try_shared()


def _until(step: Callable[[], bool], timeout_s: float) -> bool:
    ends = time.monotonic() + timeout_s
    while not step():
        if time.monotonic() >= ends:
            return False
        time.sleep(0.05)
    return True
