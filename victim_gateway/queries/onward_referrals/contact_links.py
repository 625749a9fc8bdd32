"""The links of one onward referral, as a caseworker sees them: to whom, since when, until when, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from victim_gateway.contact_link_vocabulary import ContactLinkBar, ContactLinkEnding
from victim_gateway.database.transaction import as_service
from victim_gateway.models import ContactLink, DirectoryChange, OnwardReferral, ProviderService, User
from victim_gateway.queries.onward_referrals.link_bars import find_link_bar
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

    @property
    def waits(self) -> bool:
        """Whether it is still to be sent."""
        return self.sent_at is None and self.ended_at is None

    def stands(self, at: datetime) -> bool:
        """Whether it may still open the referral, as a link or as the session that it began."""
        if self.ended_at is not None:
            return False
        return at - self.used_at <= SESSION_LASTS if self.used_at else self.expires_at > at


@dataclass(frozen=True, slots=True)
class PhoneChange:
    """That the number in the directory is another since the referral was offered: ringing it proves nothing."""

    changed_at: datetime
    by: str
    number_before: str | None


@dataclass(frozen=True, slots=True)
class ContactChange:
    """Who named the contact of now, when, and who was it before; None where the directory does not say."""

    changed_at: datetime
    by: str | None
    name_before: str | None
    email_before: str | None
    phone: PhoneChange | None


@dataclass(frozen=True, slots=True)
class CaseLinks:
    """The registered contact of the service, and the newest links of the onward referral, newest first.

    `bar`: why no link goes out with e-mails. `change`: how this contact was named, where no caseworker has sent them
    the referral yet.
    """

    contact_name: str
    contact_email: str
    links: tuple[CaseLink, ...]
    bar: ContactLinkBar | None
    change: ContactChange | None

    def can_be_ended(self, at: datetime) -> bool:
        """Whether any link stands, or e-mails would bring one."""
        return self.bar is None or any(link.stands(at) for link in self.links)


def links_of_case(session: Session, onward_referral_id: UUID) -> CaseLinks | None:
    """The contact and the links of an onward referral that the reader may see; None: the service has no contact."""
    contact = session.execute(
        select(
            ProviderService.id.label("service_id"),
            ProviderService.contact_name,
            ProviderService.contact_email,
            OnwardReferral.offered_at,
        )
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
    links = tuple(CaseLink(*row) for row in rows)
    # Who may be sent a link, and who named them, is not for every reader of the case's tables.
    with as_service(session):
        named = session.execute(
            select(User.id, User.created_at).where(
                User.contact_service_id == contact.service_id, User.disabled_at.is_(None)
            )
        ).one_or_none()
        bar = find_link_bar(session, onward_referral_id, named.id) if named else ContactLinkBar.CLOSED
        is_unknown = named is not None and bar is ContactLinkBar.UNKNOWN_CONTACT
        change = None
        if named and is_unknown:
            change = _change_of(session, contact.service_id, named.created_at, contact.offered_at)
    return CaseLinks(contact.contact_name, contact.contact_email, links, bar, change)


def _change_of(session: Session, service_id: UUID, named_at: datetime, offered_at: datetime) -> ContactChange:
    before = session.execute(
        select(User.name, User.contact_email)
        .where(User.contact_service_id == service_id, User.disabled_at.is_not(None))
        .order_by(User.disabled_at.desc(), User.id.desc())
        .limit(1)
    ).one_or_none()
    changes = (
        select(DirectoryChange)
        .where(DirectoryChange.service_id == service_id)
        .order_by(DirectoryChange.changed_at.desc(), DirectoryChange.id.desc())
        .limit(1)
    )
    named = session.scalar(
        changes.where(
            DirectoryChange.changed_at == named_at,
            DirectoryChange.after.has_any(array(["contact_name", "contact_email"])),
        )
    )
    phone = session.scalar(
        changes.where(DirectoryChange.changed_at >= offered_at, DirectoryChange.before.has_key("phone"))
    )
    return ContactChange(
        changed_at=named_at,
        by=named.by_name if named else None,
        name_before=before.name if before else None,
        email_before=before.contact_email if before else None,
        phone=PhoneChange(phone.changed_at, phone.by_name, phone.before["phone"]) if phone else None,
    )
