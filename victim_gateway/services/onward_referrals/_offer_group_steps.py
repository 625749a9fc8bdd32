"""What several verbs do to a group of offers: find it, see how its services stand, go on, wait for a person, end."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import as_service
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import OfferGroup, OfferGroupMember, OnwardReferral
from victim_gateway.offer_vocabulary import OfferGroupEnd, OfferGroupMode, OfferHindrance
from victim_gateway.rules.offer_groups import OfferPlace, has_unasked, is_exhausted, waits_for_person
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.shared import case_locks, tasks
from victim_gateway.services.shared.onward_referral_action import OnwardReferralAction, onward_task_key
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import OnwardState, TaskKind

TAKEN_ON_STATES = (OnwardState.ACCEPTED, OnwardState.IN_SERVICE)
GATEWAY_NAME = "Victim Gateway"
"""Who asks the next service, or takes the others back: neither a caseworker nor a provider did it at that moment."""


def lock_group(session: Session, group_id: UUID) -> OfferGroup | None:
    """A group that has not ended, locked after its referral; None for one that is absent or has ended."""
    referral_id = session.scalar(select(OfferGroup.referral_id).where(OfferGroup.id == group_id))
    if referral_id is None:
        return None
    case_locks.lock_referral_row(session, referral_id)
    chosen = select(OfferGroup).where(OfferGroup.id == group_id, OfferGroup.ended_at.is_(None))
    return session.scalar(chosen.with_for_update().execution_options(populate_existing=True))


def members_of(session: Session, group_id: UUID) -> list[tuple[OfferGroupMember, OnwardState | None]]:
    """The services of a group in their order, each with how its onward referral stands; None: not asked."""
    rows = session.execute(
        select(OfferGroupMember, OnwardReferral.state)
        .outerjoin(OnwardReferral, OnwardReferral.id == OfferGroupMember.onward_referral_id)
        .where(OfferGroupMember.offer_group_id == group_id)
        .order_by(OfferGroupMember.position)
    )
    return [(member, state) for member, state in rows]


def places_of(members: list[tuple[OfferGroupMember, OnwardState | None]]) -> list[OfferPlace]:
    """The same as the rules read it."""
    return [OfferPlace(member.service_id, state, member.hindrance) for member, state in members]


def group_of_offer(session: Session, onward_referral_id: UUID) -> OfferGroup | None:
    """The group of an onward referral that has not ended, locked; its referral is locked already."""
    chosen = (
        select(OfferGroup)
        .join(OfferGroupMember, OfferGroupMember.offer_group_id == OfferGroup.id)
        .where(OfferGroupMember.onward_referral_id == onward_referral_id, OfferGroup.ended_at.is_(None))
    )
    return session.scalar(chosen.with_for_update(of=OfferGroup).execution_options(populate_existing=True))


def note_offer_ended(action: OnwardReferralAction, *, goes_on: bool) -> UUID | None:
    """What the end of an offer means for its group; gives the group whose next service is to be asked now.

    Without `goes_on` a caseworker is asked first. In the transaction of the end.
    """
    session = action.session
    session.flush()
    with as_service(session):
        group = group_of_offer(session, action.onward.id)
        if group is None:
            return None
        members = members_of(session, group.id)
        places = places_of(members)
        if group.mode is OfferGroupMode.RANKED and has_unasked(places):
            if goes_on and not waits_for_person(places):
                group.advance_at = action.at
                return group.id
            hold_up_group(session, group, OfferHindrance.ASK_PERSON, at=action.at)
        elif is_exhausted(group.mode, places):
            end_group(group, OfferGroupEnd.EXHAUSTED, at=action.at)
    return None


def refuse_while_next_is_asked(action: OnwardReferralAction) -> None:
    """Raises TransitionNotAllowed where another service of a declined offer's group was asked instead, or has accepted.

    Also of a group that has ended: it ends with the acceptance.
    """
    session = action.session
    with as_service(session):
        groups = session.scalars(
            select(OfferGroup)
            .join(OfferGroupMember, OfferGroupMember.offer_group_id == OfferGroup.id)
            .where(OfferGroupMember.onward_referral_id == action.onward.id)
        ).all()
        taken = any(
            state in (LIVE_ONWARD_STATES if group.mode is OfferGroupMode.RANKED else TAKEN_ON_STATES)
            for group in groups
            if group.mode is OfferGroupMode.RANKED or group.closes_others
            for _, state in members_of(session, group.id)
        )
    if taken:
        raise TransitionNotAllowed(
            "Another service of this group was asked instead, or helps already. Take that back first."
        )


def hold_up_group(session: Session, group: OfferGroup, hindrance: OfferHindrance, *, at: datetime) -> None:
    """Ask nobody further by itself: note why at the next service, and ask a caseworker. As the service."""
    members = members_of(session, group.id)
    asked = [member.onward_referral_id for member, _ in members if member.onward_referral_id is not None]
    waiting = [member for member, state in members if state is None]
    if waiting:
        waiting[0].hindrance = hindrance
    group.advance_at = None
    open_decision_task(
        session,
        group.referral_id,
        asked[-1] if asked else None,
        group_task_key(group.id),
        hindrance.value,
        at,
    )


def group_task_key(group_id: UUID) -> str:
    """By which the task of a held-up group is found: there is one of each group."""
    return f"offer-group:{group_id}"


def open_decision_task(
    session: Session, referral_id: UUID, onward_id: UUID | None, dedupe_key: str, why: str, at: datetime
) -> None:
    """Ask a caseworker which help comes next; `why` is a code. As the service."""
    task = NewTask(
        kind=TaskKind.ONWARD_DECISION,
        referral_id=referral_id,
        dedupe_key=dedupe_key,
        onward_referral_id=onward_id,
        details={"why": why},
    )
    tasks.open_task(session, task, at=at)


def open_decision(action: OnwardReferralAction, why: str) -> None:
    """As `open_decision_task`, about the onward referral of an action."""
    with as_service(action.session):
        key = onward_task_key(TaskKind.ONWARD_DECISION, action.onward.id)
        open_decision_task(action.session, action.referral_id, action.onward.id, key, why, action.at)


def end_group(group: OfferGroup, reason: OfferGroupEnd, *, at: datetime, by_id: UUID | None = None) -> None:
    """Ask no further service, and keep nothing of what would have been handed over."""
    group.ended_at, group.ended_by_id, group.end_reason = at, by_id, reason
    group.advance_at = group.sealed = None
