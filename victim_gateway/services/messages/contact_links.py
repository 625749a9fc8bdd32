"""Making a link for the registered contact of a service, and ending links."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from victim_gateway.contact_link_vocabulary import ContactLinkEnding, ContactLinkOccasion
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.database.transaction import as_service
from victim_gateway.models import ContactLink, OnwardReferral
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
    session: Session,
    onward_referral_id: UUID,
    occasion: ContactLinkOccasion,
    *,
    at: datetime,
    created_by_id: UUID | None = None,
) -> MadeLink | None:
    """A new link to the registered contact; those before it that were not used end. None where none may be sent.

    A session that has begun goes on: an e-mail must not throw its reader out. As a background task.
    """
    # Two at once would both leave theirs: the onward referral first, as everywhere.
    session.execute(
        select(OnwardReferral.id).where(OnwardReferral.id == onward_referral_id).with_for_update()
    )
    contact = find_standing_contact(session, onward_referral_id, at=at)
    if contact is None:
        return None
    end_links(
        session,
        ContactLink.onward_referral_id == onward_referral_id,
        ContactLink.used_at.is_(None),
        ending=ContactLinkEnding.REPLACED,
        at=at,
    )
    token = secrets.token_urlsafe(TOKEN_BYTES)
    link = ContactLink(
        id=new_row_id(),
        onward_referral_id=onward_referral_id,
        service_id=contact.service_id,
        contact_id=contact.contact_id,
        sent_to=contact.email,
        occasion=occasion,
        token_hash=hash_link_token(session, token),
        created_at=at,
        created_by_id=created_by_id,
        expires_at=at + LINK_LASTS,
    )
    session.add(link)
    record_audit(
        session,
        "contact_link.made",
        subject_type="onward_referral",
        subject_id=onward_referral_id,
        link_id=str(link.id),
        occasion=occasion.value,
    )
    return MadeLink(link.id, contact, f"{current_settings().public_url}{PATH}{token}", link.expires_at)


def mark_link_sent(session: Session, link_id: UUID, *, at: datetime) -> None:
    """The mail server took the e-mail with this link. As a background task."""
    session.execute(update(ContactLink).where(ContactLink.id == link_id).values(sent_at=at))


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
