"""Invents referrals in every combination that the next action depends on, and writes them many at once."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count, product
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from victim_gateway.compliance.editions import LOCAL
from victim_gateway.database.bulk_insert import insert_rows
from victim_gateway.extensions import Base
from victim_gateway.models import (
    CaseEvent,
    CodeEntitlement,
    Consent,
    ContactAttempt,
    EntitlementClock,
    OnwardReferral,
    Person,
    Referral,
    SafeContactPlan,
    Task,
    TriageAssessment,
    WrappedKey,
)
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    DeclineReason,
    EventKind,
    EvidenceGrade,
    HeldReason,
    NextAction,
    OnwardState,
    ReferralSource,
    ReferralState,
    Risk,
    SafeAnswer,
    ServiceOutcome,
    TaskKind,
    WaitingOn,
)

BEFORE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_DAYS = [None, *(date(2026, 3, 2) + timedelta(days=number) for number in range(12))]
_MOMENTS = [BEFORE + timedelta(hours=7 * number) for number in range(12)]
_STILL_OPEN_TO_PROVIDER = {
    OnwardState.DRAFT,
    OnwardState.OFFERED,
    OnwardState.ACKNOWLEDGED,
    OnwardState.INFORMATION_REQUESTED,
    OnwardState.ACCEPTED,
    OnwardState.IN_SERVICE,
    OnwardState.CLOSED,
}
_CLOCK_STATUSES = ("running", "running", "overdue", "met", "declined", "unknown")
_NOT_LOCAL = "2020"
_numbers = count(1)


@dataclass(frozen=True)
class OnwardCase:
    """An onward referral; `is_confirmed` matters for a decline only."""

    state: OnwardState
    is_confirmed: bool
    answer_due_on: date | None
    is_access_ended: bool
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True)
class TaskCase:
    kind: TaskKind
    due_on: date | None
    is_done: bool = False


@dataclass(frozen=True)
class ClockCase:
    """A clock of this edition and owner; it is of the onward referral with this index, or of none."""

    edition: str
    owner: str
    status: str
    due_on: date | None
    onward: int | None


@dataclass(frozen=True)
class PlanCase:
    """The safe-contact plan in force; the one before it said the opposite.

    `checked_at` is when the person was asked. `is_check_open`: a check hangs on one of the person's referrals.
    """

    safe: SafeAnswer
    channels: tuple[str, ...] = ()
    checked_at: datetime = BEFORE
    is_check_open: bool = False


PLANS = (
    PlanCase(SafeAnswer.YES, ("phone", "voicemail")),
    PlanCase(SafeAnswer.YES, ("post",)),
    PlanCase(SafeAnswer.YES),
    PlanCase(SafeAnswer.YES, ("voicemail",)),
    PlanCase(SafeAnswer.NO),
    PlanCase(SafeAnswer.UNKNOWN),
    PlanCase(SafeAnswer.YES, ("phone",), BEFORE - timedelta(days=26)),
    PlanCase(SafeAnswer.YES, ("phone",), is_check_open=True),
)


@dataclass(frozen=True)
class ReferralCase:
    """A referral with all that hangs on it, and what was cached on it before."""

    state: ReferralState
    is_assigned: bool
    onward: tuple[OnwardCase, ...]
    tasks: tuple[TaskCase, ...]
    is_assessed: bool
    attempts: tuple[AttemptOutcome, ...]
    clocks: tuple[ClockCase, ...]
    cached: tuple[NextAction, WaitingOn, date | None]
    plan: PlanCase | None
    risk: Risk
    is_domestic_abuse: bool
    officer_grade: str | None
    since: datetime
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True)
class Surroundings:
    """Who did all this, and a provider with a service for each onward referral of a referral: all there already.

    The people, the handover's key and the consent are written: a person for each answer to safe contact, and one of
    the rest for all the referrals.
    """

    user_id: UUID
    provider_id: UUID
    service_ids: Sequence[UUID]
    people: Mapping[PlanCase | None, UUID] = field(
        default_factory=lambda: {plan: uuid4() for plan in (None, *PLANS)}
    )
    handover_key_id: UUID = field(default_factory=uuid4)
    consent_id: UUID = field(default_factory=uuid4)


def invent_referrals(chance: random.Random, *, crowded: int) -> Iterator[ReferralCase]:
    """Every state, assigned or not, with each onward state and each open task; what was done and all dates are
    drawn. Then all that a reopened referral may have behind it, referrals that wait for a provider (few of the
    others do), and `crowded` ones with much at once.
    """
    onward_states = [None, *OnwardState]
    for state, is_assigned, onward, task in product(
        ReferralState, (True, False), onward_states, [None, *TaskKind]
    ):
        onward_of = () if onward is None else (_onward(chance, onward),)
        tasks_of = () if task is None else (_task(chance, task),)
        yield _case(chance, state, is_assigned, onward_of, tasks_of)
    for is_assessed, outcome in product((True, False), [None, *AttemptOutcome]):
        attempts = () if outcome is None else (outcome,)
        yield _case(chance, ReferralState.REOPENED, True, (), (), done=(is_assessed, attempts))
    for state, _ in product((ReferralState.TRIAGED, ReferralState.SUPPORTED), range(50)):
        offered = (OnwardState.OFFERED, OnwardState.ACKNOWLEDGED, OnwardState.IN_SERVICE)
        onward_of = tuple(_onward(chance, chance.choice(offered)) for _ in range(chance.randint(1, 2)))
        yield _case(chance, state, True, onward_of, ())
    for _ in range(crowded):
        yield _case(
            chance,
            chance.choice(list(ReferralState)),
            chance.random() < 0.8,
            tuple(_onward(chance, chance.choice(list(OnwardState))) for _ in range(chance.randint(0, 3))),
            tuple(_task(chance, chance.choice(list(TaskKind))) for _ in range(chance.randint(0, 3))),
        )


def write_referrals(session: Session, cases: Sequence[ReferralCase], around: Surroundings) -> None:
    """Write the referrals and what hangs on them; needs the owner's rights."""
    onward = [(case, number, each) for case in cases for number, each in enumerate(case.onward)]
    tasks = [(case, each) for case in cases for each in case.tasks]
    clocks = [(case, each, uuid4()) for case in cases for each in case.clocks]
    entitlements = _entitlements(session)
    _write_people(session, around)
    _write(session, Referral, [_referral(case, around) for case in cases])
    _write(session, OnwardReferral, [_onward_referral(*each, around) for each in onward])
    _write(session, Task, [_task_row(case, each) for case, each in tasks] + _check_rows(cases, around))
    _write(session, TriageAssessment, [_assessment(case, around) for case in cases if case.is_assessed])
    _write(
        session,
        ContactAttempt,
        [_attempt(case, outcome, around) for case in cases for outcome in case.attempts],
    )
    _write(session, CaseEvent, [_start_event(case, clock, event_id) for case, clock, event_id in clocks])
    _write(session, EntitlementClock, [_clock(*each, entitlements) for each in clocks])
    # Thousands of rows in tables that were empty: without statistics their joins are planned as if they still were.
    for table in (
        Referral,
        OnwardReferral,
        Task,
        TriageAssessment,
        ContactAttempt,
        CaseEvent,
        EntitlementClock,
    ):
        session.execute(text(f"ANALYZE {table.__tablename__}"))


