"""Taking an onward referral back, by a caseworker, by the person, or by time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import actor_of, as_service, transaction
from victim_gateway.errors import CalendarExhausted, InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import CaseEvent, EntitlementClock, OnwardReferral
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES, withdraw_reasons
from victim_gateway.services.compliance import case_events
from victim_gateway.services.onward_referrals._action import (
    LocalEvent,
    OnwardAction,
    checked_text,
    finish_onward_action,
    lock_onward_referral,
    onward_referral_action,
    required_text,
)
from victim_gateway.vocabulary import OnwardState, TaskKind, WithdrawReason

# A question of the provider's stops the time: the next act is ours, not theirs.
_MAY_EXPIRE = (OnwardState.OFFERED, OnwardState.ACKNOWLEDGED)
NO_LONGER_OWED = "no_longer_owed"


def withdraw_onward_referral(
    onward_referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    reason: WithdrawReason,
    words: str | None = None,
    submission_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Take an onward referral back; the provider loses sight at once.

    Which reasons fit depends on whether it was accepted; after that, and for `other`, words are needed.
    Raises InvalidInput otherwise, TransitionNotAllowed once it has ended.
    """
    said = checked_text(words, "words")
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.withdrawn",
        actor=actor,
        at=at,
        permission=Permission.EDIT_CASEWORK,
        submission_id=submission_id,
        version=version,
    ) as under_way:
        fitting = withdraw_reasons(under_way.onward.state)
        if fitting and reason not in fitting:
            message = "Choose one of the reasons: this one does not fit any more."
            raise InvalidInput(message, fields={"reason": message})
        accepted = under_way.onward.state not in UNANSWERED_ONWARD_STATES
        if fitting and (accepted or reason is WithdrawReason.OTHER):
            required_text(said, "words", "Say in a few words why you are taking it back")
        _end(under_way, OnwardState.WITHDRAWN, reason.value, said)


def withdraw_in_transaction(
    session: Session, onward_referral_id: UUID, *, at: datetime, reason: WithdrawReason
) -> None:
    """A withdrawal as a step of another act, such as a consent taken back; no words are asked for.

    Raises NotFound when it is absent or not the actor's, TransitionNotAllowed once it has ended.
    """
    onward = lock_onward_referral(session, onward_referral_id)
    under_way = OnwardAction(session, onward, actor_of(session), at)
    _end(under_way, OnwardState.WITHDRAWN, reason.value, "")
    finish_onward_action(under_way, "onward_referral.withdrawn")


def expire_offer(onward_referral_id: UUID, *, actor: Actor, at: datetime) -> None:
    """End an offer that nobody answered within the area's number of working days.

    Raises TransitionNotAllowed when it has been answered meanwhile, or its time is not over.
    """
    with onward_referral_action(
        onward_referral_id,
        "onward_referral.expired",
        actor=actor,
        at=at,
        permission=Permission.EDIT_CASEWORK,
        submission_id=None,
        version=None,
    ) as under_way:
        onward = under_way.onward
        if onward.state not in _MAY_EXPIRE or not _is_over(onward.offered_at, at):
            raise TransitionNotAllowed("This offer has not run out.")
        _end(under_way, OnwardState.EXPIRED, None, "")
        under_way.open_task(TaskKind.OFFER_EXPIRED)


def expire_unanswered_offers(*, actor: Actor, at: datetime) -> int:
    """End every offer that has run out, each in a transaction of its own; how many were ended.

    Safe to run twice at once: the second finds them ended.
    """
    with transaction(actor) as session:
        rows = session.execute(
            select(OnwardReferral.id, OnwardReferral.offered_at)
            .where(OnwardReferral.state.in_(_MAY_EXPIRE))
            .order_by(OnwardReferral.offered_at, OnwardReferral.id)
        ).all()
    ended = 0
    for row in rows:
        if not _is_over(row.offered_at, at):
            break
        try:
            expire_offer(row.id, actor=actor, at=at)
        except (NotFound, TransitionNotAllowed):
            continue
        ended += 1
    return ended


def release_first_contact(under_way: OnwardAction) -> None:
    """Nobody owes the first contact any more."""
    _release(under_way, LocalEvent.ACCEPTED)


def _end(under_way: OnwardAction, state: OnwardState, reason_code: str | None, words: str) -> None:
    unanswered = under_way.onward.state in UNANSWERED_ONWARD_STATES
    uncontacted = under_way.onward.state is OnwardState.ACCEPTED
    under_way.move(state, f"onward_referral.{state.value}", reason_code=reason_code, words=words)
    if unanswered:
        _release(under_way, LocalEvent.OFFERED)
    elif uncontacted:
        release_first_contact(under_way)
    for kind in (TaskKind.PROVIDER_ASKED, TaskKind.PROVIDER_DECLINED):
        under_way.finish_task(kind)


def _release(under_way: OnwardAction, start: LocalEvent) -> None:
    """Take back the start of a clock that was still in time; one already late stays counted late."""
    with as_service(under_way.session):
        _release_as_service(under_way, start)


def _release_as_service(under_way: OnwardAction, start: LocalEvent) -> None:
    session, onward = under_way.session, under_way.onward
    running = session.execute(
        select(CaseEvent.id, EntitlementClock.due_on)
        .join(EntitlementClock, EntitlementClock.start_event_id == CaseEvent.id)
        .where(
            CaseEvent.onward_referral_id == onward.id,
            CaseEvent.event == start,
            EntitlementClock.stop_event_id.is_(None),
        )
    ).all()
    today = times.london_date(under_way.at)
    for event_id in {row.id for row in running if row.due_on is None or row.due_on >= today}:
        case_events.void_case_event(session, event_id, at=under_way.at, reason_code=NO_LONGER_OWED)


def _is_over(offered_at: datetime, at: datetime) -> bool:
    days = current_settings().area.thresholds.offer_expires_after_working_days
    try:
        last_day = add_working_days(times.london_date(offered_at), days, england_and_wales())
    except CalendarExhausted:
        # Past the last bank holiday known nothing ends by a guess; the calendar's end is shown elsewhere.
        return False
    return times.london_date(at) > last_day
