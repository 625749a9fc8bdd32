"""What becomes of each onward referral when a provider's work goes to its successor: it moves, or it stays closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    Consent,
    OfferGroupMember,
    OnwardReferral,
    Person,
    ProviderService,
    Referral,
    SharedFile,
)
from victim_gateway.provider_vocabulary import StayReason
from victim_gateway.queries.onward_referrals.handover import (
    HANDOVER,
    SAFE_CONTACT,
    gather_handover_source,
    newest_sharing_answer,
)
from victim_gateway.queries.onward_referrals.outdated_handover import compose_current_handover
from victim_gateway.queries.providers.service_capacity import capacity_of
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.handover_changes import ALWAYS_AMENDED, handover_changes, keep_fields
from victim_gateway.rules.kind_answers import keep_kind
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
from victim_gateway.services.compliance import case_events, stored_clocks
from victim_gateway.services.messages.provider_notices import tell_provider
from victim_gateway.services.onward_referrals._kind_of_offer import carry_asked
from victim_gateway.services.onward_referrals._offer_checks import OFFERED_WHILE_FULL
from victim_gateway.services.onward_referrals.offer import start_offer_clock
from victim_gateway.services.onward_referrals.share_again import refresh_share_again_tasks
from victim_gateway.services.onward_referrals.withdraw_and_expire import (
    release_first_contact,
    release_offer,
)
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import OnwardReferralAction, onward_task_key
from victim_gateway.services.shared.service_record_endings import end_service_record
from victim_gateway.services.shared.stored_files import end_shared_files
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import ConsentPurpose, EventKind, NoticeKind, OnwardState, Risk, TaskKind

MOVED, TAKEN_OVER = "onward_referral.moved_to_successor", "onward_referral.taken_over"
LEFT = "onward_referral.left_by_succession"
TAKEN_WITH_CONTRACT = "Taken over with the contract, although the service had no place"


@dataclass(frozen=True, slots=True)
class SuccessionDecision:
    """What becomes of one onward referral; `stay` None: it goes to the service `target_id`."""

    onward_id: UUID
    referral_id: UUID
    reference: str
    version: int
    target_id: UUID | None
    stay: StayReason | None
    is_high_risk: bool = False


def carry_out_decisions(
    session: Session, command: Command, successor_id: UUID | None, decisions: Sequence[SuccessionDecision]
) -> None:
    """A batch of them, with the clocks and next actions of all their referrals at its end."""
    for each in decisions:
        onward = session.scalars(
            select(OnwardReferral)
            .where(OnwardReferral.id == each.onward_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()
        if each.stay is None and each.target_id is not None and successor_id is not None:
            _move(session, command, onward, successor_id, each.target_id)
        else:
            _leave(session, command, onward, each.stay or StayReason.NO_SERVICE)
    session.flush()
    referrals = sorted({each.referral_id for each in decisions})
    refresh_share_again_tasks(session, referrals, at=command.at)
    stored_clocks.refresh_clocks(session, referrals, at=command.at)
    next_action.refresh_next_actions(session, referrals, at=command.at)
    session.flush()
    session.expunge_all()


def _move(
    session: Session, command: Command, onward: OnwardReferral, successor_id: UUID, target_id: UUID
) -> None:
    new = _offered_anew(session, command, onward, successor_id, target_id)
    before = onward.state
    old_action = OnwardReferralAction(session, command, onward, MOVED)
    details = EventDetails(codes={"onward_referral_id": str(new.id), "reference": new.reference})
    old_action.change_state(OnwardState.WITHDRAWN, MOVED, details)
    if before in UNANSWERED_ONWARD_STATES:
        release_offer(old_action)
    elif before is OnwardState.ACCEPTED:
        release_first_contact(old_action)
    for kind in (TaskKind.PROVIDER_ASKED, TaskKind.PROVIDER_DECLINED):
        old_action.finish_task(kind)
    onward.version += 1
    _ask_caseworker(session, command, onward, "moved")
    tell_provider(session, onward, NoticeKind.WITHDRAWN, at=command.at)
    session.add(new)
    session.flush()
    carry_asked(session, onward, new)
    _pass_on_group_place(session, onward, new)
    action = OnwardReferralAction(session, command, new, TAKEN_OVER)
    start_offer_clock(action, from_state=None)
    _note_full_service(session, action, target_id)
    # To the successor without whose it was: codes are not shown to it.
    action.add_timeline_entry(TAKEN_OVER, EventDetails(codes={"was": before.value}))
    tell_provider(session, new, NoticeKind.NEW_OFFER, at=command.at)


def _note_full_service(session: Session, action: OnwardReferralAction, service_id: UUID) -> None:
    """A successor takes over also what its service has no place for; that it was full stands on the timeline."""
    capacity = capacity_of(session.get_one(ProviderService, service_id))
    if capacity.is_full:
        action.add_timeline_entry(
            OFFERED_WHILE_FULL,
            EventDetails(text=TAKEN_WITH_CONTRACT, codes={"capacity": capacity.kind.value}),
        )


def _pass_on_group_place(session: Session, onward: OnwardReferral, new: OnwardReferral) -> None:
    """Its place in a group of offers is the successor's: otherwise the group would count the old one as taken back."""
    with as_service(session):
        member = session.scalars(
            select(OfferGroupMember).where(OfferGroupMember.onward_referral_id == onward.id)
        ).first()
        if member is None:
            return
        member.onward_referral_id = new.id
        others = select(OfferGroupMember.service_id).where(
            OfferGroupMember.offer_group_id == member.offer_group_id
        )
        if new.service_id not in set(session.scalars(others)):
            member.service_id = new.service_id
        session.flush()


