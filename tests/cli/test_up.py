"""`gateway up`: everything starts, survives being killed, keeps its data, and stops without a trace."""

from __future__ import annotations

import base64
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.plumbing.programs import gateway, gateway_process, wait_until
from victim_gateway.devservers.home import read_json
from victim_gateway.devservers.processes import command_line

_READY = re.compile(r"is ready: (http://127\.0\.0\.1:\d+)")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    wait_until(lambda: not _processes_of(home), 40)


@dataclass
class Running:
    """A gateway that several tests may use; each but the last leaves it running."""

    home: Path
    process: subprocess.Popen[str]
    address: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("running") / "home"
    with _up(home, _free_port()) as up:
        yield Running(home, up, _wait_until_ready(up))
        if up.poll() is None:
            up.send_signal(signal.SIGTERM)
            up.communicate(timeout=60)


def test_it_serves_where_it_says(running: Running) -> None:
    assert _status(f"{running.address}/health/live") == 200
    assert _status(f"{running.address}/health/ready") == 200


def test_a_command_shares_its_servers_and_leaves_them_running(running: Running) -> None:
    done = gateway("db", "check", "--json", environment=_environment(running.home))
    assert (done.returncode, done.stdout) == (0, '{\n  "current": true\n}\n')
    assert _status(f"{running.address}/health/ready") == 200


def test_a_second_one_in_the_same_home_is_refused(running: Running) -> None:
    done = gateway("up", "--port", str(_free_port()), environment=_environment(running.home))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"gateway: gateway up is already running here (process {running.process.pid})"
    ]


@pytest.mark.parametrize(
    "program", ["celery -A workers worker", "workers.beat", "gunicorn", "devservers.keeper"]
)
def test_what_falls_over_is_started_again(running: Running, program: str) -> None:
    killed = _one_of(running.home, program)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: _others(running.home, program, killed), 30)
    wait_until(lambda: _status(f"{running.address}/health/ready") == 200, 60)


def test_another_home_runs_beside_it_loses_nothing_by_a_kill_and_stops_at_ctrl_c(
    running: Running, home: Path
) -> None:
    port = _free_port()
    with _up(home, port) as first:
        address = _wait_until_ready(first)
        assert address != running.address
        _execute(home, "CREATE TABLE kept AS SELECT 42 AS answer")
        first.kill()
        first.wait(10)
    with _up(home, port) as second:
        assert _wait_until_ready(second) == address
        assert _execute(home, "SELECT answer FROM kept") == (42,)
        assert len(_processes_of(home)) > 5
        second.send_signal(signal.SIGINT)
        said, _ = second.communicate(timeout=40)
    assert (second.returncode, "Everything is kept" in said) == (0, True)
    assert not _processes_of(home)
    assert _status(f"{running.address}/health/ready") == 200


def test_a_kill_leaves_nothing(running: Running) -> None:
    """The last one that may use it."""
    assert len(_processes_of(running.home)) > 5
    running.process.kill()
    running.process.wait(10)
    wait_until(lambda: not _processes_of(running.home), 40)


def test_a_port_in_use_is_told_in_one_line_before_anything_starts(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = gateway("up", "--port", str(port), environment=_environment(home))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"gateway: port {port} can't be used (Address already in use): choose another with PORT="
    ]
    assert not (home / "pg").exists()


def test_demo_data_is_refused_in_production(home: Path) -> None:
    chosen = {
        "DATABASE_URL": "postgresql://gateway_app@127.0.0.1:1/gateway",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "7f2c9a4be1d05836-7f2c9a4be1d05836",
        "GATEWAY_DATA_KEYS": f"a:{base64.b64encode(bytes(range(32))).decode()}",
    }
    done = gateway("up", "--demo", environment={**_environment(home), "GATEWAY_ENV": "production", **chosen})
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["gateway: demo data is not for production: leave --demo out"]


def test_a_wrong_setting_is_told_in_one_line_with_status_2(home: Path) -> None:
    done = gateway("up", environment={**_environment(home), "PORT": "http"})
    assert (done.returncode, done.stderr) == (2, "gateway: PORT must be a whole number, not 'http'\n")


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "GATEWAY_ENV": "development", "GATEWAY_HOME": str(home)}


@contextmanager
def _up(home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    up = gateway_process("up", "--port", str(port), environment=_environment(home))
    try:
        yield up
    finally:
        if up.poll() is None:
            up.kill()
            up.wait(10)
        if up.stdout:
            up.stdout.close()


def _wait_until_ready(up: subprocess.Popen[str]) -> str:
    """The address that it prints."""
    said = []
    for line in up.stdout or ():
        said.append(line)
        if found := _READY.search(line):
            return found[1]
    pytest.fail(f"it ended before it was ready:\n{''.join(said)}")


def _status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return int(answer.status)
    except OSError:
        return 0


def _execute(home: Path, statement: str) -> object:
    port = read_json(home / "run" / "servers.json")["ports"]["postgres"]
    with psycopg.connect(host="127.0.0.1", port=port, user="vg", dbname="gateway") as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def _processes_of(home: Path) -> list[int]:
    """Every process that names the home in its command line or has it in its environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            process_text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in process_text and process.name != str(os.getpid()):
            found.append(int(process.name))
    return found


def _one_of(home: Path, fragment: str) -> int:
    """The parent of those processes of the home that have the words in their command line."""
    return min(pid for pid in _processes_of(home) if fragment in command_line(pid))


def _others(home: Path, fragment: str, than: int) -> bool:
    return any(pid != than and fragment in command_line(pid) for pid in _processes_of(home))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
