"""Messages to a person: asked for, let through or refused by the gate, and what became of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import Channel

_OPEN = text("state IN ('queued', 'sending', 'perhaps_sent', 'parked')")


class VictimMessage(Base):
    """One message to one person by one channel. The number or address is not here, nor a word of the message.

    `detail_hash` is keyed, of the very number, address or email that was checked when it was asked for: at the moment
    of sending the one in the sealed plan must hash to the same. `sealed` (person's key): `ending`, the last three
    figures of the number, for what the screen says afterwards. `reference` is random: what Notify is asked by.
    `deliveries` counts our own tries to hand it over. While it is sending, `start_before` is the end of the moment in
    which its request may begin, and `leased_until` when another worker may ask what became of it. `about_at` is the
    moment of the appointment it reminds of. `missing_since`: when Notify first said that it does not have
    it. State moves forward only (a trigger).
    """

    __tablename__ = "victim_message"
    __table_args__ = (
        CheckConstraint("channel IN ('sms', 'email', 'post')", name="no_call"),
        CheckConstraint("octet_length(detail_hash) = 16", name="hash_size"),
        CheckConstraint("expires_at > asked_at", name="expires_after_asked"),
        CheckConstraint(
            "(state = 'sending') = (leased_until IS NOT NULL) AND (state <> 'sending' OR start_before IS NOT NULL)",
            name="sending_with_lease",
        ),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refused_with_code"),
        CheckConstraint("(agreed_at IS NULL) = (agreed_by_id IS NULL)", name="agreed_whole"),
        CheckConstraint(
            "agreed_by_id IS NULL OR agreed_by_id IS DISTINCT FROM asked_by_id", name="two_people"
        ),
        CheckConstraint("warned_at IS NULL OR is_by_hand", name="warned_by_hand"),
        CheckConstraint("deliveries >= 0", name="deliveries_not_negative"),
        CheckConstraint(
            "(kind = 'appointment_tomorrow') = (appointment_id IS NOT NULL)"
            " AND (appointment_id IS NULL) = (about_at IS NULL)",
            name="about_appointment",
        ),
        CheckConstraint("(kind = 'survey') = (survey_id IS NOT NULL)", name="about_survey"),
        Index("uq_victim_message_reference", "reference", unique=True),
        # One of a kind at a time, and one reminder for each time of an appointment, but for what was cancelled.
        Index(
            "uq_victim_message_one_open",
            "referral_id",
            "kind",
            text("coalesce(appointment_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            unique=True,
            postgresql_where=_OPEN,
        ),
        Index(
            "uq_victim_message_appointment",
            "appointment_id",
            "about_at",
            unique=True,
            postgresql_where=text("appointment_id IS NOT NULL AND state <> 'cancelled'"),
        ),
        Index("ix_victim_message_referral_id", "referral_id", "asked_at"),
        Index("ix_victim_message_person_open", "person_id", postgresql_where=_OPEN),
        Index("ix_victim_message_due", "next_try_at", postgresql_where=text("state = 'queued'")),
        Index("ix_victim_message_lease", "leased_until", postgresql_where=text("state = 'sending'")),
        Index("ix_victim_message_claimed_at", "claimed_at", postgresql_where=text("claimed_at IS NOT NULL")),
        Index(
            "ix_victim_message_for_person",
            "asked_at",
            postgresql_where=text("state IN ('parked', 'perhaps_sent')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    kind: Mapped[VictimMessageKind]
    channel: Mapped[Channel]
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    plan_version: Mapped[int]
    detail_hash: Mapped[bytes]
    sealed: Mapped[bytes]
    template_code: Mapped[str]
    # The version that Notify had when it was checked; None until then, and for an e-mail by SMTP.
    template_version: Mapped[int | None]
    reference: Mapped[str]
    state: Mapped[VictimMessageState]
    # Asked for by a caseworker, after the warning page, and agreed to by a senior, where either is asked.
    is_by_hand: Mapped[bool]
    warned_at: Mapped[datetime | None]
    agreed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    agreed_at: Mapped[datetime | None]
    asked_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    asked_at: Mapped[datetime]
    not_before: Mapped[datetime]
    expires_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    deliveries: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    start_before: Mapped[datetime | None]
    # By the clock of the database, as the lease and the moment to start: what is compared between machines.
    claimed_at: Mapped[datetime | None]
    missing_since: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    refusal: Mapped[MessageRefusal | None]
    problem: Mapped[str | None]
    notify_id: Mapped[UUID | None]
    notify_status: Mapped[str | None]
    appointment_id: Mapped[UUID | None] = mapped_column(ForeignKey("onward_appointment.id"))
    about_at: Mapped[datetime | None]
    survey_id: Mapped[UUID | None] = mapped_column(ForeignKey("satisfaction_survey.id"))
    settled_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
