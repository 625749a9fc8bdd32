"""The gate at work: one message is claimed, judged under the locks on the person, and let through or not.

No connection is held while the request runs: the row says until when it may begin (`start_before`, by the clock of the
database), and the sender begins before that or not at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import as_service
from victim_gateway.models import Person, Referral, SatisfactionSurvey, VictimMessage
from victim_gateway.queries.people.merged_records import living_records, records_of_person
from victim_gateway.rules.victim_message_gate import next_leaving, refuse_message
from victim_gateway.rules.victim_message_recipients import Recipient
from victim_gateway.rules.victim_message_texts import TEXTS_BY_CODE
from victim_gateway.services.referrals.surveys import SECRET_BYTES, hash_survey_secret, survey_link
from victim_gateway.services.shared import case_locks
from victim_gateway.services.shared.victim_message_stops import START_WINDOW, lock_detail
from victim_gateway.services.victim_messages import settling
from victim_gateway.services.victim_messages.carriers import MessageCarriers
from victim_gateway.services.victim_messages.gate_facts import JudgedMessage, judge_message, open_subject
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageState
from victim_gateway.vocabulary import Channel

# Longer than a request can take with all its time-outs: only then is Notify asked what became of it.
LEASE = timedelta(seconds=60)
_LOOKED_AT = 20
_DETAIL_IS_CHANGED = timedelta(seconds=5)


class ClaimOutcome(Enum):
    """What came of looking for a message to send."""

    NOTHING_DUE = auto()
    PACED = auto()
    CLAIMED = auto()
    NOT_SENT = auto()


@dataclass(frozen=True, slots=True)
class ClaimedVictimMessage:
    """A message that may leave now: what is handed over, and to whom. Kept in memory only."""

    message_id: UUID
    reference: str
    channel: Channel
    recipient: Recipient
    template_code: str
    values: Mapping[str, str]
    leased_until: datetime
    deliveries: int
    is_by_mail: bool
    template_version: int | None = None


class UnreadableMessage(Exception):
    """A message that can't be judged, by a defect or a damaged record: it must not keep the others from leaving."""

    def __init__(self, message_id: UUID) -> None:
        """The cause is the exception before it; its text may hold values and is shown nowhere."""
        super().__init__(str(message_id))
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class Claim:
    """The outcome, with the message where one was claimed."""

    outcome: ClaimOutcome
    message: ClaimedVictimMessage | None = None


def claim_victim_message(session: Session, carriers: MessageCarriers, *, at: datetime) -> Claim:
    """Claim the next message that may leave. Concurrent workers take others; the actor is the service.

    Raises UnreadableMessage for one that can't be judged; the transaction keeps nothing then.
    """
    if is_paced(session):
        return Claim(ClaimOutcome.PACED)
    message = _lock_next(session, carriers, at)
    if message is None:
        return Claim(ClaimOutcome.NOTHING_DUE)
    try:
        return _judge_and_claim(session, message, carriers, at)
    except OperationalError:
        raise
    except Exception as error:
        raise UnreadableMessage(message.id) from error


def _judge_and_claim(
    session: Session, message: VictimMessage, carriers: MessageCarriers, at: datetime
) -> Claim:
    if message.state is not VictimMessageState.QUEUED:
        return Claim(ClaimOutcome.NOT_SENT)
    referral = session.get_one(Referral, message.referral_id, populate_existing=True)
    person = session.get_one(Person, message.person_id, populate_existing=True)
    if person.erased_at is not None:
        settling.refuse_in_claim(session, message, MessageRefusal.ERASED, at=at)
        return Claim(ClaimOutcome.NOT_SENT)
    if not lock_detail(session, message.detail_hash):
        # Right now somebody changes who is safe at this number or address.
        message.next_try_at = at + _DETAIL_IS_CHANGED
        return Claim(ClaimOutcome.NOT_SENT)
    subject = open_subject(session, referral)
    judged = judge_message(session, message, subject, carriers, at=at)
    refusal = refuse_message(judged.facts)
    if refusal is None and judged.recipient is not None:
        return Claim(ClaimOutcome.CLAIMED, _begin(session, message, judged, carriers, at))
    _hold_back(session, message, judged, refusal or MessageRefusal.NO_DETAIL, at)
    return Claim(ClaimOutcome.NOT_SENT)


def is_paced(session: Session) -> bool:
    """Whether as many messages have left within the last minute, by the clock of the database, as may leave."""
    recent = select(func.count()).where(
        VictimMessage.claimed_at > func.clock_timestamp() - timedelta(minutes=1)
    )
    return (session.scalar(recent) or 0) >= current_settings().area.messages.per_minute


