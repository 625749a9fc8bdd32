"""Making a link for the registered contact of a service, and ending links."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from victim_gateway.contact_link_vocabulary import ContactLinkBar, ContactLinkEnding, ContactLinkOccasion
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.database.transaction import as_service
from victim_gateway.models import ContactLink, OnwardReferral
from victim_gateway.queries.onward_referrals.link_bars import find_link_bar
from victim_gateway.queries.onward_referrals.standing_contacts import StandingContact, find_standing_contact
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.contact_links import LINK_LASTS, TOKEN_BYTES

PATH = "/by-link/"
_TOKEN, _CODE = "contact link", "contact link code"


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link that was made this moment, with the only copy of its address."""

    link_id: UUID
    contact: StandingContact
    address: str
    expires_at: datetime


def hash_link_token(session: Session, token: str) -> bytes:
    """What is kept of a link's token: keyed, so that a copy of the database opens nothing."""
    return current_blind_index(session).hash_value(_TOKEN, token)


def hash_link_code(session: Session, link_id: UUID, code: str) -> bytes:
    """What is kept of a code, which belongs to one link."""
    return current_blind_index(session).hash_value(_CODE, f"{link_id}:{code}")


def make_link(
    session: Session, onward_referral_id: UUID, occasion: ContactLinkOccasion, *, at: datetime
) -> MadeLink | ContactLinkBar:
    """A new link to the registered contact, or why none is made. As a background task.

    Those before it stand until this one has left (`mark_link_sent`), and a session that has begun goes on: an e-mail
    must not throw its reader out.
    """
    lock_links(session, onward_referral_id)
    contact = find_standing_contact(session, onward_referral_id, at=at)
    if contact is None:
        return ContactLinkBar.CLOSED
    bar = find_link_bar(session, onward_referral_id, contact.contact_id)
    if bar is not None:
        return bar
    link = new_link(contact, occasion, at=at)
    session.add(link)
    return complete_link(session, link, contact, at=at)


def lock_links(session: Session, onward_referral_id: UUID) -> None:
    """Let nobody else make or end links of an onward referral until the end of the transaction."""
    # The onward referral first, as everywhere.
    session.execute(
        select(OnwardReferral.id).where(OnwardReferral.id == onward_referral_id).with_for_update()
    )


def new_link(
    contact: StandingContact,
    occasion: ContactLinkOccasion,
    *,
    at: datetime,
    created_by_id: UUID | None = None,
) -> ContactLink:
    """The row of a link without a token, which opens nothing yet."""
    return ContactLink(
        id=new_row_id(),
        onward_referral_id=contact.onward_referral_id,
        service_id=contact.service_id,
        contact_id=contact.contact_id,
        sent_to=contact.email,
        occasion=occasion,
        created_at=at,
        created_by_id=created_by_id,
        expires_at=at + LINK_LASTS,
    )


def complete_link(session: Session, link: ContactLink, contact: StandingContact, *, at: datetime) -> MadeLink:
    """Give a link its token, at the moment when its e-mail is sent. As a background task."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    link.token_hash, link.expires_at = hash_link_token(session, token), at + LINK_LASTS
    session.flush()
    record_audit(
        session,
        "contact_link.made",
        subject_type="onward_referral",
        subject_id=link.onward_referral_id,
        link_id=str(link.id),
        occasion=link.occasion.value,
    )
    return MadeLink(link.id, contact, f"{current_settings().public_url}{PATH}{token}", link.expires_at)


def mark_link_sent(session: Session, made: MadeLink, *, at: datetime) -> None:
    """The mail server took the e-mail with this link: those before it that were not used end. As a background task."""
    session.execute(update(ContactLink).where(ContactLink.id == made.link_id).values(sent_at=at))
    end_links(
        session,
        ContactLink.onward_referral_id == made.contact.onward_referral_id,
        ContactLink.id != made.link_id,
        ContactLink.used_at.is_(None),
        # One that a caseworker asked for and that still waits goes its own way.
        ContactLink.token_hash.is_not(None),
        ending=ContactLinkEnding.REPLACED,
        at=at,
    )


def drop_unsent_link(session: Session, made: MadeLink, *, at: datetime) -> None:
    """The e-mail with this link did not leave: it opens nothing, and the one before goes on."""
    end_links(session, ContactLink.id == made.link_id, ending=ContactLinkEnding.REPLACED, at=at)


def end_links(
    session: Session, *which: ColumnElement[bool], ending: ContactLinkEnding, at: datetime
) -> list[UUID]:
    """End the links that stand, of those named; sessions that they began are over at their next request."""
    with as_service(session):
        return list(
            session.scalars(
                update(ContactLink)
                .where(*which, ContactLink.ended_at.is_(None))
                .values(ended_at=at, ending=ending)
                .returning(ContactLink.id)
            )
        )
