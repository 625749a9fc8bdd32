"""What a provider records once it has taken a person on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.errors import InvalidInput
from victim_gateway.rules.provider_contact import explain_unsafe_contact
from victim_gateway.services.onward_referrals._provider_safe_contact import (
    NOT_SAFE,
    open_safe_contact_check,
    refuse_unexplained,
    shared_safe_contact,
)
from victim_gateway.services.onward_referrals._text import check_text, require_text
from victim_gateway.services.onward_referrals.appointments import follow_up_missed, refuse_open_attendance
from victim_gateway.services.onward_referrals.progress import ServedNeedAnswer, record_needs
from victim_gateway.services.onward_referrals.withdraw_and_expire import release_first_contact
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    LocalEvent,
    OnwardReferralAction,
    onward_referral_action,
)
from victim_gateway.services.shared.other_side import refuse_other_side_named
from victim_gateway.vocabulary import EventKind, OnwardState, ServiceOutcome, TaskKind

# The person's story ends here for the reader; a bare code would not say how.
OUTCOMES_WITH_TEXT = (ServiceOutcome.NOT_MET, ServiceOutcome.DISENGAGED, ServiceOutcome.OTHER)
# Support that never began can't have met anything.
OUTCOMES_BEFORE_SUPPORT = (ServiceOutcome.DISENGAGED, ServiceOutcome.NOT_MET, ServiceOutcome.OTHER)
_PERMISSION = Permission.RESPOND_TO_ONWARD_REFERRAL


def closing_outcomes(state: OnwardState) -> tuple[ServiceOutcome, ...]:
    """The outcomes with which an onward referral in this state can be closed; none where it can't."""
    if state is OnwardState.ACCEPTED:
        return OUTCOMES_BEFORE_SUPPORT
    return tuple(ServiceOutcome) if state is OnwardState.IN_SERVICE else ()


def record_provider_first_contact(
    command: Command,
    onward_referral_id: UUID,
    *,
    contacted_at: datetime,
    text: str | None = None,
    although_unsafe: bool = False,
    unsafe_reason: str | None = None,
) -> None:
    """The person was reached and support begins; stops the provider's first-contact clock.

    Raises InvalidInput when `contacted_at` lies in the future or on a day before the acceptance. A moment outside the
    safe days and times, or while nothing was known to be safe, raises UnsafeContact unless the provider says that it
    was so, and how it came about; then it is recorded, and a caseworker checks safe contact.
    """
    remarks = check_text(text, "remarks")
    reason = check_text(unsafe_reason, "unsafe_reason")
    audit_action = "onward_referral.first_contact_recorded"
    with onward_referral_action(command, onward_referral_id, _PERMISSION, audit_action) as action:
        refuse_other_side_named(action.session, action.onward, {"remarks": remarks, "unsafe_reason": reason})
        unsafe = explain_unsafe_contact(shared_safe_contact(action, contacted_at), contacted_at)
        said = "\n".join(part for part in (remarks, f"{NOT_SAFE}: {reason}" if unsafe else "") if part)
        details = EventDetails(occurred_at=contacted_at, text=said)
        action.change_state(OnwardState.IN_SERVICE, LocalEvent.FIRST_CONTACT, details, kind=EventKind.LOCAL)
        _check_contact_day(action, contacted_at)
        if unsafe:
            refuse_unexplained(unsafe, although_unsafe=although_unsafe, reason=reason)
            open_safe_contact_check(action)
        action.onward.first_contact_at = contacted_at
        follow_up_missed(action)


def close_onward_referral(
    command: Command,
    onward_referral_id: UUID,
    *,
    outcome: ServiceOutcome,
    text: str | None = None,
    needs: Mapping[str, ServedNeedAnswer] | None = None,
    person_knows: bool | None = None,
) -> None:
    """Support has ended, with an outcome; the provider loses sight and a caseworker reviews.

    `text` is the closing summary, which the Gateway reads. `needs` says what became of each need that the handover
    named; None: that was not asked. Appointments that are still to come are cancelled, and `person_knows` says whether
    the person knows that; where they do not, a caseworker is asked to make sure. Before the first contact it ends
    early. Raises InvalidInput for an outcome that does not fit, one that needs text and has none, needs that are left
    out or contradict the outcome, while it is not recorded whether the person came to an appointment, and where
    appointments are cancelled without an answer in `person_knows`.
    """
    remarks = check_text(text, "outcome_text")
    if outcome in OUTCOMES_WITH_TEXT:
        remarks = require_text(text, "outcome_text", "Say in a few words how it ended")
    with onward_referral_action(command, onward_referral_id, _PERMISSION, "onward_referral.closed") as action:
        onward = action.onward
        early = onward.state is OnwardState.ACCEPTED
        if early and outcome not in OUTCOMES_BEFORE_SUPPORT:
            message = "Record the first contact first: support that has not begun can't have met a need."
            raise InvalidInput(message, fields={"outcome": message})
        refuse_open_attendance(action)
        refuse_other_side_named(action.session, action.onward, {"outcome_text": remarks})
        if needs is not None and not early:
            record_needs(action, needs, outcome=outcome)
        onward.outcome = outcome
        state = OnwardState.ENDED_EARLY if early else OnwardState.CLOSED
        details = EventDetails(reason_code=outcome.value, text=remarks)
        action.person_knows_end = bool(person_knows)
        action.change_state(state, f"onward_referral.{state.value}", details)
        if action.cancelled and person_knows is None:
            message = "Say whether they know that these appointments will not take place"
            raise InvalidInput(message, fields={"person_knows": message})
        if early:
            release_first_contact(action)
        action.finish_task(TaskKind.PROVIDER_ASKED)
        action.open_task(TaskKind.SERVICE_ENDED)


def _check_contact_day(action: OnwardReferralAction, contacted_at: datetime) -> None:
    accepted_at = action.onward.answered_at
    message = None
    if contacted_at > action.at:
        message = "The first contact must be today or in the past"
    elif accepted_at and times.london_date(contacted_at) < times.london_date(accepted_at):
        accepted_on = times.london_date(accepted_at)
        message = (
            f"The first contact must be on or after {accepted_on.day} {accepted_on:%B %Y}, when you accepted"
        )
    if message:
        raise InvalidInput(message, fields={"contacted_on": message})
