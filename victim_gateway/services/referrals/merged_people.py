"""Two records that are one person: merged by a pointer, undone by taking it away. Nothing is moved or deleted.

What is sealed about a person is sealed under the key of their record, and much of it is append-only. So a merge
leaves every referral, consent, note and event where it stands. What is one for a person is kept one: how they may be
reached (each plan is written for every record), and whether they may be (a no in any record counts).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import (
    PersonLink,
    PersonMerge,
    Referral,
    ReferralAccess,
    Task,
)
from victim_gateway.queries.people.merged_records import living_records, merges_of_records, records_of_person
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.identity_match import IdentityVerdict, compare_identities, identity_record
from victim_gateway.rules.safe_contact_join import join_strictly
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import coming_of_age
from victim_gateway.services.referrals.consents import hold_after_refusal
from victim_gateway.services.referrals.ended_survey_links import end_survey_links
from victim_gateway.services.referrals.forbidden_contacts import forbid_for_linked, forbid_suspect_contacts
from victim_gateway.services.referrals.merged_safe_adults import join_safe_adults, merge_details
from victim_gateway.services.referrals.opened_records import OpenedRecord, lock_records
from victim_gateway.services.referrals.person_distinctions import are_distinguished, mark_as_two
from victim_gateway.services.referrals.person_links import between_people, end_contradicted_links
from victim_gateway.services.referrals.safe_contact_plans import (
    SafeContactAnswer,
    follow_new_plan,
    from_document,
    open_check_of_person,
    pin_details,
    without_contacts_of_suspects,
    write_plan_of_record,
)
from victim_gateway.services.referrals.undone_merges import refusals_of_both, take_apart
from victim_gateway.services.shared import contact_consents, submissions, victim_message_stops
from victim_gateway.services.shared.case_action import ReferralAction
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ReferralState, SafeAnswer, TaskKind

_NOT_YOURS = "You can't merge these two records. Ask a senior caseworker."


def merge_people(command: Command, kept_id: UUID, merged_id: UUID, *, reason: str | None = None) -> UUID:
    """Make two records one person: `merged_id` points to `kept_id` from now on, and both stay as they are.

    The stricter safe contact counts for both at once, and providers read it; a no to contact in either holds the
    referrals of both, and a newer no to sharing counts for both (`refused_sharing`). Raises NotFound for a record that
    is absent, erased or not the actor's to see, InvalidInput for a record into itself, and without a senior
    caseworker's reason where their identities contradict each other or a caseworker has told them apart, and
    TransitionNotAllowed for records that are merged already, linked to each other, or not the actor's to merge.
    """
    if kept_id == merged_id:
        message = "This is one record already. Choose another person's record"
        raise InvalidInput(message, fields={"other_reference": message})
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        kept, merged, *others = lock_records(session, (kept_id, merged_id))
        for record in (kept, merged, *others):
            victim_message_stops.stop_messages(session, record.person.id, at=command.at, because="merged")
        _check_merge(session, command, kept_id, merged_id)
        is_contradicted = identities_contradict(kept.document, merged.document)
        is_distinguished = were_distinguished(session, kept_id, merged_id)
        if is_contradicted or is_distinguished:
            _check_contradiction(command, reason, is_distinguished=not is_contradicted)
        plans = _join_plans(session, (kept, merged, *others), at=command.at)[:2]
        adults = join_safe_adults(session, (kept_id, merged_id), at=command.at)
        details = merge_details(reason, adults)
        merge_id = _write_merge(session, command, kept, merged, plans, details, is_contradicted)
        _keep_suspects_out(session, command, kept_id)
        _finish_proposals(session, command, {kept_id, merged_id})
        _hold_for_refusal(session, command, (kept_id, merged_id))
        onward_referrals.heed_refused_sharing(session, command, kept_id)
        # What the other record has from their childhood counts for this one's open referrals too.
        coming_of_age.hand_over_if_due(session, command, kept_id)
        _audit_both(
            session,
            "person.merged",
            kept_id,
            merged_id,
            contradicted=is_contradicted,
            distinguished=is_distinguished,
        )
    return merge_id


def undo_merge(command: Command, kept_id: UUID, merged_id: UUID, *, reason: str) -> None:
    """Make two people of two records again, each as it was: the pointer goes, and nothing else has moved.

    How each may be reached goes back to what it was before the merge, unless it was recorded since: then the newer
    answer stays with both, and a caseworker asks again. What was recorded since to protect the person, a suspect or
    a no to contact, stands for both: nobody knows any more of which of the two it was said.
    Raises NotFound, and InvalidInput without a reason.
    """
    if not reason.strip():
        message = "Enter why they are two people"
        raise InvalidInput(message, fields={"reason": message})
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        kept, merged, *_ = lock_records(session, (kept_id, merged_id))
        victim_message_stops.stop_messages(session, kept_id, at=command.at, because="merge_undone")
        merge = session.scalar(
            select(PersonMerge).where(
                PersonMerge.kept_id == kept_id,
                PersonMerge.merged_id == merged_id,
                PersonMerge.undone_at.is_(None),
            )
        )
        if merge is None:
            raise NotFound
        plans_restored = take_apart(session, command, merge, kept, merged)
        for record_id in refusals_of_both(session, command, merge):
            _hold_for_refusal(session, command, (record_id,))
        for record_id in (kept_id, merged_id):
            onward_referrals.heed_refused_sharing(session, command, record_id)
            # Asked was the other of the two, perhaps.
            coming_of_age.hand_over_if_due(session, command, record_id)
        mark_as_two(session, command, kept_id, (merged_id,))
        _audit_both(session, "person.merge_undone", kept_id, merged_id, plans_restored=plans_restored)


def spread_stricter_plans(session: Session, person_ids: Collection[UUID], *, at: datetime) -> None:
    """After an import wrote plans for some records: what it made stricter counts for their other records too."""
    for kept_id in sorted({kept_id for kept_id, _, _ in merges_of_records(session, person_ids)}):
        living = living_records(session, records_of_person(session, kept_id))
        if len(living) > 1:
            first = kept_id if kept_id in living else living[0]
            _join_plans(session, lock_records(session, (first,)), at=at)


def identities_contradict(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether what is recorded says that the two can't be one person."""
    weights = current_settings().area.identity
    verdict = compare_identities(identity_record(one), identity_record(other), weights).verdict
    return verdict is IdentityVerdict.CONTRADICTED


