"""After a person was corrected: whom they look like now, proposed to a caseworker once, never merged."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
from victim_gateway.vocabulary import TaskKind


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
    people = [
        {
            "person_id": str(other_id),
            "weight": round(comparison.match_weight, 1),
            "explanation": level_codes(comparison.levels),
        }
        for other_id, comparison in found
        if other_id in seen
    ]
    if people:
        asked = NewTask(
            kind=TaskKind.POSSIBLE_SAME_PERSON,
            referral_id=action.referral.id,
            dedupe_key=f"same-person-after-change:{person_id}",
            details={"people": people},
        )
        tasks.open_task(session, asked, at=action.at)


def distinguished_people(session: Session, person_id: UUID) -> set[UUID]:
    """Those of whom a caseworker said that they are other people than this one."""
    rows = session.execute(
        select(PersonDistinction.lower_id, PersonDistinction.higher_id).where(
            or_(PersonDistinction.lower_id == person_id, PersonDistinction.higher_id == person_id),
            PersonDistinction.taken_back_at.is_(None),
        )
    )
    return {row.higher_id if row.lower_id == person_id else row.lower_id for row in rows}
