"""End an onward referral from our side: a caseworker or the person takes it back, or its time runs out."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import CalendarExhausted, InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import CaseEvent, EntitlementClock, OnwardReferral
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES, withdraw_reasons
from victim_gateway.rules.withdraw_groups import GOES_ON_AFTER
from victim_gateway.services.compliance import case_events
from victim_gateway.services.messages.provider_notices import tell_provider
from victim_gateway.services.onward_referrals._contact_from_report import (
    NO_LONGER_OWED,
    release_contact_from_report,
)
from victim_gateway.services.onward_referrals._offer_group_steps import note_offer_ended
from victim_gateway.services.onward_referrals._text import check_text, require_text
from victim_gateway.services.onward_referrals.next_offers import ask_next_service
from victim_gateway.services.shared import case_locks
from victim_gateway.services.shared.case_action import NO_DETAILS, EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    INFORMATION_GIVEN,
    LocalEvent,
    OnwardReferralAction,
    onward_referral_action,
)
from victim_gateway.vocabulary import NoticeKind, OnwardState, TaskKind, WithdrawReason

# A question of the provider's stops the time: the next step is ours, not theirs.
_MAY_EXPIRE = (OnwardState.OFFERED, OnwardState.ACKNOWLEDGED)
WITHDRAWN = "onward_referral.withdrawn"
# Until we answer, the provider can't: their time runs anew from then.
_LAST_ANSWER = (
    select(func.max(CaseEvent.occurred_at))
    .where(
        # By the referral first: events are found by it.
        CaseEvent.referral_id == OnwardReferral.referral_id,
        CaseEvent.onward_referral_id == OnwardReferral.id,
        CaseEvent.event == INFORMATION_GIVEN,
    )
    .correlate(OnwardReferral)
    .scalar_subquery()
)


def withdraw_onward_referral(
    command: Command, onward_referral_id: UUID, *, reason: WithdrawReason, text: str | None = None
) -> None:
    """Take an onward referral back; the provider loses sight at once.

    Which reasons fit depends on whether it was accepted; after that, and for `other`, text is needed.
    Raises InvalidInput otherwise, TransitionNotAllowed once it has ended.
    """
    reason_text = check_text(text, "reason_text")
    with onward_referral_action(command, onward_referral_id, Permission.EDIT_CASEWORK, WITHDRAWN) as action:
        fitting = withdraw_reasons(action.onward.state)
        if fitting and reason not in fitting:
            message = "Choose one of the reasons: this one does not fit any more."
            raise InvalidInput(message, fields={"reason": message})
        accepted = action.onward.state not in UNANSWERED_ONWARD_STATES
        if fitting and (accepted or reason is WithdrawReason.OTHER):
            require_text(reason_text, "reason_text", "Say in a few words why you are taking it back")
        _end(action, OnwardState.WITHDRAWN, EventDetails(reason_code=reason.value, text=reason_text))
        group_id = note_offer_ended(action, goes_on=reason in GOES_ON_AFTER)
    if group_id is not None:
        ask_next_service(command, group_id)


def withdraw_in_transaction(
    session: Session, command: Command, onward_referral_id: UUID, *, reason: WithdrawReason
) -> None:
    """A withdrawal as a step of another action, such as a consent taken back; no text is asked for.

    Raises NotFound when it is absent or not the actor's, TransitionNotAllowed once it has ended.
    """
    onward = case_locks.lock_onward_referral(session, onward_referral_id)
    action = OnwardReferralAction(session, command, onward, WITHDRAWN)
    _end(action, OnwardState.WITHDRAWN, EventDetails(reason_code=reason.value))
    # Nothing goes on by itself after what was taken back for the person's sake.
    note_offer_ended(action, goes_on=False)
    action.finish()


def expire_offer(command: Command, onward_referral_id: UUID) -> None:
    """End an offer that was not answered within the area's number of working days.

    They count from the offer, or from our last answer to a question of the provider's. Raises
    TransitionNotAllowed when it has been answered meanwhile, or its time is not over.
    """
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, "onward_referral.expired"
    ) as action:
        onward = action.onward
        is_answerable = onward.state in _MAY_EXPIRE and onward.provider_access_ended_at is None
        if not is_answerable or not _is_over(_waits_since(action.session, onward), action.at):
            raise TransitionNotAllowed("This offer has not run out.")
        _end(action, OnwardState.EXPIRED)
        action.open_task(TaskKind.OFFER_EXPIRED)
        group_id = note_offer_ended(action, goes_on=True)
    if group_id is not None:
        ask_next_service(command, group_id)


def expire_unanswered_offers(command: Command) -> int:
    """End every offer that has run out, each in a transaction of its own; how many were ended.

    Safe to run twice at once: the second finds them ended.
    """
    ended = 0
    for onward_referral_id in list_offers_to_expire(command):
        try:
            expire_offer(command, onward_referral_id)
        except (NotFound, TransitionNotAllowed):
            continue
        ended += 1
    return ended


def list_offers_to_expire(command: Command) -> list[UUID]:
    """The unanswered offers that have run out at the command's moment, the oldest first. Changes nothing."""
    waits_since = func.greatest(OnwardReferral.offered_at, _LAST_ANSWER).label("waits_since")
    with transaction(command.actor) as session:
        rows = session.execute(
            select(OnwardReferral.id, waits_since)
            .where(OnwardReferral.state.in_(_MAY_EXPIRE), OnwardReferral.provider_access_ended_at.is_(None))
            .order_by(waits_since, OnwardReferral.id)
        ).all()
    return [row.id for row in takewhile(lambda row: _is_over(row.waits_since, command.at), rows)]


