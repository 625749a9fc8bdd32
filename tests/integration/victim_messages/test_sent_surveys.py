"""A link counts as sent when its message has left."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import select

from tests.factories import victim_messages as messages
from tests.integration.victim_messages.test_gate import LATER, STATE, claim
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.integrations.notify import NotifyRecord
from victim_gateway.models import ContactAttempt
from victim_gateway.services.victim_messages import sending, settling
from victim_gateway.victim_message_vocabulary import VictimMessageKind
from victim_gateway.vocabulary import AttemptOutcome, SurveyStage


def ask_for_survey(caseworker: Actor) -> tuple[UUID, UUID]:
    referral_id = messages.missed(caseworker, at=LATER)
    return referral_id, messages.ask(
        referral_id,
        caseworker,
        at=LATER,
        kind=VictimMessageKind.SURVEY,
        stage=SurveyStage.AFTER_FIRST_CONTACT,
        checked=("read_plan", "right_number"),
    )


def count_sent(referral_id: UUID, owner: Owner) -> int:
    with owner() as session:
        return len(
            session.scalars(
                select(ContactAttempt.id).where(
                    ContactAttempt.referral_id == referral_id, ContactAttempt.outcome == AttemptOutcome.SENT
                )
            ).all()
        )


def test_a_link_that_never_left_is_not_logged_as_sent(app: Flask, caseworker: Actor, owner: Owner) -> None:
    referral_id, message_id = ask_for_survey(caseworker)
    sending.expire_past_messages(actor=Actor.worker("tests"), at=LATER + timedelta(days=4))
    assert messages.state_of(message_id, owner) is STATE.EXPIRED
    assert count_sent(referral_id, owner) == 0


def test_a_link_that_left_is_logged_once(app: Flask, caseworker: Actor, owner: Owner) -> None:
    referral_id, message_id = ask_for_survey(caseworker)
    claim()
    reference = messages.message(message_id, owner).reference
    for status in ("created", "delivered"):
        record = NotifyRecord(uuid4(), reference, status)
        settling.settle_record(Actor.worker("tests"), message_id, record, at=LATER)
    assert count_sent(referral_id, owner) == 1
