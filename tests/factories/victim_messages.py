"""People whom a text message may reach, and messages asked for to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from tests.factories import casework as make
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.models import Referral, VictimMessage
from victim_gateway.rules.safe_contact import CHANNELS_OF_DETAIL
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.services.victim_messages import asking
from victim_gateway.services.victim_messages.asking import WantedMessage
from victim_gateway.victim_message_vocabulary import VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import AttemptOutcome, Channel, Risk, SafeAnswer

TRIED = VictimMessageKind.TRIED_TO_REACH


def safe_to_text(**overrides: Any) -> SafeContactAnswer:
    """Calls and texts are safe, at any hour."""
    said: dict[str, Any] = {
        "channels": {
            "phone": SafeAnswer.YES,
            "sms": SafeAnswer.YES,
            "email": SafeAnswer.YES,
            "post": SafeAnswer.YES,
        }
    }
    return make.safe_to_phone(**(said | overrides))


def missed(caseworker: Actor, *, at: datetime, risk: Risk = Risk.STANDARD, **overrides: Any) -> UUID:
    """A referral at a risk that was judged, whose person did not answer the last call, half an hour ago."""
    plan = overrides.pop("plan", safe_to_text())
    begun_at = at - timedelta(hours=3)
    plan = replace(plan, same_details=tuple(CHANNELS_OF_DETAIL))
    referral_id = make.assessed(caseworker, at=begun_at, risk=risk, **overrides)
    make.record_plan(referral_id, caseworker, plan, at=at - timedelta(hours=1))
    make.log_attempt(referral_id, caseworker, at=at - timedelta(minutes=30), outcome=AttemptOutcome.NO_ANSWER)
    return referral_id


def ask(
    referral_id: UUID,
    caseworker: Actor,
    *,
    at: datetime,
    channel: Channel = Channel.SMS,
    kind: VictimMessageKind = TRIED,
    version: int | None = None,
    **wanted: Any,
) -> UUID:
    """Ask for a message by hand, having seen the plan in force."""
    seen = make.plan_version(referral_id, caseworker) if version is None else version
    return asking.ask_for_message(
        Command(caseworker, at, version=seen), referral_id, WantedMessage(kind, channel, **wanted)
    )


def asked(caseworker: Actor, *, at: datetime, **overrides: Any) -> UUID:
    """A text that waits to be sent to a new person."""
    return ask(missed(caseworker, at=at, **overrides), caseworker, at=at)


def state_of(message_id: UUID, owner: Owner) -> VictimMessageState:
    with owner() as session:
        return session.scalars(select(VictimMessage.state).where(VictimMessage.id == message_id)).one()


def message(message_id: UUID, owner: Owner) -> VictimMessage:
    with owner() as session:
        return session.get_one(VictimMessage, message_id)


def referral_of(message_id: UUID, owner: Owner) -> Referral:
    with owner() as session:
        return session.scalars(
            select(Referral)
            .join(VictimMessage, VictimMessage.referral_id == Referral.id)
            .where(VictimMessage.id == message_id)
        ).one()
