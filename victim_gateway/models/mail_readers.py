"""When each reader of reminders is written to, what they snoozed, and how quickly e-mails leave."""

from __future__ import annotations

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import SnoozeReason


class MailPreference(Base):
    """When an account wants its e-mails, in London time. Who never chose has no row and the area's times.

    `digest_days` are weekdays from 0, Monday. `at_once`: what is urgent comes by itself at once. No quiet hours: both
    of their ends are None.
    """

    __tablename__ = "mail_preference"
    __table_args__ = (
        CheckConstraint(
            "cardinality(digest_days) > 0 AND digest_days <@ ARRAY[0, 1, 2, 3, 4, 5, 6]", name="digest_days"
        ),
        CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from <> quiet_until", name="quiet_whole"
        ),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    digest_time: Mapped[time]
    digest_days: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    at_once: Mapped[bool]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class DigestSchedule(Base):
    """The moment at which an account's next digest is due, and the London day of the last that was due."""

    __tablename__ = "digest_schedule"
    __table_args__ = (Index("ix_digest_schedule_next_at", "next_at"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    next_at: Mapped[datetime]
    last_on: Mapped[date | None]


class MailPace(Base):
    """How many e-mails were handed over in the minute that began at `began_at`: one row."""

    __tablename__ = "mail_pace"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    began_at: Mapped[datetime]
    handed_over: Mapped[int]


class ReminderSnooze(Base):
    """Until when one reader put one reminder aside, and why. It ends by itself, or is ended; it is never edited.

    `sealed_note` (the keyring's key `keyring_id`) is what the reader typed; it goes when the snooze ends.
    """

    __tablename__ = "reminder_snooze"
    __table_args__ = (
        CheckConstraint("until_at > snoozed_at", name="in_order"),
        CheckConstraint("(sealed_note IS NULL) = (keyring_id IS NULL)", name="note_with_its_key"),
        CheckConstraint("ended_at IS NULL OR sealed_note IS NULL", name="no_note_afterwards"),
        Index(
            "uq_reminder_snooze_live",
            "user_id",
            "reminder_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_reminder_snooze_reminder_id", "reminder_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    reminder_id: Mapped[UUID] = mapped_column(ForeignKey("reminder.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    until_at: Mapped[datetime]
    reason: Mapped[SnoozeReason]
    sealed_note: Mapped[bytes | None]
    keyring_id: Mapped[str | None]
    snoozed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
