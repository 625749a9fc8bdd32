"""What a larger deployment adds, as servers of a test's own: a replica, PgBouncer, RabbitMQ.

PgBouncer and RabbitMQ are no Python packages: where a machine has none, the tests that need them are skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.plumbing.own_servers import PasswordServer, free_port
from tests.plumbing.programs import wait_until
from victim_gateway.devservers.postgres import postgres_program
from victim_gateway.devservers.privileges import unprivileged_prefix
from victim_gateway.devservers.processes import start_child, stop_child

APP_PASSWORD = "the-programs-password"
_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def has_pgbouncer() -> bool:
    return shutil.which("pgbouncer") is not None


def has_rabbitmq() -> bool:
    return _RABBITMQ.exists()


@contextmanager
def replica_of(primary: PasswordServer, folder: Path) -> Iterator[PasswordServer]:
    """A hot standby that follows `primary`, stopped after the block."""
    data, log = folder / "replica", folder / "replica.log"
    data.mkdir(mode=0o700)
    prefix = unprivileged_prefix(data)
    source = primary.url("postgres", "postgres")
    taken = [postgres_program("pg_basebackup"), "-D", data, "-d", source, "-R", "--no-sync", "-c", "fast"]
    subprocess.run([*prefix, *taken], check=True, capture_output=True, cwd="/")
    port = free_port()
    given = {"port": port, "listen_addresses": "127.0.0.1", "hot_standby_feedback": "on"}
    options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
    command = [*prefix, postgres_program("postgres"), "-D", data, "-k", "", *options]
    child = start_child(command, log=log, at_parents_end=signal.SIGINT, cwd=Path("/"))
    try:
        wait_until(lambda: _listens(port), 60, log)
        yield PasswordServer(port, primary.password)
    finally:
        stop_child(child, (signal.SIGINT, 20.0))


@contextmanager
def own_pgbouncer(server: PasswordServer, folder: Path) -> Iterator[str]:
    """The address of a PgBouncer in transaction mode before `server`: few server connections for many clients."""
    place, port = folder / "pgbouncer", free_port()
    place.mkdir(mode=0o700)
    (place / "users.txt").write_text(f'"gateway_app" "{APP_PASSWORD}"\n')
    (place / "pgbouncer.ini").write_text(
        f"""[databases]
gateway = host=127.0.0.1 port={server.port} dbname=gateway
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {place / "users.txt"}
pool_mode = transaction
default_pool_size = 6
max_client_conn = 200
"""
    )
    prefix = unprivileged_prefix(place)
    log = folder / "pgbouncer.log"
    command = [*prefix, "pgbouncer", str(place / "pgbouncer.ini")]
    child = start_child(command, log=log, at_parents_end=signal.SIGINT, cwd=Path("/"))
    try:
        wait_until(lambda: _listens(port), 20, log)
        yield f"127.0.0.1:{port}"
    finally:
        stop_child(child, (signal.SIGINT, 5.0), (signal.SIGTERM, 5.0))


@contextmanager
def own_rabbitmq(folder: Path) -> Iterator[str]:
    """The URL of a RabbitMQ on loopback, stopped after the block with the name server it has started."""
    place, log = folder / "rabbitmq", folder / "rabbitmq.log"
    place.mkdir(mode=0o700)
    (place / "plugins").write_text("[].\n")
    port, distribution, names = free_port(), free_port(), free_port()
    environment = {
        **os.environ,
        "HOME": str(place),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_NODENAME": f"gateway{port}@localhost",
        "RABBITMQ_MNESIA_BASE": str(place / "data"),
        "RABBITMQ_LOG_BASE": str(place / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(names),
    }
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(_RABBITMQ)], env=environment, stdout=output, stderr=output, cwd="/", start_new_session=True
        )
    try:
        wait_until(lambda: "Starting broker... completed" in log.read_text(errors="replace"), 90, log)
        yield f"amqp://guest:guest@127.0.0.1:{port}//"  # pragma: allowlist secret
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)
        subprocess.run(
            ["epmd", "-port", str(names), "-kill"], env=environment, capture_output=True, check=False
        )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
