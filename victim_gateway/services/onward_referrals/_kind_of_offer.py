"""What the kind of a service asks of an offer: its answers, its parts, its people, and the day its contact is due."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import OnwardReferral, ProviderService, RecordedKindStep, Referral
from victim_gateway.queries.onward_referrals.eligibility import (
    gather_eligibility_facts,
    harms_needing_yes_of,
    kind_facts_of,
)
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.eligibility import DirectoryService
from victim_gateway.rules.handover import HandoverText
from victim_gateway.rules.kind_answers import (
    compose_kind,
    find_answer_mistakes,
    kind_answers_of,
    settle_answers,
    withheld_parts,
)
from victim_gateway.rules.restorative_justice import refusal_of_sender
from victim_gateway.rules.service_kinds import YES
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.other_side import refuse_other_side
from victim_gateway.vocabulary import HandoverPart

ANSWER_FIELD = "kind_"
"""What stands before the name of a question where it is a field of a form."""


def settle_kind(
    session: Session,
    referral: Referral,
    service: DirectoryService,
    answers: Mapping[str, Any],
    texts: HandoverText,
    on: date,
) -> HandoverText:
    """The texts of an offer with what belongs to the kind of its service.

    Raises InvalidInput by field where a question has no answer or one that can't be, and where a text tells who the
    other person is.
    """
    rules = service.kind_rules
    if rules.keeps_other_side_out:
        said = {"what_happened": texts.what_happened, "wants": texts.wants, "remarks": texts.remarks}
        refuse_other_side(session, referral.person_id, said)
    if not rules.questions:
        return replace(texts, kind=compose_kind(service.kind, {}))
    facts = kind_facts_of(service, gather_eligibility_facts(session, referral.id, on), on)
    mistakes = find_answer_mistakes(service.kind, answers, facts)
    if mistakes:
        raise InvalidInput(
            next(iter(mistakes.values())),
            fields={f"{ANSWER_FIELD}{key}": message for key, message in mistakes.items()},
        )
    return replace(texts, kind=compose_kind(service.kind, settle_answers(service.kind, answers, facts)))


def refuse_withheld_parts(service: DirectoryService, share: Collection[HandoverPart]) -> None:
    """Raises InvalidInput where a part is shared that never goes to a service of this kind."""
    if withheld_parts(service.kind, share):
        message = (
            "What happened to the person who was harmed, and what was reported, do not go to this service: it is for"
            " the relative. Leave both out"
        )
        raise InvalidInput(message, fields={"share": message})


def refuse_single_person(referral: Referral, service: DirectoryService, sends: UUID | None) -> None:
    """Raises TransitionNotAllowed where who said yes to restorative justice would send the offer too."""
    if not service.is_restorative or not harms_needing_yes_of(referral):
        return
    if refusal := refusal_of_sender(referral.restorative_yes_by_id, sends):
        raise TransitionNotAllowed(refusal)


def carry_asked(session: Session, onward: OnwardReferral, new: OnwardReferral) -> None:
    """That the person asked goes along to a successor's service of the same kind; the rest was the old provider's."""
    service = session.get_one(ProviderService, new.service_id)
    asked = session.scalars(
        select(RecordedKindStep).where(
            RecordedKindStep.onward_referral_id == onward.id,
            RecordedKindStep.step == KindStep.ASKED_FOR_SERVICE,
            RecordedKindStep.kind == service.kind,
            RecordedKindStep.taken_back_at.is_(None),
        )
    ).first()
    if asked is not None:
        session.add(
            RecordedKindStep(
                id=new_row_id(),
                onward_referral_id=new.id,
                provider_id=new.provider_id,
                kind=asked.kind,
                step=asked.step,
                happened_on=asked.happened_on,
                recorded_at=asked.recorded_at,
                by_id=asked.by_id,
                by_name=asked.by_name,
            )
        )


def record_asked(
    session: Session, command: Command, onward: OnwardReferral, service: DirectoryService, texts: HandoverText
) -> None:
    """Note the day on which the person asked for the service, so that it can be counted who asked and engaged."""
    answers = kind_answers_of({"kind": texts.kind})
    if not service.kind_rules.counts_engagement or answers.get("asked_for_service") != YES:
        return
    session.add(
        RecordedKindStep(
            id=new_row_id(),
            onward_referral_id=onward.id,
            provider_id=onward.provider_id,
            kind=service.kind,
            step=KindStep.ASKED_FOR_SERVICE,
            happened_on=date.fromisoformat(answers["asked_on"]),
            recorded_at=command.at,
            by_id=command.actor.user_id or onward.offered_by_id,
            by_name=command.actor.name,
        )
    )
