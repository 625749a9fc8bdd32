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

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.contact_link_vocabulary import ContactLinkOccasion
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.integrations.mail import Mail, MailProblem, mail_server
from victim_gateway.models import ContactLink
from victim_gateway.queries.onward_referrals.standing_contacts import StandingContact, find_standing_contact
from victim_gateway.rules.contact_links import (
    CODE_AGAIN_AFTER,
    CODE_DIGITS,
    CODE_LASTS,
    MOST_CODES,
    MOST_RENEWALS,
    RENEWALS_WITHIN,
    RENEWED_AGAIN_AFTER,
)
from victim_gateway.services.accounts import rate_limits
from victim_gateway.services.messages.contact_links import (
    MadeLink,
    drop_unsent_link,
    hash_link_code,
    hash_link_token,
    lock_links,
    make_link,
    mark_link_sent,
)
from victim_gateway.services.messages.contact_tasks import ask_to_reach_contact
from victim_gateway.services.messages.send_checks import NOT_INVENTED, is_invented_address
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
    link_id: UUID
    contact: StandingContact
    code: str


def ask_by_link(token: str, asked: LinkRequest, *, actor: Actor, at: datetime) -> None:
    """Ask for a code or a new link, of any token: whether it is one is found out later, by the task.

    Counted for the token at each source, so that a stranger's tries don't keep the contact out, and for the source, as
    tries to sign in are. Raises TooManyAttempts, which of both it was is not said.
    """
    with transaction(actor) as session:
        with as_service(session):
            token_hash = hash_link_token(session, token)
        attempt_id = rate_limits.begin_attempt(
            session,
            SignInStep.CONTACT_LINK_ASK,
            f"contact link {token_hash.hex()} {actor.address}",
            actor.address,
            at,
        )
        if attempt_id is None:
            record_audit(session, "contact_link.too_many_tries")
        else:
            record_audit(session, f"contact_link.{asked.value}_asked")
            with as_service(session):
                # A queue holds no secrets: the hash is as long as an id.
                enqueue_task(
                    session, _TASKS[asked], at, token_id=UUID(bytes=token_hash), asked_at=at.isoformat()
                )
    if attempt_id is None:
        raise rate_limits.TooManyAttempts


def answer_link_request(
    asked: LinkRequest, token_id: UUID, *, actor: Actor, at: datetime, asked_at: datetime | None = None
) -> bool:
    """Send what was asked for to the registered contact, and to nobody else; whether anything was sent.

    A code that was asked for longer ago than codes last is not sent: its reader has gone. Where an e-mail does not
    leave, a caseworker gets a task.
    """
    token_hash = token_id.bytes
    if asked is LinkRequest.CODE:
        is_late = asked_at is not None and at - asked_at >= CODE_LASTS
        return not is_late and _send_code(token_hash, actor, at)
    with transaction(actor) as session:
        made = _renew(session, token_hash, at)
    if made is None:
        return False
    problem = send_link(made, actor=actor, at=at)
    if problem is not None:
        _ask_caseworker(made.contact, problem, actor, at)
    return problem is None


def send_link(made: MadeLink, *, actor: Actor, at: datetime) -> str | None:
    """Send a link that was made; None, or why it could not be sent."""
    lines = [
        f"Referral {made.contact.reference}",
        "Here is a new link to it. Links that you had before it and did not use have ended.",
        "",
        *describe_link(made),
    ]
    problem = _send(made.contact.email, f"new link, {made.contact.reference}", lines, at)
    with transaction(actor) as session:
        settle = mark_link_sent if problem is None else drop_unsent_link
        settle(session, made, at=at)
    return problem


def describe_link(made: MadeLink) -> list[str]:
    """The lines of an e-mail that hold a link, with how it is used and until when."""
    last = made.expires_at.astimezone(times.LONDON)
    return [
        "Open this link, and ask for a code, which comes to this mailbox:",
        made.address,
        f"It works once, until {last:%A} {last.day} {last:%B %Y} at {last:%H:%M}. Do not pass it on.",
    ]


def _renew(session: Session, token_hash: bytes, at: datetime) -> MadeLink | None:
    asked_by = session.scalar(select(ContactLink).where(ContactLink.token_hash == token_hash))
    if asked_by is None:
        return None
    onward_referral_id = asked_by.onward_referral_id
    # Counted under the lock: two at once must not pass the limit together.
    lock_links(session, onward_referral_id)
    newest = session.scalars(
        select(ContactLink)
        .where(ContactLink.onward_referral_id == onward_referral_id, ContactLink.sent_at.is_not(None))
        .order_by(ContactLink.created_at.desc(), ContactLink.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).first()
    # An older one may be in other hands: it must not end the one that its contact has.
    if newest is None or newest.id != asked_by.id or _is_fresh(newest, at):
        return None
    renewed = session.scalar(
        select(func.count()).where(
            ContactLink.onward_referral_id == onward_referral_id,
            ContactLink.occasion == ContactLinkOccasion.CONTACT,
            ContactLink.sent_at.is_not(None),
            ContactLink.created_at > at - RENEWALS_WITHIN,
        )
    )
    if (renewed or 0) >= MOST_RENEWALS:
        return None
    made = make_link(session, onward_referral_id, ContactLinkOccasion.CONTACT, at=at)
    return made if isinstance(made, MadeLink) else None


def _is_fresh(link: ContactLink, at: datetime) -> bool:
    """Whether it was sent a moment ago and still stands."""
    return (
        link.sent_at is not None
        and at - link.sent_at < RENEWED_AGAIN_AFTER
        and link.ended_at is None
        and link.used_at is None
    )


def _send_code(token_hash: bytes, actor: Actor, at: datetime) -> bool:
    with transaction(actor) as session:
        to_send = _new_code(session, token_hash, at)
    if to_send is None:
        return False
    reference = to_send.contact.reference
    lines = [
        f"Referral {reference}",
        f"Your code is {to_send.code}. It works for {int(CODE_LASTS.total_seconds() // 60)} minutes.",
        "If you did not ask for it, do nothing, and tell the Gateway.",
    ]
    problem = _send(to_send.contact.email, f"your code for {reference}", lines, at)
    if problem is not None:
        log.warning("contact_link.code_not_sent", problem=problem)
        _forget_code(to_send.link_id, actor)
        _ask_caseworker(to_send.contact, problem, actor, at)
    return problem is None


def _forget_code(link_id: UUID, actor: Actor) -> None:
    """The code did not leave: another can be asked for at once."""
    with transaction(actor) as session:
        session.execute(
            update(ContactLink)
            .where(ContactLink.id == link_id, ContactLink.used_at.is_(None))
            .values(code_hash=None, code_expires_at=None, code_asked_at=None)
        )


def _ask_caseworker(contact: StandingContact, problem: str, actor: Actor, at: datetime) -> None:
    with transaction(actor) as session:
        ask_to_reach_contact(session, contact.onward_referral_id, contact.referral_id, problem=problem, at=at)


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
    return _CodeToSend(link.id, contact, code)


def _send(recipient: str, title: str, lines: list[str], at: datetime) -> str | None:
    """Send one e-mail; None, or why it could not be sent."""
    settings = current_settings()
    if not settings.is_production and not is_invented_address(recipient):
        return NOT_INVENTED
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
