"""Sessions of registered contacts: begun once with a link and its code, for one onward referral."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import DATABASE_ROLES, Actor
from victim_gateway.contact_link_vocabulary import ContactLinkEnding
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.kept_wordings import use_wordings
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.models import ContactLink, ContactLinkSession, ListEntryChange
from victim_gateway.queries.onward_referrals.standing_contacts import StandingContact, find_standing_contact
from victim_gateway.rules.contact_links import (
    MOST_WRONG_CODES,
    SESSION_IDLE,
    SESSION_LASTS,
    TOKEN_BYTES,
    contact_title,
)
from victim_gateway.services.accounts import rate_limits
from victim_gateway.services.messages.contact_links import end_links, hash_link_code, hash_link_token
from victim_gateway.vocabulary import Role, SignInStep

WRONG_CODE = (
    "This code does not open the link. Check the newest e-mail, or ask for a new code. If that does not help, the"
    " link has ended: ask for a new link."
)


@dataclass(frozen=True, slots=True)
class BegunContactSession:
    """A session that has just begun: its cookie, and the onward referral that it is for."""

    cookie: str
    onward_referral_id: UUID


@dataclass(frozen=True, slots=True)
class LiveContactSession:
    """A session that stands at this moment, with its contact as the directory names them."""

    id_hash: bytes
    link_id: UUID
    contact: StandingContact

    def actor(self, actor: Actor) -> Actor:
        """The contact, in the request of `actor`: a provider's rights, narrowed by the link."""
        return Actor(
            database_role=DATABASE_ROLES[Role.PROVIDER],
            name=contact_title(self.contact.name, self.contact.organisation_name),
            user_id=self.contact.contact_id,
            organisation_id=self.contact.organisation_id,
            role=Role.PROVIDER,
            address=actor.address,
            correlation_id=actor.correlation_id,
            contact_link_id=self.link_id,
        )


def begin_contact_session(token: str, code: str, *, actor: Actor, at: datetime) -> BegunContactSession:
    """Use a link up with its code, and begin the one session that it opens.

    Raises InvalidInput with one answer for a wrong code, an unknown link and one that holds no more, and
    TooManyAttempts. After MOST_WRONG_CODES wrong codes the link is locked for good.
    """
    with transaction(actor) as session:
        with as_service(session):
            token_hash = hash_link_token(session, token)
        named = f"contact link {token_hash.hex()}"
        attempt_id = rate_limits.begin_attempt(
            session, SignInStep.CONTACT_LINK_CODE, named, actor.address, at
        )
        begun = None
        if attempt_id is None:
            record_audit(session, "contact_link.too_many_tries")
        else:
            with as_service(session):
                begun = _use_link(session, token_hash, code, at)
            if begun is not None:
                rate_limits.mark_attempt_succeeded(session, attempt_id)
    if attempt_id is None:
        raise rate_limits.TooManyAttempts
    if begun is None:
        raise InvalidInput(WRONG_CODE, fields={"code": WRONG_CODE})
    return begun


def look_up_contact_session(
    cookie: str, onward_referral_id: UUID, *, actor: Actor, at: datetime
) -> LiveContactSession | None:
    """The session of a cookie, for this onward referral and no other; None when it does not stand any more.

    Everything that it hangs on is read afresh: the link, the contact in the directory, the case and its consent.
    """
    with transaction(actor) as session, as_service(session):
        row = session.execute(
            select(
                ContactLinkSession.id_hash,
                ContactLinkSession.created_at,
                ContactLinkSession.last_seen_at,
                ContactLink.id.label("link_id"),
                ContactLink.contact_id,
                ContactLink.sent_to,
                select(ListEntryChange.id)
                .order_by(ListEntryChange.id.desc())
                .limit(1)
                .scalar_subquery()
                .label("lists_stamp"),
            )
            .join(ContactLink, ContactLink.id == ContactLinkSession.link_id)
            .where(
                ContactLinkSession.id_hash == _cookie_hash(cookie),
                ContactLinkSession.ended_at.is_(None),
                ContactLink.ended_at.is_(None),
                ContactLink.onward_referral_id == onward_referral_id,
            )
        ).one_or_none()
        if row is None or at - row.created_at > SESSION_LASTS or at - row.last_seen_at > SESSION_IDLE:
            return None
        contact = find_standing_contact(session, onward_referral_id, at=at)
        if contact is None or contact.contact_id != row.contact_id or contact.email != row.sent_to:
            return None
        use_wordings(session, row.lists_stamp)
        seen = update(ContactLinkSession).where(
            ContactLinkSession.id_hash == row.id_hash, ContactLinkSession.last_seen_at < at
        )
        session.execute(seen.values(last_seen_at=at))
    return LiveContactSession(row.id_hash, row.link_id, contact)