def _case(
    chance: random.Random,
    state: ReferralState,
    is_assigned: bool,
    onward: tuple[OnwardCase, ...],
    tasks: tuple[TaskCase, ...],
    *,
    done: tuple[bool, tuple[AttemptOutcome, ...]] | None = None,
) -> ReferralCase:
    attempts = tuple(chance.choices(list(AttemptOutcome), k=chance.choice((0, 0, 1, 2))))
    is_assessed, attempts = done or (chance.random() < 0.4, attempts)
    if chance.random() < 0.2:
        tasks += (_task(chance, chance.choice(list(TaskKind)), is_done=True),)
    cached = (chance.choice(list(NextAction)), chance.choice(list(WaitingOn)), chance.choice(_DAYS))
    clocks = tuple(_invent_clock(chance, onward) for _ in range(chance.choice((0, 1, 1, 2, 4))))
    # Mostly safe, or one rule would decide on nearly all of them.
    plan = PLANS[0] if done or chance.random() < 0.7 else chance.choice((None, *PLANS))
    return ReferralCase(
        state,
        is_assigned,
        onward,
        tasks,
        is_assessed,
        attempts,
        clocks,
        cached,
        plan,
        risk=chance.choice(list(Risk)),
        is_domestic_abuse=chance.random() < 0.1,
        officer_grade=chance.choice((None, None, "standard", "medium", "high")),
        since=BEFORE - timedelta(days=chance.choice((0, 0, 1, 2, 5)), hours=chance.randrange(24)),
    )


def _onward(chance: random.Random, state: OnwardState) -> OnwardCase:
    is_ended = state not in _STILL_OPEN_TO_PROVIDER or chance.random() < 0.1
    return OnwardCase(state, chance.random() < 0.5, chance.choice(_DAYS), is_ended)


