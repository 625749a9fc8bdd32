"""The keeper: one small process per GATEWAY_HOME that runs the embedded servers while anyone uses them.

Users share a lock; when the last of them releases it, or is killed, the keeper stops the servers
and ends. When the keeper itself is killed, the kernel ends its servers; the next user starts another.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from victim_gateway.devservers.home import EmbeddedServerError, Home, read_json, write_json
from victim_gateway.devservers.locks import FileLock
from victim_gateway.devservers.postgres import Postgres
from victim_gateway.devservers.starting import Server
from victim_gateway.devservers.valkey import Valkey

# In the order they start; they stop in the opposite one.
SERVERS = ("postgres", "valkey")
_LOOK_EVERY_S = 0.1


class Keeper:
    """Start the wanted servers, restart those that end, and write their ports to the state file."""

    def __init__(self, home: Home, *, durable: bool) -> None:
        """`durable` false: see Postgres."""
        self._home, self._durable = home, durable
        self._running: dict[str, Server] = {}
        self._in_use = FileLock(home.in_use_lock)
        self._stop_requested = False

    def run_servers(self) -> None:
        """Run the servers until a stop signal, or until no process uses them any more."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            while not self._stop_requested:
                self._look_after_servers()
                # With the exclusive lock no user is left, and new ones wait until this process has ended.
                if self._in_use.try_exclusive():
                    break
                time.sleep(_LOOK_EVERY_S)
        except EmbeddedServerError as error:
            write_json(self._home.state_file, {"keeper": os.getpid(), "error": str(error)})
            raise SystemExit(1) from None
        finally:
            self._stop_servers()
        self._home.state_file.unlink(missing_ok=True)

    def _stop(self, *_: object) -> None:
        self._stop_requested = True

    def _look_after_servers(self) -> None:
        for name in SERVERS:
            server = self._running.get(name)
            if server is not None and server.is_alive():
                continue
            if server is None:
                if not self._home.wanted_file(name).exists():
                    continue
                server = self._make(name)
            server.start()
            self._running[name] = server
            self._tell()

    def _make(self, name: str) -> Server:
        last_port = int(read_json(self._home.ports_file).get(name, 0))
        if name == "postgres":
            return Postgres(self._home, last_port, durable=self._durable)
        return Valkey(self._home, last_port)

    def _tell(self) -> None:
        ports = {name: server.port for name, server in self._running.items()}
        write_json(self._home.ports_file, read_json(self._home.ports_file) | ports)
        write_json(self._home.state_file, {"keeper": os.getpid(), "ports": ports})

    def _stop_servers(self) -> None:
        for name in reversed(SERVERS):
            self._home.wanted_file(name).unlink(missing_ok=True)
            if name in self._running:
                self._running[name].stop()


def run_keeper(arguments: list[str]) -> None:
    """Run the keeper of a home. Arguments: the home, and `durable` or `fast`. Ends at once if one is running."""
    home = Home(Path(arguments[0]))
    lock = FileLock(home.keeper_lock)
    # a process that checks for a keeper takes the lock for a moment
    if lock.wait_exclusive(1.0):
        Keeper(home, durable=arguments[1] == "durable").run_servers()


if __name__ == "__main__":
    run_keeper(sys.argv[1:])
