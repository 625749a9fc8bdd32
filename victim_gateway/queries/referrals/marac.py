"""What was decided about MARAC for a person, on every referral of theirs that the reader may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import MaracDecision, Person, Referral, User
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.marac import MaracOutcome, MaracStanding, describe_standing, last_heard_before


@dataclass(frozen=True, slots=True)
class MaracRecord:
    """One decision, opened."""

    decision_id: UUID
    referral_id: UUID
    reference: str
    decided_on: date
    recorded_at: datetime
    by: str
    is_referred: bool
    reasons: tuple[str, ...]
    is_repeat: bool | None
    meeting_on: date | None
    outcome: str | None
    version: int
    note: str | None
    actions: str | None
    taken_back_at: datetime | None = None
    taken_back_because: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the agencies have not answered yet."""
        return self.is_referred and self.outcome is None and self.taken_back_at is None


# Made once: to build a statement takes longer than to send it.
_DECISIONS = (
    select(MaracDecision, Referral.reference, User.name, Person.id.label("person_id"), Person.key_id)
    .join(Referral, Referral.id == MaracDecision.referral_id)
    .join(Person, Person.id == Referral.person_id)
    .join(User, User.id == MaracDecision.by_id)
    .where(is_record_of(Referral.person_id, bindparam("person_id")))
    .order_by(MaracDecision.recorded_at.desc(), MaracDecision.id)
    .limit(50)
)
_HEARD = (
    select(MaracDecision.meeting_on)
    .join(Referral, Referral.id == MaracDecision.referral_id)
    .where(
        is_record_of(Referral.person_id, bindparam("person_id")),
        MaracDecision.outcome == MaracOutcome.HEARD.value,
        MaracDecision.taken_back_at.is_(None),
    )
)


def last_marac_referral(person_id: InstrumentedAttribute[UUID]) -> ScalarSelect[Any]:
    """The last referral to MARAC of the person of a row, as `describe_marac` reads it; for the header's statement."""
    decision, other = named_alias(MaracDecision, "decision"), named_alias(Referral, "other")
    return (
        select(func.jsonb_build_array(decision.meeting_on, decision.outcome, decision.is_repeat))
        .join(other, other.id == decision.referral_id)
        .where(
            is_record_of(other.person_id, person_id, of_row=Referral),
            decision.is_referred,
            decision.taken_back_at.is_(None),
            # One that was not accepted or was withdrawn does not hide a meeting that heard the person.
            decision.outcome.is_(None) | (decision.outcome == MaracOutcome.HEARD.value),
        )
        .order_by(decision.recorded_at.desc(), decision.id)
        .limit(1)
        .scalar_subquery()
    )


def describe_marac(last: Sequence[Any] | None, referral: Referral, today: date) -> str | None:
    """What the alert says of MARAC, from what `last_marac_referral` found; None for no alert."""
    if last is None:
        return None
    meeting_on, outcome, is_repeat = last
    standing = MaracStanding(date.fromisoformat(meeting_on) if meeting_on else None, outcome, bool(is_repeat))
    return describe_standing(
        standing,
        incident_on=incident_day(referral),
        today=today,
        months=current_settings().area.triage.marac_repeat_months,
    )


def marac_records(session: Session, person_id: UUID, key: bytes) -> tuple[MaracRecord, ...]:
    """Every decision about a person, newest first; `key` opens what is sealed about them.

    Those on their other records too, each opened with the key of its own record.
    """
    rows = session.execute(_DECISIONS, {"person_id": person_id}).all()
    of_others = {row.key_id for row in rows if row.person_id != person_id}
    keys = encrypted_rows.open_keys(session, of_others) if of_others else {}
    return tuple(
        _record(row.MaracDecision, row.reference, row.name, keys.get(row.key_id, key)) for row in rows
    )


def repeat_since(session: Session, referral: Referral) -> date | None:
    """The meeting that makes a referral a MARAC repeat, as the rule proposes; None where it proposes none."""
    heard = [day for day in session.scalars(_HEARD, {"person_id": referral.person_id}) if day is not None]
    return last_heard_before(
        heard, incident_day(referral), current_settings().area.triage.marac_repeat_months
    )


def incident_day(referral: Referral) -> date:
    """The London date of what is reported: of the incident, else of the report, else of the receipt.

    Of abuse that lasted, its last day: what went on after a meeting is a repeat, whenever it began.
    """
    happened = referral.occurred_to or referral.occurred_from
    return times.london_date(happened or referral.reported_at or referral.received_at)


def _record(row: MaracDecision, reference: str, by: str, key: bytes) -> MaracRecord:
    return MaracRecord(
        decision_id=row.id,
        referral_id=row.referral_id,
        reference=reference,
        decided_on=row.decided_on,
        recorded_at=row.recorded_at,
        by=by,
        is_referred=row.is_referred,
        reasons=tuple(row.reasons),
        is_repeat=row.is_repeat,
        meeting_on=row.meeting_on,
        outcome=row.outcome,
        version=row.version,
        note=_opened(key, "marac_decision", row.id, row.sealed),
        actions=_opened(key, "marac_decision.outcome", row.id, row.sealed_outcome),
        taken_back_at=row.taken_back_at,
        taken_back_because=_opened(key, "marac_decision.taken_back", row.id, row.taken_back_sealed),
    )


def _opened(key: bytes, table: str, row_id: UUID, sealed: bytes | None) -> str | None:
    if sealed is None:
        return None
    text: str = encrypted_rows.unseal_row(key, table, row_id, sealed)["words"]
    return text