def _task(chance: random.Random, kind: TaskKind, *, is_done: bool = False) -> TaskCase:
    return TaskCase(kind, chance.choice(_DAYS), is_done)


def _invent_clock(chance: random.Random, onward: tuple[OnwardCase, ...]) -> ClockCase:
    number = chance.randrange(len(onward)) if onward and chance.random() < 0.8 else None
    return ClockCase(
        edition=LOCAL if chance.random() < 0.8 else _NOT_LOCAL,
        owner=chance.choice(("gateway", "provider")),
        status=chance.choice(_CLOCK_STATUSES),
        due_on=chance.choice(_DAYS),
        onward=number,
    )


def _write(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Write rows as COPY does, which knows nothing of the defaults that a model gives."""
    columns = [column for column in model.__table__.columns if column.default is not None]
    for row in rows:
        for column in columns:
            if column.name not in row:
                default: Any = column.default
                row[column.name] = default.arg(None) if default.is_callable else default.arg
    insert_rows(session, model, rows)


def _write_people(session: Session, around: Surroundings) -> None:
    """People without names, each with an answer to safe contact; the first agreed to go to the provider."""
    keys = {"keyring_id": "none", "wrapped": b"", "created_at": BEFORE}
    first, *_ = around.people.values()
    handover = {"subject_id": first, "organisation_id": around.provider_id}
    session.add(WrappedKey(id=around.handover_key_id, purpose="handover", **handover, **keys))
    for person_id in around.people.values():
        session.add(WrappedKey(id=person_id, purpose="person", **keys))
    session.flush()
    for person_id in around.people.values():
        person = {"id": person_id, "key_id": person_id, "sealed": b""}
        session.add(Person(**person, created_at=BEFORE, updated_at=BEFORE))
    session.flush()
    for plan, person_id in around.people.items():
        if plan is not None:
            session.add_all(_plan_versions(plan, person_id))
    session.add(
        Consent(
            id=around.consent_id,
            person_id=first,
            recipient_organisation_id=around.provider_id,
            purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
            agreed=True,
            how=ConsentHow.SPOKEN,
            given_at=BEFORE,
            recorded_at=BEFORE,
        )
    )
    session.flush()


def _plan_versions(plan: PlanCase, person_id: UUID) -> tuple[SafeContactPlan, SafeContactPlan]:
    opposite = SafeAnswer.NO if plan.safe is SafeAnswer.YES and plan.channels else SafeAnswer.YES
    each = {"person_id": person_id, "sealed": b"", "stated_by": "person", "checked_at": plan.checked_at}
    return (
        SafeContactPlan(
            **each,
            version=1,
            safe=opposite,
            safe_channels=["phone"] if opposite is SafeAnswer.YES else [],
            recorded_at=BEFORE,
            superseded_at=BEFORE,
        ),
        SafeContactPlan(
            **each, version=2, safe=plan.safe, safe_channels=list(plan.channels), recorded_at=BEFORE
        ),
    )


def _entitlements(session: Session) -> dict[tuple[str, str], str]:
    """An entitlement for each edition and owner.

    No edition of the Code names these owners, so one of each is invented: else it would not show whether the
    statement looks at the edition.
    """
    for owner in ("gateway", "provider"):
        local = session.scalars(
            select(CodeEntitlement)
            .where(CodeEntitlement.edition == LOCAL, CodeEntitlement.owner == owner)
            .order_by(CodeEntitlement.entitlement_id)
        ).first()
        assert local is not None
        columns = {column.name: getattr(local, column.name) for column in CodeEntitlement.__table__.columns}
        session.execute(
            insert(CodeEntitlement).values(
                columns | {"edition": _NOT_LOCAL, "entitlement_id": f"invented.{owner}"}
            )
        )
    rows = select(CodeEntitlement.edition, CodeEntitlement.owner, CodeEntitlement.entitlement_id)
    return {(edition, owner): key for edition, owner, key in session.execute(rows)}


def _referral(case: ReferralCase, around: Surroundings) -> dict[str, Any]:
    action, waiting_on, due_on = case.cached
    is_closed = case.state is ReferralState.CLOSED
    return {
        "id": case.id,
        "reference": f"N-{next(_numbers):07}-{case.id.hex[:6]}",
        "person_id": around.people[case.plan],
        "source": ReferralSource.AGENCY,
        "received_at": BEFORE,
        "offence": "Burglary",
        "sealed": b"",
        "state": case.state,
        "held_reason": HeldReason.NO_CONTACT_DETAILS if case.state is ReferralState.HELD else None,
        "assigned_to_id": around.user_id if case.is_assigned else None,
        "next_act": action,
        "waiting_on": waiting_on,
        "next_due_on": due_on,
        "next_since": case.since,
        "risk": case.risk,
        "domestic_abuse": case.is_domestic_abuse,
        "officer_grade": case.officer_grade,
        "closed_at": BEFORE if is_closed else None,
        "outcome": CloseOutcome.OTHER if is_closed else None,
    }


def _onward_referral(
    case: ReferralCase, number: int, onward: OnwardCase, around: Surroundings
) -> dict[str, Any]:
    is_declined, is_closed = onward.state is OnwardState.DECLINED, onward.state is OnwardState.CLOSED
    return {
        "id": onward.id,
        "reference": f"NO-{onward.id.hex}",
        "referral_id": case.id,
        "person_id": around.people[case.plan],
        "provider_id": around.provider_id,
        "service_id": around.service_ids[number],
        "consent_id": around.consent_id,
        "key_id": around.handover_key_id,
        "handover_sealed": b"",
        "safe_contact_sealed": b"",
        "state": onward.state,
        "offered_at": BEFORE,
        "offered_by_id": around.user_id,
        "answer_due_on": onward.answer_due_on,
        "decline_reason": DeclineReason.NO_CAPACITY if is_declined else None,
        "decline_confirmed_at": BEFORE if onward.is_confirmed else None,
        "outcome": ServiceOutcome.NEEDS_MET if is_closed else None,
        "provider_access_ended_at": BEFORE if onward.is_access_ended else None,
    }


def _task_row(case: ReferralCase, task: TaskCase) -> dict[str, Any]:
    return {
        "kind": task.kind,
        "referral_id": case.id,
        "dedupe_key": uuid4().hex,
        "created_at": BEFORE,
        "due_on": task.due_on,
        "done_at": BEFORE if task.is_done else None,
    }


def _check_rows(cases: Sequence[ReferralCase], around: Surroundings) -> list[dict[str, Any]]:
    """The open checks of safe contact: one for a person, on the first of their referrals."""
    first = {case.plan: case for case in reversed(cases) if case.plan is not None and case.plan.is_check_open}
    return [
        {
            **_task_row(case, TaskCase(TaskKind.SAFE_CONTACT_CHECK, _DAYS[3])),
            "dedupe_key": f"safe-contact:{around.people[plan]}",
        }
        for plan, case in first.items()
    ]


def _moment(row_id: UUID, what: str) -> datetime:
    """A moment after BEFORE, in the evening at times: another one for each row and kind of thing, no more."""
    return random.Random(f"{what} {row_id}").choice(_MOMENTS)


def _assessment(case: ReferralCase, around: Surroundings) -> dict[str, Any]:
    return {
        "referral_id": case.id,
        "version": 1,
        "assessed_at": BEFORE,
        "recorded_at": _moment(case.id, "assessment"),
        "by_id": around.user_id,
        "needs": {},
        "risk": Risk.STANDARD,
    }


def _attempt(case: ReferralCase, outcome: AttemptOutcome, around: Surroundings) -> dict[str, Any]:
    return {
        "referral_id": case.id,
        "attempted_at": _moment(case.id, "attempt"),
        "recorded_at": BEFORE,
        "by_id": around.user_id,
        "channel": Channel.PHONE,
        "outcome": outcome,
        "safety_checked": True,
    }


def _start_event(case: ReferralCase, clock: ClockCase, event_id: UUID) -> dict[str, Any]:
    return {
        "id": event_id,
        "referral_id": case.id,
        "onward_referral_id": None if clock.onward is None else case.onward[clock.onward].id,
        "kind": EventKind.LOCAL,
        "event": "referral_received",
        "occurred_at": BEFORE,
        "recorded_at": _moment(event_id, "event"),
        "source": "test",
        "grade": EvidenceGrade.SYSTEM_RECORD,
    }


def _clock(
    case: ReferralCase,
    clock: ClockCase,
    event_id: UUID,
    entitlements: dict[tuple[str, str], str],
) -> dict[str, Any]:
    return {
        "referral_id": case.id,
        "edition": clock.edition,
        "entitlement_id": entitlements[clock.edition, clock.owner],
        "start_event_id": event_id,
        "started_at": BEFORE,
        "started_on": BEFORE.date(),
        "unit": "working_days",
        "enhanced": False,
        "due_on": clock.due_on,
        "status": clock.status,
        "late_status": "overdue",
        "computed_as_at": BEFORE,
    }
