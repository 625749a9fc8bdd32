"""A small charity whose registered contact works by link, with its mailbox, for tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from flask import Flask

from tests.factories.casework import provider as a_provider
from tests.plumbing.apps import Owner
from tests.plumbing.smtp import Sink
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.contact_link_vocabulary import ContactLinkOccasion
from victim_gateway.database.transaction import transaction
from victim_gateway.models import ContactLink, Outbox, ProviderService, User
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.messages import sending
from victim_gateway.services.messages.contact_link_answers import LinkRequest, answer_link_request
from victim_gateway.services.messages.contact_links import hash_link_token
from victim_gateway.services.messages.contact_sessions import BegunContactSession, begin_contact_session
from victim_gateway.services.messages.registered_contacts import keep_registered_contact
from victim_gateway.services.onward_referrals.contact_links import send_asked_link
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ConsentHow, HandoverPart, TaskName
from workers import messages as message_tasks

NAME, MAILBOX = "Ann Lee", "ann@small-charity.example"
_LINK = re.compile(r"/by-link/([A-Za-z0-9_-]+)")
_CODE = re.compile(r"Your code is (\d{8})")
WORKER = Actor.worker("tests")
ANYBODY = Actor.signing_in("192.0.2.77")


@dataclass(frozen=True)
class Charity:
    """The charity: its organisation and its one service."""

    organisation_id: UUID
    service_id: UUID


def a_charity(owner: Owner, *, at: datetime, key: str = "small-charity", email: str = MAILBOX) -> Charity:
    """A provider without accounts, whose service has a registered contact."""
    organisation_id, service_id = a_provider(owner, key=key, has_account=False)
    register(service_id, NAME, email, at=at)
    return Charity(organisation_id, service_id)


def register(service_id: UUID, name: str | None, email: str | None, *, at: datetime) -> None:
    """Name the contact of a service, as the directory does."""
    with transaction(WORKER) as session:
        service = session.get_one(ProviderService, service_id)
        service.contact_name, service.contact_email = name, email
        session.flush()
        keep_registered_contact(session, service, at=at)


def offer_to(charity: Charity, caseworker: Actor, referral_id: UUID, *, at: datetime) -> UUID:
    """An onward referral to the charity, with all parts."""
    return onward_referrals.offer_onward_referral(
        Command(caseworker, at),
        referral_id,
        onward_referrals.OfferToProvider(
            service_id=charity.service_id,
            share=tuple(HandoverPart),
            texts=HandoverText(wants="To sleep again."),
            consent=onward_referrals.SharingConsent(agreed=True, how=ConsentHow.SPOKEN, given_at=at),
        ),
    )


@contextmanager
def with_mail(app: Flask, smtp: Sink) -> Iterator[Sink]:
    """A mail server that the app knows of."""
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, smtp_url=smtp.url)
    try:
        yield smtp
    finally:
        app.extensions["settings"] = usual


def mailed_link(smtp: Sink, *, at: datetime) -> str:
    """The token of the newest link, after everything that is due was sent."""
    sending.send_due_messages(actor=WORKER, at=at)
    return newest_link(smtp)


def newest_link(smtp: Sink) -> str:
    """The token of the newest link that arrived."""
    found = [token for mail in smtp.received for token in _LINK.findall(mail.get_content())]
    return found[-1]


def send_asked(owner: Owner, onward_id: UUID, *, at: datetime) -> bool:
    """Send the newest link that a caseworker asked for, as the background task does; whether it left."""
    asked = [link for link in links_of(owner, onward_id) if link.occasion is ContactLinkOccasion.CASEWORKER]
    return send_asked_link(asked[-1].id, actor=WORKER, at=at)


def ask_new_link(token: str, *, at: datetime) -> bool:
    """Ask for a new link by a link, as the background task does; whether one was sent."""
    with transaction(WORKER) as session:
        token_id = UUID(bytes=hash_link_token(session, token))
    return answer_link_request(LinkRequest.NEW_LINK, token_id, actor=WORKER, at=at)


def links_in(smtp: Sink, *, since: int = 0) -> list[str]:
    """The tokens of the links in the e-mails that arrived, from a number of e-mails on."""
    return [token for mail in smtp.received[since:] for token in _LINK.findall(mail.get_content())]


def send_code(token: str, smtp: Sink, *, at: datetime) -> str | None:
    """Send a code for a link, as the background task does; None when none was sent."""
    before = len(smtp.received)
    with transaction(WORKER) as session:
        token_id = UUID(bytes=hash_link_token(session, token))
    answer_link_request(LinkRequest.CODE, token_id, actor=WORKER, at=at)
    return newest_code(smtp) if len(smtp.received) > before else None


def newest_code(smtp: Sink) -> str:
    """The newest code that arrived."""
    found = [code for mail in smtp.received for code in _CODE.findall(mail.get_content())]
    return found[-1]


def begun(token: str, smtp: Sink, *, at: datetime | None = None) -> BegunContactSession:
    """A session by a link, with the code that was sent for it."""
    moment = at or times.now()
    code = send_code(token, smtp, at=moment)
    assert code is not None
    return begin_contact_session(token, code, actor=ANYBODY, at=moment)


def links_of(owner: Owner, onward_id: UUID) -> list[ContactLink]:
    """Every link of an onward referral, oldest first."""
    with owner() as session:
        found = session.query(ContactLink).where(ContactLink.onward_referral_id == onward_id)
        return list(found.order_by(ContactLink.created_at, ContactLink.id))


def contact_of(owner: Owner, charity: Charity) -> User:
    """The contact who can act for the charity."""
    with owner() as session:
        found = session.query(User).where(
            User.contact_service_id == charity.service_id, User.disabled_at.is_(None)
        )
        return found.one()


def run_waiting_tasks(owner: Owner) -> None:
    """What pages asked of background workers for links and e-mails, with the arguments that they wrote, once each."""
    by_name = {
        TaskName.SEND_LINK_CODE: message_tasks.send_link_code,
        TaskName.RENEW_CONTACT_LINK: message_tasks.renew_contact_link,
        TaskName.SEND_CONTACT_LINK: message_tasks.send_contact_link,
        TaskName.SEND_MESSAGE: message_tasks.send_messages,
    }
    with owner() as session:
        named = Outbox.task.in_([name.value for name in by_name])
        waiting = session.query(Outbox).where(named).order_by(Outbox.id).all()
        asked = [(row.task, row.arguments) for row in waiting]
        for row in waiting:
            session.delete(row)
    for name, arguments in asked:
        by_name[TaskName(name)](**arguments)