def planned_plan(records: Sequence[OpenedRecord]) -> SafeContactAnswer:
    """The plan that all these records would have: the strictest, with the number that the first one is about."""
    first, *others = records
    safe, document = first.answers
    for other in others:
        safe, document = join_strictly((safe, document), other.answers, first.document, other.document)
    stated_by = next((record.plan.stated_by for record in records if record.plan), "caseworker")
    return from_document(document, safe, stated_by)


def refusal_of_merge(session: Session, user_id: UUID | None, kept_id: UUID, merged_id: UUID) -> str | None:
    """Why two records can't be merged by this user; None where they can."""
    pair = (kept_id, merged_id)
    if _is_hidden_from(session, user_id, pair):
        return _NOT_YOURS
    standing = merges_of_records(session, pair)
    if any(merged in pair for _, merged, _ in standing):
        return "One of these records was merged into another already. Undo that first."
    if any(kept == merged_id for kept, _, _ in standing):
        return "Another record was merged into this one. Merge the other way round, or undo that first."
    # Whichever of their records the link stands on, seen by the actor or not: two people stay two.
    with as_service(session):
        between = between_people(records_of_person(session, kept_id), records_of_person(session, merged_id))
        is_linked = session.scalar(
            select(PersonLink.id).where(PersonLink.ended_at.is_(None), between).limit(1)
        )
    if is_linked is not None:
        return "These two are linked to each other as different people. End the link first if that is wrong."
    return None


def _check_merge(session: Session, command: Command, kept_id: UUID, merged_id: UUID) -> None:
    refusal = refusal_of_merge(session, command.actor.user_id, kept_id, merged_id)
    if refusal:
        raise TransitionNotAllowed(refusal)


def were_distinguished(session: Session, one: UUID, other: UUID) -> bool:
    """Whether a caseworker has said of any records of these two that they are different people."""
    with as_service(session):
        ones, others = records_of_person(session, one), records_of_person(session, other)
        return any(are_distinguished(session, each, another) for each in ones for another in others)


def _check_contradiction(command: Command, reason: str | None, *, is_distinguished: bool) -> None:
    if not is_permitted(command.actor.role, Permission.LOOSEN_PROTECTION):
        message = (
            "A caseworker has said that these are two people. Only a senior caseworker can merge them. Ask one."
            if is_distinguished
            else "What is recorded says that these are two people: another name or another birth date."
            " Only a senior caseworker can merge them. Ask one, or correct what is wrong first."
        )
        raise InvalidInput(message, fields={"reason": message})
    if not (reason or "").strip():
        message = "Enter why they are one person all the same"
        raise InvalidInput(message, fields={"reason": message})


