"""Every program that is set to another area than its database's ends at once, with one line that says so."""

from __future__ import annotations

import subprocess
import sys

import pytest

from config import Settings
from tests.plumbing import ROOT
from tests.plumbing.own_servers import free_port
from tests.plumbing.programs import RunGateway, environment_of

LINE = "GATEWAY_AREA is cleveland, but this database holds the data of staffordshire: "
WORKER = ["celery", "-A", "workers", "worker", "-c", "1", "--without-gossip", "--without-mingle"]


def start_to_end(settings: Settings, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment_of(settings, GATEWAY_AREA="cleveland"),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("command", [WORKER, ["workers.beat"]], ids=["worker", "scheduler"])
def test_worker_and_scheduler_end_with_one_line(committed_settings: Settings, command: list[str]) -> None:
    done = start_to_end(committed_settings, *command)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"victim-gateway: {LINE}")


def test_the_web_program_ends_instead_of_starting_again_and_again(committed_settings: Settings) -> None:
    serving = ["-w", "1", "-b", f"127.0.0.1:{free_port()}", "--no-control-socket", "wsgi:app"]
    done = start_to_end(committed_settings, "gunicorn", *serving)
    assert done.returncode == 4
    assert f"victim-gateway: {LINE}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("db", "check"), ("users", "list"), ("db", "upgrade")])
def test_commands_are_refused_with_status_2(run_gateway: RunGateway, command: tuple[str, ...]) -> None:
    done = run_gateway(*command, GATEWAY_AREA="cleveland")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"gateway: {LINE}")


def test_the_doctor_names_it_and_ends_with_status_1(run_gateway: RunGateway) -> None:
    done = run_gateway("doctor", GATEWAY_AREA="cleveland")
    assert done.returncode == 1
    assert f"WRONG  area       {LINE}" in done.stdout
