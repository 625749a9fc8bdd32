"""Whether a number or an address is dangerous on somebody else's record: a household often shares one."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, SelectBase, cast, exists, or_, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.database import encrypted_rows
from victim_gateway.email_addresses import email_readings
from victim_gateway.models import Person, PersonLink, SafeContactPlan, SuspectContact
from victim_gateway.phone_numbers import phone_readings
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.rules.person_links import NEVER_CONTACT_ROLES
from victim_gateway.rules.safe_contact import DETAIL_OF_CHANNEL, channel_answers
from victim_gateway.rules.victim_message_recipients import Recipient
from victim_gateway.services.shared.suspect_contacts import (
    hash_email_readings,
    hash_phone_readings,
    linked_as_suspects,
)
from victim_gateway.vocabulary import SafeAnswer


def is_of_linked_suspects(session: Session, person_id: UUID, recipient: str) -> bool:
    """Whether a linked suspect uses it by another spelling, or in their own plan, of which no hash is kept."""
    linked = linked_as_suspects(session, [person_id])
    if not linked:
        return False
    rows = session.execute(
        select(
            Person.id,
            Person.key_id,
            Person.sealed,
            SafeContactPlan.id.label("plan_id"),
            SafeContactPlan.sealed.label("plan"),
        )
        .outerjoin(
            SafeContactPlan,
            (SafeContactPlan.person_id == Person.id) & SafeContactPlan.superseded_at.is_(None),
        )
        .where(Person.id.in_(linked), Person.erased_at.is_(None))
    ).all()
    keys = encrypted_rows.open_keys(session, [row.key_id for row in rows])
    wanted = _readings(recipient)
    for row in rows:
        document = encrypted_rows.unseal_row(keys[row.key_id], "person", row.id, row.sealed)
        values = [document.get(name) for name in ("phone", "phone_2", "safe_number", "email")]
        if row.plan is not None:
            plan = encrypted_rows.unseal_row(keys[row.key_id], "safe_contact_plan", row.plan_id, row.plan)
            values += [plan.get("number"), plan.get("email")]
        if any(not wanted.isdisjoint(_readings(str(value))) for value in values if value):
            return True
    return False


def _readings(value: str) -> frozenset[str]:
    return frozenset(email_readings(value) if "@" in value else phone_readings(value))


def is_unsafe_for_another(
    session: Session, index: BlindIndex, person_id: UUID, recipient: Recipient | None
) -> bool:
    """Whether another person's plan in force calls it unsafe, or it is a suspect's for anybody at all.

    By post the whole postcode counts. Call it as the service: whose record it is must not matter.
    """
    if recipient is None:
        return False
    own = records_of_person(session, person_id)
    if isinstance(recipient, tuple):
        postcode = index.hash_repeated("postcode", fold_text(recipient[-1]))
        return _is_marked_unsafe(
            session, select(Person.id).where(Person.postcode_hash == postcode), own, "address"
        )
    if "@" in recipient:
        hashes, detail = hash_email_readings(index, recipient), "email"
        same = Person.email_hash.in_(hashes)
    else:
        hashes, detail = hash_phone_readings(index, recipient), "number"
        same = Person.phone_hashes.bool_op("&&")(cast(sorted(hashes), ARRAY(LargeBinary)))
    found = cast(sorted(hashes), ARRAY(LargeBinary))
    # Each by its own index: one condition over both tables would read them whole.
    having_it = union_all(
        select(Person.id).where(same),
        select(SafeContactPlan.person_id).where(
            SafeContactPlan.detail_hashes.bool_op("&&")(found), SafeContactPlan.superseded_at.is_(None)
        ),
    )
    return _is_forbidden_anywhere(session, hashes, same, own) or _is_marked_unsafe(
        session, having_it, own, detail
    )


def _is_forbidden_anywhere(
    session: Session, hashes: Collection[bytes], same: ColumnElement[bool], own: Collection[UUID]
) -> bool:
    recorded = exists().where(SuspectContact.value_hash.in_(hashes), SuspectContact.ended_at.is_(None))
    linked = exists().where(
        same,
        Person.id.not_in(own),
        PersonLink.other_person_id == Person.id,
        PersonLink.role.in_(NEVER_CONTACT_ROLES),
        PersonLink.ended_at.is_(None),
    )
    return bool(session.scalar(select(or_(recorded, linked))))


def _is_marked_unsafe(session: Session, having_it: SelectBase, own: Collection[UUID], detail: str) -> bool:
    rows = session.execute(
        select(SafeContactPlan.id, SafeContactPlan.safe, SafeContactPlan.sealed, Person.key_id)
        .join(Person, Person.id == SafeContactPlan.person_id)
        .where(
            Person.id.in_(having_it),
            Person.id.not_in(own),
            Person.erased_at.is_(None),
            SafeContactPlan.superseded_at.is_(None),
        )
    ).all()
    if any(row.safe is SafeAnswer.NO for row in rows):
        return True
    keys = encrypted_rows.open_keys(session, [row.key_id for row in rows])
    return any(
        _calls_unsafe(
            encrypted_rows.unseal_row(keys[row.key_id], "safe_contact_plan", row.id, row.sealed), detail
        )
        for row in rows
    )


def _calls_unsafe(document: dict[str, object], detail: str) -> bool:
    """Whether any way that leads to this detail is a no: a number that is answered by the wrong person is read too."""
    answers = channel_answers(document)
    return any(
        answer is SafeAnswer.NO and DETAIL_OF_CHANNEL[channel] == detail
        for channel, answer in answers.items()
    )
