"""What becomes of each onward referral when a provider's work goes to its successor: it moves, or it stays closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    Consent,
    OfferGroupMember,
    OnwardReferral,
    Person,
    ProviderService,
    Referral,
)
from victim_gateway.provider_vocabulary import StayReason
from victim_gateway.queries.onward_referrals.handover import (
    HANDOVER,
    SAFE_CONTACT,
)
from victim_gateway.queries.onward_referrals.outdated_handover import compose_current_handover
from victim_gateway.queries.providers.service_capacity import capacity_of
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.handover import HandoverSource
from victim_gateway.rules.handover_changes import ALWAYS_AMENDED, handover_changes, keep_fields
from victim_gateway.rules.kind_answers import keep_kind
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, UNANSWERED_ONWARD_STATES
from victim_gateway.services.compliance import stored_clocks
from victim_gateway.services.messages.provider_notices import tell_provider
from victim_gateway.services.onward_referrals._kind_of_offer import carry_asked
from victim_gateway.services.onward_referrals._offer_checks import OFFERED_WHILE_FULL
from victim_gateway.services.onward_referrals._offer_group_steps import note_offer_ended
from victim_gateway.services.onward_referrals.offer import append_offer_event, set_answer_day
from victim_gateway.services.onward_referrals.share_again import open_share_again_task
from victim_gateway.services.onward_referrals.succession_decisions import SuccessionDecision
from victim_gateway.services.onward_referrals.withdraw_and_expire import (
    release_first_contact,
    release_offer,
)
from victim_gateway.services.shared import case_locks, next_action, tasks
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    OnwardReferralAction,
    onward_task_key,
    sync_referral_state,
)
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import ConsentPurpose, NoticeKind, OnwardState, Risk, TaskKind

MOVED, TAKEN_OVER = "onward_referral.moved_to_successor", "onward_referral.taken_over"
LEFT = "onward_referral.left_by_succession"
TAKEN_WITH_CONTRACT = "Taken over with the contract, although the service had no place"


@dataclass
class SuccessionBatch:
    """Steps of a succession in one open transaction; `finish` brings what follows from all of them up to date."""

    session: Session
    command: Command
    successor_id: UUID | None = None
    touched: set[UUID] = field(default_factory=set)
    offers: list[tuple[OnwardReferralAction, UUID]] = field(default_factory=list)
    """The new ones with the event that starts the clock of each: when it is to be answered follows from the clock."""

    def lock_onward_referral(self, onward_id: UUID) -> OnwardReferral:
        """As it is now; its referral is locked already."""
        return self.session.scalars(
            select(OnwardReferral)
            .where(OnwardReferral.id == onward_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()

    def move(self, onward: OnwardReferral, decision: SuccessionDecision) -> UUID:
        """End it at the old provider and offer it to the successor; gives the id of the new one."""
        session, command = self.session, self.command
        self.touched.add(onward.referral_id)
        new, outdated = _offered_anew(session, command, onward, decision, self.successor_id)
        before = onward.state
        old_action = OnwardReferralAction(session, command, onward, MOVED)
        details = EventDetails(codes={"onward_referral_id": str(new.id), "reference": new.reference})
        old_action.change_state(OnwardState.WITHDRAWN, MOVED, details)
        if before in UNANSWERED_ONWARD_STATES:
            release_offer(old_action)
        elif before is OnwardState.ACCEPTED:
            release_first_contact(old_action)
        old_action.finish_task(TaskKind.PROVIDER_ASKED, TaskKind.PROVIDER_DECLINED)
        onward.version += 1
        _ask_caseworker(session, command, onward, "moved")
        tell_provider(session, onward, NoticeKind.WITHDRAWN, at=command.at)
        session.add(new)
        session.flush()
        carry_asked(session, onward, new)
        _pass_on_group_place(session, onward, new)
        action = OnwardReferralAction(session, command, new, TAKEN_OVER)
        self.offers.append((action, append_offer_event(action, from_state=None)))
        _note_full_service(session, action, new.service_id)
        # To the successor without whose it was: codes are not shown to it.
        action.add_timeline_entry(TAKEN_OVER, EventDetails(codes={"was": before.value}))
        if outdated:
            open_share_again_task(session, new, outdated, at=command.at)
        return new.id

    def leave(self, onward: OnwardReferral, reason: StayReason) -> None:
        """It keeps the old provider's name and is closed to it, until a person has decided.

        An offer that nobody can answer any more is taken back. Support that had begun keeps its state, and nobody owes
        a first contact.
        """
        session, command = self.session, self.command
        self.touched.add(onward.referral_id)
        action = OnwardReferralAction(session, command, onward, LEFT)
        details = EventDetails(codes={"stays": reason.value})
        if onward.state in UNANSWERED_ONWARD_STATES:
            action.change_state(OnwardState.WITHDRAWN, LEFT, details)
            release_offer(action)
            note_offer_ended(action, goes_on=False)
            sync_referral_state(session, command, onward.referral_id)
        else:
            action.end_provider_access()
            action.add_timeline_entry(LEFT, details)
            if onward.state is OnwardState.ACCEPTED:
                release_first_contact(action)
        action.finish_task(TaskKind.PROVIDER_ASKED, TaskKind.PROVIDER_DECLINED)
        onward.version += 1
        _ask_caseworker(session, command, onward, reason.value)
        tell_provider(session, onward, NoticeKind.WITHDRAWN, at=command.at)

    def finish(self) -> None:
        """The clocks of all of them at once, by when each offer is to be answered, then what happens next."""
        session, at = self.session, self.command.at
        session.flush()
        referrals = sorted(self.touched)
        stored_clocks.refresh_clocks(session, referrals, at=at)
        for action, event_id in self.offers:
            set_answer_day(action, event_id)
            tell_provider(session, action.onward, NoticeKind.NEW_OFFER, at=at)
        session.flush()
        next_action.refresh_next_actions(session, referrals, at=at)


def leave_late_offer(command: Command, onward_referral_id: UUID) -> bool:
    """Close one that was offered beside a succession; False where that has been done, or it has ended."""
    with transaction(command.actor) as session:
        referral_id = session.scalar(
            select(OnwardReferral.referral_id).where(OnwardReferral.id == onward_referral_id)
        )
        if referral_id is None:
            return False
        case_locks.lock_referral_row(session, referral_id)
        batch = SuccessionBatch(session, command)
        onward = batch.lock_onward_referral(onward_referral_id)
        if onward.state not in LIVE_ONWARD_STATES or onward.provider_access_ended_at is not None:
            return False
        batch.leave(onward, StayReason.NO_SERVICE)
        batch.finish()
    return True


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
    session: Session,
    command: Command,
    onward: OnwardReferral,
    decision: SuccessionDecision,
    successor_id: UUID | None,
) -> tuple[OnwardReferral, tuple[str, ...]]:
    """The same handover for the successor, sealed under a key of its own, and what of it is no longer right.

    What keeps the person safe is as it is known now; what else was corrected since goes once a caseworker shares again.
    """
    given, source = decision.handover, decision.source
    if given is None or source is None or successor_id is None or decision.target_id is None:
        raise ValueError("only what was opened to decide about it can be offered anew")
    renewed, outdated = _renew_safety(session, onward, given, source)
    handover = keep_kind(renewed, session.get_one(ProviderService, decision.target_id).kind)
    number = session.scalar(select(func.count()).where(OnwardReferral.referral_id == onward.referral_id)) or 0
    reference = session.get_one(Referral, onward.referral_id).reference
    key_id, key = encrypted_rows.new_key(
        session, "handover", onward.person_id, command.at, organisation_id=successor_id
    )
    new_id = new_row_id()
    new = OnwardReferral(
        id=new_id,
        reference=f"{reference}-{number + 1}",
        referral_id=onward.referral_id,
        person_id=onward.person_id,
        provider_id=successor_id,
        service_id=decision.target_id,
        consent_id=_carried_consent(session, command, onward, successor_id, decision),
        key_id=key_id,
        handover_sealed=encrypted_rows.seal_row(key, HANDOVER, new_id, handover),
        safe_contact_sealed=encrypted_rows.seal_row(key, SAFE_CONTACT, new_id, source.safe_contact),
        shared_risk=Risk(handover["risk"]),
        state=OnwardState.OFFERED,
        offered_at=command.at,
        offered_by_id=command.actor.user_id,
        version=1,
    )
    return new, outdated


def _renew_safety(
    session: Session, onward: OnwardReferral, given: Mapping[str, Any], source: HandoverSource
) -> tuple[dict[str, Any], tuple[str, ...]]:
    shared_on = date.fromisoformat(given["shared_on"])
    current = compose_current_handover(session, onward, given, shared_on, source)
    outdated = tuple(
        change.field for change in handover_changes(given, current) if change.field not in ALWAYS_AMENDED
    )
    return keep_fields(given, current, outdated), outdated


def _carried_consent(
    session: Session,
    command: Command,
    onward: OnwardReferral,
    successor_id: UUID,
    decision: SuccessionDecision,
) -> UUID:
    """The person's yes to the successor: one that they gave, or the one to the old provider, marked as carried over.

    That is the newest that stands, which may reach less than the one that the offer was made on.
    """
    if decision.answer is not None:
        return decision.answer.id
    given = decision.given
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
