"""Taking a merge apart: each record as it was, and what was recorded meanwhile to protect the person for both."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service
from victim_gateway.models import Consent, PersonLink, PersonMerge, Referral, SafeContactPlan, SuspectContact
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.person_links import NEVER_CONTACT_ROLES
from victim_gateway.rules.suspect_contacts import ForbiddenContacts, forbid_details
from victim_gateway.services.referrals.consents import ConsentAnswer, write_consent
from victim_gateway.services.referrals.forbidden_contacts import forbid_for_linked, forbid_suspect_contacts
from victim_gateway.services.referrals.merged_safe_adults import restore_safe_adults
from victim_gateway.services.referrals.opened_records import OpenedRecord
from victim_gateway.services.referrals.safe_contact_plans import (
    SafeContactAnswer,
    follow_new_plan,
    from_document,
    open_check_of_person,
    open_plan,
    write_plan,
)
from victim_gateway.services.shared import contact_consents, suspect_contacts
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ConsentPurpose, SafeAnswer


def take_apart(
    session: Session, command: Command, merge: PersonMerge, kept: OpenedRecord, merged: OpenedRecord
) -> bool:
    """Take the pointer away and put back each record's plan; False where one stays as it was recorded since.

    A suspect who became known meanwhile stands for both records, and no older yes comes back beside one.
    """
    both = (kept.person.id, merged.person.id)
    forbidden = suspect_contacts.forbidden_of_person(session, kept.person.id)
    with as_service(session):
        is_guarded = _copy_protections(session, merge)
        session.execute(
            update(PersonMerge)
            .where(PersonMerge.id == merge.id)
            .values(undone_at=command.at, undone_by_id=command.actor.user_id)
        )
    if not is_guarded:
        restore_safe_adults(session, merge, kept, at=command.at)
    before = (
        (kept, merge.kept_plan_before_id, merge.kept_joined_plan_id),
        (merged, merge.merged_plan_before_id, merge.merged_joined_plan_id),
    )
    is_restored = [
        _restore_plan(session, record, plans, forbidden, command.at, is_guarded=is_guarded)
        for record, *plans in before
    ]
    for record_id in both:
        forbid_suspect_contacts(session, record_id, at=command.at)
    forbid_for_linked(session, both, at=command.at)
    return all(is_restored)


def refusals_of_both(session: Session, command: Command, merge: PersonMerge) -> list[UUID]:
    """Write a no to contact that was recorded since the merge for the other record too; gives the records written.

    The pointer is gone: each record has the answer of its own.
    """
    session.flush()
    written = []
    for one, other in ((merge.kept_id, merge.merged_id), (merge.merged_id, merge.kept_id)):
        with as_service(session):
            said = contact_consents.contact_consents(session, (one, other))
            refusal = _refusal_since(session, one, merge.merged_at) if said.get(one) is False else None
            referral = session.scalar(
                select(Referral).where(Referral.person_id == other).order_by(Referral.id).limit(1)
            )
            if refusal is None or referral is None or said.get(other) is False:
                continue
            if _has_agreed_since(session, other, refusal):
                continue
            answer = ConsentAnswer(
                purpose=ConsentPurpose.CONTACT, agreed=False, how=refusal.how, given_at=refusal.given_at
            )
            write_consent(session, referral, answer, at=command.at)
        written.append(other)
    return written


def _copy_protections(session: Session, merge: PersonMerge) -> bool:
    """Give each side the suspects that were recorded on the other since the merge; False where there are none."""
    others = [each for each in records_of_person(session, merge.kept_id) if each != merge.merged_id]
    sides = ((others, merge.merged_id), ([merge.merged_id], merge.kept_id))
    found = []
    for sources, target in sides:
        contacts = session.scalars(
            select(SuspectContact).where(
                SuspectContact.person_id.in_(sources),
                SuspectContact.recorded_at >= merge.merged_at,
                SuspectContact.ended_at.is_(None),
            )
        ).all()
        links = session.scalars(
            select(PersonLink).where(
                or_(PersonLink.person_id.in_(sources), PersonLink.other_person_id.in_(sources)),
                PersonLink.role.in_(NEVER_CONTACT_ROLES),
                PersonLink.recorded_at >= merge.merged_at,
                PersonLink.ended_at.is_(None),
            )
        ).all()
        found.append((sources, target, contacts, links))
    for sources, target, contacts, links in found:
        _copy_contacts(session, contacts, target)
        _copy_links(session, links, sources, target)
    return any(contacts or links for _, _, contacts, links in found)


def _copy_contacts(session: Session, contacts: Iterable[SuspectContact], target: UUID) -> None:
    for contact in contacts:
        same = select(SuspectContact.id).where(
            SuspectContact.person_id == target,
            SuspectContact.kind == contact.kind,
            SuspectContact.value_hash == contact.value_hash,
            SuspectContact.ended_at.is_(None),
        )
        if session.scalar(same) is not None:
            continue
        names = ("kind", "value_hash", "whose", "recorded_at", "recorded_by_id")
        copied = {name: getattr(contact, name) for name in names}
        session.execute(insert(SuspectContact).values(id=new_row_id(), person_id=target, **copied))
        _audit_copy(session, "suspect_contact.recorded", target, kinds=[contact.kind], whose=contact.whose)


def _copy_links(
    session: Session, links: Iterable[PersonLink], sources: Collection[UUID], target: UUID
) -> None:
    for link in links:
        ends = [target if each in sources else each for each in (link.person_id, link.other_person_id)]
        same = select(PersonLink.id).where(
            PersonLink.person_id == ends[0],
            PersonLink.other_person_id == ends[1],
            PersonLink.role == link.role,
            PersonLink.ended_at.is_(None),
        )
        if ends[0] == ends[1] or session.scalar(same) is not None:
            continue
        link_id = new_row_id()
        session.execute(
            insert(PersonLink).values(
                id=link_id,
                person_id=ends[0],
                other_person_id=ends[1],
                role=link.role,
                recorded_at=link.recorded_at,
                recorded_by_id=link.recorded_by_id,
            )
        )
        _audit_copy(session, "person_link.recorded", target, role=link.role, link=str(link_id))


def _audit_copy(session: Session, audit_action: str, person_id: UUID, **details: object) -> None:
    record_audit(
        session,
        audit_action,
        subject_type="person",
        subject_id=person_id,
        person_id=person_id,
        why="merge_undone",
        **details,
    )


def _restore_plan(
    session: Session,
    record: OpenedRecord,
    plans: Iterable[UUID | None],
    forbidden: ForbiddenContacts,
    at: datetime,
    *,
    is_guarded: bool,
) -> bool:
    """The plan before the merge in force again, where nothing was recorded since; else somebody asks again."""
    before_id, joined_id = plans
    is_untouched = record.plan is not None and record.plan.id == joined_id
    before = session.get(SafeContactPlan, before_id) if before_id else None
    with as_service(session):
        if is_untouched:
            plan = SafeContactAnswer(SafeAnswer.UNKNOWN, stated_by="caseworker")
            if before is not None:
                document = open_plan(before, record.key)
                found = suspect_contacts.forbidden_details(session, forbidden, document, record.document)
                safe, document = (
                    forbid_details(before.safe, document, found) if found else (before.safe, document)
                )
                plan = from_document(document, safe, before.stated_by)
            if is_guarded and plan.safe is SafeAnswer.YES:
                plan = replace(plan, safe=SafeAnswer.UNKNOWN)
            # With the records that are still the same person's: they had this plan too before the merge.
            write_plan(
                session,
                record.person,
                record.key,
                plan,
                at=at,
                checked_at=before.checked_at if before else None,
            )
        if is_guarded or (record.plan is not None and not is_untouched):
            open_check_of_person(session, record.person.id, at=at)
        follow_new_plan(session, record.person.id, at=at)
    return is_untouched or record.plan is None


def _refusal_since(session: Session, person_id: UUID, since: datetime) -> Consent | None:
    """The answer by which a record says no to contact, where it was given or taken back since then."""
    changed = (Consent.agreed.is_(False) & (Consent.recorded_at >= since)) | (Consent.withdrawn_at >= since)
    return session.scalar(
        select(Consent)
        .where(Consent.person_id == person_id, Consent.purpose == ConsentPurpose.CONTACT, changed)
        .order_by(Consent.withdrawn_at.desc().nulls_first())
        .limit(1)
    )


def _has_agreed_since(session: Session, person_id: UUID, refusal: Consent) -> bool:
    """Whether the person said yes on the other record after that no."""
    said = select(Consent.id).where(
        Consent.person_id == person_id,
        Consent.purpose == ConsentPurpose.CONTACT,
        Consent.agreed.is_(True),
        Consent.withdrawn_at.is_(None),
        Consent.recorded_at > (refusal.withdrawn_at or refusal.recorded_at),
    )
    return session.scalar(said.limit(1)) is not None
