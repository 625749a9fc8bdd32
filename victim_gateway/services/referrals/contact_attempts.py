"""Trying to reach a person: what was checked first, what was tried, what came of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, select

from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.errors import InvalidInput, StaleVersion, TransitionNotAllowed, UnsafeContact
from victim_gateway.models import CaseEvent, ContactAttempt, SafeContactPlan, TriageAssessment
from victim_gateway.queries.people.safe_contact_plans import describe_plan_origin, plan_in_force
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.attempt_safety import (
    SafeContactFacts,
    channels_of_attempt,
    explain_unsafe_attempt,
    was_recorded_by,
)
from victim_gateway.rules.contact_stops import REFUSAL_OF_STOP
from victim_gateway.services.referrals import safe_contact
from victim_gateway.services.referrals.contact_stops import recorded_stops
from victim_gateway.services.shared import contact_consents
from victim_gateway.services.shared.case_action import (
    EventDetails,
    ReferralAction,
    referral_action,
    refuse_future_moment,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import AttemptOutcome, Channel, EventKind, ReferralState, SafeAnswer

FIRST_ATTEMPT = "first_contact_attempted"
FIRST_CONTACT = "first_contact_made"
# What may be checked before an attempt; the page asks for at least one.
CHECKS = ("read_plan", "right_number", "right_time", "number_withheld", "asked_police_or_agency")
# Another person has the telephone, or it was not safe: it may not be used again before a caseworker has asked.
UNCERTAIN_OUTCOMES = frozenset(
    {AttemptOutcome.SOMEONE_ELSE_ANSWERED, AttemptOutcome.WRONG_NUMBER, AttemptOutcome.UNSAFE_STOPPED}
)
CALL_FROM_PERSON = "The person called us."
_CHANNELS_OF_NUMBER = frozenset({"phone", "sms", "voicemail"})
_REFUSED_STATES = {
    ReferralState.HELD: "This referral is held. Decide about the hold before you contact the person.",
    ReferralState.CLOSED: "This referral is closed. Reopen it before you contact the person.",
    ReferralState.ENTERED_IN_ERROR: "This referral was entered in error. Do not contact the person.",
}


@dataclass(frozen=True, slots=True)
class AttemptDetails:
    """One attempt. `checked` are some of CHECKS.

    `although_unsafe` admits a channel or a time that was not safe; `unsafe_reason` says how it came about.
    """

    attempted_at: datetime
    channel: Channel
    outcome: AttemptOutcome
    checked: Collection[str] = ()
    text: str | None = None
    although_unsafe: bool = False
    unsafe_reason: str | None = None


def log_contact_attempt(command: Command, referral_id: UUID, attempt: AttemptDetails) -> UUID:
    """Record an attempt to reach the person; reaching them moves the referral on.

    The command's version is that of the safe-contact plan the user saw, 0 for none: a plan that changed since
    is read again first (StaleVersion). A channel, day or hour that was not safe by the plan in force at the moment of
    the attempt raises UnsafeContact unless the user says that it was used all the same, and why; then it is
    recorded. Then, and where it was stopped because it was not safe, that way is not known to be safe any more:
    providers who are helping read it at once, and safe contact must be checked anew before any other referral of the
    person says that they may be contacted.
    """
    refuse_future_moment("attempted_on", attempt.attempted_at, command.at, "When you tried")
    with referral_action(
        command, referral_id, lock=LockScope.PERSON_REFERRALS, version_is_of_referral=False
    ) as action:
        return add_contact_attempt(action, attempt)


def add_contact_attempt(action: ReferralAction, attempt: AttemptDetails) -> UUID:
    """Record an attempt as part of an action that locks every referral of the person.

    Raises as `log_contact_attempt` does; the command's version is that of the safe-contact plan.
    """
    referral = action.referral
    plan = _plan_at(action, attempt.attempted_at)
    first_events = _first_events(action, attempt)
    is_unsafe = _check_attempt(action, plan, attempt)
    attempt_id, document = new_row_id(), {"checked": sorted(attempt.checked), "words": attempt.text}
    if is_unsafe:
        document["unsafe_reason"] = attempt.unsafe_reason
    action.session.add(
        ContactAttempt(
            id=attempt_id,
            referral_id=referral.id,
            attempted_at=attempt.attempted_at,
            recorded_at=action.at,
            by_id=action.actor.user_id,
            channel=attempt.channel,
            outcome=attempt.outcome,
            safe_contact_plan_id=plan.id if plan else None,
            safety_checked=bool(attempt.checked),
            sealed=encrypted_rows.seal_row(action.key, "contact_attempt", attempt_id, document),
        )
    )
    codes = {"channel": attempt.channel, "outcome": attempt.outcome}
    details = EventDetails(occurred_at=attempt.attempted_at, codes={**codes, "unsafe": is_unsafe})
    action.add_timeline_entry("contact.attempted", details)
    for event in first_events:
        action.record_local_event(event, EventDetails(occurred_at=attempt.attempted_at))
    # The caseworker who makes the attempt takes on an unassigned referral; reaching the person is being in contact.
    if referral.assigned_to_id is None:
        referral.assigned_to_id = action.actor.user_id
    if referral.state is ReferralState.RECEIVED:
        action.change_state(ReferralState.ASSIGNED, "referral.assigned")
    assessed = exists().where(TriageAssessment.referral_id == referral.id)
    begins_contact = referral.state is ReferralState.ASSIGNED or (
        referral.state is ReferralState.REOPENED and not action.session.scalar(select(assessed))
    )
    if attempt.outcome is AttemptOutcome.REACHED and begins_contact:
        action.change_state(ReferralState.IN_CONTACT, "referral.in_contact")
    action.session.flush()
    if is_unsafe or attempt.outcome in UNCERTAIN_OUTCOMES:
        channel = attempt.channel.value
        channels = _CHANNELS_OF_NUMBER if channel in _CHANNELS_OF_NUMBER else {channel}
        is_wrong = attempt.outcome is AttemptOutcome.WRONG_NUMBER
        safe_contact.mark_safe_contact_unconfirmed(action, channels, is_wrong=is_wrong)
    action.record_audit("contact.attempted", **codes)
    return attempt_id


def record_call_from_person(action: ReferralAction) -> None:
    """The person is on the phone while the referral is recorded: they have been reached, and no call is owed first.

    Part of the action that records the referral. Whoever spoke to them takes the referral on; one that is held
    stays so. No check came before it, since we did not call.
    """
    session, referral = action.session, action.referral
    plan = plan_in_force(session, referral.person_id)
    attempt_id, document = new_row_id(), {"checked": [], "words": CALL_FROM_PERSON}
    session.add(
        ContactAttempt(
            id=attempt_id,
            referral_id=referral.id,
            attempted_at=action.at,
            recorded_at=action.at,
            by_id=action.actor.user_id,
            channel=Channel.PHONE,
            outcome=AttemptOutcome.REACHED,
            safe_contact_plan_id=plan.id if plan else None,
            safety_checked=False,
            sealed=encrypted_rows.seal_row(action.key, "contact_attempt", attempt_id, document),
        )
    )
    codes = {"channel": Channel.PHONE, "outcome": AttemptOutcome.REACHED, "unsafe": False}
    action.add_timeline_entry("contact.attempted", EventDetails(codes=codes))
    for event in (FIRST_ATTEMPT, FIRST_CONTACT):
        action.record_local_event(event)
    if referral.state is ReferralState.RECEIVED:
        referral.assigned_to_id = action.actor.user_id
        action.change_state(ReferralState.ASSIGNED, "referral.assigned")
        action.change_state(ReferralState.IN_CONTACT, "referral.in_contact")
    action.record_audit("contact.attempted", **codes)


def check_contact_attempt(action: ReferralAction, attempt: AttemptDetails) -> None:
    """Refuse an attempt as `add_contact_attempt` does, and record nothing: it is yet to be made."""
    _first_events(action, attempt)
    _check_attempt(action, _plan_at(action, attempt.attempted_at), attempt)


def _check_attempt(action: ReferralAction, plan: SafeContactPlan | None, attempt: AttemptDetails) -> bool:
    """Whether a channel or a time was used that the plan does not call safe. Raises what refuses the attempt."""
    referral = action.referral
    if referral.state in _REFUSED_STATES:
        raise TransitionNotAllowed(_REFUSED_STATES[referral.state])
    _refuse_stopped_contact(action)
    if contact_consents.contact_consent(action.session, referral.person_id) is False:
        raise TransitionNotAllowed(
            "The person has said no to being contacted. If they have agreed since, record that first."
        )
    in_force = plan_in_force(action.session, referral.person_id)
    if action.command.version != (in_force.version if in_force else 0):
        raise StaleVersion(describe_plan_origin(action.session, in_force))
    # A person writes down minutes: an attempt within the minute of the receipt came after it.
    if attempt.attempted_at < referral.received_at.replace(second=0, microsecond=0):
        message = "When you tried must be after the referral was received"
        raise InvalidInput(message, fields={"attempted_on": message})
    if attempt.outcome is AttemptOutcome.UNSAFE_STOPPED:
        return False
    facts = _safe_contact_facts(action, plan)
    recheck_days = current_settings().area.thresholds.safe_contact_recheck_days
    reasons = (
        explain_unsafe_attempt(facts, channel, attempted_at=attempt.attempted_at, recheck_days=recheck_days)
        for channel in channels_of_attempt(attempt.channel, attempt.outcome)
    )
    reason = next((each for each in reasons if each), None)
    if reason is None:
        return False
    if not attempt.although_unsafe:
        message = f"{reason} If you tried all the same, say so below, and why, and it will be recorded."
        raise UnsafeContact(message, fields={"although_unsafe": message})
    if not (attempt.unsafe_reason or "").strip():
        message = "Say how it came about, so that it does not happen again"
        raise InvalidInput(message, fields={"unsafe_reason": message})
    return True


def _plan_at(action: ReferralAction, moment: datetime) -> SafeContactPlan | None:
    """The plan that was in force at this moment: an attempt is judged by it, and by nothing that came later."""
    every = select(SafeContactPlan).where(SafeContactPlan.person_id == action.referral.person_id)
    newest_first = action.session.scalars(every.order_by(SafeContactPlan.version.desc()))
    return next((plan for plan in newest_first if was_recorded_by(plan.recorded_at, moment)), None)


def _safe_contact_facts(action: ReferralAction, plan: SafeContactPlan | None) -> SafeContactFacts:
    person = action.person
    opened = encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed)
    if plan is None:
        return SafeContactFacts(SafeAnswer.UNKNOWN, {}, opened)
    document = encrypted_rows.unseal_row(action.key, "safe_contact_plan", plan.id, plan.sealed)
    return SafeContactFacts(plan.safe, document, opened, plan.checked_at)


def _refuse_stopped_contact(action: ReferralAction) -> None:
    stops = recorded_stops(action)
    if stops:
        raise TransitionNotAllowed(REFUSAL_OF_STOP[stops[0]])


def _first_events(action: ReferralAction, attempt: AttemptDetails) -> list[str]:
    """The local events that this attempt is the first to bring, or brings earlier than was known."""
    if attempt.outcome is AttemptOutcome.UNSAFE_STOPPED:
        return []
    is_contact = attempt.outcome is AttemptOutcome.REACHED
    events = [FIRST_ATTEMPT, FIRST_CONTACT] if is_contact else [FIRST_ATTEMPT]
    known = action.session.execute(
        select(CaseEvent.event, func.min(CaseEvent.occurred_at).label("earliest_at"))
        .where(
            CaseEvent.referral_id == action.referral.id,
            CaseEvent.event.in_(events),
            CaseEvent.kind == EventKind.LOCAL,
        )
        .group_by(CaseEvent.event)
    )
    earliest: dict[str, datetime] = {row.event: row.earliest_at for row in known}
    return [event for event in events if event not in earliest or attempt.attempted_at < earliest[event]]
