"""Support that was given: what, when, how long, for whom. What reaches for the person is a contact attempt first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed, UnsafeContact
from victim_gateway.models import ContactAttempt, SafeContactPlan, SupportActivity, SupportGoal
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.contact_stops import REFUSAL_OF_STOP
from victim_gateway.rules.support import (
    CHANNEL_OF_MANNER,
    GIVING_OUTCOMES,
    LEAST_MINUTES,
    MOST_MINUTES,
    explain_missing_attempt,
    explain_refused_state,
)
from victim_gateway.services.referrals.contact_stops import recorded_stops
from victim_gateway.services.shared import contact_consents
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import safe_contact_check_key
from victim_gateway.times import from_london_wall, moment_on
from victim_gateway.vocabulary import AttemptOutcome, SafeAnswer, SupportedParty, SupportManner, TaskKind

MISSING_ATTEMPT_FIELD = "manner"
_RECORD_FIRST = "First record what the person said about it when you met."


@dataclass(frozen=True, slots=True)
class SupportGiven:
    """One activity. `kind` is one of the area's, `goal_id` the goal of the plan that it served."""

    kind: str
    manner: SupportManner
    given_on: date
    minutes: int
    for_party: SupportedParty = SupportedParty.PERSON
    goal_id: UUID | None = None
    text: str = ""
    place: str | None = None
    """Where, in the wording that the area's list of venues had that day."""
    unsafe_reason: str = ""
    """How a meeting came about that was not known to be safe; then somebody is asked to check safe contact."""


def record_support_activity(command: Command, referral_id: UUID, given: SupportGiven) -> UUID:
    """Record support with the time spent.

    By telephone or in writing it needs a contact attempt of that channel on that London day, which was checked
    for safety when it was logged; that a meeting is safe is checked here. Raises InvalidInput and
    TransitionNotAllowed.
    """
    with referral_action(
        command,
        referral_id,
        lock=LockScope.PERSON,
        effect=ActionEffect.EVENTS_ONLY,
        version_is_of_referral=False,
    ) as action:
        return _add_activity(action, given)


def correct_support_activity(
    command: Command, referral_id: UUID, activity_id: UUID, given: SupportGiven, *, reason: str
) -> UUID:
    """Put a new entry in the place of one that was wrong; the old one stays to be read, and no longer counts.

    Raises NotFound for an entry of another referral, TransitionNotAllowed for one that was voided already.
    """
    with referral_action(
        command,
        referral_id,
        lock=LockScope.PERSON,
        effect=ActionEffect.EVENTS_ONLY,
        version_is_of_referral=False,
    ) as action:
        _void(action, activity_id, reason)
        return _add_activity(action, given, corrects_id=activity_id)


def void_support_activity(command: Command, referral_id: UUID, activity_id: UUID, *, reason: str) -> None:
    """Take an entry back that should never have been made. Raises as `correct_support_activity` does."""
    with referral_action(
        command, referral_id, effect=ActionEffect.NOTHING, version_is_of_referral=False
    ) as action:
        _void(action, activity_id, reason)


def _add_activity(action: ReferralAction, given: SupportGiven, *, corrects_id: UUID | None = None) -> UUID:
    _check_answers(action, given)
    _check_state(action, given)
    is_unsafe = _was_unsafe(action, given)
    attempt_id = find_attempt_of_day(action, given.manner, given.given_on)
    activity_id = new_row_id()
    document = {"words": given.text.strip()}
    if given.place:
        document["place"] = given.place
    if is_unsafe:
        document["unsafe_reason"] = given.unsafe_reason.strip()
        action.open_task(
            TaskKind.SAFE_CONTACT_CHECK, dedupe_key=safe_contact_check_key(action.referral.person_id)
        )
    action.session.add(
        SupportActivity(
            id=activity_id,
            referral_id=action.referral.id,
            kind=given.kind,
            manner=given.manner,
            given_on=given.given_on,
            minutes=given.minutes,
            for_party=given.for_party,
            goal_id=given.goal_id,
            contact_attempt_id=attempt_id,
            corrects_id=corrects_id,
            recorded_at=action.at,
            by_id=action.actor.user_id,
            sealed=encrypted_rows.seal_row(action.key, "support_activity", activity_id, document),
        )
    )
    codes = {"activity": given.kind, "minutes": given.minutes}
    occurred_at = moment_on(given.given_on, None, action.at)
    action.add_timeline_entry(
        "support.given", EventDetails(occurred_at=occurred_at, codes={**codes, "unsafe": is_unsafe})
    )
    action.record_audit("support.given", activity_id=str(activity_id), unsafe=is_unsafe, **codes)
    return activity_id


def _check_answers(action: ReferralAction, given: SupportGiven) -> None:
    """Raises InvalidInput for an answer that can't be true."""
    refused: dict[str, str] = {}
    kind = current_area().support.activity_kind(given.kind)
    if kind is None:
        refused["kind"] = "Choose what you did"
    elif given.manner.value not in kind.manners:
        refused["manner"] = f"{kind.label} can't be given in that way. Choose another kind, or another way."
    if not LEAST_MINUTES <= given.minutes <= MOST_MINUTES:
        refused["minutes"] = f"Minutes must be a whole number from {LEAST_MINUTES} to {MOST_MINUTES}"
    if given.given_on > times.london_date(action.at):
        refused["given_on"] = "The day must be today or in the past"
    elif given.given_on < times.london_date(action.referral.received_at):
        refused["given_on"] = "The day must be on or after the day the referral was received"
    if given.goal_id is not None and not _is_goal(action.session, action.referral.id, given.goal_id):
        refused["goal"] = "Choose a goal of this person"
    if refused:
        raise InvalidInput(next(iter(refused.values())), fields=refused)


