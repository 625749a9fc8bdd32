"""What a provider records as it goes: attempts to reach the person, its own notes, what became of each need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.dialects import postgresql

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database import encrypted_rows
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import ProgressNote, ServedNeed
from victim_gateway.queries.onward_referrals.handover import HANDOVER
from victim_gateway.queries.onward_referrals.service_records import ONWARD_PROGRESS_NOTE
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.service_records import (
    OUTCOMES_OF_MANNER,
    UNCERTAIN_OUTCOMES,
    WORKING_STATES,
    explain_unsafe_attempt_of_provider,
    handover_needs,
    refused_need_outcomes,
)
from victim_gateway.service_record_vocabulary import ContactManner, ServedNeedOutcome
from victim_gateway.services.onward_referrals._provider_safe_contact import (
    NOT_SAFE,
    open_safe_contact_check,
    refuse_unexplained,
    shared_safe_contact,
)
from victim_gateway.services.onward_referrals._text import check_text, require_text
from victim_gateway.services.onward_referrals.appointments import follow_up_missed
from victim_gateway.services.onward_referrals.read_progress import ask_to_read_note
from victim_gateway.services.shared.case_action import ActionEffect, EventDetails, refuse_future_moment
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    OnwardReferralAction,
    onward_referral_action,
)
from victim_gateway.services.shared.other_side import refuse_other_side_named
from victim_gateway.vocabulary import AttemptOutcome, OnwardState, ServiceOutcome

ATTEMPTED = "onward_referral.contact_attempted"
_PERMISSION = Permission.RESPOND_TO_ONWARD_REFERRAL
_NOTE_WRITTEN, _NOTE_SHARED = "onward_referral.progress_noted", "onward_referral.progress_shared"
_NEEDS_RECORDED = "onward_referral.needs_recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAttempt:
    """One attempt to reach the person. `although_unsafe` owns up to a way or a time that was not safe.

    `unsafe_reason` says how it came about; the Gateway reads it. Nothing else of an attempt is in words.
    """

    attempted_at: datetime
    manner: ContactManner
    outcome: AttemptOutcome
    although_unsafe: bool = False
    unsafe_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ServedNeedAnswer:
    """What became of a need; `step` is the reading on the area's scale, where one was taken."""

    outcome: ServedNeedOutcome
    step: int | None = None


def record_provider_attempt(command: Command, onward_referral_id: UUID, attempt: ProviderAttempt) -> None:
    """Record an attempt to reach the person of an accepted onward referral; both sides see it, without words.

    It is held to what a first contact is held to: a person, a moment or a way that was not safe by what was shared
    raises UnsafeContact unless it is owned up to, and how it came about. Then, and where another person answered or it
    was stopped because it was not safe, a caseworker checks safe contact. Raises InvalidInput for a moment in the
    future or before the acceptance, and for a result that the way can't have.
    """
    reason = check_text(attempt.unsafe_reason, "unsafe_reason")
    refuse_future_moment("attempted_on", attempt.attempted_at, command.at, "When you tried")
    with onward_referral_action(
        command, onward_referral_id, _PERMISSION, ATTEMPTED, effect=ActionEffect.NOTHING
    ) as action:
        _check_attempt(action, attempt)
        shared = shared_safe_contact(action, attempt.attempted_at)
        unsafe = explain_unsafe_attempt_of_provider(
            shared, attempt.manner, attempt.outcome, attempt.attempted_at
        )
        if unsafe:
            refuse_unexplained(unsafe, although_unsafe=attempt.although_unsafe, reason=reason)
        if unsafe or attempt.outcome in UNCERTAIN_OUTCOMES:
            open_safe_contact_check(action)
        if attempt.outcome is AttemptOutcome.REACHED:
            follow_up_missed(action)
        details = EventDetails(
            occurred_at=attempt.attempted_at,
            text=f"{NOT_SAFE}: {reason}" if unsafe else None,
            codes={
                "manner": attempt.manner.value,
                "outcome": attempt.outcome.value,
                "unsafe": bool(unsafe),
            },
        )
        action.add_timeline_entry(ATTEMPTED, details)


