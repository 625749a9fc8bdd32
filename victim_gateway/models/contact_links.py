"""Links by which the registered contact of a service works without an account, and the sessions that they begin."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.contact_link_vocabulary import ContactLinkEnding, ContactLinkOccasion
from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id


class ContactLink(Base):
    """One link that was made for one onward referral, to the contact and the address registered at that moment.

    `token_hash` is keyed, and the token is kept nowhere; without one, a caseworker asked for a link that was not sent
    yet. `code_hash` is of the last code that was sent. `used_at`: with
    the right code a session began, and the link opens nothing more. Whether it still holds is asked at each request,
    of this row and of all that it hangs on (`queries.onward_referrals.standing_contacts`).
    """

    __tablename__ = "contact_link"
    __table_args__ = (
        Index("uq_contact_link_token_hash", "token_hash", unique=True),
        Index("ix_contact_link_onward_referral_id", "onward_referral_id"),
        CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="end_has_reason"),
        CheckConstraint("(code_hash IS NULL) = (code_expires_at IS NULL)", name="code_runs_out"),
        CheckConstraint("octet_length(token_hash) >= 16", name="hash_size"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"))
    service_id: Mapped[UUID] = mapped_column(ForeignKey("provider_service.id"))
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sent_to: Mapped[str] = mapped_column(Text)
    occasion: Mapped[ContactLinkOccasion]
    token_hash: Mapped[bytes | None]
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    sent_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    code_hash: Mapped[bytes | None]
    code_asked_at: Mapped[datetime | None]
    code_expires_at: Mapped[datetime | None]
    codes_sent: Mapped[int] = mapped_column(default=0, server_default="0")
    wrong_codes: Mapped[int] = mapped_column(default=0, server_default="0")
    used_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ending: Mapped[ContactLinkEnding | None]


class ContactLinkSession(Base):
    """The one browser in which a link was used. The cookie holds a random value; only its hash is here."""

    __tablename__ = "contact_link_session"
    __table_args__ = (Index("uq_contact_link_session_link_id", "link_id", unique=True),)

    id_hash: Mapped[bytes] = mapped_column(primary_key=True)
    link_id: Mapped[UUID] = mapped_column(ForeignKey("contact_link.id"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