def _is_hidden_from(session: Session, user_id: UUID | None, person_ids: Collection[UUID]) -> bool:
    """Whether a referral of theirs is restricted to others; what it is, or whose, is never said."""
    listed = exists().where(ReferralAccess.referral_id == Referral.id, ReferralAccess.user_id == user_id)
    hidden = select(Referral.id).where(
        Referral.person_id.in_(person_ids), Referral.restricted.is_(True), ~listed
    )
    with as_service(session):
        return session.scalar(hidden.limit(1)) is not None


def _join_plans(
    session: Session, records: Sequence[OpenedRecord], *, at: datetime
) -> tuple[UUID | None, ...]:
    """Write the strictest plan for all these records where any had one; gives the ids of what was written."""
    if not any(record.plan for record in records):
        return tuple(None for _ in records)
    first, plan = records[0], planned_plan(records)
    for record in records:
        plan = without_contacts_of_suspects(session, plan, record.person.id, record.document)
    checks = [record.plan.checked_at for record in records if record.plan and record.plan.checked_at]
    # The older check: what was asked longer ago must be asked again sooner. A yes without one is none.
    checked_at = min(checks, default=None)
    written = []
    with as_service(session):
        for record in records:
            pinned = pin_details(plan, first.document)
            new = write_plan_of_record(
                session, record.person, record.key, pinned, at=at, checked_at=checked_at
            )
            written.append(new.id)
            if plan.safe is not SafeAnswer.YES:
                open_check_of_person(session, record.person.id, at=at)
            follow_new_plan(session, record.person.id, at=at)
    return tuple(written)


def _keep_suspects_out(session: Session, command: Command, kept_id: UUID) -> None:
    """What keeps a suspect away from one record keeps them away from the other, and from both numbers of each."""
    session.flush()
    end_contradicted_links(session, command, kept_id)
    forbid_suspect_contacts(session, kept_id, at=command.at, with_post=True)
    forbid_for_linked(session, [kept_id], at=command.at, with_post=True)


def _write_merge(
    session: Session,
    command: Command,
    kept: OpenedRecord,
    merged: OpenedRecord,
    plans: Sequence[UUID | None],
    details: Mapping[str, Any],
    is_contradicted: bool,
) -> UUID:
    merge_id = new_row_id()
    sealed = encrypted_rows.seal_row(kept.key, "person_merge", merge_id, dict(details)) if details else None
    session.execute(
        insert(PersonMerge).values(
            id=merge_id,
            kept_id=kept.person.id,
            merged_id=merged.person.id,
            merged_at=command.at,
            merged_by_id=command.actor.user_id,
            is_contradicted=is_contradicted,
            sealed=sealed,
            kept_plan_before_id=kept.plan.id if kept.plan else None,
            merged_plan_before_id=merged.plan.id if merged.plan else None,
            kept_joined_plan_id=plans[0],
            merged_joined_plan_id=plans[1],
        )
    )
    return merge_id


def _finish_proposals(session: Session, command: Command, pair: set[UUID]) -> None:
    """The proposals that asked whether these two are one are answered; no other task ends by a merge."""
    proposals = session.execute(
        select(Task.id, Task.details, Referral.person_id)
        .join(Referral, Referral.id == Task.referral_id)
        .where(
            Referral.person_id.in_(pair),
            Task.kind == TaskKind.POSSIBLE_SAME_PERSON,
            Task.done_at.is_(None),
        )
    ).all()
    for proposal in proposals:
        named = {UUID(person["person_id"]) for person in proposal.details.get("people") or ()}
        if named and named <= pair - {proposal.person_id}:
            session.execute(
                update(Task)
                .where(Task.id == proposal.id)
                .values(done_at=command.at, done_by_id=command.actor.user_id)
            )


def _hold_for_refusal(session: Session, command: Command, person_ids: Collection[UUID]) -> None:
    """A no to contact in one record counts for the other: what of it waits is held and links to questions end."""
    session.flush()
    if False not in contact_consents.contact_consents(session, person_ids).values():
        return
    for person_id in person_ids:
        # Of closed referrals too: questions are asked at the closing.
        end_survey_links(session, person_id, at=command.at)
    open_states = Referral.state.not_in((ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR))
    with as_service(session):
        records = {record for person_id in person_ids for record in records_of_person(session, person_id)}
        first = session.scalar(
            select(Referral)
            .where(Referral.person_id.in_(records), open_states)
            .order_by(Referral.id)
            .limit(1)
        )
        if first is not None:
            hold_after_refusal(ReferralAction(session, command, first))


def _audit_both(session: Session, audit_action: str, one: UUID, other: UUID, **details: object) -> None:
    for person_id, record in ((one, other), (other, one)):
        record_audit(
            session,
            audit_action,
            subject_type="person",
            subject_id=person_id,
            person_id=person_id,
            other_person=str(record),
            **details,
        )
