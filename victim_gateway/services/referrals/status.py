"""Where a referral stands: assigned, held and released, closed and reopened."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, load_only

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.compliance.editions import LOCAL
from victim_gateway.database.current import current_settings
from victim_gateway.errors import InvalidInput, NotAllowed, TransitionNotAllowed
from victim_gateway.models import CodeEntitlement, EntitlementClock, Referral, User
from victim_gateway.queries.referrals import closing_checks
from victim_gateway.rules.closing import TASKS_ENDED_BY_CLOSING, RiskView, refused_answers
from victim_gateway.rules.hold import (
    ANY_ANSWER,
    CONSENT_REASONS,
    CONTACT_CONSENT,
    HOLD_RULES,
    SCOPE_DECISION,
    reasons_to_hold,
)
from victim_gateway.rules.proposal_rules import ProposalRule
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.compliance.case_facts import CaseFactChanges
from victim_gateway.services.referrals import coming_of_age, consents, given_values
from victim_gateway.services.referrals.assignment import (
    HandoverWhy,
    caseworker_names,
    pass_on_unread_notes,
    refuse_assignment,
)
from victim_gateway.services.referrals.consents import ConsentAnswer
from victim_gateway.services.referrals.reference_numbers import allocate_references
from victim_gateway.services.shared import contact_consents, referral_holds
from victim_gateway.services.shared.case_action import (
    EventDetails,
    ReferralAction,
    referral_action,
    refuse_future_moment,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    HeldReason,
    ReferralState,
    Risk,
    Role,
)


def allocate_reference(session: Session, received_at: datetime) -> str:
    """One new printed reference, such as SG-26-004217."""
    return allocate_references(session, [received_at])[0]


def take_referral(command: Command, referral_id: UUID) -> None:
    """The actor takes the referral on."""
    if command.actor.user_id is None:
        raise NotAllowed("Only a person can take a referral on.")
    assign_referral(command, referral_id, to_user_id=command.actor.user_id)


def assign_referral(
    command: Command,
    referral_id: UUID,
    *,
    to_user_id: UUID,
    why: HandoverWhy | None = None,
    only_unassigned: bool = False,
    rule: ProposalRule | None = None,
) -> None:
    """Give the referral to a caseworker; to another than oneself only as a senior, else NotAllowed.

    What waits for the one who had it goes along: notes nobody has read, and by the next pass its reminders. A held
    referral that has a caseworker can change hands, and stays held. Raises TransitionNotAllowed for one that can't, for
    a restricted one that the caseworker may not see, and with `only_unassigned` for one that has another caseworker.
    `rule`: the one that proposed them; it stands on the timeline.
    """
    actor = command.actor
    if to_user_id != actor.user_id and not is_permitted(actor.role, Permission.ASSIGN_OTHERS):
        raise NotAllowed("Only a senior caseworker can give a referral to somebody else.")
    with referral_action(command, referral_id) as action:
        referral, before_id = action.referral, action.referral.assigned_to_id
        user = _find_caseworker(action.session, to_user_id)
        refuse_assignment(action.session, referral, user, only_unassigned=only_unassigned)
        codes = {"to": str(user.id), "to_name": user.name}
        if before_id is not None and before_id != user.id:
            before = caseworker_names(action.session, [before_id])[before_id]
            codes |= {"from": str(before_id), "from_name": before}
        if rule is not None:
            codes |= {"rule": rule.code, "rule_name": rule.name}
        referral.assigned_to_id = user.id
        details = EventDetails(
            text=why.text if why else None, reason_code=why.reason if why else None, codes=codes
        )
        if referral.state is ReferralState.RECEIVED:
            action.change_state(ReferralState.ASSIGNED, "referral.assigned", details)
        else:
            action.add_timeline_entry("referral.assigned", details)
        if before_id is not None:
            pass_on_unread_notes(action.session, referral.id, from_user_id=before_id, to_user_id=user.id)
        more = {"before": before_id, "rule": rule.code if rule else None}
        action.record_audit(
            "referral.assigned", to=user.id, **{name: value for name, value in more.items() if value}
        )


def hold_referral(
    command: Command, referral_id: UUID, *, reason: HeldReason, text: str | None = None
) -> None:
    """Stop all work on the referral until what is missing is there.

    Raises TransitionNotAllowed for one that is held already or too far on to be held, and InvalidInput for a death
    or a withdrawal: those are recorded as such (`corrections`), so that contact is stopped too.
    """
    if reason in (HeldReason.PERSON_DIED, HeldReason.WITHDRAWN_BY_FORCE):
        message = "Record this on its own page, so that contact is stopped too"
        raise InvalidInput(message, fields={"reason": message})
    with referral_action(command, referral_id) as action:
        action.require_person()
        if action.referral.state is ReferralState.HELD:
            raise TransitionNotAllowed("This referral is held already.")
        referral_holds.hold_for(action, {reason}, text=text)
        action.record_audit("referral.held", reason=reason)


def release_referral(
    command: Command,
    referral_id: UUID,
    *,
    how: ConsentHow | None = None,
    given_at: datetime | None = None,
    text: str | None = None,
) -> tuple[HeldReason, ...]:
    """Let work go on where nothing is missing any more; gives the reasons for which it stays held.

    A reason for want of consent ends with the person's yes, `how` and when it was given; it ends so for the
    person's other referrals too. Every other reason ends by what is recorded by now. Raises InvalidInput without
    the yes, and TransitionNotAllowed where nothing has changed, with what is still missing.
    """
    if given_at is not None:
        refuse_future_moment("given_on", given_at, command.at, "When they agreed")
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        referral = action.referral
        if referral.state is not ReferralState.HELD:
            raise TransitionNotAllowed("This referral is not held.")
        before = referral.standing_reasons
        if CONSENT_REASONS & set(before):
            _record_contact_consent(action, how, given_at or command.at)
            referral_holds.reevaluate_other_referrals(action, {CONTACT_CONSENT}, agreed=True)
        agreed = contact_consents.contact_consent(action.session, referral.person_id)
        reasons = referral_holds.reevaluate_hold(action, ANY_ANSWER, agreed=agreed, text=text)
        if reasons == before:
            raise TransitionNotAllowed(_still_missing(reasons))
        action.record_audit(
            "referral.released" if not reasons else "referral.hold_changed", left=list(reasons)
        )
    return reasons


def take_out_of_scope_referral(command: Command, referral_id: UUID, *, text: str) -> tuple[HeldReason, ...]:
    """A senior caseworker takes a referral that is out of the area's scope all the same, with the reason.

    Gives the reasons for which it stays held. Raises NotAllowed for another role, InvalidInput without a reason.
    """
    if not is_permitted(command.actor.role, Permission.TAKE_OUT_OF_SCOPE):
        raise NotAllowed("Only a senior caseworker can take a referral that is out of scope.")
    if not text.strip():
        raise InvalidInput("Enter why it is taken", fields={"reason_text": "Enter why it is taken"})
    with referral_action(command, referral_id, lock=LockScope.PERSON) as action:
        if HeldReason.OUT_OF_SCOPE not in action.referral.standing_reasons:
            raise TransitionNotAllowed("This referral is not held as out of scope.")
        document = {"decided_by": command.actor.name, "decided_at": command.at.isoformat(), "reason": text}
        referral_holds.keep_hold_answer(action, SCOPE_DECISION, document)
        agreed = contact_consents.contact_consent(action.session, action.referral.person_id)
        reasons = referral_holds.reevaluate_hold(action, {SCOPE_DECISION}, agreed=agreed, text=text)
        action.record_audit("referral.taken_out_of_scope", left=list(reasons))
    return reasons


def close_referral(
    command: Command,
    referral_id: UUID,
    *,
    outcome: CloseOutcome,
    text: str | None = None,
    risk_view: RiskView | None = None,
) -> None:
    """Close with an outcome, and where the risk is high with what keeps the person safe: closing lowers no risk.

    Raises TransitionNotAllowed while something is open, and InvalidInput for answers that the record contradicts
    (`rules.closing`) and for "other" without text.
    """
    if outcome in (CloseOutcome.OTHER, CloseOutcome.DUPLICATE) and not text:
        asked = "the other referral's reference" if outcome is CloseOutcome.DUPLICATE else "why it is closed"
        raise InvalidInput(f"Enter {asked}", fields={"outcome_text": f"Enter {asked}"})
    with referral_action(command, referral_id) as action:
        action.require_person()
        _check_finished(action.session, action.referral)
        least = current_settings().area.thresholds.contact_attempts_before_closing
        facts = closing_checks.closing_facts(action.session, action.referral, least_attempts=least)
        refused = refused_answers(outcome, facts, risk_view)
        if refused:
            raise InvalidInput(next(iter(refused.values())), fields=refused)
        if facts.risk is Risk.HIGH and risk_view is not None:
            _record_risk_view(action, risk_view)
        _close(action, outcome, text, was_reached=facts.was_reached)


def close_stopped_referral(
    action: ReferralAction, *, outcome: CloseOutcome, text: str | None, has_died: bool
) -> None:
    """Close after a death, or where the force took the referral back: no outcome is asked to fit.

    After a death what the area's standards ask, and in time, is owed to nobody any more. Where the force took the
    referral back it ends as with any other closing: a caseworker can record that alone, and no figure gets better
    by it. Raises TransitionNotAllowed while something is open.
    """
    action.require_person()
    _check_finished(action.session, action.referral)
    if has_died:
        _release_own_clocks(action.session, action.referral, action.at)
    _close(action, outcome, text, was_reached=False)


def _close(action: ReferralAction, outcome: CloseOutcome, text: str | None, *, was_reached: bool) -> None:
    referral = action.referral
    referral.outcome, referral.closed_at = outcome, action.at
    referral.set_held_reasons(())
    details = EventDetails(text=text, reason_code=outcome)
    action.change_state(ReferralState.CLOSED, "referral.closed", details)
    for task_id in closing_checks.open_task_ids(action.session, referral.id, TASKS_ENDED_BY_CLOSING):
        action.finish_task(task_id)
    _end_own_clocks(action, has_declined=was_reached and outcome is CloseOutcome.DECLINED)
    action.record_audit("referral.closed", outcome=outcome)


def _record_risk_view(action: ReferralAction, view: RiskView) -> None:
    """Who looked at the risk at the end, when, and why it is closed all the same. The risk stays what it is."""
    codes = {"risk": view.risk, "before": action.referral.risk}
    action.add_timeline_entry("risk.reviewed", EventDetails(text=view.text.strip(), codes=codes))
    action.record_audit("risk.reviewed", **codes)


def _end_own_clocks(action: ReferralAction, *, has_declined: bool) -> None:
    """What our standards still ask is closed without: it counts as overdue for good, in time or not.

    Only where we reached the person and they said no is it theirs: what was still in time is declined.
    """
    today, declined = times.london_date(action.at), []
    if has_declined:
        owed = closing_checks.owed_standards(action.session, action.referral.id)
        declined = [
            (each.entitlement_id, action.at) for each in owed if each.due_on is None or each.due_on >= today
        ]
    changes = CaseFactChanges(closed_at=action.at, declined=declined)
    case_facts.update_case_facts(action.session, action.referral.id, changes, at=action.at)


def _take_up_own_clocks(action: ReferralAction) -> None:
    """What closing ended is owed again by its old date; what was known in between stays known."""
    own = select(CodeEntitlement.entitlement_id).where(CodeEntitlement.edition == LOCAL)
    changes = CaseFactChanges(closed_at=None, no_longer_declined=action.session.scalars(own).all())
    case_facts.update_case_facts(action.session, action.referral.id, changes, at=action.at)


def _release_own_clocks(session: Session, referral: Referral, at: datetime) -> None:
    """What the area's standards still ask of us, and in time, does not apply: the person has died.

    What is late already stays late. Every other closing goes another way: it never takes a duty away.
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
    """Take up a closed referral again, with the reason; it is then the actor's.

    It is held for whatever reason applies by now: closing and reopening is no way around a hold.
    """
    if not text.strip():
        raise InvalidInput("Enter why it is reopened", fields={"reason_text": "Enter why it is reopened"})
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        referral = action.referral
        referral.outcome, referral.closed_at = None, None
        referral.assigned_to_id = command.actor.user_id
        action.change_state(ReferralState.REOPENED, "referral.reopened", EventDetails(text=text))
        _take_up_own_clocks(action)
        # They may have turned 18 while nothing was open.
        coming_of_age.hand_over_if_due(action.session, command, referral.person_id, within=action)
        agreed = contact_consents.contact_consent(action.session, referral.person_id)
        referral_holds.hold_for(action, reasons_to_hold(referral_holds.referral_hold_facts(action, agreed)))
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


def _still_missing(reasons: Collection[HeldReason]) -> str:
    return " ".join(
        ["Nothing was changed: it is still held.", *(HOLD_RULES[reason].ends_with for reason in reasons)]
    )


def _record_contact_consent(action: ReferralAction, how: ConsentHow | None, given_at: datetime) -> None:
    if how is None:
        raise InvalidInput("Say how they agreed", fields={"how": "Choose how they agreed"})
    answer = ConsentAnswer(purpose=ConsentPurpose.CONTACT, agreed=True, how=how, given_at=given_at)
    consents.write_consent(action.session, action.referral, answer, at=action.at)
    given_values.settle_given_values(action, ["consent_to_referral"])


def _check_finished(session: Session, referral: Referral) -> None:
    matters = closing_checks.open_matters(session, referral.id)
    if matters:
        count = len(matters)
        raise TransitionNotAllowed(
            f"{count} {'thing is' if count == 1 else 'things are'} still open on this referral."
            " Finish what is open first."
        )
