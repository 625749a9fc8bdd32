"""Case events, facts, and the clocks computed from both."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import EventKind, EvidenceGrade

# Which clocks the index of a provider's open clocks holds; a statement that asks in the same words is read from it.
OPEN_PROVIDER_CLOCK = (
    "edition = 'local' AND status IN ('running', 'overdue') AND entitlement_clock.provider_id IS NOT NULL"
)


class CaseEvent(Base):
    """One thing that happened, when, and when we learned it. Append-only: a correction voids the old one.

    `event` is a name of the Victims' Code glossary (kind code), of the area's standards (local) or of our
    own timeline, such as `referral.assigned`. `details` holds codes and ids, never text about a person;
    text is in `sealed`, under the person's key, or the handover's where `onward_referral_id` is set.
    """

    __tablename__ = "case_event"
    __table_args__ = (
        Index(
            "uq_case_event_code_once",
            "referral_id",
            "event",
            "occurred_at",
            text("coalesce(subject, '')"),
            "told_again",
            unique=True,
            postgresql_where=text("kind = 'code' AND voids_id IS NULL"),
        ),
        Index("ix_case_event_referral", "referral_id", "occurred_at"),
        # All that the service's own figures read of these events.
        Index(
            "ix_case_event_of_service",
            "event",
            "occurred_at",
            postgresql_include=["referral_id", "id", "reason_code", "sequence"],
            postgresql_where=text(
                "event IN ('first_contact_attempted', 'triage_assessment_completed', 'referral.closed')"
            ),
        ),
        # Partial indexes: few events are of an onward referral or void another.
        Index(
            "ix_case_event_onward_referral_id",
            "onward_referral_id",
            postgresql_where=text("onward_referral_id IS NOT NULL"),
        ),
        Index(
            "uq_case_event_voids_id", "voids_id", unique=True, postgresql_where=text("voids_id IS NOT NULL")
        ),
        CheckConstraint("(event = 'event_voided') = (voids_id IS NOT NULL)", name="void_names_event"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    # The order in which things were learned, for ties.
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    onward_referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("onward_referral.id"))
    provider_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider.id"))
    kind: Mapped[EventKind]
    event: Mapped[str]
    subject: Mapped[str | None]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    source: Mapped[str]
    grade: Mapped[EvidenceGrade]
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    actor_name: Mapped[str | None]
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    from_state: Mapped[str | None]
    to_state: Mapped[str | None]
    reason_code: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sealed: Mapped[bytes | None]
    # How often the same event was recorded and voided before: a voided event can be recorded again.
    repeat_number: Mapped[int] = mapped_column("told_again", SmallInteger, default=0, server_default="0")
    voids_id: Mapped[UUID | None] = mapped_column(ForeignKey("case_event.id"))
    # Checked once a statement, not a foreign key (models/keys.py).
    import_batch_id: Mapped[UUID | None]
    import_row_number: Mapped[int | None]


class CaseFacts(Base):
    """All that is known about a referral for the clocks, as learned at `recorded_at`. Append-only.

    Known as at a moment = the row with the greatest (recorded_at, sequence) not after it. Lists are those of
    the evaluate document: enhanced [{category, from, to}], declined [{entitlement_id, at}], withheld
    [{entitlement_id, from, until}]; conditions {name: bool}; no identifiers, no dates of birth.
    """

    __tablename__ = "case_facts"
    __table_args__ = (
        # With what figures ask of the latest facts, so that they are read without the rows themselves.
        Index(
            "ix_case_facts_latest",
            "referral_id",
            "recorded_at",
            "sequence",
            postgresql_include=["district", "crime_type", "force", "under_18"],
        ),
        Index("ix_case_facts_recorded_at", "recorded_at", postgresql_using="brin"),
        # What was recorded of a later day than that on which it was recorded: time alone changes its clocks.
        Index(
            "ix_case_facts_looking_ahead",
            "referral_id",
            postgresql_where=text(
                "facts_look_ahead(recorded_at, enhanced, declined, withheld, cancelled_at, closed_at)"
            ),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    recorded_at: Mapped[datetime]
    opens_code_clocks: Mapped[bool]
    victim_basis: Mapped[str]
    under_17: Mapped[bool | None]
    under_18: Mapped[bool | None]
    enhanced: Mapped[list[Any]] = mapped_column(default=list)
    conditions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    declined: Mapped[list[Any]] = mapped_column(default=list)
    withheld: Mapped[list[Any]] = mapped_column(default=list)
    observers: Mapped[list[Any]] = mapped_column(default=list)
    cancelled_at: Mapped[datetime | None]
    # When we closed the referral; nothing while it is open.
    closed_at: Mapped[datetime | None]
    force: Mapped[str | None]
    district: Mapped[str | None]
    crime_type: Mapped[str]


class EntitlementClock(Base):
    """One running instance of one entitlement, derived from events and facts; never typed in.

    `status` is the answer as at `computed_as_at`; a `running` clock whose `due_on` has passed since then
    is to be read as `late_status` ('overdue' or 'unknown').

    `learned_at` and `stop_learned_at` are when its start and its stop were recorded, so that the row tells how the
    clock stood at an earlier moment (`queries/compliance/clocks_as_at.py`); None in rows that an older release
    wrote. `open_status` is its status while not stopped where facts decide it and not the day: not_applicable,
    declined, withheld_for_safety, overdue. `stop_hides`: before the stop was learned another stop may have stood,
    or another due day; then it is computed from the events.
    """

    __tablename__ = "entitlement_clock"
    __table_args__ = (
        Index("uq_entitlement_clock_start", "start_event_id", "edition", "entitlement_id", unique=True),
        Index("ix_entitlement_clock_referral", "referral_id"),
        Index("ix_entitlement_clock_started", "started_on"),
        Index(
            "ix_entitlement_clock_untold",
            "referral_id",
            "stop_learned_at",
            postgresql_where=text("learned_at IS NULL OR stop_hides"),
        ),
        Index("ix_entitlement_clock_running", "due_on", postgresql_where=text("status = 'running'")),
        # The reminder pass reads these every minute, a provider's inbox its own.
        Index(
            "ix_entitlement_clock_provider_open",
            "provider_id",
            "due_on",
            postgresql_where=text(OPEN_PROVIDER_CLOCK),
        ),
        CheckConstraint(
            "status IN ('met', 'met_late', 'overdue', 'running', 'unknown', 'declined',"
            " 'withheld_for_safety', 'not_applicable')",
            name="status",
        ),
        CheckConstraint("late_status IN ('overdue', 'unknown')", name="late_status"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    # Not foreign keys, neither the events nor the referral and the provider: a clock is derived in one statement from
    # the very events it names and from what they name, and events are append-only: the check could only cost time.
    referral_id: Mapped[UUID]
    edition: Mapped[str]
    entitlement_id: Mapped[str]
    start_event_id: Mapped[UUID]
    started_at: Mapped[datetime]
    started_on: Mapped[date]
    subject: Mapped[str | None]
    provider_id: Mapped[UUID | None]
    unit: Mapped[str]
    limit_days: Mapped[int | None]
    enhanced: Mapped[bool]
    due_on: Mapped[date | None]
    stop_event_id: Mapped[UUID | None]
    stopped_at: Mapped[datetime | None]
    status: Mapped[str]
    late_status: Mapped[str]
    computed_as_at: Mapped[datetime]
    learned_at: Mapped[datetime | None]
    stop_learned_at: Mapped[datetime | None]
    open_status: Mapped[str | None] = mapped_column(Text)
    stop_hides: Mapped[bool | None]
