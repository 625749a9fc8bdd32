"""Trying to reach a person: what was checked first, what was tried, what came of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import actor_of, transaction
from victim_gateway.errors import InvalidInput, StaleVersion, TransitionNotAllowed, UnsafeContact
from victim_gateway.models import (
    CaseEvent,
    ContactAttempt,
    Person,
    Referral,
    SafeContactPlan,
    TriageAssessment,
)
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.rules.safe_contact import VOICEMAIL
from victim_gateway.services.referrals import consents, safe_contact
from victim_gateway.services.shared import referral_steps, submissions
from victim_gateway.vocabulary import AttemptOutcome, Channel, EventKind, ReferralState

FIRST_ATTEMPT = "first_contact_attempted"
FIRST_CONTACT = "first_contact_made"
# What may be checked before a try; the page asks for at least one.
CHECKS = ("read_plan", "right_number", "right_time", "number_withheld", "asked_police_or_agency")
# Somebody else holds the telephone: nobody may use it again before a person has asked.
UNCERTAIN_OUTCOMES = frozenset({AttemptOutcome.SOMEONE_ELSE_ANSWERED, AttemptOutcome.WRONG_NUMBER})
_WAYS_OF = {Channel.PHONE: {"phone", "sms", "voicemail"}, Channel.SMS: {"phone", "sms", "voicemail"}}


@dataclass(frozen=True, slots=True)
class AttemptDetails:
    """One try. `checked` are some of CHECKS; `although_unsafe` owns up to a way not recorded as safe."""

    attempted_at: datetime
    channel: Channel
    outcome: AttemptOutcome
    checked: Collection[str] = ()
    words: str | None = None
    although_unsafe: bool = False


def log_contact_attempt(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    attempt: AttemptDetails,
    version: int,
    submission_id: UUID | None = None,
) -> UUID:
    """Record a try at reaching the person; reaching them moves the referral on.

    `version` is that of the safe-contact plan the user saw, 0 for none: a plan that changed since is read
    again first (StaleVersion). A way that the plan does not call safe raises UnsafeContact unless the user
    says that it was used all the same; then it is recorded, and somebody must check safe contact anew.
    """
    referral_steps.refuse_future_moment("attempted_on", attempt.attempted_at, at, "When you tried")
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral(session, referral_id)
        _check_state(referral)
        person, key = referral_steps.open_person(session, referral.person_id, lock=True)
        if consents.contact_consent(session, person.id) is False:
            raise TransitionNotAllowed(
                "The person has said no to being contacted. If they have agreed since, record that first."
            )
        plan = plan_in_force(session, person.id)
        if version != (plan.version if plan else 0):
            raise StaleVersion("Safe contact was recorded again after you opened this page. Read it first.")
        _check_time(referral, attempt)
        unsafe = _check_safety(plan, attempt, at)
        attempt_id = _write(session, referral, plan, key, attempt, at)
        _tell(session, referral, attempt, unsafe, at=at)
        _move_on(session, referral, attempt, at=at)
        _doubt_where_needed(session, referral, person, key, attempt, unsafe, at=at)
        referral_steps.audit_referral(
            session, "contact.attempted", referral, channel=attempt.channel, outcome=attempt.outcome
        )
        referral_steps.finish_action(session, referral, at=at)
    return attempt_id


def _check_state(referral: Referral) -> None:
    refusals = {
        ReferralState.HELD: "This referral is held. Decide about the hold before you contact the person.",
        ReferralState.CLOSED: "This referral is closed. Reopen it before you contact the person.",
        ReferralState.ENTERED_IN_ERROR: "This referral was entered in error. Do not contact the person.",
    }
    if referral.state in refusals:
        raise TransitionNotAllowed(refusals[referral.state])


def _check_time(referral: Referral, attempt: AttemptDetails) -> None:
    # A person writes down minutes: a try within the minute of the receipt came after it.
    if attempt.attempted_at < referral.received_at.replace(second=0, microsecond=0):
        message = "When you tried must be after the referral was received"
        raise InvalidInput(message, fields={"attempted_on": message})


def _check_safety(plan: SafeContactPlan | None, attempt: AttemptDetails, at: datetime) -> bool:
    """Whether a way was used that the plan does not call safe."""
    if attempt.outcome is AttemptOutcome.UNSAFE_STOPPED:
        return False
    left_message = attempt.outcome is AttemptOutcome.VOICEMAIL_LEFT
    way = VOICEMAIL if left_message else attempt.channel.value
    days = current_settings().area.thresholds.safe_contact_recheck_days
    why = safe_contact.unsafe_reason(plan, way, at=at, recheck_days=days)
    if why is None:
        return False
    if not attempt.although_unsafe:
        words = f"{why} If you used it all the same, say so below, and it will be recorded."
        raise UnsafeContact(words, fields={"although_unsafe": words})
    return True


def _write(
    session: Session,
    referral: Referral,
    plan: SafeContactPlan | None,
    key: bytes,
    attempt: AttemptDetails,
    at: datetime,
) -> UUID:
    attempt_id, document = uuid4(), {"checked": sorted(attempt.checked), "words": attempt.words}
    session.add(
        ContactAttempt(
            id=attempt_id,
            referral_id=referral.id,
            attempted_at=attempt.attempted_at,
            recorded_at=at,
            by_id=actor_of(session).user_id,
            channel=attempt.channel,
            outcome=attempt.outcome,
            safe_contact_plan_id=plan.id if plan else None,
            safety_checked=bool(attempt.checked),
            sealed=encrypted_rows.seal_row(key, "contact_attempt", attempt_id, document),
        )
    )
    return attempt_id


def _tell(
    session: Session, referral: Referral, attempt: AttemptDetails, unsafe: bool, *, at: datetime
) -> None:
    details = {"channel": attempt.channel, "outcome": attempt.outcome, "unsafe": unsafe}
    referral_steps.add_timeline_entry(
        session, referral, "contact.attempted", at=at, occurred_at=attempt.attempted_at, details=details
    )
    if attempt.outcome is AttemptOutcome.UNSAFE_STOPPED:
        return
    _once(session, referral, FIRST_ATTEMPT, attempt.attempted_at, at)
    if attempt.outcome is AttemptOutcome.REACHED:
        _once(session, referral, FIRST_CONTACT, attempt.attempted_at, at)


def _once(session: Session, referral: Referral, event: str, occurred_at: datetime, at: datetime) -> None:
    """The first of its kind; one that turns out to be earlier than what was recorded is added too."""
    known = session.scalar(
        select(func.min(CaseEvent.occurred_at)).where(
            CaseEvent.referral_id == referral.id, CaseEvent.event == event, CaseEvent.kind == EventKind.LOCAL
        )
    )
    if known is None or occurred_at < known:
        referral_steps.record_local_event(session, referral, event, occurred_at=occurred_at, at=at)


def _move_on(session: Session, referral: Referral, attempt: AttemptDetails, *, at: datetime) -> None:
    """Whoever tries takes on what nobody had; reaching the person is being in contact."""
    if referral.assigned_to_id is None:
        referral.assigned_to_id = actor_of(session).user_id
    if referral.state is ReferralState.RECEIVED:
        referral_steps.change_referral_state(
            session, referral, ReferralState.ASSIGNED, "referral.assigned", at=at
        )
    if attempt.outcome is not AttemptOutcome.REACHED:
        return
    if referral.state is ReferralState.ASSIGNED or (
        referral.state is ReferralState.REOPENED and not _assessed(session, referral)
    ):
        referral_steps.change_referral_state(
            session, referral, ReferralState.IN_CONTACT, "referral.in_contact", at=at
        )


def _assessed(session: Session, referral: Referral) -> bool:
    found = select(TriageAssessment.id).where(TriageAssessment.referral_id == referral.id).limit(1)
    return session.scalar(found) is not None


def _doubt_where_needed(
    session: Session,
    referral: Referral,
    person: Person,
    key: bytes,
    attempt: AttemptDetails,
    unsafe: bool,
    *,
    at: datetime,
) -> None:
    session.flush()
    if attempt.outcome in UNCERTAIN_OUTCOMES:
        ways = _WAYS_OF.get(attempt.channel, {attempt.channel.value})
        safe_contact.mark_unconfirmed(session, referral, person, key, ways, at=at)
    elif unsafe or attempt.outcome is AttemptOutcome.UNSAFE_STOPPED:
        safe_contact.open_safe_contact_check(session, referral, at=at)
