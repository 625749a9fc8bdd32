"""What a provider keeps of its own work on one onward referral: its worker, appointments, notes, and each need."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.row_ids import new_row_id
from victim_gateway.service_record_vocabulary import (
    AppointmentManner,
    AppointmentState,
    KindStep,
    ServedNeedOutcome,
    WorkerChangeReason,
)

_LIVE = text("ended_at IS NULL")
_PLANNED = text("state = 'planned'")


class WorkerAssignment(Base):
    """One worker of the provider who has an onward referral, from `given_at` to `ended_at`; at most one is live.

    Nothing is edited: another worker is another row, so that the rows are the history. `sealed` (handover's key): words
    about why, where there are any.
    """

    __tablename__ = "onward_worker"
    __table_args__ = (
        CheckConstraint("ended_at >= given_at", name="ended_after_given"),
        CheckConstraint("ended_by_id IS NULL OR ended_at IS NOT NULL", name="ended_by_with_moment"),
        Index("uq_onward_worker_one_live", "onward_referral_id", unique=True, postgresql_where=_LIVE),
        Index("ix_onward_worker_live", "provider_id", "worker_id", postgresql_where=_LIVE),
        Index("ix_onward_worker_onward_referral_id", "onward_referral_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    reason: Mapped[WorkerChangeReason]
    given_at: Mapped[datetime]
    given_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sealed: Mapped[bytes | None]
    ended_at: Mapped[datetime | None]
    # None with an end: the onward referral itself ended.
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class ServiceAppointment(Base):
    """An appointment of the provider with the person. `sealed` (handover's key): where exactly, and words.

    `followed_up_at`: since the person did not come they were reached, or another appointment was made.
    """

    __tablename__ = "onward_appointment"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("(state = 'planned') = (settled_at IS NULL)", name="settled_with_moment"),
        # Whether the person came can't be known before.
        CheckConstraint(
            "state NOT IN ('attended', 'did_not_attend') OR settled_at >= starts_at",
            name="attendance_after_time",
        ),
        CheckConstraint("followed_up_at IS NULL OR state = 'did_not_attend'", name="followed_up_if_missed"),
        Index("ix_onward_appointment_onward_referral_id", "onward_referral_id"),
        Index("ix_onward_appointment_planned", "provider_id", "starts_at", postgresql_where=_PLANNED),
        Index("ix_onward_appointment_of_worker", "worker_id", "starts_at", postgresql_where=_PLANNED),
        Index(
            "ix_onward_appointment_missed",
            "provider_id",
            "onward_referral_id",
            postgresql_where=text("state = 'did_not_attend' AND followed_up_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    manner: Mapped[AppointmentManner]
    sealed: Mapped[bytes]
    state: Mapped[AppointmentState] = mapped_column(default=AppointmentState.PLANNED)
    made_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    followed_up_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class ProgressNote(Base):
    """The provider's own note, sealed under the handover's key; the Gateway reads it only where it was shared."""

    __tablename__ = "onward_progress_note"
    __table_args__ = (
        Index("ix_onward_progress_note_onward_referral_id", "onward_referral_id", "written_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"))
    written_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    by_name: Mapped[str]
    is_shared: Mapped[bool]
    sealed: Mapped[bytes]


class ServedNeed(Base):
    """What became of one need of the handover, as last recorded; `step` is the reading on the area's scale."""

    __tablename__ = "onward_need"

    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"), primary_key=True)
    need: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[ServedNeedOutcome]
    step: Mapped[int | None]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))


class RecordedKindStep(Base):
    """A step that belongs to the kind of the service, with its day; what was wrong is taken back, never edited.

    `minutes` of the free time, where the step counts them. `sealed` (handover's key): words, where there are any.
    """

    __tablename__ = "onward_kind_step"
    __table_args__ = (
        CheckConstraint(
            "(minutes IS NOT NULL) = (step IN ('security_help', 'ict_help', 'insurance_help'))",
            name="minutes_of_help",
        ),
        CheckConstraint("minutes BETWEEN 1 AND 720", name="minutes_within_day"),
        CheckConstraint("(taken_back_at IS NULL) = (taken_back_by_id IS NULL)", name="taken_back_has_both"),
        Index("ix_onward_kind_step_onward_referral_id", "onward_referral_id"),
        Index(
            "uq_onward_kind_step_once",
            "onward_referral_id",
            "step",
            unique=True,
            postgresql_where=text("taken_back_at IS NULL AND step IN ('asked_for_service', 'engaged')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    kind: Mapped[ServiceKind]
    step: Mapped[KindStep]
    happened_on: Mapped[date]
    minutes: Mapped[int | None]
    sealed: Mapped[bytes | None]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    by_name: Mapped[str]
    taken_back_at: Mapped[datetime | None]
    taken_back_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