def _offered_anew(
    session: Session, command: Command, onward: OnwardReferral, successor_id: UUID, target_id: UUID
) -> OnwardReferral:
    """The same handover for the successor, sealed under a key of its own.

    What keeps the person safe is as it is known now; what else was corrected since goes once a caseworker shares again,
    and a task says so.
    """
    old_key = encrypted_rows.open_key(session, onward.key_id)
    given = encrypted_rows.unseal_row(old_key, HANDOVER, onward.id, onward.handover_sealed)
    target = session.get_one(ProviderService, target_id)
    handover = keep_kind(_renew_safety(session, onward, given), target.kind)
    source = gather_handover_source(session, onward.referral_id, on=times.london_date(command.at))
    number = session.scalar(select(func.count()).where(OnwardReferral.referral_id == onward.referral_id)) or 0
    reference = session.get_one(Referral, onward.referral_id).reference
    key_id, key = encrypted_rows.new_key(
        session, "handover", onward.person_id, command.at, organisation_id=successor_id
    )
    new_id = new_row_id()
    return OnwardReferral(
        id=new_id,
        reference=f"{reference}-{number + 1}",
        referral_id=onward.referral_id,
        person_id=onward.person_id,
        provider_id=successor_id,
        service_id=target_id,
        consent_id=_carried_consent(session, command, onward, successor_id),
        key_id=key_id,
        handover_sealed=encrypted_rows.seal_row(key, HANDOVER, new_id, handover),
        safe_contact_sealed=encrypted_rows.seal_row(key, SAFE_CONTACT, new_id, source.safe_contact),
        shared_risk=Risk(handover["risk"]),
        state=OnwardState.OFFERED,
        offered_at=command.at,
        offered_by_id=command.actor.user_id,
        version=1,
    )


def _renew_safety(session: Session, onward: OnwardReferral, given: Mapping[str, Any]) -> dict[str, Any]:
    current = compose_current_handover(session, onward, given, date.fromisoformat(given["shared_on"]))
    changed = [change.field for change in handover_changes(given, current)]
    return keep_fields(given, current, [field for field in changed if field not in ALWAYS_AMENDED])


def _carried_consent(session: Session, command: Command, onward: OnwardReferral, successor_id: UUID) -> UUID:
    """The person's yes to the successor: one that they gave, or the one to the old provider, marked as carried over."""
    answer = newest_sharing_answer(session, onward.person_id, successor_id)
    if answer is not None:
        return answer.id
    # The newest that stands, which may reach less than the one that the offer was made on.
    given = newest_sharing_answer(session, onward.person_id, onward.provider_id)
    if given is None:
        raise NotFound
    carried_id = new_row_id()
    sealed = given.sealed
    if sealed is not None:
        key = encrypted_rows.open_key(session, session.get_one(Person, given.person_id).key_id)
        document = encrypted_rows.unseal_row(key, "consent", given.id, sealed)
        sealed = encrypted_rows.seal_row(key, "consent", carried_id, document)
    session.add(
        Consent(
            id=carried_id,
            person_id=given.person_id,
            referral_id=onward.referral_id,
            purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
            recipient_organisation_id=successor_id,
            agreed=True,
            how=given.how,
            given_by=given.given_by,
            scope=list(given.scope),
            attachment_id=given.attachment_id,
            sealed=sealed,
            carried_from_id=given.id,
            given_at=given.given_at,
            recorded_at=command.at,
            recorded_by_id=command.actor.user_id,
        )
    )
    session.flush()
    return carried_id


def _leave(session: Session, command: Command, onward: OnwardReferral, reason: StayReason) -> None:
    """It stays with the old provider's name and closed to it, until a person has decided."""
    onward.provider_access_ended_at = func.now()
    onward.version += 1
    end_shared_files(session, SharedFile.onward_referral_id == onward.id, at=command.at)
    end_service_record(session, onward.id, at=command.at)
    action = OnwardReferralAction(session, command, onward, LEFT)
    case_events.append_case_event_without_clocks(
        session, action.new_event(LEFT, EventKind.STORY, EventDetails(codes={"stays": reason.value}))
    )
    _ask_caseworker(session, command, onward, reason.value)
    tell_provider(session, onward, NoticeKind.WITHDRAWN, at=command.at)


def _ask_caseworker(session: Session, command: Command, onward: OnwardReferral, why: str) -> None:
    """One task for each: to tell the person who helps now, or to ask them who may."""
    task = NewTask(
        kind=TaskKind.SERVICE_ENDED,
        referral_id=onward.referral_id,
        dedupe_key=onward_task_key(TaskKind.SERVICE_ENDED, onward.id),
        onward_referral_id=onward.id,
        details={"succession": why},
    )
    tasks.open_task(session, task, at=command.at)
