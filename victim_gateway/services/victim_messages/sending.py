"""Sending messages to people, each accepted once, whatever dies when.

A round lets what is past expire, asks Notify about what a dead worker or a lost answer left open, then claims and sends
one message after the other. The rows say what has to be sent; a task only wakes a sender.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.boot_clock import clock_s
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.integrations.mail import (
    Mail,
    MailDeliveryUnknown,
    MailRefused,
    MailServerUnreachable,
    MailStartMissed,
    MailUnavailable,
)
from victim_gateway.integrations.notify import (
    Notify,
    NotifyMessage,
    NotifyOutcomeUnknown,
    NotifyRefused,
    NotifyStartMissed,
    NotifyUnavailable,
    NotifyUnreachable,
)
from victim_gateway.models import Outbox, VictimMessage
from victim_gateway.rules.victim_message_texts import TEXTS_BY_CODE, TemplateAtNotify
from victim_gateway.services.victim_messages import settling
from victim_gateway.services.victim_messages.carriers import MessageCarriers, current_carriers
from victim_gateway.services.victim_messages.claims import (
    ClaimedVictimMessage,
    ClaimOutcome,
    UnreadableMessage,
    claim_victim_message,
    is_due,
)
from victim_gateway.victim_message_vocabulary import VictimMessageState
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()
# After this time another task goes on, so that none comes near its time limit.
BUDGET_S = 60.0
# Counted from before the claim, by the sender's own clock: shorter than START_WINDOW, which begins later.
START_WITHIN_S = 2.5
_ASK_LEASE = timedelta(seconds=30)
_EXPIRE_AT_ONCE = 50
_OTHER_TEMPLATE = "other_template"
_DEAD_WORKER = "It was being sent when the worker died"


@dataclass(frozen=True, slots=True)
class VictimSendingResult:
    """The result of one round, as counts of messages."""

    accepted: int = 0
    put_off: int = 0
    failed: int = 0
    not_sent: int = 0
    expired: int = 0
    found: int = 0

    def to_document(self) -> dict[str, int]:
        return asdict(self)


def send_due_victim_messages(*, actor: Actor, at: datetime) -> VictimSendingResult:
    """Send every message to a person that is due. Safe at any time, twice at once, and to be killed anywhere.

    `at` is the moment of the call. Without anything that carries messages nothing is sent; what is past expires.
    """
    settings, counts = current_settings(), Counter[str]()
    started = clock_s()
    counts["expired"] = expire_past_messages(actor=actor, at=at)
    carriers = current_carriers(settings)
    if carriers.notify is None:
        counts["put_off"] += park_unanswerable_messages(actor=actor, at=at)
    if carriers.notify is None and carriers.mail is None:
        return VictimSendingResult(**counts)
    try:
        counts["found"] = settle_open_messages(carriers, actor=actor, at=at)
        _send_until_done(carriers, actor, at, started, counts)
    except NotifyUnavailable as problem:
        log.warning("victim_messages.notify_away", problem=str(problem))
    except MailServerUnreachable as problem:
        log.warning("victim_messages.mail_away", problem=str(problem))
    return VictimSendingResult(**counts)


def sweep_victim_messages(*, actor: Actor, at: datetime) -> int:
    """Each minute: let what is past expire, and wake a sender where something is due. Returns how many expired."""
    expired = expire_past_messages(actor=actor, at=at)
    carriers = current_carriers(current_settings())
    with transaction(actor) as session:
        waiting = exists().where(*is_due(carriers, at))
        open_ended = exists().where(*_is_open_ended())
        is_unpublished = exists().where(
            Outbox.task == TaskName.SEND_VICTIM_MESSAGE.value, Outbox.published_at.is_(None)
        )
        if session.scalar(select((waiting | open_ended) & ~is_unpublished)):
            enqueue_task(session, TaskName.SEND_VICTIM_MESSAGE, at)
    return expired


def expire_past_messages(*, actor: Actor, at: datetime) -> int:
    """End what waits and whose time is over: it is listed for a person, never sent late. In parts."""
    total = 0
    while True:
        with transaction(actor) as session:
            ids = session.scalars(
                select(VictimMessage.id)
                .where(VictimMessage.state == VictimMessageState.QUEUED, VictimMessage.expires_at <= at)
                .order_by(VictimMessage.referral_id, VictimMessage.id)
                .limit(_EXPIRE_AT_ONCE)
            ).all()
            expired = sum(_expire_one(session, message_id, at) for message_id in ids)
        total += expired
        if len(ids) < _EXPIRE_AT_ONCE or not expired:
            return total


def settle_open_messages(carriers: MessageCarriers, *, actor: Actor, at: datetime) -> int:
    """Ask Notify about every message whose worker died or whose answer was lost; how many it had.

    Raises NotifyUnavailable where it can't be asked: then they stay as they are.
    """
    found = 0
    while (opened := _take_open_message(actor)) is not None:
        message_id, reference, is_by_mail, leased_until, deliveries = opened
        if is_by_mail:
            settling.mark_perhaps_sent(actor, message_id, at=at, problem=_DEAD_WORKER)
            continue
        if carriers.notify is None:
            log.warning("victim_messages.cannot_ask")
            continue
        record = carriers.notify.find_message(reference)
        if record is not None:
            found += settling.settle_record(actor, message_id, record, at=at)
        else:
            settling.record_missing(actor, message_id, leased_until, at=at)
    return found


def park_unanswerable_messages(*, actor: Actor, at: datetime) -> int:
    """Where no key is set any more: nobody can ask what became of these, so that a person decides; how many."""
    with transaction(actor) as session:
        ids = session.scalars(
            select(VictimMessage.id)
            .where(*_is_open_ended(), VictimMessage.template_version.is_not(None))
            .order_by(VictimMessage.referral_id, VictimMessage.id)
            .limit(_EXPIRE_AT_ONCE)
        ).all()
    for message_id in ids:
        settling.park_unanswerable(actor, message_id, at=at)
    return len(ids)


def _expire_one(session: Session, message_id: UUID, at: datetime) -> bool:
    message = settling.lock_message(session, message_id)
    if message is None or message.state is not VictimMessageState.QUEUED:
        return False
    settling.expire_message(session, message, at=at)
    return True


def _is_open_ended() -> tuple[ColumnElement[bool], ...]:
    """By the clock of the database, which gave the lease."""
    return (
        VictimMessage.state == VictimMessageState.SENDING,
        VictimMessage.leased_until <= func.clock_timestamp(),
    )


def _take_open_message(actor: Actor) -> tuple[UUID, str, bool, datetime, int] | None:
    """Lease the next message of which nobody knows what became, so that one worker asks about it."""
    with transaction(actor) as session:
        message = session.scalars(
            select(VictimMessage)
            .where(*_is_open_ended())
            .order_by(VictimMessage.leased_until)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if message is None:
            return None
        leased_until = session.scalars(select(func.clock_timestamp() + _ASK_LEASE)).one()
        message.leased_until = leased_until
        is_by_mail = message.template_version is None
        return message.id, message.reference, is_by_mail, leased_until, message.deliveries


def _with_templates(carriers: MessageCarriers, actor: Actor, at: datetime) -> MessageCarriers:
    """Read the templates of what is due, as they are at Notify now: before each claim. Raises NotifyUnavailable."""
    if carriers.notify is None:
        return carriers
    with transaction(actor) as session:
        codes = session.scalars(
            select(VictimMessage.template_code).where(*is_due(carriers, at)).distinct()
        ).all()
    return replace(carriers, templates=read_templates(carriers.notify, codes))


def read_templates(notify: Notify, codes: Iterable[str]) -> Mapping[str, TemplateAtNotify | None]:
    """The templates of these wordings by code, None where Notify has none. Raises NotifyUnavailable."""
    area = current_settings().area.messages
    ids = {code: area.template_id(code) for code in codes if code in TEXTS_BY_CODE}
    return {code: notify.read_template(template_id) for code, template_id in ids.items() if template_id}


def _send_until_done(
    carriers: MessageCarriers, actor: Actor, at: datetime, started: float, counts: Counter[str]
) -> None:
    while True:
        moment = _moment(at, started)
        if moment - at > timedelta(seconds=BUDGET_S):
            with transaction(actor) as session:
                enqueue_task(session, TaskName.SEND_VICTIM_MESSAGE, moment)
            return
        looked = _with_templates(carriers, actor, moment)
        before = clock_s()
        try:
            with transaction(actor) as session:
                claim = claim_victim_message(session, looked, at=moment)
        except UnreadableMessage as error:
            problem = type(error.__cause__).__name__
            log.error("victim_messages.unreadable", message=str(error.message_id), error=problem)
            settling.put_off_unreadable(
                actor, error.message_id, at=moment, problem=f"could not be judged ({problem})"
            )
            counts["put_off"] += 1
            continue
        if claim.outcome in (ClaimOutcome.NOTHING_DUE, ClaimOutcome.PACED):
            return
        if claim.message is None:
            counts["not_sent"] += 1
            continue
        sender = _SenderOfOne(carriers, actor, at, started, before + START_WITHIN_S)
        count = sender.send(claim.message)
        counts["accepted" if count == _OTHER_TEMPLATE else count] += 1
        if count == _OTHER_TEMPLATE:
            # Somebody changes the wording right now: the next round looks at it anew.
            log.error("victim_messages.other_template", template=claim.message.template_code)
            return


@dataclass(frozen=True, slots=True)
class _SenderOfOne:
    """Hands one claimed message over and settles what came of it."""

    carriers: MessageCarriers
    actor: Actor
    at: datetime
    started: float
    start_before: float

    def send(self, message: ClaimedVictimMessage) -> str:
        """Returns the count it adds to. Raises NotifyUnreachable or MailServerUnreachable after settling."""
        return self._by_mail(message) if message.is_by_mail else self._by_notify(message)

    def _by_notify(self, message: ClaimedVictimMessage) -> str:
        notify = self.carriers.notify
        template_id = current_settings().area.messages.template_id(message.template_code)
        if notify is None or template_id is None:
            self._put_back(message, "Notify is not set up")
            return "put_off"
        try:
            record = notify.send_message(
                NotifyMessage(
                    message.channel, message.recipient, template_id, message.reference, message.values
                ),
                start_before=self.start_before,
            )
        except NotifyStartMissed as problem:
            self._put_back(message, str(problem), counts=False)
            return "put_off"
        except NotifyRefused as problem:
            settling.mark_message_failed(self.actor, message.message_id, at=self._now(), problem=str(problem))
            return "failed"
        except NotifyOutcomeUnknown as problem:
            settling.wait_for_answer(
                self.actor, message.message_id, message.leased_until, at=self._now(), problem=str(problem)
            )
            return "put_off"
        except NotifyUnavailable as problem:
            self._put_back(message, str(problem))
            if isinstance(problem, NotifyUnreachable):
                raise
            return "put_off"
        settling.settle_record(self.actor, message.message_id, record, at=self._now())
        is_other = record.template_version not in (None, message.template_version)
        return _OTHER_TEMPLATE if is_other else "accepted"

    def _by_mail(self, message: ClaimedVictimMessage) -> str:
        server = self.carriers.mail
        if server is None:
            self._put_back(message, "no mail server is set up", counts=False)
            return "put_off"
        try:
            server.send_mail(self._mail(message))
        except MailRefused as problem:
            settling.mark_message_failed(self.actor, message.message_id, at=self._now(), problem=str(problem))
            return "failed"
        except MailDeliveryUnknown as problem:
            settling.mark_perhaps_sent(self.actor, message.message_id, at=self._now(), problem=str(problem))
            return "put_off"
        except MailUnavailable as problem:
            self._put_back(message, str(problem), counts=not isinstance(problem, MailStartMissed))
            if isinstance(problem, MailServerUnreachable):
                raise
            return "put_off"
        settling.settle_mail_accepted(self.actor, message.message_id, at=self._now())
        return "accepted"

    def _mail(self, message: ClaimedVictimMessage) -> Mail:
        """Without anything of ours in it but the address it comes from."""
        subject, body = TEXTS_BY_CODE[message.template_code].fill(message.values)
        return Mail(
            message_id=f"<{message.reference}@mail.invalid>",
            sender=current_settings().people_mail_from or "",
            recipient=str(message.recipient),
            subject=subject or "",
            body=body + "\n",
            at=self._now(),
            start_before=self.start_before,
        )

    def _put_back(self, message: ClaimedVictimMessage, problem: str, *, counts: bool = True) -> None:
        settling.put_back(
            self.actor,
            message.message_id,
            message.leased_until,
            at=self._now(),
            problem=problem,
            counts=counts,
        )

    def _now(self) -> datetime:
        return _moment(self.at, self.started)


def _moment(at: datetime, started: float) -> datetime:
    """Now, counted on from the moment of the call."""
    return at + timedelta(seconds=clock_s() - started)
