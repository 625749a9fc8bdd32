"""What to talk about with a person: what they should have been told by now, what they said, what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.compliance.clocks import Status
from victim_gateway.compliance.plain_rights import PlainRight, plain_rights
from victim_gateway.models import CaseEvent
from victim_gateway.queries.referrals.rights import ExplainedClock, explained_clocks
from victim_gateway.queries.referrals.withholdings import kept_back_ids
from victim_gateway.rules.complaints import is_recorded_complaint
from victim_gateway.vocabulary import RightsAnswer

ANSWER_EVENT = "rights.answered"
_ASKED = (Status.OVERDUE.value, Status.UNKNOWN.value, Status.RUNNING.value)


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """What the person said about a promise when they were last asked."""

    answer: RightsAnswer
    asked_on: date


@dataclass(frozen=True, slots=True)
class RightToDiscuss:
    """One promise to talk about, in plain words; `is_due` says that it should have been kept by now."""

    clock: ExplainedClock
    clock_id: UUID
    plain: PlainRight
    is_due: bool
    last_answer: PastAnswer | None


@dataclass(frozen=True, slots=True)
class RightsConversation:
    """The promises to ask about, the most urgent first; those kept are listed so that nobody asks again.

    `kept_back` are withheld to keep the person safe and must not be mentioned.
    """

    due: tuple[RightToDiscuss, ...]
    to_come: tuple[RightToDiscuss, ...]
    done: tuple[RightToDiscuss, ...]
    kept_back: tuple[RightToDiscuss, ...]

    @property
    def asked(self) -> tuple[RightToDiscuss, ...]:
        """Everything that the form asks about."""
        return (*self.due, *self.to_come)


def rights_conversation(session: Session, referral_id: UUID, *, at: datetime) -> RightsConversation:
    """Every promise to this person as it stands at `at`; what does not apply to them is left out."""
    plain, answers = plain_rights(), _past_answers(session, referral_id)
    today, unsafe = times.london_date(at), kept_back_ids(session, referral_id)
    found: dict[str, list[RightToDiscuss]] = {"due": [], "to_come": [], "done": [], "kept_back": []}
    for clock in _once_each(explained_clocks(session, referral_id, at=at)):
        if clock.clock_id is None or clock.is_local or clock.entitlement_id not in plain:
            continue
        if is_recorded_complaint(clock.subject):
            continue
        part = "kept_back" if _is_unsafe(clock, unsafe) else _part_of(clock, today)
        if part is not None:
            right = RightToDiscuss(
                clock,
                clock.clock_id,
                plain[clock.entitlement_id],
                part == "due",
                answers.get((clock.entitlement_id, clock.subject, clock.started_at.isoformat())),
            )
            found[part].append(right)
    return RightsConversation(**{name: tuple(rights) for name, rights in found.items()})


def _once_each(clocks: Iterable[ExplainedClock]) -> list[ExplainedClock]:
    """Leave out a promise that runs twice about the same: it is asked about once, of the time it began first."""
    first: dict[tuple[str, str | None, date | None, bool], ExplainedClock] = {}
    for clock in clocks:
        about = (clock.entitlement_id, clock.subject, clock.due_on, clock.stopped_on is None)
        known = first.get(about)
        if known is None or clock.started_at < known.started_at:
            first[about] = clock
    return list(first.values())


def _is_unsafe(clock: ExplainedClock, unsafe: frozenset[str]) -> bool:
    """Withheld by the clock, or asked for and not decided yet: both are left unsaid."""
    if clock.stopped_on is not None:
        return False
    return clock.status == Status.WITHHELD_FOR_SAFETY.value or clock.entitlement_id in unsafe


def _part_of(clock: ExplainedClock, today: date) -> str | None:
    if clock.stopped_on is not None:
        return "done"
    if clock.status not in _ASKED:
        return None
    # A duty without a limit is owed from the day it began.
    return "to_come" if clock.due_on is not None and clock.due_on > today else "due"


_ANSWERS = (
    select(CaseEvent.details, CaseEvent.subject, CaseEvent.occurred_at)
    .where(CaseEvent.referral_id == bindparam("referral_id"), CaseEvent.event == ANSWER_EVENT)
    .order_by(CaseEvent.sequence)
)


def _past_answers(session: Session, referral_id: UUID) -> dict[tuple[str, str | None, str], PastAnswer]:
    """The last answer to each clock; a clock is named by its entitlement, its subject and when it started."""
    rows = session.execute(_ANSWERS, {"referral_id": referral_id})
    return {
        (row.details["entitlement_id"], row.subject, row.details["started_at"]): PastAnswer(
            RightsAnswer(row.details["answer"]), times.london_date(row.occurred_at)
        )
        for row in rows
    }
