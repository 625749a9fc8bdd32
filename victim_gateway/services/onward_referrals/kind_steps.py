"""Steps that a provider records because of the kind of its service: how far it went, help in minutes, who engaged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import ProviderService, RecordedKindStep
from victim_gateway.queries.onward_referrals.kind_steps import ONWARD_KIND_STEP
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.kind_steps import StepFacts, find_step_mistakes
from victim_gateway.rules.service_kinds import StepRule, step_rule
from victim_gateway.rules.service_records import WORKING_STATES
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.services.onward_referrals._offer_checks import waits_for_senior
from victim_gateway.services.onward_referrals._text import check_text
from victim_gateway.services.shared.case_action import ActionEffect, EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    OnwardReferralAction,
    onward_referral_action,
)
from victim_gateway.services.shared.other_side import refuse_other_side_named

_PERMISSION = Permission.RESPOND_TO_ONWARD_REFERRAL
_RECORDED, _TAKEN_BACK = "onward_referral.kind_step_recorded", "onward_referral.kind_step_taken_back"
SENIOR_GONE = (
    "Stop: the senior caseworker's yes that this needs does not stand, because more was found out or the risk has"
    " risen. Nothing more may happen between the two sides. Write to the caseworker"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindStepAnswers:
    """A step with its day. `minutes` where the step counts them; `text` is read by the Gateway too."""

    step: KindStep
    happened_on: date
    minutes: int | None = None
    text: str | None = None


def record_kind_step(command: Command, onward_referral_id: UUID, answers: KindStepAnswers) -> UUID:
    """Record a step of an accepted onward referral; both sides see it. Gives its id.

    Raises InvalidInput by field for a step of another kind, a day or minutes that can't be, time beyond the free time
    without a reason, and a text that tells who the other side is; TransitionNotAllowed before the acceptance, and for
    bringing the two sides together while the yes of a senior caseworker that it needs does not stand.
    """
    text = check_text(answers.text, "text")
    with onward_referral_action(
        command, onward_referral_id, _PERMISSION, _RECORDED, effect=ActionEffect.NOTHING
    ) as action:
        if action.onward.state not in WORKING_STATES:
            raise TransitionNotAllowed(
                "Accept this referral first: steps are recorded with people you support."
            )
        service = action.session.get_one(ProviderService, action.onward.service_id)
        rule = step_rule(service.kind, answers.step)
        if rule is None:
            message = "Choose what happened"
            raise InvalidInput(message, fields={"step": message})
        _check(action, rule, answers, text)
        refuse_other_side_named(action.session, action.onward, {"text": text})
        row_id = new_row_id()
        action.session.add(
            RecordedKindStep(
                id=row_id,
                onward_referral_id=action.onward.id,
                provider_id=action.onward.provider_id,
                kind=service.kind,
                step=answers.step,
                happened_on=answers.happened_on,
                minutes=answers.minutes if rule.counts_minutes else None,
                sealed=encrypted_rows.seal_row(action.handover_key, ONWARD_KIND_STEP, row_id, {"words": text})
                if text
                else None,
                recorded_at=action.at,
                by_id=action.actor.user_id,
                by_name=action.actor.name,
            )
        )
        action.add_timeline_entry(_RECORDED, EventDetails(codes=_codes(answers)))
    return row_id


def take_back_kind_step(command: Command, onward_referral_id: UUID, step_id: UUID) -> None:
    """Take back a step that was recorded by mistake: it stays readable and counts no more.

    Raises NotFound, and TransitionNotAllowed where it was taken back already or the onward referral has ended.
    """
    with onward_referral_action(
        command, onward_referral_id, _PERMISSION, _TAKEN_BACK, effect=ActionEffect.NOTHING
    ) as action:
        if action.onward.state not in WORKING_STATES:
            raise TransitionNotAllowed("This referral has ended: what was recorded stays.")
        found = action.session.get(RecordedKindStep, step_id)
        if found is None or found.onward_referral_id != action.onward.id:
            raise NotFound
        if found.taken_back_at is not None:
            raise TransitionNotAllowed("That was taken back already.")
        found.taken_back_at, found.taken_back_by_id = action.at, action.actor.user_id
        codes = {"kind_step": found.step.value, "on": found.happened_on.isoformat()}
        action.add_timeline_entry(_TAKEN_BACK, EventDetails(codes=codes))


def _check(action: OnwardReferralAction, rule: StepRule, answers: KindStepAnswers, text: str) -> None:
    facts = _step_facts(action.session, action)
    wrong = find_step_mistakes(rule, answers.happened_on, answers.minutes, text, facts)
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=dict(wrong))
    if rule.brings_together and waits_for_senior(action.session, action.onward):
        raise TransitionNotAllowed(SENIOR_GONE)


def _step_facts(session: Session, action: OnwardReferralAction) -> StepFacts:
    standing = session.execute(
        select(RecordedKindStep.step, RecordedKindStep.happened_on, RecordedKindStep.minutes)
        .where(
            RecordedKindStep.onward_referral_id == action.onward.id,
            RecordedKindStep.taken_back_at.is_(None),
        )
        .order_by(RecordedKindStep.happened_on)
    ).all()
    return StepFacts(
        today=times.london_date(action.at),
        offered_on=times.london_date(action.onward.offered_at),
        recorded={row.step: row.happened_on for row in standing},
        used_minutes=sum(row.minutes or 0 for row in standing),
        free_minutes=current_settings().area.kinds.business_free_minutes,
    )


def _codes(answers: KindStepAnswers) -> dict[str, object]:
    codes: dict[str, object] = {"kind_step": answers.step.value, "on": answers.happened_on.isoformat()}
    return {**codes, "minutes": answers.minutes} if answers.minutes else codes
