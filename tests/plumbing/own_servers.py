"""A PostgreSQL with real passwords and a Valkey, for tests of what a deployment does to servers of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.plumbing.programs import wait_until
from victim_gateway.devservers.home import Home
from victim_gateway.devservers.postgres import postgres_program
from victim_gateway.devservers.privileges import unprivileged_prefix
from victim_gateway.devservers.processes import start_child, stop_child
from victim_gateway.devservers.valkey import Valkey, server_url

_LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


@dataclass(frozen=True)
class PasswordServer:
    """A running PostgreSQL that asks everybody for a password; `postgres` is its superuser."""

    port: int
    password: str

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, account: str, database: str, password: str | None = None) -> str:
        """A URL of libpq's; the superuser's password unless another is given."""
        return f"postgresql://{account}:{password or self.password}@{self.address}/{database}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, each on its own."""
        with psycopg.connect(self.url("postgres", database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def password_server(folder: Path) -> Iterator[PasswordServer]:
    """A new PostgreSQL under `folder`, on loopback, stopped after the block."""
    data, secret, log = folder / "pg", folder / "superuser", folder / "postgres.log"
    data.mkdir(mode=0o700)
    secret.write_text("the-superusers-password\n")
    server = PasswordServer(free_port(), secret.read_text().strip())
    prefix = unprivileged_prefix(data)
    account = ["-U", "postgres", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync"]
    subprocess.run(
        [*prefix, postgres_program("initdb"), "-D", data, *account, *_LOCALE],
        check=True,
        capture_output=True,
        cwd="/",
    )
    options = {
        "port": server.port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
    }
    given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    command = [*prefix, postgres_program("postgres"), "-D", data, *given]
    child = start_child(command, log=log, at_parents_end=signal.SIGINT, cwd=Path("/"))
    try:
        wait_until(lambda: _answers(server), 60, log)
        yield server
    finally:
        stop_child(child, (signal.SIGINT, 20.0))


@contextmanager
def own_valkey(folder: Path) -> Iterator[str]:
    """The URL of a new Valkey under `folder`, stopped after the block."""
    home = Home(folder / "broker")
    home.create_folders()
    valkey = Valkey(home, 0)
    valkey.start()
    try:
        yield server_url(home, valkey.port)
    finally:
        valkey.stop()


def free_port() -> int:
    """A free port on loopback."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_group(leader: subprocess.Popen[str], patience_s: float = 20.0) -> None:
    """End a process that leads a session of its own, and everything it has started."""
    if leader.stdin is not None:
        leader.stdin.close()
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        leader.wait(patience_s)
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()


def _answers(server: PasswordServer) -> bool:
    try:
        psycopg.connect(server.url("postgres", "postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
