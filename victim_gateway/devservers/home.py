"""Paths under GATEWAY_HOME, and the small JSON files there."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class EmbeddedServerError(Exception):
    """An embedded server can't be started; the message is one line with the reason and the log file."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one embedded installation."""

    path: Path

    @property
    def run(self) -> Path:
        """Locks, logs and the state of what is running: safe to delete when nothing runs."""
        return self.path / "run"

    @property
    def postgres_data(self) -> Path:
        return self.path / "pg"

    @property
    def valkey_data(self) -> Path:
        return self.path / "valkey"

    @property
    def valkey_password(self) -> Path:
        """The password of Valkey, made on its first start; readable by this account only."""
        return self.path / "valkey.password"

    @property
    def valkey_config(self) -> Path:
        """What Valkey is told in a file and not in its command line, which every account can read."""
        return self.run / "valkey.conf"

    @property
    def in_use_lock(self) -> Path:
        """Lock file: shared by every process that uses the servers."""
        return self.run / "in-use.lock"

    @property
    def start_lock(self) -> Path:
        """Lock file: exclusive while a process checks for a keeper and starts one."""
        return self.run / "start.lock"

    @property
    def keeper_lock(self) -> Path:
        """Lock file: exclusive to the running keeper, as two servers on one folder would corrupt it."""
        return self.run / "keeper.lock"

    @property
    def state_file(self) -> Path:
        """The keeper's state: its pid, the ports that answer, or its error."""
        return self.run / "servers.json"

    @property
    def ports_file(self) -> Path:
        """The ports last used, taken again when they are free."""
        return self.run / "ports.json"

    def wanted_file(self, server: str) -> Path:
        """Marker file: its presence asks the keeper to run that server."""
        return self.run / f"want-{server}"

    def log_path(self, server: str) -> Path:
        return self.run / f"{server}.log"

    def create_folders(self) -> None:
        """Create the folders, for this account only, because they hold personal data."""
        try:
            for folder in (self.path, self.run):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedServerError(f"GATEWAY_HOME can't be made: {error}") from None
        if not os.access(self.run, os.W_OK):
            raise EmbeddedServerError(f"GATEWAY_HOME is not writable by this account: {self.run}")


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON document, or an empty one when it is absent or unreadable."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def write_secret(path: Path, text: str) -> None:
    """Write a file that only this account can read, in one step."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    beside.replace(path)


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(json.dumps(document), encoding="utf-8")
    beside.replace(path)
