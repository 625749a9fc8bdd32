"""A person's rights as clocks, each with its status and explanation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, Executable, bindparam, func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.compliance.clocks import Clock, Status
from victim_gateway.compliance.editions import LOCAL, code_editions
from victim_gateway.compliance.evaluate import evaluate
from victim_gateway.compliance.explain import explain_clock
from victim_gateway.compliance.plain_wording import duty_wording
from victim_gateway.database.current import current_settings
from victim_gateway.database.reference_data import area_edition
from victim_gateway.models import EntitlementClock
from victim_gateway.queries.compliance.evaluation_inputs import (
    event_from_row,
    facts_from_row,
    known_events,
    known_facts,
)
from victim_gateway.rules.complaints import is_recorded_complaint
from victim_gateway.vocabulary import EventKind, EvidenceGrade

LATE = (Status.MET_LATE.value, Status.OVERDUE.value)


@dataclass(frozen=True, slots=True)
class ExplainedClock:
    """One clock. `evidence` is how we know that the duty was done, None while it was not."""

    clock_id: UUID | None
    entitlement_id: str
    edition: str
    is_local: bool
    right: str
    name: str
    owner: str
    subject: str | None
    started_at: datetime
    due_on: date | None
    status: str
    enhanced: bool
    stopped_on: date | None
    evidence: EvidenceGrade | None
    because: str

    @property
    def may_be_told(self) -> bool:
        """Whether a caseworker can still record what the person says about it."""
        is_open = not self.is_local and self.stopped_on is None and self.clock_id is not None
        return is_open and not is_recorded_complaint(self.subject)


@dataclass(frozen=True, slots=True)
class RightsSummary:
    """The Code's promises in a few numbers: done in time, late, not known, still to come.

    Those without a limit can't be late, so they are counted by themselves: `unlimited_done` of `unlimited`.
    """

    in_time: int
    late: int
    unknown: int
    running: int
    next_due_on: date | None
    unlimited: int
    unlimited_done: int


def explained_clocks(session: Session, referral_id: UUID, *, at: datetime) -> tuple[ExplainedClock, ...]:
    """Every clock of the referral as it stands at `at`, evaluated by the pure core.

    The most urgent first, and those without a limit last.
    """
    row = known_facts(session, referral_id, at)
    if row is None:
        return ()
    known, events = facts_from_row(row), known_events(session, referral_id, at)
    code = [
        event_from_row(event) for event in events if event.kind is EventKind.CODE and row.opens_code_clocks
    ]
    local = [event_from_row(event) for event in events if event.kind is EventKind.LOCAL]
    clocks = [
        *evaluate((area_edition(current_settings().area),), known, local, at),
        *evaluate(code_editions(), known, code, at),
    ]
    grades = {str(event.id): event.grade for event in events}
    ids = _clock_ids(session, referral_id)
    return tuple(sorted((_promise(clock, grades, ids) for clock in clocks), key=_by_urgency))


def rights_summary(session: Session, referral_id: UUID, *, at: datetime) -> RightsSummary:
    """The Code's clocks as stored, counted; a running one whose day has passed counts as what it then is."""
    values = {"referral_id": referral_id, "today": times.london_date(at)}
    return RightsSummary(**session.execute(_SUMMARY, values).one()._mapping)


def _summary_statement() -> Executable:
    clock, today = EntitlementClock, bindparam("today", type_=Date)
    has_limit = clock.due_on.is_not(None)
    met = clock.status == Status.MET.value
    passed = (clock.status == Status.RUNNING.value) & (clock.due_on < today)
    running = (clock.status == Status.RUNNING.value) & (clock.due_on >= today)
    late = clock.status.in_(LATE) | (passed & (clock.late_status == Status.OVERDUE.value))
    unknown = (clock.status == Status.UNKNOWN.value) | (passed & (clock.late_status == Status.UNKNOWN.value))
    return select(
        func.count().filter(met & has_limit).label("in_time"),
        func.count().filter(late).label("late"),
        func.count().filter(unknown).label("unknown"),
        func.count().filter(running).label("running"),
        func.min(clock.due_on).filter(running).label("next_due_on"),
        func.count().filter(~has_limit).label("unlimited"),
        func.count().filter(met & ~has_limit).label("unlimited_done"),
    ).where(clock.referral_id == bindparam("referral_id"), clock.edition != LOCAL)


# Made once: to build a statement takes longer than to send it.
_SUMMARY = _summary_statement()


def _clock_ids(session: Session, referral_id: UUID) -> dict[tuple[str, str, str], UUID]:
    rows = session.execute(
        select(
            EntitlementClock.id,
            EntitlementClock.start_event_id,
            EntitlementClock.edition,
            EntitlementClock.entitlement_id,
        ).where(EntitlementClock.referral_id == referral_id)
    )
    return {(str(row.start_event_id), row.edition, row.entitlement_id): row.id for row in rows}


def _promise(
    clock: Clock, grades: dict[str, EvidenceGrade], ids: dict[tuple[str, str, str], UUID]
) -> ExplainedClock:
    item = clock.entitlement
    stopped = clock.stop
    return ExplainedClock(
        clock_id=ids.get((clock.start.event_id or "", clock.edition.key, item.entitlement_id)),
        entitlement_id=item.entitlement_id,
        edition=clock.edition.key,
        is_local=clock.edition.key == LOCAL,
        right=item.right,
        name=duty_wording(item),
        owner=item.owner,
        subject=clock.start.subject,
        started_at=clock.started_at,
        due_on=clock.due_on,
        status=clock.status.value,
        enhanced=clock.enhanced,
        stopped_on=times.london_date(stopped.occurred_at) if stopped else None,
        evidence=grades.get(stopped.event_id or "") if stopped else None,
        because=explain_clock(clock),
    )


_ORDER = ("overdue", "running", "unknown", "met_late", "met")


def _by_urgency(promise: ExplainedClock) -> tuple[bool, int, date, str]:
    place = _ORDER.index(promise.status) if promise.status in _ORDER else len(_ORDER)
    return (promise.due_on is None, place, promise.due_on or date.max, promise.name)


def summarise_clocks(items: Iterable[ExplainedClock]) -> RightsSummary:
    """The same numbers from clocks that are already loaded."""
    of_the_code = [item for item in items if not item.is_local]
    code = [item for item in of_the_code if item.due_on is not None]
    unlimited = [item for item in of_the_code if item.due_on is None]
    running = [item for item in code if item.status == Status.RUNNING.value]
    return RightsSummary(
        in_time=sum(item.status == Status.MET.value for item in code),
        late=sum(item.status in LATE for item in code),
        unknown=sum(item.status == Status.UNKNOWN.value for item in code),
        running=len(running),
        next_due_on=min((item.due_on for item in running if item.due_on), default=None),
        unlimited=len(unlimited),
        unlimited_done=sum(item.status == Status.MET.value for item in unlimited),
    )
