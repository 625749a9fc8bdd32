"""Requests to a real gunicorn, held against a bare Flask page on another, and what the processes need of memory."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

from bench.bench_run import BenchRun
from bench.browsing import VolumeApp
from bench.import_timing import GATEWAY, command_environment
from bench.measurement import Measurement, Target, measured
from bench.page_addresses import ACCOUNTS, page_addresses
from bench.server_cpu import family, proportional_memory
from bench.web_server import HOST, RequestRate, WebServer, request_for, running_web, signed_in_cookie
from victim_gateway.devservers.home import Home, read_json

SECONDS, ROUNDS = 3.0, 3
_RATE = Target(least_ratio=0.1)


def measure_requests(run: BenchRun) -> Iterator[Measurement]:
    """Count requests for a second of processor time, of web and database together, turn about with a bare page."""
    app = run.large_app
    path_of_referral = page_addresses(app.settings, app.app)["referrals.overview"][0]
    pages = {
        "referral page": path_of_referral,
        "queue page": "/work/mine",
        "queue page of the team": "/work/team",
    }
    environment = command_environment(app.settings)
    with (
        running_web("wsgi:app", environment) as web,
        running_web("bench.bare_app:app", dict(os.environ)) as bare,
    ):
        cookie = signed_in_cookie(web, ACCOUNTS["caseworker"])
        for title, path in pages.items():
            rates, bare_rates = [], []
            for _ in range(ROUNDS):
                bare_rates.append(_rate(bare, "/", "", None))
                rates.append(_rate(web, path, cookie, app))
            best, best_bare = max(rates), max(bare_rates)
            yield measured(
                f"requests for a second of processor time: {title}",
                best[0],
                "requests",
                anchor=f"bare Flask page on the same gunicorn: {best_bare[0]:.0f}",
                ratio=best[0] / best_bare[0],
                target=_RATE,
                requests_per_wall_s=round(best[1], 1),
                bare_per_wall_s=round(best_bare[1], 1),
            )
        memory = proportional_memory(family(web.pid))
    yield measured("memory of the web, after these requests", memory / 1e6, "MB", target=Target(most=250))


def measure_memory(run: BenchRun) -> Iterator[Measurement]:
    """Start everything as `make run` does, without demo data, and look at its memory when it is idle."""
    home = run.large.folder.with_name("idle") / "home"
    shutil.rmtree(home, ignore_errors=True)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    named = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in named}
    child = subprocess.Popen(
        [sys.executable, "-c", GATEWAY, "up", "--port", str(port)],
        env=environment | {"GATEWAY_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(port)
        time.sleep(10)
        keeper = int(read_json(Home(home).state_file)["keeper"])
        parts = {
            "program": proportional_memory(family(child.pid)),
            "servers": proportional_memory(family(keeper)),
        }
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(60)
        shutil.rmtree(home.parent, ignore_errors=True)
    yield measured(
        "memory of all of make run, idle",
        sum(parts.values()) / 1e6,
        "MB",
        target=Target(most=700),
        program_mb=round(parts["program"] / 1e6),
        servers_mb=round(parts["servers"] / 1e6),
    )


def _rate(web: WebServer, path: str, cookie: str, app: VolumeApp | None) -> tuple[float, float]:
    """Requests for a second of processor time, and for a second of the clock."""
    before = app.server.seconds() if app else 0.0
    found: RequestRate = request_for(web, path, cookie, SECONDS)
    used = found.web_cpu_s + (app.server.seconds() - before if app else 0.0)
    return found.requests / used, found.requests / found.seconds


def _wait_until_ready(port: int) -> None:
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=5) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("make run did not become ready")
