"""E-mail to members of staff and providers about what is due and what has changed; never to a victim.

The rows say what has to be sent; a task only wakes a sender. Each e-mail is claimed, sent with no transaction
open, and settled. It is sent once; only where delivery is unknown it is sent a second time, with the same
Message-ID.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.contact_link_vocabulary import ContactLinkBar, ContactLinkOccasion
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.integrations.mail import (
    MailDeliveryUnknown,
    MailRefused,
    MailServer,
    MailServerUnreachable,
    MailUnavailable,
    MailWithdrawn,
    mail_server,
)
from victim_gateway.models import Message, OnwardReferral, Outbox
from victim_gateway.services.messages import email_batches
from victim_gateway.services.messages.contact_links import (
    MadeLink,
    drop_unsent_link,
    make_link,
    mark_link_sent,
)
from victim_gateway.services.messages.contact_tasks import RING_INSTEAD, ask_to_reach_contact
from victim_gateway.services.messages.email_batches import EmailBatch
from victim_gateway.services.messages.email_text import SIGN_IN, compose_email
from victim_gateway.services.messages.send_checks import MailedDigest
from victim_gateway.vocabulary import MessageState, TaskName

# After this time another task continues, so that none comes near its time limit.
BUDGET_S = 60.0


@dataclass(frozen=True, slots=True)
class SendingResult:
    """The result of one round of sending, as counts of messages."""

    sent: int = 0
    put_off: int = 0
    failed: int = 0
    not_sent: int = 0

    def to_document(self) -> dict[str, int]:
        return asdict(self)


def send_due_messages(*, actor: Actor, at: datetime) -> SendingResult:
    """Send every message that is due. Safe at any time, twice at once, and to be killed anywhere.

    `at` is the moment of the call. Without a mail server nothing is sent and nothing is lost.
    """
    server = mail_server(current_settings().smtp_url)
    counts: Counter[str] = Counter()
    if server is None:
        return SendingResult()
    started = time.monotonic()
    while True:
        moment = _moment(at, started)
        if moment - at > timedelta(seconds=BUDGET_S):
            wake_senders(actor=actor, at=moment)
            break
        with transaction(actor) as session:
            waiting = email_batches.claim_email_batch(session, moment)
        if waiting is None:
            break
        counts["not_sent"] += waiting.not_sent
        counts["put_off"] += waiting.put_off
        if not waiting.message_ids:
            continue
        try:
            counts[_send(server, waiting, actor, at, started)] += len(waiting.message_ids)
        except MailServerUnreachable:
            counts["put_off"] += len(waiting.message_ids)
            break
    return SendingResult(**counts)


def wake_senders(*, actor: Actor, at: datetime) -> int:
    """Release the messages of dead workers, and wake a worker when something is due; called by the sweep.

    Returns how many messages were released.
    """
    if current_settings().smtp_url is None:
        return 0
    with transaction(actor) as session:
        freed = email_batches.release_abandoned_messages(session, at)
        due = exists().where(Message.state == MessageState.QUEUED, Message.next_attempt_at <= at)
        is_unpublished = exists().where(
            Outbox.task == TaskName.SEND_MESSAGE.value, Outbox.published_at.is_(None)
        )
        if session.scalar(select(due & ~is_unpublished)):
            enqueue_task(session, TaskName.SEND_MESSAGE, at)
    return freed


def _send(server: MailServer, parcel: EmailBatch, actor: Actor, at: datetime, started: float) -> str:
    """Send and settle one batch; returns the count it adds to. Raises MailServerUnreachable after settling."""
    access = _link_of(parcel, actor, _moment(at, started)) if parcel.is_for_contact else SIGN_IN
    link = access if isinstance(access, MadeLink) else None
    mail = compose_email(
        current_settings(),
        parcel.parcel_id,
        parcel.recipient,
        parcel.subjects,
        _moment(at, started),
        access=access,
    )

    def may_hand_over() -> bool:
        with transaction(actor) as session:
            return email_batches.begin_hand_over(session, parcel, _moment(at, started))

    try:
        server.send_mail(mail, may_hand_over)
    except MailWithdrawn:
        # Too slow: another sender has it by now, or will.
        with transaction(actor) as session:
            _drop(session, link, _moment(at, started))
        return "put_off"
    except MailRefused as problem:
        with transaction(actor) as session:
            email_batches.mark_failed(session, parcel, _moment(at, started), str(problem))
            _drop(session, link, _moment(at, started))
        return "failed"
    except MailServerUnreachable as problem:
        with transaction(actor) as session:
            email_batches.put_back(session, parcel, _moment(at, started), str(problem))
            _drop(session, link, _moment(at, started))
        raise
    except MailUnavailable as problem:
        with transaction(actor) as session:
            again = email_batches.retry_later(session, parcel, _moment(at, started), str(problem))
            _drop(session, link, _moment(at, started))
        return "put_off" if again else "failed"
    except MailDeliveryUnknown as problem:
        with transaction(actor) as session:
            email_batches.mark_delivery_unknown(session, parcel, _moment(at, started), str(problem))
        return "put_off"
    with transaction(actor) as session:
        email_batches.mark_sent(session, parcel, _moment(at, started))
        if link is not None:
            mark_link_sent(session, link, at=_moment(at, started))
    return "sent"


def _link_of(parcel: EmailBatch, actor: Actor, at: datetime) -> MadeLink | ContactLinkBar:
    """The link that goes out with an e-mail to a registered contact, or why it goes without one.

    Made anew at each try: its token is kept nowhere. Where no caseworker has let the contact in, one is asked to ring.
    """
    (subject,) = parcel.subjects
    onward_referral_id = None if isinstance(subject, MailedDigest) else subject.onward_referral_id
    if onward_referral_id is None:
        return ContactLinkBar.CLOSED
    with transaction(actor) as session:
        made = make_link(session, onward_referral_id, ContactLinkOccasion.NOTICE, at=at)
        if isinstance(made, MadeLink) or made not in RING_INSTEAD:
            return made
        onward = session.get_one(OnwardReferral, onward_referral_id)
        ask_to_reach_contact(
            session, onward_referral_id, onward.referral_id, problem=RING_INSTEAD[made], at=at
        )
    return made


def _drop(session: Session, link: MadeLink | None, at: datetime) -> None:
    if link is not None:
        drop_unsent_link(session, link, at=at)


def _moment(at: datetime, started: float) -> datetime:
    """Now, counted on from the moment of the call."""
    return at + timedelta(seconds=time.monotonic() - started)
