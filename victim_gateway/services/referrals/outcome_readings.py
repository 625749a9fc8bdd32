"""Readings on the area's outcome measure, and what became of each need by the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import NeedResult, OutcomeReading
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.outcome_readings import ReadingDay, refused_reading, refused_values
from victim_gateway.rules.support import explain_refused_state
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.times import moment_on
from victim_gateway.vocabulary import NeedOutcome, ReadingStage


@dataclass(frozen=True, slots=True)
class NewReading:
    """What a person says of each area of the measure, from its least to its most."""

    stage: ReadingStage
    taken_on: date
    values: Mapping[str, int]
    text: str = ""


@dataclass(frozen=True, slots=True)
class NeedAnswer:
    """What became of one need, with a few words."""

    outcome: NeedOutcome
    text: str = ""


def record_outcome_reading(command: Command, referral_id: UUID, reading: NewReading) -> UUID:
    """Record a reading. Raises InvalidInput for values off the scale, a second start, an end before a start."""
    measure = current_area().support.outcome_measure
    with referral_action(
        command, referral_id, effect=ActionEffect.NOTHING, version_is_of_referral=False
    ) as action:
        _refuse_state(action, reading.taken_on)
        standing = _standing(action.session, referral_id, measure.key)
        refused = {
            **refused_reading(
                reading.stage, reading.taken_on, today=times.london_date(action.at), earlier=standing
            ),
            **refused_values(measure, reading.values),
        }
        if refused:
            raise InvalidInput(next(iter(refused.values())), fields=refused)
        reading_id = new_row_id()
        document = {"words": reading.text.strip()}
        action.session.add(
            OutcomeReading(
                id=reading_id,
                referral_id=referral_id,
                measure=measure.key,
                stage=reading.stage,
                values=dict(reading.values),
                taken_on=reading.taken_on,
                recorded_at=action.at,
                by_id=action.actor.user_id,
                sealed=encrypted_rows.seal_row(action.key, "outcome_reading", reading_id, document),
            )
        )
        occurred_at = moment_on(reading.taken_on, None, action.at)
        details = EventDetails(occurred_at=occurred_at, codes={"stage": reading.stage})
        action.add_timeline_entry("outcome.read", details)
        action.record_audit("outcome.read", stage=reading.stage, reading_id=str(reading_id))
    return reading_id


def void_outcome_reading(command: Command, referral_id: UUID, reading_id: UUID, *, reason: str) -> None:
    """Take a mistaken reading back; it stays to be read and no longer counts.

    Raises NotFound for one of another referral, TransitionNotAllowed for one that was taken back already or for a
    start on which later readings stand.
    """
    if not reason.strip():
        message = "Enter what was wrong"
        raise InvalidInput(message, fields={"reason_text": message})
    with referral_action(
        command, referral_id, effect=ActionEffect.NOTHING, version_is_of_referral=False
    ) as action:
        reading = action.session.get(OutcomeReading, reading_id)
        if reading is None or reading.referral_id != referral_id:
            raise NotFound
        if reading.voided_at is not None:
            raise TransitionNotAllowed("This reading was taken back already.")
        others = _standing(action.session, referral_id, reading.measure)
        if reading.stage is ReadingStage.START and len(others) > 1:
            raise TransitionNotAllowed("Take the later readings back first: they are compared with this one.")
        reading.voided_at, reading.voided_by_id = action.at, action.actor.user_id
        details = EventDetails(text=reason.strip(), codes={"stage": reading.stage})
        action.add_timeline_entry("outcome.voided", details)
        action.record_audit("outcome.voided", stage=reading.stage, reading_id=str(reading_id))


def record_need_results(command: Command, referral_id: UUID, answers: Mapping[str, NeedAnswer]) -> int:
    """Record what became of each need that is answered for; answers that are as before are left alone.

    Returns how many were recorded. Raises InvalidInput for a need that the area's scale does not have, and for
    anything but a need that was met without a word why.
    """
    with referral_action(
        command, referral_id, effect=ActionEffect.NOTHING, version_is_of_referral=False
    ) as action:
        _refuse_state(action, None)
        _check_answers(answers)
        recorded = 0
        for need, answer in answers.items():
            recorded += _add_result(action, need, answer)
        if recorded:
            action.add_timeline_entry("outcome.needs_recorded", EventDetails(codes={"needs": recorded}))
        action.record_audit("outcome.needs_recorded", needs=recorded)
    return recorded


def _refuse_state(action: ReferralAction, on: date | None) -> None:
    """Outcomes of a closed referral may be written down afterwards, on the day they were taken."""
    referral = action.referral
    closed_on = times.london_date(referral.closed_at) if referral.closed_at else None
    refused = explain_refused_state(
        referral.state, closed_on=closed_on, on=on or closed_on or times.london_date(action.at)
    )
    if refused:
        raise TransitionNotAllowed(refused)


def _standing(session: Session, referral_id: UUID, measure: str) -> list[ReadingDay]:
    rows = session.execute(
        select(OutcomeReading.stage, OutcomeReading.taken_on).where(
            OutcomeReading.referral_id == referral_id,
            OutcomeReading.measure == measure,
            OutcomeReading.voided_at.is_(None),
        )
    )
    return [ReadingDay(row.stage, row.taken_on) for row in rows]


def _check_answers(answers: Mapping[str, NeedAnswer]) -> None:
    known = dict(current_area().needs.areas)
    refused: dict[str, str] = {}
    for need, answer in answers.items():
        if need not in known:
            refused[f"outcome_{need}"] = "This page is out of date. Open it again."
        elif answer.outcome is not NeedOutcome.ACHIEVED and not answer.text.strip():
            refused[f"remarks_{need}"] = f"Say in a few words what became of it: {known[need].lower()}"
    if not answers:
        refused[""] = "Choose what became of at least one need"
    if refused:
        raise InvalidInput(next(iter(refused.values())), fields=refused)


def _add_result(action: ReferralAction, need: str, answer: NeedAnswer) -> bool:
    session, referral_id = action.session, action.referral.id
    versions = (NeedResult.referral_id == referral_id) & (NeedResult.need == need)
    latest = session.scalars(
        select(NeedResult).where(versions).order_by(NeedResult.version.desc()).limit(1)
    ).first()
    document = {"words": answer.text.strip()}
    if latest is not None and latest.outcome is answer.outcome:
        before = encrypted_rows.unseal_row(action.key, "need_result", latest.id, latest.sealed)
        if before == document:
            return False
    result_id = new_row_id()
    session.add(
        NeedResult(
            id=result_id,
            referral_id=referral_id,
            need=need,
            version=(latest.version if latest else 0) + 1,
            outcome=answer.outcome,
            recorded_at=action.at,
            by_id=action.actor.user_id,
            sealed=encrypted_rows.seal_row(action.key, "need_result", result_id, document),
        )
    )
    return True
