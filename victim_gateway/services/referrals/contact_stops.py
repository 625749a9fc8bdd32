"""Ending a referral after a death, or after the force has taken it back: a person decides how it ends.

Recording either by hand, and taking either back, is a correction (`corrections.correct_details`).
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Referral
from victim_gateway.queries.referrals import closing_checks
from victim_gateway.rules.contact_stops import ContactStop, contact_stops
from victim_gateway.services.referrals import entered_in_error, status
from victim_gateway.services.shared import tasks
from victim_gateway.services.shared.case_action import ReferralAction, referral_action
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import CloseOutcome, ReferralState, TaskKind


class StoppedReferralEnd(StrEnum):
    """How a referral ends on which nobody may be contacted."""

    ENTERED_IN_ERROR = "entered_in_error"
    DUPLICATE = "duplicate"
    CLOSED = "closed"


_ENDED = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)
# What can't be done any more, and would keep the referral from being closed.
_MOOT = (TaskKind.FEED_CONFLICT, TaskKind.POSSIBLE_SAME_PERSON)
# Where the force took the referral back the person lives, and may be in danger still: a person answers these.
_MOOT_AFTER_A_DEATH = (
    TaskKind.HIGH_RISK_REVIEW,
    TaskKind.ASSESS_AGAIN,
    TaskKind.MARAC_DECISION,
)


def recorded_stops(action: ReferralAction) -> tuple[ContactStop, ...]:
    """What stops contact about the referral, as it is recorded now."""
    referral, person = action.referral, action.person
    return contact_stops(
        encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed),
        encrypted_rows.unseal_row(action.key, "referral", referral.id, referral.sealed),
    )


def end_stopped_referral(
    command: Command, referral_id: UUID, *, stop: ContactStop, end: StoppedReferralEnd, text: str
) -> None:
    """End the referral as decided, with the reason; tasks that can't be done any more end with it.

    An entry in error is the one of `entered_in_error`: it takes the referral back from providers, and only a senior
    caseworker makes it. Raises InvalidInput for another who asks for that, and without a reason, and
    TransitionNotAllowed where it is closed while a provider is still helping.
    """
    if end is StoppedReferralEnd.ENTERED_IN_ERROR and not is_permitted(
        command.actor.role, Permission.ENTER_IN_ERROR
    ):
        message = (
            "Only a senior caseworker can mark it as entered in error. Ask one to decide: it stays on hold."
        )
        raise InvalidInput(message, fields={"decision": message})
    if not text.strip():
        asked = "the other referral's reference" if end is StoppedReferralEnd.DUPLICATE else "why it ends"
        raise InvalidInput(f"Enter {asked}", fields={"reason": f"Enter {asked}"})
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        if action.referral.state in _ENDED:
            raise TransitionNotAllowed("This referral is closed already.")
        stops = recorded_stops(action)
        if stop not in stops:
            raise TransitionNotAllowed("This is not recorded any more. Look at the referral as it is now.")
        if end is StoppedReferralEnd.ENTERED_IN_ERROR:
            entered_in_error.enter_in_error_in_action(action, text=text, reason_code=stop.value)
            return
        has_died = ContactStop.PERSON_DIED in stops
        _finish_moot_tasks(action, stop, has_died=has_died)
        outcome = CloseOutcome.DUPLICATE if end is StoppedReferralEnd.DUPLICATE else CloseOutcome.OTHER
        status.close_stopped_referral(action, outcome=outcome, text=text, has_died=has_died)


def _finish_moot_tasks(action: ReferralAction, stop: ContactStop, *, has_died: bool) -> None:
    moot = (*_MOOT, *_MOOT_AFTER_A_DEATH) if has_died else _MOOT
    for task_id in closing_checks.open_task_ids(action.session, action.referral.id, moot):
        action.finish_task(task_id)
    key = tasks.safe_contact_check_key(action.referral.person_id)
    if not closing_checks.open_task_ids(action.session, action.referral.id, (TaskKind.SAFE_CONTACT_CHECK,)):
        return
    action.finish_task(key)
    if stop is ContactStop.WITHDRAWN_BY_FORCE:
        _ask_on_another_referral(action, key)


def _ask_on_another_referral(action: ReferralAction, key: str) -> None:
    """The check is the person's, and their other referrals go on: it moves to the oldest open one."""
    others = (
        select(Referral)
        .where(
            Referral.person_id == action.referral.person_id,
            Referral.id != action.referral.id,
            Referral.state.not_in(_ENDED),
        )
        .order_by(Referral.received_at, Referral.id)
        .limit(1)
    )
    # As the service: the other referral may be one that the actor may not see.
    with as_service(action.session):
        other = action.session.scalars(others).first()
        if other is not None:
            moved = action.on_other_referral(other)
            moved.open_task(TaskKind.SAFE_CONTACT_CHECK, dedupe_key=key)
            moved.finish()