def release_first_contact(action: OnwardReferralAction) -> None:
    """Take back the start of the first-contact clocks: the first contact is owed no more."""
    _release(action, LocalEvent.ACCEPTED)
    release_contact_from_report(action.session, action.onward, at=action.at)


def release_offer(action: OnwardReferralAction) -> None:
    """Take back the start of the provider-response clock: this provider owes no answer and no contact more."""
    _release(action, LocalEvent.OFFERED)
    release_contact_from_report(action.session, action.onward, at=action.at)


def _end(action: OnwardReferralAction, state: OnwardState, details: EventDetails = NO_DETAILS) -> None:
    unanswered = action.onward.state in UNANSWERED_ONWARD_STATES
    uncontacted = action.onward.state is OnwardState.ACCEPTED
    action.change_state(state, f"onward_referral.{state.value}", details)
    if unanswered:
        release_offer(action)
    elif uncontacted:
        release_first_contact(action)
    for kind in (TaskKind.PROVIDER_ASKED, TaskKind.PROVIDER_DECLINED):
        action.finish_task(kind)
    # Why it ended is the person's own matter: the provider is told only that it did.
    ending = NoticeKind.EXPIRED if state is OnwardState.EXPIRED else NoticeKind.WITHDRAWN
    tell_provider(action.session, action.onward, ending, at=action.at)


def _release(action: OnwardReferralAction, start: LocalEvent) -> None:
    """Take back the start of a clock that was still in time; one already late stays counted late."""
    with as_service(action.session):
        _release_as_service(action, start)


def _release_as_service(action: OnwardReferralAction, start: LocalEvent) -> None:
    session, onward = action.session, action.onward
    running = session.execute(
        select(CaseEvent.id, EntitlementClock.due_on)
        .join(EntitlementClock, EntitlementClock.start_event_id == CaseEvent.id)
        .where(
            CaseEvent.onward_referral_id == onward.id,
            CaseEvent.event == start,
            EntitlementClock.stop_event_id.is_(None),
        )
    ).all()
    today = times.london_date(action.at)
    for event_id in {row.id for row in running if row.due_on is None or row.due_on >= today}:
        case_events.void_case_event_without_clocks(
            session, event_id, at=action.at, reason_code=NO_LONGER_OWED
        )


def _waits_since(session: Session, onward: OnwardReferral) -> datetime:
    answered_at = session.scalar(select(_LAST_ANSWER).where(OnwardReferral.id == onward.id))
    return max(onward.offered_at, answered_at or onward.offered_at)


def _is_over(waits_since: datetime, at: datetime) -> bool:
    days = current_settings().area.thresholds.offer_expires_after_working_days
    try:
        last_day = add_working_days(times.london_date(waits_since), days, england_and_wales())
    except CalendarExhausted:
        # Past the last bank holiday known nothing ends by a guess; the calendar's end is shown elsewhere.
        return False
    return times.london_date(at) > last_day
