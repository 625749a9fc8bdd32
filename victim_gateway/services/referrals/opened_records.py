"""Records of people that are locked and opened together: for what concerns more than one record of a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.models import Person, SafeContactPlan
from victim_gateway.queries.people.merged_records import living_records, records_of_person
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.services.referrals.safe_contact_plans import open_plan
from victim_gateway.services.shared import case_locks
from victim_gateway.vocabulary import SafeAnswer


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """A locked record with what is sealed in it, and its plan in force."""

    person: Person
    key: bytes
    document: Mapping[str, Any]
    plan: SafeContactPlan | None
    plan_document: Mapping[str, Any]

    @property
    def answers(self) -> tuple[SafeAnswer, Mapping[str, Any]]:
        """How the person may be reached by this record; unknown where nobody was ever asked."""
        return (self.plan.safe if self.plan else SafeAnswer.UNKNOWN), self.plan_document


def open_record(session: Session, person_id: UUID, *, lock: bool = False) -> OpenedRecord:
    """A record with what is sealed in it. Raises NotFound where it is absent, erased or not the actor's to see."""
    person, key = case_locks.open_person(session, person_id, lock=lock)
    plan = plan_in_force(session, person_id)
    document = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    return OpenedRecord(person, key, document, plan, open_plan(plan, key))


def lock_records(session: Session, person_ids: Sequence[UUID]) -> list[OpenedRecord]:
    """The referrals of these records and of all others of the same people, then the records, each in order.

    Gives the records in the order asked for, then the others that are not erased, whether or not the actor may see
    them: what is written of how a person may be reached is the same in each.
    """
    with as_service(session):
        every: set[UUID] = set()
        # Again once they are locked: meanwhile a colleague may have merged one more.
        while found := {each for one in person_ids for each in records_of_person(session, one)} - every:
            every |= found
            case_locks.lock_people_referrals(session, every)
        others = living_records(session, every - {*person_ids})
    opened = {}
    for person_id in sorted({*person_ids, *others}):
        with as_service(session) if person_id in others else nullcontext():
            opened[person_id] = open_record(session, person_id, lock=True)
    return [opened[person_id] for person_id in (*person_ids, *others)]
