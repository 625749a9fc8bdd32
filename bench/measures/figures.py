"""Compliance and service pages, and the report of a year."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from statistics import median

from bench.bench_run import BenchRun
from bench.browsing import PageCost, VolumeApp
from bench.measurement import Measurement, Target, measured
from bench.measures.lists import compared
from bench.page_addresses import ACCOUNTS
from bench.server_cpu import MemoryWatch
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.compliance.day_counts import count_stale_days, count_stale_service_days
from victim_gateway.services.compliance.report import ReportRequest, make_report

_WORKER = Actor.worker("bench")
_PAGE = Target(most=100, most_ratio=1.3, either=True)
_COUNT = """
SELECT count(*) FROM entitlement_clock c JOIN referral r ON r.id = c.referral_id
WHERE c.started_on BETWEEN :first AND :last
"""
_PAST_PAGE = Target(most=1000)
_YEAR = timedelta(days=365)


def measure_compliance_pages(run: BenchRun) -> Iterator[Measurement]:
    """Measure a year's figures, whole and narrowed, as at now and as at a past moment."""
    for app in (run.large_app, run.small_app):
        _count_changed_days(app)
    today = times.london_date(run.large.at)
    year = f"{_day('started_from', today - _YEAR)}&{_day('started_to', today)}"
    past = _day("known_on", today - timedelta(days=60))
    duty = str(
        run.large_app.one(
            "SELECT edition || '/' || entitlement_id FROM entitlement_clock WHERE edition <> 'local'"
            " AND due_on IS NOT NULL"
            " GROUP BY edition, entitlement_id ORDER BY count(*) DESC, 1 LIMIT 1"
        )
    )
    pages = {
        "compliance page: a year": (f"/compliance?{year}", _PAGE),
        "compliance page: a year, one district": (f"/compliance?{year}&district=Stafford", _PAGE),
        "compliance page: one duty": (f"/compliance/{duty}?{year}", _PAGE),
        "service page: a year": (f"/service?{year}", _PAGE),
        "compliance page: as at a past moment": (f"/compliance?{year}&{past}", _PAST_PAGE),
        "compliance page: one district, as at a past moment": (
            f"/compliance?{year}&district=Stafford&{past}",
            _PAST_PAGE,
        ),
    }
    for title, (path, target) in pages.items():
        rounds = 5 if target is _PAST_PAGE else None
        large, small = run.compare(_asking(path), rounds=rounds)
        if {cost.status for cost in large.costs} != {200}:
            raise RuntimeError(f"{title} was refused")
        yield compared(title, large, small, target)
    yield _year_against_count(run, f"/compliance?{year}", today)


def _count_changed_days(app: VolumeApp) -> None:
    """Count the days again that other measures changed, as the worker does each minute."""
    with app.app.app_context():
        while count_stale_days(actor=_WORKER) or count_stale_service_days(actor=_WORKER):
            pass


def _year_against_count(run: BenchRun, path: str, today: date) -> Measurement:
    """The page of a year against the least that the database could do for it: to count the year's clocks."""
    app = run.large_app
    page, count = [], []
    for _ in range(5):
        page.append(app.request(ACCOUNTS["manager"], path).server_ms)
        count.append(app.cost_of(lambda: app.one(_COUNT, first=today - _YEAR, last=today)).server_ms)
    value, anchor = median(page), median(count)
    return measured(
        "compliance page: a year, processor time of the database",
        value,
        "ms",
        anchor=f"bare count of the year's clocks with their referrals: {anchor:.1f} ms",
        ratio=value / anchor,
    )


def _asking(path: str) -> Callable[[VolumeApp, int], PageCost]:
    return lambda app, round_number: app.request(ACCOUNTS["manager"], path)


def measure_reports(run: BenchRun) -> Iterator[Measurement]:
    """Measure the report of a year by two columns."""
    now = times.now()
    for title, as_at, most in (("now", now, 1.0), ("a past moment", now - timedelta(days=60), 5.0)):
        large, memory = _report(run, as_at, large=True)
        small, _ = _report(run, as_at, large=False)
        yield measured(
            f"report of a year by district and crime type, as at {title}",
            large,
            "s",
            anchor=f"at {run.small.count:,}: {small:.2f} s",
            ratio=large / small,
            target=Target(most=most),
        )
        yield measured(
            f"memory of the database for that report, as at {title}",
            memory / 1e6,
            "MB",
            target=Target(most=300),
        )


def _report(run: BenchRun, as_at: datetime, *, large: bool) -> tuple[float, int]:
    app = run.large_app if large else run.small_app
    today = times.london_date(run.large.at)
    wanted = ReportRequest(
        started_from=today - _YEAR,
        started_to=today,
        as_at=as_at,
        by=("district", "crime_type"),
        unsuppressed=False,
    )

    def make() -> None:
        with app.app.app_context():
            make_report(wanted, actor=Actor.worker("bench"), form="csv")

    seconds = []
    for _ in range(3):
        with MemoryWatch(app.server) as watch:
            seconds.append(app.cost_of(make).cpu_ms / 1000)
    return min(seconds), watch.peak


def _day(field: str, day: date) -> str:
    return f"{field}-day={day.day}&{field}-month={day.month}&{field}-year={day.year}"
