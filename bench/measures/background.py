"""What runs by itself: the nightly recompute and the minute's reminders."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from bench.bench_run import BenchRun
from bench.browsing import VolumeApp
from bench.import_timing import GATEWAY, command_environment
from bench.measurement import Measurement, Target, measured
from bench.page_addresses import ACCOUNTS
from bench.server_cpu import MemoryWatch
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.referrals.status import assign_referral
from victim_gateway.services.reminders.reminder_pass import run_reminder_pass
from victim_gateway.services.shared.command import Command

_WORKER = Actor.worker("bench")


def measure_recompute(run: BenchRun) -> Iterator[Measurement]:
    """Run the nightly recompute by its command: alone for what it costs, and with a page and a save beside it."""
    app = run.large_app
    clocks = int(str(app.one("SELECT count(*) FROM entitlement_clock")))
    before = app.server.seconds()
    with MemoryWatch(app.server) as watch:
        own_cpu = _run_recompute(app)
    cpu = app.server.seconds() - before + own_cpu
    title = f"full recompute of {clocks:,} clocks"
    yield measured(
        f"{title}: processor time",
        cpu,
        "s",
        anchor=f"{cpu / clocks * 1e6:.1f} microseconds a clock",
        target=Target(most=30),
    )
    yield measured(
        f"{title}: memory of the database's process", watch.peak / 1e6, "MB", target=Target(most=500)
    )
    quiet = max(_wait_of_page_and_save(app)[0] for _ in range(5))
    waits: list[tuple[float, bool]] = []
    _run_recompute(app, beside=lambda: waits.append(_wait_of_page_and_save(app)))
    longest = max(waited for waited, _ in waits)
    yield measured(
        f"{title}: longest wait of a page or a save beside it",
        longest * 1000,
        "ms",
        anchor=f"longest of five without it: {quiet * 1000:.0f} ms",
        ratio=longest / quiet,
        target=Target(most=1000),
        refused=sum(is_refused for _, is_refused in waits),
        tried=len(waits),
    )


def _run_recompute(app: VolumeApp, *, beside: Callable[[], None] = lambda: None) -> float:
    """Run the command, calling `beside` every half second; its own processor seconds. Raises where it fails."""
    child = subprocess.Popen(
        [sys.executable, "-c", GATEWAY, "compliance", "recompute"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=command_environment(app.settings),
    )
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        beside()
        time.sleep(0.5)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"the recompute ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def measure_reminders(run: BenchRun) -> Iterator[Measurement]:
    """Run the minute's pass when there is nothing new."""

    def ask(app: VolumeApp, round_number: int) -> object:
        def look() -> None:
            with app.app.app_context():
                run_reminder_pass(actor=_WORKER, at=times.now())

        return app.cost_of(look)

    large, small = run.compare(ask, rounds=10)  # type: ignore[arg-type]
    value, anchor = (
        sorted(cost.server_ms for cost in each.costs)[len(each.costs) // 2] for each in (large, small)
    )
    yield measured(
        "reminders pass with nothing new: processor time of the database",
        value,
        "ms",
        anchor=f"at {run.small.count:,}: {anchor:.1f} ms",
        ratio=value / anchor,
        target=Target(most=100),
    )


def _wait_of_page_and_save(app: VolumeApp) -> tuple[float, bool]:
    """Seconds of the slower of two requests: the queue, and giving a referral to another caseworker."""
    began = time.perf_counter()
    status = app.request(ACCOUNTS["caseworker"], "/work/mine").status
    page = time.perf_counter() - began
    referral_id, to_user_id = app.row(
        "SELECT r.id, (SELECT u.id FROM app_user u WHERE u.role = 'caseworker' AND u.id <> r.assigned_to_id"
        " ORDER BY random() LIMIT 1) FROM referral r JOIN app_user o ON o.id = r.assigned_to_id"
        " WHERE r.state IN ('assigned', 'in_contact', 'triaged') ORDER BY random() LIMIT 1"
    )
    began, is_refused = time.perf_counter(), status != 200
    try:
        with app.app.app_context():
            actor = app.actor(ACCOUNTS["senior"])
            assign_referral(Command(actor, times.now()), referral_id, to_user_id=to_user_id)
    except Exception:
        is_refused = True
    return max(page, time.perf_counter() - began), is_refused
