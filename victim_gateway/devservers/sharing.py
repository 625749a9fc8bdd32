"""The user's side of the embedded servers: join them, start their keeper if there is none, leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from config import Settings
from victim_gateway.devservers.home import EmbeddedServerError, Home, read_json
from victim_gateway.devservers.locks import FileLock, is_locked, open_lock
from victim_gateway.devservers.postgres import APP_USER, DATABASE, OWNER
from victim_gateway.devservers.starting import HOST
from victim_gateway.devservers.valkey import server_url

# a module name, not an import: it runs as a separate program
_KEEPER = "victim_gateway.devservers.keeper"
# Keepers that this process has started; they may outlive it.
_keepers: list[subprocess.Popen[bytes]] = []
_PROJECT = Path(__file__).resolve().parents[2]
_JOIN_PATIENCE_S = 60.0
_START_PATIENCE_S = 150.0
_LEAVE_PATIENCE_S = 30.0


class SharedServers:
    """One process's use of the servers it needs. Leaving the block stops them if no other process uses them."""

    def __init__(self, settings: Settings) -> None:
        """Needs only the servers that `settings` does not name; does nothing when both are named."""
        self._given = settings
        self._home = Home(settings.home)
        self._needed = [
            *([] if settings.database_url else ["postgres"]),
            *([] if settings.redis_url else ["valkey"]),
        ]
        self._hold: FileLock | None = None
        self.settings = settings

    @property
    def lock_fds(self) -> tuple[int, ...]:
        """Descriptors for children to inherit, so that the servers last until they too have ended."""
        return (self._hold.fd,) if self._hold else ()

    def __enter__(self) -> Self:
        if self._needed:
            self._home.create_folders()
            self._hold = FileLock(self._home.in_use_lock)
            try:
                self._join()
            except BaseException:
                self._leave()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def ensure_running(self) -> None:
        """Start the keeper again if it has been killed; on the same ports as before, if they are free."""
        if self._needed and not is_locked(self._home.keeper_lock):
            self._start()

    def _join(self) -> None:
        if self._hold is None or not self._hold.wait_shared(_JOIN_PATIENCE_S):
            raise EmbeddedServerError(f"the embedded servers under {self._home.path} do not finish stopping")
        self._start()

    def _start(self) -> None:
        with open_lock(self._home.start_lock) as starting:
            if not starting.wait_exclusive(_START_PATIENCE_S):
                raise EmbeddedServerError(
                    f"the servers under {self._home.path} are being started, for too long"
                )
            for name in self._needed:
                self._home.wanted_file(name).touch()
            ports = self._wait_for_ports()
        self.settings = _filled(self._given, self._home, ports)

    def _wait_for_ports(self) -> dict[str, int]:
        ends = time.monotonic() + _START_PATIENCE_S
        child: subprocess.Popen[bytes] | None = None
        while time.monotonic() < ends:
            if not is_locked(self._home.keeper_lock) and (child is None or child.poll() is not None):
                if child is not None:
                    self._explain_failure()
                child = self._spawn_keeper()
            ports = read_json(self._home.state_file).get("ports", {})
            if is_locked(self._home.keeper_lock) and all(name in ports for name in self._needed):
                return {name: int(port) for name, port in ports.items()}
            time.sleep(0.05)
        raise EmbeddedServerError(f"the embedded servers do not start: see {self._home.run}")

    def _spawn_keeper(self) -> subprocess.Popen[bytes]:
        self._home.state_file.unlink(missing_ok=True)
        durable = "fast" if self._given.env == "test" else "durable"
        command = [sys.executable, "-m", _KEEPER, str(self._home.path), durable]
        with self._home.log_path("keeper").open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=_PROJECT,
                start_new_session=True,
            )
        _keepers.append(child)
        return child

    def _explain_failure(self) -> None:
        unknown = f"the keeper of the embedded servers ended: see {self._home.log_path('keeper')}"
        raise EmbeddedServerError(str(read_json(self._home.state_file).get("error", unknown)))

    def _leave(self) -> None:
        """Release the servers. The last user waits until they have stopped; after a kill the keeper stops them."""
        if self._hold is None:
            return
        try:
            if self._hold.try_exclusive():
                self._stop_keeper()
        finally:
            self._hold.close()
            self._hold = None
            _collect_keepers()

    def _stop_keeper(self) -> None:
        pid = read_json(self._home.state_file).get("keeper")
        if not pid or not is_locked(self._home.keeper_lock):
            return
        try:
            os.kill(int(pid), signal.SIGTERM)
        except ProcessLookupError:
            return
        ends = time.monotonic() + _LEAVE_PATIENCE_S
        while is_locked(self._home.keeper_lock) and time.monotonic() < ends:
            time.sleep(0.05)


def _collect_keepers() -> None:
    _keepers[:] = [keeper for keeper in _keepers if keeper.poll() is None]


def _filled(settings: Settings, home: Home, ports: dict[str, int]) -> Settings:
    if "postgres" in ports and not settings.database_url:
        place = f"{HOST}:{ports['postgres']}/{DATABASE}"
        settings = replace(
            settings,
            database_url=f"postgresql+psycopg://{APP_USER}@{place}",
            database_owner_url=settings.database_owner_url or f"postgresql+psycopg://{OWNER}@{place}",
        )
    if "valkey" in ports and not settings.redis_url:
        settings = replace(settings, redis_url=server_url(home, ports["valkey"]))
    return settings
