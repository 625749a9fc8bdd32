"""Run web, worker and scheduler as children: start them in order, restart them, stop them in order.

Each child gets a signal from the kernel when this process ends, however it ends, and holds the embedded
servers and the home's lock until it has ended itself: a kill -9 leaves nothing behind, and the next start
waits for what is still finishing.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self

import click
import psutil

from config import MAIL_STAND_IN, Settings
from victim_gateway.devservers import SharedServers
from victim_gateway.devservers.home import EmbeddedServerError, Home
from victim_gateway.devservers.locks import FileLock
from victim_gateway.devservers.processes import start_child, stop_child

PROJECT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
_READY_PATIENCE_S = 90.0
_PREVIOUS_PATIENCE_S = 40.0
_LOOK_EVERY_S = 0.5
_STEADY_AFTER_S = 60.0


class _Stop(Exception):
    """A stop signal arrived: Ctrl-C, a closed terminal, or the machine shutting down."""


@dataclass
class _Child:
    """One program; `signals` are what ends it, with the seconds it is given."""

    name: str
    command: Sequence[str]
    signals: tuple[tuple[signal.Signals, float], ...]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    falls: int = 0
    not_before: float = field(default=0.0)

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


@dataclass(frozen=True, slots=True)
class StandInPorts:
    """Where stand-ins for what is outside are to serve; None: there is none.

    `notify`: all messages to people go to it; `mail`: all e-mail of the children does.
    """

    notify: int | None = None
    mail: int | None = None

    def environment(self) -> dict[str, str]:
        """What the children need to know."""
        return {MAIL_STAND_IN: f"smtp://{HOST}:{self.mail}"} if self.mail else {}


def _stand_ins(settings: Settings, ports: StandInPorts) -> list[_Child]:
    python, gentle = [sys.executable, "-m"], ((signal.SIGTERM, 20.0),)
    kept = ["--file", str(settings.home / "notify-stand-in.jsonl"), "--area", settings.area.key]
    notify = ["victim_gateway.devservers.notify_stand_in", "--port", str(ports.notify), *kept]
    home = ["--home", str(settings.home)]
    mail = ["victim_gateway.devservers.mail_stand_in", "--port", str(ports.mail), *home]
    return [
        *([_Child("notify-stand-in", [*python, *notify], gentle)] if ports.notify else []),
        *([_Child("mail-stand-in", [*python, *mail], gentle)] if ports.mail else []),
    ]


def _children(settings: Settings, ports: StandInPorts) -> list[_Child]:
    """The children in start order; they stop in reverse, so that nothing is sent to a stopped worker."""
    python = [sys.executable, "-m"]
    web = ["gunicorn", "-w", "2", "-k", "gthread", "--threads", "4", "-b", f"{HOST}:{settings.port}"]
    worker = ["celery", "-A", "workers", "worker", "-c", "2", "--without-gossip", "--without-mingle"]
    serving = ["--no-control-socket", "--graceful-timeout", "15", "wsgi:app"]
    working = ["--loglevel", settings.log_level]
    gentle, hard = (signal.SIGTERM, 20.0), (signal.SIGQUIT, 12.0)
    return [
        *_stand_ins(settings, ports),
        _Child("web", [*python, *web, *serving], (gentle,)),
        _Child("worker", [*python, *worker, *working], (gentle, hard)),
        _Child("scheduler", [*python, "workers.beat"], (gentle,)),
    ]


class Supervisor:
    """The one supervisor of a home."""

    def __init__(self, settings: Settings, lock: FileLock, stand_ins: StandInPorts) -> None:
        """See `with_home_locked`."""
        self._settings, self._lock = settings, lock
        self._home = Home(settings.home)
        self._stand_ins = stand_ins
        self._children = _children(settings, stand_ins)
        # where the web processes add up their counts, from zero at each start
        self._metrics = self._home.run / "metrics"

    @classmethod
    @contextmanager
    def with_home_locked(
        cls, settings: Settings, *, stand_ins: StandInPorts = StandInPorts()
    ) -> Iterator[Self]:
        """A supervisor that has locked the home; refuses when another one runs there or the port is taken."""
        home = Home(settings.home)
        home.create_folders()
        lock = FileLock(home.run / "up.lock")
        try:
            _take_over(lock, home.run / "up.pid")
            _refuse_taken_port(settings.port)
            yield cls(settings, lock, stand_ins)
        finally:
            lock.close()

    def run_children(
        self,
        servers: SharedServers,
        *,
        prepare: Callable[[SharedServers], None],
        greet: Callable[[Settings], None],
    ) -> None:
        """Run until a signal asks for the end.

        `prepare` is called before the children start, `greet` once they answer.
        Raises EmbeddedServerError when something does not start.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _ask_for_the_end)
        try:
            prepare(servers)
            shutil.rmtree(self._metrics, ignore_errors=True)
            self._metrics.mkdir(mode=0o700)
            for child in self._children:
                self._start(child, servers)
            self._wait_until_ready()
            greet(servers.settings)
            self._watch(servers)
        except _Stop:
            click.echo("\nStopping ...", err=True)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self._stop()
        click.echo("Stopped. Everything is kept for the next start.", err=True)

    def _start(self, child: _Child, servers: SharedServers) -> None:
        child.process = start_child(
            child.command,
            log=self._home.log_path(child.name),
            at_parents_end=signal.SIGTERM,
            cwd=PROJECT,
            environment={
                **_environment(servers.settings),
                **self._stand_ins.environment(),
                "PROMETHEUS_MULTIPROC_DIR": str(self._metrics),
            },
            keep_open=(self._lock.fd, *servers.lock_fds),
        )
        child.started_at = time.monotonic()

    def run_program(self, command: Sequence[str], servers: SharedServers) -> int:
        """Run a program to its end on these servers, with its output on this terminal; gives its exit status."""
        child = start_child(
            command,
            log=None,
            at_parents_end=signal.SIGTERM,
            cwd=PROJECT,
            environment=_environment(servers.settings),
            keep_open=(self._lock.fd, *servers.lock_fds),
        )
        try:
            return child.wait()
        except BaseException:
            stop_child(child, (signal.SIGTERM, 10.0))
            raise

    def _wait_until_ready(self) -> None:
        ends = time.monotonic() + _READY_PATIENCE_S
        while not _is_ready(self._settings.port):
            for child in self._children:
                if child.has_ended():
                    raise EmbeddedServerError(
                        f"the {child.name} ended at once: see {self._home.log_path(child.name)}"
                    )
            if time.monotonic() > ends:
                raise EmbeddedServerError(
                    f"not healthy after {_READY_PATIENCE_S:.0f} s: see the logs in {self._home.run}"
                )
            time.sleep(0.1)

    def _watch(self, servers: SharedServers) -> NoReturn:
        while True:
            time.sleep(_LOOK_EVERY_S)
            before = servers.settings
            servers.ensure_running()
            if servers.settings != before:
                # the embedded servers were killed and answer on other ports now
                self._stop()
            for child in self._children:
                if child.has_ended():
                    self._start_again(child, servers)

    def _start_again(self, child: _Child, servers: SharedServers) -> None:
        """Restart a child: at once after a steady run, with growing delays when it keeps ending."""
        now = time.monotonic()
        if child.process is not None:
            steady = now - child.started_at > _STEADY_AFTER_S
            child.falls = 0 if steady else child.falls + 1
            child.not_before = now + min(2.0**child.falls - 1, 30.0)
            log = self._home.log_path(child.name)
            click.echo(
                f"The {child.name} ended ({child.process.returncode}); starting it again. See {log}", err=True
            )
            child.process = None
        if now >= child.not_before:
            self._start(child, servers)

    def _stop(self) -> None:
        for child in reversed(self._children):
            if child.process is not None:
                stop_child(child.process, *child.signals)
                child.process = None


def _ask_for_the_end(*_: object) -> NoReturn:
    raise _Stop


def _take_over(lock: FileLock, pid_file: Path) -> None:
    """Take the home's lock. Children of a killed supervisor keep it while they finish: wait for them."""
    if not lock.try_exclusive():
        other = _running_pid(pid_file)
        if other:
            raise EmbeddedServerError(f"gateway up is already running here (process {other})")
        click.echo("Waiting for the last run to finish ...", err=True)
        if not lock.wait_exclusive(_PREVIOUS_PATIENCE_S):
            raise EmbeddedServerError("the last run has not finished: try again in a moment")
    pid_file.write_text(str(os.getpid()))


def _running_pid(pid_file: Path) -> int | None:
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return None
    return pid if psutil.pid_exists(pid) else None


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise EmbeddedServerError(
                f"port {port} can't be used ({error.strerror}): choose another with PORT="
            ) from None


def _environment(settings: Settings) -> dict[str, str]:
    urls = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
    }
    return {
        **os.environ,
        **{name: url for name, url in urls.items() if url},
        "GATEWAY_HOME": str(settings.home),
    }


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
