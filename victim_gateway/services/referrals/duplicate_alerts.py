"""Records that look like one person, proposed to a caseworker: after a correction, or by the pass over everybody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from victim_gateway.database.current import current_settings
from victim_gateway.models import Person, PersonDistinction
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.queries.people.search import likely_same_people
from victim_gateway.rules.identity_explanations import level_codes
from victim_gateway.services.shared import tasks
from victim_gateway.services.shared.case_action import ReferralAction
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import ProposalSource, TaskKind


@dataclass(frozen=True, slots=True)
class ProposedRecord:
    """A record that may be the same person. `explanation` are codes of levels, never values."""

    person_id: UUID
    match_weight: float
    explanation: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SameProposal:
    """Who may be one with the person of a referral; `due_on` None: as the kind of task is due."""

    referral_id: UUID
    dedupe_key: str
    people: Sequence[ProposedRecord]
    found_by: ProposalSource | None = None
    due_on: date | None = None


def propose_after_change(
    action: ReferralAction, changed: Collection[str], document: Mapping[str, Any]
) -> None:
    """Ask a caseworker to compare the person with those whom they are likely to be, now that a field has changed.

    Which fields ask is data of the area (`alert_fields`). Those who were said to be other people, records of the same
    person, and restricted and erased people are never proposed.
    """
    weights = current_settings().area.identity
    if not set(changed) & set(weights.alert_fields):
        return
    session, person_id = action.session, action.referral.person_id
    session.flush()
    ruled_out = {*records_of_person(session, person_id), *distinguished_people(session, person_id)}
    found = [
        (other_id, comparison)
        for other_id, comparison in likely_same_people(session, dict(document)).items()
        if other_id not in ruled_out
    ][: weights.most_proposed]
    seen = set(
        session.scalars(
            select(Person.id).where(
                Person.id.in_([other_id for other_id, _ in found]), Person.restricted.is_(False)
            )
        )
    )
    people = [(other_id, comparison) for other_id, comparison in found if other_id in seen]
    if people:
        asked = SameProposal(
            referral_id=action.referral.id,
            dedupe_key=f"same-person-after-change:{person_id}",
            people=[
                ProposedRecord(other_id, comparison.match_weight, level_codes(comparison.levels))
                for other_id, comparison in people
            ],
        )
        propose_same_person(session, asked, at=action.at)


def propose_same_person(session: Session, proposal: SameProposal, *, at: datetime) -> None:
    """Ask a caseworker whether the person of a referral and the people named are one; nothing is merged."""
    details: dict[str, Any] = {
        "people": [
            {
                "person_id": str(record.person_id),
                "weight": round(record.match_weight, 1),
                "explanation": list(record.explanation),
            }
            for record in proposal.people
        ]
    }
    if proposal.found_by is not None:
        details["found_by"] = proposal.found_by.value
    asked = NewTask(
        kind=TaskKind.POSSIBLE_SAME_PERSON,
        referral_id=proposal.referral_id,
        dedupe_key=proposal.dedupe_key,
        details=details,
        due_on=proposal.due_on,
    )
    tasks.open_task(session, asked, at=at)


def distinguished_people(session: Session, person_id: UUID) -> set[UUID]:
    """Those of whom a caseworker said that they are other people than this one."""
    rows = session.execute(
        select(PersonDistinction.lower_id, PersonDistinction.higher_id).where(
            or_(PersonDistinction.lower_id == person_id, PersonDistinction.higher_id == person_id),
            PersonDistinction.taken_back_at.is_(None),
        )
    )
    return {row.higher_id if row.lower_id == person_id else row.lower_id for row in rows}