def end_contact_session(live: LiveContactSession, *, actor: Actor, at: datetime) -> None:
    """The contact leaves: neither the cookie nor the link opens anything any more."""
    with transaction(actor) as session:
        with as_service(session):
            mine = update(ContactLinkSession).where(ContactLinkSession.id_hash == live.id_hash)
            session.execute(mine.values(ended_at=at))
        end_links(session, ContactLink.id == live.link_id, ending=ContactLinkEnding.FINISHED, at=at)
        record_audit(
            session,
            "contact_link.left",
            subject_type="onward_referral",
            subject_id=live.contact.onward_referral_id,
        )


def _use_link(session: Session, token_hash: bytes, code: str, at: datetime) -> BegunContactSession | None:
    """One try. The same statements for a link that is not there and one whose code is wrong."""
    link = session.scalar(select(ContactLink).where(ContactLink.token_hash == token_hash).with_for_update())
    expected = link.code_hash if link is not None and link.code_hash else secrets.token_bytes(16)
    link_id = link.id if link is not None else UUID(int=0)
    is_right = hmac.compare_digest(hash_link_code(session, link_id, code), expected)
    if link is None or not is_right or not _is_usable(link, at):
        _count_wrong_code(session, token_hash, at)
        record_audit(
            session,
            "contact_link.refused",
            subject_type="onward_referral" if link else None,
            subject_id=link.onward_referral_id if link else None,
        )
        return None
    contact = find_standing_contact(session, link.onward_referral_id, at=at)
    if contact is None or contact.contact_id != link.contact_id or contact.email != link.sent_to:
        record_audit(
            session,
            "contact_link.refused",
            subject_type="onward_referral",
            subject_id=link.onward_referral_id,
        )
        return None
    link.used_at, link.code_hash, link.code_expires_at = at, None, None
    cookie = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        ContactLinkSession(id_hash=_cookie_hash(cookie), link_id=link.id, created_at=at, last_seen_at=at)
    )
    session.flush()
    record_audit(
        session,
        "contact_link.used",
        subject_type="onward_referral",
        subject_id=link.onward_referral_id,
        link_id=str(link.id),
        contact_id=str(link.contact_id),
    )
    return BegunContactSession(cookie, link.onward_referral_id)


def _is_usable(link: ContactLink, at: datetime) -> bool:
    return (
        link.used_at is None
        and link.ended_at is None
        and link.expires_at > at
        and link.code_expires_at is not None
        and link.code_expires_at > at
    )


def _count_wrong_code(session: Session, token_hash: bytes, at: datetime) -> None:
    is_last = ContactLink.wrong_codes + 1 >= MOST_WRONG_CODES
    session.execute(
        update(ContactLink)
        .where(
            ContactLink.token_hash == token_hash,
            ContactLink.used_at.is_(None),
            ContactLink.ended_at.is_(None),
        )
        .values(
            wrong_codes=ContactLink.wrong_codes + 1,
            ended_at=case((is_last, at), else_=None),
            ending=case((is_last, ContactLinkEnding.LOCKED.value), else_=None),
        )
    )


def _cookie_hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
