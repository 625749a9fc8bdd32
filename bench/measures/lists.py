"""Work queues, searches and the page of a large import: what a page shows must not grow with what is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from statistics import median

from bench.bench_run import SMALL, BenchRun
from bench.browsing import CostSummary, PageCost, VolumeApp
from bench.measurement import Measurement, Target, measured
from bench.page_addresses import ACCOUNTS
from bench.people import InventedPeople, slip
from victim_gateway import times
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.people.search import matching_people
from victim_gateway.vocabulary import ImportKind

QUEUES = {
    "mine": "/work/mine",
    "mine, overdue": "/work/mine?due=overdue",
    "team": "/work/team",
    "team, a later page": "/work/team?page=5",
    "team, one district": "/work/team?district=Stafford",
    "team, high risk": "/work/team?risk=high",
    "unassigned": "/work/unassigned",
    "waiting": "/work/waiting",
    "held": "/work/held",
}
_COUNT = """
SELECT count(*) FROM referral r JOIN person p ON p.id = r.person_id LEFT JOIN app_user u ON u.id = r.assigned_to_id
LEFT JOIN safe_contact_plan s ON s.person_id = p.id AND s.superseded_at IS NULL WHERE r.next_act <> 'nothing'
"""
_QUEUE, _SEARCH = Target(most=100, most_ratio=1.3), Target(most=150, most_ratio=1.3)
_PAGE = Target(most=100)


def measure_queues(run: BenchRun) -> Iterator[Measurement]:
    """Measure the tabs of the work queue, the provider's inbox and the reminders."""
    for title, path in QUEUES.items():
        yield _page(run, f"work queue: {title}", ACCOUNTS["caseworker"], path, _QUEUE)
    yield _queue_against_count(run)
    for title, email, path in (
        ("inbox of a provider", ACCOUNTS["provider"], "/inbox"),
        ("inbox of a provider: to answer", ACCOUNTS["provider"], "/inbox/answer"),
        ("inbox of a provider: in support", ACCOUNTS["provider"], "/inbox/support"),
        ("reminders of a provider: mine", ACCOUNTS["provider"], "/reminders/mine"),
        ("reminders of a provider: the team's", ACCOUNTS["provider"], "/reminders/team"),
    ):
        yield _page(run, title, email, path, _QUEUE)


def _queue_against_count(run: BenchRun) -> Measurement:
    """The team's queue against the least that the database could do for it: to count what it lists."""
    app = run.large_app
    page, count = [], []
    for _ in range(run.rounds):
        page.append(app.request(ACCOUNTS["caseworker"], "/work/team").server_ms)
        count.append(app.cost_of(lambda: app.one(_COUNT)).server_ms)
    value, anchor = median(page), median(count)
    return measured(
        "work queue: team, processor time of the database",
        value,
        "ms",
        anchor=f"bare count of what waits, with the same joins: {anchor:.1f} ms",
        ratio=value / anchor,
    )


def measure_search(run: BenchRun) -> Iterator[Measurement]:
    """Measure searches as typed, and the check whether a person is known before they are recorded."""
    people, chance = InventedPeople(run.large.seed), Random(7)  # noqa: S311  invented data
    some = [people.person(chance.randrange(min(run.large.count, SMALL))) for _ in range(run.rounds + 1)]
    typed: dict[str, Callable[[dict[str, str]], str]] = {
        "full name": lambda one: f"{one['given_name']} {one['family_name']}",
        "family name": lambda one: one["family_name"],
        "name with a slip": lambda one: slip(f"{one['given_name']} {one['family_name']}", Random(3)),  # noqa: S311
        "phone number": lambda one: one["phone"] or one["family_name"],
        "date of birth": lambda one: one["date_of_birth"],
        "postcode": lambda one: one["postcode"],
    }
    for title, text_of in typed.items():
        texts = [text_of(one) for one in some]
        large, small = run.compare(lambda app, round_number, texts=texts: _search(app, texts[round_number]))  # type: ignore[misc]
        yield compared(f"search: {title}", large, small, _SEARCH)
    large, small = run.compare(lambda app, round_number: _known_person_check(app, some[round_number]))
    yield compared("known-person check", large, small, _SEARCH)


def measure_import_page(run: BenchRun) -> Iterator[Measurement]:
    """Measure the pages of the largest imports: of referrals, each row of which is kept, and of events."""
    for kind in ImportKind:
        title = f"page of the largest import of the {kind.replace('_', ' ')}"
        yield _page(run, title, ACCOUNTS["senior"], partial(_largest_import, kind), _PAGE)


def compared(title: str, large: CostSummary, small: CostSummary, target: Target | None) -> Measurement:
    """A page at both sizes: the 95th percentile of processor time is the value, the medians are the ratio."""
    return measured(
        title,
        large.cpu_p95,
        "ms",
        anchor=f"at {SMALL:,}: {small.cpu_p50:.1f} ms",
        ratio=large.cpu_p50 / small.cpu_p50,
        target=target,
        **large.figures(),
    )


def _page(
    run: BenchRun, title: str, email: str, path: str | Callable[[VolumeApp], str], target: Target
) -> Measurement:
    large, small = run.compare(
        lambda app, round_number: app.request(email, path if isinstance(path, str) else path(app))
    )
    statuses = {cost.status for cost in (*large.costs, *small.costs)}
    if statuses != {200}:
        raise RuntimeError(f"{title} answered with {statuses}")
    return compared(title, large, small, target)


def _search(app: VolumeApp, typed: str) -> PageCost:
    return app.request(ACCOUNTS["caseworker"], "/search", {"text": typed})


def _known_person_check(app: VolumeApp, person: dict[str, str]) -> PageCost:
    columns = ("given_name", "family_name", "date_of_birth", "phone", "email", "postcode")
    document = {name: person[name] for name in columns if person[name]}
    actor = app.actor(ACCOUNTS["caseworker"])

    def check() -> None:
        with app.app.app_context(), transaction(actor) as session:
            matching_people(session, document, today=times.london_date(times.now()))

    return app.cost_of(check)


def _largest_import(kind: ImportKind, app: VolumeApp) -> str:
    return str(
        app.one(
            f"SELECT '/imports/' || id FROM import_batch WHERE kind = '{kind}' ORDER BY rows DESC LIMIT 1"
        )
    )
