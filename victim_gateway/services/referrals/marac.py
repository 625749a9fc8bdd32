"""Decisions about MARAC: whether a person is referred, why, when the agencies meet, and what they agreed.

Nothing about the suspect is asked for or kept, and no provider sees any of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database import encrypted_rows
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import MaracDecision
from victim_gateway.queries.referrals.marac import repeat_since
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.marac import MaracOutcome, MaracReason, find_marac_mistakes
from victim_gateway.services.referrals.assessment_tasks import open_marac_question
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import marac_key
from victim_gateway.vocabulary import ReferralState

LONGEST_TEXT = 5000
_OPEN = (
    ReferralState.ASSIGNED,
    ReferralState.IN_CONTACT,
    ReferralState.TRIAGED,
    ReferralState.SUPPORTED,
    ReferralState.REOPENED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaracAnswer:
    """A decision. `is_repeat` None: not asked, as nothing proposes a repeat."""

    is_referred: bool
    decided_on: date
    reasons: Collection[MaracReason] = ()
    is_repeat: bool | None = None
    meeting_on: date | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaracResult:
    """What became of a referral to MARAC."""

    outcome: MaracOutcome
    meeting_on: date | None
    actions: str | None = None


def decide_marac(command: Command, referral_id: UUID, answer: MaracAnswer) -> UUID:
    """Record whether the person is referred to MARAC; ends the question.

    Raises InvalidInput for what is missing or in the future, and TransitionNotAllowed while nobody works on the
    referral or while an earlier referral to MARAC has no outcome.
    """
    today = times.london_date(command.at)
    with referral_action(command, referral_id) as action:
        if action.referral.state not in _OPEN and not action.referral.is_taken_back_by_force:
            raise TransitionNotAllowed(
                "Take the referral first: MARAC is decided while somebody works on it."
            )
        proposed = repeat_since(action.session, action.referral) is not None
        _check_answer(answer, today, proposed=proposed)
        if answer.is_referred and _open_decision(action) is not None:
            raise TransitionNotAllowed(
                "This person is referred to MARAC already. Record what became of that first."
            )
        decision_id = _add_decision(action, answer, proposed=proposed)
        action.finish_task(marac_key(referral_id))
        event = "marac.referred" if answer.is_referred else "marac.not_referred"
        codes = {"marac_reasons": sorted(answer.reasons), "repeat": bool(proposed and answer.is_repeat)}
        action.add_timeline_entry(event, EventDetails(codes=codes))
        action.record_audit(event, **codes)
    return decision_id


def record_marac_outcome(command: Command, referral_id: UUID, decision_id: UUID, result: MaracResult) -> None:
    """Record what became of a referral to MARAC; the command's version is that of the decision the user saw.

    Raises NotFound for a decision of another referral, InvalidInput, StaleVersion, and TransitionNotAllowed where it
    has an outcome or where the person was not referred.
    """
    today = times.london_date(command.at)
    with referral_action(command, referral_id, version_is_of_referral=False) as action:
        decision = action.session.get(MaracDecision, decision_id, with_for_update=True)
        if decision is None or decision.referral_id != referral_id:
            raise NotFound
        if command.version != decision.version:
            raise StaleVersion("Somebody changed this after you opened the page. Read it first.")
        if not decision.is_referred or decision.outcome is not None or decision.taken_back_at is not None:
            raise TransitionNotAllowed("Nothing is open here: what became of it was recorded already.")
        _check_result(result, decision.decided_on, today)
        decision.meeting_on, decision.outcome = result.meeting_on, result.outcome.value
        decision.outcome_recorded_at, decision.version = action.at, decision.version + 1
        if result.actions:
            decision.sealed_outcome = encrypted_rows.seal_row(
                action.key, "marac_decision.outcome", decision.id, {"words": result.actions}
            )
        action.add_timeline_entry("marac.outcome", EventDetails(codes={"marac_outcome": result.outcome}))
        action.record_audit("marac.outcome", outcome=result.outcome)


def take_back_marac(command: Command, referral_id: UUID, decision_id: UUID, *, reason: str) -> None:
    """Take back a decision that was recorded wrongly, with what became of it: it counts nowhere, and stays to be read.

    What it answered is asked again. One that refers the person is an alert on every page, so only a senior caseworker
    takes it back. Raises NotFound, InvalidInput without a reason or without a senior, StaleVersion, and
    TransitionNotAllowed for one that was taken back already.
    """
    said = reason.strip()
    if not said:
        _refuse({"reason": "Enter what was wrong"})
    _refuse(_find_long_text("reason", said))
    with referral_action(command, referral_id, version_is_of_referral=False) as action:
        decision = action.session.get(MaracDecision, decision_id, with_for_update=True)
        if decision is None or decision.referral_id != referral_id:
            raise NotFound
        if command.version != decision.version:
            raise StaleVersion("Somebody changed this after you opened the page. Read it first.")
        if decision.taken_back_at is not None:
            raise TransitionNotAllowed("This was taken back already. Nothing was changed.")
        if decision.is_referred and not is_permitted(action.actor.role, Permission.LOOSEN_PROTECTION):
            _refuse(
                {"reason": "This protects the person, so only a senior caseworker can take it back. Ask one."}
            )
        # Opened before anything is set: reading the key writes what was set so far.
        sealed = encrypted_rows.seal_row(
            action.key, "marac_decision.taken_back", decision.id, {"words": said}
        )
        decision.taken_back_at, decision.taken_back_by_id = action.at, action.actor.user_id
        decision.taken_back_sealed = sealed
        decision.version += 1
        action.session.flush()
        open_marac_question(action)
        action.add_timeline_entry("marac.taken_back", EventDetails(text=said))
        action.record_audit("marac.taken_back", was_referred=decision.is_referred)


def _check_answer(answer: MaracAnswer, today: date, *, proposed: bool) -> None:
    wrong = find_marac_mistakes(
        is_referred=answer.is_referred,
        reasons=answer.reasons,
        text=answer.text,
        is_repeat=answer.is_repeat,
        proposed=proposed,
    )
    if answer.decided_on > today:
        wrong["decided_on"] = "The day you decided must be today or in the past"
    if answer.meeting_on is not None and answer.meeting_on < answer.decided_on:
        wrong["meeting_on"] = "The day of the meeting can't be before the day you decided"
    _refuse(wrong | _find_long_text("text", answer.text))


def _check_result(result: MaracResult, decided_on: date, today: date) -> None:
    wrong: dict[str, str] = {}
    if result.outcome is MaracOutcome.HEARD and result.meeting_on is None:
        wrong["meeting_on"] = "Enter the day of the meeting"
    elif result.outcome is MaracOutcome.HEARD and result.meeting_on and result.meeting_on > today:
        wrong["meeting_on"] = "The day of the meeting must be today or in the past"
    elif result.meeting_on is not None and result.meeting_on < decided_on:
        wrong["meeting_on"] = "The day of the meeting can't be before the day you decided"
    _refuse(wrong | _find_long_text("actions", result.actions))


def _find_long_text(field: str, text: str | None) -> dict[str, str]:
    is_long = len(text or "") > LONGEST_TEXT
    return {field: f"Shorten this to {LONGEST_TEXT:,} characters"} if is_long else {}


def _refuse(wrong: dict[str, str]) -> None:
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def _open_decision(action: ReferralAction) -> UUID | None:
    return action.session.scalar(
        select(MaracDecision.id)
        .where(
            MaracDecision.referral_id == action.referral.id,
            MaracDecision.is_referred,
            MaracDecision.outcome.is_(None),
            MaracDecision.taken_back_at.is_(None),
        )
        .limit(1)
    )


def _add_decision(action: ReferralAction, answer: MaracAnswer, *, proposed: bool) -> UUID:
    decision_id = new_row_id()
    reasons = set(answer.reasons) | ({MaracReason.REPEAT} if proposed and answer.is_repeat else set())
    sealed = (
        encrypted_rows.seal_row(action.key, "marac_decision", decision_id, {"words": answer.text})
        if answer.text
        else None
    )
    action.session.add(
        MaracDecision(
            id=decision_id,
            referral_id=action.referral.id,
            decided_on=answer.decided_on,
            recorded_at=action.at,
            by_id=action.actor.user_id,
            is_referred=answer.is_referred,
            reasons=[reason.value for reason in MaracReason if reason in reasons]
            if answer.is_referred
            else [],
            is_repeat=answer.is_repeat if proposed and answer.is_referred else None,
            meeting_on=answer.meeting_on if answer.is_referred else None,
            sealed=sealed,
        )
    )
    return decision_id
