"""Whether a caseworker let a contact in: without that no link is made, whoever or whatever asks for one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from victim_gateway.contact_link_vocabulary import ContactLinkBar, ContactLinkEnding, ContactLinkOccasion
from victim_gateway.database.transaction import as_service
from victim_gateway.models import (
    CaseEvent,
    ContactLink,
    Message,
    OfferGroup,
    OfferGroupMember,
    ProviderNotice,
    User,
)
from victim_gateway.vocabulary import NoticeKind

_SHUT_BY = (ContactLinkEnding.REVOKED, ContactLinkEnding.LOCKED)
# Offered by a succession of the directory: no caseworker chose whom it reaches.
_BY_SUCCESSION = "onward_referral.taken_over"


def find_link_bar(session: Session, onward_referral_id: UUID, contact_id: UUID) -> ContactLinkBar | None:
    """What keeps links from a contact who stands (`find_standing_contact`); None where a caseworker let them in.

    The last word is a person's: an offer or a link that a caseworker sent to this contact lets them in, and what was
    ended by a caseworker or locked by wrong codes stays shut until one sends a link.
    """
    with as_service(session):
        link = _newest_sent(session, onward_referral_id, contact_id)
        sent_at = link.created_at if link else _offered_at(session, onward_referral_id, contact_id)
        if sent_at is None:
            return ContactLinkBar.UNKNOWN_CONTACT
        # Whatever the clocks of two machines say.
        if link is not None and link.ending in _SHUT_BY:
            return ContactLinkBar.SHUT
        shut_at = session.scalar(
            select(func.max(ContactLink.ended_at)).where(
                ContactLink.onward_referral_id == onward_referral_id, ContactLink.ending.in_(_SHUT_BY)
            )
        )
    return ContactLinkBar.SHUT if shut_at is not None and shut_at >= sent_at else None


def _newest_sent(session: Session, onward_referral_id: UUID, contact_id: UUID) -> Any:
    """The newest link that a caseworker sent to this contact."""
    return session.execute(
        select(ContactLink.created_at, ContactLink.ending)
        .where(
            ContactLink.onward_referral_id == onward_referral_id,
            ContactLink.contact_id == contact_id,
            ContactLink.occasion == ContactLinkOccasion.CASEWORKER,
        )
        .order_by(ContactLink.created_at.desc(), ContactLink.id.desc())
        .limit(1)
    ).one_or_none()


def _offered_at(session: Session, onward_referral_id: UUID, contact_id: UUID) -> datetime | None:
    """When the offer was written to this contact; of a group, whom the caseworker chose when they began it."""
    chosen_later = (
        select(OfferGroupMember.id)
        .join(OfferGroup, OfferGroup.id == OfferGroupMember.offer_group_id)
        .join(User, User.id == contact_id)
        .where(
            OfferGroupMember.onward_referral_id == onward_referral_id, User.created_at > OfferGroup.created_at
        )
    )
    by_succession = (
        CaseEvent.onward_referral_id == onward_referral_id,
        CaseEvent.event == _BY_SUCCESSION,
    )
    return session.scalar(
        select(func.max(Message.created_at))
        .join(ProviderNotice, ProviderNotice.id == Message.notice_id)
        .where(
            ProviderNotice.onward_referral_id == onward_referral_id,
            ProviderNotice.kind == NoticeKind.NEW_OFFER,
            Message.recipient_user_id == contact_id,
            ~chosen_later.exists(),
            ~exists().where(*by_succession),
        )
    )
