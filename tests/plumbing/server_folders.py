"""Where the servers of the tests keep their files: in memory where there is enough of it, else on disk."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psutil

from victim_gateway.devservers.home import Home
from victim_gateway.devservers.locks import FileLock

_CHOSEN = "TESTS_SERVERS_FOLDER"
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  each run has a folder of its own in it, for this account only
# A whole run writes 5 GB of databases and logs, of which only a part is there at any one time.
_NEEDED_BYTES = 4 * 1024**3
_PREFIX = "victim-gateway-tests-"
_LEFT_OVER_AFTER_S = 600


def choose_servers_folder() -> None:
    """Choose once for all processes of a run, which inherit the choice; who sets the variable has chosen.

    A fresh database is a copy of more than 800 files: on disk that takes ten times as long as in memory.
    """
    if _CHOSEN not in os.environ:
        remove_left_over_homes(_IN_MEMORY)
        os.environ[_CHOSEN] = str(_IN_MEMORY if _has_room() else tempfile.gettempdir())


def servers_home(run: str) -> Path:
    """The folder of the servers of one run of the tests."""
    return Path(os.environ[_CHOSEN]) / f"{_PREFIX}{run}"


def _has_room() -> bool:
    """Whether memory holds it: containers often have a small `/dev/shm`, or none."""
    if not _IN_MEMORY.is_dir() or psutil.virtual_memory().available < 2 * _NEEDED_BYTES:
        return False
    return os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free >= _NEEDED_BYTES


def remove_left_over_homes(of: Path) -> None:
    """Remove what runs that were killed have left in the folder; what is in use stays."""
    for folder in of.glob(f"{_PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < _LEFT_OVER_AFTER_S:
                continue
            with closing(FileLock(Home(folder).in_use_lock)) as lock:
                unused = lock.try_exclusive()
        except OSError:
            # of another account, or removed by another run just now
            continue
        if unused:
            shutil.rmtree(folder, ignore_errors=True)