def _is_goal(session: Session, referral_id: UUID, goal_id: UUID) -> bool:
    goal = select(SupportGoal.id).where(SupportGoal.id == goal_id, SupportGoal.goal_id == goal_id)
    return session.scalar(goal.where(SupportGoal.referral_id == referral_id)) is not None


def _check_state(action: ReferralAction, given: SupportGiven) -> None:
    referral = action.referral
    closed_on = times.london_date(referral.closed_at) if referral.closed_at else None
    refused = explain_refused_state(referral.state, closed_on=closed_on, on=given.given_on)
    if refused is None and given.manner is SupportManner.IN_PERSON:
        refused = explain_stopped_meeting(action)
    if refused:
        raise TransitionNotAllowed(refused)


def _was_unsafe(action: ReferralAction, given: SupportGiven) -> bool:
    """Whether a meeting was not known to be safe. Raises UnsafeContact unless it is said how it came about."""
    if given.manner is not SupportManner.IN_PERSON:
        return False
    reason = explain_unsafe_meeting(action, given.given_on)
    if reason is None:
        return False
    if not given.unsafe_reason.strip():
        message = f"{reason} If you met all the same, say below how it came about, and it will be recorded."
        raise UnsafeContact(message, fields={"unsafe_reason": message})
    return True


def explain_stopped_meeting(action: ReferralAction) -> str | None:
    """A death, a withdrawal or a no to contact, which stop a meeting as they stop a call; None for none of them."""
    stops = recorded_stops(action)
    if stops:
        return REFUSAL_OF_STOP[stops[0]]
    if contact_consents.contact_consent(action.session, action.referral.person_id) is False:
        return "The person has said no to being contacted. If they have agreed since, record that first."
    return None


def explain_unsafe_meeting(action: ReferralAction, on: date) -> str | None:
    """Why a meeting on a day was not known to be safe: without a yes, then or now, or one of too long ago."""
    plan = plan_in_force(action.session, action.referral.person_id)
    if plan is None or plan.safe is SafeAnswer.UNKNOWN:
        return f"Nobody has said that contact is safe. {_RECORD_FIRST}"
    if plan.safe is SafeAnswer.NO:
        return f"It is recorded that contact is not safe. {_RECORD_FIRST}"
    if times.london_date(plan.recorded_at) > on and not _was_called_safe(action, on):
        return f"On that day nobody had said that contact is safe. {_RECORD_FIRST}"
    recheck_days = current_settings().area.thresholds.safe_contact_recheck_days
    if plan.checked_at is None or times.london_date(plan.checked_at) < on - timedelta(days=recheck_days):
        return f"Safe contact was last checked more than {recheck_days} days ago. {_RECORD_FIRST}"
    return None


def _was_called_safe(action: ReferralAction, on: date) -> bool:
    """Whether the plan in force at the end of a London day said yes: what was asked later says nothing of it."""
    of_that_day = select(SafeContactPlan.safe).where(
        SafeContactPlan.person_id == action.referral.person_id,
        SafeContactPlan.recorded_at < _bounds_of_day(on)[1],
    )
    newest = of_that_day.order_by(SafeContactPlan.version.desc()).limit(1)
    return action.session.scalar(newest) is SafeAnswer.YES


def find_attempt_of_day(action: ReferralAction, manner: SupportManner, on: date) -> UUID | None:
    """The contact attempt of a day by the channel of a manner; None for a manner without one.

    Raises InvalidInput where none is logged.
    """
    channel = CHANNEL_OF_MANNER.get(manner)
    if channel is None:
        return None
    outcomes = (AttemptOutcome.REACHED,) if manner is SupportManner.PHONE else GIVING_OUTCOMES
    first, after = _bounds_of_day(on)
    attempt_id = action.session.scalar(
        select(ContactAttempt.id)
        .where(
            ContactAttempt.referral_id == action.referral.id,
            ContactAttempt.channel == channel,
            ContactAttempt.outcome.in_(outcomes),
            ContactAttempt.attempted_at >= first,
            ContactAttempt.attempted_at < after,
        )
        .order_by(ContactAttempt.attempted_at.desc(), ContactAttempt.id)
        .limit(1)
    )
    if attempt_id is None:
        message = explain_missing_attempt(manner)
        raise InvalidInput(message, fields={MISSING_ATTEMPT_FIELD: message})
    return attempt_id


def _bounds_of_day(day: date) -> tuple[datetime, datetime]:
    """The first moment of a London day and of the day after."""
    midnight = datetime.combine(day, time())
    return from_london_wall(midnight), from_london_wall(midnight + timedelta(days=1))


def _void(action: ReferralAction, activity_id: UUID, reason: str) -> None:
    if not reason.strip():
        message = "Enter what was wrong"
        raise InvalidInput(message, fields={"reason_text": message})
    activity = action.session.get(SupportActivity, activity_id)
    if activity is None or activity.referral_id != action.referral.id:
        raise NotFound
    if activity.voided_at is not None:
        raise TransitionNotAllowed("This entry was taken back already. Look at how it stands now.")
    activity.voided_at, activity.voided_by_id = action.at, action.actor.user_id
    codes = {"activity": activity.kind, "minutes": activity.minutes}
    action.add_timeline_entry("support.voided", EventDetails(text=reason.strip(), codes=codes))
    action.record_audit("support.voided", activity_id=str(activity_id))
