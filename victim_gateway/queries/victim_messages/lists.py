"""Messages to people as pages show them: of one referral, those that need a person, and what has left of late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.crypto import SealBroken
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.models import Person, Referral, SafeContactPlan, Task, User, VictimMessage
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.victim_message_recipients import describe_recipient
from victim_gateway.rules.victim_message_states import LEFT_STATES
from victim_gateway.rules.victim_message_texts import TEXTS_BY_CODE
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import Channel, ReferralState, Risk, TaskKind

_STATE = VictimMessageState
MOST_LISTED = 200
_NEEDS_PERSON = (_STATE.PARKED, _STATE.PERHAPS_SENT, _STATE.FAILED, _STATE.EXPIRED, _STATE.REFUSED)
# How long before a change a message counts as one that the change came too late for.
_SHORTLY_BEFORE = timedelta(minutes=10)
# How far the clocks of two machines may be apart.
_CLOCKS_DIFFER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message. `recipient` says which number it went to without saying the number; `text` is the wording."""

    message_id: UUID
    kind: VictimMessageKind
    channel: Channel
    state: VictimMessageState
    text: str
    recipient: str
    asked_at: datetime
    asked_by: str | None
    not_before: datetime
    expires_at: datetime
    begun_at: datetime | None
    accepted_at: datetime | None
    ended_at: datetime | None
    refusal: MessageRefusal | None
    problem: str | None
    needs_senior: bool
    asked_by_id: UUID | None
    deliveries: int


@dataclass(frozen=True, slots=True)
class StuckMessage:
    """A message that did not leave, or perhaps did, on a referral that the reader may see; its task is open."""

    message_id: UUID
    referral_id: UUID
    reference: str
    risk: Risk
    kind: VictimMessageKind
    channel: Channel
    state: VictimMessageState
    refusal: MessageRefusal | None
    asked_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """What has left or would have, for those who run the service: no person, no referral, no number."""

    kind: VictimMessageKind
    channel: Channel
    state: VictimMessageState
    text: str
    recipient: str
    asked_at: datetime
    begun_at: datetime | None
    next_try_at: datetime
    deliveries: int
    refusal: MessageRefusal | None
    problem: str | None


def messages_of_referral(session: Session, referral_id: UUID, key: bytes) -> list[ListedMessage]:
    """Everything that was asked for on a referral, the newest first."""
    rows = session.execute(
        select(VictimMessage, User.name)
        .outerjoin(User, User.id == VictimMessage.asked_by_id)
        .where(VictimMessage.referral_id == referral_id)
        .order_by(VictimMessage.asked_at.desc(), VictimMessage.id.desc())
        .limit(MOST_LISTED)
    ).all()
    return [_listed(message, name, key) for message, name in rows]


def messages_left_before(session: Session, plan: SafeContactPlan, key: bytes) -> list[ListedMessage]:
    """What left by the plan before, or may have, shortly before this plan: of the referrals that the reader may see.

    By the version that each was checked with, so that no clock decides; on another record of the person, by the clock.
    """
    is_by_plan_before = or_(
        and_(VictimMessage.person_id == plan.person_id, VictimMessage.plan_version < plan.version),
        and_(
            VictimMessage.person_id != plan.person_id,
            VictimMessage.claimed_at <= plan.recorded_at + _CLOCKS_DIFFER,
        ),
    )
    rows = session.scalars(
        select(VictimMessage)
        .where(
            is_record_of(VictimMessage.person_id, plan.person_id),
            VictimMessage.claimed_at > plan.recorded_at - _SHORTLY_BEFORE,
            is_by_plan_before,
            _has_left(),
        )
        .order_by(VictimMessage.claimed_at)
    )
    return [_listed(message, None, key) for message in rows]


def find_left_message(session: Session, person_id: UUID) -> UUID | None:
    """The referral of the last message that has left, or may have, shortly before now by the clock of the database."""
    return session.scalar(
        select(VictimMessage.referral_id)
        .where(
            is_record_of(VictimMessage.person_id, person_id),
            VictimMessage.claimed_at > func.clock_timestamp() - _SHORTLY_BEFORE,
            _has_left(),
        )
        .order_by(VictimMessage.claimed_at.desc())
        .limit(1)
    )


def _has_left() -> ColumnElement[bool]:
    return VictimMessage.state.in_((*LEFT_STATES, _STATE.SENDING))


