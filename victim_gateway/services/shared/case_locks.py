"""Locks on the records of a case, always in one order: referrals, then the person, then onward referrals.

One order everywhere makes two actions at once wait for each other instead of locking each other up.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound, StaleVersion
from victim_gateway.models import CaseEvent, OnwardReferral, Person, Referral
from victim_gateway.queries.people.merged_records import records_of_people
from victim_gateway.services.shared import suspect_contacts

STALE_ONWARD = "Somebody changed this onward referral after you opened the page. Look at how it stands now."


class LockScope(Enum):
    """What an action locks before it decides, in the order of this module."""

    REFERRAL = auto()
    PERSON = auto()
    """The person after the referral: nobody changes how they may be reached meanwhile."""
    PERSON_REFERRALS = auto()
    """Every referral of the person, then the person: for actions that change those too."""


def lock_for_action(
    session: Session, referral_id: UUID, *, scope: LockScope, version: int | None = None
) -> tuple[Referral, tuple[Person, bytes] | None]:
    """Lock what an action decides on: the referral, and with a wider scope the person with their key.

    Raises NotFound and StaleVersion as `lock_referral` does.
    """
    with_others = scope is LockScope.PERSON_REFERRALS
    lock = lock_referral_with_others if with_others else lock_referral
    referral = lock(session, referral_id, version=version)
    if scope is LockScope.REFERRAL:
        return referral, None
    return referral, open_person(session, referral.person_id, lock=True)


def lock_referral(session: Session, referral_id: UUID, *, version: int | None = None) -> Referral:
    """The referral, locked until the transaction ends.

    Raises NotFound when it is absent or not the actor's to see, StaleVersion when `version` is given and the
    referral was saved since.
    """
    # Without the key: what others append to it, an event of another action, need not wait.
    referral = session.get(Referral, referral_id, with_for_update={"key_share": True})
    if referral is None:
        raise NotFound
    if version is not None and version != referral.version:
        raise StaleVersion(describe_last_change(session, referral_id))
    return referral


def lock_referral_with_others(session: Session, referral_id: UUID, *, version: int | None = None) -> Referral:
    """As `lock_referral`, with every other referral of the person: for actions that change those too.

    All of them before the person, in one order: two such actions at once wait for each other.
    """
    person_id = session.scalar(select(Referral.person_id).where(Referral.id == referral_id))
    if person_id is None:
        raise NotFound
    lock_person_referrals(session, person_id)
    return lock_referral(session, referral_id, version=version)


def lock_person_referrals(session: Session, person_id: UUID) -> None:
    """Lock every referral of a person, those too that the actor may not see. Before the person, always.

    Those of every record of the person, as their safe contact is one, and of those who are linked to them as a
    suspect or harmed by them: what changes for the one is taken out of the other's safe ways in the same transaction.
    """
    lock_people_referrals(session, [person_id])


def lock_people_referrals(session: Session, person_ids: Collection[UUID]) -> None:
    """As `lock_person_referrals`, of several people in one order of the referrals, of whichever person.

    The one way to lock the referrals of more than one record: two actions on two people who are linked, or on two
    records of one, wait for each other at the first referral and hold no person meanwhile.
    """
    with as_service(session):
        locked: set[UUID] = set()
        # Again once they are locked: meanwhile a colleague may have merged or linked one more.
        while found := _people_at_stake(session, person_ids) - locked:
            locked |= found
            every = select(Referral.id).where(bulk_insert.column_in(Referral.person_id, locked))
            session.execute(every.order_by(Referral.id).with_for_update(key_share=True))


def _people_at_stake(session: Session, person_ids: Collection[UUID]) -> set[UUID]:
    records = {*person_ids}.union(*records_of_people(session, person_ids).values())
    return records | suspect_contacts.linked_as_suspects(session, records)


def lock_referral_row(session: Session, referral_id: UUID) -> None:
    """Lock the referral's row as the service: for an actor, such as a provider, who may not lock it."""
    with as_service(session):
        chosen = select(Referral.id).where(Referral.id == referral_id)
        session.execute(chosen.with_for_update(key_share=True))


def open_person(session: Session, person_id: UUID, *, lock: bool = False) -> tuple[Person, bytes]:
    """The person and the key that opens what is sealed about them. Raises NotFound."""
    person = session.get(Person, person_id, with_for_update=True if lock else None)
    if person is None or person.erased_at is not None:
        raise NotFound
    return person, encrypted_rows.open_key(session, person.key_id)


def lock_person_row(session: Session, person_id: UUID) -> None:
    """After the referral: how the person may be reached stays as it is until it has been handed over."""
    with as_service(session):
        session.execute(select(Person.id).where(Person.id == person_id).with_for_update())


def lock_onward_referral(
    session: Session, onward_referral_id: UUID, *, version: int | None = None
) -> OnwardReferral:
    """The onward referral, locked after its referral.

    Raises NotFound when it is not the actor's to see, StaleVersion when `version` is given and it was saved
    since.
    """
    chosen = OnwardReferral.id == onward_referral_id
    referral_id = session.scalar(select(OnwardReferral.referral_id).where(chosen))
    if referral_id is None:
        raise NotFound
    lock_referral_row(session, referral_id)
    # Again, locked: while we waited it may have been taken away.
    onward = session.scalar(select(OnwardReferral).where(chosen).with_for_update())
    if onward is None:
        raise NotFound
    if version is not None and version != onward.version:
        last = _last_change(
            session, CaseEvent.onward_referral_id == onward_referral_id, "this onward referral"
        )
        raise StaleVersion(last or STALE_ONWARD)
    return onward


def describe_last_change(session: Session, referral_id: UUID) -> str:
    """Who changed the referral last, and when: for a refusal of what was typed on an older page."""
    chosen = CaseEvent.referral_id == referral_id
    return _last_change(session, chosen) or "This referral was changed after you opened the page."


def _last_change(session: Session, chosen: ColumnElement[bool], what: str = "this referral") -> str | None:
    last = session.execute(
        select(CaseEvent.actor_name, CaseEvent.recorded_at)
        .where(chosen)
        .order_by(CaseEvent.sequence.desc())
        .limit(1)
    ).first()
    if last is None:
        return None
    wall = last.recorded_at.astimezone(times.LONDON)
    who = last.actor_name or "Somebody"
    return f"{who} changed {what} at {wall:%H:%M} on {wall.day} {wall:%B}, after you opened the page."
