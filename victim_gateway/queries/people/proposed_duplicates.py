"""Records that may be one person, as the open tasks propose them: the best match first, with why, without names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Float, cast, select
from sqlalchemy.orm import Session

from victim_gateway.database.audit_log import record_audit
from victim_gateway.models import Referral, Task
from victim_gateway.rules.identity_explanations import explain_match, levels_of_codes
from victim_gateway.vocabulary import TaskKind

MOST_SHOWN = 50
_WEIGHT = cast(Task.details["people"][0]["weight"].astext, Float)


@dataclass(frozen=True, slots=True)
class ProposedDuplicate:
    """One proposal: on which referral it stands, how many bits speak for it, and which fields agree.

    `found_by` is what looked through everybody to find it, None for an import or a correction.
    """

    task_id: UUID
    referral_id: UUID
    reference: str
    weight: float
    why: str
    others: int
    created_at: datetime
    due_on: date | None
    found_by: str | None


def proposed_duplicates(session: Session) -> tuple[tuple[ProposedDuplicate, ...], bool]:
    """The proposals that wait, those with the most weight first, and whether there are more."""
    rows = session.execute(
        select(Task.id, Task.referral_id, Referral.reference, Task.details, Task.created_at, Task.due_on)
        .join(Referral, Referral.id == Task.referral_id)
        .where(Task.kind == TaskKind.POSSIBLE_SAME_PERSON, Task.done_at.is_(None))
        .order_by(_WEIGHT.desc().nulls_last(), Task.id)
        .limit(MOST_SHOWN + 1)
    ).all()
    record_audit(session, "people.duplicates_listed", shown=len(rows[:MOST_SHOWN]))
    found = tuple(
        ProposedDuplicate(
            task_id=row.id,
            referral_id=row.referral_id,
            reference=row.reference,
            weight=float(best.get("weight") or 0),
            why=explain_match(levels_of_codes(best.get("explanation"))),
            others=max(0, len(people) - 1),
            created_at=row.created_at,
            due_on=row.due_on,
            found_by=row.details.get("found_by"),
        )
        for row in rows[:MOST_SHOWN]
        for people in [row.details.get("people") or [{}]]
        for best in [people[0]]
    )
    return found, len(rows) > MOST_SHOWN