def stuck_messages(session: Session) -> list[StuckMessage]:
    """What a person has to decide about or to do otherwise, first who is at high risk; of what the reader may see."""
    is_grave: ColumnElement[int] = case(
        (or_(Referral.risk == Risk.HIGH, Referral.domestic_abuse), 0),
        (Referral.risk == Risk.UNKNOWN, 1),
        (Referral.risk == Risk.MEDIUM, 2),
        else_=3,
    )
    rows = session.execute(
        _with_open_task(select(VictimMessage, Referral.reference, Referral.risk))
        .where(
            VictimMessage.state.in_(_NEEDS_PERSON),
            Referral.state.not_in((ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)),
        )
        .order_by(is_grave, VictimMessage.asked_at, VictimMessage.id)
        .limit(MOST_LISTED)
    ).all()
    record_audit(session, "victim_messages.listed", rows=len(rows))
    return [
        StuckMessage(
            message_id=row.VictimMessage.id,
            referral_id=row.VictimMessage.referral_id,
            reference=row.reference,
            risk=row.risk,
            kind=row.VictimMessage.kind,
            channel=row.VictimMessage.channel,
            state=row.VictimMessage.state,
            refusal=row.VictimMessage.refusal,
            asked_at=row.VictimMessage.asked_at,
            expires_at=row.VictimMessage.expires_at,
        )
        for row in rows
    ]


def outgoing_messages(*, actor: Actor) -> list[OutgoingMessage]:
    """What has left, would have or waits, the newest first. Audited; of a restricted referral not even an ending."""
    with transaction(actor) as session:
        with as_service(session):
            rows = session.execute(
                select(VictimMessage, Person.key_id, Person.erased_at, Referral.restricted)
                .join(Person, Person.id == VictimMessage.person_id)
                .join(Referral, Referral.id == VictimMessage.referral_id)
                .order_by(VictimMessage.asked_at.desc(), VictimMessage.id.desc())
                .limit(MOST_LISTED)
            ).all()
            open_ids = [row.key_id for row in rows if row.erased_at is None and not row.restricted]
            keys = encrypted_rows.open_keys(session, open_ids)
        record_audit(session, "outbox.seen", rows=len(rows))
        return [_outgoing(row.VictimMessage, keys.get(row.key_id), is_hidden=row.restricted) for row in rows]


def _with_open_task(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return statement.join(Referral, Referral.id == VictimMessage.referral_id).where(
        select(Task.id)
        .where(
            Task.referral_id == VictimMessage.referral_id,
            Task.kind == TaskKind.MESSAGE_TO_PERSON,
            Task.done_at.is_(None),
            Task.details["message"].astext == cast(VictimMessage.id, Text),
        )
        .exists()
    )


def _listed(message: VictimMessage, asked_by: str | None, key: bytes) -> ListedMessage:
    return ListedMessage(
        message_id=message.id,
        kind=message.kind,
        channel=message.channel,
        state=message.state,
        text=_text_of(message),
        recipient=_recipient_of(message, key),
        asked_at=message.asked_at,
        asked_by=asked_by,
        not_before=message.not_before,
        expires_at=message.expires_at,
        begun_at=message.begun_at,
        accepted_at=message.accepted_at,
        ended_at=message.ended_at,
        refusal=message.refusal,
        problem=message.problem,
        needs_senior=message.state is _STATE.QUEUED and message.next_try_at >= message.expires_at,
        asked_by_id=message.asked_by_id,
        deliveries=message.deliveries,
    )


def _outgoing(message: VictimMessage, key: bytes | None, *, is_hidden: bool) -> OutgoingMessage:
    return OutgoingMessage(
        kind=message.kind,
        channel=message.channel,
        state=message.state,
        text=_text_of(message),
        recipient="hidden" if is_hidden or key is None else _recipient_of(message, key),
        asked_at=message.asked_at,
        begun_at=message.begun_at,
        next_try_at=message.next_try_at,
        deliveries=message.deliveries,
        refusal=message.refusal,
        problem=message.problem,
    )


def _recipient_of(message: VictimMessage, key: bytes) -> str:
    try:
        sealed = encrypted_rows.unseal_row(key, "victim_message", message.id, message.sealed)
    except SealBroken:
        return "not readable"
    return describe_recipient(message.channel, sealed)


def _text_of(message: VictimMessage) -> str:
    text = TEXTS_BY_CODE.get(message.template_code)
    return text.body if text else message.template_code
