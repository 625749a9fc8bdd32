"""People, and their answers about contact and sharing. All identifying data is sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import ConsentGiver, ConsentHow, ConsentPurpose, SafeAnswer


class Person(Base):
    """A person, or a business, known to the service through one or more referrals.

    `sealed` is one document: title, given_name, family_name, date_of_birth, sex, phone, email,
    address_line_1, address_line_2, town, postcode, language, communication_needs, organisation_name,
    organisation_contact. The `_hash` columns are keyed hashes of normalised values, for exact search.
    """

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'business')", name="kind"),
        # An import looks for each new number among those it has just written: none may wait to be sorted in.
        Index(
            "ix_person_phone_hashes",
            "phone_hashes",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
        Index("ix_person_name_tokens", "name_tokens", postgresql_using="gin"),
        # A long list of entries that are not sorted in yet would be read by every search.
        Index(
            "ix_person_search_parts",
            "search_parts",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 512},
            postgresql_where=text("search_parts IS NOT NULL"),
        ),
        Index(
            "ix_person_without_search_parts",
            "id",
            postgresql_where=text("search_parts IS NULL AND erased_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    kind: Mapped[str] = mapped_column(default="person")
    # Checked once a statement (models/keys.py).
    key_id: Mapped[UUID]
    sealed: Mapped[bytes]
    victim_reference_hash: Mapped[bytes | None] = mapped_column(unique=True)
    name_dob_hash: Mapped[bytes | None] = mapped_column(index=True)
    dob_hash: Mapped[bytes | None] = mapped_column(index=True)
    phone_hashes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), default=list)
    email_hash: Mapped[bytes | None] = mapped_column(index=True)
    postcode_hash: Mapped[bytes | None] = mapped_column(index=True)
    name_tokens: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list)
    # The number of the import batch that brought the document, under "*", and of each field that a later one did: an
    # earlier file that ends later overwrites none of them.
    field_batches: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    # Keyed parts of names and phone numbers; None where they are still to be worked out by the index pass.
    search_parts: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    # Fields of the document that a caseworker corrected: an import never overwrites them.
    corrected_fields: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    restricted: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class SafeContactPlan(Base):
    """How and when a person may be reached without harm. Never edited: a change is a new version.

    `sealed` (person's key): channels (phone, sms, email, post, voicemail -> yes/no/unknown), number,
    address, days, from_time, until_time, code_word, who_may_answer, say_we_are, withhold_number, words.
    `safe` is the short answer that lists may show.
    """

    __tablename__ = "safe_contact_plan"
    __table_args__ = (
        Index("uq_safe_contact_plan_version", "person_id", "version", unique=True),
        Index(
            "uq_safe_contact_plan_one_current",
            "person_id",
            unique=True,
            postgresql_where=text("superseded_at IS NULL"),
        ),
        Index(
            "ix_safe_contact_plan_checked_at",
            "checked_at",
            postgresql_where=text("superseded_at IS NULL AND safe = 'yes'"),
        ),
        Index("ix_safe_contact_plan_details", "detail_hashes", postgresql_using="gin"),
        CheckConstraint("safe <> 'yes' OR checked_at IS NOT NULL", name="safe_only_when_checked"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    version: Mapped[int]
    safe: Mapped[SafeAnswer]
    safe_channels: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    sealed: Mapped[bytes]
    # The source of the answers: 'police_feed', 'person', 'caseworker', 'agency'.
    stated_by: Mapped[str]
    checked_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    superseded_at: Mapped[datetime | None]
    # Keyed hashes of its number and email, or of those on record: whether another person's is unsafe here.
    detail_hashes: Mapped[list[bytes]] = mapped_column(
        ARRAY(LargeBinary), default=list, server_default=text("'{}'")
    )


class Consent(Base):
    """One answer to one question about sharing. Never edited; withdrawing closes it, a new answer is a new row.

    `scope` names the parts of a handover that a yes to sharing is limited to; empty: as agreed for each handover.
    `sealed` (person's key): who answered, where another than the person; where a written answer is kept.
    """

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "ix_consent_given_at",
            "given_at",
            postgresql_where=text("withdrawn_at IS NULL AND agreed AND purpose = 'share_with_provider'"),
        ),
        CheckConstraint("withdrawn_at IS NULL OR withdrawn_at >= given_at", name="withdrawn_after_given"),
        CheckConstraint(
            "scope = '{}' OR (agreed AND purpose = 'share_with_provider')", name="scope_of_sharing"
        ),
        CheckConstraint(
            "purpose <> 'share_with_provider' OR recipient_organisation_id IS NOT NULL",
            name="share_names_recipient",
        ),
        Index(
            "uq_consent_one_current",
            "person_id",
            "purpose",
            text("coalesce(recipient_organisation_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"), index=True)
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"), index=True)
    purpose: Mapped[ConsentPurpose]
    recipient_organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    agreed: Mapped[bool]
    how: Mapped[ConsentHow]
    # None: from before it was asked, or said by another agency.
    given_by: Mapped[ConsentGiver | None]
    scope: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    attachment_id: Mapped[UUID | None] = mapped_column(ForeignKey("attachment.id"))
    sealed: Mapped[bytes | None]
    # The yes to the provider before, where a successor took over its work.
    carried_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"))
    given_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
