"""What the page behind a link asks for, answered by a background task: a code, or a new link, by e-mail.

The page itself looks nothing up. So it says the same, and takes the same time, whether or not a link is ours.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from enum import StrEnum
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.contact_link_vocabulary import ContactLinkOccasion
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.integrations.mail import Mail, MailProblem, mail_server
from victim_gateway.models import ContactLink
from victim_gateway.queries.onward_referrals.standing_contacts import find_standing_contact
from victim_gateway.rules.contact_links import (
    CODE_AGAIN_AFTER,
    CODE_DIGITS,
    CODE_LASTS,
    MOST_CODES,
    MOST_RENEWALS,
    RENEWALS_WITHIN,
)
from victim_gateway.services.accounts import rate_limits
from victim_gateway.services.messages.contact_links import (
    MadeLink,
    hash_link_code,
    hash_link_token,
    make_link,
    mark_link_sent,
)
from victim_gateway.vocabulary import SignInStep, TaskName

log = structlog.get_logger()
FOOT = "Nobody reads answers to this e-mail."


class LinkRequest(StrEnum):
    """What is asked for with a link."""

    CODE = "code"
    NEW_LINK = "new_link"


_TASKS = {
    LinkRequest.CODE: TaskName.SEND_LINK_CODE,
    LinkRequest.NEW_LINK: TaskName.RENEW_CONTACT_LINK,
}


@dataclass(frozen=True, slots=True)
class _CodeToSend:
    recipient: str
    code: str
    reference: str


def ask_by_link(token: str, asked: LinkRequest, *, actor: Actor, at: datetime) -> None:
    """Ask for a code or a new link, of any token: whether it is one is found out later, by the task.

    Counted for the token and for the source, as tries to sign in are. Raises TooManyAttempts, which of both it was is
    not said.
    """
    with transaction(actor) as session:
        with as_service(session):
            token_hash = hash_link_token(session, token)
        attempt_id = rate_limits.begin_attempt(
            session, SignInStep.CONTACT_LINK_ASK, f"contact link {token_hash.hex()}", actor.address, at
        )
        if attempt_id is None:
            record_audit(session, "contact_link.too_many_tries")
        else:
            record_audit(session, f"contact_link.{asked.value}_asked")
            with as_service(session):
                # A queue holds ids and nothing else: the hash is as long as one.
                enqueue_task(session, _TASKS[asked], at, token_id=UUID(bytes=token_hash))
    if attempt_id is None:
        raise rate_limits.TooManyAttempts


def answer_link_request(asked: LinkRequest, token_id: UUID, *, actor: Actor, at: datetime) -> bool:
    """Send what was asked for to the registered contact, and to nobody else; whether anything was sent."""
    token_hash = token_id.bytes
    if asked is LinkRequest.CODE:
        return _send_code(token_hash, actor, at)
    with transaction(actor) as session:
        made = _renew(session, token_hash, at)
    return made is not None and send_link(made, actor=actor, at=at) is None


def send_link(made: MadeLink, *, actor: Actor, at: datetime) -> str | None:
    """Send a link that was made; None, or why it could not be sent."""
    lines = [
        f"Referral {made.contact.reference}",
        "Here is a new link to it. Links that you had before it and did not use have ended.",
        "",
        *describe_link(made),
    ]
    problem = _send(made.contact.email, f"new link, {made.contact.reference}", lines, at)
    if problem is None:
        with transaction(actor) as session:
            mark_link_sent(session, made.link_id, at=at)
    return problem


def describe_link(made: MadeLink) -> list[str]:
    """The lines of an e-mail that hold a link, with how it is used and until when."""
    last = made.expires_at
    return [
        "Open this link, and ask for a code, which comes to this mailbox:",
        made.address,
        f"It works once, until {last:%A} {last.day} {last:%B %Y}. Do not pass it on.",
    ]


def _renew(session: Session, token_hash: bytes, at: datetime) -> MadeLink | None:
    link = session.scalar(select(ContactLink).where(ContactLink.token_hash == token_hash))
    if link is None:
        return None
    renewed = session.scalar(
        select(func.count()).where(
            ContactLink.onward_referral_id == link.onward_referral_id,
            ContactLink.occasion == ContactLinkOccasion.CONTACT,
            ContactLink.created_at > at - RENEWALS_WITHIN,
        )
    )
    # To whom it was sent before no longer counts: a caseworker sends the first link to another contact.
    contact = find_standing_contact(session, link.onward_referral_id, at=at)
    if contact is None or contact.contact_id != link.contact_id or (renewed or 0) >= MOST_RENEWALS:
        return None
    return make_link(session, link.onward_referral_id, ContactLinkOccasion.CONTACT, at=at)


def _send_code(token_hash: bytes, actor: Actor, at: datetime) -> bool:
    with transaction(actor) as session:
        to_send = _new_code(session, token_hash, at)
    if to_send is None:
        return False
    lines = [
        f"Referral {to_send.reference}",
        f"Your code is {to_send.code}. It works for {int(CODE_LASTS.total_seconds() // 60)} minutes.",
        "If you did not ask for it, do nothing, and tell the Gateway.",
    ]
    problem = _send(to_send.recipient, f"your code for {to_send.reference}", lines, at)
    if problem is not None:
        log.warning("contact_link.code_not_sent", problem=problem)
    return problem is None


def _new_code(session: Session, token_hash: bytes, at: datetime) -> _CodeToSend | None:
    link = session.scalar(
        select(ContactLink)
        .where(
            ContactLink.token_hash == token_hash,
            ContactLink.used_at.is_(None),
            ContactLink.ended_at.is_(None),
            ContactLink.expires_at > at,
        )
        .with_for_update()
    )
    if link is None or link.codes_sent >= MOST_CODES:
        return None
    if link.code_asked_at is not None and at - link.code_asked_at < CODE_AGAIN_AFTER:
        return None
    contact = find_standing_contact(session, link.onward_referral_id, at=at)
    if contact is None or contact.contact_id != link.contact_id or contact.email != link.sent_to:
        return None
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    session.execute(
        update(ContactLink)
        .where(ContactLink.id == link.id)
        .values(
            code_hash=hash_link_code(session, link.id, code),
            code_asked_at=at,
            code_expires_at=at + CODE_LASTS,
            codes_sent=ContactLink.codes_sent + 1,
        )
    )
    record_audit(
        session,
        "contact_link.code_sent",
        subject_type="onward_referral",
        subject_id=link.onward_referral_id,
        link_id=str(link.id),
    )
    return _CodeToSend(contact.email, code, contact.reference)


def _send(recipient: str, title: str, lines: list[str], at: datetime) -> str | None:
    """Send one e-mail; None, or why it could not be sent."""
    settings = current_settings()
    server = mail_server(settings.smtp_url)
    if server is None:
        return "No way to send e-mail is set up"
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"
    mail = Mail(
        message_id=f"<{uuid4()}@{domain}>",
        sender=settings.mail_from,
        recipient=recipient,
        subject=f"Victim Gateway: {title}",
        body="\n".join([*lines, "", FOOT, ""]),
        at=at,
    )
    try:
        server.send_mail(mail)
    except MailProblem as problem:
        return str(problem)
    return None