def is_due(carriers: MessageCarriers, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """The condition for messages whose time has come and that something carries."""
    channels = [channel for channel in Channel if carriers.carries(channel)]
    return (
        VictimMessage.state == VictimMessageState.QUEUED,
        VictimMessage.next_try_at <= at,
        VictimMessage.channel.in_(channels),
    )


def _has_template_been_read(carriers: MessageCarriers) -> ColumnElement[bool]:
    """What was asked for since the templates were read waits: nothing is refused for what was not looked at."""
    by_mail = [channel for channel in Channel if carriers.is_by_mail(channel)]
    unconfigured = [
        code for code in TEXTS_BY_CODE if current_settings().area.messages.template_id(code) is None
    ]
    known = [*carriers.templates, *unconfigured]
    return or_(
        VictimMessage.channel.in_(by_mail),
        VictimMessage.template_code.in_(known),
        VictimMessage.template_code.not_in(list(TEXTS_BY_CODE)),
    )


def _lock_next(session: Session, carriers: MessageCarriers, at: datetime) -> VictimMessage | None:
    """Lock the person's referrals, the person and then the message, in the order of every action on a person.

    An advisory lock keeps a second worker from waiting for the same one; it ends with the transaction.
    """
    due = session.execute(
        select(VictimMessage.id, VictimMessage.person_id)
        .where(*is_due(carriers, at), _has_template_been_read(carriers))
        .order_by(VictimMessage.next_try_at, VictimMessage.id)
        .limit(_LOOKED_AT)
    ).all()
    for row in due:
        key = func.hashtextextended(str(row.id), 44)
        if not session.scalar(select(func.pg_try_advisory_xact_lock(key))):
            continue
        # Rolled back, a part of the transaction gives back the locks that it took.
        part = session.begin_nested()
        if _lock_person(session, row.person_id):
            part.commit()
            return session.get_one(VictimMessage, row.id, with_for_update=True, populate_existing=True)
        part.rollback()
    return None


def _lock_person(session: Session, person_id: UUID) -> bool:
    """False where somebody changes the person right now: an import has the person before the referrals.

    A claim never waits for a person, so that it and an import never wait for each other; the next round looks again.
    """
    with as_service(session):
        case_locks.lock_person_referrals(session, person_id)
        records = living_records(session, records_of_person(session, person_id))
        locked = session.scalars(
            select(Person.id)
            .where(Person.id.in_(records))
            .order_by(Person.id)
            .with_for_update(skip_locked=True)
        ).all()
        return len(locked) == len(records)


def _begin(
    session: Session, message: VictimMessage, judged: JudgedMessage, carriers: MessageCarriers, at: datetime
) -> ClaimedVictimMessage:
    template = carriers.templates.get(message.template_code)
    is_by_mail = carriers.is_by_mail(message.channel)
    ends = session.scalars(select(func.clock_timestamp() + LEASE)).one()
    values = _values_of(session, message)
    deliveries, now = message.deliveries + 1, func.clock_timestamp()
    session.execute(
        update(VictimMessage)
        .where(VictimMessage.id == message.id)
        .values(
            state=VictimMessageState.SENDING,
            deliveries=deliveries,
            leased_until=ends,
            start_before=now + START_WINDOW,
            claimed_at=now,
            missing_since=None,
            begun_at=at,
            template_version=None if is_by_mail or template is None else template.version,
            problem=None,
        ),
        execution_options={"synchronize_session": False},
    )
    return ClaimedVictimMessage(
        message_id=message.id,
        reference=message.reference,
        channel=message.channel,
        recipient=judged.recipient or "",
        template_code=message.template_code,
        values=values,
        leased_until=ends,
        deliveries=deliveries,
        is_by_mail=is_by_mail,
        template_version=None if template is None else template.version,
    )


def _hold_back(
    session: Session, message: VictimMessage, judged: JudgedMessage, refusal: MessageRefusal, at: datetime
) -> None:
    """Wait for the person's next safe time, or end: nothing is ever sent as soon as possible."""
    facts = judged.facts
    if refusal is MessageRefusal.OUTSIDE_WINDOW:
        opens_at = next_leaving(facts.window, message.channel, at, before=message.expires_at)
        if opens_at is not None:
            message.next_try_at = opens_at
            return
        refusal = MessageRefusal.EXPIRED
    settling.refuse_in_claim(session, message, refusal, at=at, risk=facts.risk)


def _values_of(session: Session, message: VictimMessage) -> dict[str, str]:
    """What is filled into the wording: the area's neutral number, a date and a time, or a link. Never a name."""
    wanted = TEXTS_BY_CODE[message.template_code].placeholders
    values: dict[str, str] = {}
    if "number" in wanted:
        values["number"] = current_settings().area.messages.neutral_number or ""
    if message.about_at is not None:
        wall = message.about_at.astimezone(times.LONDON)
        values |= {"date": f"{wall:%A} {wall.day} {wall:%B}", "time": f"{wall:%H:%M}"}
    if "link" in wanted:
        values["link"] = _new_link(session, message)
    return {name: values[name] for name in wanted}


def _new_link(session: Session, message: VictimMessage) -> str:
    """A link with a new secret, which only this try knows: a try before that was not accepted opens nothing."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    session.execute(
        update(SatisfactionSurvey)
        .where(SatisfactionSurvey.id == message.survey_id)
        .values(link_hash=hash_survey_secret(secret))
    )
    return survey_link(secret)
