"""Where a referral stands: who has it, held and released, closed and reopened."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, load_only

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.actors import Actor
from victim_gateway.compliance.editions import LOCAL
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, TransitionNotAllowed
from victim_gateway.models import CodeEntitlement, EntitlementClock, Referral, User
from victim_gateway.queries.referrals import closing_checks
from victim_gateway.rules.reachability import can_be_reached
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.referrals import consents
from victim_gateway.services.referrals.reference_numbers import allocate_references
from victim_gateway.services.shared import referral_steps, submissions
from victim_gateway.vocabulary import (
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    HeldReason,
    ReferralState,
    Role,
)

_ENDED = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)


def allocate_reference(session: Session, received_at: datetime) -> str:
    """One new printed reference, such as SG-26-004217."""
    return allocate_references(session, [received_at])[0]


def take_referral(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    version: int | None = None,
    submission_id: UUID | None = None,
) -> None:
    """The actor takes the referral on."""
    if actor.user_id is None:
        raise NotAllowed("Only a person can take a referral on.")
    assign_referral(
        referral_id,
        actor=actor,
        at=at,
        to_user_id=actor.user_id,
        version=version,
        submission_id=submission_id,
    )


def assign_referral(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    to_user_id: UUID,
    version: int | None = None,
    submission_id: UUID | None = None,
) -> None:
    """Give the referral to a caseworker; to another than oneself only as a senior, else NotAllowed."""
    if to_user_id != actor.user_id and not is_permitted(actor.role, Permission.ASSIGN_OTHERS):
        raise NotAllowed("Only a senior caseworker can give a referral to somebody else.")
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral(session, referral_id, version=version)
        if referral.state in _ENDED:
            raise TransitionNotAllowed("This referral is closed. Reopen it before you give it to anybody.")
        if referral.state is ReferralState.HELD:
            raise TransitionNotAllowed("This referral is held. Decide about the hold first.")
        user = _caseworker(session, to_user_id)
        referral.assigned_to_id = user.id
        details = {"to": str(user.id), "to_name": user.name}
        if referral.state is ReferralState.RECEIVED:
            referral_steps.change_referral_state(
                session, referral, ReferralState.ASSIGNED, "referral.assigned", at=at, details=details
            )
        else:
            referral_steps.add_timeline_entry(session, referral, "referral.assigned", at=at, details=details)
        referral_steps.audit_referral(session, "referral.assigned", referral, to=user.id)
        referral_steps.finish_action(session, referral, at=at)


def hold_referral(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    reason: HeldReason,
    words: str | None = None,
    version: int | None = None,
    submission_id: UUID | None = None,
) -> None:
    """Stop all work on the referral until what is missing is there."""
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral(session, referral_id, version=version)
        _, key = referral_steps.open_person(session, referral.person_id)
        referral.held_reason = reason
        referral_steps.change_referral_state(
            session,
            referral,
            ReferralState.HELD,
            "referral.held",
            at=at,
            key=key,
            words=words,
            reason_code=reason,
        )
        referral_steps.audit_referral(session, "referral.held", referral, reason=reason)
        referral_steps.finish_action(session, referral, at=at)


def release_referral(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    how: ConsentHow | None = None,
    given_at: datetime | None = None,
    words: str | None = None,
    version: int | None = None,
    submission_id: UUID | None = None,
) -> None:
    """Let work go on. A hold for consent ends with the person's yes, `how` and when it was given.

    Raises InvalidInput without it, and TransitionNotAllowed while there is still no way to reach the person.
    """
    if given_at is not None:
        referral_steps.refuse_future_moment("given_on", given_at, at, "When they agreed")
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral(session, referral_id, version=version)
        if referral.state is not ReferralState.HELD:
            raise TransitionNotAllowed("This referral is not held.")
        _, key = referral_steps.open_person(session, referral.person_id)
        if referral.held_reason is HeldReason.NO_CONTACT_DETAILS:
            _check_reachable(session, referral)
        else:
            _record_yes(session, referral, how, given_at, at)
        referral.held_reason = None
        to = ReferralState.ASSIGNED if referral.assigned_to_id else ReferralState.RECEIVED
        referral_steps.change_referral_state(
            session, referral, to, "referral.released", at=at, key=key, words=words
        )
        referral_steps.audit_referral(session, "referral.released", referral)
        referral_steps.finish_action(session, referral, at=at)


def close_referral(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    outcome: CloseOutcome,
    words: str | None = None,
    version: int | None = None,
    submission_id: UUID | None = None,
) -> None:
    """Close with an outcome. Raises TransitionNotAllowed while something is open, and for "no contact" while
    fewer tries were made than the area asks for; InvalidInput for "other" without words.
    """
    if outcome in (CloseOutcome.OTHER, CloseOutcome.DUPLICATE) and not words:
        asked = "the other referral's reference" if outcome is CloseOutcome.DUPLICATE else "why it is closed"
        raise InvalidInput(f"Enter {asked}", fields={"words": f"Enter {asked}"})
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral(session, referral_id, version=version)
        _, key = referral_steps.open_person(session, referral.person_id)
        _check_finished(session, referral, outcome)
        referral.outcome, referral.closed_at, referral.held_reason = outcome, at, None
        referral_steps.change_referral_state(
            session,
            referral,
            ReferralState.CLOSED,
            "referral.closed",
            at=at,
            key=key,
            words=words,
            reason_code=outcome,
        )
        _release_own_clocks(session, referral, at)
        referral_steps.audit_referral(session, "referral.closed", referral, outcome=outcome)
        referral_steps.finish_action(session, referral, at=at)


def _release_own_clocks(session: Session, referral: Referral, at: datetime) -> None:
    """What the area's standards still ask of us, and in time, is owed no more once the referral is closed.

    What is late already stays late: closing makes no figure better.
    """
    conditions = session.scalars(
        select(func.unnest(CodeEntitlement.applies_when))
        .select_from(EntitlementClock)
        .join(
            CodeEntitlement,
            (CodeEntitlement.edition == EntitlementClock.edition)
            & (CodeEntitlement.entitlement_id == EntitlementClock.entitlement_id),
        )
        .where(
            EntitlementClock.referral_id == referral.id,
            EntitlementClock.edition == LOCAL,
            EntitlementClock.status == "running",
            EntitlementClock.due_on >= times.london_date(at),
            CodeEntitlement.owner == "gateway",
        )
    ).all()
    if conditions:
        case_facts.update_case_facts(session, referral.id, at=at, conditions=dict.fromkeys(conditions, False))


def reopen_referral(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    words: str,
    version: int | None = None,
    submission_id: UUID | None = None,
) -> None:
    """Take up a closed referral again, with the reason; whoever reopens it has it."""
    if not words.strip():
        raise InvalidInput("Enter why it is reopened", fields={"words": "Enter why it is reopened"})
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral(session, referral_id, version=version)
        _, key = referral_steps.open_person(session, referral.person_id)
        referral.outcome, referral.closed_at = None, None
        referral.assigned_to_id = actor.user_id
        referral_steps.change_referral_state(
            session, referral, ReferralState.REOPENED, "referral.reopened", at=at, key=key, words=words
        )
        if consents.contact_consent(session, referral.person_id) is False:
            referral.held_reason = HeldReason.CONSENT_REFUSED
            referral_steps.change_referral_state(
                session,
                referral,
                ReferralState.HELD,
                "referral.held",
                at=at,
                reason_code=HeldReason.CONSENT_REFUSED,
            )
        referral_steps.audit_referral(session, "referral.reopened", referral)
        referral_steps.finish_action(session, referral, at=at)


def _caseworker(session: Session, user_id: UUID) -> User:
    # Only these columns are readable here: the rest of an account is nobody's business.
    user = session.scalar(
        select(User)
        .options(load_only(User.id, User.name, User.role, User.disabled_at, raiseload=True))
        .where(User.id == user_id)
    )
    if user is None or user.disabled_at is not None or user.role not in (Role.CASEWORKER, Role.SENIOR):
        message = "Choose a caseworker"
        raise InvalidInput(message, fields={"to_user": message})
    return user


def _check_reachable(session: Session, referral: Referral) -> None:
    person, key = referral_steps.open_person(session, referral.person_id)
    document = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    if not can_be_reached(document):
        raise TransitionNotAllowed(
            "There is still no way to reach the person. Add a phone number, an email address or a full address first."
        )


def _record_yes(
    session: Session, referral: Referral, how: ConsentHow | None, given_at: datetime | None, at: datetime
) -> None:
    if how is None:
        raise InvalidInput("Say how they agreed", fields={"how": "Choose how they agreed"})
    consents.write_consent(
        session,
        referral,
        purpose=ConsentPurpose.CONTACT,
        agreed=True,
        how=how,
        given_at=given_at or at,
        at=at,
    )
    if referral.held_reason is HeldReason.CONSENT_REFUSED:
        case_facts.update_case_facts(session, referral.id, at=at, conditions={"not_opted_out": True})


def _check_finished(session: Session, referral: Referral, outcome: CloseOutcome) -> None:
    matters = closing_checks.open_matters(session, referral.id)
    if matters:
        count = len(matters)
        raise TransitionNotAllowed(
            f"{count} {'thing is' if count == 1 else 'things are'} still open on this referral."
            " Finish what is open first."
        )
    least = current_settings().area.thresholds.contact_attempts_before_closing
    made = closing_checks.count_contact_attempts(session, referral.id)
    if outcome is CloseOutcome.NO_CONTACT and made < least:
        recorded = "1 try is recorded" if made == 1 else f"{made} tries are recorded"
        words = f"Try {least} times before you close for this reason. {recorded}."
        raise InvalidInput(words, fields={"outcome": words})