def write_progress_note(
    command: Command, onward_referral_id: UUID, *, text: str, is_shared: bool = False
) -> UUID:
    """Write a note of the provider's own about its work; the Gateway reads it only if it is shared. Gives its id.

    Raises InvalidInput without text, TransitionNotAllowed before the acceptance.
    """
    said = require_text(text, "note", "Enter your note")
    event = _NOTE_SHARED if is_shared else _NOTE_WRITTEN
    with onward_referral_action(
        command, onward_referral_id, _PERMISSION, event, effect=ActionEffect.NOTHING
    ) as action:
        _require_working_state(action)
        refuse_other_side_named(action.session, action.onward, {"note": said})
        row_id = new_row_id()
        action.session.execute(
            insert(ProgressNote).values(
                id=row_id,
                onward_referral_id=action.onward.id,
                written_at=action.at,
                by_id=action.actor.user_id,
                by_name=action.actor.name,
                is_shared=is_shared,
                sealed=encrypted_rows.seal_row(
                    action.handover_key, ONWARD_PROGRESS_NOTE, row_id, {"words": said}
                ),
            )
        )
        # That a note of the provider's own exists is nobody else's matter.
        if is_shared:
            action.add_timeline_entry(event)
            ask_to_read_note(action, row_id)
    return row_id


def record_need_outcomes(
    command: Command, onward_referral_id: UUID, needs: Mapping[str, ServedNeedAnswer]
) -> None:
    """Record what became of needs so far; those that are left out stay as they were. Raises InvalidInput."""
    with onward_referral_action(
        command, onward_referral_id, _PERMISSION, _NEEDS_RECORDED, effect=ActionEffect.NOTHING
    ) as action:
        if action.onward.state is not OnwardState.IN_SERVICE:
            raise TransitionNotAllowed("Record the first contact first: before it no need can have been met.")
        if not needs:
            message = "Say of at least one need what became of it"
            raise InvalidInput(message, fields={"needs": message})
        record_needs(action, needs)
        # The form shows every need: of a page from before, none may be sent.
        action.onward.version += 1
        action.add_timeline_entry(_NEEDS_RECORDED)


def record_needs(
    action: OnwardReferralAction,
    needs: Mapping[str, ServedNeedAnswer],
    *,
    outcome: ServiceOutcome | None = None,
) -> None:
    """Keep what became of the needs, as a step of another action too; with the outcome of the whole, all of them.

    Raises InvalidInput for a need that the handover does not name, a reading that is not on the area's scale, and for
    answers that contradict the outcome.
    """
    shared = encrypted_rows.unseal_row(
        action.handover_key, HANDOVER, action.onward.id, action.onward.handover_sealed
    )
    named = {need["key"] for need in handover_needs(shared)}
    steps = dict(current_area().needs.steps)
    if needs.keys() - named or {need.step for need in needs.values()} - {None, *steps}:
        message = "Choose one of the answers for each need of this person"
        raise InvalidInput(message, fields={"needs": message})
    answers = {key: need.outcome for key, need in needs.items()}
    if outcome is not None and (refused := refused_need_outcomes(answers, named, outcome)):
        raise InvalidInput(refused, fields={"outcome": refused})
    for key, need in needs.items():
        values = {
            "outcome": need.outcome,
            "step": need.step,
            "recorded_at": action.at,
            "by_id": action.actor.user_id,
        }
        row = postgresql.insert(ServedNeed).values(onward_referral_id=action.onward.id, need=key, **values)
        action.session.execute(
            row.on_conflict_do_update(
                index_elements=[ServedNeed.onward_referral_id, ServedNeed.need], set_=values
            )
        )


def _require_working_state(action: OnwardReferralAction) -> None:
    if action.onward.state not in WORKING_STATES:
        raise TransitionNotAllowed("Accept this referral first: work on it begins then.")


def _check_attempt(action: OnwardReferralAction, attempt: ProviderAttempt) -> None:
    _require_working_state(action)
    if attempt.outcome not in OUTCOMES_OF_MANNER[attempt.manner]:
        message = "This can't be the result of that way. Change one of the two"
        raise InvalidInput(message, fields={"result": message})
    if attempt.outcome is AttemptOutcome.REACHED and action.onward.state is OnwardState.ACCEPTED:
        message = "You reached them for the first time: record the first contact instead"
        raise InvalidInput(message, fields={"result": message})
    accepted_at = action.onward.answered_at
    if accepted_at and times.london_date(attempt.attempted_at) < times.london_date(accepted_at):
        message = "You can only have tried since you accepted"
        raise InvalidInput(message, fields={"attempted_on": message})
