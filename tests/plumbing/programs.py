"""Our programs as processes of their own: the command line and a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import redis

from config import Settings
from tests.plumbing import ROOT
from tests.plumbing.forked_programs import (
    ForkedProgram,
    run_celery_command,
    run_code,
    run_forked_gateway,
    run_gateway_command,
)

_GATEWAY = "from victim_gateway.cli import main; main(prog_name='gateway')"
RunGateway = Callable[..., subprocess.CompletedProcess[str]]


def environment_of(settings: Settings, **more: str) -> dict[str, str]:
    """What a process needs in its environment to work on the same servers."""
    urls = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "SMTP_URL": settings.smtp_url,
        "NOTIFY_API_KEY": settings.notify_api_key,
        "NOTIFY_BASE_URL": settings.notify_base_url,
    }
    ours = {name: url for name, url in urls.items() if url}
    others = {
        "GATEWAY_ENV": settings.env,
        "GATEWAY_HOME": str(settings.home),
        "GATEWAY_MAIL_LEASE_S": str(settings.mail_lease_s),
        "GATEWAY_ALARM_AFTER_S": str(settings.alarm_after_s),
        "GATEWAY_OPERATIONS_EMAIL": settings.operations_email or "",
    }
    return {**os.environ, **others, **ours, **more}


def gateway(
    *arguments: str | Path, environment: Mapping[str, str], timeout_s: float = 120, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the `gateway` command to its end; `typed` is its standard input."""
    return run_forked_gateway(
        list(map(str, arguments)), environment=environment, timeout_s=timeout_s, typed=typed
    )


def gateway_process(*arguments: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start the `gateway` command and leave it running; its output, both kinds, is in `stdout`."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", _GATEWAY, *arguments],
        env=dict(environment),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def forked_gateway(*arguments: str | Path, environment: Mapping[str, str], log: Path) -> ForkedProgram:
    """Start the `gateway` command and leave it running; `log` gets what it says."""
    return ForkedProgram(run_gateway_command, list(map(str, arguments)), environment=environment, output=log)


def forked_code(code: str, *, environment: Mapping[str, str], log: Path) -> ForkedProgram:
    """Start a program of a few lines and leave it running; `log` gets what it says."""
    return ForkedProgram(run_code, [code], environment=environment, output=log)


@pytest.fixture
def run_gateway(committed_settings: Settings) -> RunGateway:
    """`run_gateway("db", "check")` on the database of `committed_settings`."""

    def run(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        return gateway(*arguments, environment=environment_of(committed_settings, **more))

    return run


@pytest.fixture
def empty_broker(servers: Settings) -> Iterator[redis.Redis]:
    """This process's part of the broker, with nothing in it before or after the test."""
    with redis.Redis.from_url(str(servers.redis_url)) as broker:
        broker.flushdb()
        yield broker
        broker.flushdb()


@pytest.fixture
def worker_process(
    committed_settings: Settings, empty_broker: redis.Redis, tmp_path: Path
) -> Iterator[ForkedProgram]:
    """A real Celery worker on the database of `committed_settings`, ready to take tasks."""
    log = tmp_path / "worker.log"
    with start_worker(committed_settings, log) as worker:
        yield worker
        # To stop by itself takes it two seconds; tests of how it stops start one of their own.
        if worker.poll() is None:
            kill_group(worker)


def start_worker(settings: Settings, log: Path, *arguments: str) -> ForkedProgram:
    """Start a worker and wait until it takes tasks. `log` gets what it says."""
    command = ["-A", "workers", "worker", "-c", "2", "--without-gossip", "--without-mingle"]
    worker = ForkedProgram(
        run_celery_command,
        [*command, "--loglevel", "INFO", *arguments],
        environment=environment_of(settings),
        output=log,
    )
    wait_until(lambda: log.exists() and " ready." in log.read_text(errors="replace"), 60, log)
    return worker


def kill_group(process: ForkedProgram) -> None:
    """kill -9 a program and every process it has started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def wait_until(answer: Callable[[], bool], timeout_s: float, log: Path | None = None) -> None:
    """Ask until it is so; fail the test, with the end of `log`, when it does not become so in time."""
    ends = time.monotonic() + timeout_s
    while not answer():
        if time.monotonic() > ends:
            said = log.read_text(errors="replace")[-3000:] if log else ""
            pytest.fail(f"it did not happen within {timeout_s:.0f} s\n{said}")
        time.sleep(0.05)
