"""Ranked groups: the next service is asked, with everything checked anew at that moment, or a caseworker is.

Each step is a transaction of its own after the one that ended the offer before; what a lost process leaves undone is
found by the pass of every minute.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, update

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import GatewayError
from victim_gateway.models import OfferGroup, Person, Referral
from victim_gateway.offer_vocabulary import OfferGroupEnd, OfferHindrance
from victim_gateway.rules.handover import HandoverText
from victim_gateway.rules.offer_groups import hindrance_of, next_place
from victim_gateway.rules.transitions import OVER_STATES
from victim_gateway.services.onward_referrals._offer_group_steps import (
    GATEWAY_NAME,
    end_group,
    group_task_key,
    hold_up_group,
    lock_group,
    members_of,
    places_of,
)
from victim_gateway.services.onward_referrals.offer import (
    OfferToProvider,
    lock_offerable_referral,
    offer_in_transaction,
)
from victim_gateway.services.shared import case_locks, next_action, tasks
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import HandoverPart

OFFER_GROUP = "offer_group"


def ask_next_services(command: Command) -> int:
    """Go on with every ranked group that waits to be gone on with; how many services were asked.

    Safe to run late, often or twice at once: the second finds nothing to do. Groups of referrals that are over end
    first: nothing of what would have been handed over is kept for them.
    """
    with transaction(command.actor) as session:
        over = select(Referral.id).where(
            Referral.id == OfferGroup.referral_id, Referral.state.in_(OVER_STATES)
        )
        session.execute(
            update(OfferGroup)
            .where(OfferGroup.ended_at.is_(None), over.exists())
            .values(ended_at=command.at, end_reason=OfferGroupEnd.STOPPED, advance_at=None, sealed=None)
        )
        waiting = session.scalars(
            select(OfferGroup.id)
            .where(OfferGroup.advance_at.is_not(None), OfferGroup.advance_at <= command.at)
            .order_by(OfferGroup.advance_at, OfferGroup.id)
        ).all()
    asked, failures = 0, []
    for group_id in waiting:
        try:
            asked += ask_next_service(command, group_id) is not None
        except Exception as failure:
            # One that can't be read must not stop those behind it; it is raised once they were asked.
            failures.append(failure)
    if failures:
        raise ExceptionGroup("groups of offers could not go on", failures)
    return asked


def ask_next_service(command: Command, group_id: UUID) -> UUID | None:
    """Offer the person to the next service of a group; gives the onward referral, None where none was offered.

    Consent, safe contact, what stops all contact, eligibility and whether the service takes people are checked as they
    are now. Where one of them stands against it nothing is offered, and a caseworker is asked.
    """
    service = Command(Actor.worker(GATEWAY_NAME), command.at)
    try:
        return _ask_next(service, group_id)
    except GatewayError as refusal:
        _hold_up(service, group_id, hindrance_of(refusal))
        return None


def _ask_next(command: Command, group_id: UUID) -> UUID | None:
    with transaction(command.actor) as session:
        group = lock_group(session, group_id)
        if group is None or group.advance_at is None:
            return None
        group.advance_at = None
        referral = session.get_one(Referral, group.referral_id, populate_existing=True)
        person = session.get_one(Person, referral.person_id)
        if referral.state in OVER_STATES or person.erased_at is not None:
            end_group(group, OfferGroupEnd.STOPPED, at=command.at)
            return None
        members = members_of(session, group.id)
        place = next_place(places_of(members))
        if place is None or group.sealed is None:
            return None
        referral = lock_offerable_referral(session, group.referral_id, None)
        case_locks.lock_person_row(session, referral.person_id)
        key = encrypted_rows.open_key(session, person.key_id)
        texts = encrypted_rows.unseal_row(key, OFFER_GROUP, group.id, group.sealed)
        offer = OfferToProvider(
            service_id=place.service_id,
            share=[HandoverPart(part) for part in group.share],
            texts=HandoverText(**texts),
            offered_by_id=group.created_by_id,
        )
        onward = offer_in_transaction(session, command, referral, offer)
        member = next(member for member, _ in members if member.service_id == place.service_id)
        member.onward_referral_id, member.hindrance = onward.id, None
        tasks.finish_task(session, group_task_key(group.id), at=command.at)
        if all(each.onward_referral_id is not None for each, _ in members):
            group.sealed = None
        record_audit(
            session,
            "offer_group.next_asked",
            subject_type="offer_group",
            subject_id=group.id,
            person_id=referral.person_id,
            reference=onward.reference,
        )
    return onward.id


def _hold_up(command: Command, group_id: UUID, hindrance: OfferHindrance) -> None:
    with transaction(command.actor) as session:
        group = lock_group(session, group_id)
        if group is None or group.advance_at is None:
            return
        hold_up_group(session, group, hindrance, at=command.at)
        session.flush()
        next_action.refresh_next_actions(session, [group.referral_id], at=command.at)
        record_audit(
            session,
            "offer_group.held_up",
            subject_type="offer_group",
            subject_id=group.id,
            hindrance=hindrance.value,
        )
