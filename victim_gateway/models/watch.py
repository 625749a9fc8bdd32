"""Signs of life of the programs that run beside the web, and the alarms that somebody was told of."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import AlarmCause, ProcessPart


class ProcessBeat(Base):
    """When the scheduler or a worker last showed that it works, and since when without a gap."""

    __tablename__ = "process_beat"
    __table_args__ = (CheckConstraint("last_at >= since_at", name="in_order"),)

    part: Mapped[ProcessPart] = mapped_column(primary_key=True)
    since_at: Mapped[datetime]
    last_at: Mapped[datetime]


class ServiceAlarm(Base):
    """One cause for alarm from its beginning to its end; one at most is open for each cause.

    `count` is how many or how long, as it began. `next_mail_at` is when its next e-mail may be tried, None where none
    is left to send.
    """

    __tablename__ = "service_alarm"
    __table_args__ = (
        CheckConstraint("ended_at >= began_at", name="in_order"),
        Index("uq_service_alarm_open", "cause", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_service_alarm_to_mail", "next_mail_at", postgresql_where=text("next_mail_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    cause: Mapped[AlarmCause]
    count: Mapped[int]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    began_mailed_at: Mapped[datetime | None]
    ended_mailed_at: Mapped[datetime | None]
    next_mail_at: Mapped[datetime | None]
