"""The promises made to a person and how each stands, with the sentence that says why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from victim_gateway import times
from victim_gateway.compliance.clocks import Clock, Status
from victim_gateway.compliance.editions import LOCAL, EnhancedCategory, code_editions
from victim_gateway.compliance.evaluate import evaluate
from victim_gateway.compliance.explain import because
from victim_gateway.compliance.facts import Declined, EnhancedPeriod, Event, Facts, VictimBasis, Withheld
from victim_gateway.models import CaseEvent, CaseFacts, EntitlementClock
from victim_gateway.reference_data import area_edition
from victim_gateway.transactions import settings
from victim_gateway.vocabulary import EventKind, EvidenceGrade

LATE = (Status.MET_LATE.value, Status.OVERDUE.value)


@dataclass(frozen=True, slots=True)
class Promise:
    """One clock. `evidence` is how we know that the act was done, None while it was not."""

    clock_id: UUID | None
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
        return not self.is_local and self.stopped_on is None and self.clock_id is not None


@dataclass(frozen=True, slots=True)
class Summary:
    """The Code's promises in a few numbers: done in time, late, not known, still to come."""

    in_time: int
    late: int
    unknown: int
    running: int
    next_due_on: date | None


def promises(session: Session, referral_id: UUID, *, at: datetime) -> tuple[Promise, ...]:
    """Every clock of the referral as it stands at `at`, evaluated by the pure core; the most urgent first."""
    facts = _facts(session, referral_id, at)
    rows = _events(session, referral_id, at)
    if facts is None:
        return ()
    row, known = facts
    code = [_event(event) for event in rows if event.kind is EventKind.CODE and row.opens_code_clocks]
    local = [_event(event) for event in rows if event.kind is EventKind.LOCAL]
    clocks = [
        *evaluate((area_edition(settings().area),), known, local, at),
        *evaluate(code_editions(), known, code, at),
    ]
    grades = {str(event.id): event.grade for event in rows}
    ids = _clock_ids(session, referral_id)
    return tuple(sorted((_promise(clock, grades, ids) for clock in clocks), key=_by_urgency))


def summary(session: Session, referral_id: UUID, *, at: datetime) -> Summary:
    """The Code's clocks as stored, counted; a running one whose day has passed counts as what it then is."""
    today = times.london_date(at)
    clock = EntitlementClock
    passed = (clock.status == Status.RUNNING.value) & (clock.due_on < today)
    running = (clock.status == Status.RUNNING.value) & or_(clock.due_on.is_(None), clock.due_on >= today)
    late = clock.status.in_(LATE) | (passed & (clock.late_status == Status.OVERDUE.value))
    unknown = (clock.status == Status.UNKNOWN.value) | (passed & (clock.late_status == Status.UNKNOWN.value))
    row = session.execute(
        select(
            func.count().filter(clock.status == Status.MET.value).label("in_time"),
            func.count().filter(late).label("late"),
            func.count().filter(unknown).label("unknown"),
            func.count().filter(running).label("running"),
            func.min(clock.due_on).filter(running).label("next_due_on"),
        ).where(clock.referral_id == referral_id, clock.edition != LOCAL)
    ).one()
    return Summary(row.in_time, row.late, row.unknown, row.running, row.next_due_on)


def _facts(session: Session, referral_id: UUID, at: datetime) -> tuple[CaseFacts, Facts] | None:
    row = session.scalars(
        select(CaseFacts)
        .where(CaseFacts.referral_id == referral_id, CaseFacts.recorded_at <= at)
        .order_by(CaseFacts.recorded_at.desc(), CaseFacts.sequence.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return row, Facts(
        victim_basis=VictimBasis(row.victim_basis),
        under_17=row.under_17,
        under_18=row.under_18,
        enhanced=tuple(
            EnhancedPeriod(
                EnhancedCategory(period["category"]),
                date.fromisoformat(period["from"]),
                date.fromisoformat(period["to"]) if period["to"] else None,
            )
            for period in row.enhanced
        ),
        conditions=row.conditions,
        observers=frozenset(row.observers),
        declined=tuple(
            Declined(item["entitlement_id"], datetime.fromisoformat(item["at"])) for item in row.declined
        ),
        withheld_for_safety=tuple(
            Withheld(
                item["entitlement_id"],
                datetime.fromisoformat(item["from"]),
                datetime.fromisoformat(item["until"]) if item["until"] else None,
            )
            for item in row.withheld
        ),
        cancelled_at=row.cancelled_at,
    )


def _events(session: Session, referral_id: UUID, at: datetime) -> list[CaseEvent]:
    """What moves clocks and was known at `at`, without what was taken back by then."""
    voiding = aliased(CaseEvent)
    taken_back = (
        select(voiding.id).where(voiding.voids_id == CaseEvent.id, voiding.recorded_at <= at).exists()
    )
    return list(
        session.scalars(
            select(CaseEvent)
            .where(
                CaseEvent.referral_id == referral_id,
                CaseEvent.kind.in_((EventKind.CODE, EventKind.LOCAL)),
                CaseEvent.voids_id.is_(None),
                CaseEvent.recorded_at <= at,
                ~taken_back,
            )
            .order_by(CaseEvent.sequence)
        )
    )


def _event(row: CaseEvent) -> Event:
    return Event(row.event, row.occurred_at, row.recorded_at, row.subject, str(row.id))


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
) -> Promise:
    item = clock.entitlement
    stopped = clock.stop
    return Promise(
        clock_id=ids.get((clock.start.event_id or "", clock.edition.key, item.entitlement_id)),
        edition=clock.edition.key,
        is_local=clock.edition.key == LOCAL,
        right=item.right,
        name=item.entitlement.replace(";", ","),
        owner=item.owner,
        subject=clock.start.subject,
        started_at=clock.started_at,
        due_on=clock.due_on,
        status=clock.status.value,
        enhanced=clock.enhanced,
        stopped_on=times.london_date(stopped.occurred_at) if stopped else None,
        evidence=grades.get(stopped.event_id or "") if stopped else None,
        because=because(clock),
    )


_ORDER = ("overdue", "running", "unknown", "met_late", "met")


def _by_urgency(promise: Promise) -> tuple[int, date, str]:
    place = _ORDER.index(promise.status) if promise.status in _ORDER else len(_ORDER)
    return (place, promise.due_on or date.max, promise.name)


def count(items: Iterable[Promise]) -> Summary:
    """The same few numbers from promises that are at hand."""
    code = [item for item in items if not item.is_local]
    running = [item for item in code if item.status == Status.RUNNING.value]
    return Summary(
        in_time=sum(item.status == Status.MET.value for item in code),
        late=sum(item.status in LATE for item in code),
        unknown=sum(item.status == Status.UNKNOWN.value for item in code),
        running=len(running),
        next_due_on=min((item.due_on for item in running if item.due_on), default=None),
    )
