"""Seed the demonstration: all of it in one transaction of the database, or nothing."""

from __future__ import annotations

import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any, cast

from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.demo import accounts, names, police, refuse_in_production, scenarios, support_work
from victim_gateway.demo.case import DemoCase, Plans
from victim_gateway.demo.plan import PlannedReferral, plan_referrals
from victim_gateway.demo.working_time import EVENTS_TIME, FEED_TIME, WorkingTime
from victim_gateway.errors import InvalidInput
from victim_gateway.extensions import db
from victim_gateway.models import OnwardReferral, Person, Referral
from victim_gateway.services.compliance import recompute
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.vocabulary import ImportKind

COMMAND = "gateway demo"
# The accounts are older than everything they have done.
ACCOUNTS_BEFORE = timedelta(days=60)
# How long after its referral the force sends another number (`feed_conflict`).
RESENT_AFTER = 3

Progress = Callable[[int, int], None]
QueuedImport = Callable[[], None]


@dataclass(frozen=True, slots=True)
class SeededDemo:
    """Counts of what was made."""

    referrals: int
    people: int
    onward_referrals: int
    states: dict[str, int]
    onward_states: dict[str, int]
    sign_ins: tuple[str, ...]
    seconds: float

    def document(self) -> dict[str, Any]:
        """As the command prints it."""
        return asdict(self)


def seed_demo(*, referrals: int, seed: int, at: datetime, progress: Progress | None = None) -> SeededDemo:
    """Make the demonstration as it stands at `at`: the same names, crimes and states for the same arguments.

    Raises InvalidInput, with nothing changed, in production, where there is a demonstration already, and for
    an area without published figures.
    """
    started, actor = time.perf_counter(), Actor.worker(COMMAND)
    refuse_in_production(current_settings())
    if accounts.demo_accounts_exist(actor=actor):
        raise InvalidInput("there is demo data here already: nothing was changed")
    area, working = current_settings().area, WorkingTime(at)
    planned = [
        replace(item, age=max(item.age - working.shift, 0))
        for item in plan_referrals(
            referrals, seed=seed, force=area.force, districts=area.districts, on=times.london_date(at)
        )
    ]
    with _all_or_nothing():
        staff = accounts.make_demo_accounts(actor=actor, at=at - ACCOUNTS_BEFORE)
        _DemoRun(planned, staff, working, actor, area.force).run(progress)
        recompute.recompute_clocks(actor=actor, as_at=at)
        support_work.open_what_is_due(actor, at)
        accounts.say_capacities(actor, at)
        reminder_pass.run_reminder_pass(actor=actor, at=at)
        found = _found(actor)
    return SeededDemo(
        **found,
        sign_ins=tuple(sign_in.email for sign_in in accounts.SIGN_INS),
        seconds=round(time.perf_counter() - started, 3),
    )


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    """What services commit within becomes a savepoint of one transaction: a run that is killed leaves nothing,
    and a thousand small commits cost one.
    """
    db.session.remove()
    with db.engine.connect() as connection, connection.begin():
        # A plain one: Flask-SQLAlchemy's own would look for a connection by itself.
        joined = Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        db.session.registry.set(cast(FlaskSession, joined))
        try:
            yield
        finally:
            db.session.remove()


