"""Asking several services about one person: all at once, or one after the other; and stopping that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, in_name_of_service, transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import OfferGroup, OfferGroupMember, Person, ProviderService, Referral
from victim_gateway.offer_vocabulary import OfferGroupEnd, OfferGroupMode
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.handover import HandoverText
from victim_gateway.rules.offer_groups import check_chosen_services, has_accepted, is_exhausted, next_place
from victim_gateway.rules.service_kinds import KIND_RULES
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
from victim_gateway.services.onward_referrals._offer_consent import SharingConsent
from victim_gateway.services.onward_referrals._offer_group_steps import (
    GATEWAY_NAME,
    end_group,
    group_of_offer,
    lock_group,
    members_of,
    places_of,
)
from victim_gateway.services.onward_referrals.next_offers import OFFER_GROUP, ask_next_service
from victim_gateway.services.onward_referrals.offer import (
    OfferToProvider,
    check_handover_texts,
    lock_offerable_referral,
    offer_in_transaction,
    settle_offer_basis,
)
from victim_gateway.services.onward_referrals.withdraw_and_expire import withdraw_in_transaction
from victim_gateway.services.shared import case_locks, next_action, submissions, tasks
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import OnwardReferralAction, require_permission
from victim_gateway.vocabulary import HandoverPart, WithdrawReason


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferToSeveral:
    """Which services are asked, in their order, what each is given, and the person's yes to all that have none yet.

    `closes_others`: when one accepts, the others are taken back. Each rests on the person's own yes.
    """

    service_ids: Sequence[UUID]
    mode: OfferGroupMode
    share: Collection[HandoverPart]
    texts: HandoverText
    closes_others: bool = True
    consent: SharingConsent | None = None


def offer_to_several(command: Command, referral_id: UUID, wanted: OfferToSeveral) -> UUID:
    """Ask several services about a person; gives the group's id. The command's version is the referral's.

    In a ranked group the first is asked now; all the others must fit and have the person's yes now as well, and are
    checked again when their turn comes. All is done or nothing. Raises as `offer_onward_referral` does.
    """
    require_permission(command.actor, Permission.EDIT_CASEWORK)
    check_chosen_services(wanted.service_ids)
    texts = check_handover_texts(wanted.texts)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        referral = lock_offerable_referral(session, referral_id, command.version)
        case_locks.lock_person_row(session, referral.person_id)
        group = _new_group(session, command, referral, wanted, texts)
        is_ranked = wanted.mode is OfferGroupMode.RANKED
        _refuse_own_questions(session, wanted.service_ids)
        for position, service_id in enumerate(wanted.service_ids, 1):
            offer = OfferToProvider(
                service_id=service_id, share=wanted.share, texts=texts, consent=wanted.consent
            )
            onward_id = None
            if is_ranked and position > 1:
                settle_offer_basis(session, command, referral, offer)
            else:
                onward_id = offer_in_transaction(session, command, referral, offer).id
            session.add(
                OfferGroupMember(
                    id=new_row_id(),
                    offer_group_id=group.id,
                    position=position,
                    service_id=service_id,
                    onward_referral_id=onward_id,
                )
            )
        record_audit(
            session,
            "offer_group.opened",
            subject_type="offer_group",
            subject_id=group.id,
            person_id=referral.person_id,
            reference=referral.reference,
            mode=wanted.mode.value,
            services=len(wanted.service_ids),
        )
    return group.id


def _refuse_own_questions(session: Session, service_ids: Sequence[UUID]) -> None:
    """Raises InvalidInput where a service has questions of its own, or must not wait its turn."""
    chosen = session.scalars(select(ProviderService).where(ProviderService.id.in_(service_ids)))
    alone = [service.name for service in chosen if KIND_RULES[service.kind].is_asked_alone]
    if alone:
        message = f"Refer on to {alone[0]} by itself: it has questions of its own, and must not wait its turn"
        raise InvalidInput(message, fields={"service": message})


def _new_group(
    session: Session, command: Command, referral: Referral, wanted: OfferToSeveral, texts: HandoverText
) -> OfferGroup:
    group_id, is_ranked = new_row_id(), wanted.mode is OfferGroupMode.RANKED
    sealed = None
    if is_ranked:
        key = encrypted_rows.open_key(session, session.get_one(Person, referral.person_id).key_id)
        sealed = encrypted_rows.seal_row(key, OFFER_GROUP, group_id, asdict(texts))
    group = OfferGroup(
        id=group_id,
        referral_id=referral.id,
        mode=wanted.mode,
        closes_others=is_ranked or wanted.closes_others,
        share=[part.value for part in wanted.share],
        sealed=sealed,
        created_at=command.at,
        created_by_id=command.actor.user_id,
    )
    session.add(group)
    session.flush()
    return group


def stop_offer_group(command: Command, group_id: UUID) -> None:
    """Ask no further service. What is asked already goes on; where one has accepted, the others are taken back.

    Raises NotFound, and TransitionNotAllowed once the group has ended.
    """
    require_permission(command.actor, Permission.EDIT_CASEWORK)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        # The reader's own right first: the locks are taken as the service.
        if session.get(OfferGroup, group_id) is None:
            raise NotFound
        group = lock_group(session, group_id)
        if group is None:
            raise TransitionNotAllowed("No further service is asked: this has ended already.")
        end_group(group, OfferGroupEnd.STOPPED, at=command.at, by_id=command.actor.user_id)
        if has_accepted(places_of(members_of(session, group.id))):
            _take_back_unanswered(session, command, group)
        tasks.finish_task(session, f"offer-group:{group.id}", at=command.at)
        session.flush()
        next_action.refresh_next_actions(session, [group.referral_id], at=command.at)
        record_audit(session, "offer_group.stopped", subject_type="offer_group", subject_id=group.id)


def ask_next_now(command: Command, group_id: UUID) -> UUID | None:
    """A caseworker goes on with a group that was held up; gives what was offered, None where it still can't be.

    Raises NotFound, and TransitionNotAllowed where there is nothing to go on with.
    """
    require_permission(command.actor, Permission.EDIT_CASEWORK)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        if session.get(OfferGroup, group_id) is None:
            raise NotFound
        group = lock_group(session, group_id)
        if group is None or next_place(places_of(members_of(session, group_id))) is None:
            raise TransitionNotAllowed("None can be asked now: one has to answer first, or none is left.")
        group.advance_at = command.at
        tasks.finish_task(session, f"offer-group:{group.id}", at=command.at)
        session.flush()
        next_action.refresh_next_actions(session, [group.referral_id], at=command.at)
        record_audit(session, "offer_group.resumed", subject_type="offer_group", subject_id=group.id)
    return ask_next_service(command, group_id)


def settle_accepted_group(action: OnwardReferralAction) -> None:
    """One service has accepted: no further one is asked, and others are taken back where the caseworker said so.

    In the transaction of the acceptance, under the lock on the referral: of two that accept at once the second finds
    its offer taken back. As the service: the provider that accepts neither sees nor names the others.
    """
    session = action.session
    session.flush()
    with as_service(session):
        group = group_of_offer(session, action.onward.id)
        if group is None:
            return
        if group.closes_others:
            end_group(group, OfferGroupEnd.ACCEPTED, at=action.at)
            _take_back_unanswered(session, action.command, group)
        elif is_exhausted(group.mode, places_of(members_of(session, group.id))):
            end_group(group, OfferGroupEnd.ACCEPTED, at=action.at)


def _take_back_unanswered(session: Session, command: Command, group: OfferGroup) -> None:
    # In the service's own name: what another provider reads of it says neither who accepted nor that one has.
    service = Command(Actor.worker(GATEWAY_NAME), command.at)
    session.flush()
    with in_name_of_service(session, GATEWAY_NAME):
        for member, state in members_of(session, group.id):
            if member.onward_referral_id is not None and state in UNANSWERED_ONWARD_STATES:
                withdraw_in_transaction(
                    session, service, member.onward_referral_id, reason=WithdrawReason.ANOTHER_SERVICE_CHOSEN
                )
