"""Where a referral stands: assigned, held and released, closed and reopened."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, load_only

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.compliance.editions import LOCAL
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.errors import InvalidInput, NotAllowed, TransitionNotAllowed
from victim_gateway.models import CodeEntitlement, EntitlementClock, Referral, User
from victim_gateway.queries.referrals import closing_checks
from victim_gateway.rules.reachability import can_be_reached
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.compliance.case_facts import CaseFactChanges
from victim_gateway.services.referrals import consents
from victim_gateway.services.referrals.consents import ConsentAnswer
from victim_gateway.services.referrals.reference_numbers import allocate_references
from victim_gateway.services.shared.case_action import (
    EventDetails,
    ReferralAction,
    referral_action,
    refuse_future_moment,
)
from victim_gateway.services.shared.command import Command
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


def take_referral(command: Command, referral_id: UUID) -> None:
    """The actor takes the referral on."""
    if command.actor.user_id is None:
        raise NotAllowed("Only a person can take a referral on.")
    assign_referral(command, referral_id, to_user_id=command.actor.user_id)


def assign_referral(command: Command, referral_id: UUID, *, to_user_id: UUID) -> None:
    """Give the referral to a caseworker; to another than oneself only as a senior, else NotAllowed."""
    actor = command.actor
    if to_user_id != actor.user_id and not is_permitted(actor.role, Permission.ASSIGN_OTHERS):
        raise NotAllowed("Only a senior caseworker can give a referral to somebody else.")
    with referral_action(command, referral_id) as action:
        referral = action.referral
        if referral.state in _ENDED:
            raise TransitionNotAllowed("This referral is closed. Reopen it before you give it to anybody.")
        if referral.state is ReferralState.HELD:
            raise TransitionNotAllowed("This referral is held. Decide about the hold first.")
        user = _find_caseworker(action.session, to_user_id)
        referral.assigned_to_id = user.id
        details = EventDetails(codes={"to": str(user.id), "to_name": user.name})
        if referral.state is ReferralState.RECEIVED:
            action.change_state(ReferralState.ASSIGNED, "referral.assigned", details)
        else:
            action.add_timeline_entry("referral.assigned", details)
        action.record_audit("referral.assigned", to=user.id)


def hold_referral(
    command: Command, referral_id: UUID, *, reason: HeldReason, text: str | None = None
) -> None:
    """Stop all work on the referral until what is missing is there."""
    with referral_action(command, referral_id) as action:
        action.require_person()
        action.referral.held_reason = reason
        details = EventDetails(text=text, reason_code=reason)
        action.change_state(ReferralState.HELD, "referral.held", details)
        action.record_audit("referral.held", reason=reason)


def release_referral(
    command: Command,
    referral_id: UUID,
    *,
    how: ConsentHow | None = None,
    given_at: datetime | None = None,
    text: str | None = None,
) -> None:
    """Let work go on. A hold for consent ends with the person's yes, `how` and when it was given.

    Raises InvalidInput without it, and TransitionNotAllowed while there is still no way to reach the person.
    """
    if given_at is not None:
        refuse_future_moment("given_on", given_at, command.at, "When they agreed")
    with referral_action(command, referral_id) as action:
        referral = action.referral
        if referral.state is not ReferralState.HELD:
            raise TransitionNotAllowed("This referral is not held.")
        action.require_person()
        if referral.held_reason is HeldReason.NO_CONTACT_DETAILS:
            _check_reachable(action)
        else:
            _record_contact_consent(action, how, given_at or command.at)
        referral.held_reason = None
        to = ReferralState.ASSIGNED if referral.assigned_to_id else ReferralState.RECEIVED
        action.change_state(to, "referral.released", EventDetails(text=text))
        action.record_audit("referral.released")


def close_referral(
    command: Command, referral_id: UUID, *, outcome: CloseOutcome, text: str | None = None
) -> None:
    """Close with an outcome. Raises TransitionNotAllowed while something is open, and for "no contact" while
    fewer attempts were made than the area asks for; InvalidInput for "other" without text.
    """
    if outcome in (CloseOutcome.OTHER, CloseOutcome.DUPLICATE) and not text:
        asked = "the other referral's reference" if outcome is CloseOutcome.DUPLICATE else "why it is closed"
        raise InvalidInput(f"Enter {asked}", fields={"outcome_text": f"Enter {asked}"})
    with referral_action(command, referral_id) as action:
        referral = action.referral
        action.require_person()
        _check_finished(action.session, referral, outcome)
        referral.outcome, referral.closed_at, referral.held_reason = outcome, command.at, None
        details = EventDetails(text=text, reason_code=outcome)
        action.change_state(ReferralState.CLOSED, "referral.closed", details)
        _release_own_clocks(action.session, referral, command.at)
        action.record_audit("referral.closed", outcome=outcome)


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
        changes = CaseFactChanges(conditions=dict.fromkeys(conditions, False))
        case_facts.update_case_facts(session, referral.id, changes, at=at)


def reopen_referral(command: Command, referral_id: UUID, *, text: str) -> None:
    """Take up a closed referral again, with the reason; it is then the actor's."""
    if not text.strip():
        raise InvalidInput("Enter why it is reopened", fields={"reason_text": "Enter why it is reopened"})
    with referral_action(command, referral_id) as action:
        referral = action.referral
        action.require_person()
        referral.outcome, referral.closed_at = None, None
        referral.assigned_to_id = command.actor.user_id
        action.change_state(ReferralState.REOPENED, "referral.reopened", EventDetails(text=text))
        if consents.contact_consent(action.session, referral.person_id) is False:
            reason = HeldReason.CONSENT_REFUSED
            referral.held_reason = reason
            action.change_state(ReferralState.HELD, "referral.held", EventDetails(reason_code=reason))
        action.record_audit("referral.reopened")


def _find_caseworker(session: Session, user_id: UUID) -> User:
    # Only these columns are readable here: the rest of an account is private.
    user = session.scalar(
        select(User)
        .options(load_only(User.id, User.name, User.role, User.disabled_at, raiseload=True))
        .where(User.id == user_id)
    )
    if user is None or user.disabled_at is not None or user.role not in (Role.CASEWORKER, Role.SENIOR):
        message = "Choose a caseworker"
        raise InvalidInput(message, fields={"to_user": message})
    return user


def _check_reachable(action: ReferralAction) -> None:
    person = action.person
    document = encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed)
    if not can_be_reached(document):
        raise TransitionNotAllowed(
            "There is still no way to reach the person. Add a phone number, an email address or a full address first."
        )


def _record_contact_consent(action: ReferralAction, how: ConsentHow | None, given_at: datetime) -> None:
    if how is None:
        raise InvalidInput("Say how they agreed", fields={"how": "Choose how they agreed"})
    answer = ConsentAnswer(purpose=ConsentPurpose.CONTACT, agreed=True, how=how, given_at=given_at)
    consents.write_consent(action.session, action.referral, answer, at=action.at)
    if action.referral.held_reason is HeldReason.CONSENT_REFUSED:
        changes = CaseFactChanges(conditions={"not_opted_out": True})
        case_facts.update_case_facts(action.session, action.referral.id, changes, at=action.at)


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
        message = f"Try {least} times before you close for this reason. {recorded}."
        raise InvalidInput(message, fields={"outcome": message})