class _DemoRun:
    """Runs feeds and scenarios in the order of their simulated moments."""

    def __init__(
        self,
        planned: Sequence[PlannedReferral],
        staff: accounts.DemoStaff,
        working: WorkingTime,
        actor: Actor,
        force: str,
    ) -> None:
        self._working, self._actor, self._force = working, actor, force
        self._cases: list[DemoCase] = []
        plans: Plans = {}
        for item in planned:
            before = self._cases[-1] if self._cases else None
            self._cases.append(DemoCase(item, staff, working, plans=plans, before=before))
        self._queue: list[tuple[datetime, int, DemoCase | QueuedImport]] = []
        self._stories = {case.planned.number: scenarios.play_scenario(case) for case in self._cases}
        self._queue_feeds()
        for case in self._cases:
            if case.planned.scenario.source is not None:
                self._go_on(case)

    def run(self, progress: Progress | None) -> None:
        done = 0
        while self._queue:
            moment, _, due = heappop(self._queue)
            if isinstance(due, DemoCase):
                due.at = moment
                self._go_on(due)
            else:
                due()
            done += 1
            if progress:
                progress(done, done + len(self._queue))

    def _go_on(self, case: DemoCase) -> None:
        """The next step of a case, and then its place in the queue for the one after."""
        moment = next(self._stories[case.planned.number], None)
        if moment is not None:
            heappush(self._queue, (moment, case.planned.number, case))

    def _queue_feeds(self) -> None:
        referrals, events = self._referral_rows(), self._event_rows()
        for days_ago in sorted({*referrals, *events}, reverse=True):
            if rows := referrals.get(days_ago):
                moment = self._working.moment(days_ago, FEED_TIME)
                heappush(self._queue, (moment, -2 - days_ago, self._feed(moment, days_ago, rows)))
            if rows := events.get(days_ago):
                moment = self._working.moment(days_ago, EVENTS_TIME)
                heappush(self._queue, (moment, -1, self._events(moment, rows)))

    def _referral_rows(self) -> dict[int, list[dict[str, str]]]:
        by_day: dict[int, list[dict[str, str]]] = defaultdict(list)
        for case in self._cases:
            planned = case.planned
            if planned.scenario.source is not None:
                continue
            row = police.referral_row(planned, self._working, force=self._force)
            by_day[planned.age].append(row)
            if planned.scenario.name == "feed_conflict":
                number = planned.number + names.MOBILES // 3
                other = {**row, "phone": names.demo_phone(number, planned.chance("resent"))}
                by_day[planned.age - RESENT_AFTER].append(other)
        for days_ago, rows in by_day.items():
            unusable = police.unusable_row(self._working, days_ago, force=self._force)
            rows.extend([unusable] if unusable else [])
        return by_day

    def _event_rows(self) -> dict[int, list[dict[str, str]]]:
        by_day: dict[int, list[dict[str, str]]] = defaultdict(list)
        for case in self._cases:
            for days_ago, row in police.case_events(case.planned, self._working):
                by_day[days_ago].append(row)
        return by_day

    def _feed(self, moment: datetime, days_ago: int, rows: list[dict[str, str]]) -> QueuedImport:
        def run() -> None:
            self._import(police.referral_file(rows), ImportKind.POLICE_FEED, moment)
            self._have_come(days_ago)

        return run

    def _events(self, moment: datetime, rows: list[dict[str, str]]) -> QueuedImport:
        return lambda: self._import(police.events_file(rows), ImportKind.CASE_EVENTS, moment)

    def _import(self, content: bytes, kind: ImportKind, moment: datetime) -> None:
        import_file(
            io.BytesIO(content),
            ImportRequest(kind, f"{kind.value.replace('_', '-')}-{times.london_date(moment):%Y-%m-%d}.csv"),
            actor=self._actor,
            at=moment,
        )

    def _have_come(self, days_ago: int) -> None:
        """The referrals of a morning are here: their scenarios can begin."""
        come = {
            police.feed_reference(case.planned): case
            for case in self._cases
            if case.planned.age == days_ago and case.planned.scenario.source is None
        }
        with transaction(self._actor) as session:
            rows = session.execute(
                select(Referral.feed_reference, Referral.id).where(Referral.feed_reference.in_(come))
            ).all()
        for row in rows:
            come[row.feed_reference].referral_id = row.id
        for case in come.values():
            # Of a person who was known already, the force may have said something new about safe contact.
            case.plan = None
            self._go_on(case)


def _found(actor: Actor) -> dict[str, Any]:
    with transaction(actor) as session:
        people = session.scalar(select(func.count()).select_from(Person))
        states = session.execute(
            select(Referral.state, func.count()).group_by(Referral.state).order_by(Referral.state)
        ).all()
        onward = session.execute(
            select(OnwardReferral.state, func.count())
            .group_by(OnwardReferral.state)
            .order_by(OnwardReferral.state)
        ).all()
    return {
        "referrals": sum(row[1] for row in states),
        "people": people,
        "onward_referrals": sum(row[1] for row in onward),
        "states": {row[0].value: row[1] for row in states},
        "onward_states": {row[0].value: row[1] for row in onward},
    }
