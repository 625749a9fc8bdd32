"""The links of one onward referral, as a caseworker sees them: to whom, since when, until when, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.contact_link_vocabulary import ContactLinkEnding
from victim_gateway.models import ContactLink, OnwardReferral, ProviderService
from victim_gateway.rules.contact_links import SESSION_LASTS

MOST_LINKS = 5


@dataclass(frozen=True, slots=True)
class CaseLink:
    """One link, without anything that would open it."""

    sent_to: str
    created_at: datetime
    sent_at: datetime | None
    expires_at: datetime
    code_asked_at: datetime | None
    used_at: datetime | None
    ended_at: datetime | None
    ending: ContactLinkEnding | None

    def stands(self, at: datetime) -> bool:
        """Whether it may still open the referral, as a link or as the session that it began."""
        if self.ended_at is not None:
            return False
        return at - self.used_at <= SESSION_LASTS if self.used_at else self.expires_at > at


@dataclass(frozen=True, slots=True)
class CaseLinks:
    """The registered contact of the service, and the newest links of the onward referral, newest first."""

    contact_name: str
    contact_email: str
    links: tuple[CaseLink, ...]

    def can_be_ended(self, at: datetime) -> bool:
        """Whether any link stands."""
        return any(link.stands(at) for link in self.links)


def links_of_case(session: Session, onward_referral_id: UUID) -> CaseLinks | None:
    """The contact and the links of an onward referral that the reader may see; None: the service has no contact."""
    contact = session.execute(
        select(ProviderService.contact_name, ProviderService.contact_email)
        .join(OnwardReferral, OnwardReferral.service_id == ProviderService.id)
        .where(OnwardReferral.id == onward_referral_id)
    ).one_or_none()
    if contact is None or contact.contact_email is None:
        return None
    shown = [getattr(ContactLink, name) for name in CaseLink.__dataclass_fields__]
    rows = session.execute(
        select(*shown)
        .where(ContactLink.onward_referral_id == onward_referral_id)
        .order_by(ContactLink.created_at.desc(), ContactLink.id)
        .limit(MOST_LINKS)
    )
    return CaseLinks(contact.contact_name, contact.contact_email, tuple(CaseLink(*row) for row in rows))
