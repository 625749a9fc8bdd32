"""What an area changed in the rules of reminders, answers about stalled cases, and times without a reminder pass."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.reminder_vocabulary import (
    ReminderChannel,
    ReminderDirection,
    ReminderUnit,
    StallAnswerCode,
)
from victim_gateway.row_ids import new_row_id


class ReminderRuleSetting(Base):
    """A rule as the area set it: its times, channel and switch. One that was never changed has no row.

    What a rule hangs on, who gets it and its wording ship with the service (`data/reminder-rules.csv`). Offsets count
    in `unit`, the escalation too; `offset_high` and `offset_medium` are for these risks where they differ.
    """

    __tablename__ = "reminder_rule"
    __table_args__ = (
        CheckConstraint("code ~ '^[a-z0-9_]+$'", name="code_is_plain"),
        CheckConstraint("offset_number BETWEEN 0 AND 4000", name="offset_number"),
        CheckConstraint(
            "offset_high BETWEEN 0 AND offset_number AND offset_medium BETWEEN 0 AND offset_number",
            name="risk_never_waits_longer",
        ),
        CheckConstraint(
            "(repeat_every IS NULL) = (repeat_most = 0) AND repeat_every BETWEEN 1 AND 400",
            name="repeat_every",
        ),
        CheckConstraint("repeat_most BETWEEN 0 AND 10", name="repeat_most"),
        CheckConstraint("escalate_after BETWEEN 1 AND 400", name="escalate_after"),
        CheckConstraint("local_time ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'", name="local_time"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    is_on: Mapped[bool]
    offset_number: Mapped[int]
    offset_high: Mapped[int | None]
    offset_medium: Mapped[int | None]
    unit: Mapped[ReminderUnit]
    direction: Mapped[ReminderDirection]
    local_time: Mapped[str | None]
    repeat_every: Mapped[int | None]
    repeat_most: Mapped[int] = mapped_column(default=0, server_default="0")
    escalate_after: Mapped[int | None]
    channel: Mapped[ReminderChannel]
    changed_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))


class ReminderRuleChange(Base):
    """One change of a rule: who made it, when and why, what it was before and after. Append-only."""

    __tablename__ = "reminder_rule_change"
    __table_args__ = (
        Index("uq_reminder_rule_change_version", "code", "version", unique=True),
        CheckConstraint("reason <> ''", name="has_reason"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    code: Mapped[str]
    version: Mapped[int]
    changed_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    by_name: Mapped[str]
    reason: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]


class StallAnswer(Base):
    """The answer to "Still active? What holds it up?" about one referral, in codes only. Append-only.

    `look_again_on` is until when the case is not asked about again; None where it is no longer needed.
    """

    __tablename__ = "stall_answer"
    __table_args__ = (
        Index("ix_stall_answer_referral_id", "referral_id", "answered_at"),
        Index("ix_stall_answer_answered_at", "answered_at"),
        CheckConstraint("is_active = (look_again_on IS NOT NULL)", name="active_has_next_look"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    onward_referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("onward_referral.id"))
    provider_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider.id"))
    answered_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    is_active: Mapped[bool]
    # The code that is counted, and the entry of the kept list that was chosen.
    answer: Mapped[StallAnswerCode]
    wording: Mapped[str]
    look_again_on: Mapped[date | None]


class ReminderWatch(Base):
    """When a reminder pass last ran: one row."""

    __tablename__ = "reminder_watch"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    last_pass_at: Mapped[datetime]


class ReminderGap(Base):
    """A time in which no reminder pass ran.

    `passed` counts the reminders whose moment had gone by when the service came back: they are listed, never sent.
    """

    __tablename__ = "reminder_gap"
    __table_args__ = (
        Index("ix_reminder_gap_until_at", "until_at"),
        CheckConstraint("until_at >= from_at", name="until_after_from"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    passed: Mapped[int]
