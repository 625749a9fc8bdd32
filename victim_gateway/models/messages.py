"""Reminders and e-mails to staff, the outbox, queue items set aside, and forms already processed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import MessageState, NoticeKind, ParkReason, ReminderKind


class Reminder(Base):
    """One thing that is due, overdue or unanswered, said once (`dedupe_key`) to one person or organisation.

    `rule_code` names the rule that made it; None for a note and for what an older release made. `occurrence` counts
    its repeats from 0. `recipient_role` narrows an organisation to the accounts of one role. After `expires_at` it is
    shown and no longer e-mailed; one that expired before it was made passed while the service was away.
    """

    __tablename__ = "reminder"
    __table_args__ = (
        CheckConstraint(
            "recipient_user_id IS NOT NULL OR recipient_organisation_id IS NOT NULL", name="has_recipient"
        ),
        # A file that has not come in belongs to no referral.
        CheckConstraint("referral_id IS NOT NULL OR rule_code IS NOT NULL", name="has_subject"),
        CheckConstraint("occurrence >= 0", name="occurrence"),
        CheckConstraint(
            "recipient_role IS NULL OR (recipient_role = 'senior' AND recipient_user_id IS NULL)",
            name="recipient_role",
        ),
        Index(
            "ix_reminder_of_rule",
            "rule_code",
            "created_at",
            postgresql_where=text("rule_code IS NOT NULL"),
        ),
        Index("ix_reminder_passed", "created_at", postgresql_where=text("expires_at <= created_at")),
        Index(
            "uq_reminder_escalated_once",
            "escalated_from_id",
            unique=True,
            postgresql_where=text("escalated_from_id IS NOT NULL"),
        ),
        Index(
            "ix_reminder_done",
            "recipient_user_id",
            "resolved_at",
            postgresql_where=text("resolved_at IS NOT NULL"),
        ),
        Index(
            "ix_reminder_done_organisation",
            "recipient_organisation_id",
            "resolved_at",
            postgresql_where=text("resolved_at IS NOT NULL"),
        ),
        Index("ix_reminder_open", "recipient_user_id", postgresql_where=text("resolved_at IS NULL")),
        Index(
            "ix_reminder_open_organisation",
            "recipient_organisation_id",
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    kind: Mapped[ReminderKind]
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    rule_code: Mapped[str | None]
    is_urgent: Mapped[bool] = mapped_column(default=False, server_default="false")
    occurrence: Mapped[int] = mapped_column(default=0, server_default="0")
    escalated_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("reminder.id"))
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"), index=True)
    onward_referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("onward_referral.id"))
    clock_id: Mapped[UUID | None] = mapped_column(ForeignKey("entitlement_clock.id", ondelete="SET NULL"))
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("task.id"))
    recipient_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    recipient_organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    recipient_role: Mapped[str | None]
    # What it is about, in codes: entitlement_id, next action or the task's kind; and the printed reference.
    about: Mapped[str]
    reference: Mapped[str]
    due_on: Mapped[date | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]


class ProviderNotice(Base):
    """One thing that a provider is told of at once: its kind and a reference, never a name or a reason.

    `fields` names what was corrected, for `shared_again`. `chased_at` is when a caseworker was asked to ring,
    because nobody had read it. `closed_at` is when the Gateway decided about a decline: it is shown no more.
    """

    __tablename__ = "provider_notice"
    __table_args__ = (
        Index("ix_provider_notice_provider", "provider_id", "created_at"),
        Index("ix_provider_notice_onward_referral_id", "onward_referral_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    kind: Mapped[NoticeKind]
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    # Who may read it, after the end too: the service that the onward referral was for when it was said.
    service_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider_service.id"))
    reference: Mapped[str]
    due_on: Mapped[date | None]
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    created_at: Mapped[datetime]
    chased_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class NoticeReading(Base):
    """Who at the provider read a notice first, and when; it is read by opening the onward referral."""

    __tablename__ = "notice_reading"

    notice_id: Mapped[UUID] = mapped_column(ForeignKey("provider_notice.id"), primary_key=True)
    read_at: Mapped[datetime]
    reader_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))


class Message(Base):
    """An e-mail about one reminder or one notice to one account, or its digest of a day: references and links only.

    The address is read from the account at the moment of sending, and so is what a digest says. Rows of one
    `parcel_id` go in one e-mail, which is the same whenever it is tried again. `attempts` counts its deliveries.
    `handed_over_at` is when a sender began to hand its content to a mail server; what died before then was not sent.
    `uncertain_sends` counts the tries whose outcome is unknown, since a mail server can't be asked whether it sent
    something.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("ix_message_due", "next_attempt_at", postgresql_where=text("state IN ('queued', 'sending')")),
        Index("uq_message_once", "reminder_id", "recipient_user_id", unique=True),
        Index(
            "uq_message_notice_once",
            "notice_id",
            "recipient_user_id",
            unique=True,
            postgresql_where=text("notice_id IS NOT NULL"),
        ),
        Index("ix_message_failed", "created_at", postgresql_where=text("state = 'failed'")),
        Index(
            "uq_message_digest_once",
            "recipient_user_id",
            "digest_on",
            unique=True,
            postgresql_where=text("digest_on IS NOT NULL"),
        ),
        Index("ix_message_kept_back", "created_at", postgresql_where=text("state = 'not_sent'")),
        Index(
            "ix_message_set_aside",
            "state",
            "created_at",
            postgresql_where=text("state IN ('parked', 'expired')"),
        ),
        CheckConstraint("num_nonnulls(reminder_id, notice_id, digest_on) = 1", name="about_one_thing"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    reminder_id: Mapped[UUID | None] = mapped_column(ForeignKey("reminder.id"))
    notice_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider_notice.id"))
    # The London day whose digest it is.
    digest_on: Mapped[date | None]
    recipient_user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    state: Mapped[MessageState]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    parcel_id: Mapped[UUID | None] = mapped_column(index=True)
    uncertain_sends: Mapped[int] = mapped_column("doubts", default=0)
    sent_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    created_at: Mapped[datetime]


class Outbox(Base):
    """A task to publish, written in the transaction that needs it, so that nothing is lost with the broker away.

    One that can't be handed over, for a reason of its own, is tried a few times and then parked.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_unpublished", "created_at", postgresql_where=text("published_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    task: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    parked_at: Mapped[datetime | None]
    problem: Mapped[str | None]


class ParkedMessage(Base):
    """A queue item that no task could be made of: what it looked like, never what was in it."""

    __tablename__ = "parked_message"
    __table_args__ = (
        CheckConstraint("(discarded_at IS NULL) = (discarded_by_id IS NULL)", name="discarded_by_an_account"),
        CheckConstraint("size >= 0", name="size_not_negative"),
        Index("ix_parked_message_open", "parked_at", postgresql_where=text("discarded_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    queue: Mapped[str]
    reason: Mapped[ParkReason]
    size: Mapped[int] = mapped_column(BigInteger)
    # Keyed, so that equal items are recognised and nothing can be looked up by it.
    first_bytes_hash: Mapped[bytes]
    parked_at: Mapped[datetime]
    discarded_at: Mapped[datetime | None]
    discarded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class Submission(Base):
    """A form that was sent and done; the same form sent again finds it here and does nothing."""

    __tablename__ = "submission"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    at: Mapped[datetime]
